"""Simulated and painted bleeds against 1,873 components of bleeding measured in 192 patients (BHSD; DIDSR, CC0)."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from model.batches import Case, crop_sample
from model.labels import CODES
from model.painting import paint_case
from model.phantom import PhantomSettings, Scanner, generate
from model.preprocess import PIXEL_MM

BRAIN_HU = 29.0
"""Typical brain in the data that the table was measured in: HU below are contrasts to it."""
HU = {"EDH": (51, 57, 62), "SDH": (44, 51, 58), "SAH": (39, 43, 49), "IVH": (34, 40, 45), "IPH": (42, 48, 54)}
"""Quartiles of the components' mean HU."""
SCAN_ML = {"EDH": (1.8, 16.7), "SDH": (2.3, 23.7), "SAH": (0.87, 9.7), "IVH": (0.6, 8.6), "IPH": (2.3, 31.7)}
"""Middle half of a scan's total, mL."""
SLICES_95 = {"EDH": 17, "SDH": 16, "SAH": 6, "IVH": 9, "IPH": 11}
LEAST_ML = 0.08
"""Smaller components are a few pixels that partial volume tore off; the table's lower quartile for SAH."""


def brain_hu(case: Case) -> float:
    soft = case.hu[(case.hu > 10) & (case.hu < 50) & (case.labels == 0)]
    return float(np.median(soft))


def components(cases: Iterable[Case], value: int) -> npt.NDArray[np.float64]:
    """Contrast in HU, mL and slices of each connected bleed (n, 3); pixels that bone blurs into have no say in HU."""
    rows = []
    for case in cases:
        clear = ~ndimage.binary_dilation(case.hu > 110, np.ones((1, 3, 3)))
        found, _ = ndimage.label(case.labels == value, np.ones((3, 3, 3)))
        brain = brain_hu(case)
        pixel_ml = PIXEL_MM**2 * float(case.gaps_mm[0]) / 1000
        for index, place in enumerate(ndimage.find_objects(found), 1):
            bleed = found[place] == index
            if bleed.sum() * pixel_ml >= LEAST_ML:
                core = bleed & clear[place]
                contrast = case.hu[place][core if core.any() else bleed].mean() - brain
                rows.append((contrast, bleed.sum() * pixel_ml, np.count_nonzero(bleed.any((1, 2)))))
    return np.array(rows)


def totals_ml(cases: Iterable[Case], value: int) -> npt.NDArray[np.float64]:
    volumes = [(case.labels == value).sum() * PIXEL_MM**2 * float(case.gaps_mm[0]) / 1000 for case in cases]
    return np.array([volume for volume in volumes if volume > 0])


@lru_cache(maxsize=1)
def simulated() -> tuple[Case, ...]:
    """Heads with every subtype equally often."""
    scanner = Scanner(cupping_hu=2, glow_hu=1, gain=1.0, offset_hu=0.0)
    return tuple(
        crop_sample(
            generate(seed, size=144, lesions=(CODES[seed % 5],), scanner=scanner, settings=PhantomSettings())
        )
        for seed in range(40)
    )


@lru_cache(maxsize=1)
def painted() -> tuple[Case, ...]:
    """Bleeds in patients of CT-ICH without bleeding; in simulated heads where that is not at hand."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "ct-ich"
    if folder.exists():
        from model.datasets import ct_ich

        numbers = [n for n in ct_ich.patients(folder) if n in ("056", "057", "063", "072")]
        heads = [crop_sample(ct_ich.read_patient(folder, number)) for number in numbers]
        heads = [case for case in heads if not case.scores.any()]
    else:
        heads = [crop_sample(generate(seed, size=192, lesions=())) for seed in range(6)]
    return tuple(paint_case(heads[n % len(heads)], np.random.default_rng(n)) for n in range(60))


@pytest.mark.slow
@pytest.mark.parametrize("source", [simulated, painted], ids=["simulated", "painted"])
@pytest.mark.parametrize("code", CODES)
def test_bleeds_are_as_dense_and_as_large_as_patients(source, code: str) -> None:
    cases, value = source(), CODES.index(code) + 1
    found = components(cases, value)
    assert len(found) >= 5
    low, middle, high = (hu - BRAIN_HU for hu in HU[code])
    contrast = float(np.median(found[:, 0]))
    # Between the patients' quartiles, and 4 HU for scanners that show brain and clot otherwise.
    assert low - 4 <= contrast <= high + 4, f"{code}: {contrast:.1f} HU over brain, patients {middle:.0f}"
    total = float(np.median(totals_ml(cases, value)))
    least, most = SCAN_ML[code]
    assert least <= total <= most, f"{code}: {total:.1f} mL a head"
    assert np.percentile(found[:, 2], 95) <= 1.6 * SLICES_95[code]


@pytest.mark.slow
@pytest.mark.parametrize("source", [simulated, painted], ids=["simulated", "painted"])
def test_small_bleeds_are_common(source) -> None:
    found = np.concatenate([components(source(), value) for value in range(1, 6)])
    assert 0.3 < (found[:, 1] < 1).mean() < 0.95  # three in four of the measured components
