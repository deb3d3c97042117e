"""Bleeds as a DICOM segmentation (PS3.3 A.51): BINARY, a segment a subtype, a frame a source slice that it touches.

Masks stay on the slices that they were made on, so tilted and unevenly spaced series are as good as any.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from model.labels import BY_CODE, SUBTYPES
from viewer import __version__
from viewer.dicom.cielab import lab_of_rgb
from viewer.dicom.series import Series
from viewer.jobs.dicom_out import (
    MANUFACTURER,
    MODEL,
    RESEARCH,
    Sources,
    coded,
    made,
    own_images,
    save,
    uid_of,
    with_part,
)

if TYPE_CHECKING:
    from pydicom import Dataset

KINDS = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")
HEMORRHAGE = ("50960005", "SCT", "Hemorrhage")
"""The type of all five: DICOM's tables have no code of their own for the subtypes (CID 7159)."""
ABNORMAL = ("49755003", "SCT", "Morphologically Abnormal Structure")
SITES = {
    "EDH": ("18545000", "SCT", "Dura mater"),
    "SDH": ("18545000", "SCT", "Dura mater"),
    "SAH": ("35951006", "SCT", "Subarachnoid space"),
    "IVH": ("35764002", "SCT", "Brain ventricle"),
    "IPH": ("12738006", "SCT", "Brain"),
}
"""Where each lies; DICOM knows neither an epidural nor a subdural space."""


@dataclass(frozen=True)
class DrawnSegment:
    """One segment. mask: bool (slices, rows, columns) on the source grid. kind: AUTOMATIC, SEMIAUTOMATIC, MANUAL.

    model_id: what drew it, needed unless MANUAL. remark: added to its description.
    """

    code: str
    mask: npt.NDArray[np.bool_]
    kind: str = "MANUAL"
    model_id: str = ""
    remark: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for what a segment cannot say."""
        if self.code not in BY_CODE or self.kind not in KINDS:
            raise ValueError(
                f"a segment is one of {', '.join(BY_CODE)}, {KINDS}, got {self.code}, {self.kind}"
            )
        if self.kind != "MANUAL" and not self.model_id:
            raise ValueError(f"an {self.kind} segment needs the model that drew it")


def segments_of(
    masks: npt.NDArray[np.uint8], model_id: str, remarks: dict[str, str] | None = None
) -> tuple[DrawnSegment, ...]:
    """The subtypes present in a model's masks, uint8 (slices, rows, columns)."""
    present = np.bincount(masks.ravel(), minlength=1 + len(SUBTYPES)) > 0
    return tuple(
        DrawnSegment(
            each.code, masks == each.value, "AUTOMATIC", model_id, (remarks or {}).get(each.code, "")
        )
        for each in SUBTYPES
        if present[each.value]
    )


def write_segmentation(path: Path, series: Series, segments: Sequence[DrawnSegment]) -> "Dataset":
    """Write segments of a series, whole or not at all; the data set that was written.

    Raises PterionError where nothing is segmented, the source files lack what DICOM asks for, or the disk refuses.
    """
    drawn = [segment for segment in segments if segment.mask.any()]
    if not drawn:
        raise PterionError("Nothing is segmented on this series, so there is no segmentation to write.")
    for segment in drawn:
        if segment.mask.shape != (len(series.slices), series.slices[0].rows, series.slices[0].columns):
            raise ValueError(f"masks must have the shape of the series, got {segment.mask.shape}")
    with made():
        dataset = _segmentation(Sources(series), series, drawn)
    save(path, dataset)
    return dataset


def tracking_uid(series_uid: str, model_id: str, code: str) -> str:
    """The UID by which segmentations and reports name the same bleed of the same model."""
    return uid_of(f"bleed/{series_uid}/{model_id}/{code}")


def _segmentation(sources: Sources, series: Series, drawn: Sequence[DrawnSegment]) -> "Dataset":
    from highdicom.seg import Segmentation

    headers = sources.headers(range(len(series.slices)))
    dataset = Segmentation(
        source_images=headers,
        pixel_array=_stack(series, drawn, headers),
        segmentation_type="BINARY",
        segment_descriptions=[_described(each, number, series) for number, each in enumerate(drawn, start=1)],
        **own_images(3),
        series_description=f"Suspected bleeds. {RESEARCH}",
        omit_empty_frames=True,
    )
    return with_part(dataset, headers[0])


def _stack(
    series: Series, drawn: Sequence[DrawnSegment], headers: "Sequence[Dataset]"
) -> npt.NDArray[np.uint8]:
    """uint8 (frames, rows, columns, segments) in the order of the source's images, or of its one file's frames."""
    stacked = np.stack([segment.mask for segment in drawn], axis=-1).astype(np.uint8)
    if "NumberOfFrames" not in headers[0]:
        if len(headers) != len(series.slices):
            raise PterionError(
                "Slices of this series share a file or a UID, so a segmentation cannot refer to each. Export NRRD."
            )
        return stacked
    if len(headers) > 1:
        raise PterionError(
            "This series is spread over several multi-frame files, which one segmentation cannot refer to. Export NRRD."
        )
    framed = np.zeros((int(headers[0].NumberOfFrames), *stacked.shape[1:]), np.uint8)
    framed[[place.frame for place in series.slices]] = stacked
    return framed


def _described(segment: DrawnSegment, number: int, series: Series) -> Any:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription

    subtype = BY_CODE[segment.code]
    algorithm = None
    if segment.kind != "MANUAL":
        algorithm = AlgorithmIdentificationSequence(
            name=MODEL,
            family=coded(("123110", "DCM", "Artificial Intelligence")),
            version=segment.model_id,
            source=MANUFACTURER,
            parameters={"model": segment.model_id, "software": __version__},
        )
    described = SegmentDescription(
        segment_number=number,
        segment_label=segment.code,
        segmented_property_category=coded(ABNORMAL),
        segmented_property_type=coded(HEMORRHAGE),
        algorithm_type=segment.kind,
        algorithm_identification=algorithm,
        anatomic_regions=[coded(SITES[segment.code])],
        tracking_uid=tracking_uid(series.dicom_series_uid, segment.model_id, segment.code),
        tracking_id=f"{segment.code} {segment.model_id}".strip(),
        display_color=CIELabColor(0.0, 0.0, 0.0),
    )
    described.RecommendedDisplayCIELabValue = list(lab_of_rgb(*subtype.rgb))
    remark = f" {segment.remark}" if segment.remark else ""
    described.SegmentDescription = f"Suspected {subtype.name} hemorrhage.{remark} {RESEARCH}."
    return described
