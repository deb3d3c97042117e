"""Every layout and panel looks as it did: pictures kept beside this file, compared coarsely.

Where a change is meant: `PTERION_RENEW_SNAPSHOTS=1 .venv/bin/python -m pytest tests/viewer/ui/test_snapshots.py`, then
look at the pictures before they are committed.
"""

import os
import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from PySide6.QtGui import QImage, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from viewer.annotation.document import Annotation, Document
from viewer.imaging.layouts import COMPARE, LAYOUTS, Layout, grid
from viewer.measures.measure import Kind, Measure, SlicePlane
from viewer.session import Mode, Session
from viewer.ui import theme
from viewer.ui.main_window import MainWindow
from viewer.ui.reading import ReadingArea

# The offscreen platform says so of every window.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

frame = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("frame_fixtures.py"))))
KEPT = Path(__file__).with_name("snapshots")
RENEW = bool(os.environ.get("PTERION_RENEW_SNAPSHOTS"))
BLOCK_PX = 8
MOST_MEAN, MOST_BLOCK, MOST_SHARE = 2.0, 40.0, 0.01
"""Of grey values 0 to 255: the mean difference, and how many blocks of the picture may differ by more than that."""
GREYS = 32
COUNT, SIDE = 24, 64


def head() -> npt.NDArray[np.int16]:
    """A head of air, bone and brain with a dense bleed at the patient's right, in front: no two sides are alike."""
    z, y, x = np.mgrid[:COUNT, :SIDE, :SIDE] + 0.5
    away = np.sqrt(((x - 32) / 24) ** 2 + ((y - 32) / 29) ** 2 + ((z - 12) / 14) ** 2)
    hu = np.where(away < 1, 1200, -1000)
    hu = np.where(away < 0.9, 35, hu)
    bleed = np.sqrt(((x - 22) / 6) ** 2 + ((y - 24) / 8) ** 2 + ((z - 14) / 4) ** 2) < 1
    return np.where(bleed, 75, hu).astype(np.int16)


def opened() -> Session:
    """A session with the head, its prior, what the model found, an annotation and a measure."""
    session = Session()
    headers = tuple(
        replace(frame.header("9", index), rows=SIDE, columns=SIDE, spacing_mm=(3.0, 3.0))
        for index in range(COUNT)
    )
    series = frame.series("9", COUNT, slices=headers)
    study = frame.study("1", series)
    now = replace(frame.volume(series), hu=head(), spacing_mm=(3.0, 3.0))
    before = replace(now, series=replace(series, study_uid="0", series_uid="8"))
    prior = frame.study("0", before.series, date="20250102")
    session.set_studies((study, prior))
    session.set_volume(now)
    session.set_study(study)
    session.set_prior(prior)
    found = frame.findings({"any": 0.9, "IPH": 0.87}, {13: {"IPH": 0.87, "any": 0.9}}, COUNT)
    masks = np.where((head() > 60) & (head() < 90), 5, 0).astype(np.uint8)
    session.set_findings(replace(found, masks=masks))
    outline = ((16.0, 17.0), (28.0, 17.0), (28.0, 32.0), (16.0, 32.0))
    session.set_document(
        Document(
            "1",
            "9",
            (Annotation("a", "9.13", 0, "IPH", outline),),
            measures=(Measure("m", Kind.LENGTH, SlicePlane("9.13"), ((36, 40), (50, 20))),),
        )
    )
    session.set_slice_index(13)
    session.panes.add_volume(before)
    return session


@pytest.fixture(scope="module", autouse=True)
def look(qapp: QApplication) -> Iterator[None]:
    """The shipped look, with its own font, whatever the machine has; taken off again for the tests that follow."""
    before = (qapp.font(), QPalette(qapp.palette()), qapp.styleSheet(), qapp.style().objectName())
    theme.apply(qapp)
    yield
    qapp.setStyleSheet(before[2])
    qapp.setStyle(before[3])
    qapp.setPalette(before[1])
    qapp.setFont(before[0])


def greys_of(widget: QWidget) -> npt.NDArray[np.uint8]:
    """A widget as it is painted, uint8 (rows, columns)."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : image.width()].copy()


def blocks(greys: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Means of square blocks: what a letter's edge is on another machine does not show in them."""
    rows, columns = (side // BLOCK_PX * BLOCK_PX for side in greys.shape)
    parts = greys[:rows, :columns].reshape(rows // BLOCK_PX, BLOCK_PX, columns // BLOCK_PX, BLOCK_PX)
    return parts.mean(axis=(1, 3))


def compare(widget: QWidget, name: str) -> None:
    """Fail where a widget is not as its kept picture; renew that picture where this is asked for."""
    path, greys = KEPT / f"{name}.png", greys_of(widget)
    if RENEW:
        KEPT.mkdir(exist_ok=True)
        Image.fromarray(greys).quantize(GREYS, dither=Image.Dither.NONE).save(path, optimize=True)
    kept = np.asarray(Image.open(path).convert("L"))
    assert kept.shape == greys.shape, f"{name} has another size"
    apart = np.abs(blocks(kept) - blocks(greys))
    share = float((apart > MOST_BLOCK).mean())
    assert apart.mean() <= MOST_MEAN, f"{name}: grey differs by {apart.mean():.1f} on average"
    assert share <= MOST_SHARE, f"{name}: {share:.1%} of the picture differ"


@pytest.mark.parametrize("layout", [*LAYOUTS, grid(3, 3)], ids=lambda layout: layout.id)
def test_a_layout_looks_as_it_did(qtbot: object, layout: Layout) -> None:
    session = opened()
    area = ReadingArea(session)
    area.resize(640, 480)
    session.panes.set_layout(layout)
    if layout == COMPARE:
        session.panes.show_series(1, ("0", "8"))
        session.panes.add_volume(replace(session.volume, series=session.studies[1].series[0]))  # type: ignore[type-var]
    area.show()
    compare(area, f"layout_{layout.id}")
    area.close()


@pytest.mark.parametrize("tab", ["findings", "annotations", "measures", "tags"])
def test_a_panel_looks_as_it_did(qtbot: object, tab: str) -> None:
    window = shown(opened())
    window.right.show_tab(["findings", "annotations", "measures", "tags"].index(tab))
    compare(window.right, f"panel_{tab}")
    window.close()


@pytest.mark.parametrize("mode", Mode)
def test_the_bars_look_as_they_did(qtbot: object, mode: Mode) -> None:
    window = shown(opened())
    window.session.set_mode(mode)
    compare(window.top_bar, f"bar_{mode}")
    if mode is Mode.READ:
        compare(window.status, "status")
        compare(window.worklist, "worklist")
    window.close()


def shown(session: Session) -> MainWindow:
    """The window, 1366 × 768."""
    reading = ReadingArea(session)
    window = MainWindow(session, reading, reading.commands.values())
    window.resize(1366, 768)
    window.show()
    QApplication.processEvents()
    return window


def test_a_mirrored_picture_would_be_noticed() -> None:
    """The tolerance is wide enough for fonts, not for a head that lies the other way."""
    greys = np.clip(head()[14] * 2 + 60, 0, 255).astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    apart = np.abs(blocks(greys) - blocks(np.fliplr(greys)))
    assert apart.mean() > MOST_MEAN or (apart > MOST_BLOCK).mean() > MOST_SHARE


def test_the_pictures_stay_small() -> None:
    assert sum(path.stat().st_size for path in KEPT.glob("*.png")) <= 300_000
