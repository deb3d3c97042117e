"""What the model learns from its reader: what a retraining would take, how it goes, what came out, and the versions.
What the reader asks for is connected by `app`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

Labels = npt.NDArray[np.uint8]
Tables = Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]
"""By set (`yours`, `reference`), measure and score: before, after, difference, interval, n."""


@dataclass(frozen=True)
class Wanted:
    """What a retraining is to use. everything: also what is flagged or awaits review. subtypes: codes looked for."""

    everything: bool
    subtypes: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """A patient of the split. name: to show. part: `train`, `validation` or `test`. pinned: by the reader."""

    pseudonym: str
    name: str
    bleeds: bool
    part: str
    pinned: bool


@dataclass(frozen=True)
class Expected:
    """What three timed steps say."""

    device: str
    seconds: float
    steps: int
    memory_mb: float


@dataclass(frozen=True)
class Preflight:
    """What a retraining would learn from.

    state: `counting`, `timing`, `done` or `failed`. rows: code, patients, slices, regions. refusal: why it cannot
    start, else empty. left_out: what is not used, and why. text: what is under way, or went wrong.
    """

    state: str = "counting"
    text: str = ""
    patients: int = 0
    bleeding: int = 0
    slices: int = 0
    negatives: int = 0
    rows: tuple[tuple[str, int, int, int], ...] = ()
    refusal: str = ""
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    people: tuple[Person, ...] = ()
    expected: Expected | None = None


@dataclass(frozen=True, eq=False)
class ShownSlice:
    """One slice to show: grey, and the labels of the reader and of both models, uint8 (N, N). dice: of both.

    place: which slice of the library it is, to ask for it. patient: ID. Empty where that is not known.
    """

    grey: Labels
    truth: Labels
    before: Labels
    after: Labels
    dice: tuple[float, float]
    place: str = ""
    patient: str = ""


@dataclass(frozen=True)
class Judgement:
    """A candidate beside the model that was in use. kind: `better`, `not worse`, `worse`, `too little data to tell`.

    lost: measures that fell on the reference set.
    """

    candidate_id: str
    incumbent_id: str
    kind: str
    title: str
    text: str
    trained: str = ""
    tables: Tables = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    worst: tuple[ShownSlice, ...] = ()
    lost: frozenset[str] = frozenset()


@dataclass(frozen=True)
class VersionRow:
    """One version in the list of all. size: bytes on the disk. verdict: the kind of its judgement, else empty."""

    id: str
    name: str
    status: str
    created: str
    parent: str
    verdict: str
    size: int
    current: bool


@dataclass(frozen=True)
class Comparison:
    """Two versions. rows: set, measure, value of the first, of the second. text: what to say where there are none."""

    first: str = ""
    second: str = ""
    rows: tuple[tuple[str, str, float, float], ...] = ()
    text: str = ""


class Learning(QObject):
    """State of one window's retraining beside `session.retraining`. Changed only through the setters."""

    # facts
    preflight_changed = Signal(object)  # Preflight
    examples_changed = Signal(object)  # tuple[ShownSlice, ...]
    judgement_changed = Signal(object)  # Judgement | None
    versions_changed = Signal(object)  # tuple[VersionRow, ...]
    comparison_changed = Signal(object)  # Comparison

    # intentions
    preflight_requested = Signal(object)  # Wanted
    preflight_cancelled = Signal()
    pin_requested = Signal(str, str)  # pseudonym, part
    start_requested = Signal(object)  # Wanted
    pause_requested = Signal(bool)  # pause, or go on
    abandon_requested = Signal()
    judgement_requested = Signal(str)  # id of a version
    slice_requested = Signal(str)  # place of a shown slice, to open it
    judgement_shown = Signal()  # a candidate is ready to be looked at
    versions_requested = Signal()
    compare_requested = Signal(str, str)  # ids
    rename_requested = Signal(str, str)  # id, name
    export_requested = Signal(str, Path)  # id, .zip
    import_requested = Signal(Path)  # .zip or folder

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.preflight = Preflight()
        self.examples: tuple[ShownSlice, ...] = ()
        self.judgement: Judgement | None = None
        self.versions: tuple[VersionRow, ...] = ()
        self.comparison = Comparison()

    def set_preflight(self, preflight: Preflight) -> None:
        """Say what a retraining would take."""
        if preflight != self.preflight:
            self.preflight = preflight
            self.preflight_changed.emit(preflight)

    def set_examples(self, examples: tuple[ShownSlice, ...]) -> None:
        """Show how the training draws a few slices."""
        self.examples = examples
        self.examples_changed.emit(examples)

    def set_judgement(self, judgement: Judgement | None) -> None:
        """Say what a candidate is worth."""
        self.judgement = judgement
        self.judgement_changed.emit(judgement)

    def set_versions(self, versions: tuple[VersionRow, ...]) -> None:
        """Say which versions there are, with what they take."""
        if versions != self.versions:
            self.versions = versions
            self.versions_changed.emit(versions)

    def set_comparison(self, comparison: Comparison) -> None:
        """Hold two versions against each other."""
        self.comparison = comparison
        self.comparison_changed.emit(comparison)
