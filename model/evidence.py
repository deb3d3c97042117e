"""Which places of a slice its score rests on: evidence maps, found by taking bleeds away place by place.

The network is asked again and again about the slice with a part of it calmed: soft tissue brighter than brain is
darkened to brain (bone, air and fluid stay). Where a score falls, the evidence was. Nothing but the three graphs of a
version is needed. `python -m viewer.bench.evidence` compares the ways to find a map; what it found is in
`viewer/bench/evidence.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model import preprocess
from model.errors import Cancelled, PterionError
from model.labels import SCORES
from model.predict import Predictor
from model.preprocess import SIZE, Geometry

Floats = npt.NDArray[np.float32]
HU = npt.NDArray[np.int16]

CALM_HU, BONE_HU = 36, 110
"""Soft tissue between the two is darkened to the first."""
_AIR_HU = -200
COARSE_PX, FINE_PX = 48, 24
"""Sides of the squares that are calmed, pixels of the network's input: 50 mm to find where, 25 mm to see."""
_FOLLOWED = 5
"""Coarse squares that are looked at closely, the ones that matter most."""
_SOFT_PX = 5.0


@dataclass(frozen=True)
class EvidenceMap:
    """Where the evidence for one score of a slice lies.

    values: float32 (rows, columns) on the source slice, 0 to 1, 1 where most of it is. score: of the slice as it is;
    calmed: of the slice with everything calmed. The difference is what the map shares out.
    """

    code: str
    values: Floats
    score: float
    calmed: float


class Occluder:
    """One slice between its neighbours, to be scored with parts calmed."""

    def __init__(
        self,
        predictor: Predictor,
        slices: tuple[HU | None, HU, HU | None],
        spacing_mm: tuple[float, float],
        code: str,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """slices: HU (rows, columns) of the slice before, the slice, the slice after; a neighbour may be missing."""
        self._predictor, self._cancelled = predictor, cancelled
        self._column = SCORES.index(code)
        self.geometry: Geometry = preprocess.find_geometry(slices[1], spacing_mm)
        self.hu = preprocess.crop_hu(slices[1], self.geometry)
        bright = (self.hu > CALM_HU) & (self.hu < BONE_HU)
        self.calm = np.where(bright, np.float32(CALM_HU), self.hu)
        self.head = self.hu > _AIR_HU
        self.asked = 0
        here = predictor.encode(slices[1], spacing_mm)
        self._before = predictor.encode(slices[0], spacing_mm) if slices[0] is not None else here
        self._after = predictor.encode(slices[2], spacing_mm) if slices[2] is not None else here
        self._own_neighbour = slices[0] is None, slices[2] is None

    def logit(self, taken: npt.NDArray[np.bool_] | Floats) -> float:
        """The score's logit with the places `taken` (SIZE, SIZE; 0 to 1) calmed."""
        if self._cancelled():
            raise Cancelled
        self.asked += 1
        hu = self.hu + (self.calm - self.hu) * taken
        score = self._predictor.score_windows(
            preprocess.window_channels(hu), self.geometry, self._before, self._after, self._own_neighbour
        )[self._column]
        return float(np.log(max(score, 1e-6) / max(1 - score, 1e-6)))


def evidence_map(
    predictor: Predictor,
    slices: tuple[HU | None, HU, HU | None],
    spacing_mm: tuple[float, float],
    code: str,
    cancelled: Callable[[], bool] = lambda: False,
) -> EvidenceMap:
    """The evidence for `code` on a slice (rows, columns in HU) between its neighbours.

    Raises PterionError where the slice cannot be scored, Cancelled when asked to stop.
    """
    occluder = Occluder(predictor, slices, spacing_mm, code, cancelled)
    found, whole, calmed = by_occlusion(occluder)
    peak = float(found.max())
    if not np.isfinite(found).all():
        raise PterionError("The model's answer for this slice is not a number, so there is no evidence map.")
    values = preprocess.to_source((found / peak if peak > 0 else found)[None], occluder.geometry)[0]
    return EvidenceMap(code, values.astype(np.float32), _share(whole), _share(calmed))


def by_occlusion(occluder: Occluder) -> tuple[Floats, float, float]:
    """The evidence (SIZE, SIZE) by squares, large ones first and small ones where those matter; the logit of the slice
    as it is, and with everything calmed."""
    nothing = np.zeros((SIZE, SIZE), np.float32)
    whole, calmed = occluder.logit(nothing), occluder.logit(nothing + 1)
    changeable = occluder.calm != occluder.hu
    coarse = [
        (max(whole - occluder.logit(_square(box)), 0.0), box)
        for box in _boxes((0, SIZE, 0, SIZE), COARSE_PX, COARSE_PX // 2)
        if changeable[_cut(box)].mean() > 0.02
    ]
    total, weight = nothing.copy(), nothing + 1e-6
    coarse.sort(key=lambda item: -item[0])
    for drop, box in coarse:
        total[_cut(box)] += drop
        weight[_cut(box)] += 1
    broad = total / weight
    followed = {
        fine
        for _, box in coarse[:_FOLLOWED]
        for fine in _boxes(box, FINE_PX, FINE_PX // 2)
        if changeable[_cut(fine)].mean() > 0.02
    }
    total, weight = nothing.copy(), nothing + 1e-6
    for box in sorted(followed):
        total[_cut(box)] += max(whole - occluder.logit(_square(box)), 0.0)
        weight[_cut(box)] += 1
    return smooth((broad * 0.25 + total / weight) * changeable), whole, calmed


def smooth(values: Floats) -> Floats:
    """A map without the edges of its squares."""
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(values, _SOFT_PX), np.float32)


Box = tuple[int, int, int, int]


def _boxes(within: Box, side: int, step: int) -> list[Box]:
    top, bottom, left, right = within
    return [
        (row, row + side, column, column + side)
        for row in range(top, bottom - side + 1, step)
        for column in range(left, right - side + 1, step)
    ]


def _cut(box: Box) -> tuple[slice, slice]:
    return slice(box[0], box[1]), slice(box[2], box[3])


def _square(box: Box) -> Floats:
    taken = np.zeros((SIZE, SIZE), np.float32)
    taken[_cut(box)] = 1
    return taken


def _share(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
