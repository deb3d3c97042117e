"""Retraining without a window: what it would take, and the whole of it; the JSON of `pterion retrain`."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.deal import PARTS, Counts, Split, Tally
from model.errors import PterionError
from model.registry import Registry
from model.run_folder import Event
from viewer.jobs import retrain
from viewer.jobs.approved import Choice, LeftOut, approved_samples, pseudonym
from viewer.library.store import FILE_NAME, Library


@dataclass(frozen=True)
class Preflight:
    """What a retraining would learn from, and what three timed steps say.

    bleeds: whether each patient does. left_out: what is not used, and why. split: newcomers included. taken: device,
    memory and time; None where no step was timed.
    """

    counts: Counts
    bleeds: Mapping[str, bool]
    left_out: tuple[str, ...]
    split: Split
    taken: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As `pterion retrain --dry-run` prints it."""
        parts = {part: sum(each == part for each in self.split.parts.values()) for part in PARTS}
        return {
            "dry_run": True,
            **vars(self.counts),
            "possible": not self.counts.refusal,
            "refusal": self.counts.refusal,
            "warnings": list(self.counts.warnings),
            "left_out": list(self.left_out),
            "split": parts,
            "pinned": len(self.split.pinned),
            "expected": dict(self.taken) if self.taken is not None else None,
        }


def look(
    library: Library,
    registry: Registry,
    choice: Choice | None = None,
    *,
    timed: bool = True,
    cancelled: Callable[[], bool] | None = None,
    on_counted: Callable[["Preflight"], None] | None = None,
    **settings: Any,
) -> Preflight:
    """Count what is approved, and time three real steps of training on it in a process of its own.

    Nothing is kept. Raises PterionError, Cancelled.
    """
    choice, tally, left_out = choice or Choice(), Tally(), LeftOut()
    if not timed:
        for sample in approved_samples(library, retrain.read_volume, choice, left_out):
            tally.add(sample)
        return _preflight(library, tally.counts, tally.bleeds, left_out.sentences)
    try:
        prepared = retrain.prepare_run(
            library,
            registry,
            choice=choice,
            cancelled=cancelled,
            **{**settings, "probe": True, "nice": 0, "replay": 6, "watched": 0, "reference": 0},
        )
    except PterionError as error:
        if error.code == "NOTHING_TO_LEARN":
            return look(library, registry, choice, timed=False)
        raise
    try:
        if on_counted is not None:
            on_counted(_preflight(library, prepared.counts, prepared.bleeds, prepared.left_out))
        retrain.launch(prepared.folder)
        last: Event = {}
        for event in retrain.tail(prepared.folder, cancelled):
            last = event
    finally:
        retrain.forget(prepared.folder)
    if last.get("event") == "failed":
        raise PterionError(last["text"], code=last["code"])
    taken: dict[str, Any] = {
        key: last[key] for key in ("device", "seconds_a_step", "memory_mb", "steps", "seconds") if key in last
    }
    return _preflight(library, prepared.counts, prepared.bleeds, prepared.left_out, taken or None)


def _preflight(
    library: Library,
    counts: Counts,
    bleeds: Mapping[str, bool],
    left_out: tuple[str, ...],
    taken: Mapping[str, Any] | None = None,
) -> Preflight:
    split = retrain.read_split(library).extended(bleeds)
    return Preflight(counts, bleeds, left_out, split, taken)


def retrain_headless(
    library_dir: Path,
    *,
    registry: Registry,
    dry_run: bool = False,
    choice: Choice | None = None,
    pins: Mapping[str, str] | None = None,
    on_event: Callable[[Event], None] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Retrain without a window and wait for it; the JSON of `pterion retrain`.

    dry_run: only count and time. pins: part by patient ID, kept from now on. An interruption (Ctrl+C) asks the child
    to stop. Raises PterionError where it fails.
    """
    with closing(open_library(library_dir)) as library:
        for patient_id, part in (pins or {}).items():
            pin(library, patient_id, part)
        if dry_run:
            found = look(library, registry, choice, **settings)
            if not found.counts.slices:
                said = " ".join((found.counts.refusal, *found.left_out))
                raise PterionError(said, code="NOTHING_TO_LEARN")
            return found.to_json()
        prepared = retrain.prepare_run(library, registry, choice=choice, **settings)
    retrain.launch(prepared.folder)
    last: Event = {}
    try:
        for last in retrain.tail(prepared.folder):
            if on_event is not None:
                on_event(last)
    except KeyboardInterrupt:
        retrain.stop(prepared.folder)
        raise
    if last["event"] == "failed":
        raise PterionError(last["text"], code=last["code"])
    result: dict[str, Any] = {
        **vars(prepared.counts),
        "warnings": list(prepared.counts.warnings),
        "left_out": list(prepared.left_out),
        "run": str(prepared.folder),
        "outcome": last["event"],
    }
    if last["event"] == "candidate":
        version = retrain.claim(prepared.folder, registry)
        result |= {"candidate": version.id, **{key: last[key] for key in ("metrics", "verdict", "notes")}}
    return result


def open_library(folder: Path) -> Library:
    """The library in `folder`, which is not made where there is none. Raises PterionError."""
    if not (folder / FILE_NAME).is_file():
        raise PterionError(
            f"There is no library in {folder.name or folder}. Choose the folder that holds {FILE_NAME}.",
            code="NOT_FOUND",
        )
    return Library(folder)


def pin(library: Library, patient_id: str, part: str) -> None:
    """Place a patient for ever. Raises PterionError for a patient that the library does not know."""
    if patient_id not in {study.patient_id for study in library.studies()}:
        raise PterionError("A patient to pin is not in this library. Check the patient ID.", code="NOT_FOUND")
    name = pseudonym(library, patient_id)
    retrain.write_split(library, retrain.read_split(library).pin(name, part))
