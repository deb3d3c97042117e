"""The words around an image: who, how, where, the model's answer, orientation letters, problem badges."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from viewer.annotation.document import slice_name
from viewer.dicom.series import Note, Problem
from viewer.imaging.orientation import Orientation, edge_letters
from viewer.imaging.placement import Placement
from viewer.session import Session
from viewer.ui import captions, theme
from viewer.ui.captions import Shown
from viewer.ui.lettering import Placed, lettering
from viewer.ui.study_text import badge_colours, person, seen

MARGIN, LINE = 9, 17
"""Distance of the words from the edges and between lines, px."""
BADGE_HEIGHT, BADGE_GAP = 18, 4
LEAST_NAME_PX = 40
Line = tuple[float, float, str, str]
"""Left, top, text and colour."""


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


@dataclass(frozen=True)
class Still:
    """The words that stay from picture to picture, as they are drawn.

    lines: what `words` say and where. result: the model's answer in one line; where it goes depends on the words at
    the left of it.
    """

    lines: tuple[Line, ...]
    words: tuple[Placed, ...]
    badges: tuple[tuple[QRectF, Note], ...]
    result: str


class Corners:
    """Paints the words of one viewport; remembers where the badges are."""

    def __init__(self, session: Session, number: int) -> None:
        self._session = session
        self._number = number
        self._still = Still((), (), (), "")
        self._made_of: tuple[object, ...] = ()
        self._alive: tuple[object, ...] = ()  # so that the ids in `_made_of` stay theirs
        self._choose_fonts()
        session.preferences_changed.connect(self._choose_fonts)
        session.slice_scored.connect(self._forget)

    def _forget(self, _: object = None) -> None:
        self._made_of = ()

    def _choose_fonts(self, _: object = None) -> None:
        self._line = theme.scaled(LINE)
        self._words = lettering(theme.font(12))
        self._letters = lettering(theme.font(12, 600))
        self._small = theme.font(10.5, 500)
        self._small_words = lettering(self._small)
        self._forget()

    def sentence_at(self, point: QPointF) -> str:
        """The sentence of the badge under a point, empty beside them."""
        hidden = self._session.patient_hidden
        return next((note.told(hidden=hidden) for box, note in self._still.badges if box.contains(point)), "")

    def paint(self, painter: QPainter, shown: Shown, placement: Placement, room: Room) -> None:
        """Paint everything for what is shown."""
        ratio = painter.device().devicePixelRatioF()
        how = self._how(shown, placement, room)
        still = self._refreshed(shown, placement, room, ratio, tuple(self._words.width(line) for line in how))
        for place, word in still.words:
            painter.drawImage(place, word)
        for row, line in enumerate(how):
            self._draw(painter, self._at_right(room, MARGIN + row * self._line, line))
        self._paint_badges(painter)
        self._paint_bottom(painter, shown, room)

    def _how(self, shown: Shown, placement: Placement, room: Room) -> tuple[str, ...]:
        """How it is shown, line by line."""
        pane, magnification = shown.pane, placement.magnification
        inverted = pane.view.inverted
        how = captions.how_shown(pane.window, magnification, shown.volume.series, inverted=inverted)
        return how if room.large else how[:1]

    def _refreshed(
        self, shown: Shown, placement: Placement, room: Room, ratio: float, how_px: tuple[float, ...]
    ) -> Still:
        """The words that stay, made anew where anything that they tell of is another.

        how_px: widths of the lines at the right, which change with window and zoom.
        """
        session, pane, index = self._session, shown.pane, shown.slice_index
        orientation = shown.section.orientation(pane.stop)
        if index is not None and not shown.volume.loaded[index]:
            orientation = None
        turned = (placement.flip_horizontal, placement.flip_vertical, placement.quarter_turns)
        alive = (shown.volume, session.volume, session.studies, session.study, session.findings)
        values = (pane.window.name, how_px, turned, shown.offset_mm, room, ratio, orientation)
        asked = (session.patient_hidden, session.overlay, session.suspecting.asked)
        made_of = (*map(id, alive), *values, *asked)
        if made_of != self._made_of:
            self._made_of, self._alive = made_of, alive
            self._still = self._make(shown, placement, room, ratio, how_px, orientation)
        return self._still

    def _make(
        self,
        shown: Shown,
        placement: Placement,
        room: Room,
        ratio: float,
        how_px: tuple[float, ...],
        orientation: Orientation | None,
    ) -> Still:
        who = self._who(shown, room, how_px)
        words = list(who)
        if room.large or room.roomy:
            words.append(self._at_right(room, self._bottom(room), captions.RESEARCH, theme.QUIET))
        letters = () if orientation is None else self._edges(placement, orientation, room)
        placed = [
            font.placed(*line, ratio)
            for font, lines in ((self._words, words), (self._letters, letters))
            for line in lines
        ]
        below = MARGIN + len(who) * self._line + BADGE_GAP
        badges = self._place_badges(self._notes(shown) if room.large else (), below, room)
        result = self._result(shown) if room.large else ""
        return Still((*words, *letters), tuple(placed), tuple(badges), result)

    def _who(self, shown: Shown, room: Room, how_px: tuple[float, ...]) -> list[Line]:
        """Who and when, cut off where it would run into the words at the right."""
        session, series, pane = self._session, shown.volume.series, shown.pane
        beside = shown.volume is not session.volume
        if room.large or beside:
            study = next((s for s in session.studies if s.study_uid == series.study_uid), session.study)
            study = seen(study, hidden=session.patient_hidden) if study is not None else None
            who = captions.who_and_when(person(study) if study is not None else "", study, series)
        if not room.large:
            who = (*who[-2:], pane.window.name) if beside else (pane.window.name or "Custom",)
        if shown.offset_mm is not None:
            who = (*who, captions.linked_by(shown.offset_mm))
        free = room.width - room.right_px - max(how_px) - 4 * MARGIN
        widths = [free if row < len(how_px) else room.width / 2 for row in range(len(who))]
        return [
            _at_left(MARGIN + row * self._line, self._words.cut(line, max(width, LEAST_NAME_PX)))
            for row, (line, width) in enumerate(zip(who, widths, strict=True))
        ]

    def _result(self, shown: Shown) -> str:
        """The model's answer for the open series in one line."""
        session = self._session
        if shown.volume is not session.volume:
            return ""
        estimated = captions.has(shown.volume.series.notes, Problem.SPACING_ESTIMATED)
        asked = session.suspecting.asked if session.overlay else ()
        return captions.ai_result(session.findings, estimated=estimated, asked=asked)

    def _bottom(self, room: Room) -> float:
        return room.height - MARGIN - self._line

    def _paint_bottom(self, painter: QPainter, shown: Shown, room: Room) -> None:
        """Which picture it is, which changes with every step, and what has to keep clear of it."""
        first, second = captions.where(shown)
        bottom = self._bottom(room)
        if not room.large and not room.roomy:
            self._draw(painter, _at_left(bottom, first.split(" · ")[0]))
            if shown.slab is not None:
                self._draw(painter, self._at_right(room, bottom, second.split(" · ")[0]))
            return
        index = shown.slice_index
        place = None if index is None else shown.volume.series.slices[index]
        if place and slice_name(place.sop_uid, place.frame) in self._session.document.reviewed_slices:
            self._draw(painter, _at_left(bottom - 2 * self._line, captions.REVIEWED, theme.GREEN))
        self._draw(painter, _at_left(bottom - self._line, first))
        self._draw(painter, _at_left(bottom, second))
        result = self._still.result
        if result:
            taken = max(self._words.width(first), self._words.width(second))
            raised = self._words.width(result) > room.width - room.right_px - taken - 4 * MARGIN
            cut = self._words.cut(result, room.width - room.right_px - 3 * MARGIN)
            self._draw(painter, self._at_right(room, bottom - (2 if raised else 1) * self._line, cut))

    def _draw(self, painter: QPainter, line: Line) -> None:
        self._words.draw(painter, *line)

    def _edges(self, placement: Placement, orientation: Orientation, room: Room) -> tuple[Line, ...]:
        edges, letters, bottom = edge_letters(orientation, placement), self._letters, self._bottom(room)
        middle = room.height / 2 - letters.ascent / 2
        right = room.width - MARGIN - room.right_px - letters.width(edges.right)
        top_left, bottom_left = ((room.width - letters.width(each)) / 2 for each in (edges.top, edges.bottom))
        return (
            (top_left, MARGIN, edges.top, theme.AMBER),
            (bottom_left, bottom, edges.bottom, theme.AMBER),
            (MARGIN + 1, middle, edges.left, theme.AMBER),
            (right, middle, edges.right, theme.AMBER),
        )

    def _notes(self, shown: Shown) -> tuple[Note, ...]:
        """The problems of the series, and what the model said about its own answer."""
        findings, volume = self._session.findings, shown.volume
        if findings is None or volume is not self._session.volume:
            return volume.series.notes
        if findings.not_run:
            return (*volume.series.notes, Note(Problem.AI_NOT_RUN, "AI not run", findings.not_run))
        if findings.cautions:
            text = "Scored with caution. " + " ".join(findings.cautions)
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
        if not self._still.badges:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._small)
        for box, note in self._still.badges:
            fill, ink = badge_colours(note)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(fill))
            painter.drawRoundedRect(box, 3, 3)
            painter.setPen(QColor(ink))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, note.badge)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _at_right(self, room: Room, top: float, text: str, colour: str = "") -> Line:
        left = room.width - MARGIN - room.right_px - self._words.width(text)
        return (left, top, text, colour or theme.TEXT)


def _at_left(top: float, text: str, colour: str = "") -> Line:
    return (MARGIN + 1, top, text, colour or theme.TEXT)
