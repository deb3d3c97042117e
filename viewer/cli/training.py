"""`pterion train`: a recipe, run to its end or to the next Ctrl-C, and what it leaves made a model."""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from viewer.cli.output import NOTICE, progress

Event = dict[str, Any]


def train(arguments: argparse.Namespace) -> int:
    """Train a network; events are JSON lines on stdout, progress is said to a terminal."""
    from viewer.resources import require_reports

    require_reports()  # before hours of training: its last step judges what came out
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is imported
    from dataclasses import replace

    from model.bundle import bundle_run
    from model.gather import Run
    from model.recipe import load_settings
    from model.train import train

    settings = load_settings(arguments.recipe)
    chosen = {
        name: getattr(arguments, name)
        for name in ("name", "seed", "threads")
        if getattr(arguments, name) is not None
    }
    settings = replace(settings, **chosen)
    if arguments.start:
        settings = replace(settings, network=sizes_of(starting_point(arguments.start)))
    run = Run(
        tuple(arguments.data),
        arguments.out,
        fold=arguments.fold,
        resume=arguments.resume,
        device=arguments.device,
        weights=arguments.weights or starting_point(arguments.start or settings.start_from),
        cache=arguments.cache,
    )
    with stopping() as stopped:
        train(settings, run, tell, stopped)
        if os.environ.get("RANK", "0") == "0":
            bundle_run(run, tell)
    progress("")
    print(NOTICE, file=sys.stderr)
    return 0


def ablate(arguments: argparse.Namespace) -> int:
    """Train a recipe in short, each time without something, and say what each variant comes to."""
    from viewer.resources import require_reports

    require_reports()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from dataclasses import replace

    from model.ablation import VARIANTS, Ablation, ablate, table
    from model.errors import PterionError
    from model.evaluation.data import open_cases
    from model.recipe import load_settings
    from viewer.jobs.evaluate import simulated_heads
    from viewer.resources import data_dir

    known = {variant.name: variant for variant in VARIANTS}
    unknown = [name for name in arguments.only or () if name not in known]
    if unknown:
        raise PterionError(f"There is no variant {unknown[0]}. Known are: {', '.join(known)}.")
    settings = load_settings(arguments.recipe)
    if arguments.steps is not None:
        settings = replace(settings, steps=arguments.steps, epochs=0)
    if arguments.threads is not None:
        settings = replace(settings, threads=arguments.threads)
    cases = open_cases(arguments.patients, arguments.fold)  # says now what would else be said in an hour
    cache = data_dir() / "evaluation" / "unseen-scanners"
    unseen = simulated_heads(cache, arguments.unseen, progress) if arguments.unseen else None
    given = Ablation(
        settings,
        arguments.heads,
        arguments.patients,
        arguments.out,
        arguments.fold,
        open_cases(unseen).first(arguments.unseen) if unseen else (),
    )
    tell({"event": "begin", "variants": arguments.only or list(known), "judged": cases.name})
    with stopping() as stopped:
        panels = ablate(given, [known[name] for name in arguments.only or known], tell, stopped)
    progress("")
    print(table(panels), end="")
    print(NOTICE, file=sys.stderr)
    return 0


def starting_point(name: str) -> Path | None:
    """The folder of the model that a recipe starts from: one of ours by its id, or a path."""
    from viewer.cli.work import registry

    if not name:
        return None
    return Path(name) if Path(name).is_dir() else Path(registry().get(name).path)


def sizes_of(version: Path | None) -> Any:
    """The sizes of a version's network: what starts from it has the same."""
    from model.networks.flagship import FlagshipConfig
    from model.registry import verify

    assert version is not None
    return FlagshipConfig.from_table(verify(version)["network"])


def tell(event: Event) -> None:
    """Print an event; how far it is goes to a person only."""
    if event["event"] == "preparing":
        progress(f"{event['name']}: {event['done']} of {event['total']}")
    elif event["event"] == "step":
        left = duration(event["seconds_left"])
        progress(f"step {event['step']} of {event['steps']}, loss {event['loss']:.3f}, {left} left")
    else:
        progress("")
        print(json.dumps(event), flush=True)


def duration(seconds: float) -> str:
    """Seconds in words: `2 h 5 min`, `5 min`, `40 s`."""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if seconds >= 90 else f"{seconds:.0f} s"


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or SIGTERM came since; a second one ends the process as usual."""
    asked = threading.Event()

    def ask(number: int, _: object) -> None:
        asked.set()
        signal.signal(number, before[number])
        print("\npterion: stopping after this step; --resume goes on from there", file=sys.stderr)

    before: dict[int, Any] = {}
    try:
        for wanted in (signal.SIGINT, signal.SIGTERM):
            before[wanted] = signal.signal(wanted, ask)
        yield asked.is_set
    finally:
        for number in before:
            signal.signal(number, before[number])
