"""Saving by difference: what an edit touched, and what the stored document becomes by it.

Two windows may have the same series open. Each saves only what it changed since the state it last knew, so
neither overwrites the other's work; where both changed one annotation or measure, both versions are kept.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from viewer.annotation.document import Annotation, Document
from viewer.library import measured
from viewer.library.measured import Touched


def annotation_to_json(annotation: Annotation) -> dict[str, Any]:
    """The annotation as JSON values; floats survive exactly."""
    return {
        "uid": annotation.uid,
        "sop_uid": annotation.sop_uid,
        "frame": annotation.frame,
        "subtype": annotation.subtype,
        "outline": annotation.outline,
        "source": annotation.source,
        "model_id": annotation.model_id,
        "reviewed": annotation.reviewed,
        "holes": annotation.holes,
        "islands": annotation.islands,
    }


def annotation_from_json(values: Mapping[str, Any]) -> Annotation:
    """The annotation that `annotation_to_json` wrote. Raises KeyError, TypeError, ValueError for anything else."""
    return Annotation(
        uid=values["uid"],
        sop_uid=values["sop_uid"],
        frame=int(values["frame"]),
        subtype=values["subtype"],
        outline=values["outline"],
        source=values["source"],
        model_id=values["model_id"],
        reviewed=bool(values["reviewed"]),
        holes=tuple(values["holes"]),  # an annotation makes tuples of its points
        islands=tuple((outline, tuple(holes)) for outline, holes in values.get("islands", ())),
    )


@dataclass(frozen=True)
class Merged:
    """What saving makes of the stored document. `conflicts`: how many annotations both sides had changed."""

    document: Document
    conflicts: int


def _by_uid(document: Document) -> dict[str, Annotation]:
    return {annotation.uid: annotation for annotation in document.annotations}


def merge(stored: Document, previous: Document, document: Document, new_uid: Callable[[], str]) -> Merged:
    """Apply the step from `previous` to `document` to what is stored now.

    - added or changed here: stored as it is here; if it was changed there too, that version is kept beside it
      under a new uid;
    - removed here, unchanged there: removed; changed there: kept;
    - everything else stays as it is stored.
    """
    if stored in (previous, document):
        return Merged(replace(document, study_uid=document.study_uid or stored.study_uid), 0)
    theirs, base = _by_uid(stored), _by_uid(previous)
    mine = _by_uid(document)
    result: list[Annotation] = []
    conflicts = 0
    for uid, annotation in mine.items():
        there, was = theirs.get(uid), base.get(uid)
        if annotation == was:  # untouched here
            result += [there] if there else []
            continue
        if there is not None and there not in (was, annotation):
            conflicts += 1
            result.append(replace(there, uid=new_uid()))
        result.append(annotation)
    for uid, there in theirs.items():
        if uid not in mine and there != base.get(uid):
            conflicts += uid in base
            result.append(there)
    marks = stored.reviewed_slices - (previous.reviewed_slices - document.reviewed_slices)
    marks |= document.reviewed_slices - previous.reviewed_slices
    marks -= {annotation.sop_uid for annotation in result}
    merged = replace(document, annotations=tuple(result), reviewed_slices=marks)
    merged, more = measured.merge(stored, previous, merged, new_uid)
    return Merged(merged, conflicts + more)


@dataclass(frozen=True)
class Difference:
    """What lies between two states of one series.

    before, after: the annotations touched by uid, None where there is none.
    order: uids in drawing order before and after, where it is not just "the new ones last".
    reviewed: SOP instance UIDs marked before and after, where they differ.
    measures, marks, verdicts: those touched, as annotations are.
    """

    before: dict[str, Annotation | None]
    after: dict[str, Annotation | None]
    order: tuple[tuple[str, ...], tuple[str, ...]] | None
    reviewed: tuple[frozenset[str], frozenset[str]] | None
    measures: Touched = field(default_factory=Touched)
    marks: Touched = field(default_factory=Touched)
    verdicts: Touched = field(default_factory=Touched)

    @property
    def empty(self) -> bool:
        """Whether the two states are equal."""
        more = self.measures.after or self.marks.after or self.verdicts.after
        return not (self.after or self.order or self.reviewed or more)

    def to_json(self) -> tuple[str, str]:
        """The two sides as JSON text, for the journal."""
        sides = []
        for side, touched in enumerate((self.before, self.after)):
            values: dict[str, Any] = {
                "annotations": {u: annotation_to_json(a) if a else None for u, a in touched.items()}
            }
            if self.order:
                values["order"] = self.order[side]
            if self.reviewed:
                values["reviewed_slices"] = sorted(self.reviewed[side])
            kept = (("measures", self.measures), ("marks", self.marks), ("verdicts", self.verdicts))
            for name, touched_ in kept:
                if touched_.after:
                    values[name] = touched_.sides[side]
            sides.append(json.dumps(values, separators=(",", ":")))
        return sides[0], sides[1]


def difference(stored: Document, merged: Document) -> Difference:
    """What has to be written to turn one state into the other."""
    old, new = _by_uid(stored), _by_uid(merged)
    touched = [uid for uid, annotation in new.items() if old.get(uid) != annotation]
    touched += [uid for uid in old if uid not in new]
    plain = [uid for uid in old if uid in new] + [uid for uid in new if uid not in old]
    order = None if plain == list(new) else (tuple(old), tuple(new))
    reviewed = stored.reviewed_slices, merged.reviewed_slices
    return Difference(
        {uid: old.get(uid) for uid in touched},
        {uid: new.get(uid) for uid in touched},
        order,
        reviewed if reviewed[0] != reviewed[1] else None,
        measured.touched(stored.measures, merged.measures),
        measured.touched(stored.marks, merged.marks),
        measured.touched(stored.verdicts, merged.verdicts),
    )


def apply_json(document: Document, after: str) -> Document:
    """The state after a journal entry, given the state before it."""
    values = json.loads(after)
    annotations = _by_uid(document)
    for uid, body in values["annotations"].items():
        if body is None:
            annotations.pop(uid, None)
        else:
            annotations[uid] = annotation_from_json(body)
    order = values.get("order", list(annotations))
    return replace(
        document,
        annotations=tuple(annotations[uid] for uid in order),
        reviewed_slices=frozenset(values.get("reviewed_slices", document.reviewed_slices)),
        measures=measured.applied(document.measures, values.get("measures", {}), measured.measure_from_json),
        marks=measured.applied(document.marks, values.get("marks", {}), measured.mark_from_json),
        verdicts=measured.applied(document.verdicts, values.get("verdicts", {}), measured.verdict_from_json),
    )
