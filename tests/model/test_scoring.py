"""What scores weigh, on areas and logits worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import scoring
from model.errors import ModelFileError
from model.labels import SCORES
from model.scoring import DRAWN, OFFSET, PARTS, PEAK, SLOPE


def test_areas_are_of_all_that_is_drawn_and_of_each_subtype() -> None:
    mask = np.array([[0, 1, 1], [5, 0, 1]], np.uint8)  # 4 pixels of 0.5 × 2 mm
    assert scoring.drawn_mm2(mask, (0.5, 2.0)).tolist() == [4, 3, 0, 0, 0, 1]
    assert not scoring.drawn_mm2(np.zeros((2, 2), np.uint8), (1.0, 1.0)).any()


def test_a_slice_counts_half_the_gap_to_each_neighbour() -> None:
    # Gaps 4, 4 and 6 mm: heights 4, 5 and 6 mm, so 25 mm² on the middle slice are 0.125 mL.
    mm2 = np.zeros((3, 6))
    mm2[1, 2] = 25
    found = scoring.log_volume(mm2, np.array([4.0, 4.0, 6.0], np.float32))
    assert found.tolist() == pytest.approx([0, 0, np.log(1 + 1.25), 0, 0, 0])


def test_the_peak_is_the_mean_of_the_three_highest_slices() -> None:
    logits = np.array([0.0, 5, 1, 3, -9])[:, None].repeat(6, 1)
    assert scoring.peak(logits).tolist() == pytest.approx([3.0] * 6)
    assert scoring.peak(logits[:2]).tolist() == pytest.approx([2.5] * 6)


def weights(**rows: float) -> dict[str, np.ndarray]:
    """Those of the study, the same for every score; the slices' double the logit."""
    found = {part: scoring.identity() for part in PARTS}
    found["slice"][SLOPE] = 2
    for name, value in rows.items():
        found["study"][{"slope": SLOPE, "offset": OFFSET, "drawn": DRAWN, "peak": PEAK}[name]] = value
    return found


def test_a_study_weighs_its_logit_what_is_drawn_and_its_slices() -> None:
    mm2 = np.zeros((1, 6))
    mm2[0, :2] = 20  # of one slice of 5 mm: 0.1 mL
    chosen = weights(slope=0.5, offset=-1, drawn=3, peak=0.25)
    slices, study = scoring.settled(chosen, np.full((1, 6), 1.5), np.full(6, 4.0), mm2, np.array([5.0]))
    assert slices[0].tolist() == pytest.approx([1 / (1 + np.exp(-3))] * 6)
    odds = 0.5 * 4 - 1 + 0.25 * 3
    assert study[1] == pytest.approx(1 / (1 + np.exp(-odds - 3 * np.log(2))))
    assert study[2] == pytest.approx(1 / (1 + np.exp(-odds)))


@given(
    areas=st.lists(st.floats(0, 1e4), min_size=1, max_size=6),
    more=st.floats(0, 1e4),
    gap=st.floats(0.5, 10),
)
def test_more_that_is_drawn_never_lowers_a_score(areas: list[float], more: float, gap: float) -> None:
    mm2 = np.repeat(np.array(areas)[:, None], 6, 1)
    grown = mm2.copy()
    grown[0] += more
    logits, gaps = np.zeros((len(areas), 6)), np.full(len(areas), gap)
    chosen = weights(offset=-3, drawn=0.7, peak=0.2)
    before, after = (scoring.settled(chosen, logits, np.zeros(6), one, gaps)[1] for one in (mm2, grown))
    assert (after >= before).all()


def test_what_is_written_is_read_again() -> None:
    chosen = weights(slope=1.25, drawn=0.5, peak=0.75)
    table = scoring.write_weights(chosen)
    assert table["slice"]["EDH"] == [2.0, 0.0]  # what counts for studies alone is left out
    found = scoring.read_weights({"calibration": table})
    assert all((found[part] == chosen[part]).all() for part in PARTS)


def test_without_a_provisional_table_the_slices_two_numbers_serve() -> None:
    found = scoring.read_weights({"calibration": {"slice": {"any": [2.0, 0.5]}}})
    assert found["provisional"][:, 0].tolist() == [2, 0.5, 0, 0]
    assert found["study"].tolist() == scoring.identity().tolist()
    assert scoring.read_weights({})["slice"].tolist() == scoring.identity().tolist()


@pytest.mark.parametrize("row", [[1.0], [1.0] * 5, ["a", 1.0], 3.0, None, [[1.0, 2.0]], [float("nan"), 0.0]])
def test_a_damaged_calibration_is_refused(row: object) -> None:
    with pytest.raises(ModelFileError, match="calibration of SAH, study, is damaged"):
        scoring.read_weights({"calibration": {"study": {"SAH": row}}})


@pytest.mark.parametrize("table", [{"study": {"XYZ": [1.0, 0.0]}}, {"study": 3}, 3, {"slice": [1]}])
def test_a_calibration_of_something_else_is_refused(table: object) -> None:
    with pytest.raises(ModelFileError, match="is damaged"):
        scoring.read_weights({"calibration": table})


def test_what_is_suspected_is_at_its_operating_point() -> None:
    points = dict.fromkeys(SCORES, 0.5)
    assert scoring.suspected(np.array([0.9, 0.1, 0.5, 0.4, 0.6, 0.0]), points).tolist() == [0, 1, 0, 1, 0]


def test_where_no_subtype_is_suspected_any_may_be_named() -> None:
    assert scoring.suspected(np.array([0.9, 0, 0, 0, 0, 0]), dict.fromkeys(SCORES, 0.5)).all()
