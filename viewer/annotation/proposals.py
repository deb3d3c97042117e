"""The model's masks as editable outlines, for *Accept as annotations*."""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from model.labels import BY_CODE, CODES
from viewer.annotation.document import Annotation
from viewer.annotation.export import SliceShape
from viewer.annotation.geometry import signed_area
from viewer.annotation.raster import mask_outlines
from viewer.annotation.vectorise import smooth_shape

SMALLEST_REGION_PX = 8


def content_uid(annotation: Annotation) -> str:
    """The uid of a proposal: the same one each time that the same model draws the same shape on the same slice."""
    content = repr((annotation.model_id, annotation.place, annotation.subtype, annotation.rings))
    return uuid.uuid5(uuid.NAMESPACE_OID, content).hex


@dataclass(frozen=True)
class Found:
    """A shape on slice `index`. pixel: (column, row) of a pixel that it was made of."""

    annotation: Annotation
    index: int
    pixel: tuple[int, int]


def propose(
    masks: npt.NDArray[np.uint8],
    slices: Sequence[SliceShape],
    model_id: str,
    *,
    smallest_px: int = SMALLEST_REGION_PX,
    new_uid: Callable[[], str] | None = None,
) -> tuple[Annotation, ...]:
    """The annotations of `found_shapes`."""
    found = found_shapes(masks, slices, model_id, smallest_px=smallest_px, new_uid=new_uid)
    return tuple(each.annotation for each in found)


def found_shapes(
    masks: npt.NDArray[np.uint8],
    slices: Sequence[SliceShape],
    model_id: str,
    *,
    smallest_px: int = SMALLEST_REGION_PX,
    new_uid: Callable[[], str] | None = None,
    codes: Collection[str] = CODES,
) -> tuple[Found, ...]:
    """Annotations for every region of a model's label maps, slice by slice and subtype by subtype.

    masks: uint8 (slices, rows, columns), 0 none, 1..5 subtype. Regions (and holes) under `smallest_px` pixels are
    left out (filled). The result has source `model` and is not reviewed: a reader has accepted it as a whole, not
    looked at each. new_uid: None gives the uids of `content_uid`. codes: other subtypes are left out.
    """
    found = []
    for index in np.nonzero(masks.any((1, 2)))[0].tolist():
        for subtype in (BY_CODE[code] for code in CODES if code in codes):
            for outline, all_holes in mask_outlines(masks[index] == subtype.value):
                holes = tuple(hole for hole in all_holes if abs(signed_area(hole)) >= smallest_px)
                if abs(signed_area(outline)) - sum(abs(signed_area(hole)) for hole in holes) < smallest_px:
                    continue
                smooth, inner = smooth_shape((outline, holes))
                place = slices[index]
                made = Annotation(
                    new_uid() if new_uid else "proposal",
                    place.sop_uid,
                    place.frame,
                    subtype.code,
                    smooth,
                    source="model",
                    model_id=model_id,
                    reviewed=False,
                    holes=inner,
                )
                made = made if new_uid else replace(made, uid=content_uid(made))
                row, column = min((y, x) for x, y in outline)  # the corner above and left of a pixel
                found.append(Found(made, index, (int(column), int(row))))
    return tuple(found)
