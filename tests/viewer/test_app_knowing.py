"""What was opened before is there at once: from the library, while its files have not changed."""

import os
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from viewer.app import opening
from viewer.app.knowing import Knowing
from viewer.app.tasks import Tasks
from viewer.dicom.cache import default_cache
from viewer.dicom.load import allocate
from viewer.dicom.scan import scan
from viewer.dicom.series import ScanResult
from viewer.jobs.reading_qt import LoadJob, ScanJob
from viewer.library.store import Library
from viewer.session import Session

WAIT_MS = 10_000


@pytest.fixture
def folder(write_series_copy: Callable[[str], Path]) -> Path:
    """A series that has been there for a while."""
    made = write_series_copy("series")
    for path in made.iterdir():
        os.utime(path, (1e9, 1e9))
    return made


@pytest.fixture
def session(qtbot: QtBot) -> Session:
    return Session()


@pytest.fixture
def tasks(qtbot: QtBot, session: Session) -> Iterator[Tasks]:
    made = Tasks(session, session)
    yield made
    made.shutdown()


def scanned(qtbot: QtBot, folder: Path, knowing: Knowing) -> ScanResult:
    results: list[ScanResult] = []
    job = ScanJob([folder], known=knowing)
    job.scanned.connect(results.append)
    with qtbot.waitSignal(job.finished):
        job.start()
    return results[0]


def test_the_second_time_the_library_answers(
    qtbot: QtBot, library: Library, tasks: Tasks, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowing = Knowing(library, tasks)
    first = scanned(qtbot, folder, knowing)
    (series,) = first.studies[0].series
    knowing.keep(first)
    grey = opening.thumbnail(series)
    assert grey is not None
    knowing.keep_picture(series, grey)
    qtbot.waitUntil(lambda: not tasks.busy, timeout=WAIT_MS)
    assert knowing.picture(series) is None  # it was read just now: nothing says that it is the same

    again = Knowing(library, tasks)
    monkeypatch.setattr("viewer.dicom.scan._read", lambda *_: pytest.fail("a file is read"))
    assert scanned(qtbot, folder, again).studies == first.studies
    kept = again.picture(series)
    assert kept is not None
    assert np.array_equal(kept, grey)


def test_what_was_unpacked_is_not_kept(qtbot: QtBot, library: Library, tasks: Tasks, folder: Path) -> None:
    knowing = Knowing(library, tasks)
    result = scanned(qtbot, folder, knowing)
    default_cache().note_origin(folder, folder.with_suffix(".zip"))
    knowing.keep(result)
    qtbot.waitUntil(lambda: not tasks.busy, timeout=WAIT_MS)
    assert library.indexed_study(result.studies[0].study_uid) is None


def test_a_library_that_fails_hinders_nobody(
    qtbot: QtBot, library: Library, tasks: Tasks, folder: Path
) -> None:
    knowing = Knowing(library, tasks)
    result = scanned(qtbot, folder, knowing)
    library.close()
    assert scanned(qtbot, folder, knowing).studies == result.studies
    told: list[object] = []
    tasks._session.noticed.connect(told.append)
    knowing.keep(result)
    knowing.keep_picture(result.studies[0].series[0], np.zeros((3, 4), np.uint8))
    qtbot.waitUntil(lambda: not tasks.busy, timeout=WAIT_MS)
    assert told == []
    assert scan(folder).studies == result.studies


def test_answers_that_come_after_the_end_are_dropped(qtbot: QtBot, session: Session) -> None:
    tasks = Tasks(session, session)
    answers: list[int] = []
    tasks.ask("a sum", lambda: 1 + 1, answers.append)
    tasks.shutdown()
    qtbot.waitUntil(lambda: not tasks.busy)
    assert answers == []


def test_the_views_are_told_of_slices_in_portions(
    qtbot: QtBot, session: Session, tasks: Tasks, library: Library, phantom_series: Path
) -> None:
    (series,) = scan(phantom_series).studies[0].series
    opened = opening.Opening(session, tasks, Knowing(library, tasks), session)
    session.set_volume(allocate(series))
    job = opened._load = LoadJob(series)
    told: list[int] = []
    session.slice_loaded.connect(told.append)
    came = [number % len(series.slices) for number in range(3 * opening.MARKED_AT_ONCE)]
    opened._arrived(job, tuple((index, None) for index in came[:50]))
    opened._arrived(job, tuple((index, None) for index in came[50:]))
    assert told == came[: opening.MARKED_AT_ONCE]
    qtbot.waitUntil(lambda: len(told) == len(came))
    assert told == came


def test_what_is_put_off_is_kept_in_order_and_not_lost(
    qtbot: QtBot, library: Library, tasks: Tasks, folder: Path
) -> None:
    knowing = Knowing(library, tasks)
    result = scanned(qtbot, folder, knowing)
    (study,) = result.studies
    knowing.hold()
    knowing.keep(result)
    knowing.keep_picture(study.series[0], np.zeros((3, 4), np.uint8))
    assert not tasks.busy
    assert library.indexed_study(study.study_uid) is None
    knowing.release()
    qtbot.waitUntil(lambda: not tasks.busy, timeout=WAIT_MS)
    assert library.indexed_study(study.study_uid) == study
    name = "/".join(study.series[0].key)
    assert set(library.thumbnails([name])) == {name}


@pytest.mark.parametrize("loaded", [True, False])
def test_a_scan_is_noted_once_the_series_is_loaded_or_the_window_closed(
    qtbot: QtBot, library: Library, tasks: Tasks, folder: Path, session: Session, loaded: bool
) -> None:
    part = opening.Opening(session, tasks, Knowing(library, tasks), session)
    part.open_paths((folder,))
    qtbot.waitUntil(lambda: part._load is not None, timeout=WAIT_MS)
    if loaded:
        qtbot.waitUntil(lambda: not part.busy and not tasks.busy, timeout=WAIT_MS)
    else:
        part.shutdown()
        qtbot.waitUntil(lambda: not tasks.busy, timeout=WAIT_MS)
    assert session.study is not None
    assert library.indexed_study(session.study.study_uid) == session.study
    part.shutdown()


@pytest.mark.parametrize(
    ("elements", "grey"),
    [
        ({}, 0),  # -1000 HU in the brain window
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "WindowCenter": -1000, "WindowWidth": 401}, 128),
        ({"Modality": "MR", "WindowCenter": -1000, "WindowWidth": 401}, 128),
    ],
)
def test_scouts_and_what_has_no_hu_are_drawn_as_their_header_asks(
    tmp_path: Path, elements: dict[str, object], grey: int
) -> None:
    ugly = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("dicom") / "ugly.py")))
    ugly.stack(tmp_path, 1, RescaleIntercept=-2034, **elements)
    drawn = opening.thumbnail(scan(tmp_path).studies[0].series[0])
    assert drawn is not None
    assert abs(int(drawn[0, 0]) - grey) <= 1
