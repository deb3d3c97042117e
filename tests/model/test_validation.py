"""Labels of mask logits on the network grid, worked out by hand."""

import numpy as np
import torch

from model.validation import found_labels


def logits(*shares: float) -> torch.Tensor:
    """One slice whose pixels all have these probabilities, background first."""
    return torch.tensor(shares).log()[None, :, None, None].repeat(1, 1, 4, 4)


def test_a_pixel_bleeds_from_the_threshold_on_and_is_the_likeliest_subtype() -> None:
    shares = logits(0.55, 0.25, 0.15, 0.02, 0.02, 0.01)  # bleeds with .45
    assert not found_labels(shares, 8, 0.46).any()
    found = found_labels(shares, 8, 0.44)
    assert found.shape == (1, 8, 8)
    assert (found == 1).all()


def test_a_suspected_subtype_takes_what_is_half_as_likely_and_no_less() -> None:
    sdh, sah = np.array([0, 1, 0, 0, 0], bool), np.array([0, 0, 1, 0, 0], bool)
    shares = logits(0.40, 0.30, 0.18, 0.10, 0.01, 0.01)  # SDH .6 times as likely as EDH, SAH a third
    assert (found_labels(shares, 4, 0.5, sdh) == 2).all()
    assert (found_labels(shares, 4, 0.5, sah) == 1).all()
    assert (found_labels(shares, 4, 0.5, np.ones(5, bool)) == 1).all()
