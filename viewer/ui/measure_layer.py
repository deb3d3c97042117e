"""Measures painted on the pictures: lines with a dark edge, grips, and their results beside them."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from viewer.imaging.placement import Placement
from viewer.measures import text
from viewer.measures.geometry import foot
from viewer.measures.measure import POINTS, Kind, Measure, Plane, Point, SlicePlane
from viewer.measures.readings import Reading, Readings
from viewer.measures.shaping import grips, lines
from viewer.measures.tracker import Draft
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.lettering import lettering
from viewer.ui.measuring import Lens, lens_of
from viewer.ui.viewport import Viewport

LINE, SELECTED = "#e9e4ff", "#b3a5ff"
"""A measure's colour, and that of the selected one: no subtype's."""
LINE_PX, EDGE_PX, GRIP_PX = 1.5, 3.0, 7.0
GAP_PX, LINE_HEIGHT = 9.0, 16
MOST_GRIPS = 80
"""Borders of more corners would vanish behind their grips; these can be taken hold of all the same."""
SAID_MOST = 512
"""Readings whose words are remembered."""
SORTED_MOST = 4
"""Documents whose measures are held sorted: those on the screen, and what a drag makes of one."""
_EDGE = QColor(12, 10, 20)
_ByPlane = dict[Plane | None, list[Measure]]
"""None: every plane across the slices."""
_TICK_PX = 4.0


class MeasureLayer:
    """Paints the measures in a viewport's plane, and what the mouse is about to make of them. Small viewports show the
    words of the selected one only."""

    def __init__(self, session: Session, readings: Readings) -> None:
        self._session = session
        self._readings = readings
        self._choose_fonts()
        session.preferences_changed.connect(self._choose_fonts)
        self._taken: list[QRectF] = []
        self._sorted: dict[int, tuple[tuple[Measure, ...], _ByPlane]] = {}  # by id; the measures alive
        self._shapes: dict[int, tuple[Measure, list[QLineF]]] = {}  # by id; the measure alive
        self._said: dict[int, tuple[Reading, tuple[str, ...]]] = {}  # by id; the reading alive

    def _choose_fonts(self, _: object = None) -> None:
        self._words = lettering(theme.font(12))
        self._line_px = theme.scaled(LINE_HEIGHT)

    def paint(self, painter: QPainter, viewport: Viewport, _placement: Placement) -> None:
        """Paint every measure of the plane, the selected one with its grips, and the draft."""
        session = self._session
        drawing = session.measuring.drawing
        volume, document = viewport.volume, session.document_of(viewport.volume)
        if volume is None or document is None or not (document.measures or drawing.draft):
            return
        lens = lens_of(viewport)
        if lens is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._taken.clear()
        draft, here = drawing.draft, self._here(document.measures, lens)
        self._paint_lines(painter, lens, here)
        for measure, points in here:
            self._paint_words(painter, viewport, lens, measure, points)
        ours = drawing.series is None or drawing.series == volume.series.key
        if draft is not None and ours and draft.plane == lens.plane:
            self._paint_draft(painter, viewport, lens, draft)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _here(self, measures: tuple[Measure, ...], lens: Lens) -> list[tuple[Measure, tuple[Point, ...]]]:
        """What lies in a plane, as a drag has it, with its points there."""
        changed, found = self._session.measuring.drawing.changed, []
        for measure in self._near(measures, lens.plane):
            now = changed if changed is not None and changed.uid == measure.uid else measure
            points = lens.shown(now)
            if points is not None:
                found.append((now, points))
        return found

    def _near(self, measures: tuple[Measure, ...], plane: Plane) -> Sequence[Measure]:
        """Those that may lie in a plane; sorted once for every document."""
        if id(measures) not in self._sorted:
            if len(self._sorted) >= SORTED_MOST:
                self._sorted.clear()
                self._shapes.clear()
            by_plane: _ByPlane = {}
            for measure in measures:
                own = measure.plane if isinstance(measure.plane, SlicePlane) else None
                by_plane.setdefault(own, []).append(measure)
            self._sorted[id(measures)] = (measures, by_plane)
        return self._sorted[id(measures)][1].get(plane if isinstance(plane, SlicePlane) else None, ())

    def _shape(self, measure: Measure, points: tuple[Point, ...]) -> list[QLineF]:
        """The lines of a measure in its plane, made once for those on slices."""
        if points is not measure.points:
            return _pieces(measure.kind, points)
        if id(measure) not in self._shapes:
            self._shapes[id(measure)] = (measure, _pieces(measure.kind, points))
        return self._shapes[id(measure)][1]

    def _strong(self, measure: Measure) -> bool:
        """Whether it is selected, or lies under the cursor."""
        measuring = self._session.measuring
        hit = measuring.drawing.hit
        return measure.uid == measuring.selection or (hit is not None and hit.uid == measure.uid)

    def _paint_lines(
        self, painter: QPainter, lens: Lens, here: Sequence[tuple[Measure, tuple[Point, ...]]]
    ) -> None:
        """All lines, those of a measure that is selected or under the cursor above the others, with its grips."""
        plain: list[QLineF] = []
        for measure, points in here:
            if not self._strong(measure):
                plain += self._shape(measure, points)
        _draw_lines(painter, lens, plain, LINE)
        for measure, points in here:
            strong = self._strong(measure)
            colour = SELECTED if strong else LINE
            if strong:
                _draw_lines(painter, lens, self._shape(measure, points), colour)
            _draw_marks(painter, lens, measure.kind, points, colour)
            if strong:
                now = Measure(measure.uid, measure.kind, measure.plane, points, shares=measure.shares)
                shown = grips(now)
                _grips(painter, lens.on_screen(shown if len(shown) <= MOST_GRIPS else shown[:1]), colour)

    def _paint_words(
        self, painter: QPainter, viewport: Viewport, lens: Lens, measure: Measure, points: tuple[Point, ...]
    ) -> None:
        volume, strong = viewport.volume, self._strong(measure)
        if volume is None or not (viewport.large or strong):
            return
        words = self._words_of(self._readings.of(measure, volume))
        self._write(painter, viewport, lens, measure.kind, points, words, SELECTED if strong else LINE)

    def _words_of(self, reading: Reading) -> tuple[str, ...]:
        if id(reading) not in self._said:
            if len(self._said) >= SAID_MOST:
                self._said.clear()
            self._said[id(reading)] = (reading, text.lines_beside(reading))
        return self._said[id(reading)][1]

    def _paint_draft(self, painter: QPainter, viewport: Viewport, lens: Lens, draft: Draft) -> None:
        shown = draft.shown
        _draw_lines(painter, lens, _pieces(draft.kind, shown, open_=True), SELECTED)
        _draw_marks(painter, lens, draft.kind, shown, SELECTED)
        _grips(
            painter,
            lens.on_screen(draft.points[:1] if draft.kind is Kind.FREEHAND else draft.points),
            SELECTED,
        )
        if draft.closes:
            _grips(painter, lens.on_screen(draft.points[:1]), SELECTED, GRIP_PX + 5)
        volume, measure = viewport.volume, provisional(draft)
        if measure is not None and volume is not None:
            words = text.lines_beside(self._readings.of(measure, volume))
            self._write(painter, viewport, lens, measure.kind, measure.points, words, SELECTED)

    def _write(
        self,
        painter: QPainter,
        viewport: Viewport,
        lens: Lens,
        kind: Kind,
        points: Sequence[Point],
        words: Sequence[str],
        colour: str,
    ) -> None:
        """The result at the right of the measure, within the viewport."""
        on_screen = lens.on_screen(tuple(points))
        at = max(on_screen, key=lambda point: point.x()) if kind.is_region else on_screen[-1]
        width = max(self._words.width(line) for line in words)
        left = at.x() + GAP_PX
        if left + width > viewport.width() - viewport.right_px - GAP_PX:
            left = min(point.x() for point in on_screen) - GAP_PX - width
        top = min(
            max(at.y() - self._line_px / 2, GAP_PX), viewport.height() - self._line_px * len(words) - GAP_PX
        )
        box = QRectF(max(left, GAP_PX), top, width, self._line_px * len(words))
        place = self._free(box, viewport.height()).topLeft()
        for row, line in enumerate(words):
            self._words.draw(painter, place.x(), place.y() + row * self._line_px, line, colour)

    def _free(self, box: QRectF, height: int) -> QRectF:
        """The box, moved down past the words that are there already, as long as there is room."""
        free = QRectF(box)
        while hit := next((taken for taken in self._taken if taken.intersects(free)), None):
            if hit.bottom() + free.height() > height - GAP_PX:
                free = box
                break
            free.moveTop(hit.bottom())
        self._taken.append(free)
        return free


def _draw_lines(painter: QPainter, lens: Lens, pieces: Sequence[QLineF], colour: str) -> None:
    """Lines of the plane, first wide and dark, then narrow and light, so that they show on bone and on air."""
    if not pieces:
        return
    painter.setTransform(lens.transform)
    for pen in _pens(colour):
        painter.setPen(pen)
        painter.drawLines(pieces)
    painter.resetTransform()


def _draw_marks(painter: QPainter, lens: Lens, kind: Kind, points: Sequence[Point], colour: str) -> None:
    """What a kind has besides its lines: a cross for a single point, the way of the midline."""
    alone = [path[0] for path in lines(kind, points) if len(path) == 1] if len(points) in (1, 3) else ()
    if alone:
        crosses = [tick for at in lens.on_screen(tuple(alone)) for tick in _cross(at)]
        for pen in _pens(colour):
            painter.setPen(pen)
            painter.drawLines(crosses)
    if kind is Kind.MIDLINE and len(points) > 2:
        _shift(painter, lens, points, colour)


@cache
def _pens(colour: str) -> tuple[QPen, QPen]:
    """The wide and dark, and the narrow and light. Caps are square: Qt draws single lines of such pens three times
    as fast."""
    pens = (QPen(_EDGE, EDGE_PX), QPen(QColor(colour), LINE_PX))
    for pen in pens:
        pen.setCosmetic(True)
    return pens


def provisional(draft: Draft) -> Measure | None:
    """The measure that a draft would be if its cursor were its last point; None before there is something to tell."""
    shown, kind = draft.shown, draft.kind
    if kind in (Kind.BIDIRECTIONAL, Kind.ABC2) and len(shown) < 4:
        shown, kind = shown[:2], Kind.LENGTH
    elif kind is Kind.ABC2:
        kind = Kind.BIDIRECTIONAL
    fewest, most = POINTS[kind]
    if kind is Kind.FREEHAND or not fewest <= len(shown) <= most:
        return None
    return Measure("draft", kind, draft.plane, shown)


def _shift(painter: QPainter, lens: Lens, points: Sequence[Point], colour: str) -> None:
    """The way from the falx's line to the septum, dashed: the shift."""
    scale = lens.scale
    start, end, septum = scale.apply(points[:3])
    x, y = foot(start, end, septum)
    ends = lens.on_screen(((x / scale.across, y / scale.down), points[2]))
    for pen in (QPen(_EDGE, EDGE_PX), QPen(QColor(colour), LINE_PX, Qt.PenStyle.DashLine)):
        painter.setPen(pen)
        painter.drawLine(*ends)


def _pieces(kind: Kind, points: Sequence[Point], *, open_: bool = False) -> list[QLineF]:
    """The pieces of what is drawn, in the plane. open_: a border that is not closed yet."""
    bordered = kind in (Kind.POLYGON, Kind.FREEHAND)
    paths = (tuple(points),) if open_ and bordered else lines(kind, points)
    return [QLineF(*start, *end) for path in paths for start, end in pairwise(path)]


def _cross(at: QPointF) -> tuple[QLineF, QLineF]:
    """What a single point is shown as."""
    across, down = QPointF(_TICK_PX, 0), QPointF(0, _TICK_PX)
    return (QLineF(at - across, at + across), QLineF(at - down, at + down))


def _grips(painter: QPainter, places: Sequence[QPointF], colour: str, side: float = GRIP_PX) -> None:
    painter.setPen(QPen(QColor(colour), 1.2))
    painter.setBrush(QColor(theme.IMAGE))
    painter.drawRects([QRectF(p.x() - side / 2, p.y() - side / 2, side, side) for p in places])
