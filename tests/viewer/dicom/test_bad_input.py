"""Input at fault gives a sentence that says what, where and what to do; the rest of the folder still opens."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.errors import PterionError
from viewer.dicom import header as header_module
from viewer.dicom.load import allocate, load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem

Copy = Callable[..., Path]


def test_a_file_that_is_not_dicom(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague")
    with pytest.raises(PterionError) as caught:
        scan(tmp_path / "letter.txt")
    assert caught.value.code == "NOT_DICOM"
    assert str(caught.value) == "letter.txt is not a DICOM image. Open a CT series or its folder."


def test_a_folder_without_dicom(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"\x89PNG" + bytes(500))
    (tmp_path / "pictures" / "empty").write_bytes(b"")
    with pytest.raises(PterionError) as caught:
        scan(tmp_path / "pictures")
    assert caught.value.code == "NO_DICOM"
    assert str(caught.value).startswith("pictures holds no DICOM images (2 files looked at). Open")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match="holds no DICOM images"):
        scan(tmp_path)


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match=r"^Opening gone failed: it does not exist\. Check the path\.$"):
        scan(tmp_path / "gone")


def test_no_paths() -> None:
    with pytest.raises(PterionError, match="No path holds no DICOM images"):
        scan([])


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("viewer.dicom.sources.os.scandir", refuse)
    with pytest.raises(PterionError, match="permission is denied"):
        scan(tmp_path)


def test_a_file_that_may_not_be_read_does_not_hide_the_rest(
    write_series_copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_series_copy()
    open_file = os.open

    def refuse(path: Path, flags: int) -> int:
        if Path(path).name == "IM0003.dcm":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return open_file(path, flags)

    monkeypatch.setattr(header_module.os, "open", refuse)
    result = scan(folder)
    assert len(result.studies[0].series[0].slices) == 7
    assert [(note.problem, note.badge) for note in result.notes] == [
        (Problem.UNREADABLE_FILES, "1 unreadable")
    ]
    assert "IM0003.dcm: permission denied" in result.notes[0].text


def test_strangers_beside_a_series_are_passed_over(write_series_copy: Copy) -> None:
    folder = write_series_copy()
    (folder / "README").write_text("Thank you for using this CD")
    (folder / "empty").write_bytes(b"")
    (folder / "video.avi").write_bytes(b"RIFF" + bytes(1000))
    result = scan(folder)
    assert len(result.studies[0].series[0].slices) == 8
    assert result.notes == ()


def test_strangers_with_the_name_of_dicom_files_are_named(write_series_copy: Copy) -> None:
    folder = write_series_copy()
    (folder / "empty.DCM").write_bytes(b"")
    (folder / "letter.dcm").write_text("Dear colleague")
    result = scan(folder)
    assert len(result.studies[0].series[0].slices) == 8
    (note,) = result.notes
    assert (note.problem, note.badge) == (Problem.UNREADABLE_FILES, "2 unreadable")
    assert "empty.DCM: it is no DICOM file" in note.text
    with pytest.raises(PterionError, match=r"letter\.dcm is not a DICOM image"):
        scan(folder / "letter.dcm")


def test_a_truncated_file_keeps_its_place_and_the_rest_opens(write_series_copy: Copy) -> None:
    folder = write_series_copy()
    os.truncate(folder / "IM0004.dcm", 9000)
    (series,) = scan(folder).studies[0].series
    assert len(series.slices) == 8
    (note,) = series.notes
    assert (note.problem, note.badge) == (Problem.UNREADABLE_FILES, "1 unreadable")
    assert note.text == (
        "1 file cannot be read (IM0004.dcm: it is cut short). Copy or export the series again."
    )
    volume = load_all(series)
    assert volume.failed.tolist() == [False] * 3 + [True] + [False] * 4
    assert (volume.hu[3] == -1024).all()


def test_a_series_of_which_nothing_can_be_read(write_series_copy: Copy) -> None:
    folder = write_series_copy()
    for path in folder.iterdir():
        os.truncate(path, 9000)
    (series,) = scan(folder).studies[0].series
    assert "8 unreadable" in [note.badge for note in series.notes]
    with pytest.raises(PterionError, match="No slice of the series can be read"):
        load_all(series)


def test_only_broken_headers(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM\x02\0\x00\0UL\x04\0")
    with pytest.raises(PterionError, match=r"1 file cannot be read \(a.dcm: it ends within") as caught:
        scan(tmp_path)
    assert caught.value.code == "UNREADABLE_FILES"


@pytest.mark.parametrize("syntax", ["explicit", "JPEG 2000"])
def test_a_claim_of_huge_size_takes_no_memory(
    write_series_copy: Copy, recode: Callable[..., None], syntax: str
) -> None:
    folder = write_series_copy()
    recode(folder / "IM0001.dcm", syntax)
    data = pydicom.dcmread(folder / "IM0001.dcm")
    data.Rows = data.Columns = 65535
    data.save_as(folder / "IM0001.dcm")
    (series,) = scan(folder).studies[0].series
    assert len(series.slices) == 7
    (note,) = [note for note in series.notes if note.problem is Problem.UNREADABLE_FILES]
    assert "IM0001.dcm: it claims 65535 × 65535 pixels" in note.text
    (alone,) = scan(folder / "IM0001.dcm").studies[0].series
    assert alone.problems == {Problem.NO_PIXELS, Problem.UNREADABLE_FILES}
    with pytest.raises(PterionError, match="cannot be opened"):
        allocate(alone)


def test_more_memory_than_there_is_is_refused(
    write_series_copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    (series,) = scan(write_series_copy()).studies[0].series
    monkeypatch.setattr("viewer.dicom.load.memory_bytes", lambda: 100_000)
    with pytest.raises(PterionError, match=r"needs 0\.0 GB of memory \(8 slices of 128 × 96\)"):
        allocate(series)


def test_a_dicomdir_is_neither_image_nor_error(write_series_copy: Copy) -> None:
    folder = write_series_copy()
    data = pydicom.dcmread(folder / "IM0001.dcm")
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = pydicom.uid.MediaStorageDirectoryStorage
    del data.SeriesInstanceUID, data.PixelData
    data.save_as(folder / "DIRFILE")
    result = scan(folder)
    assert (len(result.studies), len(result.studies[0].series), result.notes) == (1, 1, ())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_never_crashes_the_scan(
    phantom_series: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray((phantom_series / "IM0001.dcm").read_bytes()[: 132 + 2600])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 1600))
        content[at] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(100, len(content))) :]
    path = tmp_path / "broken.dcm"
    path.write_bytes(content)
    try:
        result = scan(path)
    except PterionError:
        return
    for series in result.studies[0].series:
        try:
            load_all(series)
        except PterionError:
            continue
