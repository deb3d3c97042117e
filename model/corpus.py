"""What a training run learns from, dealt into training, validation and test by patient."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from model.batches import Case
from model.datasets import ct_ich
from model.errors import PterionError

FOLDS = Path(__file__).parent / "recipes" / "ct-ich-folds.json"
"""Five folds of CT-ICH by patient, stratified by subtype, and validation patients of some: fixed once."""
VALIDATION_ONE_IN = 6
"""One training patient in so many is kept for stopping, calibration and operating points."""
_PREFIX = "ct-ich-"
HELD_BACK = 12
"""One simulated patient in so many, by a digest of its name, is kept from training."""
VALIDATION_HEADS = 8


@dataclass(frozen=True)
class Pool:
    """Cases in the parts that a run may touch.

    simulated, real: what it trains on. validation: named sets of cases that it never trains on; `shifted` is
    `phantom` as another scanner would show it. tested: patients that belong to the test fold, kept out altogether.
    """

    simulated: list[Case]
    real: list[Case]
    validation: dict[str, list[Case]]
    tested: list[str]

    @property
    def training(self) -> list[Case]:
        """All training cases."""
        return self.simulated + self.real


def deal_cases(
    cases: Sequence[Case], fold: int | None, one_in: int = VALIDATION_ONE_IN, *, heads: int = VALIDATION_HEADS
) -> Pool:
    """Deal cases by patient: simulated ones by `held_back`, the patients of each source by `deal_patients`.

    heads: simulated heads to validate on at most.
    """
    pool = Pool([], [], {"phantom": [], "shifted": []}, [])
    by_source: dict[str, list[Case]] = {}
    for case in cases:
        by_source.setdefault(case.source, []).append(case)
    for case in by_source.pop("phantom", []):
        if not (one_in and held_back(case.patient)):
            pool.simulated.append(case)
        elif len(pool.validation["phantom"]) < heads:
            pool.validation["phantom"].append(case)
            pool.validation["shifted"].append(shifted(case))
    kept: set[str] = set()
    for group in by_source.values():
        dealt = deal_patients(_bleeding(group), fold, one_in)
        kept.update(dealt["validation"])
        pool.tested.extend(patient for patient in dealt["test"] if patient not in pool.tested)
    for source, group in by_source.items():  # a patient of two sources is in the same part in both
        rest = [case for case in group if case.patient not in pool.tested]
        pool.real.extend(case for case in rest if case.patient not in kept)
        pool.validation[source] = [case for case in rest if case.patient in kept]
    return pool


def _bleeding(cases: Sequence[Case]) -> dict[str, bool]:
    """Whether a slice of each patient bleeds."""
    found: dict[str, bool] = {}
    for case in cases:
        found[case.patient] = found.get(case.patient, False) or bool((case.scores[:, 0] == 1).any())
    return found


def deal_fold(folder: Path, fold: int | None, one_in: int = VALIDATION_ONE_IN) -> dict[str, list[str]]:
    """Numbers of the patients of a CT-ICH folder: `train`, `validation` and `test`. See `deal_patients`."""
    dealt = deal_patients(
        {_PREFIX + n: bleeds for n, bleeds in ct_ich.bleeding(folder).items()}, fold, one_in
    )
    return {part: [patient.removeprefix(_PREFIX) for patient in patients] for part, patients in dealt.items()}


def deal_patients(
    bleeding: Mapping[str, bool], fold: int | None, one_in: int = VALIDATION_ONE_IN
) -> dict[str, list[str]]:
    """Patients of one source, by whether they bleed, dealt into `train`, `validation` and `test`.

    `fold` is the test; None tests on nobody. Of the others, bleeding or not, one in `one_in` is for validation
    (0: none); CT-ICH's are frozen for some folds. It all depends on the names alone, never on their order.
    """
    if fold is not None and not 0 <= fold < len(_folds()):
        raise PterionError(f"There is no fold {fold}. Choose one from 0 to {len(_folds()) - 1}.")
    test = sorted(p for p in bleeding if fold is not None and fold_of(p) == fold)
    frozen = {_PREFIX + number for number in _table()["validation"].get(str(fold), ())}
    validation = [p for p in bleeding if p in frozen and one_in]
    for kind in (True, False) if one_in and not validation else ():
        validation += sorted((p for p in bleeding if p not in test and bleeding[p] == kind), key=_digest)[
            ::one_in
        ]
    train = sorted(set(bleeding) - set(test) - set(validation))
    return {"train": train, "validation": sorted(validation), "test": test}


def fold_of(patient: str) -> int:
    """The fold of a patient by name: the frozen one in CT-ICH, elsewhere one by a digest of the name."""
    number = patient.removeprefix(_PREFIX)
    for fold, numbers in enumerate(_folds()):
        if number != patient and number in numbers:
            return fold
    return _digest(patient) % len(_folds())


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(FOLDS.read_text(encoding="utf-8"))
    return {"validation": {}, **table}


def _folds() -> list[list[str]]:
    folds: list[list[str]] = _table()["folds"]
    return folds


def _digest(name: str) -> int:
    return int(sha256(name.encode()).hexdigest()[:8], 16)


def held_back(patient: str) -> bool:
    """Whether a simulated patient is kept from training; depends on the name alone."""
    return int(sha256(patient.encode()).hexdigest()[:8], 16) % HELD_BACK == 0


def shifted(case: Case) -> Case:
    """The case as a scanner would show it that training does not know: +5 HU, 3 % gain, coarser noise, blur."""
    from scipy import ndimage

    rng = np.random.default_rng(int(sha256(case.patient.encode()).hexdigest()[:8], 16))
    noise = ndimage.gaussian_filter(rng.standard_normal(case.hu.shape), (0, 0.9, 0.9)) * 12
    blurred = ndimage.gaussian_filter(case.hu.astype(np.float32), (0, 0.7, 0.7))
    return replace(case, hu=np.rint(blurred * 1.03 + 5 + noise).astype(np.int16))
