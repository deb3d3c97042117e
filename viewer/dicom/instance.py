"""One file's header → the slices it holds, and what may be wrong with it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from viewer.dicom import plausible
from viewer.dicom.header import Header
from viewer.dicom.series import PixelLayout, SliceHeader
from viewer.dicom.syntaxes import DEFLATED, NATIVE, SUPPORTED
from viewer.dicom.walk import DamagedError

SIDE_MAX = 8192
FRAMES_MAX = 1 << 16
RESCALE_MAX = 1e6

MEDIA_CLASS, FILE_SET = 0x00020002, 0x00041130
CHARSET, IMAGE_TYPE, SOP_CLASS, SOP_UID = 0x00080005, 0x00080008, 0x00080016, 0x00080018
STUDY_DATE, STUDY_TIME, ACCESSION, MODALITY = 0x00080020, 0x00080030, 0x00080050, 0x00080060
STUDY_DESCRIPTION, SERIES_DESCRIPTION = 0x00081030, 0x0008103E
PATIENT_NAME, PATIENT_ID, PATIENT_SEX, PATIENT_AGE = 0x00100010, 0x00100020, 0x00100040, 0x00101010
BODY_PART, THICKNESS, KVP, TUBE_CURRENT, EXPOSURE = 0x00180015, 0x00180050, 0x00180060, 0x00181151, 0x00181152
KERNEL, CONTRAST = 0x00181210, 0x00180010
STUDY_UID, SERIES_UID, SERIES_NUMBER, ACQUISITION = 0x0020000D, 0x0020000E, 0x00200011, 0x00200012
INSTANCE_NUMBER, POSITION, ORIENTATION = 0x00200013, 0x00200032, 0x00200037
ECHO_TIME, ECHO, B_VALUE, TRIGGER_TIME = 0x00180081, 0x00180086, 0x00189087, 0x00181060
TEMPORAL_POSITION, STACK, ACQUISITION_TIME = 0x00200100, 0x00209056, 0x00080032
FRAME_OF_REFERENCE = 0x00200052
SAMPLES, PHOTOMETRIC, FRAMES, ROWS, COLUMNS, SPACING = (
    0x00280002,
    0x00280004,
    0x00280008,
    0x00280010,
    0x00280011,
    0x00280030,
)
BITS_ALLOCATED, BITS_STORED, HIGH_BIT, SIGNED = 0x00280100, 0x00280101, 0x00280102, 0x00280103
PADDING, PADDING_LIMIT, BURNED_IN, CALIBRATION = 0x00280120, 0x00280121, 0x00280301, 0x00280A02
CENTRE, WIDTH, INTERCEPT, SLOPE, LOSSY_IMAGE = 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00282110
RESCALE_TYPE, MODALITY_LUT = 0x00281054, 0x00283000

PHASES = {
    CONTRAST: "contrast agent",
    KVP: "tube voltage",
    ECHO_TIME: "echo time",
    ECHO: "echo",
    B_VALUE: "b-value",
    TEMPORAL_POSITION: "temporal position",
    TRIGGER_TIME: "trigger time",
    STACK: "stack",
    THICKNESS: "slice thickness",
    ACQUISITION: "acquisition",
    ACQUISITION_TIME: "acquisition time",
    IMAGE_TYPE: "image type",
}
"""What tells apart slices at one position, beside the kernel: the first of these that differs, and its name."""

WANTED = frozenset(
    {
        *(CHARSET, IMAGE_TYPE, SOP_CLASS, SOP_UID, STUDY_DATE, STUDY_TIME, ACCESSION, MODALITY),
        *(STUDY_DESCRIPTION, SERIES_DESCRIPTION, PATIENT_NAME, PATIENT_ID, PATIENT_SEX, PATIENT_AGE),
        *(BODY_PART, THICKNESS, KVP, TUBE_CURRENT, EXPOSURE, KERNEL),
        *(STUDY_UID, SERIES_UID, SERIES_NUMBER, ACQUISITION, INSTANCE_NUMBER, POSITION, ORIENTATION),
        *(FRAME_OF_REFERENCE, FILE_SET, SAMPLES, PHOTOMETRIC, FRAMES, ROWS, COLUMNS, SPACING),
        *(BITS_ALLOCATED, BITS_STORED, HIGH_BIT, SIGNED, PADDING, PADDING_LIMIT, BURNED_IN, CALIBRATION),
        *(CENTRE, WIDTH, INTERCEPT, SLOPE, RESCALE_TYPE, MODALITY_LUT, LOSSY_IMAGE, *PHASES),
    }
)

_CONTENT = (
    *(SOP_CLASS, SAMPLES, PHOTOMETRIC, FRAMES, ROWS, COLUMNS, BITS_ALLOCATED, BITS_STORED, HIGH_BIT, SIGNED),
    *(PADDING, PADDING_LIMIT, INTERCEPT, SLOPE, RESCALE_TYPE, THICKNESS, ORIENTATION, SPACING, CENTRE, WIDTH),
)
"""What decides whether there is a picture, how its pixels are stored and how it lies, but for its position."""

_ENHANCED = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
        "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR
    }
)
_GREY = ("MONOCHROME2", "MONOCHROME1", "")
_NO_PICTURES = (
    "1.2.840.10008.5.1.4.1.1.66",  # raw data, registration, segmentation, surface, tractography
    "1.2.840.10008.5.1.4.1.1.88",  # structured reports, key object selection
    "1.2.840.10008.5.1.4.1.1.104",  # encapsulated documents
    "1.2.840.10008.5.1.4.1.1.11",  # presentation states
    "1.2.840.10008.5.1.4.1.1.9",  # waveforms
    "1.2.840.10008.5.1.4.1.1.481",  # radiotherapy plans, structures and doses
    "1.2.840.10008.5.1.4.1.1.30",  # parametric map
    "1.2.840.10008.5.1.4.1.1.67",  # real world value mapping
    "1.2.840.10008.5.1.4.34",  # worklist
)


class Kind(Enum):
    """What a file is good for."""

    PICTURE = "picture"
    NOT_AN_IMAGE = "not an image"
    NO_PIXELS = "no pixels"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class Instance:
    """One slice of one file, with what decides which stack it belongs to.

    damage: why its pixels cannot be read although its header can, empty if they can.
    detail: for all kinds but PICTURE, what it is or why it cannot be shown.
    unit: what the values are once they are rescaled, empty where the header does not rescale them.
    """

    header: Header
    slice: SliceHeader
    kind: Kind
    detail: str = ""
    damage: str = ""
    thickness_mm: float | None = None
    unit: str = ""

    @property
    def localizer(self) -> bool:
        """Whether it is a scout (PS3.3 C.8.2.1.1.1, and SURVIEW as Philips writes it)."""
        words = self.header.texts(IMAGE_TYPE)
        return any(word == "LOCALIZER" or "SURVIEW" in word or word == "SCOUT" for word in words)


def texts_of(items: Iterable[Instance], tag: int) -> frozenset[str]:
    """What a text element says (its first value, empty if absent) in any of the items."""
    raw = {item.header.elements.get(tag, b"") for item in items}
    return frozenset(value.split(b"\\", 1)[0].strip(b" \0").decode("latin-1") for value in raw)


def instances(header: Header) -> list[Instance]:
    """The slices of one file, one for each frame; never empty."""
    content = _content(
        header.syntax,
        header.big_endian,
        header.pixel_offset,
        header.pixel_length,
        header.float_pixels,
        tuple(map(header.elements.get, _CONTENT)),
    )
    single = Instance(
        header=header,
        slice=_slice(header, content),
        kind=content.kind,
        detail=content.detail,
        thickness_mm=content.thickness_mm,
        unit=content.unit,
    )
    if MODALITY_LUT in header.elements and content.layout is not None:
        single = with_lut(single)
    if single.kind is not Kind.PICTURE:
        damage = "it ends within its header" if header.cut else _size_claim(single.slice)
        return [replace(single, damage=damage)] if damage else [single]
    if content.enhanced:
        from viewer.dicom.enhanced import frames

        found = frames(single)
    elif content.layout is not None and content.layout.frames > 1:
        count = content.layout.frames
        found = [replace(single, slice=replace(single.slice, frame=frame)) for frame in range(count)]
    else:
        damage = _damage(header, single.slice)
        return [replace(single, damage=damage)] if damage else [single]
    damages = [_damage(header, one.slice) for one in found]
    return [
        replace(one, damage=damage) if damage else one for one, damage in zip(found, damages, strict=True)
    ]


class _Content(NamedTuple):
    """What the files of a series hardly differ in: one answer for all saves time and memory.

    layout: None where there is no picture. enhanced: whether each frame says where it lies.
    """

    kind: Kind
    detail: str
    layout: PixelLayout | None
    rows: int
    columns: int
    thickness_mm: float | None
    orientation: tuple[float, float, float, float, float, float] | None
    spacing_mm: tuple[float, float] | None
    window: tuple[float, float] | None
    enhanced: bool
    unit: str


@lru_cache(maxsize=1024)
def _content(
    syntax: str,
    big_endian: bool,
    pixel_offset: int | None,
    pixel_length: int | None,
    float_pixels: bool,
    values: tuple[bytes | None, ...],
) -> _Content:
    """What a file with these values of `_CONTENT` holds."""
    elements = {tag: value for tag, value in zip(_CONTENT, values, strict=True) if value is not None}
    header = Header(
        path=Path(),
        size=0,
        syntax=syntax,
        elements=elements,
        big_endian=big_endian,
        pixel_offset=pixel_offset,
        pixel_length=pixel_length,
        float_pixels=float_pixels,
    )
    kind, detail = _kind(header)
    return _Content(
        kind=kind,
        detail=detail,
        layout=_layout(header) if kind is Kind.PICTURE else None,
        rows=header.integer(ROWS) or 0,
        columns=header.integer(COLUMNS) or 0,
        thickness_mm=plausible.length(header.number(THICKNESS)),
        orientation=plausible.orientation(header.numbers(ORIENTATION)),
        spacing_mm=plausible.spacing(header.numbers(SPACING)),
        window=plausible.window(header.number(WIDTH), header.number(CENTRE)),
        enhanced=header.text(SOP_CLASS) in _ENHANCED,
        unit=_unit(header),
    )


def _kind(header: Header) -> tuple[Kind, str]:
    """What the file is good for, and the reason if nothing."""
    sop_class = header.text(SOP_CLASS)
    has_rows = bool(header.integer(ROWS) and header.integer(COLUMNS))
    if sop_class.startswith(_NO_PICTURES) and not sop_class.startswith("1.2.840.10008.5.1.4.1.1.481.1"):
        return Kind.NOT_AN_IMAGE, _name(sop_class)
    if header.pixel_offset is None:
        image = has_rows or "Image" in _name(sop_class)
        return (Kind.NO_PIXELS if image else Kind.NOT_AN_IMAGE), _name(sop_class)
    if max(header.integer(ROWS) or 0, header.integer(COLUMNS) or 0) > SIDE_MAX:
        return Kind.NO_PIXELS, _name(sop_class)
    if header.integer(SAMPLES) not in (1, None) or header.text(PHOTOMETRIC).upper() not in _GREY:
        return Kind.NOT_AN_IMAGE, f"a colour picture ({_name(sop_class)})"
    return _readable(header, has_rows)


def _name(uid: str) -> str:
    """The standard's name of a SOP class or transfer syntax."""
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    return UID(uid, validation_mode=IGNORE).name.removesuffix(" Storage") if uid else "nothing that it names"


def _readable(header: Header, has_rows: bool) -> tuple[Kind, str]:
    """Whether the loader knows how to read these pixels."""
    if header.syntax not in SUPPORTED:
        return Kind.UNSUPPORTED, f"transfer syntax {_name(header.syntax)}"
    if header.float_pixels:
        return Kind.UNSUPPORTED, "floating-point pixels"
    if not has_rows:
        return Kind.UNSUPPORTED, "no rows and columns in the header"
    allocated, stored = header.integer(BITS_ALLOCATED), header.integer(BITS_STORED)
    if stored is None:
        return Kind.UNSUPPORTED, "no number of bits in the header"
    if allocated not in (8, 16) or not 1 <= stored <= allocated:
        return Kind.UNSUPPORTED, f"{stored} of {allocated} bits a pixel"
    if allocated == 8 and header.big_endian:
        return Kind.UNSUPPORTED, "8-bit big-endian pixels"
    high = header.integer(HIGH_BIT)
    if high is not None and not stored - 1 <= high < allocated:
        return Kind.UNSUPPORTED, f"highest bit {high} of {allocated}"
    frames = header.number(FRAMES)
    if frames is not None and not frames <= FRAMES_MAX:
        return Kind.UNSUPPORTED, f"{frames:g} frames in one file"
    why = _no_rescale(header)
    return (Kind.UNSUPPORTED, why) if why else (Kind.PICTURE, "")


def _no_rescale(header: Header) -> str:
    """Why the values cannot be rescaled although the header means them to be; empty if nothing is wrong."""
    for tag, name in ((SLOPE, "slope"), (INTERCEPT, "intercept")):
        value = header.number(tag)
        if value is None and header.text(tag):
            return f"a rescale {name} that is no number"
        if value is not None and (not abs(value) <= RESCALE_MAX or (tag == SLOPE and value == 0)):
            return f"rescale {name} {value}"
    return ""


def _unit(header: Header) -> str:
    """What the rescaled values are (PS3.3 C.11.1.1.2): RescaleType, HU where it is left open.

    An intercept alone goes with a slope of 1; a slope alone leaves open where 0 HU is.
    """
    if not header.text(INTERCEPT):
        return ""
    said = header.text(RESCALE_TYPE).upper()
    return "HU" if said in ("", "US") else said


def with_lut(single: Instance) -> Instance:
    """An instance that has a Modality LUT, with the table that takes the place of slope and intercept."""
    from viewer.dicom.modality_lut import read_lut

    if single.slice.pixels is None:
        return single
    try:
        lut, unit = read_lut(single.header.path)
    except (OSError, DamagedError) as error:
        return replace(single, kind=Kind.UNSUPPORTED, detail=f"a Modality LUT that is broken ({error})")
    layout = replace(single.slice.pixels, lut=lut, slope=1.0, intercept=0.0)
    return replace(single, slice=replace(single.slice, pixels=layout), unit=unit)


def _layout(header: Header) -> PixelLayout:
    """The pixel layout of a file of kind PICTURE."""
    allocated, stored = header.integer(BITS_ALLOCATED) or 16, header.integer(BITS_STORED) or 16
    high = header.integer(HIGH_BIT)
    signed = header.integer(SIGNED) == 1
    padding, limit = _stored(header, PADDING, signed=signed), _stored(header, PADDING_LIMIT, signed=signed)
    intercept, slope, frames = header.number(INTERCEPT), header.number(SLOPE), header.number(FRAMES)
    return PixelLayout(
        syntax=header.syntax,
        offset=header.pixel_offset or 0,
        length=header.pixel_length,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 if high is None else high,
        signed=signed,
        slope=1.0 if slope is None or intercept is None else slope,
        intercept=0.0 if intercept is None else intercept,
        padding=padding,
        frames=max(int(frames), 1) if frames is not None and frames >= 1 else 1,
        padding_limit=limit,
    )


def _stored(header: Header, tag: int, *, signed: bool) -> int | None:
    """An element whose value is a stored pixel value (US or SS, by the pixels' own sign)."""
    value = header.integer(tag)
    return value - (1 << 16) if value is not None and signed and value >= 1 << 15 else value


def _slice(header: Header, content: _Content) -> SliceHeader:
    """Place and size of the file's only, or first, frame."""
    return SliceHeader(
        path=header.path,
        sop_uid=header.text(SOP_UID),
        frame=0,
        instance_number=plausible.whole(header.number(INSTANCE_NUMBER)),
        position_mm=plausible.position(header.numbers(POSITION)),
        orientation=content.orientation,
        spacing_mm=content.spacing_mm,
        rows=content.rows,
        columns=content.columns,
        window=content.window,
        pixels=content.layout,
    )


def _damage(header: Header, place: SliceHeader) -> str:
    """Why the pixels cannot be right, as far as sizes tell; empty if nothing speaks against them."""
    layout = place.pixels
    if layout is None:
        return ""
    if header.cut_pixels:
        return "it is cut short"
    if layout.syntax not in NATIVE:
        return "" if layout.length is None else "its compressed pixels are not encapsulated"
    if layout.length is None:
        return "its uncompressed pixels are wrapped as if they were compressed"
    needed = (place.frame + 1) * place.rows * place.columns * layout.bits_allocated // 8
    if layout.length < needed:
        return "it holds fewer pixels than its header says"
    if header.size < layout.offset + needed and layout.syntax != DEFLATED:
        return "it is cut short"
    return ""


def _size_claim(place: SliceHeader) -> str:
    """What is wrong with the size in the header, empty if nothing is."""
    if max(place.rows, place.columns) <= SIDE_MAX:
        return ""
    return f"it claims {place.rows} × {place.columns} pixels"
