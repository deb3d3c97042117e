"""Garbage is collected on the GUI thread, when it does not disturb, and Python gets its collector back."""

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from viewer.app.tidying import CALM, REST, YOUNG, YOUNG_MAX, Tidying


class Node:
    """Something that can refer to itself."""

    def __init__(self) -> None:
        self.itself: Node | None = self


class Desk(QObject):
    """Who may be busy, and what the reader does."""

    busy = False
    slice_index = 0


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk()


def taken_over(desk: Desk) -> Tidying:
    made = Tidying(lambda: desk.busy, lambda: desk.slice_index, desk)
    made.begin()
    return made


@pytest.fixture
def tidying(desk: Desk) -> Iterator[Tidying]:
    made = taken_over(desk)
    yield made
    made.end()


def pause(tidying: Tidying) -> None:
    """Let as much time go by without anything happening as a full collection waits for."""
    for _ in range(CALM + 1):
        tidying.tidy()


def lost(count: int) -> weakref.ref[Node]:
    """The last of `count` cycles that nobody holds."""
    for _ in range(count - 1):
        Node()
    return weakref.ref(Node())


def test_python_collects_nothing_meanwhile_and_again_afterwards(desk: Desk) -> None:
    assert gc.isenabled()
    tidying = taken_over(desk)
    one = lost(20 * YOUNG)
    assert not gc.isenabled()
    assert one() is not None
    tidying.end()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert one() is None


def test_garbage_goes_when_the_window_is_idle(tidying: Tidying) -> None:
    one = lost(YOUNG + 1)
    tidying.tidy()
    assert one() is None


def test_little_garbage_waits_for_more(tidying: Tidying) -> None:
    gc.collect()
    one = lost(10)
    tidying.tidy()
    assert one() is not None


def test_young_garbage_goes_while_a_series_loads(tidying: Tidying, desk: Desk) -> None:
    desk.busy = True
    one = lost(2 * YOUNG)
    tidying.tidy()
    assert one() is None


def test_a_scan_of_many_files_is_not_interrupted(tidying: Tidying, desk: Desk) -> None:
    desk.busy = True
    one = lost(YOUNG_MAX + 1000)
    pause(tidying)
    assert one() is not None
    desk.busy = False
    pause(tidying)
    assert one() is None


def test_a_full_collection_waits_until_the_reader_pauses(tidying: Tidying, desk: Desk) -> None:
    one = lost(YOUNG_MAX + 1000)
    for _ in range(3 * CALM):
        desk.slice_index += 1
        tidying.tidy()
    assert one() is not None
    pause(tidying)
    assert one() is None


def test_what_survived_is_visited_again_once_much_is_new(tidying: Tidying) -> None:
    kept = [Node() for _ in range(2 * YOUNG)]
    tidying.tidy()
    tidying.tidy()  # by now they are old
    one = weakref.ref(kept[0])
    kept.clear()
    pause(tidying)
    assert one() is not None
    more = [Node() for _ in range(YOUNG_MAX)]
    pause(tidying)
    assert one() is None
    assert more


def test_full_collections_are_rare_where_they_take_long(
    tidying: Tidying, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]

    def collect(generation: int = 2, took_s: float = 0.1) -> int:
        now[0] += took_s if generation == 2 else 0.0
        return plain(generation)

    plain = gc.collect
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(gc, "collect", collect)
    first = lost(YOUNG_MAX + 1000)
    pause(tidying)
    assert first() is None
    second = lost(YOUNG_MAX + 1000)
    pause(tidying)
    assert second() is not None
    now[0] += REST * 0.1
    pause(tidying)
    assert second() is None


def test_other_threads_make_tuples_while_it_collects(tidying: Tidying) -> None:
    """Python fails to finish a tuple that somebody else has got hold of, as one who lists all objects does."""
    errors: list[BaseException] = []
    ended = threading.Event()
    objects: list[list[int]] = [[] for _ in range(200_000)]

    def make() -> None:
        try:
            while not ended.is_set():
                tuple(number for number in range(500))
        except SystemError as error:
            errors.append(error)

    maker = threading.Thread(target=make)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        maker.start()
        for _ in range(10):
            lost(YOUNG_MAX + 1000)
            pause(tidying)
    finally:
        ended.set()
        maker.join()
        sys.setswitchinterval(usual)
    assert objects
    assert not errors


def test_the_timer_tidies(qtbot: QtBot, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.app.tidying.EVERY_MS", 5)
    tidying = taken_over(desk)
    one = lost(2 * YOUNG)
    qtbot.waitUntil(lambda: one() is None)
    tidying.end()


@pytest.mark.skipif(sys.platform != "linux", reason="this is about glibc")
def test_pages_of_small_arrays_stay_with_the_process() -> None:
    """Eight arrays of 200 kB are 390 pages; made a hundred times they would fetch each of them anew."""
    code = (
        "import resource, numpy as np; from viewer.app.tidying import keep_pages\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    for _ in range(100): [np.ones(200_000, np.uint8) for _ in range(8)]\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "print(faults(), keep_pages(), faults())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, kept, after = done.stdout.split()
    assert int(before) > 100 * 390 / 2
    assert kept == "True"
    assert int(after) < 100 * 390 / 20


def test_what_a_first_series_needs_is_imported_before_it_comes() -> None:
    """Readers, decoders, medians, filters, the model's runtime: in a process that has none yet."""
    code = (
        "import sys; from viewer.app.warming import warm\n"
        "wanted = 'numpy.ma pydicom onnxruntime scipy.ndimage shapely imagecodecs._jpeg2k imagecodecs._jpegls"
        " imagecodecs._jpeg8 imagecodecs._imcd imagecodecs._deflate'.split()\n"
        "early = [name for name in wanted if name in sys.modules and name != 'numpy.ma']\n"
        "warm()\n"
        "print(early, [name for name in wanted if name not in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"
