"""The application and where studies come from: archives, passwords, what was opened last; tags on the way."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pytestqt.qtbot import QtBot

from viewer.app import Application
from viewer.jobs.retrain import read_volume
from viewer.library.store import Library
from viewer.session import CopyOrder, Notice

# The offscreen platform says so of every window.
pytestmark = [pytest.mark.qt_log_ignore("propagateSizeHints"), pytest.mark.usefixtures("cache_of_its_own")]

WAIT_MS = 20_000
Start = Callable[..., Application]


@pytest.fixture
def archive(phantom_series: Path, tmp_path: Path) -> Path:
    path = tmp_path / "phantom.zip"
    with zipfile.ZipFile(path, "w") as made:
        for file in phantom_series.iterdir():
            made.write(file, file.name)
    return path


@pytest.fixture
def protected(phantom_series: Path, tmp_path: Path) -> Path:
    import pyzipper

    path = tmp_path / "protected.zip"
    with pyzipper.AESZipFile(path, "w", encryption=pyzipper.WZ_AES) as made:
        made.setpassword(b"secret")
        for file in phantom_series.iterdir():
            made.write(file, file.name)
    return path


def wait_until_loaded(qtbot: QtBot, application: Application, slices: int = 8) -> None:
    def loaded() -> bool:
        volume = application.session.volume
        return volume is not None and len(volume.hu) == slices and bool(volume.loaded.all())

    qtbot.waitUntil(loaded, timeout=WAIT_MS)


def test_archive_opens(start: Start, archive: Path, qtbot: QtBot) -> None:
    application = start(archive)
    wait_until_loaded(qtbot, application)
    qtbot.waitUntil(lambda: application.session.load_state.startswith("Series 8/8 loaded"), timeout=WAIT_MS)


def test_study_in_an_archive_is_found_again_for_training(
    start: Start, archive: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    application = start(archive)
    wait_until_loaded(qtbot, application)
    qtbot.waitUntil(lambda: len(application.library.studies()) == 1, timeout=WAIT_MS)
    (study,) = application.library.studies()
    assert set(study.series[0].files) == {archive}
    assert read_volume(study.series[0]).hu.shape[0] == 8


def test_protected_archive_asks_again_until_the_password_fits(
    start: Start, protected: Path, qtbot: QtBot
) -> None:
    application = start()
    asked: list[tuple[str, bool]] = []
    session = application.session
    session.password_wanted.disconnect(application.window.ask_password)

    def answer(name: str, wrong: bool) -> None:
        asked.append((name, wrong))
        session.password_given.emit("secret" if wrong else "no")

    session.password_wanted.connect(answer)
    session.request_open(protected)
    wait_until_loaded(qtbot, application)
    assert asked == [("protected.zip", False), ("protected.zip", True)]


def test_giving_up_the_password_is_no_error(start: Start, protected: Path, qtbot: QtBot) -> None:
    application = start()
    session = application.session
    notices: list[Notice] = []
    session.noticed.connect(notices.append)
    session.password_wanted.disconnect(application.window.ask_password)
    session.password_wanted.connect(lambda *_: session.password_given.emit(None))
    session.request_open(protected)
    qtbot.waitUntil(lambda: session.load_state.startswith("Looking"), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: session.load_state == "", timeout=WAIT_MS)
    assert [notice for notice in notices if notice.level == "error" and "opened" in notice.title] == []


def test_looking_for_images_can_be_stopped(start: Start, protected: Path, qtbot: QtBot) -> None:
    """The archive waits for a password until it is given up."""
    application = start()
    session = application.session
    session.password_wanted.disconnect(application.window.ask_password)
    stop = next(a for a in application.window.actions_by_name() if a.name == "Stop looking for images")
    assert not stop.enabled()
    with qtbot.waitSignal(session.password_wanted, timeout=WAIT_MS):
        session.request_open(protected)
    assert stop.enabled()
    stop.run()
    qtbot.waitUntil(lambda: not session.looking, timeout=WAIT_MS)
    assert (session.load_state, session.studies) == ("", ())
    assert application.opening.busy is False


def test_what_opened_before_the_list_was_read_stays_on_top_of_it(start: Start, tmp_path: Path) -> None:
    application = start()
    a, b, c = (tmp_path / name for name in "abc")
    application.session.set_recent((b,))
    application.recent._add_earlier((a, b, c))
    assert application.session.recent == (b, a, c)


def test_what_opened_is_offered_the_next_time(
    start: Start, archive: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    application = start(archive)
    qtbot.waitUntil(lambda: application.session.recent == (archive,), timeout=WAIT_MS)
    application.shutdown()
    library = Library(tmp_path / "library")
    assert library.setting("recent") == [str(archive)]
    library.close()
    again = start()
    qtbot.waitUntil(lambda: again.session.recent == (archive,), timeout=WAIT_MS)


def test_nothing_is_remembered_while_the_patient_is_hidden(start: Start, archive: Path, qtbot: QtBot) -> None:
    application = start()
    application.session.set_patient_hidden(True)
    application.session.request_open(archive)
    wait_until_loaded(qtbot, application)
    assert application.session.recent == ()


def test_tags_of_the_slice_on_screen_are_shown(start: Start, phantom_series: Path, qtbot: QtBot) -> None:
    application = start(phantom_series)
    session = application.session
    wait_until_loaded(qtbot, application)
    application.window.right.show_tab(3)
    place = session.volume.series.slices[session.slice_index] if session.volume else None
    assert place is not None
    qtbot.waitUntil(lambda: session.tags.sop_uid == place.sop_uid, timeout=WAIT_MS)
    assert "Phantom^Test" in {row.value for row in session.tags.rows}
    session.set_slice_index(0)
    first = session.volume.series.slices[0] if session.volume else None
    assert first is not None
    qtbot.waitUntil(lambda: session.tags.sop_uid == first.sop_uid, timeout=WAIT_MS)


def test_study_is_copied_without_its_patient(
    start: Start, phantom_series: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    application = start(phantom_series)
    session = application.session
    wait_until_loaded(qtbot, application)
    notices: list[Notice] = []
    session.noticed.connect(notices.append)
    session.copy_requested.emit(CopyOrder(tmp_path / "copy", frozenset({"dates"})))
    assert session.copying.startswith("Copying without the patient")
    qtbot.waitUntil(lambda: session.copying == "", timeout=WAIT_MS)
    assert len(list((tmp_path / "copy").rglob("*.dcm"))) == 8
    assert b"Phantom^Test" not in b"".join(path.read_bytes() for path in (tmp_path / "copy").rglob("*.*"))
    assert "Copied without the patient" in {notice.title for notice in notices}
    session.copy_requested.emit(CopyOrder(tmp_path / "copy"))
    qtbot.waitUntil(lambda: session.copying == "", timeout=WAIT_MS)
    assert notices[-1].title == "The study was not copied"
    assert "exists already" in notices[-1].text


def test_burned_in_text_is_blacked_out_in_the_copy(
    start: Start, phantom_series: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    burned = tmp_path / "burned"
    burned.mkdir()
    for path in phantom_series.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.BurnedInAnnotation = "YES"
        dataset.save_as(burned / path.name)
    application = start(burned)
    session = application.session
    wait_until_loaded(qtbot, application)
    session.copy_requested.emit(CopyOrder(tmp_path / "copy", blackout=((3, 5, 20, 10),)))
    qtbot.waitUntil(lambda: session.copying == "", timeout=WAIT_MS)
    assert session.volume is not None
    copies = [pydicom.dcmread(path).pixel_array for path in sorted((tmp_path / "copy").rglob("*.dcm"))]
    assert len(copies) == len(session.volume.hu)
    for pixels in copies:
        assert (pixels[5:15, 3:23] == pixels.min()).all()
        assert pixels.max() > pixels.min()


def test_copying_tells_how_far_it_is(
    start: Start, phantom_series: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    application = start(phantom_series)
    wait_until_loaded(qtbot, application)
    told: list[str] = []
    application.session.copying_changed.connect(told.append)
    application.session.copy_requested.emit(CopyOrder(tmp_path / "copy"))
    qtbot.waitUntil(lambda: told[-1:] == [""], timeout=WAIT_MS)
    assert told[0] == "Copying without the patient…"
    counts = [text.partition("… ")[2] for text in told[1:-1]]
    assert counts
    assert all(count.endswith(" of 8") for count in counts)


def test_copying_is_cancelled_and_leaves_nothing(
    start: Start, phantom_series: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    application = start(phantom_series)
    session = application.session
    wait_until_loaded(qtbot, application)
    session.copy_requested.emit(CopyOrder(tmp_path / "copy"))
    session.copy_cancel_requested.emit()
    qtbot.waitUntil(lambda: session.copying == "", timeout=WAIT_MS)
    assert not (tmp_path / "copy").exists()
