"""A built folder made smaller: libraries without symbols, tables and locale data cut to what is asked for."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import icu

TABLE = "highdicom/_standard/module_attribute_map.json"
WHOLE = "segmentation-multi-frame-functional-groups"
"""The module of whose attributes highdicom asks how they nest; of the others it copies those at the top."""
ASKED = {
    *("ContentDate", "ContentTime", "NumberOfFrames", "TotalPixelMatrixRows"),
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData"),
}
"""Attributes that highdicom looks for at any depth."""
PT_LOAD = 1


def slim(folder: Path) -> None:
    """Cut the table of highdicom, and on Linux Qt's locale data and the libraries, where the tools are there."""
    table = folder / TABLE
    if table.is_file():
        shorter = cut(json.loads(table.read_text(encoding="utf-8")))
        table.write_text(json.dumps(shorter, separators=(",", ":")), encoding="utf-8")
    strip = shutil.which("strip")
    if strip is None or not sys.platform.startswith("linux"):
        return
    for path in folder.rglob("*.so*"):
        if path.is_file() and not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF":
            strip_library(strip, path)
    for path in folder.glob("PySide6/Qt/lib/libicudata.so.*"):
        icu.cut(path)


def cut(table: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """DICOM's attributes by module, without those inside of sequences that nobody asks for."""
    return {
        module: [
            each for each in attributes if module == WHOLE or not each["path"] or each["keyword"] in ASKED
        ]
        for module, attributes in table.items()
    }


def strip_library(strip: str, path: Path) -> None:
    """Leave symbols for debuggers out of one library, unless the loader would not take what comes out."""
    stripped = path.with_name(path.name + ".stripped")
    words = [strip, "--strip-unneeded", "-o", str(stripped), str(path)]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode == 0 and aligned(stripped.read_bytes()):
        shutil.copymode(path, stripped)
        stripped.replace(path)
    stripped.unlink(missing_ok=True)


def aligned(elf: bytes) -> bool:
    """Whether every segment that is loaded lies in the file as it will lie in memory, modulo the page (64-bit ELF).

    strip moves segments of libraries whose headers were rewritten after linking, as wheels' are; those must stay.
    """
    start, size, count = (*struct.unpack_from("<Q", elf, 32), *struct.unpack_from("<HH", elf, 54))
    for index in range(count):
        kind, _, offset, address, _, _, _, align = struct.unpack_from("<IIQQQQQQ", elf, start + index * size)
        if kind == PT_LOAD and align > 1 and (offset - address) % align:
            return False
    return True
