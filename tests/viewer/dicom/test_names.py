"""Names that ought to be unique and are not: nobody's pictures appear as another's, no drawing on two slices."""

import runpy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Stamp, Study

ugly = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("ugly.py"))))


def patients(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """By study, whose it is, and the HU of its slices."""
    found = {}
    for study in scan(path).studies:
        values = tuple(int(hu[0, 0]) for series in study.series for hu in load_all(series).hu)
        found[study.study_uid] = (study.patient_id, values)
    return found


@pytest.mark.parametrize("series", ["1.2.3.4", "1.2.3.5"])
def test_two_patients_under_one_study_uid_are_two_studies(tmp_path: Path, series: str) -> None:
    ugly.stack(tmp_path / "a", 2, PatientID="A", PatientName="A^A")
    ugly.stack(tmp_path / "b", 3, PatientID="B", PatientName="A^A", SeriesInstanceUID=series)
    assert patients(tmp_path) == {"1.2.3": ("A", (10, 20)), "1.2.3#2": ("B", (10, 20, 30))}
    one, other = scan(tmp_path).studies
    assert other.dicom_study_uid == one.study_uid == "1.2.3"
    assert one.series[0].series_uid != other.series[0].series_uid
    assert other.series[0].dicom_series_uid == series
    assert all(
        one.study_uid == study.study_uid for study in scan(tmp_path).studies for one in study.series[:0]
    )
    assert {one.study_uid for one in other.series} == {"1.2.3#2"}


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ({"PatientID": "A", "PatientName": "Doe^J"}, {"PatientID": "A", "PatientName": "DOE^JANE"}, 1),
        ({"PatientID": "", "PatientName": "Doe^J"}, {"PatientID": "", "PatientName": "doe^j^^"}, 1),
        ({"PatientID": "", "PatientName": "Doe^J"}, {"PatientID": "", "PatientName": "Roe^J"}, 2),
        ({"PatientID": "A", "PatientName": ""}, {"PatientID": "", "PatientName": "Roe^J"}, 1),
        ({"PatientID": "A ", "PatientName": "X"}, {"PatientID": "A", "PatientName": "X"}, 1),
        ({"PatientID": "A", "PatientName": "X"}, {"PatientID": "B", "PatientName": "X"}, 2),
        ({"PatientID": None, "PatientName": None}, {"PatientID": None, "PatientName": None}, 1),
    ],
)
def test_who_counts_as_one_patient(
    tmp_path: Path, one: dict[str, str], other: dict[str, str], count: int
) -> None:
    ugly.varied(one, other)(tmp_path)
    assert len(scan(tmp_path).studies) == count


def test_one_series_uid_in_two_studies_gives_two_names(tmp_path: Path) -> None:
    ugly.stack(tmp_path / "a", 2)
    ugly.stack(tmp_path / "b", 3, StudyInstanceUID="1.2.4")
    one, other = (study.series[0] for study in scan(tmp_path).studies)
    assert (one.series_uid, other.dicom_series_uid) == ("1.2.3.4", "1.2.3.4")
    assert other.series_uid not in ("1.2.3.4", "")
    again = scan(tmp_path).studies[1].series[0]
    assert again.series_uid == other.series_uid


class Known:
    """A library that knows one study with its files."""

    def __init__(self, study: Study, files: Mapping[Path, Stamp]) -> None:
        self.known = (study, files)

    def unchanged_studies(self, files: Mapping[Path, Stamp]) -> Sequence[tuple[Study, Mapping[Path, Stamp]]]:
        return [self.known] if all(files.get(path) == stamp for path, stamp in self.known[1].items()) else []


class Nothing:
    """A library that knows nothing."""

    def unchanged_studies(self, files: Mapping[Path, Stamp]) -> Sequence[tuple[Study, Mapping[Path, Stamp]]]:
        return []


def test_a_known_study_is_not_mixed_with_another_patient_s_files(tmp_path: Path) -> None:
    ugly.stack(tmp_path / "a", 2, PatientID="A", PatientName="A")
    before = scan(tmp_path, known=Nothing())
    (known,) = before.studies
    ugly.stack(tmp_path / "b", 3, PatientID="B", PatientName="B")
    after = scan(tmp_path, known=Known(known, before.files[known.study_uid]))
    assert sorted((study.patient_id, len(study.series[0].slices)) for study in after.studies) == [
        ("A", 2),
        ("B", 3),
    ]
    assert {len(after.files[study.study_uid]) for study in after.studies} == {2, 3}


def test_slices_that_share_a_uid_have_names_of_their_own(tmp_path: Path) -> None:
    """From the feet up: the first keeps the UID, so a series that is whole keeps every name."""
    ugly.stack(tmp_path, 3, SOPInstanceUID="1.9")
    (series,) = scan(tmp_path).studies[0].series
    assert [place.sop_uid for place in series.slices] == ["1.9", "1.9#2", "1.9#3"]
    assert {place.dicom_sop_uid for place in series.slices} == {"1.9"}


def test_slices_without_a_uid_can_be_drawn_on(tmp_path: Path) -> None:
    from viewer.annotation.document import Annotation

    blank: Callable[[Path], None] = lambda path: ugly.replaced(path, 0x00080018, b"UI", b"")  # noqa: E731
    ugly.each(blank)(tmp_path)
    (series,) = scan(tmp_path).studies[0].series
    names = [place.sop_uid for place in series.slices]
    assert names == ["#1", "#2", "#3", "#4"]
    ring = ((1.0, 1.0), (4.0, 1.0), (4.0, 4.0))
    assert Annotation("a", names[0], 0, "IPH", ring).sop_uid == "#1"
