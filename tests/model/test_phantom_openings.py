"""Sutures, fractures, operated skulls, dark brain and what metal and motion do to the picture."""

import importlib
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy import ndimage

from model.phantom import AnatomySettings, PhantomSettings, Scanner, generate, head, openings
from model.phantom.acquisition import _metal, _moved
from model.phantom.geometry import stream
from model.phantom.head import draw_head
from model.phantom.lesions import plan_lesions
from model.phantom.openings import Crack, Openings, Surgery, draw_openings, on_table
from model.phantom.settings import LesionSettings
from model.sample import Sample

generating = importlib.import_module("model.phantom.generate")

STILL = Scanner(noise_hu=0, cupping_hu=0, glow_hu=0, bar_hu=0, streak_hu=0, sharpening=0)
PLAIN = AnatomySettings(
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
CLOSED = Openings(0.0, 0.0, None, None)
BURR = Surgery("burr", on_table((45, 10, 35)), 7.0, 0.0, 10.0, 0.0, False)


@lru_cache(maxsize=32)
def shown(opened: Openings | None = CLOSED, seed: int = 3, anatomy: AnatomySettings = PLAIN) -> Sample:
    """A head with these openings; those of its seed where None."""
    with pytest.MonkeyPatch.context() as patch:
        if opened is not None:
            patch.setattr(head, "draw_openings", lambda *args, **kwargs: opened)
        return generate(seed, size=128, lesions=(), scanner=STILL, settings=PhantomSettings(anatomy=anatomy))


def bone_lost(opened: Openings) -> np.ndarray:
    """Where bone is gone compared with a closed skull (slices, rows, columns)."""
    return (shown(CLOSED).hu > 500) & (shown(opened).hu < 250)


def test_a_craniectomy_leaves_a_hole_on_its_side_of_about_its_size() -> None:
    surgery = replace(BURR, kind="craniectomy", radius=38.0)
    lost = bone_lost(replace(CLOSED, surgery=surgery))
    z, row, column = (float(np.mean(v)) for v in np.nonzero(lost))
    assert column > 64 + 10  # the patient's left is at the picture's right
    assert 12 < z < 31
    height_mm = np.ptp(np.flatnonzero(lost.any((1, 2)))) * 5
    assert 45 <= height_mm <= 95
    assert 30 < row < 98
    burr = bone_lost(replace(CLOSED, surgery=BURR))
    assert 0 < burr.sum() < lost.sum() / 8


def test_a_flap_keeps_its_bone_inside_a_gap_with_metal_around_it() -> None:
    flap = replace(CLOSED, surgery=replace(BURR, kind="flap", radius=30.0))
    sample, closed = shown(flap), shown(CLOSED)
    assert (sample.hu > 2200).sum() > (closed.hu > 2200).sum()
    hole = bone_lost(replace(CLOSED, surgery=replace(BURR, kind="craniectomy", radius=30.0)))
    kept = (sample.hu > 500) & hole
    assert kept.sum() > 0.5 * hole.sum()


def test_fluid_and_air_below_an_operated_skull_are_dark_and_no_blood() -> None:
    surgery = replace(BURR, kind="craniectomy", radius=35.0, fluid_mm=7.0, fluid_hu=8.0, air_mm=8.0)
    sample = shown(replace(CLOSED, surgery=surgery))
    dry = shown(replace(CLOSED, surgery=replace(surgery, fluid_mm=0.0, air_mm=0.0)))
    darker = dry.hu.astype(int) - sample.hu
    assert ((darker > 12) & (darker < 60)).sum() > 150
    air = darker > 500
    assert air.sum() > 20
    assert np.nonzero(air)[1].mean() < 45  # in front: the patient lies on the back
    assert not sample.labels.any()


def test_a_catheter_leads_from_its_hole_towards_the_ventricle() -> None:
    with_tube = shown(replace(CLOSED, surgery=replace(BURR, catheter=True)))
    without = shown(replace(CLOSED, surgery=BURR))
    tube = (with_tube.hu.astype(int) - without.hu) > 60
    columns = np.nonzero(tube)[2]
    assert len(np.flatnonzero(tube.any((1, 2)))) >= 3
    assert columns.min() < 78
    assert columns.max() > 88


def test_a_fracture_is_a_thin_line_through_bone() -> None:
    crack = Crack(on_table((60, 10, 25)), (0.0, 0.0, 1.0), 25.0, 1.6)
    plain, broken = shown(CLOSED).hu.astype(int), shown(replace(CLOSED, crack=crack)).hu.astype(int)
    lost = plain - broken > 120
    assert lost.sum() >= 10
    assert (plain[lost] > 200).mean() > 0.9
    per_slice = lost.sum((1, 2))
    assert per_slice.max() < 40
    assert 3 <= np.count_nonzero(per_slice) <= 13


def test_infants_have_open_sutures_and_a_fontanelle() -> None:
    infant = replace(CLOSED, suture_mm=5.0, fontanelle_mm=14.0)
    lost = bone_lost(infant)
    assert lost.sum() > 60
    top = lost[24:].sum()
    assert top > 0
    middle = np.abs(np.nonzero(lost[24:])[2] - 64) < 14
    assert middle.mean() > 0.5  # sagittal suture and fontanelle lie on the midline


def test_openings_come_as_often_as_asked() -> None:
    often = AnatomySettings(fracture_share=0.5, surgery_share=0.25)
    drawn = [draw_openings(stream(seed, "openings"), often, child=False, infant=False) for seed in range(300)]
    assert 115 < sum(each.crack is not None for each in drawn) < 185  # 150 ± four deviations
    assert 45 < sum(each.surgery is not None for each in drawn) < 105  # 75 ± four deviations
    kinds = {each.surgery.kind for each in drawn if each.surgery is not None}
    assert kinds == {"burr", "flap", "craniectomy"}
    never = AnatomySettings(fracture_share=0, surgery_share=0)
    for seed in range(20):
        none = draw_openings(stream(seed, "openings"), never, child=False, infant=True)
        assert none.crack is None
        assert none.surgery is None
        assert none.fontanelle_mm > 5


def test_the_point_on_the_table_is_on_its_ellipsoid() -> None:
    x, y, z = on_table((10.0, -20.0, 30.0))
    assert (x / 66) ** 2 + (y / 84) ** 2 + (z / 78) ** 2 == pytest.approx(1)
    assert (x / 10, y / -20) == pytest.approx((z / 30, z / 30))


def test_dark_patches_darken_brain_and_are_no_blood() -> None:
    changed = 0
    for seed in (3, 4, 5):
        dark = shown(CLOSED, seed, replace(PLAIN, dark_share=3.0))
        plain = shown(CLOSED, seed)
        changed += ((plain.hu.astype(int) - dark.hu) > 8).sum() > 60
        assert not dark.labels.any()
        assert not dark.scores.any()
    assert changed >= 2


def test_infants_are_smaller_than_children_and_their_skulls_thinner() -> None:
    box = (-140.0, -140.0, -140.0), (180.0, 140.0, 140.0)
    child = draw_head(7, replace(PLAIN, child_share=1, infant_share=0), *box)
    infant = draw_head(7, replace(PLAIN, child_share=1, infant_share=1), *box)
    assert infant.infant
    assert not child.infant
    assert infant.shape.skull < 0.7 * child.shape.skull
    assert np.linalg.det(infant.pose.matrix) > np.linalg.det(child.pose.matrix)  # world to head: smaller head


def test_motion_leaves_ghosts_in_some_slices_only() -> None:
    hu = np.full((64, 64), -1000, np.float32)
    hu[20:40, 20:40] = 40
    scanner = replace(STILL, motion_mm=4.0)
    moved = [not np.array_equal(_moved(hu, 1.0, scanner, 1, index), hu) for index in range(32)]
    assert 1 <= sum(moved) <= 14
    assert all(np.array_equal(_moved(hu, 1.0, STILL, 1, index), hu) for index in range(5))


def test_metal_throws_rays_that_fade_with_distance() -> None:
    hu = np.full((64, 64), 40, np.float32)
    assert np.all(np.asarray(_metal(hu, 1.0)) == 0)
    hu[30:33, 30:33] = openings.METAL_HU
    rays = np.asarray(_metal(hu, 1.0))
    far = np.hypot(*(np.indices(rays.shape) - 31))
    assert np.abs(rays[(far > 4) & (far < 8)]).mean() > 2 * np.abs(rays[far > 25]).mean()
    assert rays.min() < -2 < 2 < rays.max()


def test_grey_matter_lies_outside_white_matter() -> None:
    sample = shown(CLOSED, 4)
    brain = ndimage.binary_fill_holes(sample.hu[20] > 400) & (sample.hu[20] < 200)
    depth_mm = ndimage.distance_transform_edt(brain) * sample.spacing_mm[0]
    inner = sample.hu[20][depth_mm > 34]
    outer = sample.hu[20][(depth_mm > 6) & (depth_mm < 14)]
    assert np.median(outer) > np.median(inner) + 1.5  # patients: 6 to 8 HU at 120 kV, cupping included


def test_beyond_a_suture_is_measured_from_the_bleeds_side_of_it() -> None:
    temple, brow = on_table((64, -5, 15)), on_table((40, -65, 20))
    x, y, z = (np.array([v]) for v in brow)
    assert openings.beyond_sutures(temple, x, y, z)[0] > 10  # the coronal suture runs between them
    assert openings.beyond_sutures(brow, x, y, z)[0] < 0


def test_most_epidural_lenses_end_at_the_sutures() -> None:
    lenses = [plan_lesions(seed, ("EDH",), LesionSettings())[0] for seed in range(120)]
    bounded = [lens for lens in lenses if lens.size["bounded"]]
    assert 88 <= len(bounded) <= 114  # 85 in 100 ± three deviations
    lens = replace(bounded[0], centre=on_table((60, -22, 10)), hu=70.0)
    lens = replace(lens, size=lens.size | {"length": 40.0, "height": 12.0}, push_mm=0.0)
    free = replace(lens, size=lens.size | {"bounded": 0.0})
    reach = {}
    for name, each in (("bounded", lens), ("free", free)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(generating, "plan_lesions", lambda *args, each=each: (each,))
            patch.setattr(head, "draw_openings", lambda *args, **kwargs: CLOSED)
            sample = generate(
                3, size=96, lesions=("EDH",), scanner=STILL, settings=PhantomSettings(anatomy=PLAIN)
            )
        reach[name] = np.nonzero(sample.labels)[1].min()
    assert reach["bounded"] >= reach["free"] + 3  # 7 mm: it ends behind the coronal suture
