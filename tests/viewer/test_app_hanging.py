"""What hangs where when real files are opened: layout by data, the prior, series in single viewports, own windows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from viewer.app.hanging import SETTING, Hanging
from viewer.app.tasks import Tasks
from viewer.app.windowing import SETTING as WINDOWS
from viewer.app.windowing import Windowing
from viewer.dicom.kept import KeptVolumes
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Study
from viewer.imaging.layouts import COMPARE, FOUR, READ, SINGLE
from viewer.imaging.pane import Links
from viewer.imaging.windows import Function, Window
from viewer.library.store import Library
from viewer.session import Notice, Session

SIDE = 16


def write(
    folder: Path,
    *,
    date: str,
    patient: str = "A",
    count: int = 6,
    gap_mm: float = 5.0,
    z_mm: float = 0.0,
    **more: object,
) -> Path:
    """One study of one axial series in a folder of its own."""
    folder.mkdir(parents=True)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for index in range(count):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, generate_uid()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = (
            study,
            series,
            frame,
        )
        dataset.PatientID, dataset.PatientName, dataset.StudyDate = patient, f"{patient}^Test", date
        dataset.StudyTime, dataset.Modality, dataset.ImageType = (
            "1200",
            "CT",
            ["ORIGINAL", "PRIMARY", "AXIAL"],
        )
        dataset.InstanceNumber, dataset.SeriesNumber = index + 1, 1
        dataset.ImagePositionPatient = [-8, -8, z_mm + gap_mm * index]
        dataset.ImageOrientationPatient, dataset.PixelSpacing = [1, 0, 0, 0, 1, 0], [1, 1]
        dataset.Rows = dataset.Columns = SIDE
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 1, 1
        dataset.PhotometricInterpretation, dataset.RescaleSlope, dataset.RescaleIntercept = (
            "MONOCHROME2",
            1,
            0,
        )
        dataset.PixelData = np.full((SIDE, SIDE), index, np.int16).tobytes()
        for name, value in more.items():
            setattr(dataset, name, value)
        dataset.save_as(folder / f"{index}.dcm", enforce_file_format=True)
    return folder


@dataclass
class Room:
    """The parts that hang studies, without a model and without a window."""

    session: Session
    library: Library
    tasks: Tasks
    hanging: Hanging
    windowing: Windowing
    notices: list[Notice]

    def open(self, study: Study) -> None:
        """Show a study's series as opening it does."""
        self.session.set_volume(load_all(study.series[0]))
        self.session.set_study(study)

    @property
    def titles(self) -> list[str]:
        return [notice.title for notice in self.notices]


@pytest.fixture
def room(qapp: QObject, tmp_path: Path) -> Iterator[Callable[[], Room]]:
    made: list[tuple[Room, QObject]] = []

    def make() -> Room:
        owner = QObject()
        session, library = Session(owner), Library(tmp_path / "library")
        tasks = Tasks(session, owner)
        notices: list[Notice] = []
        session.noticed.connect(notices.append)
        hanging = Hanging(session, KeptVolumes(1 << 24), library, tasks, owner)
        windowing = Windowing(session, library, tasks, tasks, owner)
        made.append((Room(session, library, tasks, hanging, windowing, notices), owner))
        return made[-1][0]

    yield make
    for each, _ in made:
        each.hanging.shutdown()
        each.tasks.shutdown()
        each.library.close()


def studies(*folders: Path) -> tuple[Study, ...]:
    return scan(list(folders)).studies


def test_the_layout_follows_the_data(room: Callable[[], Room], tmp_path: Path) -> None:
    here = room()
    thin, thick = (
        studies(write(tmp_path / name, date="20260101", count=count, gap_mm=gap))[0]
        for name, count, gap in (("thin", 64, 1.0), ("thick", 8, 5.0))
    )
    here.open(thin)
    assert here.session.panes.layout == FOUR
    assert here.session.panes.panes[1].slab is not None
    here.open(thick)
    assert here.session.panes.layout == READ


def test_a_layout_that_was_chosen_stays_with_its_study(
    qtbot: QtBot, room: Callable[[], Room], tmp_path: Path
) -> None:
    here = room()
    (study,) = studies(write(tmp_path / "a", date="20260101"))
    here.open(study)
    here.session.layout_chosen.emit("single")
    here.session.panes.set_links(Links(window=True))
    qtbot.waitUntil(lambda: not here.tasks.busy)
    again = room()
    again.hanging.begin()
    qtbot.waitUntil(lambda: not again.tasks.busy)
    again.open(study)
    assert again.session.panes.layout == SINGLE
    assert again.session.panes.links == Links(window=True)


def test_damaged_settings_are_left_alone(qtbot: QtBot, room: Callable[[], Room], tmp_path: Path) -> None:
    here = room()
    here.library.set_setting(SETTING, {"links": {"scroll": 1}, "layouts": ["?"]})
    here.hanging.begin()
    qtbot.waitUntil(lambda: not here.tasks.busy)
    here.open(studies(write(tmp_path / "a", date="20260101"))[0])
    assert here.session.panes.layout == READ
    assert here.session.panes.links == Links()


def test_a_prior_is_offered_and_compared(qtbot: QtBot, room: Callable[[], Room], tmp_path: Path) -> None:
    """In another frame of reference 900 mm away: its middle comes beside the middle, and scrolls along."""
    here = room()
    found = studies(
        write(tmp_path / "now", date="20260102"), write(tmp_path / "before", date="20250101", z_mm=-900.0)
    )
    now, before = sorted(found, key=lambda study: study.date, reverse=True)
    here.session.set_studies(found)
    here.open(now)
    assert here.session.prior == before
    assert here.titles == ["There is a prior"]
    assert "2025-01-01" in here.notices[0].text
    here.session.compare_requested.emit()
    panes = here.session.panes
    assert panes.layout == COMPARE
    qtbot.waitUntil(lambda: panes.volume(1) is not None and panes.volume(1).loaded.all())  # type: ignore[union-attr]
    here.session.set_slice_index(5)
    assert panes.panes[1].stop == 5
    assert panes.volume(1).series.study_uid == before.study_uid  # type: ignore[union-attr]
    here.open(before)  # then the other study's series leaves its viewport
    assert here.session.prior is None
    assert panes.volumes == {}


def test_a_prior_under_the_same_series_uid_is_the_prior(
    qtbot: QtBot, room: Callable[[], Room], tmp_path: Path
) -> None:
    """Opened from two folders, whose files share the SeriesInstanceUID: each viewport shows its own study."""
    here = room()
    (now,) = studies(write(tmp_path / "now", date="20260102", SeriesInstanceUID="1.2.3"))
    (before,) = studies(
        write(tmp_path / "before", date="20250101", SeriesInstanceUID="1.2.3", RescaleIntercept=500)
    )
    here.session.set_studies((before, now))
    here.open(now)
    here.session.compare_requested.emit()
    panes = here.session.panes
    qtbot.waitUntil(lambda: panes.volume(1) is not None and panes.volume(1).loaded.all())  # type: ignore[union-attr]
    assert [panes.volume(number).hu[0, 0, 0] for number in (0, 1)] == [0, 500]  # type: ignore[union-attr]


def test_without_a_prior_comparing_says_so(room: Callable[[], Room], tmp_path: Path) -> None:
    here = room()
    found = studies(write(tmp_path / "now", date="20260102"))
    here.session.set_studies(found)
    here.open(found[0])
    here.session.compare_requested.emit()
    assert here.titles == ["No prior"]
    assert here.session.panes.layout == COMPARE


@pytest.mark.parametrize("allowed", [False, True])
def test_another_patient_is_asked_about(
    qtbot: QtBot, room: Callable[[], Room], tmp_path: Path, allowed: bool
) -> None:
    here = room()
    found = studies(
        write(tmp_path / "one", date="20260102"), write(tmp_path / "other", date="20250101", patient="B")
    )
    now = next(study for study in found if study.patient_id == "A")
    other = next(study for study in found if study.patient_id == "B")
    asked: list[str] = []

    def answer(question: str) -> bool:
        asked.append(question)
        return allowed

    here.hanging.may_mix = answer
    here.session.set_studies(found)
    here.open(now)
    assert here.session.prior is None
    here.session.pane_series_requested.emit(1, other.study_uid)
    assert len(asked) == 1
    assert "another patient" in asked[0]
    panes = here.session.panes
    assert panes.panes[1].series == (other.series[0].key if allowed else None)
    if allowed:
        qtbot.waitUntil(lambda: panes.volume(1) is not None and panes.volume(1).loaded.all())  # type: ignore[union-attr]


def test_a_series_whose_files_are_gone_gives_its_viewport_back(
    qtbot: QtBot, room: Callable[[], Room], tmp_path: Path
) -> None:
    here = room()
    found = studies(write(tmp_path / "now", date="20260102"), write(tmp_path / "before", date="20250101"))
    now, before = sorted(found, key=lambda study: study.date, reverse=True)
    for path in (tmp_path / "before").iterdir():
        path.unlink()
    here.session.set_studies(found)
    here.open(now)
    here.session.pane_series_requested.emit(2, before.series[0].series_uid)
    panes = here.session.panes

    def settled() -> bool:
        volume = panes.volume(2)
        return volume is panes.open_volume or (volume is not None and bool(volume.failed.all()))

    qtbot.waitUntil(settled)
    here.session.pane_series_requested.emit(7, before.series[0].series_uid)  # no such viewport
    here.session.pane_series_requested.emit(0, "1.2.3.nobody")  # no such series
    assert panes.volume(0) is panes.open_volume


def test_windows_of_the_header_are_read_for_every_slice(
    qtbot: QtBot, room: Callable[[], Room], tmp_path: Path
) -> None:
    here = room()
    folder = write(
        tmp_path / "a", date="20260101", WindowCenter=[40, 600], WindowWidth=[80, 2800],
        WindowCenterWidthExplanation=["BRAIN", "BONE"], VOILUTFunction="SIGMOID",
    )  # fmt: skip
    here.open(studies(folder)[0])
    panes = here.session.panes
    qtbot.waitUntil(lambda: len(panes.header_choices(0)) == 2)
    assert panes.header_choices(0) == (
        Window("Header: BRAIN", 80, 40, Function.SIGMOID),
        Window("Header: BONE", 2800, 600, Function.SIGMOID),
    )


def test_own_windows_are_kept_and_damaged_ones_said(qtbot: QtBot, room: Callable[[], Room]) -> None:
    here = room()
    here.session.set_own_windows((Window("Mine", 95, 33),))
    qtbot.waitUntil(lambda: not here.tasks.busy)
    kept = here.library.setting(WINDOWS)
    assert kept == [["Mine", 95, 33]]
    here.library.set_setting(WINDOWS, [*kept, ["Nothing", 0, 40], "?", ["x", "y", None]])
    again = room()
    again.windowing.begin()
    qtbot.waitUntil(lambda: not again.tasks.busy)
    assert again.session.own_windows == (Window("Mine", 95, 33),)
    assert again.titles == ["A window is damaged"]
    assert again.notices[0].text.startswith("3 of your own windows")
