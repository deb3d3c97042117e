"""Painted bleeds: where they lie, what they leave alone, what they look like."""

from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

import model.painting as painting
import model.painting.background as background
from model.batches import Case, Stack, StackSampler
from model.painting import lift, look, mimic, paint, paint_case
from model.preprocess import PIXEL_MM, SIZE

MIDDLE = (SIZE - 1) // 2
HALF_WIDTH_MM, HALF_LENGTH_MM, SKULL_MM = 62.0, 78.0, 6.0
BRAIN_HU, FLUID_HU, BONE_HU = 34.0, 6.0, 1200.0
SLICES = 26


def oval_head(*, turned_deg: float = 0.0, noise_hu: float = 2.0, seed: int = 0, slices: int = SLICES) -> Case:
    """A head without bleeding: an ellipsoid's upper part, two ventricles and sulci that run inwards from the skull."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((SIZE, SIZE), np.float64) - (SIZE - 1) / 2
    turn = np.deg2rad(turned_deg)
    across = (np.cos(turn) * x - np.sin(turn) * y) * PIXEL_MM
    along = (np.sin(turn) * x + np.cos(turn) * y) * PIXEL_MM
    hu = np.full((slices, SIZE, SIZE), -1000.0)
    for z in range(slices):
        height = max(0.0, z * 5.0 - 50) / 85  # 1 at the vertex
        size = np.sqrt(1 - min(height, 0.99) ** 2)
        hu[z] = _slice(across, along, size, ventricles=60 <= z * 5 <= 85)
    hu += rng.normal(0, noise_hu, hu.shape)
    return Case(
        hu=np.rint(hu).astype(np.int16),
        labels=np.zeros(hu.shape, np.uint8),
        scores=np.zeros((slices, 6), np.int8),
        gaps_mm=np.full(slices, 5.0, np.float32),
        patient=f"oval-{seed}",
        source="test",
    )


def _slice(across: np.ndarray, along: np.ndarray, size: float, *, ventricles: bool) -> np.ndarray:
    inner = np.hypot(across / HALF_WIDTH_MM, along / HALF_LENGTH_MM) / size
    outer = np.hypot(across / (HALF_WIDTH_MM * size + SKULL_MM), along / (HALF_LENGTH_MM * size + SKULL_MM))
    hu = np.where(outer < 1, BONE_HU, -1000.0)
    hu = np.where(inner < 1, BRAIN_HU, hu)
    angle = np.arctan2(across, -along)
    folds = (np.abs(np.sin(12 * angle)) < 0.12) & (inner > 0.82) & (inner < 1)
    hu = np.where(folds, FLUID_HU, hu)
    if ventricles:
        wet = np.hypot((np.abs(across) - 11) / 6, along / 26) < 1
        hu = np.where(wet, FLUID_HU, hu)
    return hu


@pytest.fixture(scope="module")
def head() -> Case:
    return oval_head()


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch):
    """Paint one subtype alone."""

    def restrict(value: int) -> None:
        monkeypatch.setattr(painting, "_draw_kinds", lambda rng: [value])

    return restrict


def painted(head: Case, value: int, count: int = 8) -> list[Case]:
    cases = [paint_case(head, np.random.default_rng(seed)) for seed in range(count)]
    found = [case for case in cases if (case.labels == value).any()]
    assert len(found) > count / 2
    return found


def stack_of(case: Case, first: int, count: int = 4) -> Stack:
    chosen = np.arange(first, first + count)
    return Stack(case.hu[chosen].astype(np.float32), case.labels[chosen], case.scores[chosen], case, chosen)


def test_the_background_measures_a_head_of_known_geometry(head: Case) -> None:
    back = head.background
    assert back is not None
    z = 8
    assert back.inside[z, MIDDLE, MIDDLE]
    assert back.half_mm == pytest.approx(HALF_WIDTH_MM, abs=2.5)
    assert back.brain_hu == pytest.approx(BRAIN_HU, abs=1)
    assert back.fluid_hu == pytest.approx(FLUID_HU, abs=5)
    # 20 mm from the skull's side, on the short axis.
    column = MIDDLE + round((HALF_WIDTH_MM - 20) / PIXEL_MM)
    assert float(back.depth_mm[z, MIDDLE, column]) == pytest.approx(20, abs=2.5)
    assert float(back.across_mm[z, MIDDLE, column]) == pytest.approx(HALF_WIDTH_MM - 20, abs=2.5)
    assert abs(float(back.arc_mm[z, MIDDLE - 60, MIDDLE])) < 4  # in front, on the midline
    assert float(back.wall_mm[z, MIDDLE, column]) == pytest.approx(6, abs=2.5)


def test_ventricles_are_found_and_folds_are_not_taken_for_them(head: Case) -> None:
    back = head.background
    assert back is not None
    z = 14
    assert back.ventricle[z, MIDDLE, MIDDLE + round(11 / PIXEL_MM)]
    assert not back.ventricle[z][back.depth_mm[z] < 15].any()
    assert not back.ventricle[4].any()


@pytest.mark.parametrize("angle", [-25.0, 10.0, 30.0])
def test_the_midline_of_a_turned_head_is_found(angle: float) -> None:
    back = oval_head(turned_deg=angle).background
    assert back is not None
    slope = np.gradient(back.across_mm[10].astype(np.float64), PIXEL_MM)
    found = np.rad2deg(np.arctan2(-slope[0].mean(), slope[1].mean()))
    assert found == pytest.approx(angle, abs=3)


def test_heights_are_measured_from_the_vertex(head: Case) -> None:
    back = head.background
    assert back is not None
    assert np.allclose(np.diff(back.below_mm), -5 * 66 / back.half_mm, atol=0.01)
    assert back.below_mm[-1] < 20
    cut = look(head.hu[4:10])
    assert cut is not None
    assert np.isnan(cut.below_mm).all()


def test_air_and_neck_offer_no_place() -> None:
    assert look(np.full((4, SIZE, SIZE), -1000, np.int16)) is None
    air = Stack(
        np.full((4, SIZE, SIZE), -1000, np.float32),
        np.zeros((4, SIZE, SIZE), np.uint8),
        np.zeros((4, 6), np.int8),
    )
    assert paint(air, np.random.default_rng(0)) is air
    assert mimic(air, np.random.default_rng(0)) is air


def test_painting_is_a_function_of_the_random_numbers_and_leaves_its_input_alone(head: Case) -> None:
    stack = stack_of(head, 9)
    before = stack.hu.copy()
    first, again = (paint(stack, np.random.default_rng(5)) for _ in range(2))
    assert first is not stack
    assert np.array_equal(first.hu, again.hu)
    assert np.array_equal(first.labels, again.labels)
    assert np.array_equal(stack.hu, before)
    assert not stack.labels.any()
    other = paint(stack, np.random.default_rng(6))
    assert not np.array_equal(first.labels, other.labels)


def test_nothing_changes_outside_the_cranial_cavity_and_no_label_lies_there(head: Case) -> None:
    back = head.background
    assert back is not None
    for seed in range(5):
        case = paint_case(head, np.random.default_rng(seed))
        assert np.array_equal(case.hu[~back.inside], head.hu[~back.inside])
        assert not case.labels[~back.inside].any()


def test_scores_say_what_the_labels_show(head: Case) -> None:
    for seed in range(5):
        stack = paint(stack_of(head, 8), np.random.default_rng(seed))
        for value in range(1, 6):
            shown = (stack.labels == value).sum((1, 2)) >= 3
            assert np.array_equal(stack.scores[:, value] == 1, shown)
        assert np.array_equal(stack.scores[:, 0], stack.scores[:, 1:].max(1))


@pytest.mark.parametrize("value", [1, 2])
def test_bleeds_outside_the_brain_lie_on_the_inner_table(head: Case, only, value: int) -> None:
    only(value)
    back = head.background
    assert back is not None
    touching = 0
    for case in painted(head, value):
        found, count = ndimage.label(case.labels == value, np.ones((3, 3, 3)))
        least = ndimage.minimum(back.depth_mm.astype(np.float32), found, range(1, count + 1))
        touching += np.mean(np.asarray(least) < 3) > 0.5
    assert touching >= 4  # sheets along falx and tentorium do not touch it


def test_an_epidural_bleed_is_a_lens_thickest_in_its_middle(head: Case, only) -> None:
    only(1)
    back = head.background
    assert back is not None
    for case in painted(head, 1):
        z = int((case.labels == 1).sum((1, 2)).argmax())
        bleed = case.labels[z] == 1
        if bleed.sum() < 60:
            continue
        depth = back.depth_mm[z][bleed].astype(float)
        way = back.arc_mm[z].astype(float)[bleed]
        if np.ptp(way) > back.perimeter_mm[z] / 2:
            continue  # across the way's seam
        thickest = way[depth > 0.8 * depth.max()].mean()
        assert way.min() + 2 < thickest < way.max() - 2
        assert depth.max() < 0.8 * np.ptp(way)


def test_a_subdural_crescent_stays_on_its_side_of_the_falx(head: Case, only) -> None:
    only(2)
    back = head.background
    assert back is not None
    across = back.across_mm.astype(np.float32)
    for case in painted(head, 2):
        found, count = ndimage.label(case.labels == 2, np.ones((3, 3, 3)))
        for index in range(1, count + 1):
            part = found == index
            if back.depth_mm[part].min() < 2 and part.sum() > 100 and np.abs(across[part]).mean() > 20:
                assert across[part].min() > -1 or across[part].max() < 1


def test_blood_in_the_ventricles_lies_in_them_and_at_the_back_of_them_more_often(head: Case, only) -> None:
    only(4)
    back = head.background
    assert back is not None
    wet = ndimage.binary_dilation(back.ventricle, np.ones((1, 5, 5), bool))
    rows = []
    for case in painted(head, 4):
        bleed = case.labels == 4
        assert wet[bleed].all()
        rows += [np.nonzero(bleed)[1].mean()]
    assert np.mean(rows) > np.nonzero(back.ventricle)[1].mean()


def test_subarachnoid_blood_lies_among_the_folds_and_not_in_the_ventricles(head: Case, only) -> None:
    only(3)
    back = head.background
    assert back is not None
    for case in painted(head, 3):
        bleed = case.labels == 3
        assert not (bleed & back.ventricle).any()
        assert np.median(back.depth_mm[bleed].astype(float)) < 22


def test_a_clot_in_the_brain_is_denser_than_brain_and_keeps_its_noise(only) -> None:
    only(5)
    noisy = oval_head(noise_hu=4.0)
    back = noisy.background
    assert back is not None
    checked = 0
    for case in painted(noisy, 5):
        core = ndimage.binary_erosion(case.labels == 5, np.ones((1, 5, 5)))
        if core.sum() < 150:
            continue
        checked += 1
        assert case.hu[core].mean() > back.brain_hu + 4
        changed = case.hu.astype(float) - ndimage.gaussian_filter(case.hu.astype(float), (0, 1, 1))
        before = noisy.hu.astype(float) - ndimage.gaussian_filter(noisy.hu.astype(float), (0, 1, 1))
        assert changed[core].std() == pytest.approx(before[core].std(), rel=0.3)
    assert checked >= 2


def test_a_large_clot_pushes_tissue_but_not_the_skull(only) -> None:
    only(5)
    head = oval_head(noise_hu=0.0)
    back = head.background
    assert back is not None
    moved = 0
    for case in painted(head, 5):
        if (case.labels == 5).sum() * PIXEL_MM**2 * 5 / 1000 > 12:
            moved += int(((case.hu != head.hu) & (case.labels == 0) & (np.abs(case.hu - head.hu) > 8)).sum())
        assert np.array_equal(case.hu[back.bone_share > 0.5], head.hu[back.bone_share > 0.5])
    assert moved > 100


def test_a_mimic_changes_the_picture_and_no_label(head: Case) -> None:
    changed = 0
    for seed in range(12):
        stack = stack_of(head, 10)
        other = mimic(stack, np.random.default_rng(seed))
        changed += not np.array_equal(other.hu, stack.hu)
        assert not other.labels.any()
        assert not other.scores.any()
    assert changed >= 6


def test_a_stack_that_was_changed_forgets_its_case(head: Case) -> None:
    stack = paint(stack_of(head, 9), np.random.default_rng(0))
    assert stack.case is None


def test_the_sampler_tells_a_stack_its_case(head: Case) -> None:
    stack = StackSampler([head], count=3, positive=0.5).draw(np.random.default_rng(0))
    assert stack.case is head
    assert stack.chosen is not None
    assert np.array_equal(head.hu[stack.chosen], stack.hu)


def lens_on_the_right(head: Case) -> Case:
    """The head with an epidural lens of 24 HU above brain on the picture's right, in three slices."""
    back = head.background
    assert back is not None
    chosen = np.zeros(head.labels.shape, bool)
    way = back.arc_mm.astype(float) - back.perimeter_mm[:, None, None] / 4
    thickness = 10 * np.clip(1 - (way / 18) ** 2, 0, None)
    chosen[9:12] = ((thickness > back.depth_mm) & back.inside)[9:12]
    hu, labels = head.hu.copy(), head.labels.copy()
    hu[chosen] = BRAIN_HU + 24
    labels[chosen] = 1
    return replace(head, hu=hu, labels=labels)


def test_a_lifted_bleed_fits_another_skull(head: Case, only, monkeypatch: pytest.MonkeyPatch) -> None:
    only(1)
    monkeypatch.setattr(painting, "_TRANSPLANTED", 1.0)
    donors = lift(lens_on_the_right(head))
    assert [donor.value for donor in donors] == [1]
    donor = donors[0]
    assert donor.contrast[donor.share > 0.9].mean() == pytest.approx(24, abs=3)
    assert donor.across_mm == pytest.approx(HALF_WIDTH_MM - 5, abs=5)
    other = oval_head(turned_deg=20, seed=3)
    back = other.background
    assert back is not None
    sides = set()
    for seed in range(10):
        case = paint_case(other, np.random.default_rng(seed), donors)
        bleed = case.labels == 1
        if not bleed.any():
            continue
        sides.add(bool(back.across_mm[bleed].mean() > 0))
        assert float(back.depth_mm[bleed].max()) < 14
        assert float(back.depth_mm[bleed].min()) < 3
        assert case.hu[bleed & (back.depth_mm > 3)].mean() - back.brain_hu == pytest.approx(24, abs=6)
    assert sides == {True, False}


def test_a_lifted_clot_lies_as_deep_and_as_far_from_the_midline_in_another_head(
    head: Case, only, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(5)
    monkeypatch.setattr(painting, "_TRANSPLANTED", 1.0)
    hu, labels, back = head.hu.copy(), head.labels.copy(), head.background
    assert back is not None
    clot = (np.hypot(back.across_mm - 30, back.along_mm) < 9) & back.inside
    clot[[*range(12), *range(15, SLICES)]] = False
    hu[clot], labels[clot] = BRAIN_HU + 22, 5
    donors = lift(replace(head, hu=hu, labels=labels))
    assert [donor.value for donor in donors] == [5]
    assert abs(donors[0].across_mm) == pytest.approx(30, abs=2)
    other = oval_head(seed=4)
    places = other.background
    assert places is not None
    found = [paint_case(other, np.random.default_rng(seed), donors) for seed in range(6)]
    bleeds = [case.labels == 5 for case in found if case.scores[:, 5].any()]
    assert len(bleeds) >= 4
    for bleed in bleeds:
        assert places.inside[bleed].all()
        assert not places.ventricle[bleed].mean() > 0.2
    away = [abs(float(places.across_mm[b].mean())) for b in bleeds]
    # Up to three clots a head, each within 14 mm of its old distance, on either side.
    assert min(away) < 45
    assert max(float(np.abs(places.across_mm[b]).max()) for b in bleeds) < 62


def test_donors_of_other_subtypes_are_left_alone(head: Case, only) -> None:
    only(5)
    donors = lift(lens_on_the_right(head))
    plain = paint_case(head, np.random.default_rng(3))
    offered = paint_case(head, np.random.default_rng(3), donors)
    assert np.array_equal(plain.hu, offered.hu)


def test_few_backgrounds_are_kept_and_none_of_a_case_that_is_gone(
    head: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_MOST_KEPT", 2)
    monkeypatch.setattr(background, "_KEPT", OrderedDict())
    assert head.background is head.background
    looked = []
    monkeypatch.setattr(background, "look", lambda hu, gaps_mm: looked.append(len(hu)))
    cases = [replace(head, hu=head.hu[:n].copy(), gaps_mm=head.gaps_mm[:n]) for n in (3, 4, 5)]
    for case in (*cases, cases[2], cases[0]):
        assert case.background is None
    assert looked == [3, 4, 5, 3]  # the last two were kept, the first was found again
    del case, cases
    gone = oval_head(slices=2)
    assert gone.background is None
    assert len(background._KEPT) == 1


def test_a_simulated_head_is_looked_at_slice_by_slice(head: Case) -> None:
    simulated = replace(head, hu=head.hu.copy(), source="phantom")
    stack = stack_of(simulated, 12)
    assert paint(stack, np.random.default_rng(2)) is not stack
    assert not any(known[0]() is simulated.hu for known in background._KEPT.values())
