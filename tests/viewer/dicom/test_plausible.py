"""Numbers that no scanner writes: they are as good as missing, and nothing is computed with them."""

import math
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.dicom import plausible
from viewer.dicom.geometry import counted, even, measure, missing
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, SliceHeader

ugly = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("ugly.py"))))
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
ANY = st.floats(allow_nan=True, allow_infinity=True)


@pytest.mark.parametrize("height", ["1e308", "-1e308", "1e155", "1e20", "1000001"])
def test_one_slice_beyond_the_building_does_not_stop_the_others(tmp_path: Path, height: str) -> None:
    """A position of 1e20 mm once ended the whole scan, as so many slices seemed to be missing."""
    ugly.stack(tmp_path / "a", 4)
    far = ugly.slice_of(9, ImagePositionPatient=["0", "0", height])
    ugly.save(far, tmp_path / "far")
    largest, other = scan(tmp_path).studies[0].series
    assert len(largest.slices) == 4
    assert load_all(largest).loaded.all()
    assert other.slices[0].position_mm is None
    assert Problem.NO_POSITION in other.problems


@pytest.mark.parametrize("value", ["1e308", "1e5", "1e-300", "0", "-1"])
def test_pixels_of_no_size_are_not_measured(tmp_path: Path, value: str) -> None:
    ugly.stack(tmp_path, 3, PixelSpacing=[value, "0.5"], SliceThickness=value)
    (series,) = scan(tmp_path).studies[0].series
    assert series.slices[0].spacing_mm is None
    assert series.thickness_mm is None
    assert Problem.NO_SPACING in series.problems


def test_numbers_beyond_what_can_be_written_are_no_numbers(tmp_path: Path) -> None:
    ugly.stack(
        tmp_path,
        3,
        InstanceNumber="99999999999",
        SeriesNumber="99999999999",
        WindowCenter="1e300",
        WindowWidth="5",
    )
    (series,) = scan(tmp_path).studies[0].series
    assert series.number is None
    assert {place.instance_number for place in series.slices} == {None}
    assert {place.window for place in series.slices} == {None}
    assert len(series.gaps_mm) == 2


@given(st.lists(ANY, max_size=7).map(tuple))
def test_what_passes_is_finite_and_as_it_was(values: tuple[float, ...]) -> None:
    for check in (plausible.position, plausible.orientation, plausible.spacing):
        passed = check(values)
        assert passed is None or (passed == values and all(map(math.isfinite, passed)))
    first, second = (*values, math.nan, math.nan)[:2]
    window = plausible.window(first, second)
    assert window is None or (window == (first, second) and window[0] > 0 and math.isfinite(window[1]))
    for bounded in (plausible.length(first), plausible.whole(first)):
        assert bounded is None or math.isfinite(bounded)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9))
def test_whatever_passes_can_be_measured(heights: list[float]) -> None:
    """No warning, no error, and finite numbers: warnings are errors here."""
    slices = [
        SliceHeader(Path(), "1", 0, 1, (0.0, 0.0, z), AXIAL, (1, 1), 4, 4, None) for z in sorted(heights)
    ]
    geometry = measure(slices)
    assert geometry is not None
    assert np.isfinite([geometry.tilt_deg, geometry.drift_mm, geometry.bend_mm, *geometry.gaps_mm]).all()
    assert len(missing(geometry.gaps_mm)) == len(heights) - 1
    assert sum(count for _, count in counted(geometry.gaps_mm)) == len(heights) - 1
    assert even(geometry.gaps_mm) in (True, False)
