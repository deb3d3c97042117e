"""Folders, discs with a DICOMDIR, slow media and archives of other kinds, as a scan meets them."""

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from model.errors import Cancelled, PterionError
from viewer.dicom import files, media, sources
from viewer.dicom.cache import Cache, with_origins
from viewer.dicom.dicomdir import is_dicomdir, read_dicomdir
from viewer.dicom.load import load_all
from viewer.dicom.quiet import quiet
from viewer.dicom.scan import scan
from viewer.dicom.sources import Sources

CopySeries = Callable[[str], Path]

pytestmark = pytest.mark.usefixtures("cache_of_its_own")


def write_dicomdir(path: Path, references: list[list[str]]) -> Path:
    """A DICOMDIR with one IMAGE record for each reference, after a PATIENT record that refers to nothing."""
    records = [record("PATIENT", [])] + [record("IMAGE", parts) for parts in references]
    dataset = Dataset()
    dataset.FileSetID = "DISC"
    dataset.DirectoryRecordSequence = Sequence(records)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with quiet():
        pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return path


def record(kind: str, parts: list[str]) -> Dataset:
    made = Dataset()
    made.OffsetOfTheNextDirectoryRecord = 0
    made.RecordInUseFlag = 0xFFFF
    made.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    made.DirectoryRecordType = kind
    if parts:
        with quiet():  # names that the standard does not allow
            made.ReferencedFileID = parts
    return made


@pytest.fixture
def disc(phantom_series: Path, tmp_path: Path) -> Path:
    """A folder as a disc shows it: images/im0001 … im0008 in small letters."""
    folder = tmp_path / "disc"
    (folder / "images").mkdir(parents=True)
    for number, path in enumerate(sorted(phantom_series.iterdir()), 1):
        shutil.copy(path, folder / "images" / f"im{number:04d}")
    return folder


def upper(count: int = 8) -> list[list[str]]:
    return [["IMAGES", f"IM{number:04d}"] for number in range(1, count + 1)]


@pytest.mark.parametrize("name", ["DICOMDIR", "dicomdir.", "Verzeichnis Müller"])
def test_dicomdir_opens_what_it_names_whatever_its_own_name(disc: Path, name: str) -> None:
    result = scan(write_dicomdir(disc / name, upper()))
    assert len(result.studies[0].series[0].slices) == 8
    assert result.notes == ()


def test_dicomdir_opens_nothing_else(disc: Path) -> None:
    result = scan(write_dicomdir(disc / "DICOMDIR", upper(5)))
    assert len(result.studies[0].series[0].slices) == 5


def test_files_that_a_dicomdir_names_and_are_missing_are_listed(disc: Path) -> None:
    (disc / "images" / "im0002").unlink()
    for path in (write_dicomdir(disc / "DICOMDIR", upper()), disc):
        result = scan(path)
        assert len(result.studies[0].series[0].slices) == 7
        assert "IMAGES/IM0002: the DICOMDIR names it, but it is missing" in result.notes[0].text


@pytest.mark.parametrize(
    ("named", "real"),
    [("IM1", "im1"), ("IM1", "IM1;1"), ("IM1", "im1.dcm"), ("im1.", "IM1"), ("Im 1", "iM 1.DCM")],
)
def test_reference_finds_its_file_in_any_spelling(tmp_path: Path, named: str, real: str) -> None:
    (tmp_path / real).write_bytes(b"x")
    assert read_dicomdir(write_dicomdir(tmp_path / "DICOMDIR", [[named]])).found == (tmp_path / real,)


def test_extension_is_guessed_only_where_there_is_one_such_file(tmp_path: Path) -> None:
    (tmp_path / "im1.dcm").write_bytes(b"x")
    (tmp_path / "im1.txt").write_bytes(b"x")
    directory = read_dicomdir(write_dicomdir(tmp_path / "DICOMDIR", [["IM1"]]))
    assert directory.missing == ("IM1",)


@pytest.mark.parametrize("parts", [["..", "SECRET"], ["/etc", "passwd"], ["C:", "SECRET"]])
def test_reference_out_of_the_disc_is_not_followed(tmp_path: Path, parts: list[str]) -> None:
    (tmp_path / "SECRET").write_bytes(b"x")
    (tmp_path / "disc").mkdir()
    directory = read_dicomdir(write_dicomdir(tmp_path / "disc" / "DICOMDIR", [parts]))
    assert directory.found == ()
    assert len(directory.missing) == 1


def test_path_in_one_component_is_understood(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x")
    assert read_dicomdir(write_dicomdir(tmp_path / "DICOMDIR", [["A/B"]])).found == (tmp_path / "a" / "b",)


def test_damaged_dicomdir_is_an_error_alone_and_none_in_a_folder(disc: Path) -> None:
    path = write_dicomdir(disc / "DICOMDIR", upper())
    data = path.read_bytes()
    path.write_bytes(data[:400] + b"\xff" * 300)
    assert is_dicomdir(path)
    assert len(scan(disc).studies[0].series[0].slices) == 8
    with pytest.raises(PterionError):
        scan(path)


def test_dicomdir_of_a_disc_without_its_files_is_an_error(tmp_path: Path) -> None:
    path = write_dicomdir(tmp_path / "DICOMDIR", upper())
    with pytest.raises(PterionError, match="8 files cannot be read") as caught:
        scan(path)
    assert caught.value.code == "UNREADABLE_FILES"


def test_many_missing_files_are_counted(tmp_path: Path) -> None:
    one = Sources([write_dicomdir(tmp_path / "DICOMDIR", upper(80))])
    assert list(one.files()) == []
    assert len(one.damaged) == 51
    assert one.damaged[-1][0] == "30 more files"


# ------------------------------------------------------------------------------------------------------- slow media


@pytest.fixture
def slow_disc(disc: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sources, "slow", lambda folder, _files: folder == disc or disc in folder.parents)
    return disc


def test_slow_disc_is_copied_before_it_is_read(slow_disc: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    result = scan(slow_disc, on_progress=lambda *how_far: told.append(how_far))
    (series,) = result.studies[0].series
    assert all(tmp_path / "cache" in one.path.parents for one in series.slices)
    shutil.rmtree(slow_disc)
    assert load_all(series).loaded.all()
    assert told[-1][0] == "Copying from disc"
    assert told[-1][1] == told[-1][2] > 0


def test_study_is_known_by_where_it_came_from(slow_disc: Path, phantom_series: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in phantom_series.iterdir():
            archive.write(path, path.name)
    (packed,) = scan(tmp_path / "a.zip").studies
    assert {one.path for one in with_origins(packed).series[0].slices} == {tmp_path / "a.zip"}
    (copied,) = scan(slow_disc).studies
    found = {one.path for one in with_origins(copied).series[0].slices}
    assert found == set((slow_disc / "images").iterdir())
    (plain,) = scan(phantom_series).studies
    assert with_origins(plain) == plain


def test_single_files_of_a_slow_disc_are_copied(slow_disc: Path, tmp_path: Path) -> None:
    found = sorted((slow_disc / "images").iterdir())
    (series,) = scan(found).studies[0].series
    assert len(series.slices) == 8
    assert all(tmp_path / "cache" in one.path.parents for one in series.slices)


def test_slow_disc_is_copied_once(slow_disc: Path) -> None:
    first, second = scan(slow_disc), scan(slow_disc)
    assert first.studies == second.studies


def test_another_disc_in_the_same_drive_is_another(slow_disc: Path) -> None:
    """Discs of one scanner may hold as many files of the same names and sizes; the second patient is shown, then."""
    (study,) = scan(slow_disc).studies
    before = {path: path.stat() for path in (slow_disc / "images").iterdir()}
    for path, state in before.items():
        data = path.read_bytes()
        changed = data.replace(b"Phantom^Test", b"Someone^Else").replace(b"PHANTOM", b"STRANGE")
        path.write_bytes(changed)
        os.utime(path, ns=(state.st_mtime_ns, state.st_mtime_ns + 1))
        assert path.stat().st_size == state.st_size
        assert changed != data
    (other,) = scan(slow_disc).studies
    assert (study.patient_name, other.patient_name) == ("Phantom^Test", "Someone^Else")


def test_a_file_that_vanishes_before_it_is_copied_does_not_stop_the_others(
    slow_disc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = next((slow_disc / "images").iterdir())
    monkeypatch.setattr(sources, "slow", lambda *_: gone.unlink(missing_ok=True) or True)
    result = scan(slow_disc)
    assert len(result.studies[0].series[0].slices) == 7
    assert gone.name in result.notes[0].text


def test_what_is_no_dicom_stays_on_the_disc(slow_disc: Path, tmp_path: Path) -> None:
    (slow_disc / "viewer.exe").write_bytes(b"MZ" + bytes(5000))
    scan(slow_disc)
    assert not list((tmp_path / "cache").rglob("*viewer.exe"))


def test_copying_can_be_cancelled(slow_disc: Path) -> None:
    asked = iter([False, False, True, True, True, True, True, True])
    with pytest.raises(Cancelled):
        list(Sources([slow_disc], cancelled=lambda: next(asked)).files())


def test_without_room_for_a_copy_the_disc_itself_is_read(
    slow_disc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cache, "room", lambda _self, _needed: False)
    (series,) = scan(slow_disc).studies[0].series
    assert all(slow_disc in one.path.parents for one in series.slices)


MOUNTS = r"""21 1 0:20 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
36 21 11:0 / /media/My\040CD ro,nosuid - iso9660 /dev/sr0 ro
40 21 0:31 / /mnt/pacs rw - cifs //server/pacs rw
41 21 0:32 / /home rw - ext4 /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/media/My CD/images", "iso9660"), ("/mnt/pacs", "cifs"), ("/home/a", "ext4"), ("/mnt/pacs2", "ext4")],
)
def test_kind_of_mount(folder: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(media, "_MOUNTS", tmp_path / "mountinfo")
    assert media.mount_type(Path(folder)) == kind
    assert media.slow(Path(folder)) is (kind != "ext4")


def test_slowness_is_measured_where_the_mount_tells_nothing(
    disc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = sorted((disc / "images").iterdir())
    monkeypatch.setattr(media, "_MOUNTS", disc / "none")
    monkeypatch.setattr(media, "seconds_a_file", lambda _files: 0.12)
    assert media.slow(disc, found)
    monkeypatch.setattr(media, "seconds_a_file", lambda _files: 0.002)
    assert not media.slow(disc, found)


def test_measurement_reads_a_few_files(disc: Path) -> None:
    assert 0 < media.seconds_a_file(sorted((disc / "images").iterdir())) < 5
    assert media.seconds_a_file([disc / "gone"]) == 0


# ------------------------------------------------------------------------------------------------------------ paths


@pytest.mark.parametrize("name", ["Schädel ÄÖÜ", "脳CT 画像", "a" * 200, "with 'quotes' and  spaces"])
def test_names_of_any_alphabet_and_length(write_series_copy: CopySeries, name: str, tmp_path: Path) -> None:
    folder = write_series_copy("s")
    deep = tmp_path / name / name / name
    deep.parent.mkdir(parents=True)
    folder.rename(deep)
    (series,) = scan(tmp_path / name).studies[0].series
    assert load_all(series).loaded.all()


@pytest.mark.skipif(os.name == "nt", reason="Windows names are Unicode")
def test_name_that_is_no_unicode(write_series_copy: CopySeries, tmp_path: Path) -> None:
    folder = write_series_copy("s")
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller"))
    folder.rename(odd)
    (series,) = scan(odd).studies[0].series
    assert load_all(series).loaded.all()


class WindowsPath:
    """As much of a path of Windows as making one longer takes."""

    def __init__(self, text: object) -> None:
        self.text = str(text)

    def __str__(self) -> str:
        return self.text

    def absolute(self) -> "WindowsPath":
        return self


def test_windows_takes_long_paths_with_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "name", "nt")
    monkeypatch.setattr(files, "Path", WindowsPath)
    assert files.extended("C:\\data") == "\\\\?\\C:\\data"
    assert files.extended("\\\\server\\data") == "\\\\?\\UNC\\server\\data"
    assert files.extended("\\\\?\\C:\\data") == "\\\\?\\C:\\data"
    deep = "C:\\" + "\\".join(["Schädel CT 脳"] * 30)
    assert str(files.reachable(deep)) == "\\\\?\\" + deep
    assert str(files.reachable("C:\\data")) == "C:\\data"


def test_prefix_goes_where_the_path_is_short() -> None:
    assert files.plain("\\\\?\\C:\\data") == Path("C:\\data")
    assert files.plain("\\\\?\\UNC\\server\\data") == Path("\\\\server\\data")
    assert files.plain("\\\\?\\C:\\" + "a" * 300) == Path("\\\\?\\C:\\" + "a" * 300)


def test_what_is_unpacked_may_have_long_paths_on_windows_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder that it goes to is named the long way; elsewhere the long way is the path itself."""
    named: list[str] = []
    monkeypatch.setattr("viewer.dicom.cache.extended", lambda text: named.append(text) or text)
    with Cache(tmp_path) as cache:
        assert named == [str(cache.folder)]
    assert files.reachable(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), "a 7z archive"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(50), "a RAR archive"),
        (b"\x1f\x8b\x08" + bytes(50), "a gzip archive"),
        (bytes(257) + b"ustar" + bytes(50), "a tar archive"),
        (bytes(0x8001) + b"CD001" + bytes(50), "a disc image"),
    ],
)
def test_other_archives_are_named(tmp_path: Path, data: bytes, what: str) -> None:
    (tmp_path / "a.bin").write_bytes(data)
    with pytest.raises(PterionError, match=rf"a\.bin is {what}, which Pterion does not open\. Unpack it"):
        scan(tmp_path / "a.bin")
