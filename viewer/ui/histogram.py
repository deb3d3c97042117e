"""The histogram of a region of interest as a small picture."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from viewer.measures.regions import Statistics
from viewer.ui import theme

HEIGHT, FOOT = 64, 16


class HistogramView(QWidget):
    """Bars of the bins of a region, its mean as a line, its ends in HU below."""

    def __init__(self) -> None:
        super().__init__()
        self.statistics: Statistics | None = None
        self.setFixedHeight(HEIGHT)
        self.setAccessibleName("Histogram")

    def show_statistics(self, statistics: Statistics | None) -> None:
        """Show the bins of a region; nothing is hidden away."""
        self.statistics = statistics
        self.setVisible(statistics is not None)
        if statistics is not None:
            low, high = statistics.minimum, statistics.maximum
            self.setToolTip(
                f"{statistics.count} pixels from {low} to {high} HU in bins of {statistics.histogram.width} HU"
            )
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as the panel."""
        return QSize(200, HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Bars, the mean, the ends."""
        if self.statistics is None:
            return
        histogram = self.statistics.histogram
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.ACCENT))
        width, height = self.width() / len(histogram.counts), HEIGHT - FOOT
        most = max(histogram.counts)
        for place, count in enumerate(histogram.counts):
            bar = count / most * (height - 2)
            painter.drawRect(QRectF(place * width, height - bar, max(width - 1, 1), bar))
        span = histogram.width * len(histogram.counts)
        mean = (self.statistics.mean - histogram.first) / span * self.width()
        painter.setPen(QPen(QColor(theme.AMBER), 1))
        painter.drawLine(QPointF(mean, 0), QPointF(mean, height))
        painter.setPen(QColor(theme.QUIET))
        painter.setFont(theme.font(theme.LABEL_PX))
        room = QRectF(0, height, self.width(), FOOT)
        for side, number in (
            (Qt.AlignmentFlag.AlignLeft, self.statistics.minimum),
            (Qt.AlignmentFlag.AlignRight, self.statistics.maximum),
        ):
            words = f"{number} HU".replace("-", "\N{MINUS SIGN}")
            painter.drawText(room, side | Qt.AlignmentFlag.AlignBottom, words)
        painter.end()
