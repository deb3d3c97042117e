"""Segmentations and reports of other systems: laid on the open series, listed, refused in words."""

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from model.errors import PterionError
from model.labels import SCORES
from viewer.app.receiving import Receiving, received
from viewer.app.tasks import Tasks
from viewer.dicom.load import load_all
from viewer.dicom.overlaid import overlay
from viewer.dicom.report import _lines, read_report
from viewer.dicom.scan import scan
from viewer.dicom.segmentation import read_segmentation
from viewer.dicom.volume import Volume
from viewer.dicom.write import write_series
from viewer.jobs.answer import Answer
from viewer.jobs.dicom_findings import write_findings
from viewer.session import Notice, Session
from viewer.ui.picture import Overlays
from viewer.ui.received import HIDDEN, ReceivedWindow

WAIT_MS = 60_000
ROWS, COLUMNS = 24, 32
MASKS = np.zeros((5, ROWS, COLUMNS, 2), np.bool_)
MASKS[1:3, 2:9, 3:20, 0] = True
MASKS[2, 5:15, 10:12, 1] = True  # overlaps the first on slice 2


STRAIGHT = [(-8.0, -6.0, 5.0 * i) for i in range(5)]
TILTED = [(-8.0, -6.0 - 1.5 * i, z) for i, z in enumerate((0.0, 5.0, 10.0, 17.0, 24.0))]
"""As by a gantry that leans: every slice lies further back, and the upper ones further apart."""


def write_head(folder: Path, positions: list[tuple[float, float, float]] = STRAIGHT, **more: Any) -> None:
    hu = np.random.default_rng(3).integers(20, 80, (5, ROWS, COLUMNS)).astype(np.int16)
    write_series(folder, hu, spacing_mm=(0.8, 0.5), positions_mm=positions, thickness_mm=5.0, **more)


def write_seg(path: Path, source: Path, kind: str, **more: Any) -> pydicom.Dataset:
    """A segmentation as another system writes it: a clot and an edema without colours."""
    headers = sorted(
        (pydicom.dcmread(each) for each in source.glob("*.dcm")), key=lambda d: d.ImagePositionPatient[2]
    )
    described = [
        highdicom.seg.SegmentDescription(
            number,
            label,
            codes.SCT.MorphologicallyAbnormalStructure,
            code,
            "MANUAL",
        )
        for number, label, code in ((1, "Clot", codes.SCT.Hemorrhage), (2, "Swelling", codes.SCT.Edema))
    ]
    pixels: np.ndarray = MASKS.astype(np.uint8)
    if kind == "LABELMAP":
        pixels = np.where(MASKS[..., 1], 2, MASKS[..., 0]).astype(np.uint8)
    elif kind == "FRACTIONAL":
        pixels = MASKS * 0.75 + ~MASKS * 0.25
    made = highdicom.seg.Segmentation(
        headers,
        pixels,
        kind,
        described,
        highdicom.UID(),
        7,
        highdicom.UID(),
        1,
        "Else",
        "Else",
        "1",
        "1",
        **more,
    )
    made.save_as(path)
    return made


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("head") / "ct"
    write_head(folder)
    return folder


@pytest.fixture(scope="module")
def volume(head: Path) -> Volume:
    return load_all(scan([head]).studies[0].series[0])


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_another_system_s_segmentation_lies_on_its_slices(
    head: Path, volume: Volume, tmp_path: Path, kind: str
) -> None:
    write_seg(tmp_path / "seg.dcm", head, kind)
    found = received(tmp_path / "seg.dcm", "Clots", volume)
    first, second = found.segments
    assert (first.name, second.name) == ("Clot", "Swelling")
    expected = np.where(MASKS[..., 1], second.value, np.where(MASKS[..., 0], first.value, 0))
    np.testing.assert_array_equal(found.labels, expected)
    assert first.slices == (1, 2)
    assert second.slices == (2, 2)
    assert second.volume_ml == pytest.approx(20 * 0.8 * 0.5 * 5 / 1000)  # 10 × 2 pixels of 0.4 mm², 5 mm
    assert found.overlapping is (kind != "LABELMAP")
    assert first.rgb != second.rgb
    assert first.algorithm == "manual"


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_it_lies_on_the_slices_of_a_tilted_and_uneven_series(tmp_path: Path, kind: str) -> None:
    write_head(tmp_path / "ct", TILTED)
    write_seg(tmp_path / "seg.dcm", tmp_path / "ct", kind)
    found = received(tmp_path / "seg.dcm", "Clots", load_all(scan([tmp_path / "ct"]).studies[0].series[0]))
    clot, swelling = found.segments
    expected = np.where(MASKS[..., 1], swelling.value, np.where(MASKS[..., 0], clot.value, 0))
    np.testing.assert_array_equal(found.labels, expected)
    # Slice 2 has 5 mm below it and 7 mm above it.
    assert swelling.volume_ml == pytest.approx(20 * 0.8 * 0.5 * 6 / 1000)
    assert found.astray == 0


def test_one_of_another_frame_of_reference_is_refused(head: Path, volume: Volume, tmp_path: Path) -> None:
    write_head(tmp_path / "other")
    write_seg(tmp_path / "seg.dcm", tmp_path / "other", "BINARY")
    with pytest.raises(PterionError, match="another frame of reference"):
        received(tmp_path / "seg.dcm", "Clots", volume)


def test_one_of_another_size_is_refused(head: Path, volume: Volume, tmp_path: Path) -> None:
    write_seg(tmp_path / "seg.dcm", head, "BINARY")
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    made.Columns, made.Rows = ROWS, COLUMNS
    made.save_as(tmp_path / "seg.dcm")
    with pytest.raises(PterionError, match="off the grid"):
        received(tmp_path / "seg.dcm", "Clots", volume)


def test_a_cut_off_file_is_refused(head: Path, volume: Volume, tmp_path: Path) -> None:
    write_seg(tmp_path / "seg.dcm", head, "BINARY")
    content = (tmp_path / "seg.dcm").read_bytes()
    for size in (100, len(content) // 2, len(content) - 60):
        (tmp_path / "cut.dcm").write_bytes(content[:size])
        with pytest.raises(PterionError):
            received(tmp_path / "cut.dcm", "Clots", volume)


def test_thousands_of_segments_are_refused(head: Path, tmp_path: Path) -> None:
    made = write_seg(tmp_path / "seg.dcm", head, "BINARY")
    made.SegmentSequence = [made.SegmentSequence[0]] * 3000
    made.save_as(tmp_path / "seg.dcm")
    with pytest.raises(PterionError, match="3000 segments"):
        read_segmentation(tmp_path / "seg.dcm")


def test_a_part_that_lies_elsewhere_is_counted(head: Path, volume: Volume, tmp_path: Path) -> None:
    shutil.copytree(head, tmp_path / "short")
    write_seg(tmp_path / "seg.dcm", head, "BINARY")
    last = max(
        (tmp_path / "short").glob("*.dcm"), key=lambda p: pydicom.dcmread(p).ImagePositionPatient[2] == 10
    )
    last.unlink()
    short = scan([tmp_path / "short"]).studies[0].series[0]
    found = overlay(read_segmentation(tmp_path / "seg.dcm"), short)
    assert found.astray == 2  # both segments lie on the slice that is gone
    assert [sorted(part.masks) for part in found.segments] == [[1], []]


# reports


def test_a_report_becomes_lines(head: Path, volume: Volume, tmp_path: Path) -> None:
    masks = MASKS[..., 0].astype(np.uint8)
    scores = dict.fromkeys(SCORES, 0.75)
    slices = np.full((5, 6), 0.5, np.float32)
    answer = Answer(volume, "toy-1", masks, scores, dict.fromkeys(SCORES, 0.5), slices, {"EDH": 1.25})
    write_findings(tmp_path / "sr.dcm", answer)
    report = read_report(tmp_path / "sr.dcm")
    assert (report.title, report.verified, report.cut) == ("Imaging Measurement Report", False, False)
    said = [(line.name, line.value) for line in report.lines]
    assert ("Volume", "1.25 mL") in said
    assert ("Probability", "0.75") in said
    assert any(name == "Finding" and value == "Hemorrhage" for name, value in said)
    depths = [line.depth for line in report.lines]
    assert depths[0] == 0
    assert all(later <= earlier + 1 for earlier, later in pairwise(depths))


def test_what_is_no_report_is_refused(head: Path, tmp_path: Path) -> None:
    with pytest.raises(PterionError, match="no DICOM report"):
        read_report(next(head.glob("*.dcm")))
    (tmp_path / "words.dcm").write_text("nothing", "utf-8")
    with pytest.raises(PterionError):
        read_report(tmp_path / "words.dcm")


# in the window


class Room:
    """A session with one open head, its segmentation, its report, and the window that lists them."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.session = Session()
        self.tasks = Tasks(self.session, self.session)
        self.receiving = Receiving(self.session, self.tasks, self.session)
        self.told: list[Notice] = []
        self.session.noticed.connect(self.told.append)
        (study,) = scan([folder]).studies
        self.by_modality = {series.modality: series for series in study.series}
        self.session.set_studies((study,))
        self.session.set_study(study)
        self.session.set_volume(load_all(self.by_modality["CT"]))
        self.parent = QWidget()
        qtbot.addWidget(self.parent)
        self.window = ReceivedWindow(self.session, self.parent)
        self.overlays = Overlays(self.session)

    def ask(self, modality: str) -> None:
        self.session.receiving.requested.emit(self.by_modality[modality].series_uid)


@pytest.fixture
def room(qtbot: QtBot, head: Path, volume: Volume, tmp_path: Path) -> Iterator[Room]:
    shutil.copytree(head, tmp_path / "study" / "ct")
    write_seg(tmp_path / "study" / "seg.dcm", head, "BINARY", series_description="Clots")
    scores = dict.fromkeys(SCORES, 0.75)
    slices = np.full((5, 6), 0.5, np.float32)
    slices[3] = 0.9  # the report names it
    masks = MASKS[..., 0].astype(np.uint8)
    answer = Answer(volume, "toy-1", masks, scores, dict.fromkeys(SCORES, 0.5), slices, {"EDH": 1.25})
    write_findings(tmp_path / "study" / "sr.dcm", answer)
    made = Room(qtbot, tmp_path / "study")
    yield made
    made.tasks.shutdown()


def tree_texts(room: Room) -> list[str]:
    tree = room.window.tree
    found: list[str] = []

    def gather(item: Any) -> None:
        found.extend(item.text(column) for column in range(tree.columnCount()))
        for row in range(item.childCount()):
            gather(item.child(row))

    gather(tree.invisibleRootItem())
    return found


def test_a_segmentation_is_painted_and_listed_until_its_window_closes(qtbot: QtBot, room: Room) -> None:
    session = room.session
    assert room.overlays.of(2) is None
    room.ask("SEG")
    qtbot.waitUntil(lambda: session.receiving.overlay is not None, timeout=WAIT_MS)
    painted = room.overlays.of(2)
    assert painted is not None
    np.testing.assert_array_equal(painted.index, np.flatnonzero(MASKS[2].any(-1)))
    assert room.window.isVisible()
    assert {"Clot", "Swelling"} <= set(tree_texts(room))
    swelling = room.window.tree.topLevelItem(1)
    assert swelling is not None
    swelling.setCheckState(0, Qt.CheckState.Unchecked)
    assert session.receiving.hidden == {2}
    assert room.overlays.palette().own[1] == (0.0, 0.0)
    room.window.tree.itemActivated.emit(swelling, 0)
    assert session.slice_index == 2
    room.window.close()
    assert session.receiving.overlay is None
    assert room.overlays.of(2) is None


def test_another_series_ends_the_overlay(qtbot: QtBot, room: Room) -> None:
    session = room.session
    room.ask("SEG")
    qtbot.waitUntil(lambda: session.receiving.overlay is not None, timeout=WAIT_MS)
    session.set_volume(None)
    assert session.receiving.overlay is None
    assert not room.window.isVisible()


def test_a_report_is_listed_and_hides_names_with_the_patient(qtbot: QtBot, room: Room) -> None:
    room.ask("SR")
    qtbot.waitUntil(room.window.isVisible, timeout=WAIT_MS)
    assert "1.25 mL" in tree_texts(room)
    assert "Nobody has verified" in room.window.about.text()
    assert HIDDEN not in tree_texts(room)
    room.session.set_patient_hidden(True)
    assert HIDDEN in tree_texts(room)
    assert "1.25 mL" in tree_texts(room)


def items(room: Room) -> list[Any]:
    def below(item: Any) -> list[Any]:
        return [item, *(each for row in range(item.childCount()) for each in below(item.child(row)))]

    return below(room.window.tree.invisibleRootItem())[1:]


def test_a_report_leads_to_the_slices_that_it_names(qtbot: QtBot, room: Room) -> None:
    room.ask("SR")
    qtbot.waitUntil(room.window.isVisible, timeout=WAIT_MS)
    session, tree = room.session, room.window.tree
    (first, *others) = [item for item in items(room) if item.text(1) == "slice 4"]
    assert len(others) == len(SCORES) - 1
    tree.itemActivated.emit(first, 0)
    assert session.slice_index == 3
    session.set_slice_index(0)
    tree.itemActivated.emit(first.parent(), 0)  # the group that the image stands in
    assert session.slice_index == 3
    session.set_slice_index(0)
    nowhere = next(item for item in items(room) if item.childCount() == 0 and "slice" not in item.text(1))
    tree.itemActivated.emit(nowhere, 0)
    assert session.slice_index == 0
    session.set_volume(None)
    assert "slice 4" not in tree_texts(room)
    assert "an image of the study" in tree_texts(room)


def test_every_frame_that_a_report_refers_to_is_read() -> None:
    item = Dataset()
    item.ReferencedSOPSequence = [Dataset(), Dataset()]
    item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2"
    item.ReferencedSOPSequence[0].ReferencedFrameNumber = [2, 5]
    item.ReferencedSOPSequence[1].ReferencedSOPInstanceUID = "1.3"
    item.ValueType = "IMAGE"
    parent = Dataset()
    parent.ContentSequence = [item]
    (line,) = _lines(parent, 0)
    assert line.images == (("1.2", 1), ("1.2", 4), ("1.3", 0))


def test_what_cannot_be_read_is_said(qtbot: QtBot, room: Room) -> None:
    path = room.by_modality["SEG"].slices[0].path
    path.write_bytes(path.read_bytes()[:2000])
    room.ask("SEG")
    qtbot.waitUntil(lambda: bool(room.told), timeout=WAIT_MS)
    assert room.told[0].title == "It could not be read"
    assert room.session.receiving.overlay is None
