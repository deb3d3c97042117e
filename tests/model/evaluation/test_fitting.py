"""What of a case's mask is kept for calibration, against the mask itself."""

import numpy as np
import pytest

from model.evaluation.fitting import Likely
from model.preprocess import PIXEL_MM
from model.scoring import drawn_mm2, log_volume


@pytest.mark.parametrize("threshold", [0.2, 0.45, 0.7])
def test_what_is_kept_gives_the_volume_of_the_mask(threshold: float) -> None:
    rng = np.random.default_rng(0)
    bleeding = rng.random((4, 6, 6)).astype(np.float32)
    subtype = rng.integers(1, 6, (4, 6, 6))
    gaps = np.array([5.0, 5, 3, 4], np.float32)
    shown = np.array([True, False, True, True])
    mask = np.where((bleeding >= threshold) & shown[:, None, None], subtype, 0).astype(np.uint8)
    mm2 = np.stack([drawn_mm2(one, (PIXEL_MM, PIXEL_MM)) for one in mask])
    kept = Likely.of(bleeding, subtype, gaps)
    assert kept.log_volume(threshold, shown).tolist() == pytest.approx(log_volume(mm2, gaps).tolist())
    assert mm2[1].sum() == 0 < mm2[0, 0]


def test_a_case_without_anything_likely_is_kept_too() -> None:
    kept = Likely.of(
        np.zeros((2, 3, 3), np.float32), np.ones((2, 3, 3), np.int64), np.full(2, 5.0, np.float32)
    )
    assert kept.log_volume(0.2, np.ones(2, bool)).tolist() == [0] * 6
