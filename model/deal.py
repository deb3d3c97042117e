"""What a reader's annotations give to learn from, and which patients are kept apart to compare on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from model.batches import Case
from model.compare import ENOUGH_BLEEDING
from model.errors import PterionError
from model.labels import CODES, SUBTYPES
from model.sample import Sample

HELD_OUT_ONE_IN = 4


@dataclass(frozen=True)
class Counts:
    """What there is to learn from. slices: those a reader vouches for. subtypes: slices that show each."""

    patients: int
    bleeding_patients: int
    slices: int
    bleeding_slices: int
    subtypes: dict[str, int]

    @property
    def warning(self) -> str:
        """A sentence where there is too little to judge by, else empty."""
        if self.bleeding_patients >= ENOUGH_BLEEDING:
            return ""
        shown = f"Patients with a bleed among them: {self.bleeding_patients}"
        return f"{shown}, too few to tell whether the model gets better. Annotate at least {ENOUGH_BLEEDING}."


def count(samples: Iterable[Sample | Case]) -> Counts:
    """Count what a reader vouches for. Raises PterionError where there is nothing to learn from."""
    patients: dict[str, bool] = {}
    slices = bleeding = 0
    subtypes = dict.fromkeys(CODES, 0)
    for sample in samples:
        known = sample.scores[:, 0] >= 0
        present = sample.scores == 1
        slices += int(known.sum())
        bleeding += int(present[:, 0].sum())
        for subtype in SUBTYPES:
            subtypes[subtype.code] += int(present[:, subtype.value].sum())
        if known.any():
            patients[sample.patient] = patients.get(sample.patient, False) or bool(present[:, 0].any())
    if slices == 0:
        raise PterionError(
            "There is no annotated slice to learn from. Draw polygons, or mark slices as reviewed, and try again.",
            code="NOTHING_TO_LEARN",
        )
    return Counts(len(patients), sum(patients.values()), slices, bleeding, subtypes)


@dataclass(frozen=True)
class Deal:
    """Cases to train on, and those kept apart to compare on."""

    training: tuple[Case, ...]
    apart: tuple[Case, ...]
    held_out_patients: int
    held_out_bleeding: int


def held_out(patients: dict[str, bool]) -> frozenset[str]:
    """The patients to compare on and never to train on, from {pseudonym: bleeds}: about one in four.

    Chosen by a digest of the name, so that a patient stays on its side as others are added, but never more than a
    third of the bleeding patients, or of the others. Of two or more bleeding patients at least one is held out; a
    single patient is trained on.
    """
    chosen: set[str] = set()
    for bleeds in (True, False):
        group = sorted(
            (p for p, b in patients.items() if b is bleeds), key=lambda p: sha256(p.encode()).digest()
        )
        drawn = [p for p in group if _drawn(p)]
        if bleeds and len(group) > 1:
            drawn = drawn or group[:1]
        elif bleeds or len(group) < 3:
            drawn = []
        chosen.update(drawn[: max(len(group) // 3, 1)])
    return frozenset(chosen)


def _drawn(patient: str) -> bool:
    return sha256(patient.encode()).digest()[-1] % HELD_OUT_ONE_IN == 0


def deal(cases: Sequence[Case]) -> Deal:
    """Part the cases by patient."""
    bleeds = {case.patient: False for case in cases}
    for case in cases:
        bleeds[case.patient] |= bool((case.scores[:, 0] == 1).any())
    apart = held_out(bleeds)
    return Deal(
        tuple(case for case in cases if case.patient not in apart),
        tuple(case for case in cases if case.patient in apart),
        len(apart),
        sum(bleeds[patient] for patient in apart),
    )
