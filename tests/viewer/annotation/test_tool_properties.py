"""Whatever the hand does with whichever tool, the document stays valid, undo leads back, the journal leads forth."""

import gc
import itertools
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import CODES
from viewer.annotation import events as ev
from viewer.annotation.document import Annotation, Document
from viewer.annotation.editor import Editor
from viewer.annotation.events import Event, Key, Modifier, Move, Press, Release
from viewer.annotation.gestures import MOST_POINTS, OpenPath
from viewer.annotation.options import (
    BrushOptions,
    Combination,
    EraserOptions,
    FillOptions,
    GrowOptions,
    Layer,
    Overlap,
    PushOptions,
    ToolName,
)
from viewer.annotation.raster import annotation_mask
from viewer.annotation.raster import dice as mask_dice
from viewer.annotation.stack import Stack
from viewer.library.merge import apply_json, difference

SIZE = (40, 50)
SLICES = "0123"


def stack() -> Stack:
    rng = np.random.default_rng(1)
    hu = np.full((4, *SIZE), 30, np.int16)
    hu[:, 8:30, 10:35] = 65
    hu[:, :3] = hu[:, -3:] = hu[:, :, :3] = hu[:, :, -3:] = 900
    hu += rng.integers(-6, 7, hu.shape, np.int16)
    loaded = np.array([True, True, True, False])
    return Stack(hu, loaded, tuple((sop, 0) for sop in SLICES), (0.8, 0.8), (0.0, 5.0, 9.0, 12.0))


STACK = stack()
SHARP = (
    GrowOptions(tolerance_hu=10, radius_mm=12, through_slices=True),
    BrushOptions(diameter_mm=5),
    BrushOptions(diameter_mm=9, low_hu=50),
    EraserOptions(diameter_mm=6),
    FillOptions(low_hu=50, high_hu=90, through_slices=True),
    PushOptions(diameter_mm=7),
)
OFFERED = tuple(
    Annotation(f"p{n}", sop, 0, "IPH", ((5.0, 5.0), (20.0, 5.0), (20.0, 20.0)), "model", "m", reviewed=False)
    for n, sop in enumerate("013")
)


def hand_at_random(dice: random.Random) -> Iterator[Event]:
    """One thing that a hand does, as events."""
    sop = dice.choice("00012")
    place = lambda: (dice.randint(-1, 11) * 5.0, dice.randint(-1, 9) * 5.0)  # noqa: E731
    held = dice.choice((Modifier.NONE, Modifier.NONE, Modifier.CTRL, Modifier.ALT, Modifier.SHIFT))
    uid = dice.choice(("a", "n1", "n2", "n3", "n4", "n5", "p0"))
    other = dice.choice(("a", "n1", "n2", "n6"))
    code = dice.choice(CODES)
    what = dice.randrange(12)
    if what < 5:
        points = [place() for _ in range(dice.randint(1, 6))]
        yield Press(points[0], sop, 0, held, 2.0)
        yield from (Move(point, sop, 0, 2.0) for point in points)
        yield Release(points[-1], sop)
    elif what < 7:
        yield ev.ChooseTool(dice.choice(list(ToolName)))
    elif what == 7:
        yield dice.choice(list(Key))
    elif what == 8:
        yield dice.choice(
            (
                ev.SetOptions(dice.choice(SHARP)),
                ev.ChooseCombination(dice.choice(list(Combination))),
                ev.ChooseCombination(Combination.NEW),
                ev.SetOverlap(dice.choice(list(Overlap))),
                ev.SetLayer(code, Layer(locked=dice.random() < 0.3, hidden=dice.random() < 0.2)),
                ev.Leave(),
                ev.SetProposals(OFFERED),
            )
        )
    elif what == 9:
        yield dice.choice(
            (ev.ChooseSubtype(code), ev.ChooseSubtype("SDH"), ev.Select(uid), ev.DoubleClick(place(), sop))
        )
    else:
        yield dice.choice(
            (
                ev.Merge(dice.choice(list(Combination)), (uid, other)),
                ev.Separate(uid),
                ev.Transform(
                    dx=dice.randint(-9, 9), scale=dice.choice((0.5, 1, 1.5)), degrees=dice.choice((0, 30))
                ),
                ev.Simplify(uid),
                ev.Snap(uid),
                ev.CopyTo(dice.choice((-1, 1)), dice.choice((uid, None)), sop),
                ev.Interpolate(code),
                ev.Interpolate("SDH"),
                ev.AcceptGhosts(dice.choice((None, "1"))),
                ev.Accept(dice.choice((None, "p1"))),
                ev.Reject("p0"),
                ev.Remove(uid),
                ev.RemoveAll(dice.choice((sop, sop, None))),
                ev.MarkReviewed(sop, dice.random() < 0.7),
                ev.ConfirmAll(sop),
            )
        )


def editor_with_one() -> Editor:
    numbers = itertools.count(1)
    outline = ((5.0, 5.0), (40.0, 5.0), (40.0, 30.0), (5.0, 30.0))
    start = Document(
        "study", "series", (Annotation("a", "0", 0, "IPH", outline, source="model"),), frozenset("3")
    )
    return Editor(start, stack=STACK, new_uid=lambda: f"n{next(numbers)}")


def assert_valid(document: Document) -> None:
    """Every part is a valid polygon within the image, no two parts of an annotation overlap."""
    for annotation in document.annotations:
        polygons = [shapely.Polygon(outline, holes) for outline, holes in annotation.parts]
        for polygon in polygons:
            assert polygon.is_valid
            assert polygon.area > 0
        assert shapely.union_all(polygons).area == pytest.approx(sum(p.area for p in polygons), abs=1e-6)
        for ring in annotation.rings:
            assert all(-1e-9 <= x <= SIZE[1] + 1e-9 and -1e-9 <= y <= SIZE[0] + 1e-9 for x, y in ring)
        assert annotation.sop_uid not in document.reviewed_slices


def work(editor: Editor, dice: random.Random, count: int) -> Document:
    """Do `count` things; check each edit. Returns what the journal of all edits makes of the first document."""
    replayed = editor.document
    for _ in range(count):
        for event in hand_at_random(dice):
            before = editor.document
            edit = editor.handle(event)
            assert (edit is None) == (editor.document == before)
            assert editor.selection is None or editor.document.find(editor.selection)
            assert editor.preview.tool is editor.tool
            if edit:
                assert edit.previous is before
                assert edit.action
                after = difference(edit.previous, edit.document).to_json()[1]
                replayed = apply_json(replayed, after)
                changed = set(edit.document.annotations) - set(before.annotations)
                assert_valid(
                    Document(annotations=tuple(changed), reviewed_slices=edit.document.reviewed_slices)
                )
        editor.take_messages()
    return replayed


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_any_work_stays_valid_is_replayed_and_is_undone_whole(seed: int) -> None:
    editor = editor_with_one()
    start = editor.document
    replayed = work(editor, random.Random(seed), 30)
    assert replayed == editor.document
    editor.handle(Key.ESCAPE)
    while editor.undo_text:
        editor.handle(Key.UNDO)
    assert editor.document == start
    while editor.redo_text:
        editor.handle(Key.REDO)
    assert_valid(editor.document)


BLOCKS = 10


def soak(count: int, tell: Callable[[str], None] = lambda _: None) -> None:
    """So much random work on one editor, in blocks that begin with an empty document; memory must not grow.

    Python's memory is traced in the last block alone, as that takes five times as long: what leaks, leaks there too.
    """
    editor = Editor(editor_with_one().document, stack=STACK, undo_bytes=1 << 20)
    dice = random.Random(7)
    for block in range(BLOCKS):
        for code in CODES:
            editor.handle(ev.SetLayer(code, Layer()))
        editor.handle(ev.RemoveAll())
        editor.handle(Key.ESCAPE)
        if block == BLOCKS - 1:
            gc.collect()
            tracemalloc.start()
        start = time.process_time()
        replayed = work(editor, dice, count // BLOCKS)
        ms = (time.process_time() - start) / count * BLOCKS * 1e3
        tell(f"{(block + 1) * count // BLOCKS} things: {ms:.2f} ms a thing")
        assert replayed == editor.document
    editor.handle(ev.RemoveAll())
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    tell(f"{grown / 1e6:.1f} MB more at the end of the last block than at its start, of it undo")
    assert grown < 4 << 20
    assert editor.core.history.spent_bytes <= 2 << 20


def test_memory_does_not_grow_with_work() -> None:
    soak(100)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_thousand_random_edits_leave_no_trace_in_memory() -> None:
    soak(50_000, print)


def test_undo_is_bounded_by_memory_and_not_by_count() -> None:
    budget = 300_000
    editor = Editor(stack=STACK, undo_bytes=budget)
    ring = tuple((10 + 5 * np.cos(a), 10 + 5 * np.sin(a)) for a in np.linspace(0, 6, 100))
    for number in range(60):
        editor.add([Annotation(str(number), "0", 0, "SDH", ring)], "add")
        editor.handle(ev.Remove(str(number)))
    assert editor.core.history.spent_bytes <= budget
    undone = 0
    while editor.undo_text:
        editor.handle(Key.UNDO)
        undone += 1
    assert 20 < undone < 120
    for number in range(300):  # small edits: many more of them fit
        editor.handle(ev.MarkReviewed("3", number % 2 == 0))
    undone = 0
    while editor.undo_text:
        editor.handle(Key.UNDO)
        undone += 1
    assert undone >= 200


def test_an_outline_of_too_many_points_is_capped() -> None:
    gesture = OpenPath.begin(("0", 0), (0.0, 0.0), 1.0)
    for number in range(MOST_POINTS + 50):
        gesture.press((number % 2000 + 10.0, number / 1000 + 10.0), 0.001)
    assert len(gesture.points) == MOST_POINTS


def circle(count: int) -> Annotation:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    ring = zip((25 + 15 * np.cos(angles)).tolist(), (20 + 15 * np.sin(angles)).tolist(), strict=True)
    return Annotation("a", "0", 0, "SDH", tuple(ring))


def test_a_million_vertices_are_kept_drawn_as_pixels_and_undone() -> None:
    editor = Editor(stack=STACK)
    assert editor.add([circle(1_000_000)], "import") is not None
    assert annotation_mask(editor.document.annotations[0], SIZE).sum() == pytest.approx(
        np.pi * 15**2, rel=0.02
    )
    editor.handle(Key.UNDO)
    assert editor.document.annotations == ()


def test_thousands_of_vertices_are_simplified_to_dozens() -> None:
    editor = Editor(Document(annotations=(circle(20_000),)), stack=STACK)
    before = annotation_mask(editor.document.annotations[0], SIZE)
    assert editor.handle(ev.Simplify("a")) is not None
    (fewer,) = editor.document.annotations
    assert len(fewer.outline) < 100
    assert mask_dice(annotation_mask(fewer, SIZE), before) > 0.98
