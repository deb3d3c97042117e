"""Measures, marks and verdicts in the library: as JSON and in tables, merged and told apart as annotations are."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from viewer.annotation.document import Document
from viewer.findings.verdict import Decision, Verdict
from viewer.measures.mark import Mark, MarkKind
from viewer.measures.measure import CutPlane, Kind, Measure, Share, SlicePlane

Item = TypeVar("Item", Measure, Mark, Verdict)
Kept = Measure | Mark | Verdict
Table = Literal["measures", "marks", "verdicts"]


@dataclass(frozen=True)
class Touched:
    """Measures, marks or verdicts that a step touched by uid, before and after it, None where there is none."""

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
    """A measure, a mark or a verdict as JSON values; floats survive exactly."""
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


def merge(
    stored: Document, previous: Document, document: Document, new_uid: Callable[[], str]
) -> tuple[Document, int]:
    """The step from `previous` to `document` done to the measures, marks and verdicts that are stored now, and how
    many measures both sides had changed: their version is kept beside ours. Of a mark or a verdict that both changed
    ours is kept."""

    def renamed(measure: Measure) -> Measure:
        return replace(measure, uid=new_uid())

    measures, conflicts = _merged(stored.measures, previous.measures, document.measures, renamed)
    marks, _ = _merged(stored.marks, previous.marks, document.marks, None)
    verdicts, _ = _merged(stored.verdicts, previous.verdicts, document.verdicts, None)
    return replace(document, measures=measures, marks=marks, verdicts=verdicts), conflicts


def _merged(
    stored: Sequence[Item],
    previous: Sequence[Item],
    mine: Sequence[Item],
    renamed: Callable[[Item], Item] | None,
) -> tuple[tuple[Item, ...], int]:
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


def read(connection: sqlite3.Connection, table: Table, series_uid: str) -> list[dict[str, Any]]:
    """The JSON values of every row of a series, in order. Raises ValueError when a row is damaged."""
    rows = connection.execute(f"SELECT body FROM {table} WHERE series_uid = ? ORDER BY place", (series_uid,))
    return [json.loads(body) for (body,) in rows]


def write(connection: sqlite3.Connection, table: Table, series_uid: str, found: Touched) -> None:
    """Delete those that are None now; store the others, new ones behind all there are."""
    gone = [(series_uid, uid) for uid, item in found.after.items() if item is None]
    connection.executemany(f"DELETE FROM {table} WHERE series_uid = ? AND uid = ?", gone)
    (last,) = connection.execute(
        f"SELECT coalesce(max(place), 0) FROM {table} WHERE series_uid = ?", (series_uid,)
    ).fetchone()
    kept = [item for item in found.after.values() if item is not None]
    rows = [
        (item.uid, series_uid, place, str(item.kind), json.dumps(to_json(item), separators=(",", ":")))
        for place, item in enumerate(kept, last + 1)
    ]
    connection.executemany(
        f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET kind = excluded.kind, body = excluded.body",
        rows,
    )


def _by_uid(items: Iterable[Item]) -> dict[str, Item]:
    return {item.uid: item for item in items}
