"""Measures as a structured report after TID 1500 (PS3.16): what was measured, its coordinates, its source images."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from model.errors import PterionError
from viewer.annotation.document import Document
from viewer.dicom.volume import Volume
from viewer.jobs.dicom_graphics import ellipse_axes
from viewer.jobs.dicom_out import RESEARCH, Sources, coded, observer, own_series, uid_of
from viewer.measures import text
from viewer.measures.measure import CutPlane, Kind, Measure, Point
from viewer.measures.readings import Reading, Value, index_of, read
from viewer.measures.regions import ring_of
from viewer.measures.shaping import lines

if TYPE_CHECKING:
    from pydicom import Dataset

OWN = "99PTERION"
"""Scheme of the codes for which the standard has none."""
_UNITS = {
    "mm": ("mm", "millimeter"),
    "mm²": ("mm2", "square millimeter"),
    "mL": ("mL", "milliliter"),
    "°": ("deg", "degree"),
    "HU": ("[hnsf'U]", "Hounsfield unit"),
    "px": ("{pixels}", "pixels"),
    "px²": ("{pixels2}", "square pixels"),
    "": ("{pixels}", "pixels"),
}
_NAMES: dict[str, tuple[str, str, str]] = {
    "length": ("410668003", "SCT", "Length"),
    "angle": ("1483009", "SCT", "Angle"),
    "long": ("103339001", "SCT", "Long Axis"),
    "short": ("103340004", "SCT", "Short Axis"),
    "area": ("42798000", "SCT", "Area"),
    "perimeter": ("131191004", "SCT", "Perimeter"),
    "volume": ("118565006", "SCT", "Volume"),
    "shift": ("MLS", OWN, "Midline shift"),
    "A": ("ABC2-A", OWN, "A of ABC/2: largest diameter"),
    "B": ("ABC2-B", OWN, "B of ABC/2: perpendicular diameter"),
    "C": ("ABC2-C", OWN, "C of ABC/2: weighted height"),
    "pixels": ("PIXELS", OWN, "Number of pixels"),
}
_HU = ("112031", "DCM", "Attenuation Coefficient")
_DERIVATIONS = {
    "mean": ("373098007", "SCT", "Mean"),
    "SD": ("386136009", "SCT", "Standard Deviation"),
    "min": ("255605001", "SCT", "Minimum"),
    "max": ("56851009", "SCT", "Maximum"),
}
_HEAD_CT = ("303653007", "SCT", "Computed tomography of head")
_ABC2 = ("ABC2", OWN, "ABC/2 (Kothari 1996)")


def measurement_report(sources: Sources, volume: Volume, document: Document) -> "Dataset":
    """The report of a series' measures. Runs under `dicom_out.made`.

    Raises PterionError where none of them lies on a slice of the series, or in a frame of reference.
    """
    from highdicom import sr

    maker = _Maker(sources, volume)
    groups = [group for measure in document.measures if (group := maker.group(measure)) is not None]
    if not groups:
        raise PterionError(
            "None of the measures lies on an image of this series that a report could refer to."
        )
    evidence = sources.headers(sorted(maker.used))
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer()),
        procedure_reported=coded(_HEAD_CT),
        imaging_measurements=groups,
    )
    kind = sr.Comprehensive3DSR if maker.spatial else sr.ComprehensiveSR
    dataset = kind(
        evidence=evidence,
        content=report[0],
        **own_series(2),
        is_complete=True,
    )
    dataset.SeriesDescription = f"Measures. {RESEARCH}"
    return dataset


@dataclass
class _Maker:
    """Makes measurement groups; remembers which slices they refer to, and whether any lies across them."""

    sources: Sources
    volume: Volume

    def __post_init__(self) -> None:
        self.used: set[int] = set()
        self.spatial = False

    def group(self, measure: Measure) -> Any:
        """The group of one measure, None where nothing can be referred to."""
        reading = read(measure, self.volume)
        if not reading.values:
            return None
        if isinstance(measure.plane, CutPlane):
            return self._across(measure, measure.plane, reading)
        index = index_of(self.volume, measure.plane.sop_uid, measure.plane.frame)
        if index is None:
            return None
        self.used.add(index)
        image = self._image(index)
        if measure.kind.is_region:
            return self._region(measure, reading, image)
        return self._plain(measure, reading, image, index)

    def _image(self, index: int) -> Any:
        from highdicom.sr import SourceImageForRegion

        return SourceImageForRegion(*self.sources.reference(index))

    def _region(self, measure: Measure, reading: Reading, image: Any) -> Any:
        from highdicom import sr

        if measure.kind is Kind.ELLIPSE:
            region = sr.ImageRegion("ELLIPSE", ellipse_axes(measure.points), image)
        else:
            ring = ring_of(measure.kind, measure.points)
            region = sr.ImageRegion("POLYLINE", _array((*ring, ring[0])), image)
        return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(measure),
            referenced_region=region,
            measurements=[_measurement(value) for value in reading.values],
        )

    def _plain(self, measure: Measure, reading: Reading, image: Any, index: int) -> Any:
        from highdicom import sr

        paths = lines(measure.kind, measure.points)
        coordinates = [
            sr.CoordinatesForMeasurement("POINT" if len(path) == 1 else "POLYLINE", _array(path), image)
            for path in paths
        ]
        measurements = [_measurement(value, coordinates) for value in reading.values]
        guided = measure.kind is Kind.ABC2
        counted = (index_of(self.volume, s.sop_uid, s.frame) for s in measure.shares if s.weight)
        slices = {index, *(place for place in counted if place is not None)}
        self.used |= slices
        return sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(measure),
            method=coded(_ABC2) if guided else None,
            measurements=measurements,
            source_images=[self._group_image(each) for each in sorted(slices)] if guided else None,
        )

    def _group_image(self, index: int) -> Any:
        from highdicom.sr import SourceImageForMeasurementGroup

        return SourceImageForMeasurementGroup(*self.sources.reference(index))

    def _across(self, measure: Measure, plane: CutPlane, reading: Reading) -> Any:
        """A measure across the slices, in the patient's coordinates; the middle slice stands for its source."""
        from highdicom import sr

        frame_uid = self.volume.series.frame_of_reference_uid
        if not frame_uid:
            return None
        self.spatial = True
        self.used.add(len(self.volume.series.slices) // 2)

        def placed(points: Sequence[Point]) -> np.ndarray:
            return np.array([plane.patient_mm(point) for point in points], np.float64)

        if measure.kind.is_region:
            ring = ring_of(measure.kind, measure.points)
            region = sr.ImageRegion3D("POLYGON", placed((*ring, ring[0])), frame_uid)
            return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=_tracking(measure),
                referenced_region=region,
                measurements=[_measurement(value) for value in reading.values],
            )
        coordinates = [
            sr.CoordinatesForMeasurement3D("POINT" if len(path) == 1 else "POLYLINE", placed(path), frame_uid)
            for path in lines(measure.kind, measure.points)
        ]
        return sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(measure),
            measurements=[_measurement(value, coordinates) for value in reading.values],
        )


def _array(points: Sequence[Point]) -> np.ndarray:
    return np.array(points, np.float64)


def _tracking(measure: Measure) -> Any:
    from highdicom.sr import TrackingIdentifier

    try:
        uid = f"2.25.{uuid.UUID(hex=measure.uid).int}"
    except ValueError:  # of another program
        uid = uid_of(measure.uid)
    return TrackingIdentifier(uid=uid, identifier=measure.label or text.NAMES[measure.kind])


def _measurement(value: Value, coordinates: Sequence[Any] | None = None) -> Any:
    from highdicom.sr import Measurement

    unit, meaning = _UNITS[value.unit]
    derivation = _DERIVATIONS.get(value.name)
    name = _HU if value.unit == "HU" else _NAMES[value.name]
    return Measurement(
        name=coded(name),
        value=float(f"{value.number:.10g}"),  # a decimal string holds 16 characters
        unit=coded((unit, "UCUM", meaning)),
        derivation=coded(derivation) if derivation else None,
        referenced_coordinates=list(coordinates) if coordinates else None,
    )
