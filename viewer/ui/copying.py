"""The dialog that asks how to copy the open study without its patient."""

import math
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from viewer.measures.measure import Kind, SlicePlane
from viewer.session import CopyOrder, Session
from viewer.ui import theme

OPTIONS = (
    ("dates", "Dates, all moved back by the same number of days"),
    ("patient", "Sex, age, size and weight"),
    ("uids", "UIDs"),
    ("device", "Names and numbers of the scanner"),
    ("institution", "Names of the institution"),
)
WHAT = (
    "Writes the images of the open study to a new folder or ZIP after the Basic Profile of DICOM PS3.15: names, "
    "numbers, dates, texts and private elements go, UIDs are replaced. The originals do not change."
)
FACES = "The pixels stay as they are: a face can be reconstructed from thin slices of a head."
FOLDER_NAME = "study-without-patient"


class CopyDialog(QDialog):
    """What to keep beyond the profile, and where to write."""

    def __init__(self, parent: QWidget, session: Session) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("Copy without the patient")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(460)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(10)
        layout.addWidget(theme.label(WHAT, wrap=True))
        layout.addWidget(theme.heading("Keep nevertheless"))
        self.retain = {name: QCheckBox(text) for name, text in OPTIONS}
        for box in self.retain.values():
            layout.addWidget(box)
        layout.addWidget(theme.heading("Text in the pixels"))
        self._rectangles = drawn_rectangles(session)
        self.refuse = QRadioButton("Write nothing where an image has, or may have, text burned in")
        self.leave_out = QRadioButton("Leave such images out")
        self.blackout = QRadioButton(_blackout_text(len(self._rectangles)))
        self.blackout.setEnabled(bool(self._rectangles))
        self.refuse.setChecked(True)
        for choice in (self.refuse, self.leave_out, self.blackout):
            layout.addWidget(choice)
        layout.addWidget(theme.label(FACES, "amber", wrap=True))
        across = QHBoxLayout()
        across.addStretch(1)
        self.cancel = theme.button("Cancel")
        self.to_zip = theme.button("To a ZIP…")
        self.to_folder = theme.button("To a folder…", "primary")
        for made in (self.cancel, self.to_zip, self.to_folder):
            across.addWidget(made)
        layout.addLayout(across)
        self.cancel.clicked.connect(self.reject)
        self.to_zip.clicked.connect(self.choose_zip)
        self.to_folder.clicked.connect(self.choose_folder)

    def choose_zip(self) -> None:
        """Ask for the archive's name and request the copy."""
        name, _ = QFileDialog.getSaveFileName(self, "Write to", f"{FOLDER_NAME}.zip", "ZIP archives (*.zip)")
        if name:
            self._request(Path(name if name.casefold().endswith(".zip") else f"{name}.zip"))

    def choose_folder(self) -> None:
        """Ask for a folder and request the copy in a new one within it."""
        chosen = QFileDialog.getExistingDirectory(self, "Write a new folder in")
        if chosen:
            self._request(free_name(Path(chosen)))

    def _request(self, out: Path) -> None:
        retain = frozenset(name for name, box in self.retain.items() if box.isChecked())
        self.accept()
        blackout = self._rectangles if self.blackout.isChecked() else ()
        self._session.copy_requested.emit(CopyOrder(out, retain, self.leave_out.isChecked(), blackout))


def drawn_rectangles(session: Session) -> tuple[tuple[int, int, int, int], ...]:
    """The rectangles measured on slices of the open series: column and row of the first pixel, width, height.

    A pixel that a rectangle only touches belongs to it. What lies beside the image is left out.
    """
    series = session.series
    if series is None or not series.slices:
        return ()
    rows, columns = series.slices[0].rows, series.slices[0].columns
    found = []
    for measure in session.document.measures:
        if measure.kind is Kind.RECTANGLE and isinstance(measure.plane, SlicePlane):
            xs, ys = zip(*measure.points, strict=True)
            left, top = max(math.floor(min(xs)), 0), max(math.floor(min(ys)), 0)
            right, bottom = min(math.ceil(max(xs)), columns), min(math.ceil(max(ys)), rows)
            if right > left and bottom > top:
                found.append((left, top, right - left, bottom - top))
    return tuple(dict.fromkeys(found))


def _blackout_text(count: int) -> str:
    if not count:
        return "Black it out (measure rectangles over the text first)"
    return f"Black out the {f'{count} rectangles' if count > 1 else 'rectangle'} drawn on this series"


def free_name(folder: Path) -> Path:
    """A path in `folder` where nothing is yet."""
    path, number = folder / FOLDER_NAME, 1
    while path.exists():
        number += 1
        path = folder / f"{FOLDER_NAME}-{number}"
    return path
