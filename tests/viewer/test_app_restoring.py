"""What was open is open again at the next start: after closing and after a kill; what is gone or changed is said."""

import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QRect
from pytestqt.qtbot import QtBot

from viewer.app import Application
from viewer.app.restoring import SETTING, Kept, kept_from, kept_json
from viewer.imaging.layouts import COMPARE, FOUR, READ, Plane
from viewer.imaging.pane import Links
from viewer.imaging.placement import ViewState
from viewer.imaging.slabs import Slab, SlabKind
from viewer.imaging.windows import Window
from viewer.library.store import Library
from viewer.measures.measure import Kind, Measure, SlicePlane
from viewer.panes import Panes
from viewer.session import Notice

# The offscreen platform says so of every window.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

WAIT_MS = 20_000
ROOT = Path(__file__).parents[2]
ugly = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("dicom") / "ugly.py")))
Start = Callable[..., Application]


@pytest.fixture
def start(start: Start) -> Start:
    """Starts the program once it has ended where it ran before."""
    running: list[Application] = []

    def restart(*paths: Path, **options: Any) -> Application:
        for before in running:
            before.shutdown()
        running.append(start(*paths, **options))
        return running[-1]

    return restart


def notices(application: Application) -> list[Notice]:
    """What was told, but that there is no model here."""
    told: list[Notice] = application.notices  # type: ignore[attr-defined]
    return [notice for notice in told if not notice.title.startswith("There is no model")]


def opened(application: Application, slices: int) -> Callable[[], bool]:
    """Whether a series of so many slices is open and loaded."""

    def check() -> bool:
        volume = application.session.volume
        return volume is not None and len(volume.hu) == slices and bool(volume.loaded.all())

    return check


def kept(tmp_path: Path) -> Any:
    library = Library(tmp_path / "library")
    try:
        return library.setting(SETTING)
    finally:
        library.close()


def change_kept(tmp_path: Path, **changes: object) -> None:
    library = Library(tmp_path / "library")
    try:
        library.set_setting(SETTING, {**library.setting(SETTING), **changes})
    finally:
        library.close()


@pytest.fixture
def studies(tmp_path: Path) -> tuple[Path, Path]:
    """Two studies of one patient: eight slices now, five a year before, in a frame of reference of their own."""
    now, before = tmp_path / "files" / "now", tmp_path / "files" / "before"
    ugly.stack(now, 8, StudyInstanceUID="1.2.1", SeriesInstanceUID="1.2.1.1", StudyDate="20260102")
    ugly.stack(
        before, 5, StudyInstanceUID="1.2.2", SeriesInstanceUID="1.2.2.1", StudyDate="20250101",
        FrameOfReferenceUID="9.9", RescaleIntercept=-900,
    )  # fmt: skip
    return now, before


def test_everything_is_shown_as_it_was(
    start: Start, studies: tuple[Path, Path], qtbot: QtBot, tmp_path: Path
) -> None:
    """Both studies, the layout, and of each viewport: series, plane, slab, slice, window, view; links and offset."""
    first = start(studies[0])
    qtbot.waitUntil(opened(first, 8), timeout=WAIT_MS)
    first.session.request_open(studies[1])
    qtbot.waitUntil(lambda: len(first.session.studies) == 2 and opened(first, 5)(), timeout=WAIT_MS)
    newer = next(study for study in first.session.studies if study.date == "20260102")
    first.session.set_study(newer)
    qtbot.waitUntil(opened(first, 8), timeout=WAIT_MS)
    panes = first.session.panes
    panes.set_layout(FOUR)
    first.session.pane_series_requested.emit(3, "1.2.2.1")
    qtbot.waitUntil(lambda: panes.volume(3) is not None and panes.volume(3).loaded.all(), timeout=WAIT_MS)  # type: ignore[union-attr]
    panes.nudge(3, -1)
    panes.set_links(Links(zoom=False, pan=False))
    panes.set_slab(1, Slab(SlabKind.MAX, 7.5))
    panes.set_window(0, Window("", 91, 37))
    panes.set_plane(2, Plane.OBLIQUE, panes.panes[2].facing.turned(20, 10))
    panes.set_view(3, ViewState(2.5, (0.25, 0.75), flip_horizontal=True, quarter_turns=3, inverted=True))
    panes.scroll_to(0, 2)
    first.session.set_active_view(3)
    first.session.set_maximised_view(3)
    first.session.set_overlay(False)
    first.restoring._cine.set_fps(25)
    before = panes.arrangement(3)
    offsets = dict(panes.offsets_mm)
    assert len(offsets) == 1
    again = start()
    restored = again.session.panes
    qtbot.waitUntil(lambda: restored.arrangement(again.session.maximised_view) == before, timeout=WAIT_MS)
    qtbot.waitUntil(
        lambda: restored.volume(3) is not None and restored.volume(3).loaded.all(), timeout=WAIT_MS
    )  # type: ignore[union-attr]
    qtbot.waitUntil(opened(again, 8), timeout=WAIT_MS)
    assert restored.arrangement(again.session.maximised_view) == before
    assert restored.volume(3).series.key == ("1.2.2", "1.2.2.1")  # type: ignore[union-attr]
    assert {study.study_uid for study in again.session.studies} == {"1.2.1", "1.2.2"}
    assert again.session.active_view == again.session.maximised_view == 3
    assert again.session.slice_index == panes.panes[0].stop == 2
    assert not again.session.overlay
    assert again.restoring._cine.fps == 25
    assert [notice.title for notice in notices(again) if notice.level != "info"] == []


KILLED = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from model.registry import Registry
from viewer.app import Application
from viewer.imaging.layouts import layout_of
app = QApplication([])
base = Path(sys.argv[1])
made = Application((base / "files" / "now",), library_dir=base / "library", registry=Registry(base / "n", base / "m"))
def look():
    session = made.session
    if session.volume is None or not session.volume.loaded.all():
        return
    if session.panes.layout.id != "grid_1x2":
        session.panes.set_layout(layout_of("grid_1x2"))
        session.panes.set_view(1, session.panes.panes[1].view.__class__(zoom=3.0))
        session.set_slice_index(6)
    elif made.library.setting("session", {}).get("arrangement", {}).get("layout") == "grid_1x2":
        print("kept", flush=True)
timer = QTimer(interval=50)
timer.timeout.connect(look)
timer.start()
app.exec()
"""


def test_a_killed_process_is_restored(
    start: Start, studies: tuple[Path, Path], qtbot: QtBot, tmp_path: Path
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "kept\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    again = start()
    qtbot.waitUntil(opened(again, 8), timeout=WAIT_MS)
    panes = again.session.panes
    assert panes.layout.id == "grid_1x2"
    assert [pane.stop for pane in panes.panes] == [6, 6]
    assert panes.panes[1].view.zoom == 3.0


@pytest.fixture
def read_once(start: Start, studies: tuple[Path, Path], qtbot: QtBot) -> Application:
    """Compare with the prior was on the screen when the window closed."""
    application = start(*studies)
    qtbot.waitUntil(lambda: len(application.session.studies) == 2, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: application.session.volume is not None, timeout=WAIT_MS)
    newer = next(study for study in application.session.studies if study.date == "20260102")
    application.session.set_study(newer)
    qtbot.waitUntil(opened(application, 8), timeout=WAIT_MS)
    application.session.compare_requested.emit()
    panes = application.session.panes
    qtbot.waitUntil(lambda: panes.volume(1) is not None and panes.volume(1).loaded.all(), timeout=WAIT_MS)  # type: ignore[union-attr]
    application.shutdown()
    return application


def test_what_was_measured_on_a_prior_is_there_again(
    start: Start, read_once: Application, qtbot: QtBot
) -> None:
    """Kept with the prior's series; shown when it hangs beside the other, and when it is opened itself."""
    second, prior = start(), ("1.2.2", "1.2.2.1")
    qtbot.waitUntil(lambda: prior in second.session.beside, timeout=WAIT_MS)
    volume = second.session.panes.volume(1)
    assert volume is not None
    header = volume.series.slices[2]
    line = Measure("m", Kind.LENGTH, SlicePlane(header.sop_uid), ((1, 1), (3, 1)))
    document = replace(second.session.beside[prior], measures=(line,))
    second.session.measuring.revise_requested.emit(document, "measure length")
    qtbot.waitUntil(lambda: second.session.save_state == "Saved", timeout=WAIT_MS)
    third = start()
    qtbot.waitUntil(lambda: prior in third.session.beside, timeout=WAIT_MS)
    assert third.session.beside[prior].measures == (line,)
    assert third.session.document.measures == ()
    older = next(study for study in third.session.studies if study.study_uid == "1.2.2")
    third.session.set_study(older)
    qtbot.waitUntil(opened(third, 5), timeout=WAIT_MS)
    assert third.session.document.measures == (line,)


def test_a_viewport_in_a_window_of_its_own_is_there_again(
    start: Start, studies: tuple[Path, Path], qtbot: QtBot, tmp_path: Path
) -> None:
    """Where it was, if that is still on a screen; a number that the layout has not is left out."""
    first = start(studies[0])
    qtbot.waitUntil(opened(first, 8), timeout=WAIT_MS)
    first.session.panes.set_layout(READ)
    first.window.centre.move_outside(1, QRect(30, 40, 420, 380))
    again = start()
    area = again.window.centre
    qtbot.waitUntil(lambda: 1 in area.outside, timeout=WAIT_MS)
    assert area.outside[1].geometry() == QRect(30, 40, 420, 380)
    assert area.outside[1].panel is area.viewports[1]
    area.outside[1].setGeometry(9000, 9000, 420, 380)  # a screen that is unplugged when the program ends
    again.shutdown()
    change_kept(tmp_path, outside=[*kept(tmp_path)["outside"], [7, 0, 0, 300, 300]])
    third = start()
    area = third.window.centre
    qtbot.waitUntil(lambda: 1 in area.outside, timeout=WAIT_MS)
    (screen,) = third.window.placing.screens()
    assert screen.contains(area.outside[1].geometry())
    assert set(area.outside) == {1}
    area.outside[1].close()
    fourth = start()
    qtbot.waitUntil(opened(fourth, 8), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not fourth.tasks.busy, timeout=WAIT_MS)
    assert fourth.window.centre.outside == {}


@pytest.mark.parametrize("outside", [[[1, 0, 0, 0, 9]], [[1, 2]], [["x", 0, 0, 9, 9]], [3], 3])
def test_damaged_places_of_viewports_are_no_session(outside: object) -> None:
    arrangement = Panes().arrangement()
    whole = kept_json(Kept((Path("a"),), ("1", "2"), arrangement, outside=((1, (0, 0, 9, 9)),)))
    assert kept_from(whole).outside == ((1, (0, 0, 9, 9)),)
    with pytest.raises(ValueError):
        kept_from({**whole, "outside": outside})


def test_another_patient_beside_the_open_one_is_said_again(
    start: Start, studies: tuple[Path, Path], qtbot: QtBot, tmp_path: Path
) -> None:
    other = tmp_path / "files" / "other"
    ugly.stack(
        other, 4, StudyInstanceUID="1.2.7", SeriesInstanceUID="1.2.7.1", PatientID="O", PatientName="O"
    )
    first = start(studies[0], other)
    first.hanging.may_mix = lambda _: True
    qtbot.waitUntil(opened(first, 8), timeout=WAIT_MS)
    first.session.pane_series_requested.emit(1, "1.2.7.1")
    panes = first.session.panes
    qtbot.waitUntil(lambda: panes.volume(1) is not None and panes.volume(1).loaded.all(), timeout=WAIT_MS)  # type: ignore[union-attr]
    second = start()
    qtbot.waitUntil(lambda: "Another patient" in [n.title for n in notices(second)], timeout=WAIT_MS)


def test_a_prior_that_is_gone_is_said_and_the_rest_restored(
    start: Start, read_once: Application, studies: tuple[Path, Path], qtbot: QtBot
) -> None:
    for path in studies[1].iterdir():
        path.unlink()
    studies[1].rmdir()
    again = start()
    qtbot.waitUntil(opened(again, 8), timeout=WAIT_MS)
    panes = again.session.panes
    assert panes.layout == COMPARE
    assert panes.volume(1) is panes.open_volume
    said = [notice for notice in notices(again) if notice.title == "Part of the last session is gone"]
    assert len(said) == 2  # the folder; the series that hung
    assert "before" in said[0].text
    assert "before" not in said[0].discreet  # a folder's name may be a patient's


def test_files_that_changed_are_said(
    start: Start, read_once: Application, studies: tuple[Path, Path], qtbot: QtBot
) -> None:
    ugly.stack(studies[0], 3, StudyInstanceUID="1.2.1", SeriesInstanceUID="1.2.1.1", StudyDate="20260102")
    for path in sorted(studies[0].iterdir())[3:]:
        path.unlink()
    again = start()
    qtbot.waitUntil(opened(again, 3), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "Files have changed" in [n.title for n in notices(again)], timeout=WAIT_MS)
    assert again.session.panes.panes[0].stop <= 2


def test_with_all_files_gone_nothing_opens_and_it_is_said(
    start: Start, read_once: Application, studies: tuple[Path, Path], qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    again = start()
    qtbot.waitUntil(lambda: bool(notices(again)), timeout=WAIT_MS)
    assert notices(again)[0].title == "The last session was not restored"
    assert "gone" in notices(again)[0].text
    assert again.session.studies == ()


def test_started_empty_nothing_is_restored(start: Start, read_once: Application, qtbot: QtBot) -> None:
    again = start(empty=True)
    qtbot.waitUntil(lambda: not again.tasks.busy and again.restoring._watching, timeout=WAIT_MS)
    assert again.session.studies == ()
    assert not again.opening.busy


def test_the_patient_stays_hidden(
    start: Start, read_once: Application, studies: tuple[Path, Path], qtbot: QtBot
) -> None:
    second = start()
    qtbot.waitUntil(opened(second, 8), timeout=WAIT_MS)
    second.session.set_patient_hidden(True)
    third = start()
    titles: list[str] = []
    third.window.windowTitleChanged.connect(titles.append)
    qtbot.waitUntil(opened(third, 8), timeout=WAIT_MS)
    assert third.session.patient_hidden
    assert set(titles) <= {"Pterion"}  # hidden before anything is shown


@pytest.mark.parametrize("damage", ["not a session", {"format": 99}])
def test_a_damaged_session_is_said_and_the_window_works(
    start: Start, studies: tuple[Path, Path], qtbot: QtBot, tmp_path: Path, damage: object
) -> None:
    library = Library(tmp_path / "library")
    library.set_setting(SETTING, damage)
    library.close()
    again = start()
    qtbot.waitUntil(lambda: bool(notices(again)), timeout=WAIT_MS)
    assert "damaged" in notices(again)[0].text
    again.session.request_open(studies[0])
    qtbot.waitUntil(opened(again, 8), timeout=WAIT_MS)
    assert again.session.panes.layout == READ


def test_a_session_that_ends_the_program_is_left_alone_the_third_time(
    start: Start, read_once: Application, qtbot: QtBot, tmp_path: Path
) -> None:
    values = kept(tmp_path)
    assert values["attempts"] == 0
    library = Library(tmp_path / "library")
    library.set_setting(SETTING, json.loads(json.dumps(values)) | {"attempts": 2})
    library.close()
    again = start()
    qtbot.waitUntil(lambda: bool(notices(again)), timeout=WAIT_MS)
    assert "Twice" in notices(again)[0].text
    assert again.session.studies == ()


def test_who_opens_something_else_meanwhile_gets_that(
    start: Start, read_once: Application, qtbot: QtBot, tmp_path: Path
) -> None:
    other = tmp_path / "files" / "other"
    ugly.stack(other, 4, StudyInstanceUID="1.2.7", SeriesInstanceUID="1.2.7.1", PatientID="O")
    again = start()
    again.session.request_open(other)
    qtbot.waitUntil(opened(again, 4), timeout=WAIT_MS)
    assert again.session.panes.layout == READ
    qtbot.waitUntil(lambda: not again.tasks.busy, timeout=WAIT_MS)
    assert {study.patient_id for study in again.session.studies} == {"O"}
