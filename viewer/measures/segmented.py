"""What is segmented where ABC/2 is measured: areas slice by slice, and the volume that stands beside it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from model.labels import CODES
from viewer.annotation.document import Document
from viewer.annotation.raster import slice_labels
from viewer.dicom.volume import Volume
from viewer.measures.measure import Point, SlicePlane
from viewer.measures.readings import scale_of
from viewer.measures.regions import box_of

Masks = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Segmentation:
    """One subtype as it is segmented. source: `drawn` by a reader, or `AI`. areas_px: (slices,) pixels.

    volume_ml: area times the length that each slice stands for, None without mm.
    """

    source: str
    code: str
    areas_px: npt.NDArray[np.float64]
    volume_ml: float | None

    @property
    def text(self) -> str:
        """`drawn SDH 11.6 mL`."""
        volume = "" if self.volume_ml is None else f" {self.volume_ml:.1f} mL"
        return f"{self.source} {self.code}{volume}"


def drawn_masks(volume: Volume, document: Document) -> Masks:
    """The reader's annotations as masks on the source grid, uint8 (slices, rows, columns)."""
    masks = np.zeros(volume.hu.shape, np.uint8)
    drawn = {(annotation.sop_uid, annotation.frame) for annotation in document.annotations}
    for index, header in enumerate(volume.series.slices):
        if (header.sop_uid, header.frame) in drawn:
            masks[index] = slice_labels(document, header.sop_uid, volume.hu.shape[1:], header.frame)
    return masks


def around(
    volume: Volume,
    sources: Sequence[tuple[str, Masks]],
    index: int,
    points: Sequence[Point],
    only: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> tuple[Segmentation, ...]:
    """What each source (its name and masks) has segmented around points of a slice: the subtype with most pixels in
    their box, of those in `only` where that names the source; nothing where there are none."""
    left, top, right, bottom = (round(edge) for edge in box_of(points))
    found = []
    for source, masks in sources:
        if masks.shape != volume.hu.shape:
            continue
        part = masks[index, max(top, 0) : bottom + 1, max(left, 0) : right + 1]
        counts = np.bincount(part.ravel(), minlength=len(CODES) + 1)[1 : len(CODES) + 1]
        counts[[code not in only.get(source, CODES) for code in CODES]] = 0
        if counts.any():
            value = int(np.argmax(counts)) + 1
            areas = np.count_nonzero(masks == value, axis=(1, 2)).astype(np.float64)
            found.append(Segmentation(source, CODES[value - 1], areas, _volume_ml(volume, areas)))
    return tuple(found)


def _volume_ml(volume: Volume, areas_px: npt.NDArray[np.float64]) -> float | None:
    header = volume.series.slices[0]
    scale = scale_of(volume, SlicePlane(header.sop_uid, header.frame))
    lengths = volume.thickness_weights_mm()
    if not scale.calibrated or not lengths.all():
        return None
    return float(areas_px @ lengths) * scale.across * scale.down / 1000
