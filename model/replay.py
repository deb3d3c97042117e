"""Simulated heads that a retraining replays, watches and is judged on, made once on this machine and kept."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.batches import Case, crop_sample
from model.errors import Cancelled, PterionError
from model.labels import CODES
from model.run_folder import Request
from model.sample import load_sample, save_sample

_FIRST_SEED = 50_000_000  # far from the seeds that the bundled model was trained on


@dataclass(frozen=True)
class Heads:
    """replay: trained on, so that nothing known is forgotten. watched: for stopping and operating points.
    reference: what both models are judged on."""

    replay: tuple[Case, ...]
    watched: tuple[Case, ...]
    reference: tuple[Case, ...]


def simulated_heads(request: Request, log: Callable[..., None], stopped: Callable[[], bool]) -> Heads:
    """The heads that a run asks for, read from its cache or made now. Raises Cancelled."""
    cases: list[Case] = []
    parts = (request.replay, request.watched, request.reference)
    for number in range(sum(parts)):
        if stopped():
            raise Cancelled
        cases.append(_head(request, number))
        log("preparing", done=number + 1, total=sum(parts))
    replayed, watched = parts[0], parts[0] + parts[1]
    return Heads(tuple(cases[:replayed]), tuple(cases[replayed:watched]), tuple(cases[watched:]))


def _head(request: Request, number: int) -> Case:
    """One head; each subtype in turn, and none. Those of a part follow each other, so that each part has all."""
    from model.phantom import VERSION, generate

    kinds = [(code,) for code in CODES] + [()]
    path = Path(request.cache) / f"phantom-v{VERSION}-{request.size}-{request.slices}-{number}.npz"
    try:
        sample = load_sample(path)
    except PterionError:
        sample = generate(
            _FIRST_SEED + number,
            size=request.size,
            slices=request.slices,
            lesions=kinds[number % len(kinds)],
            threads=request.threads,
        )
        save_sample(sample, path)
    return crop_sample(sample)
