"""One sample beside one answer: everything that tables need, without the volumes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from model.batches import gaps_mm
from model.evaluation import surface
from model.evaluation.answer import Answer
from model.evaluation.lesions import THRESHOLDS, LesionCount, count_lesions
from model.evaluation.pictures import Picture, picture
from model.labels import ANY, NOT_REVIEWED, SCORES, UNKNOWN_SUBTYPE
from model.sample import Sample


@dataclass(frozen=True)
class MaskResult:
    """One subtype's masks, or those of all bleeding together.

    dice, surface_dice (2 mm), hausdorff95_mm: NaN where nothing is true there, the last also where nothing is found.
    """

    true_ml: float
    found_ml: float
    dice: float
    surface_dice: float = float("nan")
    hausdorff95_mm: float = float("nan")


@dataclass(frozen=True)
class CaseResult:
    """A sample beside its answer.

    truth: int8 (Z, 6), study_truth: int8 (6,); 1 present, 0 absent, -1 unknown.
    slice_scores: float64 (Z, 6), study_scores: float64 (6,); NaN where the system gives none.
    masks: by `any` and subtype, empty where the system draws nothing. slice_dice: of bleeding, one a positive slice.
    named: whether every mark names its subtype. confusion_ml: (5, 5), true subtype by found, where both are known.
    volume_ml: true, of bleeding. lesions: a level of marks for every threshold of `THRESHOLDS`, then the mask itself;
        None without detail.
    """

    patient: str
    truth: npt.NDArray[np.int8]
    study_truth: npt.NDArray[np.int8]
    slice_scores: npt.NDArray[np.float64]
    study_scores: npt.NDArray[np.float64]
    masks: Mapping[str, MaskResult] = field(default_factory=dict)
    slice_dice: tuple[float, ...] = ()
    named: bool = True
    confusion_ml: npt.NDArray[np.float64] | None = None
    volume_ml: float = float("nan")
    lesions: LesionCount | None = None
    picture: Picture | None = None
    seconds: float = float("nan")


def judge(
    sample: Sample, answer: Answer, *, detail: bool = True, seconds: float = float("nan")
) -> CaseResult:
    """Compare an answer with the truth. `detail` adds surfaces, lesions and a picture, which take longer."""
    scores: dict[str, Any] = {
        "patient": sample.patient,
        "truth": sample.scores,
        "study_truth": study_truth(sample.scores),
        "slice_scores": answer.slice_scores.astype(np.float64),
        "study_scores": answer.study_scores.astype(np.float64),
        "seconds": seconds,
    }
    read = sample.labels != NOT_REVIEWED
    truth = np.where(read, sample.labels, 0)
    pixel_ml = slice_heights_mm(sample.z_mm) * sample.spacing_mm[0] * sample.spacing_mm[1] / 1000
    scores["volume_ml"] = float((truth > 0).sum((1, 2)) @ pixel_ml)
    if answer.mask is None:
        return CaseResult(**scores)
    found = np.where(read, answer.mask, 0)
    pairs = _pairs(truth, found)
    masks = _masks(pairs, pixel_ml)
    return CaseResult(
        **scores,
        masks=_with_surfaces(masks, sample, truth, found) if detail else masks,
        slice_dice=_slice_dice(pairs),
        named=answer.named and not pairs[:, :, -1].any(),
        confusion_ml=np.tensordot(pixel_ml, pairs[:, 1:-1, 1:-1], 1),
        lesions=_lesions(truth, found, answer, read, pixel_ml) if detail else None,
        picture=picture(sample, found, answer.slice_scores[:, 0]) if detail else None,
    )


def study_truth(scores: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Scores (6,) of a study from those of its slices (Z, 6): present anywhere, else unknown, else absent."""
    present, unknown = (scores == 1).any(0), (scores == -1).any(0)
    return np.where(present, 1, np.where(unknown, -1, 0)).astype(np.int8)


def slice_heights_mm(z_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What each slice stands for along z (Z,): half the gap to either neighbour; an end slice counts its only gap."""
    gaps = gaps_mm(z_mm).astype(np.float64)
    return np.asarray((gaps + np.concatenate([gaps[1:], gaps[-1:]])) / 2)


def _masks(pairs: npt.NDArray[np.int64], pixel_ml: npt.NDArray[np.float64]) -> dict[str, MaskResult]:
    """Volumes and Dice of bleeding, and of each subtype over the pixels whose subtype is known."""
    results = {}
    for row, code in enumerate(SCORES):
        # Bleeding is every value but 0; a subtype leaves out the pixels of unknown subtype, which come last.
        mine = slice(1, None) if code == ANY else slice(row, row + 1)
        known = pairs if code == ANY else pairs[:, :-1]
        true, found = known[:, mine].sum((1, 2)), known[:, :, mine].sum((1, 2))
        total = true.sum() + found.sum()
        overlap = 2 * known[:, mine, mine].sum() / total if true.any() else float("nan")
        results[code] = MaskResult(float(true @ pixel_ml), float(found @ pixel_ml), float(overlap))
    return results


def _with_surfaces(
    masks: Mapping[str, MaskResult],
    sample: Sample,
    truth: npt.NDArray[np.uint8],
    found: npt.NDArray[np.uint8],
) -> dict[str, MaskResult]:
    """The same with distances, where something is true."""
    results = dict(masks)
    for value, code in enumerate(SCORES):
        if masks[code].true_ml == 0:
            continue
        real, drawn = truth == value, (found == value) & (truth != UNKNOWN_SUBTYPE)
        if code == ANY:
            real, drawn = truth > 0, found > 0
        ours, theirs = (surface.surface_mm(m, sample.spacing_mm, sample.z_mm) for m in (real, drawn))
        results[code] = replace(
            masks[code],
            surface_dice=surface.surface_dice(ours, theirs),
            hausdorff95_mm=surface.hausdorff95_mm(ours, theirs),
        )
    return results


def _pairs(truth: npt.NDArray[np.uint8], found: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Pixels of each slice by true and found value (Z, 7, 7): none, the five subtypes, unknown subtype."""
    size = len(SCORES) + 1
    tables = np.zeros((len(truth), size, size), np.int64)
    for z, (true, drawn) in enumerate(zip(truth, found, strict=True)):
        some = (true > 0) | (drawn > 0)
        pairs = np.minimum(true[some], size - 1).astype(np.int64) * size + np.minimum(drawn[some], size - 1)
        tables[z] = np.bincount(pairs, minlength=size * size).reshape(size, size)
    return tables


def _slice_dice(pairs: npt.NDArray[np.int64]) -> tuple[float, ...]:
    """Dice of bleeding of each slice that bleeds."""
    true, found, both = pairs[:, 1:].sum((1, 2)), pairs[:, :, 1:].sum((1, 2)), pairs[:, 1:, 1:].sum((1, 2))
    return tuple(float(2 * b / (t + f)) for t, f, b in zip(true, found, both, strict=True) if t)


def _lesions(
    truth: npt.NDArray[np.uint8],
    found: npt.NDArray[np.uint8],
    answer: Answer,
    read: npt.NDArray[np.bool_],
    pixel_ml: npt.NDArray[np.float64],
) -> LesionCount:
    levels = []
    if answer.bleeding is not None:
        levels = [(answer.bleeding >= threshold) & read for threshold in THRESHOLDS]
    return count_lesions(truth, [*levels, found > 0], pixel_ml)
