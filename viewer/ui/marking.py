"""Key images and bookmarks: marking the slice on screen, and going from one marked slice to the next."""

from dataclasses import replace

from viewer.annotation.document import Document
from viewer.imaging.windows import PRESETS, Window
from viewer.measures.mark import Mark, MarkKind
from viewer.session import Session

_WORDS = {MarkKind.KEY_IMAGE: "key image", MarkKind.BOOKMARK: "bookmark"}


class Marking:
    """Changes the marks of the open series through the session, each as a step that undo takes back."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def mark_here(self, kind: MarkKind) -> Mark | None:
        """The mark of this kind on the slice on screen, or None."""
        place = self._place()
        return next((m for m in self._session.document.marks if m.kind is kind and _at(m) == place), None)

    def toggle(self, kind: MarkKind) -> None:
        """Mark the slice on screen with the active viewport's window, or take the mark back."""
        place, session = self._place(), self._session
        if place is None:
            return
        found = self.mark_here(kind)
        if found is not None:
            self.remove(found)
            return
        window = session.windows[session.active_view]
        made = Mark(kind, *place, window=(window.width, window.level))
        self._revise((*session.document.marks, made), f"mark {_WORDS[kind]}")

    def remove(self, mark: Mark) -> None:
        """Take a mark back."""
        rest = tuple(each for each in self._session.document.marks if each.uid != mark.uid)
        self._revise(rest, f"unmark {_WORDS[mark.kind]}")

    def note(self, mark: Mark, note: str) -> None:
        """Write something beside a mark."""
        marks = self._session.document.marks
        changed = tuple(replace(each, note=note) if each.uid == mark.uid else each for each in marks)
        self._revise(changed, f"note at {_WORDS[mark.kind]}")

    def next(self, step: int) -> None:
        """Go to the next or the previous marked slice, round the ends; say so where none is marked."""
        session = self._session
        found = marked_slices(session)
        marked = sorted({index for index, _ in found})
        if not marked:
            session.notice(
                "info", "Nothing marked", "Mark a slice first: K for a key image, Shift+K for a bookmark."
            )
            return
        here = session.slice_index
        ahead = [index for index in marked if (index - here) * step > 0]
        best = min if step > 0 else max
        goal = best(ahead or marked)
        self.visit(goal, next(mark for index, mark in reversed(found) if index == goal))

    def visit(self, index: int, mark: Mark) -> None:
        """Go to a marked slice; a bookmark is seen through the window it was set in."""
        session = self._session
        session.set_slice_index(index)
        if mark.kind is MarkKind.BOOKMARK and mark.window is not None:
            width, level = mark.window
            known = (window for window in PRESETS.values() if (window.width, window.level) == mark.window)
            session.set_window(session.active_view, next(known, Window("", width, level)))

    def _place(self) -> tuple[str, int] | None:
        volume = self._session.volume
        if volume is None:
            return None
        header = volume.series.slices[self._session.slice_index]
        return (header.sop_uid, header.frame)

    def _revise(self, marks: tuple[Mark, ...], action: str) -> None:
        document: Document = replace(self._session.document, marks=marks)
        self._session.measuring.revise_requested.emit(document, action)


def marked_slices(session: Session) -> list[tuple[int, Mark]]:
    """The marks of the open series with their slices, from the first slice on, key images before bookmarks."""
    volume = session.volume
    if volume is None or not session.document.marks:
        return []
    place = {(header.sop_uid, header.frame): index for index, header in enumerate(volume.series.slices)}
    found = [(place[_at(mark)], mark) for mark in session.document.marks if _at(mark) in place]
    return sorted(found, key=lambda pair: (pair[0], pair[1].kind is MarkKind.BOOKMARK))


def _at(mark: Mark) -> tuple[str, int]:
    return (mark.sop_uid, mark.frame)
