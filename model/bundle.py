"""From a trained network to a version that may be shipped: calibrated and gated on validation, judged on the rest."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from model import card, metrics
from model.augment import network_input
from model.batches import Case
from model.calibration import fit_platt, sigmoid
from model.checkpoint import load_run, read_run
from model.corpus import Pool, deal_cases
from model.errors import PterionError
from model.evaluate import evaluate
from model.export import export
from model.gather import Run, prepared_cases, run_folders
from model.labels import SCORES
from model.networks.flagship import Flagship
from model.predict import Predictor
from model.prepared import open_source
from model.recipe import Settings
from model.sample import Sample
from model.train import Event, study_scores

REAL_WEIGHT = 3.0
"""How much more a bleeding patient counts than a bleeding phantom when scores are calibrated."""
REAL_SPECIFICITY = 0.9
"""Share of the patients' validation slices without a subtype that its threshold must leave alone."""
_VALIDATION_HEADS = 30
_GATE_SENSITIVITY = 0.97
_LARGEST_GATE = 0.3
_THRESHOLDS = (0.3, 0.8)


def bundle_run(run: Run, on_event: Callable[[Event], None] = lambda _: None) -> Path | None:
    """Make a version of a finished run, beside its other files; None where its network has no such form.

    Scores are calibrated on its validation patients, and judged on the fold that it never saw, where it had one.
    """
    settings, network = load_run(run.out)
    folder = run.out / settings.name
    if not isinstance(network, Flagship) or folder.exists():
        return folder if folder.exists() else None
    places = run_folders(settings, run)
    cases = prepared_cases(settings, places, run.prepared)
    pool = deal_cases(cases, run.fold, settings.data.validation, heads=_VALIDATION_HEADS)
    kept = set(pool.tested)
    judged = (s for place in places if kept for s in open_source(place).samples() if s.patient in kept)
    bundle(
        network,
        settings,
        pool,
        folder,
        judged={"held-out": judged},
        training={"started": read_run(run.out)[1]["weights"]},
        on_event=on_event,
    )
    return folder


def bundle(
    network: Flagship,
    settings: Settings,
    pool: Pool,
    folder: Path,
    *,
    judged: Mapping[str, Iterable[Sample]] | None = None,
    training: dict[str, Any] | None = None,
    limits: Sequence[str] = (),
    on_event: Callable[[Event], None] = lambda _: None,
) -> None:
    """Write `network` as the version `folder`, with what it scores on patients and phantoms it never saw.

    pool: what it was trained on, and the validation cases that its scores are calibrated on (none: they are not).
    judged: sets to judge it on, by name. training: facts about the run for model.json. limits: what is known to
    go wrong, for the card. Raises ModelFileError where `folder` exists or cannot be written.
    """
    info: dict[str, Any] = fit_scores(network, pool.validation) if any(pool.validation.values()) else {}
    info["licence"] = card.LICENCE
    info["data"] = card.DATA
    info["limits"] = list(limits)
    info["training"] = {
        "settings": settings.as_table(),
        "phantoms": len(pool.simulated),
        "patients": len(pool.real),
        **(training or {}),
    }
    with tempfile.TemporaryDirectory() as temporary:
        draft = Path(temporary) / folder.name
        export(network, draft, id=folder.name, parent=None, info=info)
        predictor = Predictor(draft, threads=settings.threads)
        info["metrics"] = {}
        for name, samples in (judged or {}).items():
            table = _evaluated(predictor, iter(samples))
            if table is not None:
                info["metrics"][name] = table
                on_event({"event": "evaluated", "set": name, "study": table["study"]["any"]})
    export(network, folder, id=folder.name, parent=None, info=info, card=card.text(folder.name, info))


def fit_scores(network: Flagship, validation: dict[str, list[Case]]) -> dict[str, Any]:
    """calibration, thresholds and the mask's gate, all chosen on validation cases; for model.json."""
    table = _validation_logits(network, validation)
    calibration: dict[str, dict[str, list[float]]] = {}
    for part, rows in table.items():
        calibration[part] = {}
        for column, code in enumerate(SCORES):
            known = rows.truth[:, column] >= 0
            truth = rows.truth[known, column] == 1
            pair = fit_platt(rows.logits[known, column], truth, domain_weights(truth, rows.real[known]))
            calibration[part][code] = [round(value, 5) for value in pair]
    thresholds, rows = {}, table["slice"]
    for column, code in enumerate(SCORES):
        known = rows.truth[:, column] >= 0
        truth, score = (
            rows.truth[known, column] == 1,
            _scores(rows.logits[known], calibration["slice"], column),
        )
        chosen = metrics.youden_threshold(truth, score)
        quiet = score[~truth & rows.real[known]]
        if len(quiet):
            chosen = max(chosen, float(np.quantile(quiet, REAL_SPECIFICITY)))
        thresholds[code] = round(float(np.clip(chosen, *_THRESHOLDS)), 4)
    rows = table["provisional"]
    known = rows.truth[:, 0] >= 0
    score = _scores(rows.logits[known], calibration["provisional"], 0)
    gate = metrics.threshold_for(rows.truth[known, 0] == 1, score, least_sensitivity=_GATE_SENSITIVITY)
    return {
        "calibration": calibration,
        "thresholds": thresholds,
        "mask": {"threshold": 0.5, "slice_gate": round(min(gate, _LARGEST_GATE), 4)},
    }


def domain_weights(truth: npt.NDArray[np.bool_], real: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Weights of validation rows (n,), patients' marked by `real`.

    Patients without bleeding weigh as much together as phantoms without, few as they are: what looks like blood
    to a network that knows phantoms is what most often goes wrong in patients.
    """
    weights = np.where(real, REAL_WEIGHT, 1.0)
    quiet_real, quiet_simulated = ~truth & real, ~truth & ~real
    if quiet_real.any() and quiet_simulated.any():
        weights[quiet_real] = quiet_simulated.sum() / quiet_real.sum()
    return weights


@dataclass(frozen=True)
class _Rows:
    """Logits and truth (n, 6) of slices or studies, and which of them are patients' (n,)."""

    logits: npt.NDArray[np.float64]
    truth: npt.NDArray[np.int8]
    real: npt.NDArray[np.bool_]


def _scores(
    logits: npt.NDArray[np.float64], calibration: dict[str, list[float]], column: int
) -> npt.NDArray[np.float64]:
    slope, offset = calibration[SCORES[column]]
    return sigmoid(slope * logits[:, column] + offset)


@torch.no_grad()
def _validation_logits(network: Flagship, validation: dict[str, list[Case]]) -> dict[str, _Rows]:
    """Of all validation cases: per slice before and after the sequence, and per study."""
    network.eval()
    parts: dict[str, list[_Rows]] = {"provisional": [], "slice": [], "study": []}
    for case in chain.from_iterable(validation.values()):
        _, provisional, embeddings = network.series(
            network_input(torch.from_numpy(case.hu.astype(np.float32)))
        )
        slices, study = network.sequence(embeddings[None], torch.from_numpy(case.gaps_mm)[None])
        study_truth = study_scores(torch.from_numpy(case.scores))[None].numpy()
        for part, logits, truth in (
            ("provisional", provisional, case.scores),
            ("slice", slices[0], case.scores),
            ("study", study, study_truth),
        ):
            real = np.full(len(truth), case.source != "phantom")
            parts[part].append(_Rows(logits.double().numpy(), truth, real))
    if not parts["slice"]:
        raise PterionError("There are no validation cases to set thresholds on. Add CT-ICH or more phantoms.")
    return {
        name: _Rows(
            *(np.concatenate([getattr(r, field) for r in rows]) for field in ("logits", "truth", "real"))
        )
        for name, rows in parts.items()
    }


def _evaluated(predictor: Predictor, samples: Iterator[Sample]) -> dict[str, Any] | None:
    """The report, or None where there is no sample."""
    first = next(samples, None)
    return None if first is None else evaluate(predictor, chain([first], samples))
