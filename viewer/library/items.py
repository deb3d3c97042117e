"""What a document holds (annotations, measures, marks, verdicts): as JSON, merged, told apart, applied."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from viewer.annotation.document import Annotation
from viewer.findings.verdict import Decision, Verdict
from viewer.measures.mark import Mark, MarkKind
from viewer.measures.measure import CutPlane, Kind, Measure, Share, SlicePlane

Item = TypeVar("Item", Annotation, Measure, Mark, Verdict)
Kept = Annotation | Measure | Mark | Verdict


@dataclass(frozen=True)
class Touched:
    """Items of one kind that a step touched by uid, before and after it, None where there is none."""

    before: Mapping[str, Kept | None] = field(default_factory=dict)
    after: Mapping[str, Kept | None] = field(default_factory=dict)

    @property
    def sides(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Both as JSON values."""
        before, after = (
            {uid: to_json(item) if item else None for uid, item in side.items()}
            for side in (self.before, self.after)
        )
        return before, after


def to_json(item: Kept) -> dict[str, Any]:
    """An item as JSON values; floats survive exactly."""
    if isinstance(item, Annotation):
        return {
            "uid": item.uid,
            "sop_uid": item.sop_uid,
            "frame": item.frame,
            "subtype": item.subtype,
            "outline": item.outline,
            "source": item.source,
            "model_id": item.model_id,
            "reviewed": item.reviewed,
            "holes": item.holes,
            "islands": item.islands,
        }
    if isinstance(item, Verdict):
        return {
            "decision": str(item.decision),
            "model_id": item.model_id,
            "subtype": item.subtype,
            "sop_uid": item.sop_uid,
            "frame": item.frame,
            "pixel": item.pixel,
            "reason": item.reason,
        }
    if isinstance(item, Mark):
        return {
            "kind": str(item.kind),
            "sop_uid": item.sop_uid,
            "frame": item.frame,
            "note": item.note,
            "window": item.window,
        }
    plane = item.plane
    where: dict[str, Any] = (
        {"sop_uid": plane.sop_uid, "frame": plane.frame}
        if isinstance(plane, SlicePlane)
        else {"right": plane.right, "down": plane.down, "depth_mm": plane.depth_mm}
    )
    return {
        "uid": item.uid,
        "kind": str(item.kind),
        "plane": where,
        "points": item.points,
        "label": item.label,
        "shares": [(share.sop_uid, share.frame, share.weight) for share in item.shares],
    }


def annotation_from_json(values: Mapping[str, Any]) -> Annotation:
    """The annotation that `to_json` wrote. Raises KeyError, TypeError, ValueError for anything else."""
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


def measure_from_json(values: Mapping[str, Any]) -> Measure:
    """The measure that `to_json` wrote. Raises KeyError, TypeError, ValueError for anything else."""
    where = values["plane"]
    plane: SlicePlane | CutPlane
    if "sop_uid" in where:
        plane = SlicePlane(where["sop_uid"], int(where["frame"]))
    else:
        (a, b, c), (d, e, f) = where["right"], where["down"]
        plane = CutPlane((a, b, c), (d, e, f), float(where["depth_mm"]))
    return Measure(
        uid=values["uid"],
        kind=Kind(values["kind"]),
        plane=plane,
        points=tuple((x, y) for x, y in values["points"]),
        label=str(values["label"]),
        shares=tuple(Share(uid, int(frame), float(weight)) for uid, frame, weight in values["shares"]),
    )


def mark_from_json(values: Mapping[str, Any]) -> Mark:
    """The mark that `to_json` wrote. Raises KeyError, TypeError, ValueError for anything else."""
    window = values["window"]
    return Mark(
        kind=MarkKind(values["kind"]),
        sop_uid=values["sop_uid"],
        frame=int(values["frame"]),
        note=str(values["note"]),
        window=(float(window[0]), float(window[1])) if window else None,
    )


def verdict_from_json(values: Mapping[str, Any]) -> Verdict:
    """The verdict that `to_json` wrote. Raises KeyError, TypeError, ValueError for anything else."""
    column, row = values["pixel"]
    return Verdict(
        decision=Decision(values["decision"]),
        model_id=str(values["model_id"]),
        subtype=values["subtype"],
        sop_uid=values["sop_uid"],
        frame=int(values["frame"]),
        pixel=(int(column), int(row)),
        reason=str(values["reason"]),
    )


def merged(
    stored: Sequence[Item],
    previous: Sequence[Item],
    mine: Sequence[Item],
    renamed: Callable[[Item], Item] | None = None,
) -> tuple[tuple[Item, ...], int]:
    """The step from `previous` to `mine` done to what is `stored` now, and how many items both sides had changed.

    - added or changed here: as it is here; if it was changed there too, that version is kept beside it as `renamed`
      makes it, or gives way where that is None;
    - removed here, unchanged there: removed; changed there: kept;
    - everything else stays as it is stored.
    """
    theirs, base = _by_uid(stored), _by_uid(previous)
    ours = _by_uid(mine)
    result: list[Item] = []
    conflicts = 0
    for uid, item in ours.items():
        there, was = theirs.get(uid), base.get(uid)
        if item == was:  # untouched here
            result += [there] if there else []
            continue
        if renamed is not None and there is not None and there not in (was, item):
            conflicts += 1
            result.append(renamed(there))
        result.append(item)
    for uid, there in theirs.items():
        if uid not in ours and there != base.get(uid):
            conflicts += uid in base
            result.append(there)
    return tuple(result), conflicts


def touched(old: Sequence[Item], new: Sequence[Item]) -> Touched:
    """What has to be written to turn one state into the other."""
    before, after = _by_uid(old), _by_uid(new)
    uids = [uid for uid, item in after.items() if before.get(uid) != item]
    uids += [uid for uid in before if uid not in after]
    return Touched({uid: before.get(uid) for uid in uids}, {uid: after.get(uid) for uid in uids})


def applied(
    items: Iterable[Item], after: Mapping[str, Any], from_json: Callable[[Mapping[str, Any]], Item]
) -> tuple[Item, ...]:
    """The state after a journal entry, given the state before it."""
    found = _by_uid(items)
    for uid, body in after.items():
        if body is None:
            found.pop(uid, None)
        else:
            found[uid] = from_json(body)
    return tuple(found.values())


def _by_uid(items: Iterable[Item]) -> dict[str, Item]:
    return {item.uid: item for item in items}
