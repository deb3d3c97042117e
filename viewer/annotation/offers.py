"""Commands about shapes that wait to be accepted: interpolated outlines, the model's proposals."""

from dataclasses import replace

from viewer.annotation import events, words
from viewer.annotation.core import Core
from viewer.annotation.document import Annotation
from viewer.annotation.events import Edit
from viewer.annotation.interpolate import ghosts
from viewer.findings.verdict import Verdict


def fitting(
    annotations: tuple[Annotation, ...],
    uid: str | None = None,
    slice_name: str | None = None,
    subtype: str | None = None,
) -> tuple[Annotation, ...]:
    """Those that fit what is given; all when nothing is."""
    return tuple(
        a
        for a in annotations
        if uid in (None, a.uid) and slice_name in (None, a.slice_name) and subtype in (None, a.subtype)
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
    if event.uids is None:
        wanted = fitting(core.proposals, event.uid, event.slice_name, event.subtype)
    else:
        wanted = tuple(
            a for a in core.offer.proposals if a.uid in event.uids and core.document.find(a.uid) is None
        )
    free = tuple(a for a in wanted if not core.layers[a.subtype].locked)
    if len(free) < len(wanted):
        core.may_change(*(a.subtype for a in wanted))
    if not wanted and event.uids is None:
        core.tell(words.NOTHING_PROPOSED)
    if (wanted and not free) or not (wanted or event.uids):
        return None
    if event.uid is not None:
        free = tuple(replace(a, reviewed=True) for a in free)
    taken = frozenset(a.uid for a in free)
    verdicts = _verdicts(core, taken, frozenset(), taken | (event.uids or frozenset()))
    action = event.action or f"accept {'proposal' if len(free) == 1 else f'{len(free)} proposals'}"
    if not free:
        return core.commit(replace(core.document, verdicts=verdicts), action)
    return core.add(free, action, verdicts, settled=core.settled | taken)


def reject(core: Core, event: events.Reject) -> Edit | None:
    """Take proposals off their layer; undo brings them back."""
    wanted = fitting(core.proposals, event.uid, event.slice_name, event.subtype)
    if not wanted:
        core.tell(words.NOTHING_PROPOSED)
        return None
    refused = frozenset(a.uid for a in wanted)
    document = replace(core.document, verdicts=_verdicts(core, frozenset(), refused, refused))
    return core.commit(document, "reject proposals", settled=core.settled | refused)


def reopen(core: Core, event: events.Reopen) -> Edit | None:
    """Decide about a region anew; annotations made of it stay."""
    gone = {event.verdict, *(core.offer.rejections[uid].uid for uid in event.uids & {*core.offer.rejections})}
    left = tuple(verdict for verdict in core.document.verdicts if verdict.uid not in gone)
    return core.commit(replace(core.document, verdicts=left), event.action, settled=core.settled - event.uids)


def _verdicts(
    core: Core, taken: frozenset[str], refused: frozenset[str], touched: frozenset[str]
) -> tuple[Verdict, ...]:
    """The document's verdicts once proposals are accepted (`taken`) or rejected (`refused`): one on each rejected
    shape, and one on every region with a `touched` proposal and none that is open."""
    offer, kept = core.offer, {verdict.uid: verdict for verdict in core.document.verdicts}
    for uid, rejection in offer.rejections.items():
        if uid in taken:
            kept.pop(rejection.uid, None)
        elif uid in refused:
            kept[rejection.uid] = rejection
    still_open = {a.uid for a in core.proposals} - taken - refused
    drawn = {a.uid for a in core.document.annotations} | taken
    for group in offer.groups:
        if group.uids & touched and not group.uids & still_open:
            verdict = group.accepted if group.uids & drawn else group.rejected
            kept[verdict.uid] = verdict
    return tuple(kept.values())
