"""What a reader's annotations give to learn from, and which patients train, validate and test: stored for ever."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import numpy as np

from model.batches import Case
from model.errors import PterionError
from model.labels import CODES, SUBTYPES
from model.sample import Sample

TRAIN, VALIDATION, TEST = PARTS = ("train", "validation", "test")
SHARES = {TRAIN: 0.6, TEST: 0.2, VALIDATION: 0.2}
"""Where two parts lack as much, the one named first gets the next patient."""
LEAST_BLEEDING = 3
"""Bleeding patients below which a retraining is refused."""
PILOT_SLICES = 20
"""Slices below which a retraining is only a pilot."""
ENOUGH_BLEEDING = 6
"""Bleeding patients below which the number of steps is fixed and nobody can tell whether a model got better."""


@dataclass(frozen=True)
class Counts:
    """What there is to learn from.

    slices: those a reader vouches for; negatives: of them without bleeding. subtypes, subtype_patients, regions:
    slices, patients and outlines (areas that touch, slice by slice) that show each.
    """

    patients: int = 0
    bleeding_patients: int = 0
    slices: int = 0
    bleeding_slices: int = 0
    negatives: int = 0
    subtypes: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(CODES, 0))
    subtype_patients: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(CODES, 0))
    regions: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(CODES, 0))

    @property
    def refusal(self) -> str:
        """Why there is too little to train on at all, and what is missing; else empty."""
        if self.slices == 0:
            return "There is no annotated slice to learn from. Draw polygons or mark slices as reviewed, and try again."
        if self.bleeding_patients >= LEAST_BLEEDING:
            return ""
        missing = LEAST_BLEEDING - self.bleeding_patients
        return (
            f"Patients with a bleed among the annotated ones: {self.bleeding_patients}; a retraining needs "
            f"{LEAST_BLEEDING}. Annotate bleeds of {missing} more patient{'s' * (missing != 1)}."
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What limits a retraining on this, in sentences."""
        found = []
        if self.slices < PILOT_SLICES:
            found.append(
                f"A pilot: {self.slices} annotated slices. Below {PILOT_SLICES} a model learns little that lasts."
            )
        if self.bleeding_patients < ENOUGH_BLEEDING:
            found.append(
                f"Patients with a bleed: {self.bleeding_patients}. Below {ENOUGH_BLEEDING} the training has a fixed "
                "length, and nobody can tell whether the model got better."
            )
        if self.slices and not self.negatives:
            found.append(
                "No slice without a bleed is marked as reviewed. Mark some, or the model sees bleeds everywhere."
            )
        shown = [code for code in CODES if self.subtypes[code]]
        if len(shown) == 1:
            found.append(f"Only {shown[0]} is annotated; the other subtypes follow the bundled model.")
        return tuple(found)

    @property
    def warning(self) -> str:
        """The warnings in one line."""
        return " ".join(self.warnings)


class Tally:
    """Counts samples one by one, so that they need not stay in memory."""

    def __init__(self) -> None:
        self._patients: dict[str, bool] = {}
        self._of_subtype: dict[str, set[str]] = {code: set() for code in CODES}
        self._slices = dict.fromkeys(CODES, 0)
        self._regions = dict.fromkeys(CODES, 0)
        self._known = self._bleeding = 0

    def add(self, sample: Sample | Case) -> None:
        """Count one sample."""
        known, present = sample.scores[:, 0] >= 0, sample.scores == 1
        self._known += int(known.sum())
        self._bleeding += int(present[:, 0].sum())
        for subtype in SUBTYPES:
            shown = present[:, subtype.value]
            self._slices[subtype.code] += int(shown.sum())
            if shown.any():
                self._of_subtype[subtype.code].add(sample.patient)
                self._regions[subtype.code] += _areas(sample.labels[shown] == subtype.value)
        if known.any() or present.any():
            self._patients[sample.patient] = self._patients.get(sample.patient, False) or bool(
                present[:, 0].any()
            )

    @property
    def bleeds(self) -> dict[str, bool]:
        """Whether each patient so far bleeds."""
        return dict(self._patients)

    @property
    def counts(self) -> Counts:
        """What was counted so far."""
        return Counts(
            len(self._patients),
            sum(self._patients.values()),
            self._known,
            self._bleeding,
            self._known - self._bleeding,
            dict(self._slices),
            {code: len(names) for code, names in self._of_subtype.items()},
            dict(self._regions),
        )


def _areas(masks: "np.ndarray[Any, np.dtype[np.bool_]]") -> int:
    """Areas that touch, slice by slice, of (slices, rows, columns)."""
    from scipy import ndimage

    return sum(int(ndimage.label(mask, np.ones((3, 3)))[1]) for mask in masks)


def count(samples: Iterable[Sample | Case]) -> Counts:
    """Count what a reader vouches for. Raises PterionError where there is nothing to learn from."""
    tally = Tally()
    for sample in samples:
        tally.add(sample)
    if tally.counts.slices == 0:
        raise PterionError(tally.counts.refusal, code="NOTHING_TO_LEARN")
    return tally.counts


@dataclass(frozen=True)
class Split:
    """Which part each patient belongs to, by pseudonym; a patient has one. pinned: those that the reader placed."""

    parts: Mapping[str, str] = field(default_factory=dict)
    pinned: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Raise ValueError for a part that does not exist, and for a pinned patient without one."""
        strange = set(self.parts.values()) - set(PARTS)
        if strange or not self.pinned <= self.parts.keys():
            raise ValueError(f"parts are {', '.join(PARTS)}, got {sorted(strange) or sorted(self.pinned)}")

    def extended(self, bleeds: Mapping[str, bool]) -> "Split":
        """With newcomers dealt, from {pseudonym: bleeds}; nobody who has a part changes it.

        Newcomers come in the order of a digest of their names, bleeding and not bleeding apart; each goes where its
        group lacks most for 60/20/20.
        """
        parts = dict(self.parts)
        for kind in (True, False):
            group = [patient for patient, bleeding in bleeds.items() if bleeding is kind]
            newcomers = sorted((p for p in group if p not in parts), key=_digest)
            held = {part: sum(parts.get(p) == part for p in group) for part in SHARES}
            for number, patient in enumerate(newcomers, start=1 + sum(held.values())):
                lacking = {part: round(share * number - held[part], 9) for part, share in SHARES.items()}
                part = max(lacking, key=lacking.__getitem__)
                parts[patient] = part
                held[part] += 1
        return Split(parts, self.pinned)

    def pin(self, patient: str, part: str) -> "Split":
        """With a patient placed by the reader."""
        return replace(self, parts={**self.parts, patient: part}, pinned=self.pinned | {patient})

    def to_json(self) -> dict[str, Any]:
        """As a library keeps it."""
        return {"parts": dict(self.parts), "pinned": sorted(self.pinned)}

    @classmethod
    def from_json(cls, table: Any) -> "Split":
        """From what a library keeps; empty where it keeps none. Raises PterionError where that is damaged."""
        if table is None:
            return cls()
        try:
            return cls(dict(table["parts"]), frozenset(table["pinned"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PterionError(
                f"The split of the patients for retraining is damaged ({error}). Put a backup copy of the library in "
                "its place: dealt anew, test patients would have been trained on.",
                code="SPLIT",
            ) from error


def _digest(patient: str) -> bytes:
    return sha256(patient.encode()).digest()


@dataclass(frozen=True)
class Deal:
    """Cases to train on, to stop and set operating points by, and to judge on."""

    training: tuple[Case, ...]
    validation: tuple[Case, ...] = ()
    test: tuple[Case, ...] = ()

    def patients(self, part: str, *, bleeding: bool = False) -> int:
        """How many patients a part has, or how many of them bleed."""
        cases = {TRAIN: self.training, VALIDATION: self.validation, TEST: self.test}[part]
        return len({c.patient for c in cases if not bleeding or (c.scores[:, 0] == 1).any()})


def deal(cases: Sequence[Case], split: Split) -> Deal:
    """Part the cases by patient. Raises PterionError where none that bleeds is left to train on."""
    training, validation, test = (
        tuple(case for case in cases if split.parts[case.patient] == part)
        for part in (TRAIN, VALIDATION, TEST)
    )
    dealt = Deal(training, validation, test)
    if not dealt.patients(TRAIN, bleeding=True):
        raise PterionError(
            "No patient with a bleed is left to train on: all are pinned to validation or test. Pin some to training.",
            code="NOTHING_TO_LEARN",
        )
    return dealt


def without_subtypes(sample: Sample, reviewed: Iterable[str]) -> Sample:
    """The sample as someone read it who only marked the subtypes `reviewed`: of the others nothing is known.

    A slice that shows none of the reviewed ones is no negative then: its `any` is unknown too.
    """
    unseen = [subtype.value for subtype in SUBTYPES if subtype.code not in set(reviewed)]
    if not unseen:
        return sample
    scores = sample.scores.copy()
    for value in unseen:
        scores[:, value] = np.where(scores[:, value] == 1, 1, -1)
    scores[:, 0] = np.where(scores[:, 0] == 0, -1, scores[:, 0])
    return replace(sample, scores=scores)
