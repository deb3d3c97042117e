"""Whether pixels were compressed with loss: what headers say, and what a codestream shows of itself.

LossyImageCompression (0028,2110) is often missing, and JPEG-LS and JPEG 2000 both come with and without loss.
"""

import functools
from collections.abc import Sequence

from viewer.dicom import instance as tags
from viewer.dicom.codestream import irreversible, near_lossless
from viewer.dicom.encapsulated import frame_bytes
from viewer.dicom.instance import Instance
from viewer.dicom.series import SliceHeader
from viewer.dicom.syntaxes import JPEG_2000, JPEG_LOSSY, JPEG_LS, MAY_BE_NEAR
from viewer.dicom.walk import DamagedError


def lossy(members: Sequence[Instance]) -> bool:
    """Whether the pixels of any were ever compressed with loss, as far as it can be known.

    Of each syntax one file is looked into. Where it cannot be read, what the syntax allows is believed.
    """
    if any(
        item.header.text(tags.LOSSY_IMAGE) == "01" or item.header.syntax in JPEG_LOSSY for item in members
    ):
        return True
    firsts: dict[str, SliceHeader] = {}
    for item in members:
        if item.header.syntax in JPEG_2000 | JPEG_LS:
            firsts.setdefault(item.header.syntax, item.slice)
    return any(map(_shows_loss, firsts.values()))


@functools.lru_cache(maxsize=256)
def _shows_loss(place: SliceHeader) -> bool:
    """Whether one frame's codestream loses something."""
    layout = place.pixels
    if layout is None:
        return False
    try:
        data = frame_bytes(place, layout)
        return irreversible(data) if layout.syntax in JPEG_2000 else near_lossless(data) > 0
    except (DamagedError, OSError):
        return layout.syntax in MAY_BE_NEAR
