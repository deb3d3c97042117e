"""What a scan finds: studies, series and slices, each with its problems."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path


class Problem(StrEnum):
    """Why a series cannot be shown, measured or scored without a warning."""

    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    NO_PIXELS = "NO_PIXELS"
    UNREADABLE_FILES = "UNREADABLE_FILES"
    NO_POSITION = "NO_POSITION"
    NO_SPACING = "NO_SPACING"
    SPACING_ESTIMATED = "SPACING_ESTIMATED"
    GANTRY_TILT = "GANTRY_TILT"
    UNEVEN_SPACING = "UNEVEN_SPACING"
    MISSING_SLICES = "MISSING_SLICES"
    DUPLICATE_POSITIONS = "DUPLICATE_POSITIONS"
    MIXED_ORIENTATIONS = "MIXED_ORIENTATIONS"
    MIXED_SIZES = "MIXED_SIZES"
    MIXED_KERNELS = "MIXED_KERNELS"
    LOCALIZER = "LOCALIZER"
    SINGLE_SLICE = "SINGLE_SLICE"
    LOSSY_SOURCE = "LOSSY_SOURCE"
    UNSUPPORTED_SYNTAX = "UNSUPPORTED_SYNTAX"
    BURNED_IN_TEXT = "BURNED_IN_TEXT"
    AI_NOT_RUN = "AI_NOT_RUN"
    AI_CAUTION = "AI_CAUTION"


@dataclass(frozen=True)
class Note:
    """One problem of one series. `badge` fits on a thumbnail (`tilt 18.5°`), `text` is a sentence.

    discreet: the sentence without names of files, which may name the patient; empty where `text` has none.
    """

    problem: Problem
    badge: str
    text: str
    discreet: str = ""

    def told(self, *, hidden: bool) -> str:
        """The sentence as it may be shown; `hidden` while nobody shall see who the patient is."""
        return self.discreet or self.text if hidden else self.text


@dataclass(frozen=True)
class PixelLayout:
    """How one file stores its pixels (PS3.5 8, PS3.3 C.7.6.3), so that loading reads no header again.

    syntax: transfer syntax UID. offset: first byte of the pixel data's value in the file (in the inflated data
    set where the syntax is Deflated). length: bytes, None where undefined (encapsulated).
    slope, intercept: stored value → HU. padding: PixelPaddingValue as stored, or None; with padding_limit
    (PixelPaddingRangeLimit) all values between the two. lut: the Modality LUT that stands in the place of slope and
    intercept, as `viewer.dicom.modality_lut` writes it; empty where there is none.
    """

    syntax: str
    offset: int
    length: int | None
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    slope: float
    intercept: float
    padding: int | None = None
    frames: int = 1
    padding_limit: int | None = None
    lut: str = ""


@dataclass(frozen=True)
class SliceHeader:
    """Where one slice's pixels are and how they lie in the patient.

    position_mm: ImagePositionPatient, the centre of the first pixel, or None.
    orientation: ImageOrientationPatient, row direction then column direction, or None.
    spacing_mm: PixelSpacing, (between rows, between columns), or None.
    frame: index in a multi-frame file, 0 else.
    sop_uid: SOPInstanceUID. Where slices of a series share it although they lie elsewhere, all but the first add `#2`,
    `#3` … so that what is drawn on a slice stays on it; `dicom_sop_uid` is the one in the file.
    pixels: None where the file holds none that can be read.
    """

    path: Path
    sop_uid: str
    frame: int
    instance_number: int | None
    position_mm: tuple[float, float, float] | None
    orientation: tuple[float, float, float, float, float, float] | None
    spacing_mm: tuple[float, float] | None
    rows: int
    columns: int
    window: tuple[float, float] | None  # (width, level) from the header
    pixels: PixelLayout | None = None

    @property
    def dicom_sop_uid(self) -> str:
        """SOPInstanceUID as the file has it."""
        return self.sop_uid.partition("#")[0]


@dataclass(frozen=True)
class Series:
    """Slices that lie on one stack, from the feet up (sorted along the slice normal), or by instance number.

    gaps_mm: distances between neighbours along the normal, len(slices) - 1 of them; empty without positions.
    tilt_deg: angle between the slice normal and the line of positions, >= 0.
    z_mm: position of each slice along its normal (that of the first slice = its own position · normal); empty
    without positions.
    study_uid: as in `Study`. series_uid: SeriesInstanceUID. Where one series splits into several stacks, the largest
    keeps it and the others add `#2`, `#3` …; where another study's series bears it, eight digits are added. So each
    has a name of its own; `dicom_series_uid` is the one in the files.
    image_type: ImageType of the first slice. original: no slice is DERIVED.
    contrast: ContrastBolusAgent of the first slice that has one, empty where none has.
    inverted: low values are meant to be bright (MONOCHROME1, PS3.3 C.7.6.3.1.2); values are as they are.
    """

    study_uid: str
    series_uid: str
    number: int | None
    modality: str
    description: str
    slices: tuple[SliceHeader, ...]
    gaps_mm: tuple[float, ...]
    z_mm: tuple[float, ...]
    tilt_deg: float
    thickness_mm: float | None
    transfer_syntax: str
    kernel: str
    technique: str  # "120 kV · 300 mAs", empty where unknown
    notes: tuple[Note, ...]
    image_type: tuple[str, ...] = ()
    original: bool = True
    body_part: str = ""
    frame_of_reference_uid: str = ""
    inverted: bool = False
    contrast: str = ""

    @property
    def dicom_series_uid(self) -> str:
        """SeriesInstanceUID as the files have it."""
        return self.series_uid.partition("#")[0]

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other series: the UIDs of its study and of itself. Careless copies share one."""
        return self.study_uid, self.series_uid

    @cached_property
    def places(self) -> dict[tuple[str, int], int]:
        """The index of each slice by its SOP instance UID and frame; of several alike, that of the first."""
        named = [((header.sop_uid, header.frame), index) for index, header in enumerate(self.slices)]
        return dict(reversed(named))

    @property
    def problems(self) -> frozenset[Problem]:
        """The codes of the notes."""
        return frozenset(note.problem for note in self.notes)

    @property
    def showable(self) -> bool:
        """Whether the slices can be opened as a stack of pictures."""
        never = {Problem.NOT_AN_IMAGE, Problem.NO_PIXELS, Problem.UNSUPPORTED_SYNTAX}
        return bool(self.slices) and not never & self.problems


@dataclass(frozen=True)
class Study:
    """One study. Dates are DICOM's (YYYYMMDD, HHMMSS), empty where unknown.

    patient_name is as DICOM has it (family^given), in Unicode. Neither it nor any other patient data is logged.
    study_uid: StudyInstanceUID. Where files of several patients bear it, those of all but the first add `#2`, `#3` …
    so that nobody's pictures appear under another's name; `dicom_study_uid` is the one in the files.
    """

    study_uid: str
    patient_name: str
    patient_id: str
    sex: str
    age: str
    date: str
    time: str
    description: str
    series: tuple[Series, ...]
    accession_number: str = ""

    @property
    def dicom_study_uid(self) -> str:
        """StudyInstanceUID as the files have it."""
        return self.study_uid.partition("#")[0]


Stamp = tuple[int, int]
"""Size of a file in bytes, and when it changed last, in nanoseconds of the system's clock."""


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file, None where the system does not tell."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class ScanResult:
    """What a scan found. `notes` are about files that belong to no series.

    files: by StudyInstanceUID all files of a study, also those left out, as they were when they were listed; empty
    unless the scan was asked to compare them with what is known.
    """

    studies: tuple[Study, ...]
    notes: tuple[Note, ...] = ()
    files: Mapping[str, Mapping[Path, Stamp]] = field(default_factory=dict)
