"""Words over an image: readable over bone and over air, and painted from memory while scrolling."""

import math
from collections import OrderedDict

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPixmap

KEPT = 512
_HALO = QColor(0, 0, 0, 150)
_AROUND = ((-1, 0), (1, 0), (0, -1), (0, 1))
_PAD = 2


class Lettering:
    """One font's words with a dark halo, each rendered once for its colour and screen."""

    def __init__(self, font: QFont) -> None:
        self._font = font
        self._metrics = QFontMetricsF(font)
        self._words: OrderedDict[tuple[str, str, float], QPixmap] = OrderedDict()
        self._widths: dict[str, float] = {}

    @property
    def ascent(self) -> float:
        """Height above the baseline, px."""
        return self._metrics.ascent()

    def width(self, text: str) -> float:
        """Width of a line, px."""
        if text not in self._widths:
            if len(self._widths) >= KEPT:
                self._widths.clear()
            self._widths[text] = self._metrics.horizontalAdvance(text)
        return self._widths[text]

    def cut(self, text: str, room: float) -> str:
        """The line, ended with … where it is wider than `room`."""
        if self.width(text) <= room:
            return text
        return self._metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)

    def draw(self, painter: QPainter, left: float, top: float, text: str, colour: str) -> None:
        """Paint a line whose upper left corner is at (left, top)."""
        if text:
            painter.drawPixmap(
                QPointF(round(left) - _PAD, round(top) - _PAD), self._word(painter, text, colour)
            )

    def _word(self, painter: QPainter, text: str, colour: str) -> QPixmap:
        ratio = painter.device().devicePixelRatioF()
        key = (text, colour, ratio)
        if key in self._words:
            self._words.move_to_end(key)
            return self._words[key]
        pixmap = self._render(text, colour, ratio)
        self._words[key] = pixmap
        while len(self._words) > KEPT:
            self._words.popitem(last=False)
        return pixmap

    def _render(self, text: str, colour: str, ratio: float) -> QPixmap:
        width, height = self.width(text) + 2 * _PAD + 2, self._metrics.height() + 2 * _PAD
        pixmap = QPixmap(math.ceil(width * ratio), math.ceil(height * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        baseline = QPointF(_PAD, _PAD + self._metrics.ascent())
        painter = QPainter(pixmap)
        painter.setFont(self._font)
        painter.setPen(_HALO)
        for x, y in _AROUND:
            painter.drawText(baseline + QPointF(x, y), text)
        painter.setPen(QColor(colour))
        painter.drawText(baseline, text)
        painter.end()
        return pixmap
