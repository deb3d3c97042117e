"""Enhanced multi-frame CT and MR: each frame's place and kind from the functional groups (PS3.3 C.7.6.16)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from viewer.dicom import instance as tags
from viewer.dicom import plausible
from viewer.dicom.guard import read_dataset
from viewer.dicom.header import Header
from viewer.dicom.instance import RESCALE_MAX, Instance, Kind
from viewer.dicom.quiet import quiet
from viewer.dicom.walk import DamagedError

_STANDS_FOR = (
    (tags.KERNEL, "CTReconstructionSequence", "ConvolutionKernel"),
    (tags.KVP, "CTXRayDetailsSequence", "KVP"),
    (tags.EXPOSURE, "CTExposureSequence", "ExposureInmAs"),
    (tags.THICKNESS, "PixelMeasuresSequence", "SliceThickness"),
    (tags.IMAGE_TYPE, "CTImageFrameTypeSequence", "FrameType"),
    (tags.IMAGE_TYPE, "MRImageFrameTypeSequence", "FrameType"),
    (tags.STACK, "FrameContentSequence", "StackID"),
    (tags.TEMPORAL_POSITION, "FrameContentSequence", "TemporalPositionIndex"),
    (tags.ACQUISITION, "FrameContentSequence", "FrameAcquisitionNumber"),
    (tags.TRIGGER_TIME, "CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    (tags.B_VALUE, "MRDiffusionSequence", "DiffusionBValue"),
    (tags.ECHO_TIME, "MREchoSequence", "EffectiveEchoTime"),
)
"""The element that says the same in a file of one frame, and where an enhanced one has it."""


def frames(single: Instance) -> list[Instance]:
    """The frames of an enhanced file, each with its own position, orientation, spacing, rescale and window."""
    path = single.header.path
    try:
        with path.open("rb") as file, quiet():
            dataset = read_dataset(file, path, stop_before_pixels=True)
            shared = _first(dataset.get("SharedFunctionalGroupsSequence"))
            groups = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
            count = int(dataset.get("NumberOfFrames", 1) or 1)
            if groups and len(groups) == count and single.slice.pixels is not None:
                singles = _of_its_own(single, shared, groups)
                return [
                    _frame(own, shared, group, index)
                    for index, (own, group) in enumerate(zip(singles, groups, strict=True))
                ]
            detail = f"{len(groups)} functional groups for {count} frames"
    except DamagedError as error:
        detail = str(error)
    except Exception as error:  # noqa: BLE001 - pydicom raises many kinds for damaged headers
        detail = f"functional groups that cannot be read ({type(error).__name__})"
    return [replace(single, kind=Kind.UNSUPPORTED, detail=detail)]


def _of_its_own(single: Instance, shared: Any, groups: list[Any]) -> Iterator[Instance]:
    """For each frame the instance with the header that a file of this frame alone would have.

    Without it frames of several phases or kernels, in whatever order, could not be told apart. Frames alike share it.
    """
    common, known = _elements(shared), dict[tuple[tuple[int, bytes], ...], Header]()
    for group in groups:
        elements = common | _elements(group)
        key = tuple(elements.items())
        if key not in known:
            known[key] = replace(single.header, elements=single.header.elements | elements)
        yield replace(single, header=known[key])


def _elements(groups: Any) -> dict[int, bytes]:
    """What functional groups say of their frames, as elements of a file of one frame."""
    found: dict[int, bytes] = {}
    for tag, sequence, keyword in _STANDS_FOR:
        item = _first(groups.get(sequence)) if groups is not None else None
        value = item.get(keyword) if item is not None else None
        if value is not None and value != "":
            several = value if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
            found[tag] = "\\".join(map(str, several)).encode("latin-1", "replace")
    return found


def _frame(single: Instance, shared: Any, group: Any, index: int) -> Instance:
    """One frame, as if it were a file of its own."""

    def value(sequence: str, keyword: str) -> tuple[float, ...] | None:
        for place in (group, shared):
            item = _first(place.get(sequence)) if place is not None else None
            found = item.get(keyword) if item is not None else None
            if found is not None and found != "":
                try:
                    return tuple(float(part) for part in (found if hasattr(found, "__iter__") else [found]))
                except (TypeError, ValueError):
                    return None
        return None

    layout = single.slice.pixels
    slope = value("PixelValueTransformationSequence", "RescaleSlope")
    intercept = value("PixelValueTransformationSequence", "RescaleIntercept")
    if layout is not None:
        layout = replace(
            layout,
            slope=_rescale(slope[0], "slope") if slope and intercept else layout.slope,
            intercept=_rescale(intercept[0], "intercept") if intercept else layout.intercept,
        )
    width, centre = value("FrameVOILUTSequence", "WindowWidth"), value("FrameVOILUTSequence", "WindowCenter")
    thickness = value("PixelMeasuresSequence", "SliceThickness")
    place = replace(
        single.slice,
        frame=index,
        position_mm=plausible.position(value("PlanePositionSequence", "ImagePositionPatient")),
        orientation=plausible.orientation(value("PlaneOrientationSequence", "ImageOrientationPatient")),
        spacing_mm=plausible.spacing(value("PixelMeasuresSequence", "PixelSpacing")),
        window=(plausible.window(width[0], centre[0]) if width and centre else None) or single.slice.window,
        pixels=layout,
    )
    unit = _unit(group, shared) if intercept else single.unit
    return replace(
        single,
        slice=place,
        thickness_mm=plausible.length(thickness[0]) if thickness else single.thickness_mm,
        unit=unit,
    )


def _rescale(value: float, name: str) -> float:
    """A slope or an intercept. Raises DamagedError for one that gives no HU: nothing may stand in its place."""
    if not abs(value) <= RESCALE_MAX or (name == "slope" and value == 0):
        raise DamagedError(f"rescale {name} {value:g}")
    return value


def _unit(group: Any, shared: Any) -> str:
    """Rescale Type of a frame that is rescaled, HU where it is left open (PS3.3 C.7.6.16.2.9)."""
    for place in (group, shared):
        item = _first(place.get("PixelValueTransformationSequence")) if place is not None else None
        said = str(item.get("RescaleType") or "").strip().upper() if item is not None else ""
        if said:
            return "HU" if said == "US" else said
    return "HU"


def _first(sequence: Any) -> Any:
    """First item of a sequence, or None."""
    return sequence[0] if sequence else None
