"""What a drawing tool is about to do, painted over the image: strokes, wires, boxes, grips, ghosts, a few words."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen, QTransform

from viewer.annotation.document import Annotation, Point
from viewer.annotation.preview import Ellipse, Patch, Preview
from viewer.imaging.placement import Placement
from viewer.ui import theme

PATCH_OPACITY = 0.42
GRIP_PX = 8.0
NOTE_AWAY_PX = 14.0


def paint_hand(painter: QPainter, placement: Placement, preview: Preview, *, active: bool) -> None:
    """Paint what the tool is at on this slice; grips and the brush only where the mouse works (`active`)."""
    colour = QColor(theme.subtype_colour(preview.subtype)) if preview.subtype else QColor(theme.BRIGHT)
    if preview.patch is not None:
        _patch(painter, placement, preview.patch, colour)
    if len(preview.tail) > 1:
        painter.setPen(QPen(colour, 1.4, Qt.PenStyle.DashLine))
        painter.drawPolyline(on_screen(preview.tail, placement))
    if not active:
        return
    if preview.line is not None:
        start, end = on_screen(preview.line, placement)
        painter.setPen(QPen(QColor(theme.BRIGHT), 1.6, Qt.PenStyle.DashLine))
        painter.drawLine(start, end)
    if preview.box is not None:
        start, end = on_screen(preview.box, placement)
        fill = QColor(theme.ACCENT)
        fill.setAlphaF(0.12)
        painter.setPen(QPen(QColor(theme.ACCENT), 1.2, Qt.PenStyle.DashLine))
        painter.setBrush(fill)
        painter.drawRect(QRectF(start, end).normalized())
        painter.setBrush(Qt.BrushStyle.NoBrush)
    for handle in preview.handles:
        _grip(painter, QPointF(*placement.to_screen(handle.point)), round_=handle.kind == "rotate")
    if preview.brush is not None:
        _brush(painter, placement, preview.brush, colour)
    if preview.note:
        at = preview.brush.centre if preview.brush else preview.cursor
        if at is not None:
            _note(painter, QPointF(*placement.to_screen(at)), preview.note)


def paint_offers(
    painter: QPainter,
    placement: Placement,
    offered: Sequence[Annotation],
    outline: Callable[[QPainter, Annotation], None],
    *,
    dotted: bool,
) -> None:
    """Paint shapes that wait to be accepted: interpolated ones dashed, the model's dotted."""
    if not offered:
        return
    a, b, c, d, e, f = placement.matrix
    painter.setTransform(QTransform(a, c, b, d, e, f))
    for annotation in offered:
        colour = QColor(theme.subtype_colour(annotation.subtype))
        pen = QPen(colour, 1.6, Qt.PenStyle.DotLine if dotted else Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        fill = QColor(colour)
        fill.setAlphaF(0.06 if dotted else 0.14)
        painter.setPen(pen)
        painter.setBrush(fill)
        outline(painter, annotation)
    painter.resetTransform()
    painter.setBrush(Qt.BrushStyle.NoBrush)


def on_screen(points: Iterable[Point], placement: Placement) -> list[QPointF]:
    """Image-relative points on the viewport."""
    a, b, c, d, e, f = placement.matrix
    return [QPointF(a * x + b * y + e, c * x + d * y + f) for x, y in points]


def _patch(painter: QPainter, placement: Placement, patch: Patch, colour: QColor) -> None:
    """Pixels a tool adds in the subtype's colour; those it takes away in red."""
    ink = QColor(theme.RED) if patch.erases else colour
    alpha = PATCH_OPACITY
    pixel = (
        (round(255 * alpha) << 24)
        | (round(ink.red() * alpha) << 16)
        | (round(ink.green() * alpha) << 8)
        | round(ink.blue() * alpha)
    )
    values = np.where(patch.mask, np.uint32(pixel), np.uint32(0))
    rows, columns = values.shape
    if not values.size:
        return
    image = QImage(values.tobytes(), columns, rows, columns * 4, QImage.Format.Format_ARGB32_Premultiplied)
    a, b, c, d, e, f = placement.matrix
    painter.setTransform(QTransform(a, c, b, d, e, f))
    smooth = painter.testRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawImage(QRectF(patch.left, patch.top, columns, rows), image)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    painter.resetTransform()


def _brush(painter: QPainter, placement: Placement, brush: Ellipse, colour: QColor) -> None:
    """The reach of the brush: dark under light, so that it shows on bone and on air."""
    a, b, c, d, e, f = placement.matrix
    painter.setTransform(QTransform(a, c, b, d, e, f))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for ink, width in ((QColor(theme.IMAGE), 3.0), (colour, 1.4)):
        pen = QPen(ink, width)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawEllipse(QPointF(*brush.centre), brush.radius_x, brush.radius_y)
    painter.resetTransform()


def _grip(painter: QPainter, at: QPointF, *, round_: bool) -> None:
    painter.setPen(QPen(QColor(theme.BRIGHT), 1.2))
    painter.setBrush(QColor(theme.ACCENT))
    box = QRectF(at.x() - GRIP_PX / 2, at.y() - GRIP_PX / 2, GRIP_PX, GRIP_PX)
    if round_:
        painter.drawEllipse(box)
    else:
        painter.drawRect(box)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _note(painter: QPainter, at: QPointF, text: str) -> None:
    """A few words at the lower right of the cursor, on a plate."""
    font = theme.font(theme.LABEL_PX)
    metrics = QFontMetricsF(font)
    box = QRectF(
        at.x() + NOTE_AWAY_PX,
        at.y() + NOTE_AWAY_PX,
        metrics.horizontalAdvance(text) + 12,
        metrics.height() + 6,
    )
    plate = QColor(theme.IMAGE)
    plate.setAlphaF(0.8)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(plate)
    painter.drawRoundedRect(box, 4, 4)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QColor(theme.BRIGHT))
    painter.setFont(font)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
