"""What a training run learns from: sample files and CT-ICH, dealt into training and validation by patient."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from model.batches import Case, crop_sample
from model.datasets import ct_ich
from model.errors import PterionError
from model.sample import Sample, load_sample

SPLIT = Path(__file__).parent / "recipes" / "ct-ich-split.json"
"""Patients of CT-ICH for training, validation and test, fixed once. Nobody chooses anything by the test patients."""
FOLDS = Path(__file__).parent / "recipes" / "ct-ich-folds.json"
"""Five folds of CT-ICH by patient, stratified by subtype, fixed once."""
VALIDATION_ONE_IN = 6
"""One training patient in so many is kept for stopping, calibration and operating points."""
HELD_BACK = 12
"""One simulated patient in so many, by a digest of its name, is kept from training."""


class CasePool:
    """Cases of several folders in memory. New sample files are picked up by `refresh`.

    simulated, real: training cases. validation: named sets of cases that training never sees; `shifted` is
    `phantom` as another scanner would show it.
    """

    def __init__(self, folders: Sequence[Path], *, validation_cases: int = 8) -> None:
        self.simulated: list[Case] = []
        self.real: list[Case] = []
        self.validation: dict[str, list[Case]] = {"phantom": [], "shifted": [], "ct-ich": []}
        self._validation_cases = validation_cases
        self._folders = [f for f in folders if not (f / ct_ich.TABLE).exists()]
        self._seen: set[Path] = set()
        for folder in folders:
            if not folder.is_dir():
                raise PterionError(
                    f"There is no folder {folder.name}. Name folders that hold samples or CT-ICH."
                )
            if folder not in self._folders:
                self.real += ct_ich_cases(folder, "train")
                self.validation["ct-ich"] += ct_ich_cases(folder, "validation")

    @property
    def training(self) -> list[Case]:
        """All training cases."""
        return self.simulated + self.real

    def refresh(self, limit: int | None = None) -> int:
        """Read sample files that appeared since the last call, at most `limit`; how many were read."""
        found = (p for folder in self._folders for p in sorted(folder.glob("*.npz")))
        # A name with a dot in front is a file that is still being written.
        paths = [p for p in found if p not in self._seen and not p.name.startswith(".")]
        for path in paths[:limit]:
            self._seen.add(path)
            case = crop_sample(load_sample(path))
            if case.source != "phantom":
                self.real.append(case)
            elif not held_back(case.patient):
                self.simulated.append(case)
            elif len(self.validation["phantom"]) < self._validation_cases:
                self.validation["phantom"].append(case)
                self.validation["shifted"].append(shifted(case))
        return len(paths[:limit])


def deal_fold(folder: Path, fold: int | None, one_in: int = VALIDATION_ONE_IN) -> dict[str, list[str]]:
    """Numbers of the patients of a CT-ICH folder: `train`, `validation` and `test`. See `deal_patients`."""
    prefix = "ct-ich-"
    dealt = deal_patients({prefix + n: bleeds for n, bleeds in ct_ich.bleeding(folder).items()}, fold, one_in)
    return {part: [patient.removeprefix(prefix) for patient in patients] for part, patients in dealt.items()}


def deal_patients(
    bleeding: Mapping[str, bool], fold: int | None, one_in: int = VALIDATION_ONE_IN
) -> dict[str, list[str]]:
    """Patients of one source, by whether they bleed, dealt into `train`, `validation` and `test`.

    `fold` is the test; None tests on nobody. Of the others, bleeding or not, one in `one_in` is for validation
    (0: none). It all depends on the names alone, never on their order.
    """
    if fold is not None and not 0 <= fold < len(_folds()):
        raise PterionError(f"There is no fold {fold}. Choose one from 0 to {len(_folds()) - 1}.")
    test = sorted(p for p in bleeding if fold is not None and fold_of(p) == fold)
    validation: list[str] = []
    for kind in (True, False):
        rest = sorted((p for p in bleeding if p not in test and bleeding[p] == kind), key=_digest)
        validation += rest[::one_in] if one_in else []
    train = sorted(set(bleeding) - set(test) - set(validation))
    return {"train": train, "validation": sorted(validation), "test": test}


def fold_of(patient: str) -> int:
    """The fold of a patient by name: the frozen one in CT-ICH, elsewhere one by a digest of the name."""
    number = patient.removeprefix("ct-ich-")
    for fold, numbers in enumerate(_folds()):
        if number != patient and number in numbers:
            return fold
    return _digest(patient) % len(_folds())


@lru_cache(maxsize=1)
def _folds() -> list[list[str]]:
    folds: list[list[str]] = json.loads(FOLDS.read_text(encoding="utf-8"))["folds"]
    return folds


def _digest(name: str) -> int:
    return int(sha256(name.encode()).hexdigest()[:8], 16)


def held_back(patient: str) -> bool:
    """Whether a simulated patient is kept from training; depends on the name alone."""
    return int(sha256(patient.encode()).hexdigest()[:8], 16) % HELD_BACK == 0


def ct_ich_cases(folder: Path, part: str) -> list[Case]:
    """Cases of `part` (train, validation, test) of the fixed split of CT-ICH."""
    return [crop_sample(sample) for sample in ct_ich_samples(folder, part)]


def ct_ich_samples(folder: Path, part: str) -> Iterator[Sample]:
    """Samples of `part` of the fixed split; none where `folder` is not CT-ICH."""
    if not (folder / ct_ich.TABLE).exists():
        return
    present = set(ct_ich.patients(folder))
    for number in json.loads(SPLIT.read_text(encoding="utf-8"))[part]:
        if number in present:
            yield ct_ich.read_patient(folder, number)


def shifted(case: Case) -> Case:
    """The case as a scanner would show it that training does not know: +5 HU, 3 % gain, coarser noise, blur."""
    from scipy import ndimage

    rng = np.random.default_rng(int(sha256(case.patient.encode()).hexdigest()[:8], 16))
    noise = ndimage.gaussian_filter(rng.standard_normal(case.hu.shape), (0, 0.9, 0.9)) * 12
    blurred = ndimage.gaussian_filter(case.hu.astype(np.float32), (0, 0.7, 0.7))
    return replace(case, hu=np.rint(blurred * 1.03 + 5 + noise).astype(np.int16))
