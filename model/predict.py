"""Load a version once, then score volumes slice by slice. ONNX Runtime only; torch is never imported.

Each slice is encoded once and decoded with its neighbours; at an end, or beside a slice that cannot be read, it
is its own neighbour. What a slice gets depends on these three alone, so the order of scoring changes nothing.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model import preprocess, scoring
from model.device import open_on
from model.errors import Cancelled, PterionError
from model.labels import SCORES
from model.novelty import novelty_from
from model.preprocess import Geometry
from model.registry import GRAPHS, open_graph, read_file, read_info, study_thresholds

Floats = npt.NDArray[np.float32]
SliceAt = Callable[[int], npt.NDArray[np.int16] | None]
NextIndex = Callable[[npt.NDArray[np.bool_]], int | None]
Order = Iterable[int] | NextIndex
"""Which slice next: indices, the rest following in order; or a function of the slices done (bool (slices,)) that
returns one not done, or None to end with what there is."""

DEFAULT_GAP_MM = 5.0
CACHE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class VolumeSource:
    """Slices that may arrive while they are scored.

    spacing_mm: (row, column) distance between pixel centres.
    z_mm: position of each slice along the normal, ascending; None where unknown.
    slice_at: HU int16 (rows, columns) of one slice, or None where it cannot be read. May wait, and may raise
        Cancelled.
    """

    count: int
    spacing_mm: tuple[float, float]
    z_mm: tuple[float, ...] | None
    slice_at: SliceAt


@dataclass(frozen=True)
class SliceResult:
    """One slice's answer.

    scores: float32 (6,), provisional until the whole volume is scored.
    mask: uint8 (rows, columns) of the source grid: 0 none, 1..5 subtype.
    """

    index: int
    scores: Floats
    mask: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class StudyResult:
    """The final answer: scores (6,) and slice_scores (slices, 6) in the order of SCORES, NaN where not scored.

    embeddings: (scored slices, E). novelty: (slices,), how unlike the training data each slice looks, 1 at the limit;
    NaN where not scored, None where the version cannot tell.
    """

    scores: Floats
    slice_scores: Floats
    seconds: float
    embeddings: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    novelty: Floats | None = None


@dataclass(frozen=True)
class Decoded:
    """One slice: provisional scores (6,), mask (rows, columns), embedding (1, E), and the mask's logits (6, n, n).

    The last are None where the gate kept the mask empty.
    """

    scores: Floats
    mask: npt.NDArray[np.uint8]
    embedding: Floats
    mask_logits: Floats | None


@dataclass(frozen=True)
class _Encoded:
    geometry: Geometry
    features: dict[str, Floats]

    @property
    def size(self) -> int:
        return sum(feature.nbytes for feature in self.features.values())


def load_runtime() -> None:
    """Import what a `Predictor` needs (0.3 s) before there is one; call it from a worker thread."""
    import onnxruntime  # noqa: F401

    preprocess.prepare_slice(np.zeros((8, 8), np.int16), (1.0, 1.0))  # that is where scipy comes in


class Predictor:
    """A loaded version. `score` may run in any thread."""

    def __init__(self, version_path: Path, threads: int = 2, device: str = "cpu") -> None:
        """Load and check the version in `version_path`. Raises ModelFileError where it is not sound.

        device: `auto`, `cpu`, `cuda` or `coreml`, see `model.device`. Where it does not work the processor answers, and
        `device_notice` says so.
        """
        info = read_info(version_path)
        self.id: str = info["id"]
        self.thresholds: dict[str, float] = {code: float(info["thresholds"][code]) for code in SCORES}
        self.study_thresholds = study_thresholds(info)
        self._novelty = novelty_from(info)
        mask = info.get("mask", {})
        self.mask_threshold = float(mask.get("threshold", 0.5))
        self._slice_gate = float(mask.get("slice_gate", 0.0))
        self._weights = scoring.read_weights(info)
        graphs = {name: read_file(version_path, info, name) for name in GRAPHS}

        def load(providers: Sequence[str]) -> list[Any]:
            return [open_graph(version_path, name, graphs[name], threads, providers) for name in GRAPHS]

        sessions, self.device, self.device_notice = open_on(device, load)
        self._encode, self._decode, self._sequence = sessions
        self._wanted = {node.name for node in self._decode.get_inputs()}
        # Loads scipy now, so that the first slice does not wait for it.
        preprocess.prepare_slice(np.zeros((8, 8), np.int16), (1.0, 1.0))

    def score(
        self,
        source: VolumeSource,
        order: Order,
        on_slice: Callable[[SliceResult], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> StudyResult:
        """Score a volume. `on_slice` is called in this thread as soon as a slice is decoded.

        It is called again for slices on which the scores of the study settle what could be one subtype as well as
        another (`renamed_mask`).
        Raises Cancelled within one slice of `cancelled` becoming true, PterionError where no slice can be read.
        """
        start = time.perf_counter()
        stream = _Stream(self, source, cancelled or (lambda: False))
        for index in _indices(order, stream.done):
            result = stream.finish(index)
            if result is not None and on_slice is not None:
                on_slice(result)
        if not stream.embeddings:
            raise PterionError(
                "No slice of this series could be read, so nothing was scored.", code="NO_PIXELS"
            )
        scores, slice_scores = self._combine(stream, source)
        for result in stream.renamed(scoring.suspected(scores, self.study_thresholds)):
            if on_slice is not None:
                on_slice(result)
        indices = sorted(stream.embeddings)
        embeddings = np.concatenate([stream.embeddings[index] for index in indices])
        novelty = None
        if self._novelty is not None:
            novelty = np.full(source.count, np.nan, np.float32)
            novelty[indices] = self._novelty.of(embeddings)
        return StudyResult(scores, slice_scores, time.perf_counter() - start, embeddings, novelty)

    def encode(self, hu: npt.NDArray[np.int16], spacing_mm: tuple[float, float]) -> _Encoded:
        """Features of one slice by the names that the decoder knows its own by (`h0`, `h1` …)."""
        x, geometry = preprocess.prepare_slice(hu, spacing_mm)
        features = self._encode.run(None, {"x": x[None]})
        return _Encoded(geometry, {f"h{number}": feature for number, feature in enumerate(features)})

    def decode(self, before: _Encoded, here: _Encoded, after: _Encoded, *, masks: bool = True) -> "Decoded":
        """What the slice `here` shows. masks: else the mask stays empty, which saves its time."""
        given = {}
        for letter, encoded in (("p", before), ("h", here), ("n", after)):
            given.update({letter + name[1:]: feature for name, feature in encoded.features.items()})
        mask_logits, slice_logits, embedding = self._decode.run(
            None, {name: feature for name, feature in given.items() if name in self._wanted}
        )
        slope, offset, *_ = self._weights["provisional"]
        scores = scoring.sigmoid(slope * slice_logits[0] + offset).astype(np.float32)
        if not masks or scores[0] < self._slice_gate:
            return Decoded(scores, np.zeros(here.geometry.shape, np.uint8), embedding, None)
        return Decoded(scores, self.draw(mask_logits[0], here.geometry), embedding, mask_logits[0])

    def score_windows(
        self,
        x: Floats,
        geometry: Geometry,
        before: _Encoded,
        after: _Encoded,
        own_neighbour: tuple[bool, bool] = (False, False),
    ) -> Floats:
        """Provisional scores (6,) of a slice given as network input, float32 (3, SIZE, SIZE), between its neighbours.

        own_neighbour: where it is its own, at an end of the series.
        """
        features = self._encode.run(None, {"x": x[None]})
        here = _Encoded(geometry, {f"h{number}": feature for number, feature in enumerate(features)})
        return self.decode(
            here if own_neighbour[0] else before, here, here if own_neighbour[1] else after, masks=False
        ).scores

    def draw(self, mask_logits: Floats, geometry: Geometry) -> npt.NDArray[np.uint8]:
        """Mask (rows, columns) of a slice from its logits (6, n, n)."""
        return source_mask(mask_logits, geometry, self.mask_threshold)

    def _combine(self, stream: "_Stream", source: VolumeSource) -> tuple[Floats, Floats]:
        """Run the sequence over the scored slices, from the first to the last."""
        indices = sorted(stream.embeddings)
        feeds = {"embeddings": np.stack([stream.embeddings[index] for index in indices], axis=1)}
        gaps = gaps_mm(source.z_mm, indices)
        if any(node.name == "gaps_mm" for node in self._sequence.get_inputs()):
            feeds["gaps_mm"] = gaps[None]
        slice_logits, study_logits = self._sequence.run(None, feeds)
        mm2 = np.stack([stream.drawn_mm2[index] for index in indices])
        settled, scores = scoring.settled(self._weights, slice_logits[0], study_logits[0], mm2, gaps)
        slice_scores = np.full((source.count, len(SCORES)), np.nan, np.float32)
        slice_scores[indices] = settled
        return scores.astype(np.float32), slice_scores


class _Stream:
    """The state of one `Predictor.score`: which slices are done, and features that are still needed."""

    def __init__(self, predictor: Predictor, source: VolumeSource, cancelled: Callable[[], bool]) -> None:
        self.done = np.zeros(source.count, np.bool_)
        self.embeddings: dict[int, Floats] = {}
        self.drawn_mm2: dict[int, npt.NDArray[np.float64]] = {}
        self._drawn: dict[int, tuple[SliceResult, npt.NDArray[np.float16], Geometry]] = {}
        self._predictor = predictor
        self._source = source
        self._cancelled = cancelled
        self._encoded: OrderedDict[int, _Encoded] = OrderedDict()
        self._failed: set[int] = set()

    def finish(self, index: int) -> SliceResult | None:
        """Decode one slice; None where it cannot be read, or where the network's answer is not a number."""
        here = self._features(index)
        if here is None:
            self._mark_done(index)
            return None
        before, after = self._features(index - 1) or here, self._features(index + 1) or here
        self._stop_if_asked()
        found = self._predictor.decode(before, here, after)
        self._mark_done(index)
        if not (np.isfinite(found.scores).all() and np.isfinite(found.embedding).all()):
            return None
        self.embeddings[index] = found.embedding
        self.drawn_mm2[index] = scoring.drawn_mm2(found.mask, self._source.spacing_mm)
        result = SliceResult(index, found.scores, found.mask)
        if found.mask_logits is not None and self.drawn_mm2[index][0]:
            self._drawn[index] = result, found.mask_logits.astype(np.float16), here.geometry
        return result

    def renamed(self, named: npt.NDArray[np.bool_]) -> Iterator[SliceResult]:
        """The slices on which `renamed_mask` changes a name, with their new masks."""
        for index in sorted(self._drawn):
            result, logits, geometry = self._drawn[index]
            if self.drawn_mm2[index][1:][~named].any():
                self._stop_if_asked()
                mask = renamed_mask(result.mask, logits.astype(np.float32), geometry, named)
                if (mask != result.mask).any():
                    yield replace(result, mask=mask)

    def _stop_if_asked(self) -> None:
        if self._cancelled():
            raise Cancelled

    def _features(self, index: int) -> _Encoded | None:
        if not 0 <= index < len(self.done) or index in self._failed:
            return None
        if index not in self._encoded:
            self._stop_if_asked()
            hu = self._source.slice_at(index)
            if hu is None:
                self._failed.add(index)
                return None
            self._encoded[index] = self._predictor.encode(hu, self._source.spacing_mm)
            while len(self._encoded) > 3 and sum(e.size for e in self._encoded.values()) > CACHE_BYTES:
                self._encoded.popitem(last=False)  # encoded once more if it is asked for again
        self._encoded.move_to_end(index)
        return self._encoded[index]

    def _mark_done(self, index: int) -> None:
        self.done[index] = True
        for near in (index - 1, index, index + 1):
            if self.done[max(near - 1, 0) : near + 2].all():
                self._encoded.pop(near, None)


def source_mask(mask_logits: Floats, geometry: Geometry, threshold: float) -> npt.NDArray[np.uint8]:
    """Label map (rows, columns) of the source slice from logits (6, n, n), background first.

    A pixel bleeds where the probabilities of the five subtypes add up to `threshold` or more; it gets the most
    probable of them. Bilinear resampling never exceeds its input, so most slices end before it.
    """
    mask = np.zeros(geometry.shape, np.uint8)
    powers = np.exp(mask_logits - mask_logits.max(0))
    subtypes = (powers / powers.sum(0))[1:]
    total = subtypes.sum(0)
    if not (total >= threshold).any():
        return mask
    box = _reached(total >= threshold, geometry)
    bleeds = preprocess.to_source(total[None], _part(geometry, box))[0] >= threshold
    rows, columns = np.flatnonzero(bleeds.any(1)), np.flatnonzero(bleeds.any(0))
    if rows.size == 0:
        return mask
    tight = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    likeliest = preprocess.to_source(subtypes, _part(_part(geometry, box), tight)).argmax(0) + 1
    mask[box][tight] = np.where(bleeds[tight], likeliest, 0)
    return mask


def renamed_mask(
    mask: npt.NDArray[np.uint8], mask_logits: Floats, geometry: Geometry, named: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    """A mask of `source_mask` in which the subtypes that are `named` (5,) settle what could as well be another.

    A pixel of another subtype gets the likeliest of them where that is at least `scoring.NEARLY` as likely there.
    """
    wrong = (mask > 0) & ~np.append(True, named)[mask]
    rows, columns = np.flatnonzero(wrong.any(1)), np.flatnonzero(wrong.any(0))
    if not rows.size:
        return mask
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    powers = np.exp(mask_logits - mask_logits.max(0))
    likely = preprocess.to_source((powers / powers.sum(0))[1:], _part(geometry, box))
    likeliest = (likely * scoring.readiness(named)[:, None, None]).argmax(0) + 1
    renamed = mask.copy()
    renamed[box] = np.where(wrong[box], likeliest, mask[box])
    return renamed


def _reached(likely: npt.NDArray[np.bool_], geometry: Geometry) -> tuple[slice, slice]:
    """Rows and columns of the source slice that lie within one mask pixel of those that are true in `likely` (n, n)."""
    reached = []
    for axis, size in enumerate(likely.shape):
        found = np.flatnonzero(likely.any(1 - axis))
        pitch = preprocess.SIZE * preprocess.PIXEL_MM / size / geometry.spacing_mm[axis]
        ends = geometry.centre[axis] + (np.array([found[0] - 1, found[-1] + 1]) - (size - 1) / 2) * pitch
        low, high = np.clip([np.floor(ends[0]), np.ceil(ends[1]) + 1], 0, geometry.shape[axis]).astype(int)
        reached.append(slice(int(low), int(high)))
    return reached[0], reached[1]


def _part(geometry: Geometry, box: tuple[slice, slice]) -> Geometry:
    """The same square over a part of the slice."""
    rows, columns = box
    return Geometry(
        (rows.stop - rows.start, columns.stop - columns.start),
        geometry.spacing_mm,
        (geometry.centre[0] - rows.start, geometry.centre[1] - columns.start),
    )


def gaps_mm(z_mm: tuple[float, ...] | None, indices: list[int]) -> Floats:
    """Distance (slices,) of each slice to the one before, the first taking the second's; 5 mm where unknown."""
    gaps = np.full(len(indices), DEFAULT_GAP_MM, np.float32)
    if z_mm is not None and len(indices) > 1:
        found = np.abs(np.diff(np.asarray(z_mm, np.float64)[indices]))
        gaps[1:] = np.where(np.isfinite(found) & (found > 0), found, DEFAULT_GAP_MM)
        gaps[0] = gaps[1]
    return gaps


def _indices(order: Order, done: npt.NDArray[np.bool_]) -> Iterator[int]:
    """Indices to finish, each once; `done` changes between them."""
    if not callable(order):
        for index in chain(order, range(len(done))):
            if 0 <= index < len(done) and not done[index]:
                yield index
        return
    while not done.all():
        following = order(done)
        if following is None:
            return
        if not 0 <= following < len(done) or done[following]:
            raise ValueError(f"the order must name a slice that is not done, got {following}")
        yield following
