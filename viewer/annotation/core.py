"""The document at work: what is selected, which rules hold, how a change becomes an edit that can be undone."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from model.labels import CODES
from viewer.annotation import words
from viewer.annotation.booleans import boxes_meet, combined, united
from viewer.annotation.changes import edited, replaced
from viewer.annotation.document import Annotation, Document, Point, Shape
from viewer.annotation.events import Edit, SetProposals
from viewer.annotation.geometry import contains, repair
from viewer.annotation.history import History, Moment
from viewer.annotation.options import DEFAULTS, Combination, Layer, Overlap, ToolOptions
from viewer.annotation.raster import with_pixels
from viewer.annotation.stack import Hu, Place, Stack
from viewer.findings.verdict import Verdict


class Core:
    """The current `Document` and everything that tools share. No tool changes the document but through this.

    image: (rows, columns) of the slices, the border no point crosses; None for no border.
    stack: the pixels; None where there are none.
    place: the slice the mouse was on last.
    picked: what the reader selected by hand. What is drawn gets selected, too, but keeps its subtype when that of the
        next one is chosen.
    """

    def __init__(
        self,
        document: Document,
        image: tuple[int, int] | None,
        stack: Stack | None,
        subtype: str,
        undo_bytes: int,
        uids: Callable[[], str],
    ) -> None:
        self.document = document
        self.image = image
        self.stack = stack
        self.subtype = subtype
        self.selection: str | None = None
        self.picked: str | None = None
        self.place: Place = ("", 0)
        self.messages: list[str] = []
        self.layers = dict.fromkeys(CODES, Layer())
        self.overlap = Overlap.ALLOW
        self.combination = Combination.NEW
        self.options: dict[type, ToolOptions] = {type(each): each for each in DEFAULTS}
        self.offer = SetProposals(())
        self.settled: frozenset[str] = frozenset()
        self._open: tuple[tuple[Document, frozenset[str], SetProposals], tuple[Annotation, ...]]
        self._open = (document, self.settled, self.offer), ()
        self.ghosts: tuple[Annotation, ...] = ()
        self.history = History(undo_bytes)
        self.new_uid = uids

    # what tools ask

    @property
    def selected_here(self) -> Annotation | None:
        """The selected annotation when it lies on the slice at hand."""
        found = self.document.find(self.selection)
        return (
            found if found and found.place == self.place and not self.layers[found.subtype].hidden else None
        )

    @property
    def here(self) -> tuple[Annotation, ...]:
        """The annotations of the slice at hand that are shown, in drawing order."""
        return tuple(a for a in self.document.on_slice(*self.place) if not self.layers[a.subtype].hidden)

    @property
    def proposals(self) -> tuple[Annotation, ...]:
        """The model's shapes that are neither accepted nor rejected, alone or with their region."""
        made_of = (self.document, self.settled, self.offer)
        if any(one is not other for one, other in zip(made_of, self._open[0], strict=True)):
            self._open = made_of, self._still_open()
        return self._open[1]

    def _still_open(self) -> tuple[Annotation, ...]:
        verdicts = {verdict.uid for verdict in self.document.verdicts}
        gone = {annotation.uid for annotation in self.document.annotations} | self.settled
        gone.update(uid for uid, verdict in self.offer.rejections.items() if verdict.uid in verdicts)
        gone.update(*(group.uids for group in self.offer.groups if group.accepted.uid in verdicts))
        return tuple(a for a in self.offer.proposals if a.uid not in gone)

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """(between rows, between columns), (1, 1) without pixels."""
        return self.stack.spacing_mm if self.stack else (1.0, 1.0)

    def at(self, point: Point) -> Annotation | None:
        """The polygon around the point: the selected one, else the one drawn last."""
        around = [a for a in self.here if contains(point, a.rings)]
        return next((a for a in around if a.uid == self.selection), around[-1] if around else None)

    def hu(self) -> Hu | None:
        """HU of the slice at hand; None, and a message, where they are not there."""
        found = self.stack.slice_hu(self.place) if self.stack else None
        if found is None:
            self.tell(words.NO_PIXELS)
        return found

    def tell(self, message: str) -> None:
        """Say something to the reader."""
        self.messages.append(message)

    def may_change(self, *subtypes: str) -> bool:
        """Whether none of them is locked; says so where one is."""
        locked = next((code for code in subtypes if self.layers[code].locked), None)
        if locked:
            self.tell(words.LOCKED.format(code=locked))
        return locked is None

    # changes

    def commit(
        self, document: Document, action: str, **kept: frozenset[str] | tuple[Annotation, ...]
    ) -> Edit | None:
        """Make `document` the current one and remember the state before; None when the document stays equal.

        kept: other parts of the `Moment` that change with it.
        """
        before = Moment(self.document, self.settled, self.ghosts)
        after = replace(before, document=document, **kept)  # type: ignore[arg-type]
        if after == before:
            return None
        self.history.push(before, after, action)
        return self._show(after, action)

    def travel(self, step: Callable[[Moment], tuple[Moment, str] | None], word: str) -> Edit | None:
        """Go where `step` of the history leads."""
        found = step(Moment(self.document, self.settled, self.ghosts))
        return self._show(found[0], f"{word} {found[1]}") if found else None

    def _show(self, moment: Moment, action: str) -> Edit | None:
        previous, self.document = self.document, moment.document
        self.settled, self.ghosts = moment.settled, moment.ghosts
        if self.document.find(self.selection) is None:
            self.selection = None
        return Edit(previous, self.document, action) if previous != self.document else None

    def add(
        self,
        annotations: Iterable[Annotation],
        action: str,
        verdicts: tuple[Verdict, ...] | None = None,
        **kept: frozenset[str] | tuple[Annotation, ...],
    ) -> Edit | None:
        """Add annotations (drawn, accepted or imported); the first one gets selected. Their slices lose the mark
        "no hemorrhage". Other subtypes are respected as `overlap` says. verdicts: others than those before."""
        new: list[Annotation] = []
        document = self.document
        for annotation in annotations:
            parts, document = self._settle(annotation, annotation.parts, document)
            if parts == annotation.parts:
                new.append(annotation)
            elif parts:
                new.append(edited(annotation, parts=parts))
        if not new:
            self.tell(words.COVERED)
            return None
        marks = document.reviewed_slices - {a.slice_name for a in new}
        document = replace(
            document,
            annotations=(*document.annotations, *new),
            reviewed_slices=marks,
            verdicts=document.verdicts if verdicts is None else verdicts,
        )
        edit = self.commit(document, action, **kept)
        if edit:
            self.selection = new[0].uid
        return edit

    def draw(
        self, shapes: Sequence[Shape], place: Place, action: str, how: Combination | None = None
    ) -> Edit | None:
        """What becomes of valid shapes drawn with a tool: new polygons, or a change of the selected one.

        action: the tool's word for it, as in "draw SDH". how: in place of the combination chosen.
        """
        how = how or self.combination
        self.place = place
        if how is Combination.NEW:
            if not self.may_change(self.subtype):
                return None
            drawn = [
                Annotation(self.new_uid(), *place, self.subtype, outline, holes=holes)
                for outline, holes in shapes
            ]
            return self.add(drawn, f"{action} {self.subtype}")
        target = self.selected_here
        if target is None:
            self.tell(words.SELECT_FIRST)
            return None
        return self.change(target, combined(target.parts, shapes, how), f"{how} with {action}")

    def change(self, annotation: Annotation, parts: Sequence[Shape], action: str) -> Edit | None:
        """Give an annotation other valid parts; told and refused where none is left."""
        if not self.may_change(annotation.subtype):
            return None
        if not parts:
            self.tell(words.WOULD_VANISH)
            return None
        if tuple(parts) == annotation.parts:
            return None
        settled, document = self._settle(annotation, tuple(parts), self.document)
        if not settled:
            self.tell(words.COVERED)
            return None
        return self.commit(replaced(document, annotation.uid, (edited(annotation, parts=settled),)), action)

    def reshape(self, changed: Annotation, action: str) -> Edit | None:
        """Put `changed` in the place of the annotation with its uid: repaired, split, or refused."""
        if not self.may_change(changed.subtype):
            return None
        parts = (
            united(changed.parts) if changed.islands else with_pixels(repair(changed.outline, changed.holes))
        )
        if not parts:
            self.tell(words.WOULD_VANISH)
            return None
        if changed.islands:
            if len(parts) != len(changed.parts):
                self.tell(words.REPAIRED)
            return self.change(changed, parts, action)
        self.tell_repair(len(parts), parts[0] != (changed.outline, changed.holes))
        pieces: list[Annotation] = []
        document = self.document
        for number, part in enumerate(parts):
            settled, document = self._settle(changed, (part,), document)
            if settled:
                pieces.append(edited(changed, uid=self.new_uid() if number else changed.uid, parts=settled))
        if not pieces:
            self.tell(words.COVERED)
            return None
        return self.commit(replaced(document, changed.uid, pieces), action)

    def tell_repair(self, count: int, repaired: bool) -> None:
        """Say that an outline that crossed itself was repaired, or became several."""
        if count > 1:
            self.tell(words.SPLIT.format(count=count))
        elif repaired:
            self.tell(words.REPAIRED)

    def _settle(
        self, annotation: Annotation, parts: tuple[Shape, ...], document: Document
    ) -> tuple[tuple[Shape, ...], Document]:
        """The parts as far as other subtypes on the slice let them be, and the document with those cut back."""
        for other in document.on_slice(*annotation.place):
            if other.subtype == annotation.subtype or other.uid == annotation.uid:
                continue
            locked = self.layers[other.subtype].locked
            if (self.overlap is Overlap.ALLOW and not locked) or not boxes_meet(parts, other.parts):
                continue
            if locked or self.overlap is Overlap.KEEP:
                parts = combined(parts, other.parts, Combination.SUBTRACT)
            else:
                left = combined(other.parts, parts, Combination.SUBTRACT)
                if left != other.parts:
                    document = replaced(document, other.uid, (edited(other, parts=left),) if left else ())
        return parts, document
