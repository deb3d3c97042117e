"""Known studies come back as they were, at once, and are read again only when a file changed."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from viewer.dicom import scan as scan_module
from viewer.dicom.scan import scan
from viewer.dicom.series import ScanResult, Study
from viewer.library import index, schema
from viewer.library.errors import LibraryError
from viewer.library.store import FILE_NAME, Library

Copy = Callable[[str], Path]


def settle(folder: Path, seconds: int = 100) -> None:
    """Let the files have been there for a while."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (path.stat().st_mtime - seconds, path.stat().st_mtime - seconds))


def known_scan(library: Library, *paths: Path) -> ScanResult:
    """Scan with what the library knows, and let it learn."""
    result = scan(paths, known=library)
    library.index_studies(result.studies, result.files)
    return result


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose headers are read."""
    names: list[str] = []
    read = scan_module._read

    def watched(path: Path, *more: object) -> object:
        names.append(path.name)
        return read(path, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(scan_module, "_read", watched)
    return names


def test_a_study_survives_packing(write_series_copy: Copy) -> None:
    folder = write_series_copy("series")
    data = pydicom.dcmread(folder / "IM0003.dcm")
    data.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    data.WindowWidth, data.WindowCenter = 80, 40
    data.save_as(folder / "IM0003.dcm")
    del data.ImagePositionPatient
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    data.PatientName = "Ångström^Žofie"
    data.save_as(folder / "x.dcm")
    (study,) = scan(folder).studies
    assert len(study.series) == 3
    assert index.unpack(index.pack(study)) == study


def test_equal_values_are_shared_when_unpacked(phantom_series: Path) -> None:
    series = index.unpack(index.pack(scan(phantom_series).studies[0])).series[0]
    first, last = series.slices[0], series.slices[-1]
    assert first.orientation is last.orientation
    assert len({id(place.pixels) for place in series.slices}) < 4


def test_a_second_scan_reads_no_file(library: Library, write_series_copy: Copy, reads: list[str]) -> None:
    folder = write_series_copy("series")
    settle(folder)
    first = known_scan(library, folder)
    assert len(reads) == 8
    told: list[Study] = []
    again = scan(folder, known=library, on_study=told.append)
    assert len(reads) == 8
    assert again.studies == first.studies == tuple(told)
    assert again.files == first.files


@pytest.mark.parametrize("change", ["touched", "longer", "new", "gone"])
def test_a_changed_study_is_read_again(
    library: Library, write_series_copy: Copy, reads: list[str], change: str
) -> None:
    folder = write_series_copy("series")
    settle(folder)
    known_scan(library, folder)
    reads.clear()
    victim = folder / "IM0004.dcm"
    if change == "touched":
        os.utime(victim, (1, 1))
    elif change == "longer":
        victim.write_bytes(victim.read_bytes() + b"\0\0")
    elif change == "new":
        data = pydicom.dcmread(victim)
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        data.ImagePositionPatient = [-83.125, -111.125, 40]
        data.save_as(folder / "IM0009.dcm")
    else:
        victim.unlink()
    settle(folder, 10)
    result = known_scan(library, folder)
    slices = {"new": 9, "gone": 7}.get(change, 8)
    assert len(result.studies[0].series[0].slices) == slices
    assert sorted(set(reads)) == sorted(path.name for path in folder.iterdir())
    reads.clear()
    assert known_scan(library, folder).studies == result.studies
    assert reads == []


def test_only_the_unknown_study_is_read(library: Library, write_series_copy: Copy, reads: list[str]) -> None:
    one = write_series_copy("one")
    settle(one)
    known_scan(library, one)
    reads.clear()
    result = scan([one, write_series_copy("two")], known=library)
    assert len(result.studies) == 2
    assert len(reads) == 8


def test_a_part_of_a_study_is_no_study(library: Library, write_series_copy: Copy, reads: list[str]) -> None:
    folder = write_series_copy("series")
    settle(folder)
    known_scan(library, folder)
    reads.clear()
    assert (
        len(scan([folder / "IM0001.dcm", folder / "IM0002.dcm"], known=library).studies[0].series[0].slices)
        == 2
    )
    assert len(reads) == 2


def test_files_left_out_belong_to_the_study_too(
    library: Library, write_series_copy: Copy, reads: list[str]
) -> None:
    folder = write_series_copy("series")
    (folder / "copy").write_bytes((folder / "IM0001.dcm").read_bytes())
    (folder / "notes.txt").write_text("nothing")
    settle(folder)
    known_scan(library, folder)
    reads.clear()
    assert len(scan(folder, known=library).studies) == 1
    assert reads == ["notes.txt"]


def test_files_that_changed_just_now_are_not_trusted(library: Library, write_series_copy: Copy) -> None:
    folder = write_series_copy("series")
    result = known_scan(library, folder)
    assert library.unchanged_studies(result.files[result.studies[0].study_uid]) == []


def test_a_study_opens_from_the_library_while_its_files_are_there(
    library: Library, write_series_copy: Copy
) -> None:
    folder = write_series_copy("series")
    settle(folder)
    (study,) = known_scan(library, folder).studies
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    library.save_thumbnail(study.study_uid, study.series[0].series_uid, grey)
    assert library.indexed_study(study.study_uid) == study
    uid = study.series[0].series_uid
    assert (library.thumbnails([uid, "1.2.3"])[uid] == grey).all()
    (folder / "IM0005.dcm").unlink()
    assert library.indexed_study(study.study_uid) is None
    assert library.indexed_study("1.2.3") is None


def test_thumbnails_go_with_their_study(library: Library, write_series_copy: Copy) -> None:
    folder = write_series_copy("series")
    settle(folder)
    result = known_scan(library, folder)
    (study,) = result.studies
    library.save_thumbnail(study.study_uid, study.series[0].series_uid, np.zeros((3, 4), np.uint8))
    library.save_thumbnail("unknown", "unknown", np.zeros((3, 4), np.uint8))
    library.index_studies(result.studies, {})
    assert library.thumbnails([study.series[0].series_uid]) == {}


def test_the_oldest_of_too_many_go(
    library: Library, write_series_copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_KEPT", 1)
    uids = []
    for name in ("one", "two"):
        folder = write_series_copy(name)
        settle(folder)
        uids.append(known_scan(library, folder).studies[0].study_uid)
    assert [library.indexed_study(uid) is not None for uid in uids] == [False, True]


def test_another_shape_of_values_is_not_read(
    library: Library, write_series_copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_series_copy("series")
    settle(folder)
    result = known_scan(library, folder)
    monkeypatch.setattr(index, "SHAPE", "newer")
    (uid,) = result.files
    assert library.indexed_study(uid) is None
    assert library.unchanged_studies(result.files[uid]) == []


def test_a_damaged_entry_is_said(library: Library, write_series_copy: Copy) -> None:
    folder = write_series_copy("series")
    settle(folder)
    (study,) = known_scan(library, folder).studies
    with sqlite3.connect(library.path) as connection:
        connection.execute("UPDATE study_index SET body = x'00'")
    connection.close()
    with pytest.raises(LibraryError, match="damaged"):
        library.indexed_study(study.study_uid)


def test_an_older_library_gets_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phantom_series: Path
) -> None:
    (study,) = scan(phantom_series).studies
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        old = Library(tmp_path / "old")
        old.remember_study(study)
        old.close()
    new = Library(tmp_path / "old")
    assert [row.study_uid for row in new.studies()] == [study.study_uid]
    assert new.indexed_study(study.study_uid) is None
    new.close()
    assert (tmp_path / "old" / FILE_NAME.replace(".sqlite3", ".version1.backup.sqlite3")).exists()
