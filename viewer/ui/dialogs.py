"""Small dialogs: what keys and mouse do, what this program is, the password of an archive."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

import viewer
from viewer.ui import theme

KEYS = (
    ("Both modes", (
        ("Wheel, ↑ ↓", "scroll"),
        ("Home, End", "first, last slice"),
        ("Shift+↑ ↓", "ten slices"),
        ("1 … 7, 0", "windows: header (again: its next), brain, subdural, stroke, bone, soft tissue, fossa; auto"),
        ("8, 9", "windows of your own"),
        ("Right drag, click", "window and level; menu of the viewport"),
        ("Middle drag", "pan"),
        ("Ctrl+wheel", "zoom"),
        ("Space", "AI overlay on or off"),
        ("Tab", "next viewport"),
        ("F, double click", "one viewport alone"),
        ("Ctrl+1 … 5", "layouts Read, Single, 2 × 2, Compare, AI"),
        ("Drag a thumbnail", "show the series in that viewport alone"),
        ("Alt+1 … 5", "plane: as acquired, axial, coronal, sagittal, oblique"),
        ("Alt+← → ↑ ↓", "turn the plane by 5°"),
        ("Shift+B, Ctrl+[ ]", "slab: none, mean, MIP, MinIP; thinner, thicker"),
        ("Ctrl+L", "link or unlink the viewports"),
        ("Alt+wheel", "scroll one viewport alone; corrects how a prior is linked"),
        ("Ctrl+Shift+L", "align the viewport with the open series as it is now"),
        ("Shift+R, Shift+X", "reference lines; no crosshair"),
        ("Ctrl+0, Shift+Z", "fit; one pixel on one pixel"),
        ("N", "next suspected slice without an annotation"),
        ("Ctrl+Z, Ctrl+Shift+Z", "undo, redo"),
        ("Ctrl+K", "find any action by name"),
        ("K, Shift+K", "key image, bookmark"),
        ("Ctrl+↑ ↓", "previous, next key image or bookmark"),
        ("Ctrl+Shift+C", "copy the view as a picture"),
        ("Ctrl+Shift+H", "hide the patient's name, dates and numbers"),
        ("M", "Read or Annotate"),
        ("Esc", "back to scroll"),
    )),
    ("Read", (
        ("S W Z T", "left button: scroll, window, zoom, pan"),
        ("I, H, V, R, L", "invert, flip, flip, turn, turn back"),
        ("X", "crosshair: every viewport goes to the place"),
        ("C, [ ]", "cine: play or stop, slower, faster"),
        ("D, Shift+D, A", "length, bidirectional, angle"),
        ("O, Shift+O, B, Shift+F", "ellipse, rectangle, polygon, freehand region"),
        ("Shift+A", "HU probe"),
        ("Shift+M, Shift+V", "midline shift, ABC/2: step by step in the Measure tab"),
        ("Drag a grip or a line", "change a measure, move it"),
        ("Alt+click, Shift+click", "add a corner to a region, take one away"),
        ("Backspace, Esc, Delete", "take the last point back, cancel, delete the selected measure"),
    )),
    ("Annotate", (
        ("Q", "polygon"),
        ("E S A V P", "subtype: EDH, SDH, SAH, IVH, IPH"),
        ("Click, drag", "add points; the first point, a double click or Enter closes"),
        ("Alt+click on an edge", "insert a vertex"),
        ("Shift+click on a vertex", "delete it"),
        ("Ctrl+Enter", "mark the image as reviewed: no hemorrhage"),
        ("Backspace, Esc", "take the last point back, cancel"),
        ("Delete", "delete the selected polygon"),
    )),
)  # fmt: skip


def _dialog(parent: QWidget, title: str) -> tuple[QDialog, QVBoxLayout]:
    made = QDialog(parent)
    made.setWindowTitle(title)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    layout = QVBoxLayout(made)
    layout.setContentsMargins(24, 20, 24, 20)
    layout.setSpacing(12)
    return made, layout


def _finish(dialog: QDialog, layout: QVBoxLayout) -> QDialog:
    across = QHBoxLayout()
    across.addStretch(1)
    close = theme.button("Close", "primary")
    close.clicked.connect(dialog.close)
    across.addWidget(close)
    layout.addLayout(across)
    dialog.open()
    return dialog


def keys(parent: QWidget) -> QDialog:
    """Show what keys and mouse do."""
    dialog, layout = _dialog(parent, "Keys and mouse")
    body = QWidget()
    grid = QGridLayout(body)
    grid.setContentsMargins(0, 0, 12, 0)
    grid.setHorizontalSpacing(20)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    for title, lines in KEYS:
        grid.addWidget(theme.heading(title), grid.rowCount(), 0, 1, 2)
        for key, meaning in lines:
            row = grid.rowCount()
            grid.addWidget(theme.label(key, "key"), row, 0, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(theme.label(meaning, wrap=True), row, 1)
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(body)
    layout.addWidget(scroll)
    dialog.resize(680, min(760, parent.height() - 80))
    return _finish(dialog, layout)


def password(parent: QWidget, name: str, answered: Callable[[str | None], None], *, wrong: bool) -> QDialog:
    """Ask for the password of an archive; `answered` gets it, or None."""
    dialog, layout = _dialog(parent, "Protected archive")
    says = "That password does not open it. Try another." if wrong else "Its password is needed to open it."
    layout.addWidget(theme.label(f"{name} is protected.", "strong", wrap=True))
    layout.addWidget(theme.label(says, "amber" if wrong else "", wrap=True))
    field = QLineEdit()
    field.setEchoMode(QLineEdit.EchoMode.Password)
    field.setAccessibleName("Password")
    layout.addWidget(field)
    across = QHBoxLayout()
    across.addStretch(1)
    cancel, accept = theme.button("Cancel"), theme.button("Open", "primary")
    for made in (cancel, accept):
        across.addWidget(made)
    layout.addLayout(across)
    cancel.clicked.connect(dialog.reject)
    accept.clicked.connect(dialog.accept)
    field.returnPressed.connect(dialog.accept)
    dialog.accepted.connect(lambda: answered(field.text()))
    dialog.rejected.connect(lambda: answered(None))
    dialog.setMinimumWidth(380)
    dialog.open()
    field.setFocus()
    return dialog


def about(parent: QWidget) -> QDialog:
    """Show name, version, purpose and licences."""
    dialog, layout = _dialog(parent, "About Pterion")
    layout.addWidget(theme.label(f"Pterion {getattr(viewer, '__version__', '')}".strip(), "title"))
    for text, role in (
        (
            "A desktop reader for head CT with a hemorrhage model on board. Everything runs on this machine.",
            "",
        ),
        ("Research use only — not for diagnosis. The model suspects; it does not diagnose.", "amber"),
        ("Licence: Apache 2.0. Typeface: Inter, SIL Open Font License 1.1.", "quiet"),
    ):
        layout.addWidget(theme.label(text, role, wrap=True))
    dialog.setFixedWidth(460)
    return _finish(dialog, layout)
