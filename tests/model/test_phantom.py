"""The simulated heads: repeatable, labelled where the blood is, with the bleeds where anatomy puts them."""

import json
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from model.errors import PterionError
from model.labels import CODES
from model.phantom import SHIFTED, AnatomySettings, PhantomSettings, Scanner, ScannerSettings, generate
from model.phantom.lesions import draw_kinds, plan_lesions
from model.phantom.settings import LesionSettings
from model.sample import Sample

STILL = Scanner(noise_hu=0, cupping_hu=0, glow_hu=0, bar_hu=0, streak_hu=0, sharpening=0)
"""A scanner that adds nothing but blur."""
UPRIGHT = PhantomSettings(
    anatomy=AnatomySettings(
        child_share=0,
        turned_share=0,
        yaw_deg=0.5,
        roll_deg=0.5,
        pitch_deg=0.5,
        scalp_haematoma_share=0,
        dark_share=0,
        fracture_share=0,
        surgery_share=0,
        tubes_share=0,
    )
)
SIZE = 128
SEEDS = (40, 41, 42, 43, 44, 45)


@lru_cache(maxsize=64)
def head(seed: int, *lesions: str, scanner: Scanner = STILL) -> Sample:
    """A small upright head that shows `lesions`."""
    return generate(seed, size=SIZE, lesions=lesions, scanner=scanner, settings=UPRIGHT)


def midline(sample: Sample) -> float:
    """Column of the head's middle, from the skull's columns in the middle slices."""
    columns = np.flatnonzero((sample.hu[14:20] > 300).any((0, 1)))
    return float(columns[0] + columns[-1]) / 2


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads() -> None:
    one, two = (generate(5, size=64, slices=8, threads=threads) for threads in (1, 3))
    assert one.hu.tobytes() == two.hu.tobytes()
    assert one.labels.tobytes() == two.labels.tobytes()
    assert one.provenance == two.provenance


def test_another_seed_gives_another_head() -> None:
    assert (generate(5, size=64, slices=8).hu != generate(6, size=64, slices=8).hu).mean() > 0.2


def test_a_slice_does_not_depend_on_the_slices_around_it() -> None:
    few, many = (generate(3, size=64, slices=n, lesions=("SDH",), scanner=STILL) for n in (3, 9))
    assert np.array_equal(few.hu, many.hu[3:6])
    assert np.array_equal(few.labels, many.labels[3:6])


def test_a_sample_says_what_it_is() -> None:
    sample = generate(9, size=64, slices=10, thickness_mm=4.0, lesions=("SDH", "IPH"))
    assert (sample.patient, sample.source) == ("phantom-9", "phantom")
    assert np.allclose(np.diff(sample.z_mm), 4.0)
    low, high = AnatomySettings().field_of_view_mm
    assert low <= 64 * sample.spacing_mm[0] <= high
    facts = json.loads(json.dumps(sample.provenance))
    assert facts["seed"] == 9
    assert set(facts["scanner"]) == set(Scanner.__dataclass_fields__)
    present = {code for value, code in enumerate(CODES, 1) if (sample.labels == value).any()}
    assert set(facts["lesions"]) == present


def test_a_head_without_lesions_has_no_label_and_no_positive_score() -> None:
    sample = head(1)
    assert not sample.labels.any()
    assert not sample.scores.any()


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("seed", SEEDS[:3])
def test_an_asked_lesion_shows_with_its_own_label_only(code: str, seed: int) -> None:
    sample = head(seed, code)
    assert set(np.unique(sample.labels)) == {0, CODES.index(code) + 1}
    assert sample.scores[:, 0].sum() == sample.labels.any((1, 2)).sum() > 0


@pytest.mark.parametrize("code", CODES)
def test_labelled_pixels_are_as_dense_as_measured_bleeds_and_brighter_than_their_surroundings(
    code: str,
) -> None:
    inside, contrast = [], []
    for seed in SEEDS:
        sample = head(seed, code)
        blood = sample.labels > 0
        ring = ndimage.binary_dilation(blood, np.ones((1, 9, 9))) & ~ndimage.binary_dilation(
            blood, np.ones((1, 3, 3))
        )
        around = sample.hu[ring & (sample.hu > -20) & (sample.hu < 90)]
        inside.append(sample.hu[blood].mean())
        contrast.append(np.median(sample.hu[blood]) - np.median(around))
    assert 36 < np.mean(inside) < 68
    assert np.mean(contrast) > 6
    assert sum(each > 0 for each in contrast) >= 5


@pytest.mark.parametrize("code", ["EDH", "SDH"])
def test_epidural_and_convex_subdural_bleeds_lie_against_the_skull(code: str) -> None:
    touching = 0
    for seed in SEEDS:
        sample = head(seed, code)
        away_mm = ndimage.distance_transform_edt(sample.hu < 300, sampling=(1e3, *sample.spacing_mm))
        lesion = plan_lesions(seed, (code,), LesionSettings())[-1]
        if lesion.form != "convex":
            continue
        touching += 1
        for plane in np.flatnonzero(sample.labels.any((1, 2))):
            blood = sample.labels[plane] > 0
            if blood.sum() > 20:
                assert away_mm[plane][blood].min() < 4
    assert touching >= 3


def test_labels_hold_no_bone() -> None:
    for code in ("EDH", "SDH"):
        for seed in SEEDS:
            sample = head(seed, code)
            assert sample.hu[sample.labels > 0].max() <= 120


def test_blood_in_the_ventricles_sinks_to_the_back() -> None:
    layered = [
        seed for seed in range(40, 60) if plan_lesions(seed, ("IVH",), LesionSettings())[0].form == "layer"
    ][:3]
    for seed in layered:
        sample = head(seed, "IVH")
        lesion = plan_lesions(seed, ("IVH",), LesionSettings())[0]
        if lesion.size["third"] or lesion.size["fourth"]:
            continue
        rows = np.nonzero(sample.labels)[1]
        skull = np.flatnonzero((sample.hu[14:20] > 300).any((0, 2)))
        assert rows.mean() > (skull[0] + skull[-1]) / 2 + 10 / sample.spacing_mm[0]


def test_blood_in_the_ventricles_lies_where_fluid_is_without_it() -> None:
    for seed in SEEDS[:3]:
        dry, wet = head(seed), head(seed, "IVH")
        assert np.median(dry.hu[wet.labels == 4]) < 22
        changed = (np.abs(dry.hu.astype(int) - wet.hu) > 8) & ~ndimage.binary_dilation(
            wet.labels > 0, np.ones((3, 5, 5))
        )
        assert changed.mean() < 1e-4


@pytest.mark.parametrize("seed", SEEDS)
def test_the_patients_left_is_at_the_pictures_right(seed: int) -> None:
    lesion = plan_lesions(seed, ("EDH",), LesionSettings())[0]
    sample = head(seed, "EDH")
    columns = np.nonzero(sample.labels)[2]
    assert np.sign(columns.mean() - midline(sample)) == np.sign(lesion.centre[0])


def test_a_subdural_bleed_stays_on_its_side() -> None:
    one_sided = 0
    for seed in SEEDS:
        sides = {float(np.sign(each.centre[0])) for each in plan_lesions(seed, ("SDH",), LesionSettings())}
        if len(sides) == 1:
            one_sided += 1
            sample = head(seed, "SDH")
            from_middle_mm = (np.nonzero(sample.labels)[2] - midline(sample)) * sample.spacing_mm[1]
            assert (
                from_middle_mm * sides.pop()
            ).min() > -6  # the falx bends that far with the head's asymmetry
    assert one_sided >= 3


def test_slices_run_from_the_base_to_the_vertex_and_the_face_looks_up() -> None:
    sample = head(1)
    bone = (sample.hu > 300).mean((1, 2))
    assert bone[:6].mean() > bone[20:26].mean()
    low = sample.hu[1:7]
    inside = np.stack([ndimage.binary_fill_holes(plane > -300) for plane in low])
    nose = (inside & (low < -500))[:, :, SIZE // 2 - 12 : SIZE // 2 + 12]
    assert nose[:, : SIZE // 2].sum() > 10 * nose[:, SIZE // 2 :].sum()


def test_tissues_have_their_hu() -> None:
    sample = head(10)  # an old head, with wide ventricles
    middle = sample.hu[18]
    assert middle[0, 0] == -1000
    assert middle.max() > 900
    vault = ndimage.binary_closing(middle > 300, iterations=3)  # over its sutures
    deep = ndimage.binary_erosion(ndimage.binary_fill_holes(vault), iterations=12)
    assert 22 < np.median(middle[deep]) < 40
    assert np.percentile(middle[deep], 1) < 22


def test_asking_for_another_subtype_leaves_the_others_as_they_were() -> None:
    alone = plan_lesions(8, ("IPH",), LesionSettings())
    beside = plan_lesions(8, ("SDH", "IPH", "IVH"), LesionSettings())
    assert alone == tuple(lesion for lesion in beside if lesion.kind == 5)
    assert [lesion.kind for lesion in beside] == sorted((lesion.kind for lesion in beside), reverse=True)


def test_kinds_come_as_often_as_asked() -> None:
    drawn = [draw_kinds(seed, LesionSettings()) for seed in range(600)]
    assert 0.34 < sum(not kinds for kinds in drawn) / 600 < 0.46  # 0.4 ± three deviations
    for code, weight in zip(CODES, LesionSettings().weights, strict=True):
        assert sum(code in kinds for kinds in drawn) > 600 * 0.6 * weight * 0.8
    assert all(draw_kinds(seed, replace(LesionSettings(), negative_share=1.0)) == () for seed in range(20))


def test_noise_gain_and_offset_are_the_scanners() -> None:
    quiet = head(1)
    noisy = head(1, scanner=replace(STILL, noise_hu=3.0))
    corner = noisy.hu[:, :12, :12].astype(float) - quiet.hu[:, :12, :12]
    assert corner.std() == pytest.approx(3.0, rel=0.1)
    brain = quiet.hu[18, 55:75, 40:60].astype(float)
    shifted = head(1, scanner=replace(STILL, offset_hu=7.0)).hu[18, 55:75, 40:60] - brain
    assert set(np.unique(shifted)) == {7}
    stretched = head(1, scanner=replace(STILL, gain=1.5)).hu[18, 55:75, 40:60]
    assert np.abs(stretched - 1.5 * brain).max() <= 1.25  # both are rounded to whole HU


def test_cupping_brightens_below_the_skull_and_the_bar_darkens_between_the_petrous_bones() -> None:
    plain, cupped = head(1), head(1, scanner=replace(STILL, cupping_hu=8.0))
    gain = (cupped.hu.astype(int) - plain.hu)[18]
    inside = ndimage.binary_fill_holes(plain.hu[18] > 300) & (plain.hu[18] < 100)
    depth_mm = ndimage.distance_transform_edt(inside) * plain.spacing_mm[0]
    assert gain[(depth_mm > 2) & (depth_mm < 5)].mean() > 1.5
    assert np.abs(gain[depth_mm > 25]).max() <= 1
    barred = head(1, scanner=replace(STILL, bar_hu=10.0))
    darker = (barred.hu.astype(int) - plain.hu).reshape(32, -1).min(1)
    assert darker[:8].min() <= -4
    assert darker[20:].min() >= -1


def test_thin_slices_show_the_same_head() -> None:
    thick = generate(4, size=64, slices=9, thickness_mm=5.0, lesions=(), scanner=STILL)
    thin = generate(4, size=64, slices=45, thickness_mm=1.0, lesions=(), scanner=STILL)
    mean = thin.hu.reshape(9, 5, 64, 64).mean(1)
    assert np.corrcoef(mean.ravel(), thick.hu.ravel())[0, 1] > 0.98


def test_children_have_small_heads_and_thin_skulls() -> None:
    def width_mm(share: float) -> float:
        settings = replace(UPRIGHT, anatomy=replace(UPRIGHT.anatomy, child_share=share))
        widths = []
        for seed in range(5):
            sample = generate(seed, size=64, slices=5, lesions=(), scanner=STILL, settings=settings)
            assert sample.provenance["child"] is bool(share)
            widths.append(np.ptp(np.flatnonzero((sample.hu[2] > 300).any(0))) * sample.spacing_mm[1])
        return float(np.mean(widths))

    assert width_mm(1.0) < width_mm(0.0) - 15


def test_shifted_scanners_share_no_noise_with_the_usual_ones() -> None:
    usual = ScannerSettings()
    assert SHIFTED.noise_hu[0] > usual.noise_hu[1]
    assert SHIFTED.blur_mm[0] >= usual.blur_mm[1]
    assert SHIFTED.offset_hu[0] >= usual.offset_hu[1]
    drawn = [usual.draw(np.random.default_rng(seed)) for seed in range(50)]
    for name in Scanner.__dataclass_fields__:
        low, high = getattr(usual, name)
        values = [getattr(scanner, name) for scanner in drawn if name != "motion_mm" or scanner.motion_mm]
        assert low <= min(values) <= max(values) <= high
    assert 0 < sum(scanner.motion_mm > 0 for scanner in drawn) < 15  # 8 in 100


@pytest.mark.parametrize(
    "wrong", [{"size": 8}, {"slices": 0}, {"thickness_mm": 0.0}, {"thickness_mm": float("nan")}]
)
def test_sizes_that_make_no_picture_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(PterionError, match="Choose larger numbers"):
        generate(0, **wrong)  # type: ignore[arg-type]


def test_an_unknown_subtype_is_refused() -> None:
    with pytest.raises(PterionError, match="'XYZ'"):
        generate(0, lesions=("SDH", "XYZ"))


def components_ml(sample: Sample, value: int) -> npt.NDArray[np.float64]:
    """Volume of each connected bleed of a subtype."""
    found, count = ndimage.label(sample.labels == value, np.ones((3, 3, 3)))
    voxel = sample.spacing_mm[0] * sample.spacing_mm[1] * 5.0 / 1000
    return np.asarray(ndimage.sum(found > 0, found, range(1, count + 1)) * voxel)


@pytest.mark.parametrize(
    ("code", "low_ml", "high_ml"),
    [("EDH", 1, 12), ("SDH", 2, 30), ("SAH", 1, 25), ("IVH", 0.4, 8), ("IPH", 0.5, 30)],
)
def test_the_volume_of_a_head_s_bleeds_is_of_the_order_measured_in_patients(
    code: str, low_ml: float, high_ml: float
) -> None:
    # Medians of 192 scans (BHSD): EDH 5.1, SDH 6.1, SAH 2.0, IVH 2.3, IPH 9.4 mL.
    # Simulated SAH is larger, so that it shows.
    value = CODES.index(code) + 1
    totals = [components_ml(head(seed, code), value).sum() for seed in SEEDS]
    assert low_ml < np.median(totals) < high_ml
