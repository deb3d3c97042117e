"""Which study is the prior, and which of its series belongs beside the open one."""

from pathlib import Path

import pytest

from viewer.dicom.series import Note, Problem, Series, SliceHeader, Study
from viewer.jobs.prior import counterpart, prior_of, same_patient

AXIAL, CORONAL = (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1)


def series(
    uid: str,
    gap_mm: float = 5.0,
    kernel: str = "H30s",
    orientation: tuple[float, ...] = AXIAL,
    notes: tuple[Note, ...] = (),
    count: int = 10,
) -> Series:
    headers = tuple(
        SliceHeader(
            Path("x"), f"{uid}.{i}", 0, i, (0.0, 0.0, gap_mm * i), orientation, (1.0, 1.0), 8, 8, None
        )  # type: ignore[arg-type]
        for i in range(count)
    )
    gaps = (gap_mm,) * (count - 1)
    return Series("1", uid, 1, "CT", "", headers, gaps, gaps, 0.0, gap_mm, "", kernel, "", notes)


def study(
    uid: str, date: str, name: str = "Doe^Jane", number: str = "42", time: str = "1200", *held: Series
) -> Study:
    return Study(uid, name, number, "F", "", date, time, "", held or (series(f"{uid}.1"),))


def test_one_person_has_one_number_and_one_name() -> None:
    one = study("1", "20260101")
    assert same_patient(one, study("2", "20250101", "DOE^JANE^^ "))
    assert same_patient(one, study("2", "20250101", "Doe^Jane=漢字"))
    assert not same_patient(one, study("2", "20250101", "Doe^John"))
    assert not same_patient(one, study("2", "20250101", number="43"))


@pytest.mark.parametrize(("name", "number"), [("", "42"), ("Doe^Jane", ""), (" ", " ")])
def test_who_has_no_name_or_no_number_is_nobody(name: str, number: str) -> None:
    assert not same_patient(study("1", "20260101", name, number), study("2", "20250101", name, number))


def test_the_prior_is_the_last_before() -> None:
    now = study("9", "20260105", time="0800")
    studies = (
        study("1", "20240101"),
        study("2", "20260105", time="0200"),  # the same night
        study("3", "20260107"),  # later
        study("4", "20251231"),
        study("5", "20260104", name="Other^One"),
        study("6", ""),
        now,
    )
    prior = prior_of(now, studies)
    assert prior is not None
    assert prior.study_uid == "2"
    assert prior_of(studies[0], studies) is None


def test_a_study_without_pictures_is_no_prior() -> None:
    empty = series("7.1", notes=(Note(Problem.NO_PIXELS, "", ""),))
    studies = (study("7", "20250101", "Doe^Jane", "42", "1200", empty),)
    assert prior_of(study("9", "20260105"), studies) is None


def test_the_counterpart_is_of_the_same_plane_kernel_and_distance() -> None:
    held = (
        series("2.1", kernel="H70h"),
        series("2.2", gap_mm=1.0),
        series("2.3", gap_mm=4.0),
        series("2.4", orientation=CORONAL),
        series("2.5", notes=(Note(Problem.LOCALIZER, "", ""),)),
    )
    prior = study("2", "20250101", "Doe^Jane", "42", "1200", *held)

    def beside(shown: Series) -> str:
        found = counterpart(shown, prior)
        assert found is not None
        return found.series_uid

    assert beside(series("9.1")) == "2.3"
    assert beside(series("9.1", gap_mm=0.6)) == "2.2"
    assert beside(series("9.1", kernel="H60s")) == "2.1"
    assert beside(series("9.1", orientation=CORONAL)) == "2.4"
    assert counterpart(series("9.1"), study("3", "20250101", "a", "b", "1", held[4])) is None
