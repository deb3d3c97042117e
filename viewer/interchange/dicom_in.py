"""DICOM objects in: segmentations (PS3.3 A.51) and structure sets (A.19)."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from model.labels import BY_CODE
from viewer.annotation.document import Ring
from viewer.corpora.dicom_seg import code_of
from viewer.dicom.geometry import normal_of
from viewer.dicom.guard import dicom_file, read_dataset
from viewer.dicom.overlaid import overlay
from viewer.dicom.segmentation import STORAGE, read_segmentation
from viewer.dicom.series import Series, SliceHeader
from viewer.interchange.drawn import Drawn, ExchangeError, Found, Places, nested

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_ON_SLICE_MM = 0.5
"""How far a contour may lie off the plane of its slice: planning systems round to tenths of a millimetre."""
_MOST_CONTOURS = 100_000


def read_dicom(path: Path, series: Series, spacing_mm: tuple[float, float]) -> Found:
    """A segmentation or a structure set on a series. Raises PterionError where it is neither, or lies elsewhere."""
    with dicom_file(path, f"{path.name} is damaged: it cannot be read as DICOM. Get it again.") as file:
        header = read_dataset(file, path, stop_before_pixels=True)
        kind = str(header.get("SOPClassUID", ""))
        if kind == STRUCTURE_SET:
            return _structures(path, header, series, spacing_mm)
    if kind not in STORAGE:
        raise ExchangeError(
            f"{path.name} is neither a DICOM segmentation nor a structure set. Choose another file."
        )
    return _segmentation(path, series)


def _segmentation(path: Path, series: Series) -> Found:
    laid = overlay(read_segmentation(path), series)
    if laid.astray:
        raise ExchangeError(
            f"{laid.astray} frames of {path.name} lie on no slice of this series. Open the series that it was drawn "
            "on. Nothing was imported."
        )
    drawn = []
    for each in laid.segments:
        code = code_of(each.segment, {})
        name = code if code in BY_CODE else each.name
        drawn += [Drawn(name, index, mask=mask) for index, mask in sorted(each.masks.items()) if mask.any()]
    return Found(tuple(drawn))


def _structures(path: Path, header: Any, series: Series, spacing_mm: tuple[float, float]) -> Found:
    """Closed planar contours, in mm, by region and slice; contours of one region on one slice are even-odd."""
    frame = str(series.frame_of_reference_uid)
    names = {}
    for item in header.get("StructureSetROISequence", []):
        named = str(item.get("ReferencedFrameOfReferenceUID", "") or "")
        if frame and named and named != frame:
            raise ExchangeError(
                f"{path.name} was drawn in another frame of reference. Open the series that it was drawn on. Nothing "
                "was imported."
            )
        names[int(item.ROINumber)] = str(item.get("ROIName", "") or f"region {item.ROINumber}")
    places = Places(series)
    rings: dict[tuple[str, int], list[Ring]] = defaultdict(list)
    count = astray = left_out = 0
    for region in header.get("ROIContourSequence", []):
        name = names.get(int(region.get("ReferencedROINumber", -1)), "region without a name")
        for contour in region.get("ContourSequence", []):
            count += 1
            if count > _MOST_CONTOURS:
                raise ExchangeError(
                    f"{path.name} has more than {_MOST_CONTOURS} contours. Choose a smaller file."
                )
            kind = str(contour.get("ContourGeometricType", ""))
            points = np.array(contour.get("ContourData", []), np.float64)
            if kind not in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR") or points.size < 9 or points.size % 3:
                left_out += 1
                continue
            index = _slice_of(contour, points.reshape(-1, 3), series, places)
            if index is None:
                astray += 1
                continue
            rings[name, index].append(_ring(points.reshape(-1, 3), series.slices[index], spacing_mm))
    if astray:
        raise ExchangeError(
            f"{astray} of {count} contours of {path.name} lie on no slice of this series. Open the series that they "
            "were drawn on. Nothing was imported."
        )
    drawn = tuple(Drawn(name, index, nested(each)) for (name, index), each in rings.items())
    points_only = f"{left_out} contours that enclose nothing (points, open lines) were left out."
    return Found(drawn, remarks=(points_only,) if left_out else ())


def _slice_of(contour: Any, points: Any, series: Series, places: Places) -> int | None:
    """The slice that a contour names, else the one in whose plane it lies."""
    for image in contour.get("ContourImageSequence", []):
        frame = int(image.get("ReferencedFrameNumber", 1) or 1) - 1
        index = places.of_uid(str(image.get("ReferencedSOPInstanceUID", "")), frame)
        if index is not None:
            return index if _away_mm(points, series.slices[index]) <= _ON_SLICE_MM else None
    away = [_away_mm(points, place) for place in series.slices]
    nearest = int(np.argmin(away)) if away else 0
    return nearest if away and away[nearest] <= _ON_SLICE_MM else None


def _away_mm(points: Any, place: SliceHeader) -> float:
    """How far the farthest of points (n, 3) lies off the plane of a slice."""
    if place.position_mm is None or place.orientation is None:
        return float("inf")
    return float(np.abs((points - np.array(place.position_mm)) @ normal_of(place.orientation)).max())


def _ring(points: Any, place: SliceHeader, spacing_mm: tuple[float, float]) -> Ring:
    """Points in mm as image-relative ones: the centre of the first pixel is its position (PS3.3 C.7.6.2.1.1)."""
    directions = np.asarray(place.orientation, np.float64)
    offset = points - np.asarray(place.position_mm, np.float64)
    x = offset @ directions[:3] / spacing_mm[1] + 0.5
    y = offset @ directions[3:] / spacing_mm[0] + 0.5
    return tuple((float(a), float(b)) for a, b in zip(x, y, strict=True))
