"""One viewport: paints the slice, what lies on it and the words around it; hands the mouse on."""

from math import dist
from typing import Protocol

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QFocusEvent,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from viewer.dicom.volume import Volume
from viewer.imaging.pane import Pane
from viewer.imaging.placement import Placement, ViewState
from viewer.imaging.reformat import Cut, Vector
from viewer.imaging.sections import Acquired, Across, Section
from viewer.imaging.slabs import Slab
from viewer.imaging.turned import Turned
from viewer.imaging.windows import Window
from viewer.session import Mode, Session
from viewer.ui import captions, theme
from viewer.ui.captions import Shown
from viewer.ui.corners import MARGIN, Corners, Room
from viewer.ui.gathering import Gathering
from viewer.ui.guides import Guides
from viewer.ui.picture import Overlays, Picture, Wanted
from viewer.ui.study_text import SERIES_MIME

WAITING = "The series is being read …"
GROUND, FRAME = QColor("#000000"), QColor("#191d23")


class Layer(Protocol):
    """Something painted on the slice, in screen coordinates."""

    def paint(self, painter: QPainter, viewport: "Viewport", placement: Placement) -> None:
        """Paint what belongs to the current slice."""


class Hands(Protocol):
    """Who the mouse is handed to."""

    def press(self, viewport: "Viewport", event: QMouseEvent) -> None:
        """A button went down."""

    def move(self, viewport: "Viewport", event: QMouseEvent) -> None:
        """The cursor moved, with or without a button."""

    def release(self, viewport: "Viewport", event: QMouseEvent) -> None:
        """A button went up."""

    def double_click(self, viewport: "Viewport", event: QMouseEvent) -> None:
        """The second press of a double click."""

    def wheel(self, viewport: "Viewport", event: QWheelEvent) -> None:
        """The wheel turned."""

    def leave(self, viewport: "Viewport") -> None:
        """The cursor left."""


class Viewport(QWidget):
    """The `number`th viewport: what its pane shows, and how.

    layers: painted on slices of the open series. cut_layers: on pictures cut across it, and on other series.
    large: whether it is one of the largest; first: of its series; roomy: with room for more than a name. The first
    large one of a series says all of it. `right_px` is kept free of words at the right (slice strip).
    pictures: how often it was painted. stale: whether something changed since it was painted last.
    """

    def __init__(self, session: Session, number: int, overlays: Overlays, parent: QWidget) -> None:
        super().__init__(parent)
        self.number = number
        self.large = number == 0
        self.right_px = 0
        self.roomy = False
        self.first = True
        self.stale = True
        self.layers: list[Layer] = []
        self.cut_layers: list[Layer] = []
        self.hands: Hands | None = None
        self.pictures = 0
        self._session = session
        self._panes = session.panes
        self._overlays = overlays
        self._picture = Picture(overlays.shared)
        self._corners = Corners(session, number)
        self._guides = Guides(session.panes, number)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Viewport {number + 1}")
        self._drop = False
        self._placed: tuple[Section, ViewState, tuple[int, int], Placement] | None = None
        self._gathering = Gathering(session, number, self)
        self._gathering.renewed.connect(self.mark_stale)
        for signal in (
            session.slice_index_changed,
            session.windows_changed,
            session.active_view_changed,
            session.view_changed,
            session.overlay_changed,
            session.suspecting.changed,
            session.suspecting.style_changed,
            session.suspecting.evidence_changed,
            session.suspecting.current_changed,
            session.receiving.overlay_changed,
            session.receiving.hidden_changed,
            session.findings_changed,
            session.series_changed,
            session.studies_changed,
            session.study_opened,
            session.mode_changed,
            session.panes.guides_changed,
            session.panes.links_changed,
        ):
            signal.connect(self.mark_stale)
        session.panes.changed.connect(self._pane_changed)
        session.volume_changed.connect(self._volume_changed)
        session.preferences_changed.connect(self._clear)
        session.slice_loaded.connect(self._slice_changed)
        session.slice_scored.connect(self._slice_changed)

    # what it shows; while the layout changes there may be more viewports than panes

    @property
    def pane(self) -> Pane:
        """What is to be shown, and how."""
        panes = self._panes.panes
        return panes[min(self.number, len(panes) - 1)]

    @property
    def volume(self) -> Volume | None:
        """The volume it shows a slice of, or cuts."""
        return self._panes.volume(self.number) if self.number < len(self._panes.panes) else None

    @property
    def section(self) -> Section | None:
        """What it scrolls through."""
        return self._panes.section(self.number) if self.number < len(self._panes.panes) else None

    @property
    def slice_index(self) -> int:
        """The slice of `volume` that it shows; of a cut, the slice of the open series that was looked at last."""
        return self.pane.stop if isinstance(self.section, Acquired) else self._session.slice_index

    @property
    def cut(self) -> Cut | None:
        """The picture that it shows across the slices, with its place; None where it shows a slice."""
        section = self.section
        return section.cut(self.pane.stop) if isinstance(section, Across | Turned) else None

    @property
    def slab(self) -> Slab | None:
        """The slab it shows; while annotating, slices are shown as they are."""
        annotating = self._session.mode is Mode.ANNOTATE and isinstance(self.section, Acquired)
        return None if annotating else self.pane.slab

    @property
    def window_shown(self) -> Window:
        """The window this viewport shows."""
        return self.pane.window

    def room(self) -> Room:
        """The room for words."""
        return Room(self.width(), self.height(), self.right_px, self.large and self.first, self.roomy)

    def placement(self) -> Placement | None:
        """Where the image lies now, None without an image."""
        section, view, size = self.section, self.pane.view, (self.width(), self.height())
        if section is None or size[0] < 1 or size[1] < 1:
            return None
        placed = self._placed
        if placed is None or placed[0] is not section or placed[1] is not view or placed[2] != size:
            lies = Placement.of(section.shape, section.spacing_mm, size, view)
            placed = self._placed = (section, view, size, lies)
        return placed[3]

    def to_patient_mm(self, point: QPointF) -> Vector | None:
        """The place under a screen point."""
        placement, section = self.placement(), self.section
        if placement is None or section is None:
            return None
        return section.patient_mm(self.pane.stop, placement.to_image((point.x(), point.y())))

    def from_patient_mm(self, place: Vector) -> tuple[QPointF, float] | None:
        """The screen point of a place, and how many mm the place lies off the picture's plane."""
        placement, section = self.placement(), self.section
        point = None if section is None else section.image_point(place)
        if placement is None or section is None or point is None:
            return None
        seen = section.patient_mm(self.pane.stop, (point[1], point[2])) or place
        return QPointF(*placement.to_screen((point[1], point[2]))), dist(seen, place)

    def hu_at(self, pixel: tuple[int, int]) -> int | None:
        """HU that is shown in a pixel (column, row) of the picture, None while it is not there."""
        volume, section, placement = self.volume, self.section, self.placement()
        if volume is None or section is None or placement is None or not self._ready():
            return None
        return int(self._picture.hu(self._wanted(volume, section, placement))[pixel[1], pixel[0]])

    def _ready(self) -> bool:
        """Whether there is something to show: a slice that was read, or any slice to cut."""
        volume, section = self.volume, self.section
        if volume is None or section is None:
            return False
        if isinstance(section, Acquired):
            return bool(volume.loaded[self.pane.stop])
        if volume is self._session.volume:
            return self._gathering.there > 0
        return bool(volume.loaded.any())

    def mark_stale(self, _: object = None) -> None:
        """Say that something changed; it is painted with the next frame."""
        self.stale = True
        self.update()

    def _volume_changed(self, _: object) -> None:
        self._gathering.begin()
        self._clear()

    def _clear(self, _: object = None) -> None:
        self._picture.clear()
        self.mark_stale()

    def _pane_changed(self, number: int) -> None:
        if number == self.number:
            self.mark_stale()

    def _slice_changed(self, index: int) -> None:
        """A slice of the open series arrived or was scored: cuts, slabs and the slice itself show it, first where
        the reader works."""
        if isinstance(self.section, Acquired) and self.pane.slab is None:
            if index == self.pane.stop:
                (self.mark_stale if self.number == self._session.active_view else self._gathering.soon)()
        else:
            self._gathering.add()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Image, layers, words, frame."""
        self.stale = False
        self.pictures += 1
        painter = QPainter(self)
        try:
            self._paint(painter)
        finally:
            painter.end()  # a painter that outlives its event takes the process down

    def _paint(self, painter: QPainter) -> None:
        volume, section, placement = self.volume, self.section, self.placement()
        if placement is None or not self._ready():
            painter.fillRect(self.rect(), GROUND)
        elif not placement.fills:
            for box in placement.uncovered:
                painter.fillRect(QRect(*box), GROUND)
        if volume is not None and section is not None and placement is not None:
            self._paint_picture(painter, volume, section, placement)
            self._corners.paint(painter, self.shown(volume, section), placement, self.room())
        elif self.number < len(self._panes):
            self._say(painter, self._panes.why_not(self.number) or WAITING, theme.QUIET)
        active = self._session.active_view == self.number
        painter.setPen(QColor(theme.ACCENT) if active or self._drop else FRAME)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def shown(self, volume: Volume, section: Section) -> Shown:
        """What the words are about."""
        return Shown(volume, section, self.pane, self.slab, self._panes.offset(self.number))

    def _say(self, painter: QPainter, text: str, colour: str) -> None:
        painter.setFont(theme.font(12))
        painter.setPen(QColor(colour))
        room = QRectF(self.rect()).adjusted(MARGIN * 4, 0, -MARGIN * 4 - self.right_px, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)

    def _paint_picture(
        self, painter: QPainter, volume: Volume, section: Section, placement: Placement
    ) -> None:
        stop = self.pane.stop
        if not self._ready():
            failed = isinstance(section, Acquired) and bool(volume.failed[stop])
            ours = volume is self._session.volume and not self._session.patient_hidden  # it names a file
            reason = self._session.slice_errors.get(stop, "") if ours else ""
            text = captions.failed_text(stop, reason) if failed else f"Slice {stop + 1} is being read …"
            self._say(painter, text, theme.RED if failed else theme.QUIET)
            return
        image = self._picture.of(self._wanted(volume, section, placement))
        a, b, c, d, e, f = placement.matrix
        swapped = placement.quarter_turns % 2 == 1
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(QTransform(b, d, a, c, e, f) if swapped else QTransform(a, c, b, d, e, f))
        painter.drawImage(QPointF(0, 0), image)
        painter.resetTransform()
        for layer in self.layers if self._panes.shows_open(self.number) else self.cut_layers:
            layer.paint(painter, self, placement)
        self._guides.paint(painter, section, placement)

    def _wanted(self, volume: Volume, section: Section, placement: Placement) -> Wanted:
        stop, slab = self.pane.stop, self.slab
        whole = isinstance(section, Acquired) and slab is None
        ours = volume is self._session.volume
        loaded = 0 if whole else self._gathering.there if ours else int(volume.loaded.sum())
        overlay = None
        if self.pane.overlay and ours:
            plain = isinstance(section, Acquired)
            overlay = self._overlays.of(stop) if plain else self._overlays.of_cut(section, stop)
        return Wanted(
            (id(section), id(volume), stop, slab, loaded),
            lambda: section.hu(stop, slab),
            self.window_shown,
            overlay,
            inverted=self.pane.view.inverted != volume.series.inverted,
            transposed=placement.quarter_turns % 2 == 1,
            palette=self._overlays.palette(),
        )

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take a series from the list."""
        if event.mimeData().hasFormat(SERIES_MIME):
            self._drop = True
            self.mark_stale()
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """The series goes elsewhere."""
        self._drop = False
        self.mark_stale()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Ask for the series that was dropped to be shown here."""
        self._drop = False
        self.mark_stale()
        uid = event.mimeData().data(SERIES_MIME).toStdString()
        event.acceptProposedAction()
        if uid:
            self._session.pane_series_requested.emit(self.number, uid)

    def event(self, event: QEvent) -> bool:
        """Show a badge's sentence as tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = self._corners.sentence_at(QPointF(event.pos()))
            if text:
                QToolTip.showText(event.globalPos(), text, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """The viewport with the keyboard is the active one."""
        self._session.set_active_view(self.number)
        super().focusInEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.press(self, event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.move(self, event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.release(self, event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.double_click(self, event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.wheel(self, event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Hand on."""
        if self.hands is not None:
            self.hands.leave(self)
        super().leaveEvent(event)
