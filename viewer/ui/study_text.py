"""Studies and series in words: who, when, what, and what is wrong with it. No window."""

from dataclasses import replace

from viewer.dicom.series import Note, Problem, Series, Study
from viewer.ui import theme

_RED = {Problem.UNREADABLE_FILES, Problem.MISSING_SLICES, Problem.NO_PIXELS, Problem.UNSUPPORTED_SYNTAX}
_GREY = {Problem.LOCALIZER, Problem.NOT_AN_IMAGE, Problem.LOSSY_SOURCE, Problem.SINGLE_SLICE}
_VIOLET = {Problem.AI_CAUTION, Problem.AI_NOT_RUN}
_ASIDE = {Problem.LOCALIZER, Problem.NOT_AN_IMAGE, Problem.NO_PIXELS, Problem.UNSUPPORTED_SYNTAX}

SERIES_MIME = "application/x-pterion-series"
"""What is dragged from the lists to a viewport: the UID of a series, or of a study."""


HIDDEN = "Patient hidden"


def seen(study: Study, *, hidden: bool) -> Study:
    """The study as it may be shown: itself, or without what may tell who the patient is."""
    if not hidden:
        return study
    return replace(
        study,
        patient_name=HIDDEN,
        patient_id="",
        sex="",
        age="",
        date="",
        time="",
        description="",
        accession_number="",
    )


def person(study: Study) -> str:
    """Who: name or identifier, age in years, sex; `Unnamed` where the file says nothing."""
    name = ", ".join(part.strip() for part in study.patient_name.split("^")[:2] if part.strip())
    age = study.age[:3].lstrip("0") if study.age.endswith("Y") else study.age.lstrip("0").lower()
    about = " ".join(part for part in (age, study.sex) if part)
    return " · ".join(part for part in (name or study.patient_id or "Unnamed", about) if part)


def day(date: str) -> str:
    """A date of DICOM as `2026-01-31`; what is none stays as it is."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else date


def when(study: Study) -> str:
    """Date and number of series."""
    return " · ".join(part for part in (day(study.date), f"{len(study.series)} se") if part)


def details(study: Study) -> str:
    """What and when: description, date, number of series."""
    return " · ".join(part for part in (study.description, when(study)) if part)


def caption(series: Series) -> str:
    """Number and description."""
    return " · ".join(str(part) for part in (series.number, series.description) if part not in (None, ""))


def slice_count(series: Series) -> str:
    """`38 slices`."""
    count = len(series.slices)
    return f"{count} slice{'s' * (count != 1)}"


def put_aside(series: Series) -> bool:
    """Whether the tile is greyed: a localizer, or nothing that can be shown."""
    return not series.showable or any(note.problem in _ASIDE for note in series.notes)


def tooltip(series: Series, *, hidden: bool) -> str:
    """Everything known about a series, its problems as sentences; no names of files while the patient is hidden."""
    head = " · ".join(
        part for part in (caption(series), slice_count(series), series.modality, series.kernel) if part
    )
    return "\n".join([head, *(note.told(hidden=hidden) for note in series.notes)])


def badge_colours(note: Note) -> tuple[str, str]:
    """Fill and ink of a problem's badge."""
    if note.problem in _RED:
        return theme.RED_DARK, "#ffb4a8"
    if note.problem in _GREY:
        return "#2b3139", theme.TEXT
    if note.problem in _VIOLET:
        return theme.ACCENT_DARK, theme.BRIGHT
    return theme.AMBER_DARK, theme.AMBER
