"""The measuring tools of the viewports: the mouse to the tracker, and measures painted on the pictures.

The rules are in `viewer.measures`; this translates between the screen and a picture's plane.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QTransform

from viewer.annotation.document import Document
from viewer.dicom.volume import Volume
from viewer.imaging.placement import Placement
from viewer.imaging.sections import Acquired
from viewer.measures import abc2, segmented
from viewer.measures.geometry import Scale
from viewer.measures.measure import CutPlane, Kind, Measure, Plane, Point, Share, SlicePlane
from viewer.measures.readings import index_of, scale_of
from viewer.measures.tracker import Sight, Step, Tracker
from viewer.measuring import Drawing
from viewer.session import Mode, Session, Tool
from viewer.ui.regions import told
from viewer.ui.viewport import Viewport

KINDS: dict[Tool, Kind] = {
    Tool.LENGTH: Kind.LENGTH,
    Tool.ANGLE: Kind.ANGLE,
    Tool.BIDIRECTIONAL: Kind.BIDIRECTIONAL,
    Tool.ELLIPSE: Kind.ELLIPSE,
    Tool.RECTANGLE: Kind.RECTANGLE,
    Tool.POLYGON_ROI: Kind.POLYGON,
    Tool.FREEHAND: Kind.FREEHAND,
    Tool.PROBE: Kind.PROBE,
    Tool.ABC2: Kind.ABC2,
    Tool.MIDLINE: Kind.MIDLINE,
}
"""What each measuring tool makes."""
REACH_PX = 6.0
"""How near to a grip or a line the cursor counts as on it, on the screen."""
_SLICES_ONLY = frozenset({Kind.ABC2, Kind.MIDLINE})
_PARALLEL = 1 - 1e-6

NOT_READ = "What was measured on this series before is still being read. Try again in a moment."
ELSEWHERE = "A measure is open on another series. Go back and finish it, or cancel it with Esc."
NO_PLACE = "The positions of these slices are unknown, so nothing can be measured across them."
ON_SLICES = (
    "This is defined on source slices. Measure it in a viewport that shows them as they were acquired."
)


@dataclass(frozen=True)
class Lens:
    """A viewport's picture as measures see it: points of its plane and points of the screen.

    start: the plane's point at the picture's upper left corner. step: the plane's units a pixel (across, down).
    """

    plane: Plane
    placement: Placement
    scale: Scale
    start: Point = (0.0, 0.0)
    step: Point = (1.0, 1.0)

    def point(self, at: QPointF) -> Point:
        """The plane's point under a point of the screen."""
        x, y = self.placement.to_image((at.x(), at.y()))
        return (self.start[0] + x * self.step[0], self.start[1] + y * self.step[1])

    def on_screen(self, points: tuple[Point, ...]) -> list[QPointF]:
        """The points of the screen of points of the plane."""
        a, b, c, d, e, f = self.placement.matrix
        found = []
        for x, y in points:
            u, v = (x - self.start[0]) / self.step[0], (y - self.start[1]) / self.step[1]
            found.append(QPointF(a * u + b * v + e, c * u + d * v + f))
        return found

    @cached_property
    def transform(self) -> QTransform:
        """From the plane to the screen."""
        a, b, c, d, e, f = self.placement.matrix
        (x, y), (across, down) = self.start, self.step
        a, b, c, d = a / across, b / down, c / across, d / down
        return QTransform(a, c, b, d, e - a * x - b * y, f - c * x - d * y)

    @property
    def sight(self) -> Sight:
        """What the tracker needs to know of it."""
        on_slice = isinstance(self.plane, SlicePlane)
        shape = (self.placement.rows, self.placement.columns) if on_slice else None
        return Sight(self.plane, self.scale, REACH_PX / self._px_per_unit, shape)

    @property
    def _px_per_unit(self) -> float:
        """Screen pixels a unit of the scale (a mm, or a pixel where those have no size)."""
        return self.placement.magnification / self.step[0] / self.scale.across

    def shown(self, measure: Measure) -> tuple[Point, ...] | None:
        """A measure's points in this plane, None where it lies in another."""
        if measure.plane == self.plane:
            return measure.points
        theirs, ours = measure.plane, self.plane
        if not isinstance(theirs, CutPlane) or not isinstance(ours, CutPlane):
            return None
        if abs(float(np.dot(theirs.normal, ours.normal))) < _PARALLEL:
            return None
        if abs(ours.behind_mm(theirs.patient_mm(measure.points[0]))) > max(self.step) / 2:
            return None
        return tuple(ours.point(theirs.patient_mm(point)) for point in measure.points)


def lens_of(viewport: Viewport) -> Lens | None:
    """The lens of a viewport, None without a picture or a place for it."""
    volume, placement, section = viewport.volume, viewport.placement(), viewport.section
    if volume is None or placement is None or section is None:
        return None
    if isinstance(section, Acquired):
        header = volume.series.slices[viewport.slice_index]
        plane = SlicePlane(header.sop_uid, header.frame)
        return Lens(plane, placement, scale_of(volume, plane))
    orientation = section.orientation(viewport.pane.stop)
    corner = section.patient_mm(viewport.pane.stop, (0.0, 0.0))
    if orientation is None or corner is None:
        return None
    right, down = orientation[:3], orientation[3:]
    cut = CutPlane(right, down, float(np.dot(np.cross(right, down), corner)))
    step = (section.spacing_mm[1], section.spacing_mm[0])
    return Lens(cut, placement, scale_of(volume, cut), cut.point(corner), step)


class MeasureHands(QObject):
    """The mouse on measures. The events are asked first; True: taken, nobody else is to act on it."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._tracker = Tracker(self._propose)
        self._volume: Volume | None = None  # the series that is measured on
        measuring = session.measuring
        measuring.weigh_requested.connect(self._weigh)
        measuring.finish_requested.connect(self.close)
        measuring.take_back_requested.connect(self.take_back)
        measuring.cancel_requested.connect(self.cancel)
        session.tool_changed.connect(self._tool_changed)
        session.volume_changed.connect(self._reset)

    # mouse

    def press(self, viewport: Viewport, event: QMouseEvent) -> bool:
        """The left button goes down."""
        lens = self._lens(viewport)
        if lens is None:
            return self._session.tool in KINDS
        held = event.modifiers()
        step = self._tracker.press(
            lens.point(event.position()),
            lens.sight,
            self._on(lens),
            add=bool(held & Qt.KeyboardModifier.AltModifier),
            remove=bool(held & Qt.KeyboardModifier.ShiftModifier),
        )
        hit = self._tracker.hit
        taken = self._session.tool in KINDS or hit is not None
        if not self._tracker.draft and taken:
            self._session.measuring.set_selection(hit.uid if hit else None)
        self._show(step)
        return taken

    def move(self, viewport: Viewport, event: QMouseEvent) -> bool:
        """The cursor moves; taken while something is drawn or dragged."""
        lens = self._lens(viewport, quiet=True)
        if lens is None:
            return self._tracker.busy
        held = bool(event.buttons() & Qt.MouseButton.LeftButton)
        self._tracker.move(lens.point(event.position()), lens.sight, self._on(lens), held=held)
        self._show(None)
        return self._tracker.busy

    def release(self, viewport: Viewport, event: QMouseEvent) -> bool:
        """The left button comes up."""
        lens = self._lens(viewport, quiet=True)
        if lens is None:
            return False
        was = self._tracker.busy
        self._show(self._tracker.release(lens.point(event.position()), lens.sight))
        return was

    def double_click(self, viewport: Viewport, event: QMouseEvent) -> bool:
        """Close a polygon; for every other tool a second press."""
        draft = self._tracker.draft
        lens = self._lens(viewport, quiet=True)
        if draft is not None and draft.kind is Kind.POLYGON and lens is not None:
            self._show(self._tracker.double_click(lens.sight))
            return True
        return self._session.tool in KINDS and self.press(viewport, event)

    def leave(self, _viewport: Viewport) -> None:
        """Nothing lies under the cursor any more."""
        self._tracker.hit = None
        self._show(None)

    @property
    def cursor(self) -> Qt.CursorShape | None:
        """The mouse cursor that says what lies under it, None where that is nothing of a measure."""
        hit = self._session.measuring.drawing.hit
        if hit is None or self._session.mode is not Mode.READ:
            return None
        return Qt.CursorShape.SizeAllCursor if hit.grip is None else Qt.CursorShape.PointingHandCursor

    # keys

    def close(self) -> bool:
        """Finish the polygon, or the ABC/2 whose slices are weighed."""
        volume, draft = self._volume, self._tracker.draft
        if volume is None or draft is None:
            return False
        self._show(self._tracker.close(scale_of(volume, draft.plane)))
        return True

    def take_back(self) -> bool:
        """Take the last point of what is being drawn back."""
        done = self._tracker.take_back()
        self._show(None)
        return done

    def cancel(self) -> bool:
        """Give up what is being drawn; else deselect. False where there was neither."""
        done = self._tracker.cancel()
        if not done and self._session.measuring.selection is not None:
            self._session.measuring.set_selection(None)
            done = True
        self._show(None)
        return done

    def delete(self) -> bool:
        """Delete the selected measure."""
        found = self._session.measured_by(self._session.measuring.selection)
        if found is None or self._tracker.busy:
            return False
        self._volume, _, measure = found
        self._show(Step(f"delete {measure.kind}", measure, None))
        return True

    # within

    def _lens(self, viewport: Viewport, *, quiet: bool = False) -> Lens | None:
        """The lens of a viewport in which the tool can measure; else why not, said once a tool."""
        self._tracker.kind = KINDS.get(self._session.tool)
        volume = viewport.volume
        if self._session.mode is not Mode.READ or volume is None:
            return None
        why, lens = self._why_not(volume), None
        if not why:
            self._volume = volume
            lens = lens_of(viewport)
            if lens is None:
                why = NO_PLACE
            elif self._tracker.kind in _SLICES_ONLY and not isinstance(lens.plane, SlicePlane):
                why, lens = ON_SLICES, None
        if why and self._tracker.kind is not None and not quiet:
            self._session.notice("info", "Not measured here", why)
        return lens

    def _why_not(self, volume: Volume) -> str:
        """Why nothing can be measured on a series now; empty where it can."""
        opened = self._session.volume
        if self._tracker.busy and volume is not self._volume:
            return ELSEWHERE
        if opened is None or volume is opened:
            return ""
        return NOT_READ if self._session.document_of(volume) is None else ""

    @property
    def _document(self) -> Document:
        """What was left on the series that is measured on."""
        return self._session.document_of(self._volume) or self._session.document

    def _on(self, lens: Lens) -> tuple[Measure, ...]:
        """The measures in a lens's plane, in its points, the selected one last."""
        shown = []
        for measure in self._document.measures:
            points = lens.shown(measure)
            if points is not None:
                shown.append(replace(measure, plane=lens.plane, points=points))
        shown.sort(key=lambda measure: measure.uid == self._session.measuring.selection)
        return tuple(shown)

    def _propose(self, plane: SlicePlane, points: tuple[Point, ...]) -> tuple[Share, ...]:
        """The slices with blood that a segmentation around A and B suggests; the slice itself without one."""
        volume = self._volume
        assert volume is not None
        index = index_of(volume, plane.sop_uid, plane.frame)
        found = segmentations(self._session, volume, index, points) if index is not None else ()
        if index is None or not found:
            return (Share(plane.sop_uid, plane.frame, 1.0),)
        slices = [(header.sop_uid, header.frame) for header in volume.series.slices]
        return abc2.proposed(found[0].areas_px, index, slices)

    def _weigh(self, shares: tuple[Share, ...]) -> None:
        self._tracker.weigh(shares)
        self._show(None)

    def _tool_changed(self, tool: Tool) -> None:
        """A draft of another tool is given up; guided ones begin at their first step."""
        self._tracker.kind = KINDS.get(tool)
        if self._tracker.draft is not None and self._tracker.draft.kind is not self._tracker.kind:
            self._tracker.cancel()
        self._show(None)

    def _reset(self, _: object) -> None:
        self._tracker.cancel()
        self._tracker.hit = None
        self._volume = None
        self._session.measuring.set_selection(None)
        self._show(None)

    def _show(self, step: Step | None) -> None:
        """Show the tracker's state, and have a finished step done."""
        session, tracker = self._session, self._tracker
        if step is not None:
            document = after(self._document, step)
            session.measuring.revise_requested.emit(document, step.action)
            session.measuring.set_selection(step.after.uid if step.after is not None else None)
        series = self._volume.series.key if self._volume is not None else None
        session.measuring.set_drawing(Drawing(tracker.draft, tracker.changed, tracker.hit, series))
        for message in tracker.take_messages():
            session.notice("info", "Measure", message)


def after(document: Document, step: Step) -> Document:
    """The document once a step is done."""
    made, gone = step.after, step.before
    if gone is None:
        return replace(document, measures=(*document.measures, *((made,) if made else ())))
    rest = (
        (made if made is not None else None) if measure.uid == gone.uid else measure
        for measure in document.measures
    )
    return replace(document, measures=tuple(measure for measure in rest if measure is not None))


def segmentations(
    session: Session, volume: Volume, index: int, points: tuple[Point, ...]
) -> tuple[segmented.Segmentation, ...]:
    """What is drawn and what the model found around points of a slice, what is drawn first."""
    document = session.document_of(volume)
    sources = [("drawn", segmented.drawn_masks(volume, document))] if document is not None else []
    found = session.findings
    if found is not None and volume is session.volume:
        sources.append(("AI", found.masks))
    suspected = {} if found is None else {"AI": told(found)}
    return segmented.around(volume, sources, index, points, suspected)
