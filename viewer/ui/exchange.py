"""Import and export of annotations and of the whole library: asks for the place, and requests it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from viewer.session import Session
from viewer.ui.palette import Action
from viewer.working import ExportOrder

FILES: tuple[tuple[str, str, str, str], ...] = (
    ("DICOM segmentation", "export_seg", "annotations.dcm", "DICOM files (*.dcm)"),
    ("NRRD segmentation", "export_nrrd", "annotations.seg.nrrd", "NRRD segmentations (*.seg.nrrd)"),
    ("NIfTI label map", "export_nifti", "annotations.nii.gz", "NIfTI files (*.nii.gz *.nii)"),
    ("COCO", "export_coco", "annotations.json", "COCO files (*.json)"),
)
FOLDERS = (
    ("PNG masks", "export_png"),
    ("NPZ masks", "export_npz"),
    ("labelme", "export_labelme"),
)
READABLE = (
    "Annotations (*.dcm *.nii *.nii.gz *.nrrd *.json *.npz *.csv);;All files (*)"  # DICOM often has no ending
)


class ExchangeMenu(QMenu):
    """Everything that goes in and out."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__("Import and export", parent)
        self._session = session
        self._parent = parent
        self.aboutToShow.connect(self._fill)

    def _fill(self) -> None:
        self.clear()
        for number, action in enumerate(self.actions_by_name()):
            if number in (2, 2 + len(FILES) + len(FOLDERS)):
                self.addSeparator()
            shown = self.addAction(action.name)
            shown.setEnabled(action.enabled())
            shown.triggered.connect(lambda _=False, action=action: action.run())

    def actions_by_name(self) -> tuple[Action, ...]:
        """Import, exports, library, for menus and the palette."""
        session = self._session
        opened = lambda: session.volume is not None  # noqa: E731
        drawn = lambda: bool(session.document.annotations)  # noqa: E731
        return (
            Action("Import annotations…", "", self.import_file, opened, "import_annotations"),
            Action(
                "Import a folder of annotations…", "", self.import_folder, opened, "import_annotation_folder"
            ),
            *(
                Action(f"Export annotations as {form}…", "", self._file(form, name, kinds), drawn, id_)
                for form, id_, name, kinds in FILES
            ),
            *(
                Action(f"Export annotations as {form}…", "", self._folder(form), drawn, id_)
                for form, id_ in FOLDERS
            ),
            Action("Export the whole library…", "", self.library_out, id="export_library"),
            Action("Import an exported library…", "", self.library_in, id="import_library"),
        )

    def import_file(self) -> None:
        """Ask for a file and request its import."""
        path, _ = QFileDialog.getOpenFileName(
            self._parent, "Import annotations of the open series", "", READABLE
        )
        if path:
            self.request_import(Path(path))

    def import_folder(self) -> None:
        """Ask for a folder (PNG masks, labelme) and request its import."""
        path = QFileDialog.getExistingDirectory(self._parent, "Import a folder of annotations")
        if path:
            self.request_import(Path(path))

    def request_import(self, path: Path, mapping: Mapping[str, str] | None = None) -> None:
        """Request an import, with what the reader said of names."""
        self._session.working.import_requested.emit(path, mapping or {})

    def _file(self, form: str, name: str, kinds: str) -> Callable[[], None]:
        def ask() -> None:
            path, _ = QFileDialog.getSaveFileName(self._parent, f"Export annotations as {form}", name, kinds)
            if path:
                self._session.working.export_requested.emit(ExportOrder(form, _with_ending(Path(path), name)))

        return ask

    def _folder(self, form: str) -> Callable[[], None]:
        def ask() -> None:
            path = QFileDialog.getExistingDirectory(self._parent, f"Export annotations as {form} to a folder")
            if path:
                self._session.working.export_requested.emit(ExportOrder(form, Path(path)))

        return ask

    def library_out(self) -> None:
        """Ask for an empty folder and request the library's export."""
        path = QFileDialog.getExistingDirectory(self._parent, "Export the whole library to an empty folder")
        if path:
            self._session.working.library_out_requested.emit(Path(path))

    def library_in(self) -> None:
        """Ask for an exported library and request its import."""
        path = QFileDialog.getExistingDirectory(self._parent, "Import an exported library")
        if path:
            self._session.working.library_in_requested.emit(Path(path))


def _with_ending(path: Path, name: str) -> Path:
    """The path with the usual ending where it has none."""
    return path if path.suffix else path.with_name(path.name + "".join(Path(name).suffixes))
