"""Trained models as systems that answer: a version as it ships, and a network as a training left it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from model import preprocess
from model.batches import gaps_mm
from model.calibration import Calibration
from model.errors import ModelFileError
from model.evaluation.answer import Answer
from model.labels import SCORES, UNKNOWN_SUBTYPE
from model.predict import Predictor, SliceResult, VolumeSource, renamed_mask, source_mask
from model.preprocess import Geometry
from model.registry import INFO
from model.sample import Sample
from model.scoring import drawn_mm2, suspected

if TYPE_CHECKING:
    from torch import nn

    from model.networks.flagship import Flagship
    from model.networks.slicewise import Slicewise
    from model.recipe import Settings

RUN = "run.json"


class VersionScorer:
    """A version folder: ONNX Runtime, calibration, thresholds and gate as shipped."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        """Load it. Raises ModelFileError where it is not sound."""
        self._predictor = _Watched(folder, threads)
        self.name = self._predictor.id
        self.thresholds: Mapping[str, float] = self._predictor.thresholds
        self.study_thresholds: Mapping[str, float] = self._predictor.study_thresholds

    def __call__(self, sample: Sample) -> Answer:
        """Score as the window does, slice by slice."""
        masks = np.zeros(sample.hu.shape, np.uint8)
        bleeding = np.zeros(sample.hu.shape, np.float32)

        def keep(result: SliceResult) -> None:
            masks[result.index] = result.mask
            drawn = self._predictor.take_bleeding()
            if drawn is not None:
                bleeding[result.index] = drawn

        source = VolumeSource(
            len(sample.hu), sample.spacing_mm, tuple(float(z) for z in sample.z_mm), lambda z: sample.hu[z]
        )
        study = self._predictor.score(source, range(len(sample.hu)), keep)
        return Answer(study.slice_scores, study.scores, masks, bleeding)


class _Watched(Predictor):
    """A predictor that keeps the probability behind the mask it drew last."""

    _bleeding: npt.NDArray[np.float32] | None = None

    def draw(self, mask_logits: npt.NDArray[np.float32], geometry: Geometry) -> npt.NDArray[np.uint8]:
        """The mask; the probability waits to be taken."""
        self._bleeding = bleeding_map(mask_logits, geometry)
        return super().draw(mask_logits, geometry)

    def take_bleeding(self) -> npt.NDArray[np.float32] | None:
        """Of the last slice, once; None where the gate kept it empty."""
        taken, self._bleeding = self._bleeding, None
        return taken


class NetworkScorer:
    """A flagship in PyTorch, calibrated or not: for comparing checkpoints before anything is exported."""

    def __init__(self, network: "Flagship", name: str, calibration: Calibration | None = None) -> None:
        self.network = network
        self.name = name
        self.calibration = calibration or Calibration()
        self.thresholds: Mapping[str, float] = self.calibration.thresholds
        self.study_thresholds: Mapping[str, float] = self.calibration.study_thresholds

    def __call__(self, sample: Sample) -> Answer:
        """All slices at once."""
        masks, logits, geometries = self.logits(sample)
        drawn = [
            source_mask(m, g, self.calibration.mask_threshold) for m, g in zip(masks, geometries, strict=True)
        ]
        bleeding = [bleeding_map(m, g) for m, g in zip(masks, geometries, strict=True)]
        provisional = self.calibration.provisional(logits["provisional"])
        for z in np.flatnonzero(provisional[:, 0] < self.calibration.slice_gate):
            drawn[z][:], bleeding[z][:] = 0, 0
        mm2 = np.stack([drawn_mm2(mask, sample.spacing_mm) for mask in drawn])
        scores, study = self.calibration.settled(
            logits["slice"], logits["study"][0], mm2, gaps_mm(sample.z_mm)
        )
        named = suspected(study, self.study_thresholds)
        shown = [renamed_mask(d, m, g, named) for d, m, g in zip(drawn, masks, geometries, strict=True)]
        return Answer(scores, study, np.stack(shown), np.stack(bleeding))

    def logits(
        self, sample: Sample
    ) -> tuple[npt.NDArray[np.float32], dict[str, npt.NDArray[np.float64]], list[Geometry]]:
        """Mask logits (Z, 6, n, n); logits of `provisional` and `slice` (Z, 6) and `study` (1, 6); the geometries."""
        import torch

        prepared = [preprocess.prepare_slice(image, sample.spacing_mm) for image in sample.hu]
        with torch.no_grad():
            self.network.eval()
            masks, provisional, embeddings = self.network.series(
                torch.from_numpy(np.stack([x for x, _ in prepared]))
            )
            gaps = torch.from_numpy(gaps_mm(sample.z_mm))[None]
            slices, study = self.network.sequence(embeddings[None], gaps)
        parts = {"provisional": provisional, "slice": slices[0], "study": study}
        return (
            masks.numpy(),
            {name: values.double().numpy() for name, values in parts.items()},
            [geometry for _, geometry in prepared],
        )


class SlicewiseScorer:
    """One of the seeds' networks in PyTorch: each slice alone, a study as its highest slice, no calibration."""

    def __init__(self, settings: "Settings", network: "nn.Module", name: str) -> None:
        self.name = name
        self.thresholds: Mapping[str, float] = dict.fromkeys(SCORES, 0.5)
        self.study_thresholds = self.thresholds
        from model.networks.kinds import kind_named

        self._kind = kind_named(settings.kind)
        self._view = self._kind.view(settings.network)
        self._network = network.eval()

    def __call__(self, sample: Sample) -> Answer:
        """Scores of what the network knows, NaN else; a mask without subtypes where it draws one."""
        import torch

        from model.networks.base import WholeImage
        from model.networks.slicewise import answer

        case = self._view.look(sample)
        x = self._kind.channels(torch.from_numpy(case.hu.astype(np.float32)))
        scores, maps = answer(cast("Slicewise", self._network), x)
        found = scores.double().numpy()
        if maps is None or not isinstance(self._view, WholeImage):
            return Answer(found, found.max(0))
        bleeding = self._view.back(maps, *sample.hu.shape[1:]).numpy()
        mask = np.where(bleeding >= 0.5, UNKNOWN_SUBTYPE, 0).astype(np.uint8)
        return Answer(found, found.max(0), mask, bleeding, named=False)


def bleeding_map(mask_logits: npt.NDArray[np.float32], geometry: Geometry) -> npt.NDArray[np.float32]:
    """Probability (rows, columns) of the source slice that a pixel bleeds, from logits (6, n, n)."""
    powers = np.exp(mask_logits - mask_logits.max(0))
    drawn: npt.NDArray[np.float32] = preprocess.to_source(
        (powers[1:].sum(0) / powers.sum(0))[None], geometry
    )[0]
    return drawn


def open_run(folder: Path, threads: int = 2) -> VersionScorer | NetworkScorer | SlicewiseScorer:
    """What a training run left: its version, else its finished network. Raises ModelFileError where it has none."""
    import torch

    from model.checkpoint import load_run
    from model.networks.flagship import Flagship

    torch.set_num_threads(threads)
    settings, network = load_run(folder)
    if (folder / settings.name / INFO).is_file():
        return VersionScorer(folder / settings.name, threads)
    if isinstance(network, Flagship):
        return NetworkScorer(network, settings.name)
    return SlicewiseScorer(settings, network, settings.name)


def open_model(path: Path, threads: int = 2) -> VersionScorer | NetworkScorer | SlicewiseScorer:
    """A version folder, or a training run's folder. Raises PterionError where it is neither."""
    if (path / INFO).is_file():
        return VersionScorer(path, threads)
    if (path / RUN).is_file():
        return open_run(path, threads)
    raise ModelFileError(
        f"{path.name} is neither a model nor a training run: it holds no {INFO} and no {RUN}. "
        "Name the folder of one."
    )
