"""Evidence maps with the toy model, whose score is the brightest place of the slice: there the evidence must be."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from model.errors import Cancelled
from model.evidence import Occluder, evidence_map
from model.labels import SCORES
from model.predict import Predictor
from model.preprocess import SIZE

make = runpy.run_path(str(Path(__file__).parent.parent / "toy_version.py"))["make"]


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return Predictor(make(tmp_path_factory.mktemp("versions")))


def head(bleed: tuple[int, int] | None) -> np.ndarray:
    """A round head of 128 pixels, 30 HU, with a bleed of 76 HU around (row, column)."""
    row, column = np.mgrid[:128, :128]
    hu = np.where(np.hypot(row - 64, column - 64) < 55, 30, -1000).astype(np.int16)
    if bleed is not None:
        hu[np.hypot(row - bleed[0], column - bleed[1]) < 8] = 76
    return hu


@pytest.mark.parametrize("bleed", [(40, 50), (80, 90), (64, 30)])
def test_the_evidence_lies_on_the_bleed(predictor: Predictor, bleed: tuple[int, int]) -> None:
    middle = head(bleed)
    found = evidence_map(predictor, (middle, middle, middle), (1.5, 1.5), "SDH")
    peak = np.unravel_index(int(found.values.argmax()), found.values.shape)
    assert np.hypot(peak[0] - bleed[0], peak[1] - bleed[1]) <= 8
    assert found.values.shape == middle.shape
    assert found.values.max() == pytest.approx(1, abs=0.1)
    assert found.values[64, 64] < 0.2 or np.hypot(bleed[0] - 64, bleed[1] - 64) < 40
    assert found.score > found.calmed


def test_where_nothing_is_bright_there_is_no_evidence(predictor: Predictor) -> None:
    found = evidence_map(predictor, (None, head(None), None), (1.5, 1.5), "SDH")
    assert not found.values.any()
    assert found.score == pytest.approx(found.calmed)


def test_calming_everything_leaves_bone_and_air(predictor: Predictor) -> None:
    hu = head((40, 50))
    hu[60:64, 60:64] = 900
    occluder = Occluder(predictor, (None, hu, None), (1.5, 1.5), "any")
    assert occluder.calm.max() > 500
    assert occluder.calm.min() == -1000
    assert SCORES[0] == "any"
    assert occluder.logit(np.zeros((SIZE, SIZE), np.float32)) >= occluder.logit(
        np.ones((SIZE, SIZE), np.float32)
    )


def test_it_stops_when_asked(predictor: Predictor) -> None:
    with pytest.raises(Cancelled):
        evidence_map(predictor, (None, head((40, 50)), None), (1.5, 1.5), "SDH", cancelled=lambda: True)
