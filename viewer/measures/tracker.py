"""The measuring state machine, without a window: points in, measures out.

- A drag, or a click at either end, draws a length, an ellipse, a rectangle and each diameter; angles, the midline and
  polygons take a click for each point; a drag draws a freehand region; a click probes.
- A polygon closes with a click on its first point, a double click or Enter.
- The second diameter of a bidirectional measure and B of ABC/2 stay perpendicular to the first.
- Grips of a measure are dragged; its line drags all of it. In a polygon Alt+click on the border adds a corner and
  Shift+click on a corner takes it away.
- Backspace takes the last point back, Esc cancels.

Distances on the screen are compared in the scale's unit, so that reach is the same across and down.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from viewer.annotation.geometry import without_repeats
from viewer.annotation.raster import simplify
from viewer.measures import shaping
from viewer.measures.geometry import Scale, length, perpendicular
from viewer.measures.measure import MOST_POINTS, POINTS, Kind, Measure, Plane, Point, Share, SlicePlane

DRAGGED_AS_ONE = frozenset({Kind.LENGTH, Kind.BIDIRECTIONAL, Kind.ELLIPSE, Kind.RECTANGLE, Kind.ABC2})
_PERPENDICULAR = frozenset({Kind.BIDIRECTIONAL, Kind.ABC2})
_CORNERS = frozenset({Kind.POLYGON, Kind.FREEHAND})
FREEHAND_PX = 0.1
"""How far a freehand border may be from what the hand drew: a region keeps its area."""

NO_EXTENT = "That has no extent: nothing to measure. Drag, or click at both ends."
OPEN_ELSEWHERE = "A measure is open on another picture. Go back and finish it, or cancel it with Esc."
THREE_CORNERS = "A region needs three corners. To delete all of it, press Delete."
CROSSED = "The border crossed itself; its largest part is measured."


def _new_uid() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Sight:
    """What the mouse points at: a plane, the size of its points' unit, and how near counts as on something.

    tolerance: in the scale's unit. shape: (rows, columns) no point leaves, None for no border.
    """

    plane: Plane
    scale: Scale
    tolerance: float
    shape: tuple[int, int] | None = None

    def clipped(self, point: Point) -> Point:
        """The point, or the nearest one of the picture."""
        if self.shape is None:
            return point
        return (min(max(point[0], 0.0), float(self.shape[1])), min(max(point[1], 0.0), float(self.shape[0])))

    def distance(self, first: Point, second: Point) -> float:
        """Distance of two points in the scale's unit."""
        (start, end) = self.scale.apply((first, second))
        return length(start, end)


@dataclass(frozen=True)
class Draft:
    """A measure being drawn. cursor: where the next point would be. shares: of ABC/2, once A and B are there."""

    kind: Kind
    plane: Plane
    points: tuple[Point, ...]
    cursor: Point | None = None
    closes: bool = False
    shares: tuple[Share, ...] = ()

    @property
    def step(self) -> int:
        """Which step of a guided measure is being done, from 0."""
        return len(self.points) // 2 if self.kind is Kind.ABC2 else len(self.points)

    @property
    def shown(self) -> tuple[Point, ...]:
        """The points so far, and the one that follows the cursor."""
        full = len(self.points) >= POINTS[self.kind][1]
        return self.points if self.cursor is None or full else (*self.points, self.cursor)


@dataclass(frozen=True)
class Step:
    """A finished change: a measure made (`before` None), changed, or deleted (`after` None)."""

    action: str
    before: Measure | None
    after: Measure | None


@dataclass(frozen=True)
class Hit:
    """What of a measure is under the cursor: a grip by its number, or (None) its line."""

    uid: str
    grip: int | None


@dataclass
class _Drag:
    base: Measure
    grip: int | None
    pressed: Point
    sight: Sight
    changed: Measure | None = None


class Tracker:
    """Follows the mouse over one series. `kind`: what a press beside everything begins, None for nothing.

    propose: slices with blood and their weights that ABC/2 starts from, given its plane and points.
    """

    def __init__(
        self,
        propose: Callable[[SlicePlane, tuple[Point, ...]], tuple[Share, ...]],
        new_uid: Callable[[], str] = _new_uid,
    ) -> None:
        self.kind: Kind | None = None
        self.draft: Draft | None = None
        self.hit: Hit | None = None
        self.messages: list[str] = []
        self._propose = propose
        self._new_uid = new_uid
        self._drag: _Drag | None = None
        self._pressed: Point | None = None

    @property
    def changed(self) -> Measure | None:
        """The measure under a drag as it would be; draw it instead of the one with its uid."""
        return self._drag.changed if self._drag else None

    @property
    def busy(self) -> bool:
        """Whether a measure is being drawn or dragged."""
        return self.draft is not None or self._drag is not None

    def take_messages(self) -> tuple[str, ...]:
        """What was refused or repaired since the last call, in sentences."""
        messages = tuple(self.messages)
        self.messages.clear()
        return messages

    # mouse

    def press(
        self,
        point: Point,
        sight: Sight,
        measures: Sequence[Measure],
        *,
        add: bool = False,
        remove: bool = False,
    ) -> Step | None:
        """The left button goes down. `measures`: those on this plane, the one to prefer last.

        add: with Alt, a corner on a border; remove: with Shift, the corner under the cursor.
        """
        point = sight.clipped(point)
        if self.draft is not None:
            return self._add(point, sight)
        self.hit = self.hit_at(point, sight, measures)
        found = next((m for m in measures if self.hit and m.uid == self.hit.uid), None)
        if found is not None and self.hit is not None:
            grip = self.hit.grip
            if remove and grip is not None and found.kind in _CORNERS:
                return self._remove_corner(found, grip)
            added = None
            if add and grip is None and found.kind in _CORNERS:
                found, grip = shaping.with_corner(found, point, sight.scale)
                added = found
            self._drag = _Drag(found, grip, point, sight, added)
            return None
        if self.kind is None:
            return None
        self.draft = Draft(self.kind, sight.plane, (point,), point)
        self._pressed = point
        return self._finish(sight) if self.kind is Kind.PROBE else None

    def move(self, point: Point, sight: Sight, measures: Sequence[Measure], *, held: bool = False) -> None:
        """The cursor moves; `held`: with the left button down."""
        point = sight.clipped(point)
        if self.draft is not None:
            if self.draft.plane == sight.plane:
                self._lead(self.draft, point, sight, held=held)
        elif self._drag is not None:
            drag = self._drag
            if drag.sight.plane == sight.plane and (
                drag.changed or sight.distance(point, drag.pressed) > sight.tolerance / 3
            ):
                drag.changed = shaping.dragged(drag.base, drag.grip, drag.pressed, point, drag.sight.scale)
        else:
            self.hit = self.hit_at(point, sight, measures)

    def release(self, point: Point, sight: Sight) -> Step | None:
        """The left button comes up: a drag ends."""
        point = sight.clipped(point)
        if self._drag is not None:
            drag, self._drag = self._drag, None
            return self._reshaped(drag.base, drag.changed) if drag.changed is not None else None
        draft, pressed, self._pressed = self.draft, self._pressed, None
        if draft is None or pressed is None or draft.plane != sight.plane:
            return None
        if draft.kind is Kind.FREEHAND:
            return self._finish(sight)
        far = sight.distance(point, pressed) > sight.tolerance
        if far and draft.kind in DRAGGED_AS_ONE and len(draft.points) % 2 == 1:
            return self._add(point, sight)
        return None

    def double_click(self, sight: Sight) -> Step | None:
        """Close the polygon being drawn."""
        draft = self.draft
        if draft is None or draft.kind is not Kind.POLYGON or draft.plane != sight.plane:
            return None
        return self._finish(sight)

    # keys

    def close(self, scale: Scale) -> Step | None:
        """Finish what can be finished: a polygon, or ABC/2 once its slices are weighed."""
        draft = self.draft
        if draft is None or len(draft.points) < POINTS[draft.kind][0]:
            return None
        return self._finish(Sight(draft.plane, scale, 0.0))

    def take_back(self) -> bool:
        """Take the last point back; of a diameter both ends. False where nothing was being drawn."""
        draft = self.draft
        if draft is None:
            return False
        keep = len(draft.points) - (2 if draft.kind is Kind.ABC2 and len(draft.points) % 2 == 0 else 1)
        self.draft = replace(draft, points=draft.points[:keep], shares=(), closes=False) if keep > 0 else None
        self._pressed = None
        return True

    def cancel(self) -> bool:
        """Give up what is being drawn or dragged. False where there was nothing."""
        was = self.busy
        self.draft = self._drag = self._pressed = None
        return was

    def weigh(self, shares: tuple[Share, ...]) -> None:
        """Say what each slice counts in the C of the ABC/2 being drawn."""
        if self.draft is not None and self.draft.kind is Kind.ABC2 and self.draft.shares:
            self.draft = replace(self.draft, shares=shares)

    def hit_at(self, point: Point, sight: Sight, measures: Sequence[Measure]) -> Hit | None:
        """What is under the cursor: a grip before any line, of those drawn later before the others."""
        here = sight.scale.apply((point,))[0]
        for measure in reversed(measures):
            for number, grip in enumerate(sight.scale.apply(shaping.grips(measure))):
                if length(here, grip) <= sight.tolerance:
                    return Hit(measure.uid, number)
        for measure in reversed(measures):
            if shaping.distance(measure, point, sight.scale) <= sight.tolerance:
                return Hit(measure.uid, None)
        return None

    # within

    def _lead(self, draft: Draft, point: Point, sight: Sight, *, held: bool) -> None:
        """Let the next point follow the cursor; a held freehand line leaves points behind."""
        cursor = self._constrained(draft, point, sight)
        if draft.kind is Kind.FREEHAND and held and len(draft.points) < MOST_POINTS:
            far = sight.distance(point, draft.points[-1]) > sight.tolerance / 6
            self.draft = replace(draft, points=(*draft.points, point) if far else draft.points, cursor=point)
            return
        self.draft = replace(draft, cursor=cursor, closes=self._closes(draft, point, sight))

    def _closes(self, draft: Draft, point: Point, sight: Sight) -> bool:
        enough = draft.kind is Kind.POLYGON and len(draft.points) >= 3
        return enough and sight.distance(point, draft.points[0]) <= sight.tolerance

    def _constrained(self, draft: Draft, point: Point, sight: Sight) -> Point:
        """The end of a second diameter, brought perpendicular to the first."""
        if draft.kind not in _PERPENDICULAR or len(draft.points) != 3:
            return point
        start, end, at, towards = sight.scale.apply((*draft.points, point))
        x, y = perpendicular(start, end, at, towards)
        return (x / sight.scale.across, y / sight.scale.down)

    def _add(self, point: Point, sight: Sight) -> Step | None:
        """The next point of the measure being drawn; the measure, when it was the last one."""
        draft = self.draft
        assert draft is not None
        if draft.shares:
            return None
        if draft.plane != sight.plane:
            self.messages.append(OPEN_ELSEWHERE)
            return None
        if self._closes(draft, point, sight):
            return self._finish(sight)
        point = self._constrained(draft, point, sight)
        if self._says_nothing(draft, point, sight):
            return None
        self.draft = replace(draft, points=(*draft.points, point), cursor=point)
        self._pressed = point if len(self.draft.points) % 2 else None
        return self._finish(sight) if len(self.draft.points) == POINTS[draft.kind][1] else None

    def _says_nothing(self, draft: Draft, point: Point, sight: Sight) -> bool:
        """Whether the point lies on the one before, as the second of a double click does."""
        begins = draft.kind in _PERPENDICULAR and len(draft.points) % 2 == 0
        if draft.kind is Kind.POLYGON or begins:
            return False
        return sight.distance(point, draft.points[-1]) <= sight.tolerance / 3

    def _finish(self, sight: Sight) -> Step | None:
        """The measure drawn; none, with a sentence, where it has no extent."""
        draft = self.draft
        assert draft is not None
        if draft.kind is Kind.ABC2 and not draft.shares:
            assert isinstance(draft.plane, SlicePlane)
            self.draft = replace(draft, shares=self._propose(draft.plane, draft.points), cursor=None)
            return None
        points: tuple[Point, ...] | None = draft.points
        if draft.kind in _CORNERS:
            ring = without_repeats(draft.points)
            points = self._whole(
                simplify(ring, FREEHAND_PX) if draft.kind is Kind.FREEHAND and len(ring) > 2 else ring
            )
        if points is None or not shaping.has_extent(draft.kind, points, sight.scale):
            self.messages.append(NO_EXTENT)
            self.draft = None
            return None
        self.draft = None
        made = Measure(self._new_uid(), draft.kind, draft.plane, points, shares=draft.shares)
        return Step(f"measure {made.kind}", None, made)

    def _whole(self, ring: tuple[Point, ...]) -> tuple[Point, ...] | None:
        """A border that does not cross itself, None where it encloses nothing."""
        whole, crossed = shaping.largest_part(ring)
        if crossed and whole is not None:
            self.messages.append(CROSSED)
        return whole

    def _reshaped(self, base: Measure, changed: Measure) -> Step | None:
        if changed.kind in _CORNERS:
            ring = self._whole(changed.points)
            changed = replace(changed, points=ring) if ring is not None else changed
        scale = Scale()
        if not shaping.has_extent(changed.kind, changed.points, scale):
            self.messages.append(NO_EXTENT)
            return None
        return Step(f"change {base.kind}", base, changed)

    def _remove_corner(self, measure: Measure, corner: int) -> Step | None:
        if len(measure.points) <= POINTS[measure.kind][0]:
            self.messages.append(THREE_CORNERS)
            return None
        points = measure.points[:corner] + measure.points[corner + 1 :]
        return self._reshaped(measure, replace(measure, points=points))
