"""The reader's annotations where the slices they were drawn on are cut across: the rim of what they enclose."""

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage, QPainter, QTransform

from viewer.annotation.document import Annotation, Document
from viewer.annotation.raster import slice_labels
from viewer.dicom.volume import Volume
from viewer.imaging.placement import Placement
from viewer.imaging.render import OPAQUE, overlay_of
from viewer.imaging.sections import Section
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.viewport import Viewport


class CutOutlines:
    """Paints them in the colours of their subtypes. What was drawn is rasterised once a slice."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._volume: Volume | None = None
        self._document: Document | None = None
        self._marks: npt.NDArray[np.uint8] = np.zeros((0, 0, 0), np.uint8)
        self._drawn: dict[int, tuple[Annotation, ...]] = {}
        self._made: dict[int, tuple[tuple[object, ...], QImage | None]] = {}  # by viewport

    def paint(self, painter: QPainter, viewport: Viewport, placement: Placement) -> None:
        """Paint what the picture of a viewport cuts; other series have no annotations here."""
        session, section = self._session, viewport.section
        if section is None or session.volume is None or viewport.volume is not session.volume:
            return
        self._follow(session.volume, session.document)
        if not self._drawn:
            return
        image = self._image(viewport.number, section, viewport.pane.stop)
        if image is not None:
            a, b, c, d, e, f = placement.matrix
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.setTransform(QTransform(a, c, b, d, e, f))
            painter.drawImage(QPointF(0, 0), image)
            painter.resetTransform()

    def _follow(self, volume: Volume, document: Document) -> None:
        """Rasterise the slices whose annotations changed."""
        if volume is self._volume and document is self._document:
            return
        if volume is not self._volume:
            self._marks, self._drawn = np.zeros(volume.hu.shape, np.uint8), {}
        self._volume, self._document = volume, document
        self._made.clear()
        there = {(header.sop_uid, header.frame): i for i, header in enumerate(volume.series.slices)}
        now: dict[int, list[Annotation]] = {}
        for annotation in document.annotations:
            index = there.get((annotation.sop_uid, annotation.frame))
            if index is not None:
                now.setdefault(index, []).append(annotation)
        for index in self._drawn.keys() | now.keys():
            if self._drawn.get(index, ()) != tuple(now.get(index, ())):
                header = volume.series.slices[index]
                shape = (volume.hu.shape[1], volume.hu.shape[2])
                self._marks[index] = slice_labels(document, header.sop_uid, shape, header.frame)
        self._drawn = {index: tuple(annotations) for index, annotations in now.items()}

    def _image(self, number: int, section: Section, stop: int) -> QImage | None:
        """The rim as an image of the section's pixels, None where nothing is cut."""
        wanted = (section, stop, theme.subtype_rgb())
        made = self._made.get(number)
        if made is None or made[0] != wanted:
            made = self._made[number] = (wanted, _rim(section.labels(stop, self._marks)))
        return made[1]


def _rim(labels: npt.NDArray[np.uint8]) -> QImage | None:
    overlay = overlay_of(labels)
    if not overlay.index.size:
        return None
    pixels = np.zeros(labels.shape, np.uint32)
    value, edge = np.divmod(overlay.row // 256, 2)
    rim = edge == 1
    opaque = [OPAQUE | red << 16 | green << 8 | blue for red, green, blue in theme.subtype_rgb()]
    pixels.reshape(-1)[overlay.index[rim]] = np.array([0, *opaque], np.uint32)[value[rim]]
    rows, columns = labels.shape
    return QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32).copy()
