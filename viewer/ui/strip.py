"""The slice strip: one cell per slice, its state and suspicion as colour; click or drag to go."""

import numpy as np
from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from model.labels import SUBTYPES
from viewer.annotation.document import slice_name
from viewer.imaging.strip import cell_colours, cell_edges, slice_at, strip_rows
from viewer.library.work import Progress, Status
from viewer.measures.mark import MarkKind
from viewer.session import Session
from viewer.ui import captions, theme
from viewer.ui.marking import marked_slices

TICK, BAND, WIDTH, MARK, BAR = 5, 4, 20, 6, 2
"""Room for the ticks at the left, width of the right-hand band, whole width, width of a mark and of a status, px."""
STATUS_COLOURS = {Status.IN_PROGRESS: "AMBER", Status.DONE: "GREEN", Status.FLAGGED: "RED"}
"""Tokens of the theme; they follow its contrast."""
LEAST_FRAME_PX = 5
"""A current cell lower than this gets a frame that reaches beyond it."""


class SliceStrip(QWidget):
    """Cells from the first slice (top) to the last: loaded or not, suspected subtypes, annotated, current, status.

    stale: whether something changed since it was painted last.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(WIDTH)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMouseTracking(True)
        self.setAccessibleName("Slices")
        self._session = session
        self._cells: QImage | None = None
        self._rows = np.zeros((0, 2), np.uint32)
        self._wheel = 0
        self.stale = True
        session.slice_index_changed.connect(self._moved)
        for signal in (
            session.volume_changed,
            session.slice_loaded,
            session.slice_scored,
            session.findings_changed,
            session.document_changed,
            session.preferences_changed,
            session.working.work_changed,
        ):
            signal.connect(self._changed)

    @property
    def count(self) -> int:
        """How many slices."""
        return len(self._session.volume.hu) if self._session.volume is not None else 0

    def cell(self, index: int) -> QRect:
        """Where a slice's cell is (at least one pixel high)."""
        edges = cell_edges(self.count, self.height())
        return QRect(TICK, int(edges[index]), WIDTH - TICK, max(int(edges[index + 1] - edges[index]), 1))

    def annotated(self) -> list[int]:
        """Slices that carry annotations, ascending."""
        volume, document = self._session.volume, self._session.document
        if volume is None:
            return []
        drawn = {(annotation.sop_uid, annotation.frame) for annotation in document.annotations}
        return [i for i, header in enumerate(volume.series.slices) if (header.sop_uid, header.frame) in drawn]

    def reviewed(self) -> list[int]:
        """Slices marked as reviewed without hemorrhage, ascending."""
        volume, marks = self._session.volume, self._session.document.reviewed_slices
        if volume is None or not marks:
            return []
        return [
            i
            for i, header in enumerate(volume.series.slices)
            if slice_name(header.sop_uid, header.frame) in marks
        ]

    def noted(self) -> dict[int, Progress]:
        """What a reader has noted of slices: begun, done or flagged. That a slice is clean is told by `reviewed`."""
        volume, progress = self._session.volume, self._session.working.work.progress
        if volume is None or not progress:
            return {}
        places = {(header.sop_uid, header.frame): i for i, header in enumerate(volume.series.slices)}
        told = ((places.get((each.sop_uid, each.frame)), each) for each in progress)
        return {index: each for index, each in told if index is not None and each.status in STATUS_COLOURS}

    def _moved(self, _: int) -> None:
        self.stale = True
        self.update()

    def _changed(self, _: object = None) -> None:
        self._cells = None
        self.stale = True
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The cells are made anew."""
        self._changed()
        super().resizeEvent(event)

    def _make_cells(self) -> QImage:
        volume, findings = self._session.volume, self._session.findings
        assert volume is not None
        thresholds = np.ones(len(SUBTYPES), np.float32)
        scores = None
        if findings is not None and len(findings.slice_scores) == self.count:
            thresholds, scores = captions.threshold_vector(findings), findings.slice_scores[:, 1:]
        cells = cell_colours(volume.loaded, volume.failed, scores, thresholds, theme.subtype_rgb())
        weight = np.zeros(self.count, np.float32)
        if scores is not None:
            known = np.nan_to_num(scores, nan=0.0)
            weight = np.where(known >= thresholds, known, 0.0).max(axis=1)
        self._rows = strip_rows(cells, weight, max(self.height(), 1))
        image = QImage(WIDTH, self.height(), QImage.Format.Format_RGB32)
        image.fill(QColor("#000000"))
        painter = QPainter(image)
        source = QImage(self._rows.data, 2, len(self._rows), 8, QImage.Format.Format_RGB32)
        painter.drawImage(
            QRect(TICK, 0, WIDTH - TICK - BAND, self.height()), source, QRect(0, 0, 1, self.height())
        )
        painter.drawImage(QRect(WIDTH - BAND, 0, BAND, self.height()), source, QRect(1, 0, 1, self.height()))
        for index, each in self.noted().items():
            cell = self.cell(index)
            bar = QRect(0, cell.top(), BAR, max(cell.height() - 1, 1))
            painter.fillRect(bar, QColor(getattr(theme, STATUS_COLOURS[each.status])))
        self._paint_ticks(painter, self.reviewed(), theme.GREEN)
        self._paint_ticks(painter, self.annotated(), theme.BRIGHT)
        self._paint_marks(painter)
        painter.end()
        return image

    def _paint_ticks(self, painter: QPainter, slices: list[int], colour: str) -> None:
        painter.setPen(QPen(QColor(colour), 2))
        for index in slices:
            y = self.cell(index).center().y() + 0.5
            painter.drawLine(QPointF(0, y), QPointF(TICK - 2, y))

    def _paint_marks(self, painter: QPainter) -> None:
        """Key images as amber, bookmarks as violet triangles that point to their slice."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for index, mark in marked_slices(self._session):
            y = self.cell(index).center().y() + 0.5
            key = mark.kind is MarkKind.KEY_IMAGE
            painter.setBrush(QColor(theme.AMBER if key else theme.ACCENT))
            left = 0.0 if key else WIDTH - MARK
            tip = left + MARK if key else left - 1
            base = left if key else float(WIDTH)
            painter.drawPolygon(QPolygonF([QPointF(base, y - 4), QPointF(base, y + 4), QPointF(tip, y)]))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Cells, ticks, and a frame around the current slice."""
        self.stale = False
        painter = QPainter(self)
        if self.count == 0:
            painter.fillRect(self.rect(), QColor("#000000"))
            return
        if self._cells is None:
            self._cells = self._make_cells()
        painter.drawImage(0, 0, self._cells)
        painter.setPen(QColor(theme.HAIRLINE))
        painter.drawRect(QRect(TICK - 1, 0, WIDTH - TICK, self.height() - 1))
        painter.setPen(QColor(theme.BRIGHT))
        current = self.cell(self._session.slice_index)
        if current.height() < LEAST_FRAME_PX:
            current = current.adjusted(0, -2, 0, 2)
        painter.drawRect(current.adjusted(0, 0, -1, -1))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go to the slice under the cursor."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Follow a drag; say which slice lies under the cursor."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event)
        self.setToolTip(self._describe(slice_at(event.position().y(), self.count, self.height())))

    def _go(self, event: QMouseEvent) -> None:
        self._session.set_slice_index(slice_at(event.position().y(), self.count, self.height()))

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Scroll, as over the image."""
        self._wheel += event.angleDelta().y()
        steps, self._wheel = int(self._wheel / 120), self._wheel - 120 * int(self._wheel / 120)
        self._session.set_slice_index(self._session.slice_index - steps)

    def _describe(self, index: int) -> str:
        volume, findings = self._session.volume, self._session.findings
        if volume is None:
            return ""
        if volume.failed[index]:
            hidden = self._session.patient_hidden  # the reason names a file
            return captions.failed_text(index, "" if hidden else self._session.slice_errors.get(index, ""))
        text = f"Slice {index + 1}" + ("" if volume.loaded[index] else ", being read")
        marks = [mark for place, mark in marked_slices(self._session) if place == index]
        noted = self.noted().get(index)
        if noted is not None:
            text += f", {noted.status}" + (f" “{noted.comment}”" if noted.comment else "")
        text += "".join(f", {mark.kind}" + (f" “{mark.note}”" if mark.note else "") for mark in marks)
        if findings is not None and index < len(findings.slice_scores):
            names = captions.suspected_on_slice(findings, index)
            text += f": suspected {', '.join(names)}" if names else ""
        return text
