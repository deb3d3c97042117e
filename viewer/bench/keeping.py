"""Keeping: how soon an edit is on the disk, how soon a study with many polygons is open.

Edits go through the writer's thread to a library on the disk of the temporary folder, as the window's do. A study is
open when its annotations are read, the editor holds them, and the list shows them.
"""

import math
import threading
import time
from pathlib import Path

import numpy as np

from viewer.annotation.document import Annotation, Document
from viewer.bench.rows import Promise
from viewer.library.store import Library
from viewer.library.writer import NotSaved, Saved, Writer

EDITS, POLYGONS, POINTS, SLICES = 100, 2000, 48, 40
PROMISES = (
    Promise(
        "F.durable",
        "ms",
        30,
        f"an edit on the disk after it ends, {POLYGONS // 10} polygons there: 99 of 100",
    ),
    Promise("F.submit", "ms", 16, "of that on the thread of the window: the slowest"),
    Promise("F.open_2000", "ms", 300, f"a study with {POLYGONS} polygons of {POINTS} points: read and shown"),
)
PROBES: tuple[tuple[str, tuple[str, ...], tuple[int, float] | str | None], ...] = (
    ("keep", ("F.durable", "F.submit"), (40, 5.0)),
    ("open_many", ("F.open_2000",), (40, 5.0)),
)


def keep(_folder: Path) -> dict[str, float]:
    """Edits one after the other, each once the one before is acknowledged."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="pterion-keep-") as folder:
        library = Library(Path(folder))
        heard: list[float] = []
        told = threading.Semaphore(0)

        def listen(event: Saved | NotSaved) -> None:
            if isinstance(event, Saved):
                heard.append(time.perf_counter())
                told.release()

        writer = Writer(library, listen)
        document = _many(POLYGONS // 10)
        writer.submit(document, previous=Document("1.2", "1.2.3"), action="import", reader="bench")
        told.acquire()
        waits, holds = [], []
        for number in range(EDITS):
            more = Document("1.2", "1.2.3", (*document.annotations, _polygon(10_000 + number)))
            start = time.perf_counter()
            writer.submit(more, previous=document, action="draw SDH", reader="bench")
            holds.append((time.perf_counter() - start) * 1000)
            told.acquire()
            waits.append((heard[-1] - start) * 1000)
            document = more
        writer.close()
        library.close()
    return {"F.durable": float(np.percentile(waits, 99)), "F.submit": max(holds)}


def open_many(folder: Path) -> dict[str, float]:
    """A series opened on a library that nobody has read since it was written."""
    import tempfile

    from PySide6.QtWidgets import QApplication

    from viewer.annotation.stack import Stack
    from viewer.dicom.load import load_all
    from viewer.dicom.scan import scan
    from viewer.session import Session
    from viewer.ui.annotations import AnnotationsPanel
    from viewer.ui.desk import AnnotationDesk

    app = QApplication.instance() or QApplication([])
    volume = load_all(scan([folder]).studies[0].series[0])
    series = volume.series
    with tempfile.TemporaryDirectory(prefix="pterion-many-") as place:
        written = Library(Path(place))
        uids = [header.sop_uid for header in series.slices]
        document = _many(POLYGONS, series.study_uid, series.series_uid, uids)
        written.save_document(document, action="import", reader="bench")
        written.close()
        session = Session()
        panel, desk = AnnotationsPanel(session), AnnotationDesk(session)
        panel.resize(300, 900)
        panel.show()
        session.set_volume(volume)
        app.processEvents()
        start = time.perf_counter()
        library = Library(Path(place))
        found = library.load_document(series.study_uid, series.series_uid)
        desk.open(found, volume.hu.shape[1:], Stack.of(volume))
        app.processEvents()
        seconds = time.perf_counter() - start
        library.close()
        panel.close()
    return {"F.open_2000": seconds * 1000}


def _polygon(number: int, uids: list[str] | None = None) -> Annotation:
    """A wavy outline, another one for each number."""
    x, y = 60 + number % 37 * 10.0, 60 + number % 41 * 9.0
    ring = tuple(
        (
            x + (20 + number % 7 + 3 * math.sin(5 * turn)) * math.cos(turn),
            y + (20 + number % 5 + 3 * math.cos(4 * turn)) * math.sin(turn),
        )
        for turn in np.linspace(0, 2 * math.pi, POINTS, endpoint=False).tolist()
    )
    places = uids or [f"1.2.3.{index}" for index in range(SLICES)]
    return Annotation(f"{number:08d}", places[number % len(places)], 0, "SDH", ring)


def _many(
    count: int, study_uid: str = "1.2", series_uid: str = "1.2.3", uids: list[str] | None = None
) -> Document:
    return Document(study_uid, series_uid, tuple(_polygon(number, uids) for number in range(count)))


CHILD = {"keep": keep, "open_many": open_many}
