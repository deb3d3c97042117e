"""Cards that say what went wrong, where, and what to do. Never modal; warnings and errors stay until dismissed."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from viewer.session import Notice, Session
from viewer.ui import theme

INFO_MS = 8000
MOST_SHOWN = 30


class NoticeCard(QFrame):
    """One notice with its own dismiss button."""

    dismissed = Signal()

    def __init__(self, notice: Notice) -> None:
        super().__init__()
        self.notice = notice
        self.setProperty("role", notice.level if notice.level in ("error", "warning") else "info")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 8, 4, 8)
        layout.setSpacing(4)
        text = QVBoxLayout()
        text.setSpacing(2)
        self.title = theme.label(notice.title, "strong", wrap=True)
        self.text = theme.label(notice.text, "quiet", wrap=True)
        text.addWidget(self.title)
        text.addWidget(self.text)
        layout.addLayout(text, 1)
        self.close_button = theme.button("", "icon")
        self.close_button.setIcon(theme.icon("close", theme.QUIET))
        self.close_button.setFixedSize(22, 22)
        self.close_button.setAccessibleName("Dismiss")
        self.close_button.clicked.connect(self.dismissed)
        column = QVBoxLayout()
        column.addWidget(self.close_button)
        column.addStretch(1)
        layout.addLayout(column)
        self.setAccessibleName(f"{notice.level}: {notice.title}")

    def show_text(self, *, hidden: bool) -> None:
        """Show what may be seen; `hidden` while nobody shall see who the patient is."""
        self.text.setText(self.notice.discreet or self.notice.text if hidden else self.notice.text)


class Notices(QWidget):
    """The newest notice on top. The same notice twice is one card."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.cards: list[NoticeCard] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._scroll = QScrollArea()
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        layout.addWidget(self._scroll)
        self._body = QWidget()
        self._column = QVBoxLayout(self._body)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addStretch(1)
        self._scroll.setWidget(self._body)
        self.setVisible(False)
        self._session = session
        session.noticed.connect(self.add)
        session.patient_hidden_changed.connect(self._patient_hidden)

    def add(self, notice: Notice) -> None:
        """Show a notice above the others."""
        for card in [card for card in self.cards if card.notice == notice]:
            self._remove(card)
        card = NoticeCard(notice)
        card.show_text(hidden=self._session.patient_hidden)
        card.dismissed.connect(lambda: self._remove(card))
        self.cards.insert(0, card)
        self._column.insertWidget(0, card)
        if notice.level == "info":
            QTimer.singleShot(INFO_MS, card, card.dismissed.emit)
        for old in self.cards[MOST_SHOWN:]:
            self._remove(old)
        self._fit()

    def _patient_hidden(self, hidden: bool) -> None:
        for card in self.cards:
            card.show_text(hidden=hidden)
        self._fit()

    def _remove(self, card: NoticeCard) -> None:
        if card in self.cards:
            self.cards.remove(card)
            self._column.removeWidget(card)
            card.setParent(None)
            card.deleteLater()
            self._fit()

    def _fit(self) -> None:
        """As high as the cards need, up to a third of the window; then they scroll."""
        self.setVisible(bool(self.cards))
        width = max(self.width(), theme.RIGHT_WIDTH - 25)
        width -= (
            self._scroll.verticalScrollBar().sizeHint().width()
        )  # once there it stays, and lines break earlier
        needed = sum(card.heightForWidth(width) + 4 for card in self.cards)
        room = self.window().height() // 3
        self.setFixedHeight(max(min(needed, room), 40))
