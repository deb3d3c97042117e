"""Commands about shapes that wait to be accepted: interpolated outlines, the model's proposals."""

from dataclasses import replace

from viewer.annotation import events, words
from viewer.annotation.core import Core
from viewer.annotation.document import Annotation
from viewer.annotation.events import Edit
from viewer.annotation.interpolate import ghosts


def fitting(
    annotations: tuple[Annotation, ...],
    uid: str | None = None,
    sop_uid: str | None = None,
    subtype: str | None = None,
) -> tuple[Annotation, ...]:
    """Those that fit what is given; all when nothing is."""
    return tuple(
        a
        for a in annotations
        if uid in (None, a.uid) and sop_uid in (None, a.sop_uid) and subtype in (None, a.subtype)
    )


def interpolate(core: Core, event: events.Interpolate) -> Edit | None:
    """Make ghosts."""
    if not core.may_change(event.subtype):
        return None
    found = ghosts(core, event.subtype, event.uid)
    if not found:
        core.tell(words.NOTHING_TO_INTERPOLATE.format(code=event.subtype))
    core.ghosts = found
    return None


def accept_ghosts(core: Core, event: events.AcceptGhosts) -> Edit | None:
    """Make ghosts annotations; a reader who takes those of one slice has looked at them."""
    wanted = tuple(a for a in core.ghosts if event.sop_uid is None or a.place == (event.sop_uid, event.frame))
    if not wanted or not core.may_change(wanted[0].subtype):
        return None
    taken = {a.uid for a in wanted}
    if event.sop_uid is not None:
        wanted = tuple(replace(a, reviewed=True) for a in wanted)
    left = tuple(a for a in core.ghosts if a.uid not in taken)
    return core.add(wanted, f"interpolate {wanted[0].subtype}", ghosts=left)


def drop_ghosts(core: Core, _: events.DropGhosts) -> Edit | None:
    """Forget ghosts."""
    core.ghosts = ()
    return None


def accept(core: Core, event: events.Accept) -> Edit | None:
    """Make proposals annotations; a reader who takes one alone has looked at it."""
    wanted = fitting(core.proposals, event.uid, event.sop_uid, event.subtype)
    free = tuple(a for a in wanted if not core.layers[a.subtype].locked)
    if len(free) < len(wanted):
        core.may_change(*(a.subtype for a in wanted))
    if not free:
        if not wanted:
            core.tell(words.NOTHING_PROPOSED)
        return None
    if event.uid is not None:
        free = tuple(replace(a, reviewed=True) for a in free)
    settled = core.settled | {a.uid for a in free}
    words_ = "proposal" if len(free) == 1 else f"{len(free)} proposals"
    return core.add(free, f"accept {words_}", settled=settled)


def reject(core: Core, event: events.Reject) -> Edit | None:
    """Take proposals off their layer. The document stays as it is; undo brings them back."""
    wanted = fitting(core.proposals, event.uid, event.sop_uid, event.subtype)
    if not wanted:
        core.tell(words.NOTHING_PROPOSED)
        return None
    return core.commit(core.document, "reject proposals", settled=core.settled | {a.uid for a in wanted})
