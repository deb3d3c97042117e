"""Archives of kinds that are met once a year, and a cache whose disk refuses."""

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from model.errors import PterionError
from viewer.dicom import cache
from viewer.dicom.cache import Cache
from viewer.dicom.scan import scan
from viewer.dicom.zips import Limits, Unpacking, check_directory, worth

DICOM = b"\0" * 128 + b"DICM" + b"\x02\0\0\0UL\x04\0" + b"\0" * 100

pytestmark = pytest.mark.usefixtures("cache_of_its_own")


def pack(path: Path, *names: str, method: int = 0, flags: int = 0) -> Path:
    """An archive of stored members whose headers claim another method, or other flags (APPNOTE 4.3.7, 4.3.12)."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, DICOM)
    data = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(signature)
        while place >= 0:
            struct.pack_into("<HH", data, place + at, flags, method)
            place = data.find(signature, place + 4)
    path.write_bytes(data)
    return path


def unpack(path: Path, folder: Path, **options: object) -> tuple[list[str], Unpacking]:
    unpacking = Unpacking(path, folder, **options)  # type: ignore[arg-type]
    return [file.name for file in unpacking.run()], unpacking


@pytest.mark.parametrize(("method", "name"), [(9, "Deflate64"), (98, "method 98")])
def test_a_method_that_nobody_here_reads_is_named(tmp_path: Path, method: int, name: str) -> None:
    found, unpacking = unpack(pack(tmp_path / "a.zip", "a.dcm", method=method), tmp_path / "out")
    assert found == []
    assert unpacking.damaged == [("a.dcm", f"it is compressed with {name}, which cannot be read")]


def test_strong_encryption_is_named_and_refused(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match="encrypted with strong encryption") as caught:
        unpack(pack(tmp_path / "a.zip", "a.dcm", flags=0x41), tmp_path / "out")
    assert caught.value.code == "ENCRYPTION"


def test_members_of_all_nested_archives_are_counted_together(tmp_path: Path) -> None:
    """Two archives of two files each within one: 2 + 4 members, of which five are allowed."""
    inner = [pack(tmp_path / name, "a.dcm", "b.dcm") for name in ("1.zip", "2.zip")]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in inner:
            archive.write(path, path.name)
    with pytest.raises(PterionError, match="more than 5 files") as caught:
        unpack(tmp_path / "all.zip", tmp_path / "out", limits=Limits(files=5))
    assert caught.value.code == "ARCHIVE_LIMIT"
    found, _ = unpack(tmp_path / "all.zip", tmp_path / "more", limits=Limits(files=6))
    assert len(found) == 4


def test_a_damaged_archive_within_an_archive_does_not_hide_the_rest(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("broken.zip", b"PK\x03\x04" + b"\0" * 500)
        archive.writestr("a.dcm", DICOM)
    found, unpacking = unpack(tmp_path / "all.zip", tmp_path / "out")
    assert found == ["a.dcm"]
    assert unpacking.damaged == [("broken.zip", "it is a damaged archive")]
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["a.dcm"]


def test_a_name_in_utf_8_that_does_not_say_so_is_mended(tmp_path: Path) -> None:
    """Old tools write UTF-8 without flag 0x800; zipfile takes it for code page 437."""
    path = pack(tmp_path / "a.zip", "Sch\N{LATIN SMALL LETTER A WITH DIAERESIS}del.dcm", flags=0)
    found, _ = unpack(path, tmp_path / "out")
    assert found == ["Sch\N{LATIN SMALL LETTER A WITH DIAERESIS}del.dcm"]


def test_an_archive_of_many_files_says_so_in_its_larger_end_record(tmp_path: Path) -> None:
    """ZIP64 (APPNOTE 4.3.14): the counts of the small record are 0xFFFF, those of the large one hold."""
    path = pack(tmp_path / "a.zip", "a.dcm")
    data = path.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    large = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 3, 3, 46, 0)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    path.write_bytes(data[:end] + large + locator + data[end:])
    check_directory(path, Limits(files=3))
    with pytest.raises(PterionError, match="more than 2 files"):
        check_directory(path, Limits(files=2))


def test_what_may_be_dicom_without_a_preamble() -> None:
    """Group 0008 or 0002 in little endian, element below 256; a font or a text begins otherwise."""
    assert worth(b"\x08\0\x05\0CS\x0a\0ISO_IR 100" + b"\0" * 20)
    assert worth(b"\x02\0\0\0UL\x04\0" + b"\0" * 20)
    assert not worth(b"\x08\x01\x05\0CS" + b"\0" * 20)
    assert not worth(b"MZ" + b"\0" * 200)
    assert not worth(b"\x08\0\x05\0")


@pytest.mark.parametrize("step", ["mkdtemp", "sweep"])
def test_a_disk_that_takes_no_folder_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.tempfile if step == "mkdtemp" else cache, step, refuse)
    with pytest.raises(PterionError, match="the disk is full") as caught:
        Cache(tmp_path / "another")
    assert caught.value.code == "DISK_FULL"


def test_a_disk_that_fills_up_later_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Cache(tmp_path / "another")

    def refuse(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.tempfile, "mkdtemp", refuse)
    with pytest.raises(PterionError, match="the disk is full"):
        held.make()
    held.close()


def test_folders_of_another_user_stay_and_young_ones_without_a_lock_too(tmp_path: Path) -> None:
    young, old = tmp_path / f"{cache.PREFIX}young", tmp_path / f"{cache.PREFIX}old"
    young.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))
    cache.sweep(tmp_path)
    assert young.is_dir()
    assert not old.exists()


def test_the_folder_of_the_system_serves_where_nothing_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PTERION_CACHE")
    monkeypatch.setattr(cache.os, "access", lambda *_: False)
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path))
    assert cache._default_root() == tmp_path


def test_a_scan_says_that_an_archive_in_a_folder_cannot_be_opened(
    write_series_copy: Callable[[str], Path],
) -> None:
    folder = write_series_copy("series")
    pack(folder / "strange.zip", "a.dcm", flags=0x41)
    result = scan(folder)
    assert len(result.studies) == 1
    assert "strange.zip" in result.notes[0].text
    assert "strange.zip" not in result.notes[0].discreet
