"""CT series with DICOM segmentations of bleeds → samples.

A frame belongs to the slice whose SOP instance UID it names, else to the one at its position. Segments become
subtypes by what the user says, by code, or by the words of their type and label. A slice without a frame counts as
reviewed: segmentations leave empty frames out (PS3.3 C.8.20.2).
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.datasets.names import digest
from model.errors import PterionError
from model.labels import BY_CODE, NOT_REVIEWED, UNKNOWN_SUBTYPE
from model.sample import Sample, slice_scores
from viewer.corpora.stacks import Stack, stacks_of
from viewer.dicom.overlaid import place_of
from viewer.dicom.scan import scan
from viewer.dicom.segmentation import Segment, Segmentation, read_segmentation
from viewer.dicom.series import Study

IGNORE = "ignore"
UNKNOWN = "unknown"

_CODES = {
    ("82999001", "SCT"): "EDH",  # Epidural hemorrhage
    ("35486000", "SCT"): "SDH",  # Subdural hemorrhage
    ("21454007", "SCT"): "SAH",  # Subarachnoid hemorrhage
    ("23276006", "SCT"): "IVH",  # Ventricular hemorrhage
    ("274100004", "SCT"): "IPH",  # Cerebral hemorrhage
    ("1386000", "SCT"): UNKNOWN,  # Intracranial hemorrhage
}
_WORDS = (
    (re.compile(r"epidural|extradural|\bedh\b", re.IGNORECASE), "EDH"),
    (re.compile(r"subdural|\bsdh\b", re.IGNORECASE), "SDH"),
    (re.compile(r"subarachnoid|\bsah\b", re.IGNORECASE), "SAH"),
    (re.compile(r"intraventricular|ventric\w* (ha?em|bleed)|\bivh\b", re.IGNORECASE), "IVH"),
    (re.compile(r"intraparenchymal|intracerebral|cerebral ha?em|\biph\b", re.IGNORECASE), "IPH"),
    (re.compile(r"ha?emorrhag|ha?ematom|bleed|\bich\b", re.IGNORECASE), UNKNOWN),
)


@dataclass(frozen=True)
class _Series:
    """A CT series with its segmentations."""

    uid: str
    patient: str
    files: tuple[Path, ...]
    segmentations: tuple[Path, ...]


@dataclass(frozen=True)
class DicomSeg:
    """A folder of CT series and segmentations as a source of samples, one a stack of a segmented series.

    mapping: by the label or the number of a segment, a subtype's code, `unknown` or `ignore`. partial: slices without
    a frame are not reviewed. salt: a secret that pseudonyms are made with.
    """

    folder: Path
    salt: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    partial: bool = False
    command = "dicom-seg"

    @property
    def options(self) -> dict[str, Any]:
        """What decides what comes out, but for the data."""
        return {"map": dict(sorted(self.mapping.items())), "partial": self.partial}

    def items(self) -> dict[str, _Series | str]:
        """By series, its files, or why a segmentation belongs to none. Raises PterionError where none is there."""
        studies = scan(self.folder).studies
        series = {
            each.dicom_series_uid: (study, each)
            for study in studies
            for each in reversed(study.series)  # the largest stack of a series comes first and is kept
            if each.modality == "CT"
        }
        files: dict[str, list[Path]] = defaultdict(list)
        for study in studies:
            for each in study.series:
                files[each.dicom_series_uid] += dict.fromkeys(place.path for place in each.slices)
        drawn: dict[str, list[Path]] = defaultdict(list)
        found: dict[str, _Series | str] = {}
        names: set[str] = set()
        for path in _segmentations(studies):
            try:
                segmentation = read_segmentation(path)
                names |= {
                    name for each in segmentation.segments for name in (each.texts[0], str(each.number))
                }
                drawn[_owner(segmentation, series)].append(path)
            except PterionError as error:
                found[path.stem] = str(error)
        self._require_names(names)
        for uid, paths in drawn.items():
            study = series[uid][0]
            patient = digest(study.patient_id or study.study_uid, self.salt)
            found[digest(uid, self.salt)] = _Series(uid, patient, tuple(files[uid]), tuple(sorted(paths)))
        if not found:
            raise PterionError(
                f"{self.folder.name} holds no DICOM segmentation. Choose the folder of series and SEG."
            )
        return found

    def _require_names(self, names: set[str]) -> None:
        """Raise PterionError where the user names a segment that no file has: a slip would be costly."""
        known = {name.casefold() for name in names}
        strange = [name for name in self.mapping if name.casefold() not in known]
        if strange and names:
            labels = ", ".join(sorted(name for name in names if not name.isdigit())) or "none with a label"
            raise PterionError(f"No segment is called {strange[0]}; there are {labels}. Correct --map.")

    def read(self, item: str, content: _Series | str, /) -> Iterator[Sample]:
        """The stacks of a series that a segmentation touches. Raises PterionError."""
        if isinstance(content, str):
            raise PterionError(content)
        drawn = [read_segmentation(path) for path in content.segmentations]
        values = [subtypes(each, self.mapping) for each in drawn]
        touched = False
        for stack in stacks_of(content.files, content.uid):
            labels, seen, lost = self._labels(stack, drawn, values)
            if seen.any():
                touched = True
                yield self._sample(item, content, stack, labels, [*stack.notes, *lost])
        if not touched:
            raise PterionError(
                "No frame of the segmentation lies on a slice of its series. Get the pair again."
            )

    def _labels(
        self, stack: Stack, drawn: Sequence[Segmentation], values: Sequence[Mapping[int, int]]
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_], list[str]]:
        """Labels of a stack, which of its slices a frame lies on, and what lies on none of them."""
        labels = np.zeros(stack.hu.shape, np.uint8)
        seen = np.zeros(len(labels), np.bool_)
        lost: list[str] = []
        for each, kinds in zip(drawn, values, strict=True):
            astray = 0
            for frame, masks in each.masks():
                index = place_of(frame, each, stack.slices)
                if index is None:
                    astray += any(mask.any() for mask in masks.values())
                    continue
                seen[index] = True
                for number, mask in masks.items():
                    _paint(labels[index], mask, kinds.get(number, 0))
            if astray:
                lost.append(f"{astray} frames of a segmentation lie on no slice that can be read.")
        if drawn and not seen.any() and lost:
            raise PterionError(
                "No frame of the segmentation lies on a slice of its series. Get the pair again."
            )
        if self.partial:
            labels[~seen] = NOT_REVIEWED
        return labels, seen, lost

    def _sample(
        self, item: str, series: _Series, stack: Stack, labels: npt.NDArray[np.uint8], notes: list[str]
    ) -> Sample:
        return Sample(
            hu=stack.hu,
            spacing_mm=stack.spacing_mm,
            z_mm=stack.z_mm,
            labels=labels,
            scores=slice_scores(labels),
            patient=series.patient,
            source=self.command,
            provenance={"series": item, "segmentations": len(series.segmentations), "notes": notes},
        )


def subtypes(drawn: Segmentation, mapping: Mapping[str, str]) -> dict[int, int]:
    """Label value by segment number; those that are no bleed are left out.

    Raises PterionError where no segment is a bleed, with what there is.
    """
    wanted = {name.casefold(): code for name, code in mapping.items()}
    values = {}
    for segment in drawn.segments:
        code = code_of(segment, wanted)
        if code in BY_CODE:
            values[segment.number] = BY_CODE[code].value
        elif code == UNKNOWN:
            values[segment.number] = UNKNOWN_SUBTYPE
    if not values:
        names = ", ".join(f"{segment.texts[0] or segment.number!s}" for segment in drawn.segments) or "none"
        raise PterionError(
            f"No segment of {drawn.path.name} is a bleed that is known here ({names}). "
            "Say what they are: --map NAME=EDH."
        )
    return values


def code_of(segment: Segment, wanted: Mapping[str, str]) -> str:
    """A subtype's code, `unknown`, or `ignore`."""
    label, meaning, description = (*segment.texts, "", "", "")[
        :3
    ]  # a frame may name a segment that nobody described
    for name in (label, str(segment.number)):
        if name.casefold() in wanted:
            return wanted[name.casefold()]
    if segment.code in _CODES:
        known = _CODES[segment.code]
        if known != UNKNOWN:
            return known
    # The type's meaning first: a label may say `around the subdural`.
    said = [code_named(text) for text in (meaning, label, description)]
    sure = next((code for code in said if code in BY_CODE), None)
    return sure or (UNKNOWN if segment.code in _CODES or UNKNOWN in said else IGNORE)


def code_named(text: str) -> str:
    """The subtype that words name: its code, `unknown` for a bleed of no kind, `ignore` for anything else."""
    return next((code for words, code in _WORDS if words.search(text)), IGNORE)


def _paint(label: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], value: int) -> None:
    """Add a segment: a named subtype wins over an unknown one, and where two are named nobody knows."""
    if not value:
        return
    named = (label != 0) & (label != UNKNOWN_SUBTYPE) & (label != value)
    if value == UNKNOWN_SUBTYPE:
        label[mask & (label == 0)] = UNKNOWN_SUBTYPE
    else:
        label[mask & ~named] = value
        label[mask & named] = UNKNOWN_SUBTYPE


def _segmentations(studies: Sequence[Study]) -> list[Path]:
    """Files of the series whose modality is SEG."""
    found = (
        place.path
        for study in studies
        for series in study.series
        if series.modality == "SEG"
        for place in series.slices
    )
    return sorted(dict.fromkeys(found))


def _owner(drawn: Segmentation, series: Mapping[str, Any]) -> str:
    """UID of the series that a segmentation was drawn on: the one it names, else the one whose slices it names."""
    named = [uid for uid in drawn.series_uids if uid in series]
    if len(named) == 1:
        return named[0]
    wanted = {uid for frame in drawn.frames for uid, _ in frame.sources}
    for uid, (_, each) in series.items():
        if wanted & {place.dicom_sop_uid for place in each.slices}:
            return str(uid)
    near = [
        uid
        for uid, (_, each) in series.items()
        if each.frame_of_reference_uid and each.frame_of_reference_uid == drawn.frame_of_reference_uid
    ]
    if len(near) == 1:
        return near[0]
    raise PterionError(
        f"The series that {drawn.path.name} was drawn on is not in the folder, or not alone in its place. Add it."
    )
