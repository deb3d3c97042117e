"""ICU's data cut to what an English window asks for: the library `libicudata.so` made anew without the rest.

A package of ICU data is a header, a count, pairs of offsets (name, data) in the order of the names, names, data; the
offsets count from behind the header (ICU, icu4c/source/common/ucmndata.h). Standard library, and binutils to link.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

COUNT, ENTRY = struct.Struct("<I"), struct.Struct("<II")
ALIGNED = 16
LOCALE = re.compile(r"[a-z]{2,3}(_\w+)?")
FOLDERS = ("coll", "curr", "lang", "region", "unit", "zone")
"""What is known by locale. Left out as a whole: breaks of lines, which Qt finds itself, transliteration, spelled-out
numbers."""


class IcuError(Exception):
    """Something is no data of ICU."""


def kept(name: str) -> bool:
    """Whether an item of the package stays: tables of characters, and what is known of no locale or of English."""
    *folders, file = name.split("/")[1:]
    stem, _, kind = file.rpartition(".")
    if stem == "res_index":  # which locales there are; what is not there falls back to the root
        return True
    if kind == "cnv" or file == "unames.icu":  # converters of old encodings, names of characters
        return False
    if folders and folders[0] not in FOLDERS:
        return False
    return LOCALE.fullmatch(stem) is None or stem.split("_")[0] == "en"


def items(package: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The header of a package, and its items by name. Raises IcuError."""
    if package[2:4] != b"\xda\x27" or package[12:16] != b"CmnD":
        raise IcuError("the data do not begin as a package of ICU does")
    start = int.from_bytes(package[:2], "little")
    (count,) = COUNT.unpack_from(package, start)
    pairs = [ENTRY.unpack_from(package, start + COUNT.size + ENTRY.size * index) for index in range(count)]
    ends = [data for _, data in pairs[1:]] + [len(package) - start]
    found = {}
    for (name, data), end in zip(pairs, ends, strict=True):
        text = package[start + name : package.index(b"\0", start + name)].decode("ascii")
        found[text] = package[start + data : start + end]
    return package[:start], found


def package_of(header: bytes, found: dict[str, bytes]) -> bytes:
    """A package with these items."""
    names = sorted(found, key=str.encode)
    table, text, data = bytearray(COUNT.pack(len(names))), bytearray(), bytearray()
    text_at = COUNT.size + ENTRY.size * len(names)
    data_at = _aligned(text_at + sum(len(name) + 1 for name in names))
    for name in names:
        table += ENTRY.pack(text_at + len(text), data_at + len(data))
        text += name.encode("ascii") + b"\0"
        data += found[name] + bytes(-len(found[name]) % ALIGNED)
    return header + bytes(table + text).ljust(data_at, b"\0") + bytes(data)


def _aligned(size: int) -> int:
    return size + -size % ALIGNED


def read(library: Path) -> bytes:
    """The package that a library of ICU's data holds, to the end of its section. Raises IcuError."""
    content = library.read_bytes()
    start = content.find(b"CmnD") - 12
    if start < 0:
        raise IcuError(f"{library.name} holds no package of data")
    return content[start : _section_end(content, start)]


def _section_end(elf: bytes, place: int) -> int:
    """Where the section that holds a place of the file ends (64-bit ELF)."""
    (table,) = struct.unpack_from("<Q", elf, 40)
    size, count = struct.unpack_from("<HH", elf, 58)
    for index in range(count):
        offset, length = struct.unpack_from("<QQ", elf, table + index * size + 24)
        if offset <= place < offset + length:
            return int(offset + length)
    raise IcuError("no section holds the data")


def cut(library: Path) -> bool:
    """Make a library of ICU's data anew with what stays; whether the tools for it are here. Raises IcuError."""
    assemble, link = shutil.which("as"), shutil.which("ld")
    if assemble is None or link is None:
        return False
    header, found = items(read(library))
    with tempfile.TemporaryDirectory(prefix="pterion-icu-") as work:
        data, source = Path(work) / "data", Path(work) / "data.s"
        data.write_bytes(package_of(header, {name: item for name, item in found.items() if kept(name)}))
        symbol = f"icudt{library.name.rpartition('.')[2]}_dat"
        source.write_text(
            f'.section .rodata\n.globl {symbol}\n.type {symbol}, @object\n.balign 16\n{symbol}: .incbin "{data}"\n'
            f".size {symbol}, . - {symbol}\n.section .note.GNU-stack\n",
            encoding="utf-8",
        )
        linked = Path(work) / library.name
        subprocess.run([assemble, "-o", f"{work}/data.o", str(source)], check=True)
        words = ["-shared", "-soname", library.name, "--hash-style=both", "-o", str(linked), f"{work}/data.o"]
        subprocess.run([link, *words], check=True)
        shutil.copymode(library, linked)
        library.unlink()
        shutil.move(linked, library)
    return True
