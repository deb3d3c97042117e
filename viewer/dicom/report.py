"""A DICOM structured report of anybody (PS3.3 A.35, C.17.3) as a list: what it says, line by line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import PterionError
from viewer.dicom.guard import dicom_file, read_dataset

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_DEPTH_MAX, _LINES_MAX, _TEXT_MAX = 32, 5000, 500
_VALUES = {
    "TEXT": "TextValue",
    "DATE": "Date",
    "TIME": "Time",
    "DATETIME": "DateTime",
    "PNAME": "PersonName",
    "UIDREF": "UID",
}


@dataclass(frozen=True)
class Line:
    """One item of a report. depth: 0 for the top. personal: a name or free words, which may tell who the patient is.

    images: (SOP Instance UID, frame from 0) of what it refers to itself.
    """

    depth: int
    name: str
    value: str
    personal: bool = False
    images: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Report:
    """A report: its title, whether somebody has verified it, and its lines. cut: more lines than are read."""

    title: str
    verified: bool
    lines: tuple[Line, ...]
    cut: bool = False


def read_report(path: Path) -> Report:
    """Read a report. Raises PterionError where the file is none, or is damaged."""
    with dicom_file(
        path, f"{path.name} is damaged: it cannot be read as a DICOM report. Get it again."
    ) as file:
        return _report(read_dataset(file, path, stop_before_pixels=True), path)


def _report(dataset: "Dataset", path: Path) -> Report:
    if str(dataset.get("ValueType", "")) != "CONTAINER" or "ContentSequence" not in dataset:
        raise PterionError(f"{path.name} is no DICOM report. Choose another.")
    lines: list[Line] = []
    for line in _lines(dataset, 0):
        if len(lines) == _LINES_MAX:
            return Report(_meaning(dataset), _verified(dataset), tuple(lines), cut=True)
        lines.append(line)
    return Report(_meaning(dataset), _verified(dataset), tuple(lines))


def _verified(dataset: "Dataset") -> bool:
    return str(dataset.get("VerificationFlag", "")) == "VERIFIED"


def _lines(parent: "Dataset", depth: int) -> Iterator[Line]:
    """The items below one, each before what is below it."""
    if depth > _DEPTH_MAX:
        return
    for item in parent.get("ContentSequence", []):
        kind = str(item.get("ValueType", ""))
        yield Line(
            depth,
            _meaning(item) or kind.capitalize(),
            _value(item, kind),
            kind in ("PNAME", "TEXT"),
            tuple(_images(item)),
        )
        yield from _lines(item, depth + 1)


def _images(item: "Dataset") -> Iterator[tuple[str, int]]:
    """What an item refers to (PS3.3 C.17.3); frames are counted from 1 in the file."""
    for referred in item.get("ReferencedSOPSequence") or []:
        uid = str(referred.get("ReferencedSOPInstanceUID", ""))
        frames = referred.get("ReferencedFrameNumber")
        many = frames if isinstance(frames, Sequence) and not isinstance(frames, str) else [frames or 1]
        yield from ((uid, int(frame) - 1) for frame in many if uid)


def _meaning(item: "Dataset") -> str:
    return _coded(item.get("ConceptNameCodeSequence"))


def _coded(sequence: Any) -> str:
    code = next(iter(sequence or []), None)
    return "" if code is None else str(code.get("CodeMeaning", "") or code.get("CodeValue", ""))


def _value(item: "Dataset", kind: str) -> str:
    if kind == "NUM":
        measured = next(iter(item.get("MeasuredValueSequence") or []), None)
        if measured is None:
            return _coded(item.get("NumericValueQualifierCodeSequence")) or "not measured"
        unit: Any = next(iter(measured.get("MeasurementUnitsCodeSequence") or []), {})
        sign = str(unit.get("CodeValue", ""))
        shown = {"[hnsf'U]": "HU", "1": "", "{pixels}": "px"}.get(sign, sign)
        return f"{measured.get('NumericValue', '')} {shown}".strip()
    if kind == "CODE":
        return _coded(item.get("ConceptCodeSequence"))
    if kind in ("IMAGE", "COMPOSITE"):
        referred: Any = next(iter(item.get("ReferencedSOPSequence") or []), {})
        segment = referred.get("ReferencedSegmentNumber")
        return f"segment {segment}" if segment is not None else "an image of the study"
    if kind in ("SCOORD", "SCOORD3D"):
        return str(item.get("GraphicType", "")).lower()
    return str(item.get(_VALUES.get(kind, ""), "") or "")[:_TEXT_MAX] if kind in _VALUES else ""
