"""Undo and redo over immutable documents, bounded by memory rather than by a count."""

from collections import deque
from dataclasses import dataclass

from viewer.annotation.document import Document

_POINT_BYTES = 120
"""A point: two floats (24 bytes each), a pair (56), the reference to it (8), rounded up."""
_REFERENCE_BYTES = 8


@dataclass(frozen=True)
class _Step:
    """One state left behind: the document, and what was done to it next."""

    document: Document
    action: str
    size: int


def _size(document: Document, beside: Document) -> int:
    """Bytes that keeping `document` costs when `beside` is kept anyway (unchanged annotations are shared)."""
    shared = {id(annotation) for annotation in beside.annotations}
    new = (a for a in document.annotations if id(a) not in shared)
    points = sum(len(ring) for annotation in new for ring in annotation.rings)
    kept = {id(measure) for measure in beside.measures}
    points += sum(len(measure.points) for measure in document.measures if id(measure) not in kept)
    marks = len(document.reviewed_slices) if document.reviewed_slices is not beside.reviewed_slices else 0
    items = len(document.annotations) + len(document.measures) + len(document.marks)
    return 256 + _POINT_BYTES * points + _REFERENCE_BYTES * (items + 8 * marks)


class History:
    """The states to go back to and forward to. When `budget_bytes` is spent the oldest state is forgotten;
    the last step can always be undone."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes
        self._past: deque[_Step] = deque()
        self._future: list[_Step] = []
        self._spent = 0

    @property
    def undo_text(self) -> str:
        """What `undo` would take back, empty when nothing can be."""
        return self._past[-1].action if self._past else ""

    @property
    def redo_text(self) -> str:
        """What `redo` would do again, empty when nothing can be."""
        return self._future[-1].action if self._future else ""

    def push(self, previous: Document, document: Document, action: str) -> None:
        """Remember `previous`, which `action` turned into `document`. There is nothing to redo any more."""
        self._spent -= sum(step.size for step in self._future)
        self._future.clear()
        step = _Step(previous, action, _size(previous, document))
        self._past.append(step)
        self._spent += step.size
        while self._spent > self._budget and len(self._past) > 1:
            self._spent -= self._past.popleft().size

    def undo(self, document: Document) -> tuple[Document, str] | None:
        """The state before the last action and that action, or None."""
        if not self._past:
            return None
        step = self._past.pop()
        self._future.append(_Step(document, step.action, step.size))
        return step.document, step.action

    def redo(self, document: Document) -> tuple[Document, str] | None:
        """The state after the action undone last and that action, or None."""
        if not self._future:
            return None
        step = self._future.pop()
        self._past.append(_Step(document, step.action, step.size))
        return step.document, step.action
