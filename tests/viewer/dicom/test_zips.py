"""ZIP archives: nested, protected, hostile and damaged ones, as a scan meets them."""

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import Cancelled, PterionError
from viewer.dicom.cache import Cache
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem
from viewer.dicom.zips import Limits, Unpacking, check_directory, place

DICOM = b"\0" * 128 + b"DICM" + b"\x02\0\0\0UL\x04\0" + b"\0" * 100

pytestmark = pytest.mark.usefixtures("cache_of_its_own")


def pack(path: Path, members: dict[str, bytes], **kinds: int) -> Path:
    with zipfile.ZipFile(path, "w", kinds.get("compression", zipfile.ZIP_DEFLATED)) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def series_in(folder: Path, prefix: str = "") -> dict[str, bytes]:
    return {f"{prefix}{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}


def unpack(path: Path, folder: Path, **options: object) -> tuple[list[str], Unpacking]:
    unpacking = Unpacking(path, folder, **options)  # type: ignore[arg-type]
    found = [file.relative_to(folder).as_posix() for file in unpacking.run()]
    return found, unpacking


def test_series_in_a_zip_opens_as_in_its_folder(phantom_series: Path, tmp_path: Path) -> None:
    (study,) = scan(pack(tmp_path / "a.zip", series_in(phantom_series))).studies
    (plain,) = scan(phantom_series).studies
    assert study.series[0].gaps_mm == plain.series[0].gaps_mm
    assert (load_all(study.series[0]).hu == load_all(plain.series[0]).hu).all()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_method_of_zipfile_unpacks(tmp_path: Path, compression: int) -> None:
    path = pack(tmp_path / "a.zip", {"x": DICOM}, compression=compression)
    assert unpack(path, tmp_path / "out")[0] == ["x"]
    assert (tmp_path / "out" / "x").read_bytes() == DICOM


def test_zip_in_a_zip_in_a_folder_opens(phantom_series: Path, tmp_path: Path) -> None:
    inner = pack(tmp_path / "inner.zip", series_in(phantom_series, "Bilder/Schädel/"))
    (tmp_path / "disc").mkdir()
    pack(tmp_path / "disc" / "outer.ZIP", {"readme.txt": b"hello", "deep/inner.zip": inner.read_bytes()})
    result = scan(tmp_path / "disc")
    assert len(result.studies[0].series[0].slices) == 8
    assert result.notes == ()


def test_nesting_ends_at_the_limit(tmp_path: Path) -> None:
    data = pack(tmp_path / "0.zip", {"x": DICOM}).read_bytes()
    for depth in range(1, 5):
        data = pack(tmp_path / f"{depth}.zip", {"x": DICOM, f"{depth - 1}.zip": data}).read_bytes()
    found, unpacking = unpack(tmp_path / "4.zip", tmp_path / "out")
    assert len(found) == 4
    assert unpacking.damaged == [("0.zip", "archives are nested deeper than 4")]
    assert not list((tmp_path / "out").rglob("*.zip"))


@pytest.mark.parametrize(
    "name",
    [
        "../../escape",
        "/etc/escape",
        "C:\\escape",
        "..\\..\\escape",
        "a/../../../escape",
        "//server/escape",
        "..",
        "aux",
    ],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    pack(tmp_path / "a.zip", {name: DICOM})
    (tmp_path / "deep" / "out").mkdir(parents=True)
    found, _ = unpack(tmp_path / "a.zip", tmp_path / "deep" / "out")
    assert len(found) == 1
    inside = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "a.zip"]
    assert all((tmp_path / "deep" / "out") in path.parents for path in inside)


@given(st.lists(st.text(max_size=120), max_size=8))
def test_every_place_is_inside_and_its_own(names: list[str]) -> None:
    taken: set[str] = set()
    places = [place(name, taken) for name in names]
    assert len({str(path).casefold() for path in places}) == len(names)
    for path in places:
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert all(part == part.strip(" .") and len(part.encode()) <= 100 for part in path.parts)


def test_names_of_one_letter_case_do_not_overwrite_each_other(tmp_path: Path) -> None:
    found, _ = unpack(pack(tmp_path / "a.zip", {"im": DICOM, "IM": DICOM + b"2"}), tmp_path / "out")
    assert found == ["im", "2-IM"]


def test_link_in_an_archive_is_not_made(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
        archive.writestr("x", DICOM)
    assert unpack(tmp_path / "a.zip", tmp_path / "out")[0] == ["x"]
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))


def test_what_is_no_dicom_is_not_unpacked(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"viewer.exe": b"MZ" + b"\0" * 5000, "x": DICOM})
    assert unpack(path, tmp_path / "out")[0] == ["x"]
    assert [found.name for found in (tmp_path / "out").iterdir()] == ["x"]


def test_bomb_is_refused_by_what_it_becomes(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"x": DICOM + b"\0" * (30 << 20)})
    with pytest.raises(PterionError, match=r"a\.zip unpacks to more than 0\.00977 GB") as caught:
        unpack(path, tmp_path / "out", limits=Limits(bytes=10 << 20))
    assert caught.value.code == "ARCHIVE_LIMIT"
    assert sum(file.stat().st_size for file in (tmp_path / "out").rglob("*")) <= 10 << 20


def test_bomb_is_refused_by_its_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.dicom.zips._SMALL", 1 << 20)
    path = pack(tmp_path / "a.zip", {"x": DICOM + b"\0" * (30 << 20)})
    with pytest.raises(PterionError, match="made to fill the disk"):
        unpack(path, tmp_path / "out")


def test_member_that_lies_about_its_size_is_still_counted(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"x": DICOM + b"\0" * (4 << 20)})
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 300)
    path.write_bytes(bytes(data))
    _, unpacking = unpack(path, tmp_path / "out", limits=Limits(bytes=1 << 20))
    assert unpacking.written <= 1 << 20


def test_too_many_members_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {f"{number}": b"" for number in range(60)})
    with pytest.raises(PterionError, match="lists more than 50 files"):
        unpack(path, tmp_path / "out", limits=Limits(files=50))
    check_directory(path, Limits(files=60))


def test_directory_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"x": DICOM})
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = struct.pack("<I", 1 << 31)
    path.write_bytes(bytes(data))
    with pytest.raises(PterionError, match="lists more than"):
        unpack(path, tmp_path / "out")


def test_full_disk_is_said_before_it_is_full(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"x": DICOM})
    with pytest.raises(PterionError, match="no room") as caught:
        unpack(path, tmp_path / "out", room=lambda _: False)
    assert caught.value.code == "DISK_FULL"


def test_damaged_member_does_not_hide_the_others(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"x": DICOM * 40, "y": DICOM}, compression=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[2000] ^= 255
    path.write_bytes(bytes(data))
    found, unpacking = unpack(path, tmp_path / "out")
    assert found == ["y"]
    assert unpacking.damaged == [("x", "it is damaged in the archive")]


def test_cut_archive_is_an_error(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"x": os.urandom(5000)})
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(PterionError, match=r"a\.zip is damaged and cannot be unpacked") as caught:
        scan(path)
    assert caught.value.code == "BAD_ARCHIVE"


def test_zip_without_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match=r"a\.zip holds no DICOM images"):
        scan(pack(tmp_path / "a.zip", {"letter.pdf": b"%PDF"}))


def test_cancelling_leaves_nothing_behind(phantom_series: Path, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", series_in(phantom_series))
    with pytest.raises(Cancelled):
        scan(path, cancelled=lambda: True)
    assert not [file for file in (tmp_path / "cache").rglob("*") if file.is_file() and file.name != ".in-use"]


def test_progress_is_told(phantom_series: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    path = pack(tmp_path / "a.zip", series_in(phantom_series))
    scan(path, on_progress=lambda *how_far: told.append(how_far))
    size = sum(file.stat().st_size for file in phantom_series.iterdir())
    assert {what for what, _, _ in told} == {"Unpacking a.zip"}
    assert told[-1][1:] == (size, size)


def test_archive_is_unpacked_once(phantom_series: Path, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", series_in(phantom_series))
    first, second = scan(path).studies, scan(path).studies
    assert first[0].series[0].slices[0].path == second[0].series[0].slices[0].path


# -------------------------------------------------------------------------------------------------------- passwords


def protect(path: Path, members: dict[str, bytes], password: bytes) -> Path:
    """A ZIP with PKWARE's traditional encryption (APPNOTE 6.1), which zipfile reads and does not write."""
    file, directory = io.BytesIO(), b""
    for name, data in members.items():
        crc, packed = zlib.crc32(data), zlib.compressobj(6, zlib.DEFLATED, -15)
        body = encrypt(b"\x11" * 11 + bytes([crc >> 24]) + packed.compress(data) + packed.flush(), password)
        fields = struct.pack("<HHHHHIIIHH", 20, 1, 8, 0, 0, crc, len(body), len(data), len(name), 0)
        directory += (
            b"PK\x01\x02\x14\0" + fields + struct.pack("<HHHII", 0, 0, 0, 0, file.tell()) + name.encode()
        )
        file.write(b"PK\x03\x04" + fields + name.encode() + body)
    at, count = file.tell(), len(members)
    file.write(directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), at, 0))
    path.write_bytes(file.getvalue())
    return path


def encrypt(data: bytes, password: bytes) -> bytes:
    crc_table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
        crc_table.append(value)
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = (keys[0] >> 8) ^ crc_table[(keys[0] ^ byte) & 255]
        keys[1] = ((keys[1] + (keys[0] & 255)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = (keys[2] >> 8) ^ crc_table[(keys[2] ^ (keys[1] >> 24)) & 255]

    for byte in password:
        update(byte)
    out = bytearray()
    for byte in data:
        mixed = (keys[2] | 2) & 0xFFFF
        out.append(byte ^ ((mixed * (mixed ^ 1)) >> 8 & 255))
        update(byte)
    return bytes(out)


def test_password_is_asked_for_once_and_again_when_wrong(tmp_path: Path) -> None:
    path = protect(tmp_path / "a.zip", {"x": DICOM, "y": DICOM}, "geheim-ä".encode())
    asked: list[tuple[str, bool]] = []

    def answer(name: str, wrong: bool) -> str:
        asked.append((name, wrong))
        return "geheim-ä" if wrong else "no"

    found, _ = unpack(path, tmp_path / "out", password=answer)
    assert found == ["x", "y"]
    assert (tmp_path / "out" / "y").read_bytes() == DICOM
    assert asked == [("a.zip", False), ("a.zip", True)]


def test_password_in_the_code_page_of_old_tools_opens(tmp_path: Path) -> None:
    path = protect(tmp_path / "a.zip", {"x": DICOM}, "ü".encode("cp437"))
    assert unpack(path, tmp_path / "out", password=lambda _name, _wrong: "ü")[0] == ["x"]


def test_protected_zip_without_anyone_to_ask_says_so(tmp_path: Path) -> None:
    path = protect(tmp_path / "a.zip", {"x": DICOM}, b"secret")
    with pytest.raises(PterionError, match=r"a\.zip is protected with a password\.") as caught:
        scan(path)
    assert caught.value.code == "PASSWORD"


def test_command_line_takes_the_password_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = protect(tmp_path / "a.zip", {"x": DICOM}, b"secret")
    monkeypatch.setenv("PTERION_ZIP_PASSWORD", "secret")
    assert unpack(path, tmp_path / "out")[0] == ["x"]
    monkeypatch.setenv("PTERION_ZIP_PASSWORD", "wrong")
    with pytest.raises(PterionError, match="the password does not open it"):
        unpack(path, tmp_path / "out2")


def test_wrong_passwords_end_in_an_error(tmp_path: Path) -> None:
    path = protect(tmp_path / "a.zip", {"x": DICOM}, b"secret")
    with pytest.raises(PterionError, match="the password does not open it"):
        scan(path, password=lambda _name, _wrong: "wrong")


def test_giving_up_the_password_cancels(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        scan(protect(tmp_path / "a.zip", {"x": DICOM}, b"secret"), password=lambda _name, _wrong: None)


def test_protected_zip_in_a_folder_does_not_hide_the_rest(phantom_series: Path, tmp_path: Path) -> None:
    folder = tmp_path / "disc"
    folder.mkdir()
    protect(folder / "a.zip", {"x": DICOM}, b"secret")
    for name, data in series_in(phantom_series).items():
        (folder / name).write_bytes(data)
    result = scan(folder)
    assert len(result.studies[0].series[0].slices) == 8
    assert [note.problem for note in result.notes] == [Problem.UNREADABLE_FILES]
    assert "a.zip is protected" in result.notes[0].text


def test_aes_encrypted_zip_opens(tmp_path: Path) -> None:
    import pyzipper

    with pyzipper.AESZipFile(
        tmp_path / "a.zip", "w", pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as archive:
        archive.setpassword(b"secret")
        archive.writestr("x", DICOM)
    with pytest.raises(PterionError, match="protected with a password"):
        scan(tmp_path / "a.zip")
    found, _ = unpack(tmp_path / "a.zip", tmp_path / "out", password=lambda _name, _wrong: "secret")
    assert found == ["x"]
    assert (tmp_path / "out" / "x").read_bytes() == DICOM


def test_cache_goes_when_it_is_closed(tmp_path: Path) -> None:
    with Cache(tmp_path / "c") as cache:
        (cache.make() / "x").write_bytes(b"1")
        assert cache.folder.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "c").iterdir()) == []


def test_cache_of_a_process_that_was_killed_is_swept(tmp_path: Path) -> None:
    left = tmp_path / "pterion-open-left"
    (left / "sub").mkdir(parents=True)
    (left / ".in-use").touch()
    with Cache(tmp_path) as alive, Cache(tmp_path):
        assert not left.exists()
        assert alive.folder.is_dir()
