"""Saving by difference: what an edit touched, and what the stored document becomes by it.

Two windows may have the same series open. Each saves only what it changed since the state it last knew, so
neither overwrites the other's work; where both changed one annotation or measure, both versions are kept.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from viewer.annotation.document import Annotation, Document
from viewer.library import items
from viewer.library.items import Touched
from viewer.measures.measure import Measure


@dataclass(frozen=True)
class Merged:
    """What saving makes of the stored document. `conflicts`: how many annotations and measures both sides had
    changed."""

    document: Document
    conflicts: int


def merge(stored: Document, previous: Document, document: Document, new_uid: Callable[[], str]) -> Merged:
    """Apply the step from `previous` to `document` to what is stored now (see `items.merged`).

    Of an annotation or a measure that both sides changed the other version is kept beside ours under a new uid; of a
    mark or a verdict ours is kept.
    """
    if stored in (previous, document):
        return Merged(replace(document, study_uid=document.study_uid or stored.study_uid), 0)

    def anew(annotation: Annotation) -> Annotation:
        return replace(annotation, uid=new_uid())

    def measured_anew(measure: Measure) -> Measure:
        return replace(measure, uid=new_uid())

    annotations, conflicts = items.merged(
        stored.annotations, previous.annotations, document.annotations, anew
    )
    measures, more = items.merged(stored.measures, previous.measures, document.measures, measured_anew)
    marks, _ = items.merged(stored.marks, previous.marks, document.marks)
    verdicts, _ = items.merged(stored.verdicts, previous.verdicts, document.verdicts)
    reviewed = stored.reviewed_slices - (previous.reviewed_slices - document.reviewed_slices)
    reviewed |= document.reviewed_slices - previous.reviewed_slices
    reviewed -= {annotation.slice_name for annotation in annotations}
    merged = replace(
        document,
        annotations=annotations,
        reviewed_slices=reviewed,
        measures=measures,
        marks=marks,
        verdicts=verdicts,
    )
    return Merged(merged, conflicts + more)


@dataclass(frozen=True)
class Difference:
    """What lies between two states of one series.

    annotations, measures, marks, verdicts: those touched.
    order: uids of annotations in drawing order before and after, where it is not just "the new ones last".
    reviewed: names of the slices marked before and after, where they differ.
    """

    annotations: Touched = field(default_factory=Touched)
    order: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    reviewed: tuple[frozenset[str], frozenset[str]] | None = None
    measures: Touched = field(default_factory=Touched)
    marks: Touched = field(default_factory=Touched)
    verdicts: Touched = field(default_factory=Touched)

    @property
    def empty(self) -> bool:
        """Whether the two states are equal."""
        kinds = (self.annotations, self.measures, self.marks, self.verdicts)
        return not (self.order or self.reviewed or any(kind.after for kind in kinds))

    def to_json(self) -> tuple[str, str]:
        """The two sides as JSON text, for the journal."""
        kinds = {"measures": self.measures, "marks": self.marks, "verdicts": self.verdicts}
        sides = []
        for side, annotations in enumerate(self.annotations.sides):
            values: dict[str, Any] = {"annotations": annotations}
            if self.order:
                values["order"] = self.order[side]
            if self.reviewed:
                values["reviewed_slices"] = sorted(self.reviewed[side])
            values |= {name: kind.sides[side] for name, kind in kinds.items() if kind.after}
            sides.append(json.dumps(values, separators=(",", ":")))
        return sides[0], sides[1]


def difference(stored: Document, merged: Document) -> Difference:
    """What has to be written to turn one state into the other."""
    old = [annotation.uid for annotation in stored.annotations]
    new = [annotation.uid for annotation in merged.annotations]
    there, here = set(old), set(new)
    plain = [uid for uid in old if uid in here] + [uid for uid in new if uid not in there]
    reviewed = stored.reviewed_slices, merged.reviewed_slices
    return Difference(
        items.touched(stored.annotations, merged.annotations),
        None if plain == new else (tuple(old), tuple(new)),
        reviewed if reviewed[0] != reviewed[1] else None,
        items.touched(stored.measures, merged.measures),
        items.touched(stored.marks, merged.marks),
        items.touched(stored.verdicts, merged.verdicts),
    )


def apply_json(document: Document, after: str) -> Document:
    """The state after a journal entry, given the state before it."""
    values = json.loads(after)
    annotations = items.applied(document.annotations, values["annotations"], items.annotation_from_json)
    if "order" in values:
        by_uid = {annotation.uid: annotation for annotation in annotations}
        annotations = tuple(by_uid[uid] for uid in values["order"])
    return replace(
        document,
        annotations=annotations,
        reviewed_slices=frozenset(values.get("reviewed_slices", document.reviewed_slices)),
        measures=items.applied(document.measures, values.get("measures", {}), items.measure_from_json),
        marks=items.applied(document.marks, values.get("marks", {}), items.mark_from_json),
        verdicts=items.applied(document.verdicts, values.get("verdicts", {}), items.verdict_from_json),
    )
