"""What makes a built folder smaller leaves everything that is asked for: symbols, DICOM's table, ICU's data."""

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import PySide6
import pytest
from highdicom import _standard_utils as standard

Script = Callable[[str], ModuleType]

# ------------------------------------------------------------------------------------------------------------- symbols


def elf(offset: int, address: int) -> bytes:
    """A 64-bit ELF with one loadable segment that wants pages of 4096 bytes."""
    header = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    )
    return header + struct.pack("<IIQQQQQQ", 1, 5, offset, address, address, 10, 10, 4096)


def test_a_library_that_would_not_load_is_not_aligned(script: Script) -> None:
    aligned = script("slimming").aligned
    assert aligned(elf(0x1000, 0x5000))
    assert not aligned(elf(0x1010, 0x5000))


@pytest.mark.skipif(not shutil.which("strip"), reason="no strip on this machine")
def test_what_strip_would_break_stays(script: Script, tmp_path: Path) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(elf(0x1010, 0x5000))
    script("slimming").slim(tmp_path)
    assert broken.read_bytes() == elf(0x1010, 0x5000)
    assert [path.name for path in tmp_path.iterdir()] == ["broken.so"]


# ------------------------------------------------------------------------------------------------------- DICOM table


def test_highdicom_gets_the_same_answers_from_the_shorter_table(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What highdicom asks: whether an IOD has one of these, how the attributes of a segmentation nest."""
    table = standard.get_module_attribute_map()
    path = tmp_path / script("slimming").TABLE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(table), "utf-8")
    before = answers()
    top = {module: [each for each in items if not each["path"]] for module, items in table.items()}
    script("slimming").slim(tmp_path)
    shorter = json.loads(path.read_text("utf-8"))
    assert path.stat().st_size < 500_000
    monkeypatch.setattr(standard, "get_module_attribute_map", lambda: shorter)
    assert answers() == before
    assert {module: [each for each in items if not each["path"]] for module, items in shorter.items()} == top


def answers() -> list[object]:
    asked = ("ContentDate", "ContentTime", "NumberOfFrames", "TotalPixelMatrixRows")
    uids = sorted(standard.get_sop_class_iod_map())
    has = [answer(standard.is_attribute_in_iod, name, uid) for uid in uids for name in asked]
    pixels = [answer(standard.does_iod_have_pixel_data, uid) for uid in uids]
    assert has.count(True) > 100
    return [*has, *pixels, standard.construct_module_tree("segmentation-multi-frame-functional-groups")]


def answer(question: Callable[..., object], *words: str) -> object:
    try:
        return question(*words)
    except KeyError as missing:  # the table lacks a few modules that its IODs name
        return str(missing)


# ---------------------------------------------------------------------------------------------------------- ICU's data


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("icudt73l/root.res", True),
        ("icudt73l/en_GB.res", True),
        ("icudt73l/res_index.res", True),
        ("icudt73l/de.res", False),
        ("icudt73l/zh_Hant_TW.res", False),
        ("icudt73l/coll/ucadata.icu", True),
        ("icudt73l/zone/root.res", True),
        ("icudt73l/zone/fil.res", False),
        ("icudt73l/zoneinfo64.res", True),
        ("icudt73l/nfkc.nrm", True),
        ("icudt73l/ibm-943_P15A-2003.cnv", False),
        ("icudt73l/brkitr/root.res", False),
        ("icudt73l/translit/root.res", False),
    ],
)
def test_what_stays_of_icu(script: Script, name: str, stays: bool) -> None:
    assert script("icu").kept(name) is stays


def test_a_package_of_icu_is_written_as_it_is_read(script: Script) -> None:
    """Offsets count from behind the header of 16 bytes: a count, two pairs, the names, then data in steps of 16."""
    icu = script("icu")
    header = struct.pack("<HBB", 16, 0xDA, 0x27) + bytes(8) + b"CmnD"
    package = icu.package_of(header, {"d/b": b"second", "d/a": bytes(16)})
    assert package[16:36] == struct.pack("<IIIII", 2, 20, 32, 24, 48)
    assert package[36:44] == b"d/a\0d/b\0"
    assert package[64:70] == b"second"
    assert icu.items(package) == (header, {"d/a": bytes(16), "d/b": b"second" + bytes(10)})


def test_what_is_no_package_of_icu_is_refused(script: Script, tmp_path: Path) -> None:
    icu = script("icu")
    with pytest.raises(icu.IcuError, match="begin"):
        icu.items(bytes(64))
    library = tmp_path / "libicudata.so.73"
    library.write_bytes(elf(0x1000, 0x5000))
    with pytest.raises(icu.IcuError, match="no package"):
        icu.cut(library)


@pytest.mark.skipif(not (shutil.which("as") and shutil.which("ld")), reason="no binutils on this machine")
def test_qt_sorts_and_tells_the_time_with_what_stays(script: Script, tmp_path: Path) -> None:
    (whole,) = (Path(PySide6.__file__).parent / "Qt" / "lib").glob("libicudata.so.*")
    library = Path(shutil.copy(whole, tmp_path))
    assert script("icu").cut(library)
    assert library.stat().st_size < 5_000_000
    before, after = said_by_qt(None), said_by_qt(library)
    assert before[:2] == after[:2]
    assert before[0] == "a ä B z9 z10"
    assert after[2] == str(library)


def said_by_qt(library: Path | None) -> list[str]:
    """Names in order, a time zone and capitals, and the library of ICU's data that was asked."""
    code = (
        "from PySide6.QtCore import QCollator, QDateTime, QLocale, QTimeZone\n"
        "order = QCollator(QLocale('en')); order.setNumericMode(True)\n"
        "print(*sorted(['z10', 'ä', 'z9', 'B', 'a'], key=order.sortKey))\n"
        "zone, english = QTimeZone(b'America/New_York'), QLocale('en_US')\n"
        "kinds = zone.TimeType.DaylightTime, zone.NameType.LongName\n"
        "print(english.toUpper('straße'), zone.displayName(*kinds, english), len(zone.availableTimeZoneIds()))\n"
        "print([line.split()[-1] for line in open('/proc/self/maps') if 'libicudata' in line][0])"
    )
    preload = {} if library is None else {"LD_PRELOAD": str(library)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **preload, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.splitlines()
