"""From a trained network to a version that may be shipped: calibrated and gated on validation, judged on the rest."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from model import card, novelty
from model.batches import Case
from model.calibration import Calibration
from model.candidate import usual
from model.checkpoint import load_run, read_run
from model.corpus import Pool, deal_cases
from model.errors import ModelFileError
from model.evaluation.answer import Scorer
from model.evaluation.attach import attach, compact
from model.evaluation.baselines import AlwaysNegative, HuThreshold
from model.evaluation.fitting import fit_scores, painted_cases
from model.evaluation.report import evaluate
from model.evaluation.scorers import VersionScorer
from model.export import export, preprocess_settings
from model.gather import Run, prepared_cases, run_folders
from model.networks.flagship import Flagship
from model.prepared import open_source
from model.recipe import Settings
from model.sample import Sample
from model.train import Event

_VALIDATION_HEADS = 30
_PAINTED_COPIES = 6
"""Of each validation patient without bleeding."""
_KNOWN = 40
"""Simulated heads, and patients, of the training that say which slices are usual."""


def bundle_run(run: Run, on_event: Callable[[Event], None] = lambda _: None) -> Path | None:
    """Make a version of a finished run, beside its other files; None where its network has no such form.

    Scores are calibrated on its validation patients, and judged on the fold that it never saw, where it had one.
    """
    settings, network = load_run(run.out)
    folder = run.out / settings.name
    if not isinstance(network, Flagship) or folder.exists():
        return folder if folder.exists() else None
    places = run_folders(settings, run)
    cases = prepared_cases(settings, [open_source(place) for place in places], run.prepared)
    pool = deal_cases(cases, run.fold, settings.data.validation, heads=_VALIDATION_HEADS)
    kept = set(pool.tested)
    judged = (s for place in places if kept for s in open_source(place).samples() if s.patient in kept)
    bundle(
        network,
        settings,
        pool,
        folder,
        judged={"held-out": judged},
        training={"started": read_run(run.out)[1]["weights"], "fold": run.fold},
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
    validation = list(chain.from_iterable(pool.validation.values()))
    validation += painted_cases(validation, _PAINTED_COPIES, settings.seed)
    calibration = fit_scores(network, validation) if validation else Calibration()
    known = [*_spread(pool.simulated, _KNOWN), *_spread(pool.real, _KNOWN)]
    info: dict[str, Any] = {
        novelty.KEY: usual(network, known),
        **calibration.info(),
        "calibrated_on": dict(calibration.counts),
        "licence": card.LICENCE,
        "data": card.DATA,
        "limits": list(limits),
        "training": {
            "settings": settings.as_table(),
            "phantoms": len(pool.simulated),
            "patients": len(pool.real),
            **(training or {}),
        },
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as temporary:
        draft = Path(temporary) / folder.name
        text = card.text(folder.name, {**info, "preprocess": preprocess_settings(network.config)})
        export(network, draft, id=folder.name, parent=None, info=info, card=text)
        for name, samples in (judged or {}).items():
            _judge(draft, name, iter(samples), settings.threads, on_event)
        if folder.exists():
            raise ModelFileError(f"There is already a model in {folder.name}. Choose another id.")
        os.replace(draft, folder)


def _spread(cases: Sequence[Case], count: int) -> Sequence[Case]:
    """At most `count` of the cases, evenly spread over them."""
    return cases[:: -(-len(cases) // count)] if cases else cases


def _judge(
    draft: Path, name: str, samples: Iterator[Sample], threads: int, on_event: Callable[[Event], None]
) -> None:
    """Judge a version on samples beside plain systems and keep the report with it; nothing without samples."""
    first = next(samples, None)
    if first is None:
        return
    systems: list[Scorer] = [VersionScorer(draft, threads), AlwaysNegative(), HuThreshold()]
    table = evaluate(systems, chain([first], samples), data=name).table
    attach(draft, name, table)
    on_event({"event": "evaluated", "set": name, **compact(table)})
