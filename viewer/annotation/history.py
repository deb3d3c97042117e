"""Undo and redo over immutable states, bounded by memory rather than by a count."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from viewer.annotation.document import Annotation, Document

_POINT_BYTES = 120
"""A point: two floats (24 bytes each), a pair (56), the reference to it (8), rounded up."""
_REFERENCE_BYTES = 8


@dataclass(frozen=True)
class Moment:
    """All that undo brings back: the document, uids of proposals that were accepted or rejected, interpolated
    outlines that wait to be accepted."""

    document: Document
    settled: frozenset[str] = frozenset()
    ghosts: tuple[Annotation, ...] = field(default=())


@dataclass(frozen=True)
class _Step:
    """One state left behind, and what was done to it next. carried: how many changes of others are in it."""

    moment: Moment
    action: str
    size: int
    carried: int


def _points(annotations: Iterable[Annotation], kept: Iterable[Annotation]) -> int:
    shared = {id(annotation) for annotation in kept}
    return sum(len(ring) for a in annotations if id(a) not in shared for ring in a.rings)


def _size(moment: Moment, beside: Moment) -> int:
    """Bytes that keeping `moment` costs when `beside` is kept anyway (unchanged annotations are shared)."""
    document, other = moment.document, beside.document
    points = _points(document.annotations, other.annotations) + _points(moment.ghosts, beside.ghosts)
    kept = {id(measure) for measure in other.measures}
    points += sum(len(measure.points) for measure in document.measures if id(measure) not in kept)
    marks = len(document.reviewed_slices) if document.reviewed_slices is not other.reviewed_slices else 0
    marks += len(moment.settled) if moment.settled is not beside.settled else 0
    items = len(document.annotations) + len(document.measures) + len(document.marks) + len(moment.ghosts)
    return 256 + _POINT_BYTES * points + _REFERENCE_BYTES * (items + 8 * marks)


class History:
    """The states to go back to and forward to. When `budget_bytes` is spent the oldest state is forgotten;
    the last step can always be undone."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes
        self._past: deque[_Step] = deque()
        self._future: list[_Step] = []
        self._carries: list[Callable[[Document], Document]] = []
        self.spent_bytes = 0

    @property
    def undo_text(self) -> str:
        """What `undo` would take back, empty when nothing can be."""
        return self._past[-1].action if self._past else ""

    @property
    def redo_text(self) -> str:
        """What `redo` would do again, empty when nothing can be."""
        return self._future[-1].action if self._future else ""

    def push(self, previous: Moment, moment: Moment, action: str) -> None:
        """Remember `previous`, which `action` turned into `moment`. There is nothing to redo any more."""
        self.spent_bytes -= sum(step.size for step in self._future)
        self._future.clear()
        step = _Step(previous, action, _size(previous, moment), len(self._carries))
        self._past.append(step)
        self.spent_bytes += step.size
        while self.spent_bytes > self._budget and len(self._past) > 1:
            self.spent_bytes -= self._past.popleft().size

    def undo(self, moment: Moment) -> tuple[Moment, str] | None:
        """The state before the last action and that action, or None."""
        if not self._past:
            return None
        step = self._past.pop()
        self._future.append(_Step(moment, step.action, step.size, len(self._carries)))
        return self._carried(step), step.action

    def redo(self, moment: Moment) -> tuple[Moment, str] | None:
        """The state after the action undone last and that action, or None."""
        if not self._future:
            return None
        step = self._future.pop()
        self._past.append(_Step(moment, step.action, step.size, len(self._carries)))
        return self._carried(step), step.action

    def carry(self, change: Callable[[Document], Document]) -> None:
        """Have every document that was left behind changed, too, once undo or redo leads to it."""
        if self._past or self._future:
            self._carries.append(change)

    def _carried(self, step: _Step) -> Moment:
        document = step.moment.document
        for change in self._carries[step.carried :]:
            document = change(document)
        return replace(step.moment, document=document)
