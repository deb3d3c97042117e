"""The samples that something is judged on: a folder of CT-ICH or of sample files, one fold of it or all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from model.corpus import fold_of
from model.datasets import ct_ich
from model.datasets.folder import INDEX, Entry, open_data_set
from model.errors import PterionError
from model.sample import Sample, load_sample

FOLDS = 5


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

    def first(self, count: int) -> "Cases":
        """The first so many."""
        return Cases(self.name, self.loaders[:count])

    def __len__(self) -> int:
        """How many samples."""
        return len(self.loaders)


def open_cases(folder: Path, fold: int | None = None) -> Cases:
    """The samples of `folder`, those of one of the five folds or all. Raises PterionError where there is none.

    A folder of CT-ICH, a data set with its index, or loose sample files. The folds of CT-ICH are frozen; patients
    of other sources fall into them by a digest of their names.
    """
    if not folder.is_dir():
        raise PterionError(
            f"There is no folder {folder.name}. Name one with samples or CT-ICH.", code="NOT_FOUND"
        )
    if fold is not None and not 0 <= fold < FOLDS:
        raise PterionError(f"There is no fold {fold}. Choose one from 0 to {FOLDS - 1}.")
    loaders = tuple(load for patient, load in _loaders(folder) if fold is None or fold_of(patient()) == fold)
    if not loaders:
        what = "no sample" if fold is None else f"no patient of fold {fold}"
        raise PterionError(
            f"{folder.name} holds {what}. Name another folder, or make it with `pterion data`."
        )
    return Cases(folder.name if fold is None else f"{folder.name}, fold {fold}", loaders)


def _loaders(folder: Path) -> Iterator[tuple[Callable[[], str], Callable[[], Sample]]]:
    """How to tell the patient of each sample, and how to read it."""
    if (folder / ct_ich.TABLE).exists():
        for number in ct_ich.patients(folder):
            yield partial("ct-ich-{}".format, number), partial(ct_ich.read_patient, folder, number)
    elif (folder / INDEX).exists():
        data_set = open_data_set(folder)
        for entry in data_set.entries:
            yield partial(_patient_of_entry, entry), partial(data_set.read, entry)
    else:
        for path in sorted(p for p in folder.glob("*.npz") if not p.name.startswith(".")):
            yield partial(_patient_in_file, path), partial(load_sample, path)


def _patient_of_entry(entry: Entry) -> str:
    return entry.patient


def _patient_in_file(path: Path) -> str:
    return load_sample(path).patient
