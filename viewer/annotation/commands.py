"""What commands do to the document: everything that needs no mouse. One function each, found by the event's type."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from model.labels import BY_CODE
from viewer.annotation import events, offers, words
from viewer.annotation.booleans import combined
from viewer.annotation.changes import edited, moved, replaced, turned
from viewer.annotation.core import Core
from viewer.annotation.document import Shape
from viewer.annotation.events import Edit
from viewer.annotation.geometry import repair
from viewer.annotation.gestures import box
from viewer.annotation.options import Combination, SnapOptions
from viewer.annotation.raster import annotation_mask, dice, simplify
from viewer.annotation.skull import snapped
from viewer.annotation.vectorise import exact_shapes


def choose_subtype(core: Core, event: events.ChooseSubtype) -> Edit | None:
    """Give all later polygons this subtype, and the one that was selected by hand."""
    selected = core.document.find(core.selection) if core.selection == core.picked else None
    if selected is None or selected.subtype == event.code:
        return None
    if not core.may_change(selected.subtype, event.code):
        return None
    pieces = (edited(selected, subtype=event.code),)
    return core.commit(replaced(core.document, selected.uid, pieces), f"make {event.code}")


def check_subtype(code: str) -> str:
    """The subtype. Raises ValueError where there is none of that name."""
    if code not in BY_CODE:
        raise ValueError(f"subtype must be one of {tuple(BY_CODE)}, got {code!r}")
    return code


def remove(core: Core, event: events.Remove) -> Edit | None:
    """Delete one annotation."""
    gone = core.document.find(event.uid)
    if gone is None or not core.may_change(gone.subtype):
        return None
    return core.commit(replaced(core.document, event.uid, ()), f"delete {gone.subtype}")


def remove_all(core: Core, event: events.RemoveAll) -> Edit | None:
    """Delete annotations, those of locked subtypes excepted."""
    wanted = offers.fitting(core.document.annotations, slice_name=event.slice_name, subtype=event.subtype)
    gone = {a.uid for a in wanted if not core.layers[a.subtype].locked}
    if len(gone) < len(wanted):
        core.may_change(*(a.subtype for a in wanted))
    left = tuple(a for a in core.document.annotations if a.uid not in gone)
    return core.commit(replace(core.document, annotations=left), "delete all")


def confirm(core: Core, event: events.Confirm) -> Edit | None:
    """Say whether a reader has looked at this annotation."""
    found = core.document.find(event.uid)
    if found is None:
        return None
    action = "mark reviewed" if event.reviewed else "mark not reviewed"
    pieces = (replace(found, reviewed=event.reviewed),)
    return core.commit(replaced(core.document, event.uid, pieces), action)


def confirm_all(core: Core, event: events.ConfirmAll) -> Edit | None:
    """Say of every annotation, or of those on one slice, that a reader has looked at it; one step to undo."""
    annotations = tuple(
        replace(a, reviewed=True) if event.slice_name in (None, a.slice_name) else a
        for a in core.document.annotations
    )
    return core.commit(replace(core.document, annotations=annotations), "mark reviewed")


def mark_reviewed(core: Core, event: events.MarkReviewed) -> Edit | None:
    """Mark a slice as "reviewed: no hemorrhage", or take the mark back."""
    if event.reviewed and event.slice_name in core.document.drawn_on:
        core.tell(words.HAS_ANNOTATIONS)
        return None
    marks = core.document.reviewed_slices
    marks = marks | {event.slice_name} if event.reviewed else marks - {event.slice_name}
    action = "mark slice without hemorrhage" if event.reviewed else "unmark slice"
    return core.commit(replace(core.document, reviewed_slices=marks), action)


def merge(core: Core, event: events.Merge) -> Edit | None:
    """Unite, subtract or intersect the first annotation with the others, which go."""
    found = [core.document.find(uid) for uid in dict.fromkeys(event.uids)]
    operands = [a for a in found if a is not None]
    if len(operands) < 2 or len({a.place for a in operands}) > 1 or event.combination is Combination.NEW:
        core.tell(words.TWO_NEEDED)
        return None
    if not core.may_change(*(a.subtype for a in operands)):
        return None
    first, *others = operands
    parts = first.parts
    for other in others:
        parts = combined(parts, other.parts, event.combination)
    if not parts:
        core.tell(words.NOTHING_COMMON if event.combination is Combination.INTERSECT else words.WOULD_VANISH)
        return None
    document = replaced(core.document, first.uid, (edited(first, parts=parts),))
    for other in others:
        document = replaced(document, other.uid, ())
    verb = {Combination.ADD: "unite", Combination.SUBTRACT: "subtract", Combination.INTERSECT: "intersect"}
    edit = core.commit(document, verb[event.combination])
    if edit:
        core.selection = first.uid
    return edit


def separate(core: Core, event: events.Separate) -> Edit | None:
    """Make every part of an annotation one of its own."""
    found = core.document.find(event.uid)
    if found is None or not core.may_change(found.subtype):
        return None
    if not found.islands:
        core.tell(words.ONE_PART)
        return None
    uids = [found.uid, *(core.new_uid() for _ in found.islands)]
    pieces = [edited(found, uid=uid, parts=(part,)) for uid, part in zip(uids, found.parts, strict=True)]
    return core.commit(replaced(core.document, found.uid, pieces), "separate parts")


def transform(core: Core, event: events.Transform) -> Edit | None:
    """Scale, turn and move the selected annotation."""
    found = core.document.find(core.selection)
    if found is None:
        return None
    left, top, right, bottom = box(found)
    middle = ((left + right) / 2, (top + bottom) / 2)
    changed = found
    if event.scale != 1 or event.degrees:
        aspect = core.spacing_mm[0] / core.spacing_mm[1]
        scale = (event.scale, event.scale)
        changed = turned(changed, middle, scale, event.degrees, core.image, aspect)
    if event.dx or event.dy:
        changed = moved(changed, event.dx, event.dy, core.image)
    if changed.rings == found.rings:
        return None
    word = "move" if event.scale == 1 and not event.degrees else "rotate" if event.scale == 1 else "scale"
    return core.reshape(changed, f"{word} polygon")


LEAST_DICE = 0.98


def simplify_one(core: Core, event: events.Simplify) -> Edit | None:
    """Leave out points no further than half a pixel from the new outline; as it was where its mask would change more
    than by a Dice of `LEAST_DICE`."""
    found = core.document.find(event.uid)
    if found is None or not core.may_change(found.subtype):
        return None
    parts: list[Shape] = []
    for outline, holes in found.parts:
        part = simplify(outline), tuple(simplify(hole) for hole in holes)
        parts.append(part if repair(*part) == (part,) else (outline, holes))
    changed = edited(found, parts=parts)
    right, bottom = box(found)[2:]
    shape = core.image or (int(bottom) + 1, int(right) + 1)
    if dice(annotation_mask(found, shape), annotation_mask(changed, shape)) < LEAST_DICE:
        return None
    return core.change(found, changed.parts, "simplify")


def snap(core: Core, event: events.Snap) -> Edit | None:
    """Fill the gap to the inner table, and take the annotation off the bone."""
    found = core.document.find(event.uid)
    if found is None or not core.may_change(found.subtype):
        return None
    hu = core.stack.slice_hu(found.place) if core.stack else None
    options = core.options[SnapOptions]
    assert isinstance(options, SnapOptions)
    if hu is None:
        core.tell(words.NO_PIXELS)
        return None
    mask = snapped(found.parts, hu, core.spacing_mm, options.reach_mm)
    if mask is None:
        core.tell(words.NO_SKULL)
        return None
    return core.change(found, exact_shapes(mask), "snap to the inner table")


def copy_to(core: Core, event: events.CopyTo) -> Edit | None:
    """Copy annotations to the slice `step` further up; they are to be reviewed there."""
    one = core.document.find(event.uid)
    place = one.place if one else (event.sop_uid, event.frame)
    number = core.stack.number(place) if core.stack else None
    originals = (one,) if one else core.document.on_slice(*place)
    originals = tuple(a for a in originals if not core.layers[a.subtype].hidden)
    if core.stack is None or number is None or not 0 <= number + event.step < len(core.stack.places):
        core.tell(words.NO_SLICE)
        return None
    if not originals:
        core.tell(words.NOTHING_TO_COPY)
        return None
    if not core.may_change(*(a.subtype for a in originals)):
        return None
    sop_uid, frame = core.stack.places[number + event.step]
    copies = [
        replace(edited(a, uid=core.new_uid()), sop_uid=sop_uid, frame=frame, reviewed=False)
        for a in originals
    ]
    return core.add(copies, "copy to another slice")


COMMANDS: dict[type, Callable[[Core, Any], Edit | None]] = {
    events.ChooseSubtype: choose_subtype,
    events.Remove: remove,
    events.RemoveAll: remove_all,
    events.Confirm: confirm,
    events.ConfirmAll: confirm_all,
    events.MarkReviewed: mark_reviewed,
    events.Merge: merge,
    events.Separate: separate,
    events.Transform: transform,
    events.Simplify: simplify_one,
    events.Snap: snap,
    events.CopyTo: copy_to,
    events.Interpolate: offers.interpolate,
    events.AcceptGhosts: offers.accept_ghosts,
    events.DropGhosts: offers.drop_ghosts,
    events.Accept: offers.accept,
    events.Reject: offers.reject,
    events.Reopen: offers.reopen,
}
