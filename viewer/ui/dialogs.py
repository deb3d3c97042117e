"""The password of an archive."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from viewer.ui import theme


def _dialog(parent: QWidget, title: str) -> tuple[QDialog, QVBoxLayout]:
    made = QDialog(parent)
    made.setWindowTitle(title)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    layout = QVBoxLayout(made)
    layout.setContentsMargins(24, 20, 24, 20)
    layout.setSpacing(12)
    return made, layout


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
