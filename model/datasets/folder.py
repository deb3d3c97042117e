"""A data set: a folder of samples and `index.json`, which says what they are without opening them.

While a conversion runs, what it has written stands in `.index.jsonl`, a line a sample; the index is written from it
at the end. A folder with that journal is unfinished, and training refuses it.
"""

import json
import os
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from model.labels import BY_VALUE, SCORES, UNKNOWN_SUBTYPE
from model.sample import Sample, load_sample

INDEX, JOURNAL = "index.json", ".index.jsonl"
FORMAT = 1
UNKNOWN = "unknown"
"""Stands for bleeding of unknown subtype where volumes are told by subtype."""
DAMAGED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading JSON of another form raises."""
LONE_SLICE_MM = 5.0
"""What a slice without neighbours is taken to stand for along its normal."""


Tell = Callable[[int, int], None]
"""How many are done, of how many."""
_Thing = TypeVar("_Thing")


class DataSetError(PterionError):
    """A folder is not the data set it should be."""

    code = "DATA_SET"


@dataclass(frozen=True)
class Entry:
    """What the index says of one sample.

    file: its name in the folder. item: what it was made of, in the words of its source. shape: slices, rows, columns.
    subtypes: codes of those scored present in any slice. slices: by score (`any`, EDH, …), how many slices are scored
    present. known: slices of which it is known whether they bleed. volume_ml: by subtype and `unknown`, what is drawn.
    sha256, size: of the file, size in bytes. notes: what was left out or doubtful, in sentences.
    """

    file: str
    item: str
    patient: str
    source: str
    shape: tuple[int, int, int]
    subtypes: tuple[str, ...]
    slices: dict[str, int]
    known: int
    volume_ml: dict[str, float]
    sha256: str
    size: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataSet:
    """Samples of a folder, read one at a time when asked for.

    made_by: the command that made it and the options that decide what it made. skipped: items that gave no sample,
    with the reason.
    """

    folder: Path
    entries: tuple[Entry, ...]
    made_by: dict[str, Any]
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.entries)

    def patients(self) -> tuple[str, ...]:
        """Pseudonyms of all patients, each once, sorted."""
        return tuple(sorted({entry.patient for entry in self.entries}))

    def samples(self, patients: Container[str] | None = None) -> Iterator[Sample]:
        """The samples in the order of the index, of `patients` only if given. Raises as `read` does."""
        for entry in self.entries:
            if patients is None or entry.patient in patients:
                yield self.read(entry)

    def read(self, entry: Entry) -> Sample:
        """One sample. Raises PterionError where its file is gone, changed, or not what the index says."""
        path = self.folder / entry.file
        if digest_of(path) != entry.sha256:
            raise DataSetError(
                f"{entry.file} in {self.folder.name} is not the file that the index was made for. "
                "Make the data set again, or index it anew with `pterion data index`."
            )
        sample = load_sample(path)
        if (sample.patient, sample.source, sample.hu.shape) != (entry.patient, entry.source, entry.shape):
            raise DataSetError(
                f"{entry.file} in {self.folder.name} is not the sample that the index describes. "
                "Index it anew with `pterion data index`."
            )
        return sample


def open_data_set(folder: Path) -> DataSet:
    """The data set in `folder`. No sample is opened, but each must be there in the size that the index says.

    Raises DataSetError where the index is missing, unfinished, of another version, or does not fit the files.
    """
    if not folder.is_dir():
        raise DataSetError(f"There is no folder {folder.name}. Check the path.")
    if (folder / JOURNAL).exists():
        raise DataSetError(
            f"The data set {folder.name} is not finished. Run the command that makes it again; "
            "it goes on where it stopped."
        )
    data_set = read_index(folder)
    for entry in data_set.entries:
        path = folder / entry.file
        size = path.stat().st_size if path.is_file() else None
        if size != entry.size:
            state = "missing" if size is None else f"{size} bytes long, not {entry.size}"
            raise DataSetError(
                f"{entry.file} of the data set {folder.name} is {state}. Make the data set again."
            )
    return data_set


def read_index(folder: Path) -> DataSet:
    """What `index.json` of a folder says, whether or not the files are there. Raises DataSetError."""
    advice = f"Make the data set again, or index its samples with `pterion data index {folder.name}`."
    try:
        content = json.loads((folder / INDEX).read_text("utf-8"))
        if content["format"] != FORMAT:
            raise DataSetError(
                f"{INDEX} in {folder.name} is of format {content['format']}, this program reads {FORMAT}. {advice}"
            )
        entries = tuple(entry_of(each) for each in content["samples"])
        skipped = tuple((str(each["item"]), str(each["text"])) for each in content["skipped"])
        made_by = dict(content["made_by"])
    except FileNotFoundError:
        raise DataSetError(f"{folder.name} has no {INDEX}, so it is no data set. {advice}") from None
    except OSError as error:
        raise DataSetError(
            f"{INDEX} in {folder.name} cannot be read ({error.strerror}). Try again."
        ) from error
    except DAMAGED as error:
        raise DataSetError(f"{INDEX} in {folder.name} is damaged ({error}). {advice}") from error
    twice = _twice(entry.file for entry in entries)
    if twice:
        raise DataSetError(f"{INDEX} in {folder.name} names {twice} twice. {advice}")
    if not entries:
        raise DataSetError(f"{INDEX} in {folder.name} names no sample. {advice}")
    return DataSet(folder, entries, made_by, skipped)


def entry_of(content: dict[str, Any]) -> Entry:
    """An entry from its JSON form. Raises one of `DAMAGED`."""
    slices, rows, columns = (int(length) for length in content["shape"])
    entry = Entry(
        file=str(content["file"]),
        item=str(content["item"]),
        patient=str(content["patient"]),
        source=str(content["source"]),
        shape=(slices, rows, columns),
        subtypes=tuple(map(str, content["subtypes"])),
        slices={str(code): int(count) for code, count in content["slices"].items()},
        known=int(content["known"]),
        volume_ml={str(code): float(volume) for code, volume in content["volume_ml"].items()},
        sha256=str(content["sha256"]),
        size=int(content["size"]),
        notes=tuple(map(str, content["notes"])),
    )
    if set(entry.slices) != set(SCORES):
        raise ValueError(f"slices of {entry.file!r} must be counted for {', '.join(SCORES)}")
    if Path(entry.file).name != entry.file or entry.file.startswith("."):
        raise ValueError(f"{entry.file!r} is not the name of a file in the folder")
    return entry


def describe(sample: Sample, path: Path, item: str) -> Entry:
    """The entry of a sample that lies at `path`."""
    present = sample.scores == 1
    notes = sample.provenance.get("notes")
    return Entry(
        file=path.name,
        item=item,
        patient=sample.patient,
        source=sample.source,
        shape=(sample.hu.shape[0], sample.hu.shape[1], sample.hu.shape[2]),
        subtypes=tuple(code for code, column in zip(SCORES[1:], present.T[1:], strict=True) if column.any()),
        slices={code: int(column.sum()) for code, column in zip(SCORES, present.T, strict=True)},
        known=int((sample.scores[:, 0] >= 0).sum()),
        volume_ml=volumes_ml(sample),
        sha256=digest_of(path),
        size=path.stat().st_size,
        notes=tuple(map(str, notes)) if isinstance(notes, list) else (),
    )


def volumes_ml(sample: Sample) -> dict[str, float]:
    """What is drawn in mL, by subtype code and `unknown`: Σ area × half the gaps to both neighbours."""
    length_mm = slice_lengths_mm(sample.z_mm)
    area_mm2 = float(np.prod(sample.spacing_mm))
    counts = np.stack([np.bincount(label.ravel(), minlength=256) for label in sample.labels])
    volume = length_mm @ counts * area_mm2 / 1000
    names = {value: subtype.code for value, subtype in BY_VALUE.items()} | {UNKNOWN_SUBTYPE: UNKNOWN}
    return {name: round(float(volume[value]), 3) for value, name in names.items() if volume[value] > 0}


def slice_lengths_mm(z_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Length (slices,) along the normal that each slice stands for; end slices take their only gap."""
    gaps = np.diff(z_mm)
    if not gaps.size:
        return np.full(len(z_mm), LONE_SLICE_MM)
    padded = np.concatenate([gaps[:1], gaps, gaps[-1:]])
    return np.asarray((padded[:-1] + padded[1:]) / 2, np.float64)


def write_index(data_set: DataSet) -> None:
    """Write `index.json`, samples in the order of their names, whole or not at all. Raises OSError."""
    content = {
        "format": FORMAT,
        "made_by": data_set.made_by,
        "samples": [asdict(entry) for entry in sorted(data_set.entries, key=lambda entry: entry.file)],
        "skipped": [{"item": item, "text": text} for item, text in sorted(data_set.skipped)],
    }
    handle, temporary = tempfile.mkstemp(dir=data_set.folder, prefix=".index-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, data_set.folder / INDEX)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sample_paths(folder: Path) -> list[Path]:
    """The sample files of a folder, sorted; a name with a dot in front is a file that is still being written."""
    return sorted(path for path in folder.glob("*.npz") if not path.name.startswith("."))


def index_folder(folder: Path, tell: Tell | None = None) -> DataSet:
    """Open every sample of a folder and write an index for them. Raises PterionError."""
    if not folder.is_dir():
        raise DataSetError(f"There is no folder {folder.name}. Check the path.")
    paths = sample_paths(folder)
    entries = tuple(describe(load_sample(path), path, path.stem) for path in _told(paths, tell))
    if not entries:
        raise DataSetError(f"{folder.name} holds no samples (.npz). Choose another folder.")
    data_set = DataSet(folder, entries, {"command": "index", "options": {}})
    try:
        write_index(data_set)
    except OSError as error:
        raise DataSetError(f"{INDEX} cannot be written to {folder.name} ({error.strerror}).") from error
    return data_set


def check(data_set: DataSet, tell: Tell | None = None) -> Iterator[str]:
    """What is wrong with a data set, a sentence each, after reading every sample."""
    contents: dict[str, str] = {}
    for entry in _told(data_set.entries, tell):
        try:
            sample = data_set.read(entry)
        except PterionError as error:
            yield str(error)
            continue
        if describe(sample, data_set.folder / entry.file, entry.item) != entry:
            yield f"The index of {data_set.folder.name} describes {entry.file} wrongly. Index it anew."
        content = sha256(sample.hu.tobytes()).hexdigest()
        if content in contents:
            yield f"{entry.file} and {contents[content]} in {data_set.folder.name} show the same slices. Remove one."
        contents[content] = entry.file
    listed = {entry.file for entry in data_set.entries}
    for path in sample_paths(data_set.folder):
        if path.name not in listed:
            yield f"{path.name} lies in {data_set.folder.name}, but the index does not name it. Index it anew."


def shared_patients(data_sets: Sequence[DataSet]) -> Iterator[str]:
    """Patients who are in more than one data set, a sentence each: training on one and testing on another leaks."""
    places: dict[str, list[str]] = {}
    for data_set in data_sets:
        for patient in data_set.patients():
            places.setdefault(patient, []).append(data_set.folder.name)
    for patient, names in places.items():
        if len(names) > 1:
            yield f"Patient {patient} is in {' and in '.join(names)}. Do not train on one and test on the other."


def contents(data_set: DataSet) -> dict[str, Any]:
    """What a data set holds, in all and by source, for JSON: counts, and mL that are drawn."""
    sources = sorted({entry.source for entry in data_set.entries})
    return {
        "folder": str(data_set.folder),
        "made_by": data_set.made_by,
        "all": _counted(data_set.entries),
        "sources": {name: _counted([e for e in data_set.entries if e.source == name]) for name in sources},
        "skipped": [{"item": item, "text": text} for item, text in data_set.skipped],
    }


def _counted(entries: Sequence[Entry]) -> dict[str, Any]:
    volumes = sorted({code for entry in entries for code in entry.volume_ml})
    bleeding = {entry.patient for entry in entries if entry.slices["any"]}
    return {
        "samples": len(entries),
        "patients": len({entry.patient for entry in entries}),
        "bleeding_patients": len(bleeding),
        "slices": sum(entry.shape[0] for entry in entries),
        "known": sum(entry.known for entry in entries),
        "bleeding_slices": {code: sum(entry.slices[code] for entry in entries) for code in SCORES},
        "volume_ml": {code: round(sum(e.volume_ml.get(code, 0.0) for e in entries), 3) for code in volumes},
    }


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal. Raises DataSetError where it cannot be read."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataSetError(
            f"{path.name} in {path.parent.name} cannot be read ({error.strerror}). Make the data set again."
        ) from error


def _told(things: Sequence[_Thing], tell: Tell | None) -> Iterator[_Thing]:
    """The things, each counted when it is done."""
    for done, thing in enumerate(things, 1):
        yield thing
        if tell is not None:
            tell(done, len(things))


def _twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
