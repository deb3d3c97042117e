"""Words over an image: readable over bone and over air, and painted from memory while scrolling."""

import math

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter

KEPT, MOST_FONTS = 1024, 16
Placed = tuple[QPointF, QImage]
"""A line, rendered, and where it is drawn."""
_HALO = QColor(0, 0, 0, 200)
_AROUND = tuple((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y)
_PAD = 2


class Lettering:
    """One font's words with a dark halo, each rendered once for its colour and screen."""

    def __init__(self, font: QFont) -> None:
        self._font = font
        self._metrics = QFontMetricsF(font)
        self._words: dict[tuple[str, str, float], QImage] = {}
        self._older: dict[tuple[str, str, float], QImage] = {}  # those that were there when it was full last
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
            painter.drawImage(*self.placed(left, top, text, colour, painter.device().devicePixelRatioF()))

    def placed(self, left: float, top: float, text: str, colour: str, ratio: float) -> Placed:
        """A line whose upper left corner is at (left, top), for a screen of `ratio` pixels a logical one."""
        word = self._words.get((text, colour, ratio)) or self._remember(text, colour, ratio)
        return QPointF(round(left) - _PAD, round(top) - _PAD), word

    def _remember(self, text: str, colour: str, ratio: float) -> QImage:
        """Render a line, unless it was used not long ago. What is used again and again never has to be."""
        if len(self._words) >= KEPT:
            self._words, self._older = {}, self._words
        key = (text, colour, ratio)
        word = self._words[key] = self._older.get(key) or self._render(text, colour, ratio)
        return word

    def _render(self, text: str, colour: str, ratio: float) -> QImage:
        width, height = self.width(text) + 2 * _PAD + 2, self._metrics.height() + 2 * _PAD
        size = QSize(math.ceil(width * ratio), math.ceil(height * ratio))
        blank = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
        blank.setDevicePixelRatio(ratio)
        blank.fill(Qt.GlobalColor.transparent)
        shade, word = self._written(blank, text, _HALO), blank.copy()
        painter = QPainter(word)
        for x, y in _AROUND:  # a picture is painted again in less time than letters
            painter.drawImage(QPointF(x, y), shade)
        painter.drawImage(QPointF(0, 0), self._written(blank, text, QColor(colour)))
        painter.end()
        return word

    def _written(self, blank: QImage, text: str, colour: QColor) -> QImage:
        """A line in one colour alone."""
        written = blank.copy()
        painter = QPainter(written)
        painter.setFont(self._font)
        painter.setPen(colour)
        painter.drawText(QPointF(_PAD, _PAD + self._metrics.ascent()), text)
        painter.end()
        return written


_MADE: dict[str, Lettering] = {}


def lettering(font: QFont) -> Lettering:
    """The words of a font, which all who write with it share."""
    key = font.key()
    if key not in _MADE:
        if len(_MADE) >= MOST_FONTS:
            _MADE.clear()
        _MADE[key] = Lettering(font)
    return _MADE[key]
