"""The evidence map over its slice, and the thickest place of the region that the reader is at."""

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QTransform

from viewer.imaging.placement import Placement
from viewer.session import Session
from viewer.suspecting import Evidence
from viewer.ui import theme
from viewer.ui.viewport import Viewport

STRONGEST = 0.62
"""How much of the picture the map covers where the evidence is strongest."""
LEAST = 0.08
"""Evidence below this share of the strongest is not painted."""
_STOPS = ((0.0, (84, 58, 190)), (0.45, (214, 76, 150)), (1.0, (255, 214, 120)))


def heat(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    """Values 0 to 1 (rows, columns) as premultiplied ARGB pixels, uint32: violet over pink to yellow, clear at 0."""
    at = np.clip(values, 0, 1)
    alpha = np.where(at < LEAST, 0, STRONGEST * np.sqrt(at))
    places = [place for place, _ in _STOPS]
    channels = [np.interp(at, places, [colour[i] for _, colour in _STOPS]) * alpha for i in range(3)]
    red, green, blue = (np.rint(channel).astype(np.uint32) for channel in channels)
    return np.ascontiguousarray(np.rint(alpha * 255).astype(np.uint32) << 24 | red << 16 | green << 8 | blue)


class EvidenceLayer:
    """Paints on slices of the open series."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._made: tuple[Evidence, npt.NDArray[np.uint32], QImage] | None = None

    def paint(self, painter: QPainter, viewport: Viewport, placement: Placement) -> None:
        """Paint what belongs to the slice of the viewport."""
        self._paint_map(painter, viewport, placement)
        self._paint_thickness(painter, viewport, placement)

    def _paint_map(self, painter: QPainter, viewport: Viewport, placement: Placement) -> None:
        found = self._session.suspecting.evidence
        if found is None or found.values is None or found.index != viewport.slice_index:
            return
        if self._made is None or self._made[0] is not found:
            pixels = heat(found.values)
            rows, columns = pixels.shape
            form = QImage.Format.Format_ARGB32_Premultiplied
            self._made = (found, pixels, QImage(pixels.data, columns, rows, columns * 4, form))
        a, b, c, d, e, f = placement.matrix
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(QTransform(a, c, b, d, e, f))
        painter.drawImage(QPointF(0, 0), self._made[2])
        painter.resetTransform()

    def _paint_thickness(self, painter: QPainter, viewport: Viewport, placement: Placement) -> None:
        suspecting = self._session.suspecting
        if suspecting.current is None or not self._session.overlay or not viewport.pane.overlay:
            return
        if suspecting.current >= len(suspecting.found):
            return
        thick = suspecting.found[suspecting.current].thickness
        if thick is None or thick.index != viewport.slice_index:
            return
        start, end = (QPointF(*placement.to_screen(point)) for point in thick.ends)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.BRIGHT), 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(start, end)
        painter.setFont(theme.font(theme.LABEL_PX))
        painter.drawText(end + QPointF(6, 4), f"{thick.mm:.0f} mm · estimate")
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
