"""Every element of one file as rows that can be listed, searched and copied."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from model.errors import PterionError
from viewer.dicom.guard import dicom_file, read_dataset

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ROWS_MAX = 20_000
VALUE_MAX = 10_000
"""Rows of a file and characters of a value beyond these are counted, not listed."""
SHORT = 96
_DEFERRED = 64 << 10
_DEPTH_MAX = 24
_BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_PER_FRAME = 0x52009230
_UNDEFINED = 0xFFFFFFFF
_IDENTIFYING_GROUPS = ("0010", "0012", "0032", "0038")
_IDENTIFYING_VRS = frozenset({"DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UN", "UR", "UT"})


@dataclass(frozen=True)
class TagRow:
    """One line of a file's header.

    depth: 0 for the data set's own elements, 1 for the items of a sequence, 2 for their elements, and so on.
    tag: `(0010,0010)`, empty for an item. vr: value representation, empty for an item.
    name: the standard's name, a private element's in brackets, or `Item 1`.
    value: as text, values joined by a backslash; bulk data by its size. meaning: what the standard calls a UID.
    """

    depth: int
    tag: str
    vr: str
    name: str
    value: str
    meaning: str = ""

    @property
    def short(self) -> str:
        """The value on one line of at most `SHORT` characters, with its meaning."""
        line = " ".join(self.value.split())
        line = line if len(line) <= SHORT else f"{line[: SHORT - 1]}…"
        return f"{line} · {self.meaning}" if self.meaning else line

    @cached_property
    def haystack(self) -> str:
        """What a search looks in: tag with and without comma, name, value, meaning, VR; casefolded."""
        tag = self.tag.strip("()").replace(",", "")
        return "\n".join((self.tag, tag, self.name, self.value, self.meaning, self.vr)).casefold()

    @property
    def private(self) -> bool:
        """Whether the element belongs to a manufacturer (odd group, PS3.5 7.8)."""
        return bool(self.tag) and int(self.tag[1:5], 16) % 2 == 1

    @property
    def identifying(self) -> bool:
        """Whether a reader who hides the patient must not see the value: people, places, dates, identifiers."""
        return self.vr in _IDENTIFYING_VRS or self.tag[1:5] in _IDENTIFYING_GROUPS


def read_tags(path: Path, frame: int | None = None) -> tuple[TagRow, ...]:
    """All elements of a file, file meta information first, private ones and nested ones included.

    frame: show this frame's functional groups alone (counted from 0); without effect where a file has none.
    Raises PterionError where the file cannot be read, is no DICOM file, or has no such frame.
    """
    with dicom_file(path, f"The header of {path.name} is damaged. Copy or export the file again.") as file:
        rows = list(islice(_file_rows(file, path, frame), ROWS_MAX + 1))
    if len(rows) > ROWS_MAX:
        rows[-1] = TagRow(0, "", "", "…", f"More than {ROWS_MAX} elements; the rest is not shown")
    return tuple(rows)


def search(rows: Sequence[TagRow], text: str) -> tuple[int, ...]:
    """Which rows hold every word of `text` in tag, name, value or meaning; all for an empty text.

    A group (`0028`), a tag (`0028,0030`, `00280030`), a VR and parts of words match, in either case. Rows that a
    match lies in, and what lies within a sequence that matches, come along.
    """
    words = text.casefold().split()
    if not words:
        return tuple(range(len(rows)))
    found: set[int] = set()
    above: list[int] = []
    within: int | None = None
    for index, row in enumerate(rows):
        del above[row.depth :]
        if within is not None and row.depth <= within:
            within = None
        hit = all(word in row.haystack for word in words)
        if hit or within is not None:
            found.update(above, (index,))
        if hit and within is None and row.vr in ("SQ", ""):
            within = row.depth
        above.append(index)
    return tuple(sorted(found))


def as_text(rows: Sequence[TagRow]) -> str:
    """Rows as indented lines with whole values, for the clipboard and the command line."""
    return "\n".join(
        "  " * row.depth + " ".join(part for part in (row.tag, row.vr, row.name) if part) + _after(row)
        for row in rows
    )


def _after(row: TagRow) -> str:
    value = f"{row.value} · {row.meaning}" if row.meaning else row.value
    return f" = {value}" if value else ""


def _file_rows(file: BinaryIO, path: Path, frame: int | None) -> Iterator[TagRow]:
    """The rows of one file; pydicom's errors pass."""
    from pydicom.errors import InvalidDicomError

    strange = PterionError(f"{path.name} is no DICOM file. Choose another file.", code="NOT_DICOM")
    try:
        dataset = read_dataset(file, path, defer_size=_DEFERRED)
    except InvalidDicomError as error:
        raise strange from error
    # Files without preamble are read too, but then must hold something that looks like an image or a report.
    if not dataset.file_meta and "SOPClassUID" not in dataset:
        raise strange
    _check_frame(dataset, frame, path)
    yield from _rows(dataset.file_meta, 0, None)
    yield from _rows(dataset, 0, frame)


def _check_frame(dataset: "Dataset", frame: int | None, path: Path) -> None:
    """Raise PterionError where the file has no such frame."""
    count = 1
    if "NumberOfFrames" in dataset:
        try:
            count = max(int(dataset.NumberOfFrames or 1), 1)
        except (TypeError, ValueError):
            count = 1
    if frame is not None and not 0 <= frame < count:
        text = f"{path.name} has {count} frame{'s' * (count != 1)}: there is no frame {frame + 1}."
        raise PterionError(f"{text} Ask for one from 1 to {count}.", code="NO_SUCH_FRAME")


def _rows(dataset: "Dataset", depth: int, frame: int | None) -> Iterator[TagRow]:
    """The rows of a data set and of what is nested in it."""
    from pydicom.dataelem import RawDataElement

    for raw in list(dataset.elements()):
        tag = f"({raw.tag.group:04X},{raw.tag.element:04X})"
        if isinstance(raw, RawDataElement) and raw.value is None and raw.length and not _is_sequence(raw):
            size = "encapsulated" if raw.length == _UNDEFINED else _size(raw.length)
            yield TagRow(depth, tag, raw.VR or "UN", _name_of(raw.tag), size)
            continue
        try:
            element = dataset[raw.tag]
            vr, value = str(element.VR), element.value
            row = TagRow(depth, tag, vr, str(element.name), _text(value, vr), _meaning(value, vr))
        except Exception:  # noqa: BLE001  one broken value must not hide the others; pydicom raises many kinds
            yield TagRow(depth, tag, str(raw.VR or "UN"), _name_of(raw.tag), "broken")
            continue
        yield row
        if vr == "SQ":
            yield from _items(value, depth, frame if raw.tag == _PER_FRAME else None)


def _items(items: "Sequence[Dataset]", depth: int, frame: int | None) -> Iterator[TagRow]:
    """The items of a sequence; only that of `frame` where it is given."""
    if depth > 2 * _DEPTH_MAX:
        yield TagRow(depth + 1, "", "", "…", "Nested too deep to be shown")
        return
    for index, item in enumerate(items):
        if frame is None or index == frame:
            yield TagRow(depth + 1, "", "", f"Item {index + 1}", "")
            yield from _rows(item, depth + 2, None)


def _name_of(tag: Any) -> str:
    """The standard's name of a tag whose value is not read."""
    from pydicom.datadict import dictionary_description, dictionary_has_tag

    if dictionary_has_tag(tag):
        return str(dictionary_description(tag))
    return "Private tag data" if tag.is_private else "Unknown tag data"


def _is_sequence(raw: Any) -> bool:
    """Whether an element that is not read yet is a sequence, which is listed however long it is."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    return bool(
        raw.VR == "SQ" or (raw.VR is None and dictionary_has_tag(raw.tag) and dictionary_VR(raw.tag) == "SQ")
    )


def _text(value: Any, vr: str) -> str:
    """A value as text."""
    if vr == "SQ":
        return f"{len(value)} item{'s' * (len(value) != 1)}"
    if value is None:
        return ""
    if isinstance(value, bytes):
        return _bytes(value, vr)
    parts = value if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue" else [value]
    text = "\\".join(_one(part, vr) for part in parts[: VALUE_MAX // 2])
    if len(parts) > VALUE_MAX // 2 or len(text) > VALUE_MAX:
        return f"{text[:VALUE_MAX]}… ({len(parts)} values)" if len(parts) > 1 else f"{text[:VALUE_MAX]}…"
    return text


def _one(value: Any, vr: str) -> str:
    """One of an element's values."""
    if vr == "AT" and isinstance(value, int):
        return f"({value >> 16:04X},{value & 0xFFFF:04X})"
    if isinstance(value, float):
        return f"{value:.9g}" if vr == "FL" else repr(float(value)) if vr == "FD" else str(value)
    return str(value).rstrip(" \0")


def _bytes(value: bytes, vr: str) -> str:
    """Bytes of an unknown element as text where they are text, else their size."""
    stripped = value.rstrip(b" \0")
    if (vr == "UN" or vr not in _BULK) and len(stripped) <= VALUE_MAX and stripped.isascii():
        text = stripped.decode("ascii")
        if text.isprintable():
            return text
    return _size(len(value))


def _size(count: int) -> str:
    """`1 byte`, `524288 bytes`."""
    return f"{count} byte{'s' * (count != 1)}"


def _meaning(value: Any, vr: str) -> str:
    """What the standard calls a UID, empty for others."""
    if vr != "UI" or not isinstance(value, str):
        return ""
    from pydicom._uid_dict import UID_dictionary

    return UID_dictionary[value][0] if value in UID_dictionary else ""
