"""From a trained network to a version that may be shipped: calibrated and gated on validation, judged on the rest.

`python -m model.bundle RECIPE --data FOLDER … --test FOLDER --out FOLDER` trains, and writes the version folder
`--out`/<name of the recipe>.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
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
from model.corpus import CasePool, ct_ich_samples
from model.errors import PterionError
from model.evaluate import evaluate
from model.export import export
from model.labels import SCORES
from model.networks.flagship import Flagship
from model.predict import Predictor
from model.sample import Sample, iterate_samples
from model.train import Event, Settings, load_settings, study_scores, train

REAL_WEIGHT = 3.0
"""How much more a patient counts than a phantom when scores are calibrated."""
_VALIDATION_CASES = 30
_GATE_SENSITIVITY = 0.97
_LARGEST_GATE = 0.3


def bundle(
    network: Flagship,
    settings: Settings,
    folders: Sequence[Path],
    folder: Path,
    *,
    unseen: Mapping[str, Iterable[Sample]] | None = None,
    training: dict[str, Any] | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> None:
    """Write `network` as the version `folder`, with what it scores on patients and phantoms it never saw.

    folders: what it was trained on; of CT-ICH the test patients are judged. unseen: more sets to judge, by name.
    training: facts about the run for model.json. Raises ModelFileError where `folder` exists or cannot be written.
    """
    pool = CasePool(folders, validation_cases=_VALIDATION_CASES)
    pool.refresh()
    info: dict[str, Any] = fit_scores(network, pool.validation)
    info["licence"] = card.LICENCE
    info["data"] = card.DATA
    info["training"] = {
        "settings": asdict(settings),
        "phantoms": len(pool.simulated),
        "patients": len(pool.real),
        **(training or {}),
    }
    with tempfile.TemporaryDirectory() as temporary:
        draft = Path(temporary) / folder.name
        export(network, draft, id=folder.name, parent=None, info=info)
        predictor = Predictor(draft, threads=settings.threads)
        tested = [ct_ich_samples(f, "test") for f in folders]
        sets = {"ct-ich": chain.from_iterable(tested), **{k: iter(v) for k, v in (unseen or {}).items()}}
        info["metrics"] = {}
        for name, samples in sets.items():
            table = _evaluated(predictor, samples)
            if table is not None:
                info["metrics"][name] = table
                on_event({"event": "evaluated", "set": name, "study": table["study"]["any"]})
    export(network, folder, id=folder.name, parent=None, info=info, card=card.text(folder.name, info))


def fit_scores(network: Flagship, validation: dict[str, list[Case]]) -> dict[str, Any]:
    """calibration, thresholds and the mask's gate, all chosen on validation cases; for model.json."""
    table = _validation_logits(network, validation)
    calibration: dict[str, dict[str, list[float]]] = {}
    for part in ("provisional", "slice", "study"):
        logits, truth, weight = table[part]
        calibration[part] = {}
        for column, code in enumerate(SCORES):
            known = truth[:, column] >= 0
            pair = fit_platt(logits[known, column], truth[known, column] == 1, weight[known])
            calibration[part][code] = [round(value, 5) for value in pair]
    thresholds, (logits, truth, _) = {}, table["slice"]
    for column, code in enumerate(SCORES):
        known = truth[:, column] >= 0
        score = _scores(logits[known], calibration["slice"], column)
        chosen = metrics.youden_threshold(truth[known, column] == 1, score)
        thresholds[code] = round(float(np.clip(chosen, 0.3, 0.7)), 4)
    logits, truth, _ = table["provisional"]
    known = truth[:, 0] >= 0
    score = _scores(logits[known], calibration["provisional"], 0)
    gate = metrics.threshold_for(truth[known, 0] == 1, score, least_sensitivity=_GATE_SENSITIVITY)
    return {
        "calibration": calibration,
        "thresholds": thresholds,
        "mask": {"threshold": 0.5, "slice_gate": round(min(gate, _LARGEST_GATE), 4)},
    }


def _scores(
    logits: npt.NDArray[np.float64], calibration: dict[str, list[float]], column: int
) -> npt.NDArray[np.float64]:
    slope, offset = calibration[SCORES[column]]
    return sigmoid(slope * logits[:, column] + offset)


Logits = tuple[npt.NDArray[np.float64], npt.NDArray[np.int8], npt.NDArray[np.float64]]


@torch.no_grad()
def _validation_logits(network: Flagship, validation: dict[str, list[Case]]) -> dict[str, Logits]:
    """Logits, truth and weights of all validation cases: per slice before and after the sequence, and per study."""
    network.eval()
    rows: dict[str, list[tuple[npt.NDArray[Any], npt.NDArray[Any], float]]] = {
        "provisional": [],
        "slice": [],
        "study": [],
    }
    for cases in validation.values():
        for case in cases:
            weight = 1.0 if case.source == "phantom" else REAL_WEIGHT
            x = network_input(torch.from_numpy(case.hu.astype(np.float32)))
            _, provisional, embeddings = network.series(x)
            slices, study = network.sequence(embeddings[None], torch.from_numpy(case.gaps_mm)[None])
            truth = study_scores(torch.from_numpy(case.scores))[None].numpy()
            rows["provisional"].append((provisional.numpy(), case.scores, weight))
            rows["slice"].append((slices[0].numpy(), case.scores, weight))
            rows["study"].append((study.numpy(), truth, weight))
    if not rows["slice"]:
        raise PterionError("There are no validation cases to set thresholds on. Add CT-ICH or more phantoms.")
    return {
        name: (
            np.concatenate([r[0] for r in parts]).astype(np.float64),
            np.concatenate([r[1] for r in parts]).astype(np.int8),
            np.concatenate([np.full(len(r[0]), r[2]) for r in parts]),
        )
        for name, parts in rows.items()
    }


def _evaluated(predictor: Predictor, samples: Iterator[Sample]) -> dict[str, Any] | None:
    """The report, or None where there is no sample."""
    first = next(samples, None)
    return None if first is None else evaluate(predictor, chain([first], samples))


def main(argv: Sequence[str] | None = None) -> int:
    """Train a recipe and write its version folder; events go to standard output as JSON lines."""
    parser = argparse.ArgumentParser(prog="python -m model.bundle", description=__doc__)
    parser.add_argument("recipe", type=Path, help="a TOML file of model/recipes")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of samples, and CT-ICH")
    parser.add_argument(
        "--test",
        type=Path,
        nargs="*",
        default=[],
        help="folders of samples to judge on, none of them in --data",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and the version")
    arguments = parser.parse_args(argv)

    def tell(event: Event) -> None:
        print(json.dumps(event), flush=True)

    try:
        settings = load_settings(arguments.recipe)
        network = train(settings, arguments.data, arguments.out, tell)
        unseen = {folder.name: iterate_samples(folder) for folder in arguments.test}
        bundle(network, settings, arguments.data, arguments.out / settings.name, unseen=unseen, on_event=tell)
    except PterionError as error:
        print(str(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
