"""The about box: name, version, purpose, the model's card, and the licences of everything, in full and offline."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QStackedWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

import viewer
from viewer.licences import Component
from viewer.resources import assets_dir, data_dir
from viewer.session import Notice, Session
from viewer.ui import theme

PURPOSE = "A desktop reader for head CT with a hemorrhage model on board. Everything runs on this machine."
RESEARCH = "Research use only — not for diagnosis. The model suspects; it does not diagnose."
OURS = "Licence: Apache 2.0. Made with the open software below; each part keeps its own licence."
CARD = "card.md"
NO_CARD = "This version of the model has no card."
READING = "The licences are being read …"


def model_card(model_id: str) -> str:
    """The card of a version in Markdown, bundled or the user's own; empty where it has none."""
    if not model_id or any(sign in model_id for sign in "/\\") or model_id in (".", ".."):
        return ""
    for folder in (assets_dir() / "models", data_dir() / "models"):
        path = folder / model_id / CARD
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
    return ""


class AboutDialog(QDialog):
    """Asks for the licences, which come a moment later."""

    def __init__(self, parent: QWidget, session: Session) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("About Pterion")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(min(860, parent.width() - 60), min(640, parent.height() - 60))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(8)
        layout.addWidget(theme.label(f"Pterion {viewer.__version__}", "title"))
        for text, role in ((PURPOSE, ""), (RESEARCH, "amber"), (OURS, "quiet")):
            layout.addWidget(theme.label(text, role, wrap=True))
        layout.addSpacing(4)
        layout.addLayout(self._make_choice())
        self.stack = QStackedWidget()
        self.stack.addWidget(self._make_licences())
        self.card = QTextBrowser()
        self.card.setAccessibleName("Card of the model")
        self.card.setOpenLinks(False)
        self.card.setMarkdown(model_card(session.model_id) or NO_CARD)
        self.stack.addWidget(self.card)
        layout.addWidget(self.stack, 1)
        layout.addLayout(self._make_bottom())
        session.licences_changed.connect(self._show)
        self._show(session.licences)
        session.licences_requested.emit()

    def _make_choice(self) -> QHBoxLayout:
        across = QHBoxLayout()
        across.setSpacing(6)
        self.show_licences = theme.button("Licences")
        self.show_card = theme.button(f"Card of the model {self._session.model_id}".strip())
        for number, made in enumerate((self.show_licences, self.show_card)):
            made.setCheckable(True)
            made.setAutoExclusive(True)
            made.setAutoDefault(False)
            made.setProperty("role", "choice")
            made.clicked.connect(lambda _=False, number=number: self.stack.setCurrentIndex(number))
            across.addWidget(made)
        self.show_licences.setChecked(True)
        across.addStretch(1)
        return across

    def _make_licences(self) -> QWidget:
        both = QWidget()
        across = QHBoxLayout(both)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(10)
        self.list = QListWidget()
        self.list.setProperty("role", "rows")
        self.list.setAccessibleName("Parts of the program")
        self.list.setFixedWidth(theme.scaled(250))
        self.list.currentRowChanged.connect(self._show_text)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName("Text of the licence")
        across.addWidget(self.list)
        across.addWidget(self.text, 1)
        return both

    def _make_bottom(self) -> QHBoxLayout:
        across = QHBoxLayout()
        self.diagnostics = theme.button("Copy diagnostics")
        self.diagnostics.setToolTip("Versions, machine, sizes and the last errors; no patient and no path")
        self.diagnostics.clicked.connect(self._session.diagnostics_requested)
        self.copied = theme.label("", "small")
        self._session.noticed.connect(self._tell)
        close = theme.button("Close", "primary")
        close.clicked.connect(self.close)
        across.addWidget(self.diagnostics)
        across.addWidget(self.copied, 1)
        across.addWidget(close)
        for made in (self.diagnostics, close):
            made.setAutoDefault(False)
        return across

    def _tell(self, notice: Notice) -> None:
        self.copied.setText(notice.title)

    def _show(self, licences: tuple[Component, ...]) -> None:
        self.list.clear()
        for each in licences:
            item = QListWidgetItem(f"{each.name} {each.version}")
            item.setToolTip(each.licence)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{each.name} {each.version}, {each.licence}")
            self.list.addItem(item)
        self.text.setPlainText("" if licences else READING)
        self.list.setCurrentRow(0)

    def _show_text(self, row: int) -> None:
        if 0 <= row < len(self._session.licences):
            chosen = self._session.licences[row]
            self.text.setPlainText(f"{chosen.licence}\n\n{chosen.text}")
