"""Platt's numbers on logits of known meaning."""

import numpy as np
import pytest

from model.calibration import fit_platt, sigmoid


def test_well_separated_logits_keep_their_slope_and_their_middle() -> None:
    logits = np.array([-3.0, -1, 1, 3] * 50)
    truth = np.array([False, False, True, True] * 50)
    slope, offset = fit_platt(logits, truth)
    assert slope > 0.9
    assert offset == pytest.approx(0, abs=0.05)


def test_shifted_logits_are_shifted_back() -> None:
    rng = np.random.default_rng(0)
    logits = np.concatenate([rng.normal(-6, 1, 900), rng.normal(-3, 1, 100)])
    truth = np.arange(1000) >= 900
    slope, offset = fit_platt(logits, truth)
    # Two unit normals 3 apart, both classes weighing the same: the log odds are 3 (logit + 4.5).
    # The prior holds the slope back a little.
    assert 2 < slope < 3.3
    assert offset / slope == pytest.approx(4.5, abs=0.2)


def test_useless_logits_never_turn_the_order_around() -> None:
    slope, _ = fit_platt(np.array([3.0, 2, -2, -3]), np.array([False, False, True, True]))
    assert slope > 0


def test_one_class_changes_nothing() -> None:
    assert fit_platt(np.zeros(3), np.zeros(3, bool)) == (1.0, 0.0)


def test_weights_count_as_repetitions() -> None:
    logits, truth = np.array([-2.0, -1, 0.5, 2, -0.5]), np.array([False, False, True, True, True])
    weighted = fit_platt(logits, truth, np.array([1.0, 1, 1, 1, 3]))
    repeated = fit_platt(np.append(logits, [-0.5, -0.5]), np.append(truth, [True, True]))
    assert weighted == pytest.approx(repeated, abs=1e-6)


def test_the_sigmoid_survives_large_logits() -> None:
    assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == pytest.approx([0, 0.5, 1])
