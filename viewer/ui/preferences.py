"""The dialog of preferences: pages at the left, everything takes effect at once, Cancel takes it all back."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QStackedWidget, QVBoxLayout, QWidget

from viewer.session import Session
from viewer.ui import theme
from viewer.ui.preferences_keys import KeysPage
from viewer.ui.preferences_mouse import MousePage
from viewer.ui.preferences_pages import AppearancePage, DataPage, ModelPage
from viewer.ui.preferences_windows import WindowsPage

PAGES: tuple[tuple[str, Callable[[Session], QWidget]], ...] = (
    ("Keys", KeysPage),
    ("Mouse", MousePage),
    ("Windows", WindowsPage),
    ("Appearance", AppearancePage),
    ("Model", ModelPage),
    ("Privacy and data", DataPage),
)
WIDE_PX, HIGH_PX, AROUND_PX = 860, 620, 40


class PreferencesDialog(QDialog):
    """What the reader prefers. Esc and Cancel take back everything since it was opened."""

    def __init__(self, parent: QWidget, session: Session) -> None:
        super().__init__(parent)
        self._session, self._window = session, parent
        self._before = (session.preferences, session.own_windows, session.patient_hidden)
        self.setWindowTitle("Preferences")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._fit()
        session.preferences_changed.connect(self._fit)
        self.list = QListWidget()
        self.list.setAccessibleName("Pages of preferences")
        self.list.setProperty("role", "rows")
        theme.hold(self.list, width=150)
        self.stack = QStackedWidget()
        self.pages = [make(session) for _, make in PAGES]
        for (name, _), page in zip(PAGES, self.pages, strict=True):
            self.list.addItem(name)
            page.setAccessibleName(name)
            self.stack.addWidget(page)
        self.list.currentRowChanged.connect(self.stack.setCurrentIndex)
        self.list.setCurrentRow(0)
        across = QHBoxLayout()
        across.setSpacing(20)
        across.addWidget(self.list)
        across.addWidget(self.stack, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 20, 16)
        layout.setSpacing(12)
        layout.addLayout(across, 1)
        layout.addLayout(self._make_bottom())
        self.list.setFocus()

    def _make_bottom(self) -> QHBoxLayout:
        across = QHBoxLayout()
        across.addWidget(theme.label("Changes take effect at once.", "small"), 1)
        self.cancel, self.done_button = theme.button("Cancel"), theme.button("Done", "primary")
        self.cancel.setToolTip("Take back everything since this was opened")
        for made in (self.cancel, self.done_button):
            made.setAutoDefault(False)
            across.addWidget(made)
        self.cancel.clicked.connect(self.reject)
        self.done_button.clicked.connect(self.accept)
        return across

    def _fit(self, _: object = None) -> None:
        """As large as the text asks for and the window allows."""
        room = self._window.size()
        self.resize(
            min(theme.scaled(WIDE_PX), room.width() - AROUND_PX),
            min(theme.scaled(HIGH_PX), room.height() - AROUND_PX),
        )

    def show_page(self, name: str) -> None:
        """Turn to a page."""
        self.list.setCurrentRow([page for page, _ in PAGES].index(name))

    def reject(self) -> None:
        """Put everything back as it was."""
        preferences, windows, hidden = self._before
        self._session.set_preferences(preferences)
        self._session.set_own_windows(windows)
        self._session.set_patient_hidden(hidden)
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """The window's own cross keeps the changes: they are in effect already."""
        self.accept()
        event.accept()
