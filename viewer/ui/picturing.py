"""Pictures of a viewport as it stands in the window, painted where nobody sees it: any slice, with or without the
patient, with the research banner."""

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QWidget

from viewer.imaging.layouts import SINGLE
from viewer.imaging.windows import Window
from viewer.measures.readings import Readings
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.annotate import PolygonLayer
from viewer.ui.measure_layer import MeasureLayer
from viewer.ui.picture import Overlays
from viewer.ui.viewport import Viewport

BANNER = "Pterion · Research use only, not for diagnosis"
BANNER_PX, FRAME_PX = 24, 2
LEAST_PX = 320
"""Smaller viewports are painted at least so large, so that their words have room."""


class Studio:
    """A viewport that nobody sees. It shows what viewport `number` of a session shows, at `size`.

    patient: write who the patient is, and when the study was. Later changes of the session do not reach it.
    """

    def __init__(self, session: Session, number: int, size: QSize, *, patient: bool = False) -> None:
        self._session = twin(session, number, patient=patient)
        self._host = QWidget()
        self._viewport = Viewport(self._session, 0, Overlays(self._session), self._host)
        measures = MeasureLayer(self._session, Readings())
        self._viewport.layers = [PolygonLayer(self._session), measures]
        self._viewport.cut_layers = [measures]
        self._viewport.large = True
        self._viewport.resize(size.expandedTo(QSize(LEAST_PX, LEAST_PX)))

    @property
    def count(self) -> int:
        """How many pictures the viewport scrolls through."""
        section = self._session.panes.section(0)
        return section.count if section is not None else 0

    def go_to(self, stop: int) -> None:
        """Show another picture of those it scrolls through."""
        self._session.panes.scroll_to(0, stop)

    def go_to_slice(self, index: int) -> None:
        """Show a slice of the open series."""
        self._session.set_slice_index(index)

    def set_window(self, window: Window) -> None:
        """Show it through another window."""
        self._session.panes.set_window(0, window)

    def image(self, ratio: float = 1.0) -> QImage:
        """The picture now, the banner below it; `ratio`: pixels of the image for each of the screen's."""
        width, height = (side - 2 * FRAME_PX for side in (self._viewport.width(), self._viewport.height()))
        image = QImage(round(width * ratio), round((height + BANNER_PX) * ratio), QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        image.fill(QColor(theme.IMAGE))
        painter = QPainter(image)
        self._viewport.render(painter, QPoint(-FRAME_PX, -FRAME_PX))
        painter.fillRect(QRectF(0, height, width, BANNER_PX), QColor(theme.IMAGE))
        painter.setFont(theme.font(12, 500))
        painter.setPen(QColor(theme.AMBER))
        room = QRectF(0, height, width, BANNER_PX)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, BANNER)
        painter.end()
        return image

    def pixels(self, ratio: float = 1.0) -> npt.NDArray[np.uint8]:
        """`image` as uint8 (rows, columns, 3), red first; an array of its own."""
        return pixels_of(self.image(ratio))

    def close(self) -> None:
        """Let go of the volume."""
        self._session.set_volume(None)
        self._host.deleteLater()


def pixels_of(image: QImage) -> npt.NDArray[np.uint8]:
    """An image as uint8 (rows, columns, 3), red first; an array of its own."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return flat[:, : plain.width() * 3].reshape(plain.height(), plain.width(), 3).copy()


def twin(session: Session, number: int, *, patient: bool) -> Session:
    """Another session whose only viewport shows what viewport `number` shows."""
    made = Session()
    made.patient_hidden = not patient
    made.studies, made.study = session.studies, session.study
    made.document, made.overlay = session.document, session.overlay
    made.beside = dict(session.beside)
    pane, panes = session.panes.panes[number], session.panes
    made.set_volume(session.volume)
    made.slice_errors = dict(session.slice_errors)
    made.findings = session.findings
    made.suspecting.suspected = session.suspecting.suspected
    made.suspecting.style = session.suspecting.style
    made.panes.set_layout(SINGLE)
    shown = panes.volume(number)
    if pane.series is not None and shown is not None:
        made.panes.add_volume(shown)
        made.panes.show_series(0, pane.series)
    made.panes.set_plane(0, pane.plane, pane.facing)
    made.panes.set_slab(0, pane.slab)
    made.panes.set_overlay(0, pane.overlay)
    made.panes.set_window(0, pane.window, header=pane.header)
    made.panes.set_view(0, pane.view)
    made.set_slice_index(session.slice_index)
    made.panes.scroll_to(0, pane.stop)
    return made
