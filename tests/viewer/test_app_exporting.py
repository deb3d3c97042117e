"""Exports of an open series through the session: pictures without the patient, whole series, the summary, DICOM."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813  its own name for itself
from PIL import Image
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from model.labels import SCORES
from viewer.app.exporting import STILL_READING, Exporting
from viewer.app.summing_up import summary_of, write_pdf
from viewer.dicom.load import load_all
from viewer.dicom.overlaid import overlay
from viewer.dicom.scan import scan
from viewer.dicom.segmentation import read_segmentation
from viewer.exporting import ExportKind, ExportOrder
from viewer.imaging.layouts import Plane
from viewer.measures.mark import Mark, MarkKind
from viewer.measures.measure import Kind, Measure, SlicePlane
from viewer.session import Findings, Notice, Session
from viewer.ui.exporting import ExportMenu, free_folder
from viewer.ui.picturing import BANNER_PX, Studio
from viewer.ui.reading import ReadingArea

WAIT_MS = 60_000


@pytest.fixture
def session(qapp: object, phantom_series: Path) -> Session:
    made = Session()
    (study,) = scan([phantom_series]).studies
    made.set_studies((study,))
    made.set_study(study)
    made.set_volume(load_all(study.series[0]))
    made.set_slice_index(4)
    uid = study.series[0].slices[4].sop_uid
    made.set_document(
        replace(
            made.document,
            measures=(Measure("l", Kind.LENGTH, SlicePlane(uid), ((20, 60), (60, 60)), label="clot"),),
            marks=(Mark(MarkKind.KEY_IMAGE, uid, note="thickest", window=(80.0, 40.0)),),
        )
    )
    return made


class Desk:
    """Exports and what they tell."""

    def __init__(self, qtbot: QtBot, session: Session, area: ReadingArea) -> None:
        self.session, self._qtbot = session, qtbot
        self.told: list[Notice] = []
        session.noticed.connect(self.told.append)
        self.exporting = Exporting(session, lambda number: area.viewports[number].size(), session)

    def export(self, kind: ExportKind, out: Path | None = None, *, patient: bool = False) -> Notice:
        """Export, and wait for what is told."""
        before = len(self.told)
        self.session.exports.requested.emit(ExportOrder(kind, out, patient))
        self._qtbot.waitUntil(lambda: len(self.told) > before, timeout=WAIT_MS)
        assert self.session.exports.progress == ""
        return self.told[-1]


@pytest.fixture
def desk(qtbot: QtBot, session: Session) -> Iterator[Desk]:
    area = ReadingArea(session)
    qtbot.addWidget(area)
    area.resize(1000, 700)
    area.show()
    made = Desk(qtbot, session, area)
    yield made
    made.exporting.shutdown()


def renamed(session: Session, name: str) -> None:
    """Another patient in the same study."""
    assert session.study is not None
    study = replace(session.study, patient_name=name, patient_id=name, date="19010101")
    session.set_studies((study,))
    session.set_study(study)


def picture(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_a_view_without_the_patient_is_the_same_for_every_patient(desk: Desk, tmp_path: Path) -> None:
    pictures = {}
    for patient in (False, True):
        for name in ("Doe^Jane", "Roe^Richard"):
            renamed(desk.session, name)
            path = tmp_path / f"{patient}{name[0]}.png"
            notice = desk.export(ExportKind.VIEW_PNG, path, patient=patient)
            assert ("does not name" in notice.text) != patient
            pictures[patient, name[0]] = picture(path)
    assert np.array_equal(pictures[False, "D"], pictures[False, "R"])
    assert not np.array_equal(pictures[True, "D"], pictures[True, "R"])
    assert not np.array_equal(pictures[True, "D"], pictures[False, "D"])


def test_a_view_holds_measures_and_the_research_banner(desk: Desk, tmp_path: Path) -> None:
    desk.export(ExportKind.VIEW_PNG, tmp_path / "with.png")
    desk.session.set_document(replace(desk.session.document, measures=()))
    desk.export(ExportKind.VIEW_PNG, tmp_path / "without.png")
    with_, without = picture(tmp_path / "with.png"), picture(tmp_path / "without.png")
    foot = 2 * BANNER_PX
    assert not np.array_equal(with_[:-foot], without[:-foot])
    assert np.array_equal(with_[-foot:], without[-foot:])
    amber = (with_[-foot:] == (0xFF, 0xD1, 0x66)).all(axis=2)
    assert amber.sum() > 100


def test_the_clipboard_gets_the_view(desk: Desk) -> None:
    desk.export(ExportKind.CLIPBOARD)
    image = QGuiApplication.clipboard().image()
    assert image.width() > 1000
    assert desk.session.slice_index == 4


def test_a_series_becomes_one_png_a_slice_and_the_window_stays_where_it_was(
    desk: Desk, tmp_path: Path
) -> None:
    notice = desk.export(ExportKind.SERIES_PNG, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"image-{number:04d}.png" for number in range(1, 9)]
    assert "8 images" in notice.text
    assert desk.session.slice_index == 4
    shown = [picture(tmp_path / "out" / name) for name in names]
    middle = [frame[shown[0].shape[0] // 2 - 20 :][:40].mean() for frame in shown]
    assert middle[3] == pytest.approx(middle[5], abs=1.0)  # slices 3 to 5 hold the bleed
    assert middle[4] > middle[0]  # and slice 4 a measure, too


def test_a_series_becomes_an_animation(desk: Desk, tmp_path: Path) -> None:
    desk.export(ExportKind.SERIES_GIF, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 8
        assert image.info["duration"] == 100


def test_a_coronal_view_is_exported_stop_by_stop(desk: Desk, tmp_path: Path) -> None:
    desk.session.panes.set_plane(0, Plane.CORONAL)
    section = desk.session.panes.section(0)
    assert section is not None
    desk.export(ExportKind.SERIES_PNG, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == section.count


def test_a_cancelled_export_leaves_nothing(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    exports = desk.session.exports
    exports.requested.emit(ExportOrder(ExportKind.SERIES_PNG, tmp_path / "out"))
    qtbot.waitUntil(lambda: exports.progress.startswith("Exporting 2"), timeout=WAIT_MS)
    exports.cancel_requested.emit()
    qtbot.waitUntil(lambda: exports.progress == "", timeout=WAIT_MS)
    qtbot.waitUntil(lambda: list(tmp_path.iterdir()) == [], timeout=WAIT_MS)
    assert desk.told == []


def test_a_folder_that_holds_something_else_is_said(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    notice = desk.export(ExportKind.SERIES_PNG, tmp_path)
    assert (notice.level, "notes.txt" in notice.text) == ("error", True)


def test_a_series_that_is_still_read_is_not_exported_yet(desk: Desk, tmp_path: Path) -> None:
    assert desk.session.volume is not None
    desk.session.volume.loaded[2] = False
    notice = desk.export(ExportKind.SERIES_GIF, tmp_path / "a.gif")
    desk.session.volume.loaded[2] = True
    assert notice.text == STILL_READING


@pytest.mark.parametrize("patient", [False, True])
def test_the_summary_page_names_the_patient_only_when_asked(
    desk: Desk, tmp_path: Path, patient: bool
) -> None:
    desk.export(ExportKind.SUMMARY_HTML, tmp_path / "s.html", patient=patient)
    page = (tmp_path / "s.html").read_text("utf-8")
    assert "70.0\N{NO-BREAK SPACE}mm" in page  # 40 columns of 1.75 mm
    assert "clot" in page
    assert "Image 5" in page
    assert "thickest" in page
    assert "This series was not scored." in page
    assert ("PHANTOM-1" in page) == patient


def pages(path: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", path.read_bytes()))


def test_the_pdf_is_one_page_however_much_there_is(desk: Desk, tmp_path: Path) -> None:
    desk.export(ExportKind.SUMMARY_PDF, tmp_path / "s.pdf")
    assert pages(tmp_path / "s.pdf") == 1
    found = summary_of(desk.session, patient=False)
    full = replace(found, measures=found.measures * 60, key_images=found.key_images * 6, more_key_images=3)
    write_pdf(tmp_path / "full.pdf", full)
    assert pages(tmp_path / "full.pdf") == 1


@pytest.mark.parametrize(
    ("kind", "modality"),
    [(ExportKind.KEY_OBJECTS, "KO"), (ExportKind.MEASURES_SR, "SR"), (ExportKind.PRESENTATION, "PR")],
)
def test_dicom_objects_belong_to_the_study(
    desk: Desk, tmp_path: Path, kind: ExportKind, modality: str
) -> None:
    notice = desk.export(kind, tmp_path / "o.dcm")
    made = pydicom.dcmread(tmp_path / "o.dcm")
    assert desk.session.study is not None
    assert (made.Modality, made.StudyInstanceUID) == (modality, desk.session.study.study_uid)
    assert "names the patient" in notice.text


def suspect(session: Session) -> Findings:
    """An epidural on slices 3 and 4, as if the model had said so."""
    assert session.volume is not None
    masks = np.zeros(session.volume.hu.shape, np.uint8)
    masks[3:5, 60:70, 30:42] = 1
    scores = dict(zip(SCORES, (0.9, 0.8, 0.1, 0.1, 0.1, 0.1), strict=True))
    findings = Findings(
        session.volume.series.series_uid,
        "toy-1",
        np.full((8, 6), 0.5, np.float32),
        masks,
        8,
        8,
        scores,
        {"EDH": 1.5},
        dict.fromkeys(SCORES, 0.5),
    )
    session.set_findings(findings)
    return findings


@pytest.mark.parametrize(
    ("kind", "modality"),
    [(ExportKind.FINDINGS_SEG, "SEG"), (ExportKind.FINDINGS_SR, "SR"), (ExportKind.FINDINGS_SC, "OT")],
)
def test_findings_leave_as_dicom_objects(desk: Desk, tmp_path: Path, kind: ExportKind, modality: str) -> None:
    findings = suspect(desk.session)
    notice = desk.export(kind, tmp_path / "o.dcm")
    made = pydicom.dcmread(tmp_path / "o.dcm")
    assert desk.session.volume is not None
    assert (made.Modality, made.StudyInstanceUID) == (modality, desk.session.volume.series.study_uid)
    assert "Research use only" in made.SeriesDescription
    assert "names the patient" in notice.text
    if kind is ExportKind.FINDINGS_SEG:
        (segment,) = overlay(read_segmentation(tmp_path / "o.dcm"), desk.session.volume.series).segments
        for index in (3, 4):
            np.testing.assert_array_equal(segment.masks[index], findings.masks[index] == 1)


def test_findings_leave_as_volumes(desk: Desk, tmp_path: Path) -> None:
    findings = suspect(desk.session)
    notice = desk.export(ExportKind.FINDINGS_NRRD, tmp_path / "a.seg.nrrd")
    assert "does not name the patient" in notice.text
    desk.export(ExportKind.FINDINGS_NIFTI, tmp_path / "a.nii.gz")
    for name in ("a.seg.nrrd", "a.nii.gz"):
        image = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / name)))
        np.testing.assert_array_equal(image, findings.masks)


def test_without_findings_nothing_leaves(desk: Desk, tmp_path: Path) -> None:
    notice = desk.export(ExportKind.FINDINGS_SEG, tmp_path / "a.dcm")
    assert (notice.title, list(tmp_path.glob("a.dcm"))) == ("No findings to export", [])
    empty = replace(suspect(desk.session), masks=np.zeros_like(suspect(desk.session).masks))
    desk.session.set_findings(empty)
    assert "Nothing is segmented" in desk.export(ExportKind.FINDINGS_SEG, tmp_path / "a.dcm").text


def test_nothing_open_is_said(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    desk.session.set_volume(None)
    assert desk.export(ExportKind.VIEW_PNG, tmp_path / "a.png").title == "Nothing to export"


def test_the_menu_offers_what_can_be_done_and_never_names_a_hidden_patient(
    qtbot: QtBot, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    area = ReadingArea(session)
    qtbot.addWidget(area)
    menu = ExportMenu(session, area)
    orders: list[ExportOrder] = []
    session.exports.requested.connect(orders.append)
    monkeypatch.setattr(
        "viewer.ui.exporting.QFileDialog.getSaveFileName", lambda *_: (str(tmp_path / "a"), "")
    )
    menu.patient.setChecked(True)
    menu.ask(ExportKind.VIEW_PNG)
    session.set_patient_hidden(True)
    menu.ask(ExportKind.SUMMARY_PDF)
    assert orders == [
        ExportOrder(ExportKind.VIEW_PNG, tmp_path / "a.png", True),
        ExportOrder(ExportKind.SUMMARY_PDF, tmp_path / "a.pdf", False),
    ]
    enabled = {action.name: action.enabled() for action in menu.actions_by_name()}
    assert enabled["Key images as DICOM key objects…"]
    session.set_document(replace(session.document, marks=(), measures=()))
    enabled = {action.name: action.enabled() for action in menu.actions_by_name()}
    assert not enabled["Key images as DICOM key objects…"]
    assert not enabled["Measures as DICOM report (SR)…"]
    assert not enabled["Findings as DICOM segmentation (SEG)…"]
    suspect(session)
    enabled = {action.name: action.enabled() for action in menu.actions_by_name()}
    assert enabled["Findings as DICOM segmentation (SEG)…"]
    menu.ask(ExportKind.FINDINGS_NRRD)
    assert orders[-1].out == tmp_path / "a.seg.nrrd"
    assert free_folder(tmp_path) == tmp_path / "series-as-pngs"


def test_the_studio_does_not_touch_the_window(desk: Desk, session: Session) -> None:
    changed: list[int] = []
    session.slice_index_changed.connect(changed.append)
    session.panes.changed.connect(changed.append)
    studio = Studio(session, 0, desk.exporting._view_size(0))
    studio.go_to(0)
    first = studio.pixels()
    studio.go_to(4)
    assert not np.array_equal(studio.pixels(), first)
    studio.close()
    assert changed == []
