"""What the model found as a structured report after TID 1500 (PS3.16): probability, volume and mean HU a subtype.

The observer is the program with its model: nobody has verified what it says, and the report says so.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import PterionError
from model.labels import ANY, BY_CODE, CODES
from viewer import __version__
from viewer.jobs.answer import Answer
from viewer.jobs.dicom_out import (
    MANUFACTURER,
    MODEL,
    RESEARCH,
    Sources,
    coded,
    made,
    own_series,
    save,
    uid_of,
)
from viewer.jobs.dicom_segmentation import HEMORRHAGE, SITES, tracking_uid

if TYPE_CHECKING:
    from pydicom import Dataset

OWN = "99PTERION"
_HEAD_CT = ("303653007", "SCT", "Computed tomography of head")
_HEAD = ("12738006", "SCT", "Brain")
_SUSPICION = ("SUSPICION", OWN, "Suspicion by operating point")
_VERDICTS = {
    True: ("SUSPECTED", OWN, "Suspected: score at or above its operating point"),
    False: ("BELOW", OWN, "Score below its operating point"),
}
_PROBABILITY = ("122157", "DCM", "Probability")
_OPERATING_POINT = ("OPERATING", OWN, "Operating point of the score")
_VOLUME = ("118565006", "SCT", "Volume")
_ATTENUATION = ("112031", "DCM", "Attenuation Coefficient")
_MEAN = ("373098007", "SCT", "Mean")
_RATIO, _ML, _HU = (
    ("1", "UCUM", "no units"),
    ("mL", "UCUM", "milliliter"),
    ("[hnsf'U]", "UCUM", "Hounsfield unit"),
)


def write_findings(path: Path, answer: Answer, segmentation: "Dataset | None" = None) -> "Dataset":
    """Write what the model found, whole or not at all; the data set that was written.

    segmentation: the SEG of the same answer, whose segments the groups then name; else they name slices.
    Raises PterionError where the source files lack what DICOM asks for, or the disk refuses.
    """
    with made():
        dataset = _Report(answer, segmentation).dataset()
    save(path, dataset)
    return dataset


class _Report:
    def __init__(self, answer: Answer, segmentation: "Dataset | None") -> None:
        self.answer = answer
        self.segmentation = segmentation
        self.sources = Sources(answer.volume.series)

    def dataset(self) -> "Dataset":
        from highdicom import sr

        answer = self.answer
        headers = self.sources.headers(range(len(answer.volume.series.slices)))
        report = sr.MeasurementReport(
            observation_context=sr.ObservationContext(observer_device_context=self._observer()),
            procedure_reported=coded(_HEAD_CT),
            imaging_measurements=[self._group(code) for code in (ANY, *CODES)],
        )
        evidence = [*headers, *([self.segmentation] if self.segmentation is not None else [])]
        dataset = sr.Comprehensive3DSR(
            evidence=evidence,
            content=report[0],
            **own_series(4),
            is_complete=True,
            is_verified=False,
        )
        dataset.SeriesDescription = f"Suspected bleeds. {RESEARCH}"
        return dataset

    def _observer(self) -> Any:
        from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext
        from pydicom.sr.codedict import codes

        model_id = self.answer.model_id
        device = DeviceObserverIdentifyingAttributes(
            uid=uid_of(f"model/{model_id}"),
            name=model_id,
            manufacturer_name=MANUFACTURER,
            model_name=f"{MODEL} {__version__}, {RESEARCH}",
            serial_number=model_id,
        )
        return ObserverContext(codes.DCM.Device, device)

    def _group(self, code: str) -> Any:
        """One code's group: volumetric where a segment holds it, else about the slice that scored highest."""
        from highdicom import sr

        answer = self.answer
        measurements = [
            _number(_PROBABILITY, answer.scores[code], _RATIO),
            _number(_OPERATING_POINT, answer.thresholds[code], _RATIO),
        ]
        if code in answer.mean_hu:
            if code in answer.volume_ml:
                measurements.append(_number(_VOLUME, answer.volume_ml[code], _ML))
            measurements.append(_number(_ATTENUATION, answer.mean_hu[code], _HU, _MEAN))
        verdict = _VERDICTS[answer.scores[code] >= answer.thresholds[code]]
        common: dict[str, Any] = {
            "tracking_identifier": sr.TrackingIdentifier(
                uid=tracking_uid(answer.volume.series.dicom_series_uid, answer.model_id, code),
                identifier=f"{code} {answer.model_id}",
            ),
            "finding_type": coded(HEMORRHAGE),
            "measurements": measurements,
            "qualitative_evaluations": [sr.QualitativeEvaluation(coded(_SUSPICION), coded(verdict))],
            "finding_category": coded((code.upper(), OWN, _meaning(code))),
            "finding_sites": [sr.FindingSite(coded(SITES.get(code, _HEAD)))],
        }
        number = self._segment_number(code)
        if number is None or self.segmentation is None:
            images = [self._peak(code)]
            return sr.MeasurementsAndQualitativeEvaluations(source_images=images, **common)
        segment = sr.ReferencedSegment(
            sop_class_uid=str(self.segmentation.SOPClassUID),
            sop_instance_uid=str(self.segmentation.SOPInstanceUID),
            segment_number=number,
            source_images=self._marked(code),
        )
        return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **common)

    def _segment_number(self, code: str) -> int | None:
        """The number of the segment that holds a subtype, None where there is none."""
        if self.segmentation is None:
            return None
        described: Sequence[Dataset] = self.segmentation.SegmentSequence
        return next((int(each.SegmentNumber) for each in described if each.SegmentLabel == code), None)

    def _marked(self, code: str) -> list[Any]:
        """The source images that a subtype is marked on."""
        from highdicom.sr import SourceImageForSegmentation

        marked = (self.answer.masks == BY_CODE[code].value).any(axis=(1, 2)).nonzero()[0]
        frames: dict[str, list[int]] = {}
        classes = {}
        for index in map(int, marked):
            sop_class, uid, own = self.sources.reference(index)
            classes[uid] = sop_class
            frames.setdefault(uid, []).extend(own or [])
        return [SourceImageForSegmentation(classes[uid], uid, found or None) for uid, found in frames.items()]

    def _peak(self, code: str) -> Any:
        """The slice with the highest score."""
        import numpy as np
        from highdicom.sr import SourceImageForMeasurementGroup

        column = self.answer.slice_scores[:, (ANY, *CODES).index(code)]
        if not np.isfinite(column).any():
            raise PterionError("No slice of this series was scored, so there is nothing to report.")
        index = int(np.nanargmax(column))
        return SourceImageForMeasurementGroup(*self.sources.reference(index))


def _meaning(code: str) -> str:
    return (
        f"{BY_CODE[code].name.capitalize()} hemorrhage" if code in BY_CODE else "Any intracranial hemorrhage"
    )


def _number(
    name: tuple[str, str, str],
    value: float,
    unit: tuple[str, str, str],
    derivation: tuple[str, str, str] | None = None,
) -> Any:
    from highdicom.sr import Measurement

    return Measurement(
        name=coded(name),
        value=float(f"{value:.6g}"),
        unit=coded(unit),
        derivation=coded(derivation) if derivation else None,
    )
