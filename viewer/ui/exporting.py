"""The export menu: asks where to write, and requests it. What is written is made elsewhere."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget

from viewer.exporting import ExportKind, ExportOrder
from viewer.measures.mark import MarkKind
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.palette import Action

FOLDER_NAME = "series-as-pngs"
_FILES: dict[ExportKind, tuple[str, str]] = {
    ExportKind.VIEW_PNG: ("view.png", "PNG pictures (*.png)"),
    ExportKind.SERIES_GIF: ("series.gif", "GIF animations (*.gif)"),
    ExportKind.SUMMARY_PDF: ("summary.pdf", "PDF files (*.pdf)"),
    ExportKind.SUMMARY_HTML: ("summary.html", "HTML pages (*.html)"),
    ExportKind.KEY_OBJECTS: ("key-images.dcm", "DICOM files (*.dcm)"),
    ExportKind.MEASURES_SR: ("measures.dcm", "DICOM files (*.dcm)"),
    ExportKind.PRESENTATION: ("presentation.dcm", "DICOM files (*.dcm)"),
    ExportKind.FINDINGS_SEG: ("findings.seg.dcm", "DICOM files (*.dcm)"),
    ExportKind.FINDINGS_SR: ("findings.sr.dcm", "DICOM files (*.dcm)"),
    ExportKind.FINDINGS_SC: ("findings.sc.dcm", "DICOM files (*.dcm)"),
    ExportKind.FINDINGS_NRRD: ("findings.seg.nrrd", "NRRD segmentations (*.seg.nrrd)"),
    ExportKind.FINDINGS_NIFTI: ("findings.nii.gz", "NIfTI volumes (*.nii.gz)"),
}
"""What each file is called unless the reader says otherwise: never the patient's name."""
_ENDINGS = {ExportKind.FINDINGS_NRRD: ".seg.nrrd", ExportKind.FINDINGS_NIFTI: ".nii.gz"}
"""Those of two parts."""
_NAMES: tuple[tuple[ExportKind, str, str], ...] = (
    (ExportKind.VIEW_PNG, "View as PNG…", ""),
    (ExportKind.CLIPBOARD, "Copy the view", "Ctrl+Shift+C"),
    (ExportKind.SERIES_PNG, "Series as PNGs…", ""),
    (ExportKind.SERIES_GIF, "Series as animated GIF…", ""),
    (ExportKind.SUMMARY_PDF, "Summary as PDF…", ""),
    (ExportKind.SUMMARY_HTML, "Summary as HTML…", ""),
    (ExportKind.KEY_OBJECTS, "Key images as DICOM key objects…", ""),
    (ExportKind.MEASURES_SR, "Measures as DICOM report (SR)…", ""),
    (ExportKind.PRESENTATION, "Window and measures as DICOM presentation (GSPS)…", ""),
    (ExportKind.FINDINGS_SEG, "Findings as DICOM segmentation (SEG)…", ""),
    (ExportKind.FINDINGS_SR, "Findings as DICOM report (SR)…", ""),
    (ExportKind.FINDINGS_SC, "Findings on a page as DICOM picture (SC)…", ""),
    (ExportKind.FINDINGS_NRRD, "Findings as NRRD segmentation…", ""),
    (ExportKind.FINDINGS_NIFTI, "Findings as NIfTI…", ""),
)


class ExportMenu(QMenu):
    """Every export of the open series; above them, whether pictures and summaries name the patient."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__("Export", parent)
        self._session = session
        self._parent = parent
        self.patient = self.addAction("")
        self.patient.setCheckable(True)
        self.patient.setToolTip("DICOM objects belong to their study and always carry them")
        self.setToolTipsVisible(True)
        self.addSeparator()
        for action in self.actions_by_name():
            self._add(action)
        self.aboutToShow.connect(self._refresh)
        self.patient.toggled.connect(self._name_patient)
        self._name_patient(False)

    def actions_by_name(self) -> tuple[Action, ...]:
        """The exports for menus and the palette."""
        exports = self._session.exports
        cancel = Action(
            "Cancel the export",
            "",
            exports.cancel_requested.emit,
            lambda: bool(exports.progress),
            "cancel_export",
        )
        made = (
            Action(name, keys, self._asker(kind), self._ready(kind), f"export_{kind.name.lower()}")
            for kind, name, keys in _NAMES
        )
        return (*made, cancel)

    def _add(self, action: Action) -> None:
        shown = self.addAction(action.name)
        shown.triggered.connect(lambda _=False: action.run())

        def refresh() -> None:
            keys = self._session.bound.text(action.id)
            shown.setText(f"{action.name}\t{keys}" if keys else action.name)
            shown.setEnabled(action.enabled())

        self.aboutToShow.connect(refresh)

    def _refresh(self) -> None:
        """A hidden patient stays hidden, here as well."""
        self.patient.setEnabled(not self._session.patient_hidden)
        if self._session.patient_hidden:
            self.patient.setChecked(False)

    def _name_patient(self, named: bool) -> None:
        """Say in words what the tick means."""
        self.patient.setText(f"Patient's name and dates: {'shown' if named else 'left out'}")

    def _ready(self, kind: ExportKind) -> Callable[[], bool]:
        session = self._session

        def ready() -> bool:
            if session.volume is None or session.exports.progress:
                return False
            if kind is ExportKind.KEY_OBJECTS:
                return any(mark.kind is MarkKind.KEY_IMAGE for mark in session.document.marks)
            if kind.of_findings:
                return session.findings is not None and session.findings.done
            return kind is not ExportKind.MEASURES_SR or bool(session.document.measures)

        return ready

    def _asker(self, kind: ExportKind) -> Callable[[], None]:
        return lambda: self.ask(kind)

    def ask(self, kind: ExportKind) -> None:
        """Ask where to write, and request the export."""
        out = None if kind is ExportKind.CLIPBOARD else self._place(kind)
        if kind is ExportKind.CLIPBOARD or out is not None:
            patient = self.patient.isChecked() and not self._session.patient_hidden
            self._session.exports.requested.emit(ExportOrder(kind, out, patient))

    def _place(self, kind: ExportKind) -> Path | None:
        if kind is ExportKind.SERIES_PNG:
            folder = QFileDialog.getExistingDirectory(self._parent, "Write a new folder in")
            return free_folder(Path(folder)) if folder else None
        name, pattern = _FILES[kind]
        chosen, _ = QFileDialog.getSaveFileName(self._parent, "Export", name, pattern)
        if not chosen:
            return None
        ending = _ENDINGS.get(kind, Path(name).suffix)
        return Path(chosen if chosen.casefold().endswith(ending) else chosen + ending)


def free_folder(parent: Path) -> Path:
    """A path in `parent` where nothing is yet."""
    path, number = parent / FOLDER_NAME, 1
    while path.exists():
        number += 1
        path = parent / f"{FOLDER_NAME}-{number}"
    return path


def export_button(menu: ExportMenu) -> QPushButton:
    """The button that opens the menu."""
    made = theme.button("Export ▾")
    made.setToolTip("Pictures, a summary page, DICOM objects")
    made.clicked.connect(lambda: menu.popup(made.mapToGlobal(made.rect().bottomLeft())))
    return made
