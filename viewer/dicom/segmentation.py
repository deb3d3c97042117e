"""A DICOM SEG file (PS3.3 A.51, C.8.20): its segments, and its frames as masks with the place where each belongs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from viewer.dicom.cielab import rgb_of_lab
from viewer.dicom.guard import dicom_file, read_dataset
from viewer.dicom.header import NotDicomError, read_header
from viewer.dicom.instance import SIDE_MAX
from viewer.dicom.pixels import read_hu
from viewer.dicom.plausible import orientation, position, spacing
from viewer.dicom.series import PixelLayout, SliceHeader
from viewer.dicom.syntaxes import NATIVE, SUPPORTED
from viewer.dicom.walk import DamagedError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

STORAGE = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""SOP classes: Segmentation, Label Map Segmentation."""
_KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")
_FRAMES_MAX, _PIXELS_MAX = 1 << 16, 1 << 32
_SEGMENTS_MAX = 1000

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Segment:
    """One segment. texts: its label, then what its type's code means and its description. code: (value, scheme).

    algorithm: AUTOMATIC, SEMIAUTOMATIC or MANUAL, and the algorithm's name, empty where unknown. rgb: recommended
    colour, 0 to 255, or None.
    """

    number: int
    texts: tuple[str, ...]
    code: tuple[str, str]
    algorithm: tuple[str, str] = ("", "")
    rgb: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Frame:
    """Where one frame belongs. segment: its number, 0 where the pixels hold the numbers (LABELMAP).

    sources: (SOP instance UID, frame from 0) of the slices that it was drawn on.
    """

    segment: int
    sources: tuple[tuple[str, int], ...]
    position_mm: tuple[float, float, float] | None
    orientation: tuple[float, ...] | None
    spacing_mm: tuple[float, float] | None


@dataclass(frozen=True)
class Segmentation:
    """One file. `values` are the pixels as stored, one frame at a time; `full` is what stands for certainty."""

    path: Path
    kind: str
    rows: int
    columns: int
    segments: tuple[Segment, ...]
    frames: tuple[Frame, ...]
    full: int
    series_uids: frozenset[str]
    frame_of_reference_uid: str

    def masks(self) -> Iterator[tuple[Frame, dict[int, Mask]]]:
        """Each frame with its masks (rows, columns) by segment number. Raises PterionError where pixels are damaged.

        Of a fractional frame those pixels are in that reach half of the maximal value.
        """
        for frame, values in zip(self.frames, _pixels(self), strict=True):
            if self.kind == "LABELMAP":
                known = {segment.number for segment in self.segments if segment.number}
                yield (
                    frame,
                    {int(number): values == number for number in np.unique(values) if number in known},
                )
            else:
                yield frame, {frame.segment: np.asarray(2 * values.astype(np.int64) >= self.full)}


def read_segmentation(path: Path) -> Segmentation:
    """The header of a SEG file. Raises PterionError where it is none, is damaged, or claims what cannot be."""
    damaged = f"{path.name} is damaged: it cannot be read as a DICOM segmentation. Get it again."
    with dicom_file(path, damaged) as file:
        return _segmentation(path, read_dataset(file, path, stop_before_pixels=True))


def _segmentation(path: Path, header: "Dataset") -> Segmentation:
    kind, count = str(header.get("SegmentationType", "")), int(header.get("NumberOfFrames", 0) or 0)
    rows, columns = int(header.get("Rows", 0) or 0), int(header.get("Columns", 0) or 0)
    if str(header.get("SOPClassUID", "")) not in STORAGE or kind not in _KINDS:
        raise PterionError(
            f"{path.name} is no DICOM segmentation that is read ({kind or 'no type'}). Choose another."
        )
    groups = list(header.get("PerFrameFunctionalGroupsSequence", []))
    if (
        not 0 < count <= _FRAMES_MAX
        or not 0 < max(rows, columns) <= SIDE_MAX
        or count * rows * columns > _PIXELS_MAX
    ):
        raise PterionError(f"{path.name} claims {count} frames of {rows} × {columns} pixels. Get it again.")
    if len(groups) != count:
        raise PterionError(f"{path.name} says where {len(groups)} of its {count} frames lie. Get it again.")
    segments = header.get("SegmentSequence", [])
    if len(segments) > _SEGMENTS_MAX:
        raise PterionError(
            f"{path.name} has {len(segments)} segments, more than the {_SEGMENTS_MAX} that are read. Split it."
        )
    shared: Any = next(iter(header.get("SharedFunctionalGroupsSequence", [])), {})
    series = header.get("ReferencedSeriesSequence", [])
    return Segmentation(
        path=path,
        kind=kind,
        rows=rows,
        columns=columns,
        segments=tuple(map(_segment, segments)),
        frames=tuple(_frame(group, shared) for group in groups),
        full=int(header.get("MaximumFractionalValue", 255)) if kind == "FRACTIONAL" else 1,
        series_uids=frozenset(str(item.SeriesInstanceUID) for item in series if "SeriesInstanceUID" in item),
        frame_of_reference_uid=str(header.get("FrameOfReferenceUID", "")),
    )


def _segment(item: "Dataset") -> Segment:
    type_code: Any = next(iter(item.get("SegmentedPropertyTypeCodeSequence", [])), {})
    meaning = str(type_code.get("CodeMeaning", ""))
    texts = (str(item.get("SegmentLabel", "")), meaning, str(item.get("SegmentDescription", "") or ""))
    code = (str(type_code.get("CodeValue", "")), str(type_code.get("CodingSchemeDesignator", "")))
    algorithm = (str(item.get("SegmentAlgorithmType", "")), str(item.get("SegmentAlgorithmName", "") or ""))
    lab = item.get("RecommendedDisplayCIELabValue")
    rgb = rgb_of_lab(*map(int, lab)) if lab is not None and len(lab) == 3 else None
    return Segment(int(item.SegmentNumber), texts, code, algorithm, rgb)


def _frame(own: "Dataset", shared: Any) -> Frame:
    """One frame's functional groups, its own before the shared ones (PS3.3 C.7.6.16)."""

    def group(name: str) -> Any:
        for place in (own, shared):
            found = place.get(name)
            if found:
                return found[0]
        return {}

    derived = own.get("DerivationImageSequence") or shared.get("DerivationImageSequence") or []
    sources = tuple(
        (str(image.ReferencedSOPInstanceUID), _number(image.get("ReferencedFrameNumber")) - 1)
        for item in derived
        for image in item.get("SourceImageSequence", [])
    )
    return Frame(
        segment=int(group("SegmentIdentificationSequence").get("ReferencedSegmentNumber", 0) or 0),
        sources=sources,
        position_mm=position(_floats(group("PlanePositionSequence").get("ImagePositionPatient"))),
        orientation=orientation(_floats(group("PlaneOrientationSequence").get("ImageOrientationPatient"))),
        spacing_mm=spacing(_floats(group("PixelMeasuresSequence").get("PixelSpacing"))),
    )


def _number(value: Any) -> int:
    """A frame number, which counts from 1 and may be a list of one; 1 where there is none."""
    if value is None:
        return 1
    return int(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)


def _floats(values: Any) -> tuple[float, ...] | None:
    return None if values is None else tuple(map(float, values))


def _pixels(file: Segmentation) -> Iterator[npt.NDArray[np.int16]]:
    """The stored values of each frame (rows, columns). Raises PterionError."""
    try:
        header = read_header(file.path, frozenset({0x00280100}))
    except (NotDicomError, DamagedError, OSError) as error:
        raise PterionError(f"{file.path.name} cannot be read: {error}. Get it again.") from error
    bits = header.integer(0x00280100)
    if header.pixel_offset is None or bits not in (1, 8, 16) or header.syntax not in SUPPORTED:
        raise PterionError(
            f"{file.path.name} stores its masks in a way that is not read ({bits} bits a pixel, transfer syntax "
            f"{header.syntax}). Export it uncompressed."
        )
    if bits == 1:
        yield from _bits(file, header.syntax)
        return
    layout = PixelLayout(
        syntax=header.syntax,
        offset=header.pixel_offset,
        length=header.pixel_length,
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        signed=False,
        slope=1.0,
        intercept=0.0,
        frames=len(file.frames),
    )
    for number in range(len(file.frames)):
        place = SliceHeader(
            file.path, "", number, None, None, None, None, file.rows, file.columns, None, layout
        )
        values = np.empty((file.rows, file.columns), np.int16)
        read_hu(place, values)
        yield values


def _bits(file: Segmentation, syntax: str) -> Iterator[npt.NDArray[np.int16]]:
    """Frames of one bit a pixel, the lowest bit first, packed without a gap between frames (PS3.5 8.1.1, annex D)."""
    size = file.rows * file.columns
    if syntax not in NATIVE:
        raise PterionError(
            f"{file.path.name} compresses single bits, which is not read. Export it uncompressed."
        )
    with dicom_file(file.path, f"The pixels of {file.path.name} cannot be read. Get it again.") as opened:
        data = bytes(read_dataset(opened, file.path).PixelData)
    if 8 * len(data) < size * len(file.frames):
        raise PterionError(f"{file.path.name} holds fewer pixels than its header says. Get it again.")
    for number in range(len(file.frames)):
        first, last = number * size // 8, -(-(number + 1) * size // 8)
        bits = np.unpackbits(np.frombuffer(data[first:last], np.uint8), bitorder="little")
        start = number * size - 8 * first
        yield bits[start : start + size].reshape(file.rows, file.columns).astype(np.int16)
