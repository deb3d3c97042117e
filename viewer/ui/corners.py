"""The words around an image: who, how, where, the model's answer, orientation letters, problem badges."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from viewer.dicom.series import Note, Problem
from viewer.imaging.orientation import Orientation, edge_letters
from viewer.imaging.placement import Placement
from viewer.session import Session
from viewer.ui import captions, theme
from viewer.ui.captions import Shown
from viewer.ui.lettering import lettering
from viewer.ui.study_text import badge_colours, person, seen

MARGIN, LINE = 9, 17
"""Distance of the words from the edges and between lines, px."""
BADGE_HEIGHT, BADGE_GAP = 18, 4
LEAST_NAME_PX = 40


@dataclass(frozen=True)
class Room:
    """A viewport's size in px; `right_px` of it are kept free at the right.

    large: all is said. roomy: there is room for two lines below, and for AI and the notice at the right.
    """

    width: int
    height: int
    right_px: int
    large: bool
    roomy: bool = False


class Corners:
    """Paints the words of one viewport; remembers where the badges are."""

    def __init__(self, session: Session, number: int) -> None:
        self._session = session
        self._number = number
        self._badges: list[tuple[QRectF, Note]] = []
        self._choose_fonts()
        session.preferences_changed.connect(self._choose_fonts)

    def _choose_fonts(self, _: object = None) -> None:
        self._line = theme.scaled(LINE)
        self._words = lettering(theme.font(12))
        self._letters = lettering(theme.font(12, 600))
        self._small = theme.font(10.5, 500)
        self._small_words = lettering(self._small)

    def sentence_at(self, point: QPointF) -> str:
        """The sentence of the badge under a point, empty beside them."""
        hidden = self._session.patient_hidden
        return next((note.told(hidden=hidden) for box, note in self._badges if box.contains(point)), "")

    def paint(self, painter: QPainter, shown: Shown, placement: Placement, room: Room) -> None:
        """Paint everything for what is shown."""
        top = self._paint_top(painter, shown, placement, room)
        self._badges = self._place_badges(self._notes(shown) if room.large else (), top, room)
        self._paint_badges(painter)
        self._paint_bottom(painter, shown, room)
        index = shown.slice_index
        orientation = shown.section.orientation(shown.pane.stop)
        if orientation is not None and (index is None or shown.volume.loaded[index]):
            self._paint_letters(painter, placement, orientation, room)

    def _paint_top(self, painter: QPainter, shown: Shown, placement: Placement, room: Room) -> float:
        """Who and when at the left, how it is shown at the right; returns the height at which the left ends."""
        session, series, pane = self._session, shown.volume.series, shown.pane
        beside = shown.volume is not session.volume
        how = captions.how_shown(pane.window, placement.magnification, series, inverted=pane.view.inverted)
        if room.large or beside:
            study = next((s for s in session.studies if s.study_uid == series.study_uid), session.study)
            study = seen(study, hidden=session.patient_hidden) if study is not None else None
            who = captions.who_and_when(person(study) if study is not None else "", study, series)
        if not room.large:
            how = how[:1]
            who = (*who[-2:], pane.window.name) if beside else (pane.window.name or "Custom",)
        if shown.offset_mm is not None:
            who = (*who, captions.linked_by(shown.offset_mm))
        taken = max(self._words.width(line) for line in how)
        free = room.width - room.right_px - taken - 4 * MARGIN
        for row, line in enumerate(how):
            self._at_right(painter, room, MARGIN + row * self._line, line)
        for row, line in enumerate(who):
            width = free if row < len(how) else room.width / 2
            self._at_left(
                painter, MARGIN + row * self._line, self._words.cut(line, max(width, LEAST_NAME_PX))
            )
        return float(MARGIN + len(who) * self._line + BADGE_GAP)

    def _paint_bottom(self, painter: QPainter, shown: Shown, room: Room) -> None:
        session, volume, index = self._session, shown.volume, shown.slice_index
        first, second = captions.where(shown)
        bottom = room.height - MARGIN - self._line
        if not room.large and not room.roomy:
            self._at_left(painter, bottom, first.split(" · ")[0])
            if shown.slab is not None:
                self._at_right(painter, room, bottom, second.split(" · ")[0])
            return
        sop_uid = "" if index is None else volume.series.slices[index].sop_uid
        if sop_uid in session.document.reviewed_slices:
            self._words.draw(painter, MARGIN + 1, bottom - 2 * self._line, captions.REVIEWED, theme.GREEN)
        self._at_left(painter, bottom - self._line, first)
        self._at_left(painter, bottom, second)
        self._at_right(painter, room, bottom, captions.RESEARCH, theme.QUIET)
        if volume is not session.volume or not room.large:
            return
        estimated = captions.has(volume.series.notes, Problem.SPACING_ESTIMATED)
        asked = session.suspecting.asked if session.overlay else ()
        result = captions.ai_result(session.findings, estimated=estimated, asked=asked)
        taken = max(self._words.width(first), self._words.width(second))
        raised = self._words.width(result) > room.width - room.right_px - taken - 4 * MARGIN
        cut = self._words.cut(result, room.width - room.right_px - 3 * MARGIN)
        self._at_right(painter, room, bottom - (2 if raised else 1) * self._line, cut)

    def _paint_letters(
        self, painter: QPainter, placement: Placement, orientation: Orientation, room: Room
    ) -> None:
        edges, letters = edge_letters(orientation, placement), self._letters
        middle = room.height / 2 - letters.ascent / 2
        right = room.width - MARGIN - room.right_px - letters.width(edges.right)
        bottom = room.height - MARGIN - self._line
        letters.draw(painter, (room.width - letters.width(edges.top)) / 2, MARGIN, edges.top, theme.AMBER)
        letters.draw(
            painter, (room.width - letters.width(edges.bottom)) / 2, bottom, edges.bottom, theme.AMBER
        )
        letters.draw(painter, MARGIN + 1, middle, edges.left, theme.AMBER)
        letters.draw(painter, right, middle, edges.right, theme.AMBER)

    def _notes(self, shown: Shown) -> tuple[Note, ...]:
        """The problems of the series, and what the model said about its own answer."""
        findings, volume = self._session.findings, shown.volume
        if findings is None or volume is not self._session.volume:
            return volume.series.notes
        if findings.not_run:
            return (*volume.series.notes, Note(Problem.AI_NOT_RUN, "AI not run", findings.not_run))
        if findings.cautions:
            text = "Scored with caution: " + ", ".join(findings.cautions)
            return (*volume.series.notes, Note(Problem.AI_CAUTION, "AI: scored with caution", text))
        return volume.series.notes

    def _place_badges(self, notes: tuple[Note, ...], top: float, room: Room) -> list[tuple[QRectF, Note]]:
        """Boxes from left to right in the left half, below each other where they do not fit."""
        placed: list[tuple[QRectF, Note]] = []
        x = float(MARGIN)
        for note in notes:
            width = self._small_words.width(note.badge) + 12
            if x > MARGIN and x + width > room.width / 2:
                x, top = float(MARGIN), top + BADGE_HEIGHT + BADGE_GAP
            placed.append((QRectF(x, top, width, BADGE_HEIGHT), note))
            x += width + BADGE_GAP
        return placed

    def _paint_badges(self, painter: QPainter) -> None:
        if not self._badges:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._small)
        for box, note in self._badges:
            fill, ink = badge_colours(note)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(fill))
            painter.drawRoundedRect(box, 3, 3)
            painter.setPen(QColor(ink))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, note.badge)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _at_left(self, painter: QPainter, top: float, text: str) -> None:
        self._words.draw(painter, MARGIN + 1, top, text, theme.TEXT)

    def _at_right(
        self, painter: QPainter, room: Room, top: float, text: str, colour: str = theme.TEXT
    ) -> None:
        left = room.width - MARGIN - room.right_px - self._words.width(text)
        self._words.draw(painter, left, top, text, colour)
