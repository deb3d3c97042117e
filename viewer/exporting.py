"""What a reader asks to be exported, and how far that is."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QObject, Signal


class ExportKind(StrEnum):
    """What an export makes."""

    VIEW_PNG = "view as PNG"
    CLIPBOARD = "view to the clipboard"
    SERIES_PNG = "series as PNGs"
    SERIES_GIF = "series as animated GIF"
    SUMMARY_HTML = "summary as HTML"
    SUMMARY_PDF = "summary as PDF"
    KEY_OBJECTS = "key images as DICOM key objects"
    PRESENTATION = "views as DICOM presentation states"
    MEASURES_SR = "measures as DICOM structured report"
    FINDINGS_SEG = "findings as DICOM segmentation"
    FINDINGS_SR = "findings as DICOM structured report"
    FINDINGS_SC = "findings as DICOM secondary capture"
    FINDINGS_NRRD = "findings as NRRD"
    FINDINGS_NIFTI = "findings as NIfTI"

    @property
    def of_findings(self) -> bool:
        """Whether it is what the model said that leaves."""
        return self.value.startswith("findings")

    @property
    def is_dicom(self) -> bool:
        """Whether it makes a DICOM object, which belongs to its study and carries the patient."""
        return "DICOM" in self.value


@dataclass(frozen=True)
class ExportOrder:
    """One export. out: the file, or the folder of a series' PNGs; None for the clipboard. patient: with the patient's
    name and the study's dates (DICOM objects belong to their study and always carry them)."""

    kind: ExportKind
    out: Path | None = None
    patient: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError without a place to write to."""
        if (self.out is None) != (self.kind is ExportKind.CLIPBOARD):
            raise ValueError(f"{self.kind} needs a place of its own, got {self.out}")


class Exports(QObject):
    """State of the exports of one window. Read freely, changed only through the setter."""

    progress_changed = Signal(str)  # how far an export is, empty while none runs

    requested = Signal(object)  # ExportOrder
    cancel_requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.progress = ""

    def set_progress(self, text: str) -> None:
        """Say how far an export is."""
        if text != self.progress:
            self.progress = text
            self.progress_changed.emit(text)
