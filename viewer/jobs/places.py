"""Which slice of the library a training's name for it stands for."""

from dataclasses import dataclass
from pathlib import Path

from model.datasets.names import digest
from viewer.corpora.annotations import salt_of
from viewer.dicom.volume import Volume
from viewer.library.store import Library


@dataclass(frozen=True)
class Place:
    """One slice. key: of its series. patient: ID. folders: those of its files that are there. name: the slice's, made
    with the library's salt."""

    key: tuple[str, str]
    patient: str
    folders: tuple[Path, ...]
    name: str
    salt: str

    def index_in(self, volume: Volume) -> int | None:
        """Where the slice is in the volume of its series; None where it is not."""
        for index, header in enumerate(volume.series.slices):
            if f"{digest(header.sop_uid, self.salt)}:{header.frame}" == self.name:
                return index
        return None


def find_place(library: Library, name: str) -> Place | None:
    """The slice that `model.examples.place_of` named; None where no series of the library is meant."""
    series_name, _, slice_name = name.partition("/")
    salt = salt_of(library)
    for study in library.studies():
        for series in study.series:
            if digest(series.series_uid, salt) == series_name:
                folders = dict.fromkeys(path.parent for path in series.files)
                there = tuple(folder for folder in folders if folder.is_dir())
                key = study.study_uid, series.series_uid
                return Place(key, study.patient_id, there, slice_name, salt)
    return None
