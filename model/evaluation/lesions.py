"""Lesions, found or missed, and marks where there is none, over a range of thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.labels import BY_VALUE, UNKNOWN_SUBTYPE

SMALLEST_ML = 0.1
"""Smaller components are neither lesions nor marks."""
LEAST_OVERLAP = 0.1
"""Intersection over union from which a lesion counts as outlined."""
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Probabilities of bleeding at which marks are drawn, for the curve."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lesion:
    """A true lesion: its volume, its subtype's code ("" where unknown), and whether marks hit it.

    touched, outlined: one a level of marks, any overlap, and an intersection over union of LEAST_OVERLAP.
    """

    volume_ml: float
    code: str
    touched: tuple[bool, ...]
    outlined: tuple[bool, ...]


@dataclass(frozen=True)
class LesionCount:
    """Lesions of one sample, and marks that touch no bleeding, one number a level."""

    lesions: tuple[Lesion, ...]
    false_marks: tuple[int, ...]


def count_lesions(labels: npt.NDArray[np.uint8], levels: Sequence[Mask], pixel_ml: Any) -> LesionCount:
    """Compare the lesions of `labels` (Z, rows, columns) with the marks of each level (bool, the same shape).

    labels: as `Sample.labels`, no NOT_REVIEWED. pixel_ml: (Z,) volume of a pixel of each slice. Components are
    26-connected.
    """
    box = _box(labels > 0, *levels)
    if box is None:
        return LesionCount((), (0,) * len(levels))
    labels, levels, heights = labels[box], [level[box] for level in levels], np.asarray(pixel_ml)[box[0]]
    parts, volumes = _components(labels > 0, heights)
    real = [number for number, volume in enumerate(volumes, 1) if volume >= SMALLEST_ML]
    touched, outlined, false_marks = [], [], []
    for level in levels:
        marks, sizes = _components(level, heights)
        touching, overlaps = _matches(parts, marks, sizes, heights, volumes)
        touched.append(touching)
        outlined.append(overlaps >= LEAST_OVERLAP)
        alone = np.ones(len(sizes) + 1, np.bool_)
        alone[np.unique(marks[labels > 0])] = False
        false_marks.append(int((alone[1:] & (sizes >= SMALLEST_ML)).sum()))
    lesions = tuple(
        Lesion(
            float(volumes[n - 1]),
            _code_of(labels[parts == n]),
            tuple(bool(t[n - 1]) for t in touched),
            tuple(bool(o[n - 1]) for o in outlined),
        )
        for n in real
    )
    return LesionCount(lesions, tuple(false_marks))


def froc(
    counts: Sequence[LesionCount], level: int, least_ml: float = 0.0, most_ml: float = np.inf
) -> dict[str, Any]:
    """Of one level: lesions of that volume, the shares touched and outlined, and false marks a study."""
    chosen = [n for c in counts for n in c.lesions if least_ml <= n.volume_ml < most_ml]
    return {
        "lesions": len(chosen),
        "touched": float(np.mean([n.touched[level] for n in chosen])) if chosen else float("nan"),
        "outlined": float(np.mean([n.outlined[level] for n in chosen])) if chosen else float("nan"),
        "false_marks": float(np.mean([c.false_marks[level] for c in counts])) if counts else float("nan"),
    }


def _components(mask: Mask, pixel_ml: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int32], Any]:
    """26-connected components numbered from 1, and their volumes in mL (count,)."""
    from scipy import ndimage

    parts, count = ndimage.label(mask, np.ones((3, 3, 3)))
    volumes = np.zeros(count)
    for part, height in zip(parts, pixel_ml, strict=True):
        volumes += np.bincount(part[part > 0].ravel(), minlength=count + 1)[1:] * height
    return parts, volumes


def _matches(
    parts: npt.NDArray[np.int32], marks: npt.NDArray[np.int32], sizes: Any, pixel_ml: Any, volumes: Any
) -> tuple[Any, Any]:
    """Of each lesion (count,): whether a mark of enough volume touches it, and its IoU with all that do."""
    touching, union, shared = np.zeros(len(volumes), np.bool_), volumes.copy(), np.zeros(len(volumes))
    both = (parts > 0) & (marks > 0)
    where = np.nonzero(both)
    pairs, inverse = np.unique(np.stack([parts[where], marks[where]], 1), axis=0, return_inverse=True)
    common = np.bincount(inverse.ravel(), weights=np.asarray(pixel_ml)[where[0]], minlength=len(pairs))
    for (lesion, mark), volume in zip(pairs, common, strict=True):
        if sizes[mark - 1] >= SMALLEST_ML:
            touching[lesion - 1] = True
            union[lesion - 1] += sizes[mark - 1] - volume
            shared[lesion - 1] += volume
    return touching, shared / union


def _code_of(values: npt.NDArray[np.uint8]) -> str:
    """Code of the commonest known subtype."""
    known = values[values != UNKNOWN_SUBTYPE]
    return BY_VALUE[int(np.bincount(known).argmax())].code if len(known) else ""


def _box(*masks: Mask) -> tuple[slice, ...] | None:
    """The smallest box around all of them; None where all are empty."""
    from scipy import ndimage

    together = np.any(masks, axis=0) if len(masks) > 1 else masks[0]
    found = ndimage.find_objects(together.astype(np.uint8))
    return tuple(found[0]) if found else None
