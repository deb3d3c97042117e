"""The words in the corners of a viewport, from values; no Qt."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.labels import ANY, CODES
from viewer.dicom.series import Note, Problem, Series, Study
from viewer.dicom.volume import Volume
from viewer.imaging.pane import Pane
from viewer.imaging.reformat import Vector
from viewer.imaging.sections import Acquired, Section
from viewer.imaging.slabs import Slab
from viewer.imaging.windows import Function, Window
from viewer.session import Findings
from viewer.ui.regions import short, suspected, threshold, told
from viewer.ui.study_text import day

RESEARCH = "Research use only"
REVIEWED = "Reviewed: no hemorrhage"


def has(notes: Iterable[Note], problem: Problem) -> bool:
    """Whether a problem is among the notes."""
    return any(note.problem is problem for note in notes)


def who_and_when(person: str, study: Study | None, series: Series) -> tuple[str, ...]:
    """Lines of the top left corner: person, study, date and time, series. Unknown facts take no room."""
    number = f"Se {series.number}" if series.number is not None else ""
    lines = [person, study.description if study else "", _moment(study) if study else ""]
    lines.append(" · ".join(part for part in (number, series.description) if part))
    return tuple(line for line in lines if line)


def _moment(study: Study) -> str:
    date, time = day(study.date), study.time
    return f"{date} {time[:2]}:{time[2:4]}".strip() if len(time) >= 4 else date


@dataclass(frozen=True)
class Shown:
    """What a viewport shows: a stop of a section of a volume. offset_mm: of a series placed by hand or by guess."""

    volume: Volume
    section: Section
    pane: Pane
    slab: Slab | None = None
    offset_mm: Vector | None = None

    @property
    def slice_index(self) -> int | None:
        """The slice, None for a picture across them."""
        return self.pane.stop if isinstance(self.section, Acquired) else None


def how_shown(window: Window, magnification: float, series: Series, *, inverted: bool) -> tuple[str, ...]:
    """Lines of the top right corner: window, zoom, technique."""
    shown = f"W {window.width:.0f} L {window.level:.0f}"
    if window.table is not None:
        shown = window.name
    elif window.function is Function.SIGMOID:
        shown += " sigmoid"
    return tuple(
        line
        for line in (
            f"{shown} · inverted" if inverted else shown,
            f"Zoom {magnification:.1f}×",
            series.technique,
        )
        if line
    )


def where(shown: Shown) -> tuple[str, str]:
    """Lines of the bottom left corner: which picture of how many and where; thickness and pixel size."""
    series, section = shown.volume.series, shown.section
    index = shown.slice_index
    if index is None:
        place = section.patient_mm(shown.pane.stop, (section.shape[1] / 2, section.shape[0] / 2))
        count = f"{shown.pane.plane.value.capitalize()} {shown.pane.stop + 1} / {section.count}"
        count += _coordinate(shown, place) if place is not None else ""
        thickness = f"{shown.slab.kind} {shown.slab.thickness_mm:g} mm · " if shown.slab else ""
        return count, thickness + f"{section.spacing_mm[1]:.3f} mm/px"
    count = f"Im {index + 1} / {len(series.slices)}"
    if index < len(series.z_mm):
        count += f" · z {series.z_mm[index]:+.1f} mm".replace("-", "\N{MINUS SIGN}")
    thickness = f"{series.thickness_mm:.1f} mm · " if series.thickness_mm else ""
    if shown.slab is not None:
        thickness = f"{shown.slab.kind} {shown.slab.thickness_mm:g} mm · "
    return count, thickness + pixel_size(shown.volume)


def _coordinate(shown: Shown, place: Vector) -> str:
    """Where a sagittal or coronal picture lies in the patient, in the direction that it is scrolled."""
    axis = {"sagittal": 0, "coronal": 1, "axial": 2}.get(shown.pane.plane.value)
    if axis is None:
        return ""
    return f" · {'xyz'[axis]} {round(place[axis], 1) + 0.0:+.1f} mm".replace("-", "\N{MINUS SIGN}")


def linked_by(offset_mm: Vector) -> str:
    """How a series of another frame of reference is laid on the open one."""
    z = f"{offset_mm[2]:+.1f}".replace("-", "\N{MINUS SIGN}")
    return f"Linked by hand: z {z} mm"


def pixel_size(volume: Volume) -> str:
    """How large a pixel is, `≈` where that was estimated, in words where nobody knows."""
    if has(volume.series.notes, Problem.NO_SPACING):
        return "pixel size unknown: px, not mm"
    row, column = volume.spacing_mm
    size = f"{column:.3f}" if abs(row - column) < 5e-4 else f"{column:.3f} × {row:.3f}"
    return f"≈ {size} mm/px" if has(volume.series.notes, Problem.SPACING_ESTIMATED) else f"{size} mm/px"


def ai_result(findings: Findings | None, *, estimated: bool, asked: Collection[str] = ()) -> str:
    """The model's answer in one line: suspected subtypes with mL, or the highest score, never `none`.

    estimated: the pixel size is a guess, so mL are marked `≈`. asked: subtypes that are outlined although they may lie
    below their operating points; those that do are named.
    """
    if findings is None:
        return ""
    if findings.not_run:
        return f"AI not run: {findings.not_run}"
    if findings.study_scores is None:
        return f"Scoring {findings.scored} of {findings.total}"
    names = suspected(findings)
    parts = [f"any {short(findings.study_scores.get(ANY, 0.0))}"]
    if names:
        parts = [
            "Suspected " + " · ".join(_with_volume(code, findings, estimated=estimated) for code in names)
        ]
    below = [code for code in CODES if code in asked and code not in told(findings)]
    if below:
        parts.append(f"{', '.join(below)} outlined: below operating point{'s' * (len(below) > 1)}")
    return " · ".join(parts)


def _with_volume(code: str, findings: Findings, *, estimated: bool) -> str:
    volume = findings.volume_ml.get(code)
    if volume is None:
        return code
    return f"{code} {'≈ ' if estimated else ''}{volume:.1f} mL"


def threshold_vector(findings: Findings) -> npt.NDArray[np.float32]:
    """Thresholds of the subtypes on a slice, float32 (5,), in the order of `model.labels.CODES`; beyond every score
    where the study lies below its operating point."""
    said = told(findings)
    return np.array([threshold(findings, c) if c in said else np.inf for c in CODES], np.float32)


def next_suspicious(findings: Findings | None, reviewed: set[int], after: int) -> int | None:
    """The first slice after `after` (going round) that carries a suspected subtype and is not in
    `reviewed`, or None."""
    if findings is None:
        return None
    scores = np.nan_to_num(findings.slice_scores[:, 1:], nan=0.0)
    hot = np.flatnonzero((scores >= threshold_vector(findings)).any(axis=1))
    candidates = [index for index in hot.tolist() if index not in reviewed]
    return min(candidates, key=lambda index: (index - after - 1) % len(scores), default=None)


def failed_text(index: int, reason: str) -> str:
    """What a viewport says in place of a slice that cannot be read."""
    sentence = f"Slice {index + 1} cannot be read."
    return f"{sentence} {reason}" if reason else f"{sentence} Copy the series again from its source."


def suspected_on_slice(findings: Findings, index: int) -> list[str]:
    """Subtypes suspected on one slice with their scores: `SDH .97`."""
    scores = np.nan_to_num(findings.slice_scores[index, 1:], nan=0.0)
    over = [
        (float(score), code)
        for score, code in zip(scores, CODES, strict=True)
        if score >= threshold(findings, code) and code in told(findings)
    ]
    return [f"{code} {short(score)}" for score, code in sorted(over, reverse=True)]
