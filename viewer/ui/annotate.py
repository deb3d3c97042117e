"""The polygon layer of the viewports, and the desk that takes drawing events to the editor and back."""

from collections.abc import Iterable

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from viewer.annotation import events
from viewer.annotation.document import Annotation, Document, Point, Ring
from viewer.annotation.editor import Editor
from viewer.annotation.events import Edit, Preview, State
from viewer.imaging.placement import Placement
from viewer.session import Session, Tool
from viewer.ui import theme
from viewer.ui.viewport import Viewport

HANDLE_PX = 7.0
REACH_PX = 6.0
"""How near to a vertex or an edge the cursor counts as on it, on the screen."""
LINE_PX, STRONG_PX = 1.6, 2.4
LEAST_POINTS = 3
MOST_PATHS = 4096
"""Outlines remembered, so that scrolling back costs nothing."""
MOST_HANDLES = 400
"""Outlines with more vertices show handles only near the cursor."""


class PolygonLayer:
    """Paints the annotations of the current slice, and what the mouse is about to make of them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._paths: dict[int, tuple[Annotation, QPainterPath]] = {}  # by id; the annotation alive

    def paint(self, painter: QPainter, viewport: Viewport, placement: Placement) -> None:
        """Paint outlines, the handles of the selected one, and the open outline."""
        session, volume = self._session, self._session.volume
        if volume is None:
            return
        header = volume.series.slices[viewport.slice_index]
        place, preview = (header.sop_uid, header.frame), session.preview
        annotations = session.document.on_slice(*place)
        drawing = (preview.sop_uid, preview.frame) == place
        if not annotations and not (drawing and preview.path):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        editable = session.tool is Tool.POLYGON and viewport.number == session.active_view
        for annotation in annotations:
            changed = preview.changed if drawing else None
            shown = changed if changed is not None and changed.uid == annotation.uid else annotation
            selected = annotation.uid == session.selection
            hovered = drawing and editable and preview.hovered == annotation.uid
            self._paint_outline(painter, placement, shown, selected=selected, hovered=hovered)
            if selected and editable:
                self._paint_handles(painter, placement, shown.rings, preview if drawing else Preview())
        if drawing and preview.path:
            self._paint_open(painter, placement, preview, marked=editable)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

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

    def _paint_outline(
        self,
        painter: QPainter,
        placement: Placement,
        annotation: Annotation,
        *,
        selected: bool,
        hovered: bool,
    ) -> None:
        colour = QColor(theme.subtype_colour(annotation.subtype))
        fill = QColor(colour)
        fill.setAlphaF(0.22 if hovered else 0.12 if selected else 0.0)
        pen = QPen(colour, STRONG_PX if selected or hovered else LINE_PX)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        pen.setCosmetic(True)
        if not annotation.reviewed:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(fill)
        a, b, c, d, e, f = placement.matrix
        painter.setTransform(QTransform(a, c, b, d, e, f))
        painter.drawPath(self._path(annotation))
        painter.resetTransform()

    def _paint_handles(
        self, painter: QPainter, placement: Placement, rings: tuple[Ring, ...], preview: Preview
    ) -> None:
        if sum(len(ring) for ring in rings) <= MOST_HANDLES:
            plain = [QPointF(*placement.to_screen(point)) for ring in rings for point in ring]
            _squares(painter, plain, HANDLE_PX, theme.IMAGE, theme.BRIGHT)
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
        points = _on_screen(preview.path, placement)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, LINE_PX))
        painter.drawPolyline(points)
        if preview.cursor is not None:
            end = points[0] if preview.closes else QPointF(*placement.to_screen(preview.cursor))
            painter.setPen(QPen(colour, 1.2, Qt.PenStyle.DashLine))
            painter.drawLine(points[-1], end)
        if not marked:
            return
        marks = points if len(points) <= MOST_HANDLES else points[:1]
        _squares(painter, marks, HANDLE_PX, theme.IMAGE, theme.BRIGHT)
        if preview.closes:
            _squares(painter, [points[0]], HANDLE_PX + 5, colour.name(), theme.BRIGHT)


def visible_part(preview: Preview) -> tuple[object, ...]:
    """What of a preview can be seen; a cursor that hovers over nothing cannot."""
    follows = preview.path or preview.hovered_edge is not None
    return (
        preview.path,
        preview.changed,
        preview.closes,
        preview.hovered,
        preview.hovered_vertex,
        preview.cursor if follows else None,
        preview.subtype if preview.path else "",
    )


def _on_screen(ring: Iterable[Point], placement: Placement) -> list[QPointF]:
    a, b, c, d, e, f = placement.matrix
    return [QPointF(a * x + b * y + e, c * x + d * y + f) for x, y in ring]


def _vertex(rings: tuple[Ring, ...], vertex: tuple[int, int]) -> Point | None:
    ring, index = vertex
    return rings[ring][index] if ring < len(rings) and index < len(rings[ring]) else None


def _squares(painter: QPainter, centres: Iterable[QPointF], side: float, fill: str, ink: str) -> None:
    painter.setPen(QPen(QColor(ink), 1.2))
    painter.setBrush(QColor(fill))
    painter.drawRects([QRectF(p.x() - side / 2, p.y() - side / 2, side, side) for p in centres])


class AnnotationDesk(QObject):
    """Takes drawing intentions to the open series' `Editor` and its answers to the session.

    edited: an `Edit` to be saved at once.
    """

    edited = Signal(object)  # Edit

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.editor = Editor(subtype=session.subtype)
        session.edit_requested.connect(self.take)
        session.undo_requested.connect(lambda: self.take(events.Key.UNDO))
        session.redo_requested.connect(lambda: self.take(events.Key.REDO))
        session.subtype_changed.connect(lambda code: self.take(events.ChooseSubtype(code)))
        session.measuring.revise_requested.connect(self.revise)
        session.selection_changed.connect(self._select)

    def open(self, document: Document, shape: tuple[int, int] | None) -> None:
        """Start on another series: its annotations and the (rows, columns) of its slices. Undo starts anew; an
        outline still open on the old one is closed and kept."""
        self.finish()
        self.editor = Editor(document, shape=shape, subtype=self._session.subtype)
        self._session.set_document(document)
        self._show(None)

    def finish(self) -> None:
        """Close an open outline of three points or more, so that it is kept when series or window go."""
        if self.editor.state is State.DRAWING and len(self.editor.preview.path) >= LEAST_POINTS:
            self.take(events.Key.CLOSE)

    def take(self, event: events.Event) -> None:
        """Let the editor take one event and show what it made of it."""
        self._show(self.editor.handle(event))

    def revise(self, document: Document, action: str) -> None:
        """Put another state in the place of this one (measures, marked slices) as one step that undo takes back."""
        self._show(self.editor.replace_document(document, action))

    def add(self, annotations: Iterable[Annotation], action: str) -> None:
        """Add annotations (accepted or imported) as one step that undo takes back."""
        self._show(self.editor.add(annotations, action))

    def _select(self, uid: str | None) -> None:
        if uid != self.editor.selection:
            self.take(events.Select(uid))

    def _show(self, edit: Edit | None) -> None:
        session, editor = self._session, self.editor
        if edit is not None:
            session.set_document(edit.document)
        session.set_selection(editor.selection)
        session.set_preview(editor.preview)
        for message in editor.take_messages():
            session.notice("info", "Annotation", message)
        if edit is not None:
            self.edited.emit(edit)
