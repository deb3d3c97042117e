"""Which study came before the open one, and which of its series to lay beside a series."""

from collections.abc import Iterable

from viewer.dicom.series import Problem, Series, Study
from viewer.jobs.choose import is_axial, sharpness, slice_distance_mm

_UNKNOWN_GAP_MM = 20.0


def same_patient(one: Study, other: Study) -> bool:
    """Whether two studies say that they are of one person: the same number and the same name, neither empty."""
    if not one.patient_id.strip() or not one.patient_name.strip():
        return False
    return (one.patient_id.strip(), _name(one)) == (other.patient_id.strip(), _name(other))


def _name(study: Study) -> str:
    """The name without what is written now so, now so: case, empty parts, spaces."""
    parts = study.patient_name.partition("=")[0].split("^")
    return "^".join(part.strip().casefold() for part in parts).rstrip("^")


def prior_of(study: Study, studies: Iterable[Study]) -> Study | None:
    """The last study of the same person before this one that has something to show; None where there is none."""
    earlier = [
        other
        for other in studies
        if other.study_uid != study.study_uid
        and same_patient(study, other)
        and other.date
        and (other.date, other.time) < (study.date, study.time)
        and any(series.showable for series in other.series)
    ]
    return max(earlier, key=lambda other: (other.date, other.time), default=None)


def counterpart(series: Series, study: Study) -> Series | None:
    """The series of another study that is most like this one: plane, kernel, slice distance; None without any."""
    shown = [each for each in study.series if each.showable and Problem.LOCALIZER not in each.problems]
    return min(shown, key=lambda each: _unlike(series, each), default=None)


def _unlike(one: Series, other: Series) -> tuple[bool, int, float, int]:
    gaps = [slice_distance_mm(each) or _UNKNOWN_GAP_MM for each in (one, other)]
    return (
        is_axial(one) != is_axial(other),
        abs(sharpness(one) - sharpness(other)),
        abs(gaps[0] - gaps[1]),
        -len(other.slices),
    )
