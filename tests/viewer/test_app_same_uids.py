"""The window and studies that share their UIDs: it never shows one patient's pictures beside another's name."""

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from model.registry import Registry
from viewer.app import Application
from viewer.imaging.render import grey_table
from viewer.imaging.windows import BRAIN
from viewer.session import Notice
from viewer.ui.series_list import SeriesList, SeriesModel

# The offscreen platform says so of every window.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

WAIT_MS = 20_000
ugly = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("dicom") / "ugly.py")))
Start = Callable[..., Application]


@pytest.fixture
def application(qtbot: QtBot, tmp_path: Path) -> Iterator[Application]:
    registry = Registry(tmp_path / "no-models", tmp_path / "models")
    made = Application((), library_dir=tmp_path / "library", registry=registry)
    yield made
    made.shutdown()
    made.window.close()
    made.window.deleteLater()


def shows(application: Application, patient: str, hu: int, slices: int) -> Callable[[], bool]:
    """Whether a patient's name and pictures are both there."""

    def check() -> bool:
        session = application.session
        volume, study = session.volume, session.study
        return (
            volume is not None
            and study is not None
            and study.patient_id == patient
            and len(volume.hu) == slices
            and bool(volume.loaded.all())
            and int(volume.hu[0, 0, 0]) == hu
        )

    return check


def shown(application: Application) -> tuple[str, str]:
    assert application.session.series is not None
    return application.session.series.key


@pytest.mark.parametrize("series", ["1.2.3.4", "1.2.3.5"])
def test_another_patient_under_the_same_study_uid_replaces_the_pictures(
    application: Application, tmp_path: Path, qtbot: QtBot, series: str
) -> None:
    """In a folder opened later; with the same series UID or with another."""
    ugly.stack(tmp_path / "a", 4, PatientID="A")
    ugly.stack(
        tmp_path / "b", 4, PatientID="B", PatientName="B", SeriesInstanceUID=series, RescaleIntercept=-1000
    )
    application.session.request_open(tmp_path / "a")
    qtbot.waitUntil(shows(application, "A", 10, 4), timeout=WAIT_MS)
    application.session.request_open(tmp_path / "b")
    qtbot.waitUntil(shows(application, "B", 34, 4), timeout=WAIT_MS)
    grey = int(grey_table(BRAIN)[54])  # the middle slice
    pictures = application.session.thumbnails
    qtbot.waitUntil(
        lambda: shown(application) in pictures and pictures[shown(application)][0, 0] == grey, timeout=WAIT_MS
    )


def test_a_corrected_copy_of_the_open_series_is_shown(
    application: Application, tmp_path: Path, qtbot: QtBot
) -> None:
    """As many slices under the same UIDs, but other files: what is on the screen are the new ones."""
    ugly.stack(tmp_path / "a", 4)
    ugly.stack(tmp_path / "b", 4, RescaleIntercept=-900)
    application.session.request_open(tmp_path / "a")
    qtbot.waitUntil(shows(application, "U1", 10, 4), timeout=WAIT_MS)
    application.session.request_open(tmp_path / "b")
    qtbot.waitUntil(shows(application, "U1", 134, 4), timeout=WAIT_MS)


def test_two_patients_in_one_folder_are_two_lines_of_the_worklist(
    application: Application, tmp_path: Path, qtbot: QtBot
) -> None:
    ugly.stack(tmp_path / "x" / "a", 3, PatientID="A", PatientName="A")
    ugly.stack(tmp_path / "x" / "b", 4, PatientID="B", PatientName="B", RescaleIntercept=-1000)
    application.session.request_open(tmp_path / "x")
    qtbot.waitUntil(lambda: len(application.session.studies) == 2, timeout=WAIT_MS)
    qtbot.waitUntil(shows(application, "A", 10, 3), timeout=WAIT_MS)
    other = next(study for study in application.session.studies if study.patient_id == "B")
    application.session.set_study(other)
    qtbot.waitUntil(shows(application, "B", 34, 4), timeout=WAIT_MS)


@pytest.mark.parametrize("answer", [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes])
def test_another_patient_beside_the_open_one_is_asked_about(
    application: Application,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    answer: QMessageBox.StandardButton,
) -> None:
    """In a dialog whose Enter says no; only Yes shows the other's pictures, in that viewport alone."""
    asked: list[tuple[object, ...]] = []

    def question(*words: object) -> QMessageBox.StandardButton:
        asked.append(words)
        return answer

    monkeypatch.setattr(QMessageBox, "question", question)
    ugly.stack(tmp_path / "x" / "a", 3, PatientID="A", PatientName="A")
    ugly.stack(tmp_path / "x" / "b", 4, PatientID="B", PatientName="B", RescaleIntercept=-1000)
    application.session.request_open(tmp_path / "x")
    qtbot.waitUntil(shows(application, "A", 10, 3), timeout=WAIT_MS)
    other = next(study for study in application.session.studies if study.patient_id == "B")
    application.session.pane_series_requested.emit(1, other.series[0].series_uid)
    ((_, title, words, _, default),) = asked
    assert title == "Another patient"
    assert "belongs to another patient" in str(words)
    assert default == QMessageBox.StandardButton.Cancel
    panes = application.session.panes
    if answer == QMessageBox.StandardButton.Cancel:
        assert panes.volume(1) is panes.open_volume
    else:
        qtbot.waitUntil(lambda: panes.volume(1) is not None and panes.volume(1).loaded.all(), timeout=WAIT_MS)  # type: ignore[union-attr]
        assert [int(panes.volume(n).hu[0, 0, 0]) for n in range(3)] == [10, 34, 10]  # type: ignore[union-attr]


def test_a_copy_that_cannot_be_opened_never_names_the_old_pictures(
    application: Application, tmp_path: Path, qtbot: QtBot
) -> None:
    """It is said; the first patient stays as a whole, until the second is chosen: then nothing is shown."""
    ugly.stack(tmp_path / "a", 4, PatientID="A")
    ugly.stack(tmp_path / "b", 4, PatientID="B", PatientName="B", BitsStored=0)
    application.session.request_open(tmp_path / "a")
    qtbot.waitUntil(shows(application, "A", 10, 4), timeout=WAIT_MS)
    notices: list[Notice] = []
    application.session.noticed.connect(notices.append)
    application.session.request_open(tmp_path / "b")
    qtbot.waitUntil(lambda: any("0 of 16 bits" in notice.text for notice in notices), timeout=WAIT_MS)
    assert shows(application, "A", 10, 4)()
    application.session.set_study(application.session.studies[0])
    assert application.session.volume is None
    assert application.session.study is not None
    assert application.session.study.patient_id == "B"
    assert not application.session.thumbnails[application.session.study.study_uid, "1.2.3.4"].any()


def test_copies_of_two_studies_that_share_a_series_uid_keep_their_own_pictures(
    application: Application, tmp_path: Path, qtbot: QtBot
) -> None:
    """Opened one after the other; on the way back the first has its own pixels and its own thumbnail."""
    greys = {}
    for patient, intercept, hu in (("A", -1024, 10), ("B", -1000, 34)):
        ugly.stack(
            tmp_path / patient,
            4,
            PatientID=patient,
            StudyInstanceUID=f"1.9.{ord(patient)}",
            RescaleIntercept=intercept,
        )
        application.session.request_open(tmp_path / patient)
        qtbot.waitUntil(shows(application, patient, hu, 4), timeout=WAIT_MS)
        greys[patient] = int(grey_table(BRAIN)[hu + 20])  # the middle slice
    pictures = application.session.thumbnails
    keys = {patient: (f"1.9.{ord(patient)}", "1.2.3.4") for patient in "AB"}
    qtbot.waitUntil(lambda: set(keys.values()) <= set(pictures), timeout=WAIT_MS)
    assert {patient: int(pictures[key][0, 0]) for patient, key in keys.items()} == greys
    first = next(study for study in application.session.studies if study.patient_id == "A")
    application.session.set_study(first)
    qtbot.waitUntil(shows(application, "A", 10, 4), timeout=WAIT_MS)
    model = application.window.findChildren(SeriesList)[0].model()
    assert isinstance(model, SeriesModel)
    picture = model.picture(first.series[0])
    assert picture is not None
    assert picture.toImage().pixelColor(0, 0).red() == greys["A"]
