"""Copies to other slices, interpolation, and the model's proposals: accepted, rejected, undone."""

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from viewer.annotation import words
from viewer.annotation.document import Annotation
from viewer.annotation.editor import Editor
from viewer.annotation.events import (
    Accept,
    AcceptGhosts,
    CopyTo,
    DropGhosts,
    Group,
    Interpolate,
    Key,
    MarkReviewed,
    Reject,
    Remove,
    Reopen,
    SetLayer,
    SetProposals,
)
from viewer.annotation.options import Layer, ToolName
from viewer.annotation.preview import State
from viewer.annotation.raster import dice
from viewer.annotation.stack import Stack
from viewer.annotation.vectorise import exact_shapes
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.write import write_series
from viewer.findings.verdict import Decision, Verdict

hand = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("slices.py"))))
square, disc = hand.square, hand.disc
SQUARE = ((30.0, 20.0), (80.0, 20.0), (80.0, 70.0), (30.0, 70.0))
HOLE = ((40.0, 30.0), (70.0, 30.0), (70.0, 60.0), (40.0, 60.0))


def stack(count: int = 6, heights_mm: tuple[float, ...] = ()) -> Stack:
    found: Stack = hand.stack_of(*[hand.head()] * count, heights_mm=heights_mm)
    return found


def round_one(uid: str, sop: str, radius: float, middle: tuple[float, float] = (60.0, 50.0)) -> Annotation:
    ((outline, holes),) = exact_shapes(disc(middle, radius))
    return Annotation(uid, sop, 0, "SDH", outline, holes=holes)


# copies


def test_the_shapes_of_a_slice_are_copied_to_the_next_and_the_one_before() -> None:
    drawn = square("a", 20, 20, sop="2"), square("b", 60, 20, subtype="IPH", sop="2")
    editor: Editor = hand.new_editor(stack(), ToolName.EDIT, *drawn)
    edit = editor.handle(CopyTo(1, sop_uid="2"))
    assert edit is not None
    assert [(a.outline, a.subtype) for a in editor.document.on_slice("3")] == [
        (a.outline, a.subtype) for a in drawn
    ]
    assert len({a.uid for a in editor.document.annotations}) == 4
    assert [a.reviewed for a in editor.document.on_slice("3")] == [
        False,
        False,
    ]  # nobody has looked at them there
    editor.handle(CopyTo(-1, uid="a"))
    assert [a.outline for a in editor.document.on_slice("1")] == [drawn[0].outline]
    editor.handle(Key.UNDO)
    editor.handle(Key.UNDO)
    assert editor.document.annotations == drawn


def test_a_copy_takes_the_mark_no_hemorrhage_from_its_slice() -> None:
    editor: Editor = hand.new_editor(stack(), ToolName.EDIT, square("a", 20, 20, sop="2"))
    editor.handle(MarkReviewed("3"))
    editor.handle(CopyTo(1, uid="a"))
    assert editor.document.reviewed_slices == frozenset()


def test_a_copy_beyond_the_ends_or_of_nothing_is_refused() -> None:
    editor: Editor = hand.new_editor(stack(), ToolName.EDIT, square("a", 20, 20, sop="5"))
    assert editor.handle(CopyTo(1, uid="a")) is None
    assert editor.handle(CopyTo(1, sop_uid="4")) is None
    assert hand.new_editor(None, ToolName.EDIT, square("a", 20, 20)).handle(CopyTo(1, uid="a")) is None
    assert editor.take_messages() == (words.NO_SLICE, words.NOTHING_TO_COPY)


# interpolation


def test_between_two_discs_the_radius_goes_by_millimetres() -> None:
    heights = (0.0, 2.0, 4.0, 10.0, 12.0)
    drawn = round_one("a", "0", 20.0), round_one("b", "3", 10.0)
    editor: Editor = hand.new_editor(stack(5, heights), ToolName.EDIT, *drawn)
    assert editor.handle(Interpolate("SDH")) is None
    assert editor.state is State.GHOSTS
    assert editor.document.annotations == drawn  # not before they are accepted
    ghosts = editor.preview.ghosts
    assert [ghost.sop_uid for ghost in ghosts] == ["1", "2"]
    for ghost, radius in zip(ghosts, (18.0, 16.0), strict=True):  # a fifth and two fifths of the way
        assert dice(hand.pixels(ghost), disc((60.0, 50.0), radius)) > 0.97


def test_shapes_that_do_not_overlap_move_from_one_place_to_the_other() -> None:
    drawn = round_one("a", "0", 8.0, (40.0, 50.0)), round_one("b", "4", 8.0, (80.0, 50.0))
    editor: Editor = hand.new_editor(stack(), ToolName.EDIT, *drawn)
    editor.handle(Interpolate("SDH"))
    assert len(editor.preview.ghosts) == 3
    for ghost, x in zip(editor.preview.ghosts, (50.0, 60.0, 70.0), strict=True):
        assert dice(hand.pixels(ghost), disc((x, 50.0), 8.0)) > 0.97


def test_ghosts_are_accepted_slice_by_slice_or_all_and_undo_brings_them_back() -> None:
    drawn = round_one("a", "0", 20.0), round_one("b", "4", 10.0)
    editor: Editor = hand.new_editor(stack(), ToolName.EDIT, *drawn)
    editor.handle(Interpolate("SDH"))
    edit = editor.handle(AcceptGhosts("2"))
    assert edit is not None
    assert edit.action == "interpolate SDH"
    assert [a.sop_uid for a in editor.document.annotations] == ["0", "4", "2"]
    assert [ghost.sop_uid for ghost in editor.preview.ghosts] == ["1", "3"]
    editor.handle(Key.CLOSE)  # Enter: all the others
    assert sorted(a.sop_uid for a in editor.document.annotations) == ["0", "1", "2", "3", "4"]
    assert {a.sop_uid for a in editor.document.annotations if a.reviewed} == {"0", "4", "2"}
    assert editor.state is State.IDLE
    editor.handle(Key.UNDO)
    editor.handle(Key.UNDO)
    assert editor.document.annotations == drawn
    assert [ghost.sop_uid for ghost in editor.preview.ghosts] == ["1", "2", "3"]
    editor.handle(Key.ESCAPE)
    assert editor.preview.ghosts == ()
    assert editor.document.annotations == drawn
    editor.handle(Interpolate("SDH"))
    editor.handle(DropGhosts())
    assert editor.preview.ghosts == ()


def test_only_the_gaps_beside_one_annotation() -> None:
    drawn = [round_one(uid, sop, 10.0) for uid, sop in (("a", "0"), ("b", "2"), ("c", "5"))]
    editor: Editor = hand.new_editor(stack(), ToolName.EDIT, *drawn)
    editor.handle(Interpolate("SDH", uid="a"))
    assert [ghost.sop_uid for ghost in editor.preview.ghosts] == ["1"]
    editor.handle(Interpolate("SDH"))
    assert [ghost.sop_uid for ghost in editor.preview.ghosts] == ["1", "3", "4"]


def test_holes_and_parts_go_along() -> None:
    ring = Annotation("a", "0", 0, "SDH", SQUARE, holes=(HOLE,))
    editor: Editor = hand.new_editor(stack(), ToolName.EDIT, ring, replace(ring, uid="b", sop_uid="2"))
    editor.handle(Interpolate("SDH"))
    (ghost,) = editor.preview.ghosts
    assert (hand.pixels(ghost) == hand.pixels(ring)).all()


@pytest.mark.parametrize("sops", [(), ("0",), ("0", "1"), ("0", "of another series")])
def test_without_a_gap_there_is_nothing_to_interpolate(sops: tuple[str, ...]) -> None:
    drawn = [round_one(str(number), sop, 10.0) for number, sop in enumerate(sops)]
    editor: Editor = hand.new_editor(stack(), ToolName.EDIT, *drawn)
    assert editor.handle(Interpolate("SDH")) is None
    assert editor.take_messages() == (words.NOTHING_TO_INTERPOLATE.format(code="SDH"),)
    assert editor.handle(AcceptGhosts()) is None


# proposals


def proposal(uid: str, sop: str, subtype: str = "SDH", left: float = 20) -> Annotation:
    return replace(
        square(uid, left, 20, subtype=subtype, sop=sop), source="model", model_id="m1", reviewed=False
    )


OFFERED = (proposal("p", "0"), proposal("q", "0", "IPH", 60), proposal("r", "1"), proposal("s", "2", "IPH"))


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        (Accept(uid="q"), ["q"]),
        (Accept(slice_name="0"), ["p", "q"]),
        (Accept(subtype="IPH"), ["q", "s"]),
        (Accept(slice_name="0", subtype="IPH"), ["q"]),
        (Accept(), ["p", "q", "r", "s"]),
    ],
)
def test_proposals_are_accepted_one_a_slice_a_subtype_or_all(accept: Accept, taken: list[str]) -> None:
    editor: Editor = hand.new_editor(stack())
    editor.handle(SetProposals(OFFERED))
    assert editor.document.annotations == ()
    edit = editor.handle(accept)
    assert edit is not None
    assert [a.uid for a in editor.document.annotations] == taken
    assert all(a.source == "model" and a.model_id == "m1" for a in editor.document.annotations)
    assert [a.uid for a in editor.proposals] == [a.uid for a in OFFERED if a.uid not in taken]
    editor.handle(Key.UNDO)
    assert editor.document.annotations == ()
    assert editor.proposals == OFFERED


def test_one_accepted_alone_has_been_looked_at() -> None:
    editor: Editor = hand.new_editor(stack())
    editor.handle(SetProposals(OFFERED))
    editor.handle(Accept(uid="p"))
    editor.handle(Accept())
    assert [a.reviewed for a in editor.document.annotations] == [True, False, False, False]


def test_an_accepted_proposal_that_is_deleted_does_not_come_back_as_one() -> None:
    editor: Editor = hand.new_editor(stack())
    editor.handle(SetProposals(OFFERED))
    editor.handle(Accept(uid="p"))
    editor.handle(Remove("p"))
    assert [a.uid for a in editor.proposals] == ["q", "r", "s"]


def test_rejected_proposals_go_and_undo_brings_them_back() -> None:
    editor: Editor = hand.new_editor(stack())
    editor.handle(SetProposals(OFFERED))
    assert editor.handle(Reject(subtype="IPH")) is None
    assert [a.uid for a in editor.proposals] == ["p", "r"]
    assert editor.undo_text == "reject proposals"
    editor.handle(Key.UNDO)
    assert editor.proposals == OFFERED
    editor.handle(Key.REDO)
    editor.handle(Reject(uid="q"))
    assert editor.take_messages() == (words.NOTHING_PROPOSED,)


def test_what_was_accepted_before_is_no_proposal_any_more() -> None:
    editor: Editor = hand.new_editor(stack(), ToolName.EDIT, OFFERED[0])
    editor.handle(SetProposals(OFFERED))
    assert [a.uid for a in editor.proposals] == ["q", "r", "s"]


def test_proposals_of_a_locked_subtype_stay_proposals() -> None:
    editor: Editor = hand.new_editor(stack())
    editor.handle(SetProposals(OFFERED))
    editor.handle(SetLayer("IPH", Layer(locked=True)))
    editor.handle(Accept())
    assert [a.uid for a in editor.document.annotations] == ["p", "r"]
    assert editor.take_messages() == (words.LOCKED.format(code="IPH"),)


# regions of several proposals


def about(decision: Decision, column: int, subtype: str = "SDH") -> Verdict:
    return Verdict(decision, "m1", subtype, "0", 0, (column, 1))


REJECTIONS = {a.uid: about(Decision.REJECTED, n, a.subtype) for n, a in enumerate(OFFERED)}
FIRST = Group(frozenset("pr"), about(Decision.ACCEPTED, 50), about(Decision.DISMISSED, 50))
SECOND = Group(frozenset("qs"), about(Decision.ACCEPTED, 60, "IPH"), about(Decision.DISMISSED, 60, "IPH"))


def offering() -> Editor:
    editor: Editor = hand.new_editor(stack())
    editor.handle(SetProposals(OFFERED, REJECTIONS, (FIRST, SECOND)))
    return editor


def test_a_region_is_accepted_once_none_of_its_proposals_is_open_and_one_was_taken() -> None:
    editor = offering()
    editor.handle(Accept(uid="p"))
    assert editor.document.verdicts == ()
    editor.handle(Reject(uid="r"))
    assert editor.document.verdicts == (REJECTIONS["r"], FIRST.accepted)
    editor.handle(Key.UNDO)
    assert editor.document.verdicts == ()
    assert [a.uid for a in editor.proposals] == ["q", "r", "s"]


def test_a_region_is_dismissed_once_all_its_proposals_are_rejected() -> None:
    editor = offering()
    editor.handle(Reject(subtype="IPH"))
    assert editor.document.verdicts == (REJECTIONS["q"], REJECTIONS["s"], SECOND.rejected)


def test_what_was_rejected_stays_so_in_another_editor() -> None:
    editor = offering()
    editor.handle(Reject(uid="q"))
    again = Editor(editor.document, stack=stack())
    again.handle(editor.offer)
    assert [a.uid for a in again.proposals] == ["p", "r", "s"]


def test_a_verdict_on_a_region_takes_its_proposals_off_their_layer() -> None:
    editor = offering()
    editor.replace_document(replace(editor.document, verdicts=(FIRST.rejected,)), "dismiss")
    assert [a.uid for a in editor.proposals] == ["q", "s"]


def test_a_region_that_was_rejected_slice_by_slice_can_be_reopened_and_accepted() -> None:
    editor = offering()
    editor.handle(Reject(subtype="SDH"))
    editor.handle(Reopen(FIRST.rejected.uid, FIRST.uids, "reopen SDH region"))
    assert editor.proposals == OFFERED
    assert editor.document.verdicts == ()
    edit = editor.handle(Accept(uids=FIRST.uids, action="accept SDH region"))
    assert edit is not None
    assert edit.action == "accept SDH region"
    assert editor.document.verdicts == (FIRST.accepted,)
    assert [(a.uid, a.reviewed) for a in editor.document.annotations] == [("p", False), ("r", False)]


def test_a_region_whose_proposals_are_drawn_already_is_accepted_without_drawing_them_again() -> None:
    editor = offering()
    editor.handle(Accept(uids=FIRST.uids))
    editor.handle(Reopen(FIRST.accepted.uid, FIRST.uids, "reopen"))
    editor.handle(Accept(uids=FIRST.uids))
    assert [a.uid for a in editor.document.annotations] == ["p", "r"]
    assert editor.document.verdicts == (FIRST.accepted,)
    assert editor.handle(Accept(uids=frozenset())) is None


def test_a_rejected_proposal_that_is_accepted_with_its_region_is_no_longer_rejected() -> None:
    editor = offering()
    editor.handle(Reject(uid="p"))
    editor.handle(Accept(uids=FIRST.uids))
    assert editor.document.verdicts == (FIRST.accepted,)


# the stack


def test_a_stack_knows_its_slices_and_how_large_a_millimetre_is() -> None:
    found = hand.stack_of(hand.head(), hand.head(), spacing_mm=(2.0, 0.5))
    assert found.number(("1", 0)) == 1
    assert found.number(("1", 1)) is None
    assert found.radius_px(10.0) == (20.0, 5.0)
    assert found.heights_mm == (0.0, 1.0)
    found.loaded[1] = False
    assert found.slice_hu(("1", 0)) is None


@pytest.mark.parametrize(
    "values",
    [
        {"hu": np.zeros((4, 4), np.int16)},
        {"places": (("0", 0),)},
        {"spacing_mm": (0.0, 1.0)},
    ],
)
def test_a_stack_whose_fields_do_not_belong_together_cannot_be_made(values: dict[str, object]) -> None:
    fields = {
        "hu": np.zeros((2, 4, 4), np.int16),
        "loaded": np.ones(2, np.bool_),
        "places": (("0", 0), ("1", 0)),
    } | values
    with pytest.raises(ValueError, match=r"must be positive|needs pixels"):
        Stack(**fields)  # type: ignore[arg-type]


def test_the_stack_of_a_series_has_its_places_and_millimetres(tmp_path: Path) -> None:
    positions = np.array([(0.0, 0.0, z) for z in (0.0, 5.0, 8.0)])
    hu = np.stack([np.full((16, 12), value, np.int16) for value in (10, 20, 30)])
    write_series(
        tmp_path,
        hu,
        spacing_mm=(0.5, 0.4),
        positions_mm=positions,
        orientation=(1, 0, 0, 0, 1, 0),
        patient_id="P",
    )
    volume = load_all(scan([tmp_path]).studies[0].series[0])
    found = Stack.of(volume)
    assert found.places == tuple((header.sop_uid, 0) for header in volume.series.slices)
    assert found.spacing_mm == (0.5, 0.4)
    assert np.diff(found.heights_mm).tolist() == [5, 3]
    middle = found.slice_hu(found.places[1])
    assert middle is not None
    assert (middle == 20).all()
