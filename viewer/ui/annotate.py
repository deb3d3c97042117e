"""The polygon layer of the viewports: what is drawn, and what the mouse is about to make of it."""

from collections.abc import Iterable
from functools import cache

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from viewer.annotation.document import Annotation, Point, Ring
from viewer.annotation.geometry import Vertex
from viewer.annotation.options import ToolName
from viewer.annotation.preview import Preview
from viewer.imaging.placement import Placement
from viewer.session import Session, Tool
from viewer.ui import theme
from viewer.ui.hand import on_screen, paint_hand, paint_offers
from viewer.ui.viewport import Viewport

HANDLE_PX = 7.0
REACH_PX = 6.0
"""How near to a vertex or an edge the cursor counts as on it, on the screen."""
LINE_PX, STRONG_PX = 1.6, 2.4
FILL_OPACITY = 0.12
WITH_HANDLES = frozenset({ToolName.POLYGON, ToolName.EDIT, ToolName.HOLE})
"""Tools that take hold of single vertices."""
MOST_PATHS = 4096
"""Outlines remembered, so that scrolling back costs nothing."""
MOST_HANDLES = 400
"""Outlines with more vertices show handles only near the cursor."""


class PolygonLayer:
    """Paints the annotations of the current slice, and what the mouse is about to make of them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._paths: dict[int, tuple[Annotation, QPainterPath]] = {}  # by id; the annotation alive
        self._lines: dict[int, tuple[Annotation, list[QLineF]]] = {}

    def paint(self, painter: QPainter, viewport: Viewport, placement: Placement) -> None:
        """Paint proposals, ghosts, outlines, the handles of the selected one, and what the tool is at."""
        session, volume = self._session, self._session.volume
        if volume is None:
            return
        header = volume.series.slices[viewport.slice_index]
        place, preview = (header.sop_uid, header.frame), session.preview
        drawing, layers = (preview.sop_uid, preview.frame) == place, session.drawing.layers
        here = [a for a in session.document.on_slice(*place) if not layers[a.subtype].hidden]
        offered, ghosts = self._proposals(place), [a for a in preview.ghosts if a.place == place]
        if not (here or offered or ghosts or drawing):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        editable = session.tool is Tool.POLYGON and viewport.number == session.active_view
        paint_offers(painter, placement, offered, self._outline, dotted=True)
        paint_offers(painter, placement, ghosts, self._outline, dotted=False)
        changed = preview.changed if drawing else None
        shown = [changed if changed is not None and changed.uid == a.uid else a for a in here]
        self._paint_outlines(painter, placement, shown, preview.hovered if drawing and editable else None)
        picked = next((a for a in shown if a.uid == session.selection), None)
        if picked is not None and editable and preview.tool in WITH_HANDLES:
            self._paint_handles(painter, placement, picked.rings, preview if drawing else Preview())
        if drawing and preview.path:
            self._paint_open(painter, placement, preview, marked=editable)
        if drawing:
            paint_hand(painter, placement, preview, active=editable)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _proposals(self, place: tuple[str, int]) -> list[Annotation]:
        drawing = self._session.drawing
        if not drawing.proposals_shown or self._session.tool is not Tool.POLYGON:
            return []
        return [a for a in drawing.proposals if a.place == place and not drawing.layers[a.subtype].hidden]

    def _outline(self, painter: QPainter, annotation: Annotation) -> None:
        painter.drawPath(self._path(annotation))

    def _path(self, annotation: Annotation) -> QPainterPath:
        """Its outline and holes in pixels of the image."""
        known = self._paths.get(id(annotation))
        if known is not None:
            return known[1]
        if len(self._paths) >= MOST_PATHS:
            self._paths.clear()
        path = QPainterPath()
        for ring in annotation.rings:
            path.addPolygon(QPolygonF([QPointF(x, y) for x, y in ring]))
            path.closeSubpath()
        self._paths[id(annotation)] = (annotation, path)
        return path

    def _pieces(self, annotation: Annotation) -> list[QLineF]:
        """The same as single lines."""
        known = self._lines.get(id(annotation))
        if known is not None:
            return known[1]
        if len(self._lines) >= MOST_PATHS:
            self._lines.clear()
        pieces = [
            QLineF(*start, *end)
            for ring in annotation.rings
            for start, end in zip(ring, (*ring[1:], ring[0]), strict=True)
        ]
        self._lines[id(annotation)] = (annotation, pieces)
        return pieces

    def _paint_outlines(
        self, painter: QPainter, placement: Placement, shown: Iterable[Annotation], hovered: str | None
    ) -> None:
        selection, layers = self._session.selection, self._session.drawing.layers
        a, b, c, d, e, f = placement.matrix
        painter.setTransform(QTransform(a, c, b, d, e, f))
        for annotation in shown:
            opacity = layers[annotation.subtype].opacity
            if opacity != 1.0:
                painter.setOpacity(opacity)
            self._paint_outline(
                painter,
                annotation,
                selected=annotation.uid == selection,
                hovered=annotation.uid == hovered,
                plain=opacity == 1.0,
            )
            if opacity != 1.0:
                painter.setOpacity(1.0)
        painter.resetTransform()

    def _paint_outline(
        self, painter: QPainter, annotation: Annotation, *, selected: bool, hovered: bool, plain: bool
    ) -> None:
        strong = selected or hovered
        name = theme.subtype_colour(annotation.subtype)
        painter.setPen(_pen(name, strong=strong, reviewed=annotation.reviewed))
        if annotation.reviewed and not strong and plain:
            painter.drawLines(self._pieces(annotation))  # with square caps in half the time of a path
        else:
            fill = QColor(name)
            fill.setAlphaF(0.22 if hovered else FILL_OPACITY if selected else 0.0)
            painter.setBrush(fill)
            painter.drawPath(self._path(annotation))

    def _paint_handles(
        self, painter: QPainter, placement: Placement, rings: tuple[Ring, ...], preview: Preview
    ) -> None:
        if sum(len(ring) for ring in rings) <= MOST_HANDLES:
            plain = [QPointF(*placement.to_screen(point)) for ring in rings for point in ring]
            _squares(painter, plain, HANDLE_PX, theme.IMAGE, theme.BRIGHT)
        picked = [point for vertex in preview.picked if (point := _vertex(rings, vertex)) is not None]
        _squares(painter, on_screen(picked, placement), HANDLE_PX + 1, theme.ACCENT, theme.BRIGHT)
        if preview.hovered_vertex is not None:
            point = _vertex(rings, preview.hovered_vertex)
            if point is not None:
                _squares(
                    painter, [QPointF(*placement.to_screen(point))], HANDLE_PX + 3, theme.BRIGHT, theme.IMAGE
                )
        elif preview.hovered_edge is not None and preview.cursor is not None:
            _squares(
                painter,
                [QPointF(*placement.to_screen(preview.cursor))],
                HANDLE_PX - 1,
                theme.ACCENT,
                theme.BRIGHT,
            )

    @staticmethod
    def _paint_open(painter: QPainter, placement: Placement, preview: Preview, *, marked: bool) -> None:
        """The open outline and its rubber band; `marked`, its points too, and the first one, which closes it."""
        colour = QColor(theme.subtype_colour(preview.subtype))
        points = on_screen(preview.path, placement)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, LINE_PX))
        painter.drawPolyline(points)
        if preview.cursor is not None and not preview.tail:
            end = points[0] if preview.closes else QPointF(*placement.to_screen(preview.cursor))
            painter.setPen(QPen(colour, 1.2, Qt.PenStyle.DashLine))
            painter.drawLine(points[-1], end)
        if not marked:
            return
        clicked = on_screen(preview.anchors, placement) if preview.anchors else points
        marks = clicked if len(clicked) <= MOST_HANDLES else clicked[:1]
        _squares(painter, marks, HANDLE_PX, theme.IMAGE, theme.BRIGHT)
        if preview.closes:
            _squares(painter, [points[0]], HANDLE_PX + 5, colour.name(), theme.BRIGHT)


@cache
def _pen(colour: str, *, strong: bool, reviewed: bool) -> QPen:
    pen = QPen(QColor(colour), STRONG_PX if strong else LINE_PX)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    pen.setCosmetic(True)
    if not reviewed:
        pen.setStyle(Qt.PenStyle.DashLine)
    return pen


def visible_part(preview: Preview) -> tuple[object, ...]:
    """What of a preview can be seen; a cursor that hovers over nothing cannot."""
    follows = preview.path or preview.hovered_edge is not None or preview.note
    return (
        preview.path,
        preview.tail,
        preview.changed,
        preview.closes,
        preview.hovered,
        preview.hovered_vertex,
        preview.cursor if follows else None,
        preview.subtype if preview.path or preview.patch or preview.brush else "",
        preview.tool,
        preview.patch,
        preview.brush,
        preview.picked,
        preview.box,
        preview.line,
        preview.handles,
        preview.ghosts,
        preview.note,
    )


def _vertex(rings: tuple[Ring, ...], vertex: Vertex) -> Point | None:
    ring, index = vertex
    return rings[ring][index] if ring < len(rings) and index < len(rings[ring]) else None


def _squares(painter: QPainter, centres: Iterable[QPointF], side: float, fill: str, ink: str) -> None:
    painter.setPen(QPen(QColor(ink), 1.2))
    painter.setBrush(QColor(fill))
    painter.drawRects([QRectF(p.x() - side / 2, p.y() - side / 2, side, side) for p in centres])
