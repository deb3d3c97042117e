"""One subtype in the Findings tab: code, bar with its operating point, score, mL, regions and slices; an eye."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QMenu, QWidget

from model.labels import Subtype
from viewer.ui import theme

CODE, EYE, VOLUME, SCORE = 40, 24, 64, 34
"""Widths of the columns beside the bar, px."""
OPACITIES = (0.25, 0.5, 0.75, 1.0)


class ScoreRow(QWidget):
    """score: 0 to 1, None where nothing is known. threshold: the operating point. volume, detail: texts."""

    shown_changed = Signal(bool)
    opacity_chosen = Signal(float)

    def __init__(self, subtype: Subtype) -> None:
        super().__init__()
        self._subtype = subtype
        self.score: float | None = None
        self.threshold = 0.5
        self.volume = ""
        self.detail = ""
        self.eye = theme.button("", "icon")
        self.eye.setParent(self)
        self.eye.setCheckable(True)
        self.eye.setChecked(True)
        self.eye.setIconSize(QSize(14, 14))
        self.eye.clicked.connect(self.shown_changed)
        self.setAccessibleName(subtype.name)
        self._shown: tuple[bool, bool] | None = None
        self._facts: object = None
        self.show_mask(shown=True)
        self._fit()

    def show_score(
        self, score: float | None, tick: float, volume: str, detail: str = "", doubt: str = ""
    ) -> None:
        """Show a score in 0 to 1 (None: nothing known), its operating point, the volume, and a second line."""
        self.score, self.threshold, self.volume, self.detail = score, tick, volume, detail
        facts = (score, tick, volume, detail, doubt)
        if facts == self._facts:
            return
        self._facts = facts
        said = "not scored" if score is None else f"{score:.2f}, suspected from {tick:.2f}"
        lines = [f"{self._subtype.name.capitalize()} hemorrhage: {said}", detail, doubt]
        self.setToolTip("\n".join(line for line in lines if line))
        self.setAccessibleDescription(", ".join(part for part in (said, volume, detail) if part))
        self._fit()
        self.update()

    def show_mask(self, *, shown: bool, below: bool = False) -> None:
        """Say whether the masks of the subtype are painted; `below`: it lies below its operating point."""
        self.eye.setChecked(shown)
        if (shown, below) == self._shown:
            return
        self._shown = shown, below
        self.eye.setIcon(theme.icon("eye" if shown else "eye-off", theme.TEXT if shown else theme.QUIET))
        name = f"{self._subtype.code} in the overlay"
        if below:
            name = f"{self._subtype.code}, below its operating point, as an outline"
        self.eye.setToolTip(f"Hide {name}" if shown else f"Show {name}")
        self.eye.setAccessibleName(f"{name}: {'shown' if shown else 'hidden'}")

    def renew(self) -> None:
        """Fit and paint anew: text size or colours have changed."""
        shown, self._shown = self._shown, None
        self.show_mask(shown=bool(shown and shown[0]), below=bool(shown and shown[1]))
        self._fit()
        self.update()

    def _fit(self) -> None:
        theme.hold(self, height=38 if self.detail else 22)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The eye stays at the right end of the first line."""
        self.eye.setGeometry(self.width() - EYE + 2, 0, EYE - 2, theme.scaled(22))
        super().resizeEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """How strongly the masks of this subtype are painted."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for share in OPACITIES:
            action = menu.addAction(f"{self._subtype.code} overlay at {share:.0%}")
            action.triggered.connect(lambda _=False, chosen=share: self.opacity_chosen.emit(chosen))
        menu.popup(event.globalPos())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Paint the row."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line, code = theme.scaled(22), theme.scaled(CODE)
        score_width, volume_width = theme.scaled(SCORE), theme.scaled(VOLUME)
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        colour = QColor(theme.subtype_colour(self._subtype.code))
        painter.setFont(theme.font(weight=600))
        painter.setPen(colour)
        painter.drawText(QRectF(0, 0, code, line), left, self._subtype.code)
        end = self.width() - EYE - volume_width - score_width
        bar = QRectF(code, line / 2 - 4, max(end - code - 8, 30), 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.HAIRLINE))
        painter.drawRoundedRect(bar, 4, 4)
        painter.setFont(theme.font())
        if self.score is not None:
            painter.setBrush(colour)
            width = max(bar.width() * min(self.score, 1.0), 5)
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), width, bar.height()), min(4, width / 2), 4)
            tick = bar.left() + bar.width() * self.threshold
            painter.fillRect(QRectF(tick - 1, bar.top() - 1, 2, bar.height() + 2), QColor(theme.BRIGHT))
        over = self.score is not None and self.score >= self.threshold
        painter.setPen(QColor(theme.TEXT if over else theme.QUIET))
        value = "–" if self.score is None else f"{self.score:.2f}"
        painter.drawText(QRectF(end, 0, score_width, line), left, value)
        painter.drawText(QRectF(end + score_width, 0, volume_width, line), right, self.volume or "–")
        if self.detail:
            painter.setFont(theme.font(theme.LABEL_PX))
            painter.setPen(QColor(theme.QUIET))
            painter.drawText(QRectF(code, line - 3, self.width() - code, line - 4), left, self.detail)
