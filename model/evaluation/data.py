"""The samples that something is judged on: a folder of CT-ICH or of sample files, one fold of it or all."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from model.datasets import ct_ich
from model.errors import PterionError
from model.sample import Sample, load_sample

FOLDS = Path(__file__).parent.parent / "recipes" / "ct-ich-folds.json"
"""Five times twelve patients of CT-ICH, stratified by subtype, frozen."""


@dataclass(frozen=True)
class Cases:
    """Samples that are read one at a time, as often as asked.

    name: of the data, as a report gives it. loaders: one a sample.
    """

    name: str
    loaders: tuple[Callable[[], Sample], ...]

    def __iter__(self) -> Iterator[Sample]:
        """Read and give each sample."""
        return (load() for load in self.loaders)

    def __len__(self) -> int:
        """How many samples."""
        return len(self.loaders)


def open_cases(folder: Path, fold: int | None = None) -> Cases:
    """The samples of `folder`, of `fold` (0 to 4, patients of CT-ICH) or all. Raises PterionError where none is."""
    if not folder.is_dir():
        raise PterionError(
            f"There is no folder {folder.name}. Name one with samples or CT-ICH.", code="NOT_FOUND"
        )
    wanted = None if fold is None else fold_patients(fold)
    if (folder / ct_ich.TABLE).exists():
        numbers = [n for n in ct_ich.patients(folder) if wanted is None or f"ct-ich-{n}" in wanted]
        loaders = tuple(_ct_ich_loader(folder, number) for number in numbers)
    else:
        paths = sorted(p for p in folder.glob("*.npz") if not p.name.startswith("."))
        # The patient stands in the file, so a fold reads all of them once.
        loaders = tuple(_file_loader(p) for p in paths if wanted is None or load_sample(p).patient in wanted)
    name = folder.name if fold is None else f"{folder.name}, fold {fold}"
    if not loaders:
        what = "sample" if fold is None else f"patient of fold {fold} of CT-ICH"
        raise PterionError(
            f"{folder.name} holds no {what}. Name another folder, or make it with `pterion data`."
        )
    return Cases(name, loaders)


def fold_patients(fold: int) -> frozenset[str]:
    """Patients of one of the frozen folds, as samples name them. Raises PterionError for a fold there is not."""
    folds = json.loads(FOLDS.read_text(encoding="utf-8"))["folds"]
    if not 0 <= fold < len(folds):
        raise PterionError(f"There is no fold {fold}. Folds are 0 to {len(folds) - 1}.")
    return frozenset(f"ct-ich-{number}" for number in folds[fold])


def _ct_ich_loader(folder: Path, number: str) -> Callable[[], Sample]:
    return lambda: ct_ich.read_patient(folder, number)


def _file_loader(path: Path) -> Callable[[], Sample]:
    return lambda: load_sample(path)
