"""One suspected region in the Findings tab: what, where, how large; accept, edit, dismiss."""

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QIcon, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QInputDialog, QMenu, QPushButton, QWidget

from model.labels import BY_CODE
from viewer.findings.region import Region
from viewer.findings.verdict import REASONS, Decision, Verdict
from viewer.ui import theme

BUTTON = 22
INSET = 6
GAP = 8
OTHER = REASONS[-1]


def millilitres(volume: float) -> str:
    """`1.5 mL`; from 100 mL on without a decimal."""
    return f"{volume:.0f} mL" if volume >= 100 else f"{volume:.1f} mL"


def slice_range(first: int, last: int) -> str:
    """`17–27`, or `17`; slices are given from 0 and shown from 1."""
    return str(first + 1) if first == last else f"{first + 1}–{last + 1}"


class RegionRow(QWidget):
    """A suspected region; a click goes to its most suspicious slice.

    known: whether the region can be decided about: it is measured, not a run of slices on the way.
    """

    clicked = Signal(int)
    accept_clicked = Signal()
    edit_clicked = Signal()
    dismissed = Signal(str)
    reopen_clicked = Signal()

    def __init__(
        self,
        region: Region,
        volume: str,
        verdict: Verdict | None = None,
        *,
        known: bool = False,
        icon: Callable[[str], QIcon] = lambda name: theme.icon(name, theme.QUIET),
    ) -> None:
        """icon: an icon of `assets/icons` by its name; a list of rows draws each but once."""
        super().__init__()
        self._icon = icon
        self.region, self.verdict = region, verdict
        self._volume = volume
        self.current = False
        theme.hold(self, height=42)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        name = BY_CODE[region.code].name if region.code in BY_CODE else ""
        self.text = f"{region.code} · {region.where or name}" if name else "Subtype unclear"
        if not name and region.where:
            self.text += f" · {region.where}"
        self.detail = self._describe()
        self._add_buttons(known=known)
        said = f"{self.text}, {volume}, {self.detail}"
        self.setAccessibleName(said)
        by = " Side, place and thickness are estimated from its position." if region.where else ""
        self.setToolTip(f"Suspected {said}: go to slice {region.peak + 1}.{by}")

    def _describe(self) -> str:
        region, verdict = self.region, self.verdict
        plural = "slice" if region.first == region.last else "slices"
        parts = [f"{plural} {slice_range(region.first, region.last)}"]
        if verdict is not None and verdict.decision is Decision.DISMISSED:
            parts.append(f"dismissed: {verdict.reason.lower()}" if verdict.reason else "dismissed")
        elif verdict is not None:
            parts.append("accepted")
        else:
            if region.thickness is not None:
                parts.append(f"{region.thickness.mm:.0f} mm thick")
            parts.append(f"{region.score:.2f}")
        return " · ".join(parts)

    def _add_buttons(self, *, known: bool) -> None:
        self.buttons: list[QPushButton] = []
        if not known:
            return
        if self.verdict is not None:
            self.reopen = self._button("undo", "Take the verdict back")
            self.reopen.clicked.connect(self.reopen_clicked)
            return
        self.accept = self._button("check", "Accept: make it annotations")
        self.edit = self._button("pencil", "Accept and edit its outline")
        self.dismiss = self._button("close", "Dismiss, with a reason")
        self.accept.clicked.connect(self.accept_clicked)
        self.edit.clicked.connect(self.edit_clicked)
        self.dismiss.clicked.connect(self.ask_reason)
        for button in (self.accept, self.edit):
            button.setEnabled(bool(self.region.pixels))

    def _button(self, icon: str, tip: str) -> QPushButton:
        made = theme.button("", "icon")
        made.setParent(self)
        made.setIcon(self._icon(icon))
        made.setIconSize(QSize(13, 13))
        made.setToolTip(tip)
        made.setAccessibleName(f"{tip}: {self.text}")
        self.buttons.append(made)
        return made

    def ask_reason(self) -> None:
        """Let the reader choose why this is no bleed."""
        menu = QMenu(self)
        for reason in REASONS[:-1]:
            menu.addAction(reason).triggered.connect(lambda _=False, said=reason: self.dismissed.emit(said))
        menu.addSeparator()
        menu.addAction(f"{OTHER}…").triggered.connect(self._ask_other)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.mapToGlobal(QPoint(self.width() - 180, self.height())))

    def _ask_other(self) -> None:
        text, given = QInputDialog.getText(self, "Dismiss the region", "Why is this no bleed?")
        if given:
            self.dismissed.emit(text.strip()[:200] or OTHER)

    def set_current(self, *, current: bool) -> None:
        """Mark the row that the reader is at."""
        if current != self.current:
            self.current = current
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Two lines."""
        return QSize(200, theme.scaled(42))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The buttons stay at the right end of the second line."""
        left = self.width() - BUTTON * len(self.buttons) - 2
        for number, button in enumerate(self.buttons):
            button.setGeometry(left + number * BUTTON, self.height() // 2 - 2, BUTTON, self.height() // 2 + 1)
        super().resizeEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go to the most suspicious slice."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.region.peak)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Swatch, what and where, mL; below, slices and size or the verdict."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        region, half = self.region, self.height() / 2
        if self.underMouse() or self.current:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.ACCENT_DARK if self.current else theme.RAISED))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0, 1, 0, -1), 4, 4)
        gone = self.verdict is not None and self.verdict.decision is Decision.DISMISSED
        swatch = QColor(theme.subtype_colour(region.code) if region.code in BY_CODE else theme.AMBER)
        swatch.setAlphaF(0.35 if gone else 1.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(swatch)
        painter.drawRoundedRect(QRectF(INSET, half / 2 - 3, 10, 10), 3, 3)
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.setFont(theme.font())
        volume_width = QFontMetricsF(painter.font()).horizontalAdvance(self._volume)
        painter.setPen(QColor(theme.QUIET if gone else theme.TEXT))
        text_left = INSET + 18
        top = QRectF(text_left, 3, self.width() - text_left - volume_width - GAP - INSET, half - 1)
        painter.drawText(top, left, _elided(painter, self.text, top.width()))
        painter.drawText(
            QRectF(self.width() - volume_width - INSET, 3, volume_width, half - 1), right, self._volume
        )
        painter.setFont(theme.font(theme.LABEL_PX))
        accepted = self.verdict is not None and not gone
        painter.setPen(QColor(theme.GREEN if accepted else theme.QUIET))
        room = self.width() - text_left - INSET - BUTTON * len(self.buttons)
        below = QRectF(text_left, half - 1, room, half - 1)
        painter.drawText(below, left, _elided(painter, self.detail, below.width()))


def _elided(painter: QPainter, text: str, width: float) -> str:
    return QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, width)
