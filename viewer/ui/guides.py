"""Crosshair and reference lines over the picture of a viewport."""

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from viewer.imaging.guides import crossing
from viewer.imaging.linking import shifted
from viewer.imaging.placement import Placement
from viewer.imaging.sections import Section
from viewer.panes import Panes
from viewer.ui import theme

ARM_PX, GAP_PX = 18.0, 5.0
NEAR_STOPS = 0.75
"""A crosshair further off the picture than this, in stops, is drawn faintly."""


class Guides:
    """Paints where the active viewport cuts this one, and the place that is marked."""

    def __init__(self, panes: Panes, number: int) -> None:
        self._panes, self._number = panes, number

    def paint(self, painter: QPainter, section: Section, placement: Placement) -> None:
        """Paint both, as far as they are to be seen."""
        if self._panes.reference_lines and self._number != self._panes.active:
            self._paint_line(painter, section, placement)
        if self._panes.crosshair is not None:
            self._paint_cross(painter, section, placement)

    def _paint_line(self, painter: QPainter, section: Section, placement: Placement) -> None:
        panes = self._panes
        its = panes.section(panes.active)
        if its is None or its is section:
            return
        shift = panes.shift(panes.active, self._number) or (0.0, 0.0, 0.0)
        stop, its_stop = panes.panes[self._number].stop, panes.panes[panes.active].stop
        segment = crossing(section, stop, its, its_stop, shift)
        if segment is not None:
            ends = [QPointF(*placement.to_screen(point)) for point in segment]
            colour = QColor(theme.ACCENT)
            colour.setAlphaF(0.75)
            painter.setPen(QPen(colour, 1))
            painter.drawLine(QLineF(*ends))

    def _paint_cross(self, painter: QPainter, section: Section, placement: Placement) -> None:
        panes = self._panes
        assert panes.crosshair is not None
        place = shifted(panes.crosshair, panes.offset(self._number))
        point = section.image_point(place)
        if point is None:
            return
        near = abs(point[0] - panes.panes[self._number].stop) <= NEAR_STOPS
        colour = QColor(theme.AMBER)
        colour.setAlphaF(0.95 if near else 0.35)
        painter.setPen(QPen(colour, 1, Qt.PenStyle.SolidLine))
        x, y = placement.to_screen((point[1], point[2]))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            start = QPointF(x + GAP_PX * dx, y + GAP_PX * dy)
            painter.drawLine(start, QPointF(x + ARM_PX * dx, y + ARM_PX * dy))
