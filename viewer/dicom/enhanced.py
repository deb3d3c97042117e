"""Enhanced multi-frame CT and MR: each frame's place from the functional groups (PS3.3 C.7.6.16)."""

from dataclasses import replace
from typing import Any

from viewer.dicom import plausible
from viewer.dicom.guard import read_dataset
from viewer.dicom.instance import RESCALE_MAX, Instance, Kind
from viewer.dicom.quiet import quiet
from viewer.dicom.walk import DamagedError


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
                return [_frame(single, shared, group, index) for index, group in enumerate(groups)]
            detail = f"{len(groups)} functional groups for {count} frames"
    except DamagedError as error:
        detail = str(error)
    except Exception as error:  # noqa: BLE001 - pydicom raises many kinds for damaged headers
        detail = f"functional groups that cannot be read ({type(error).__name__})"
    return [replace(single, kind=Kind.UNSUPPORTED, detail=detail)]


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
            slope=_rescale(slope[0], "slope") if slope else layout.slope,
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
    unit = _unit(group, shared) if slope or intercept else single.unit
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
