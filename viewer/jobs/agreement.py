"""How far two readings of one series agree, subtype by subtype, on the source slices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.labels import CODES
from model.metrics import dice
from viewer.annotation.document import Document
from viewer.annotation.raster import annotation_mask
from viewer.dicom.series import SliceHeader
from viewer.dicom.volume import Volume

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SubtypeAgreement:
    """Two readings of one subtype; NaN where a number does not exist.

    dice: of all pixels of all slices. hd95_mm: 95th percentile of the distances between the surfaces, the larger of
    both directions. volume_ml: of the one and of the other. kappa: Cohen's, of which slices show the subtype at all.
    slices: how many show it in the one, in the other, in both.
    """

    code: str
    dice: float
    hd95_mm: float
    volume_ml: tuple[float, float]
    kappa: float
    slices: tuple[int, int, int]

    @property
    def difference_ml(self) -> float:
        """Volume of the other less that of the one."""
        return self.volume_ml[1] - self.volume_ml[0]


def slice_mask(document: Document, place: SliceHeader, code: str) -> Mask:
    """Mask bool (rows, columns) of every annotation of one subtype on a slice, whatever else lies over it."""
    mask = np.zeros((place.rows, place.columns), np.bool_)
    for annotation in document.on_slice(place.sop_uid, place.frame):
        if annotation.subtype == code:
            mask |= annotation_mask(annotation, mask.shape)
    return mask


def extent(documents: Sequence[Document], slices: Sequence[SliceHeader], code: str) -> range:
    """From the first to the last slice that any of the documents shows a subtype on."""
    drawn = {
        (a.sop_uid, a.frame) for document in documents for a in document.annotations if a.subtype == code
    }
    found = [index for index, place in enumerate(slices) if (place.sop_uid, place.frame) in drawn]
    return range(found[0], found[-1] + 1) if found else range(0)


def subtype_masks(document: Document, slices: Sequence[SliceHeader], code: str) -> Mask:
    """Masks bool (slices, rows, columns) of one subtype on these slices, which all have one size."""
    return np.stack([slice_mask(document, place, code) for place in slices])


def kappa(one: Mask, other: Mask) -> float:
    """Cohen's kappa of two yes-or-no ratings (n,), Educ. Psychol. Meas. 20(1) 1960; NaN where both always say the
    same one thing, so that chance alone explains it."""
    count = len(one)
    if not count:
        return float("nan")
    observed = float((one == other).mean())
    yes = float(one.mean()) * float(other.mean())
    by_chance = yes + (1 - float(one.mean())) * (1 - float(other.mean()))
    return (observed - by_chance) / (1 - by_chance) if by_chance < 1 else float("nan")


def agreement(one: Document, other: Document, volume: Volume) -> tuple[SubtypeAgreement, ...]:
    """The agreement of two readings for every subtype that either shows.

    Distances and volumes are NaN where the series has no positions or no pixel size.
    """
    return tuple(_rows(one, other, volume))


def _rows(one: Document, other: Document, volume: Volume) -> Iterator[SubtypeAgreement]:
    from model.evaluation.surface import hausdorff95_mm, surface_mm

    slices, spacing = volume.series.slices, volume.series.slices[0].spacing_mm
    z_mm, lengths = np.asarray(volume.series.z_mm, np.float64), volume.thickness_weights_mm()
    for code in CODES:
        here = extent((one, other), slices, code)
        if not here:
            continue
        pair = [subtype_masks(document, slices[here.start : here.stop], code) for document in (one, other)]
        shown = [np.zeros(len(slices), np.bool_) for _ in pair]
        for flags, masks in zip(shown, pair, strict=True):
            flags[here.start : here.stop] = masks.any((1, 2))
        first, second = float("nan"), float("nan")
        distance = float("nan")
        if spacing is not None and lengths.any():
            pixel_mm2 = spacing[0] * spacing[1]
            first, second = (
                float((masks.sum((1, 2)) * lengths[here.start : here.stop]).sum()) * pixel_mm2 / 1000
                for masks in pair
            )
        if spacing is not None and len(z_mm) == len(slices):
            surfaces = [surface_mm(masks, spacing, z_mm[here.start : here.stop]) for masks in pair]
            distance = hausdorff95_mm(*surfaces)
        both = int((shown[0] & shown[1]).sum())
        yield SubtypeAgreement(
            code,
            dice(*pair),
            distance,
            (first, second),
            kappa(*shown),
            (int(shown[0].sum()), int(shown[1].sum()), both),
        )
