"""Sets in which nothing bleeds and systems that answer little: reports, cards and pages still say what there is."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from model import card
from model.errors import Cancelled, PterionError
from model.evaluation import speed
from model.evaluation.answer import Answer
from model.evaluation.glance import glance
from model.evaluation.page import page
from model.evaluation.panel import shifted_panel
from model.evaluation.report import Evaluation, evaluate, slim
from model.evaluation.resample import Resampler
from model.evaluation.surface import distances_mm
from model.evaluation.tables import seconds_table
from model.labels import SCORES
from model.registry import read_info
from model.sample import Sample, save_sample, slice_scores

make = runpy.run_path(str(Path(__file__).parents[2] / "toy_version.py"))["make"]


class Silent:
    """Gives every slice 0.2 and draws nothing at all."""

    name = "silent"
    thresholds = dict.fromkeys(SCORES, 0.5)
    study_thresholds = thresholds

    def __call__(self, sample: Sample) -> Answer:
        return Answer(np.full((len(sample.hu), 6), 0.2), np.full(6, 0.2))


class Empty(Silent):
    """Draws masks, all of them empty."""

    name = "empty"

    def __call__(self, sample: Sample) -> Answer:
        return Answer(np.full((len(sample.hu), 6), 0.2), np.full(6, 0.2), np.zeros_like(sample.labels))


def head(patient: str) -> Sample:
    """Three slices of brain without bleeding."""
    labels = np.zeros((3, 24, 24), np.uint8)
    hu = np.full(labels.shape, 35, np.int16)
    return Sample(hu, (4.0, 4.0), np.array([0.0, 5, 10]), labels, slice_scores(labels), patient, "test")


HEADS = [head("a"), head("b")]


@pytest.mark.parametrize("system", [Silent(), Empty()], ids=lambda s: s.name)
def test_where_nothing_bleeds_nothing_is_claimed(system: Silent) -> None:
    done: Evaluation = evaluate([system], HEADS, data="quiet", rounds=20)
    own = done.table["systems"][system.name]
    assert own["volume"] is None
    assert own["measures"]["dice_any"]["value"] is None
    assert own["measures"]["study_auc_any"]["value"] is None
    text = card.text("m", {"thresholds": dict.fromkeys(SCORES, 0.5)}, {"quiet": slim(done.table)})
    assert "0 of 2 studies bleed" in text
    assert "limits of agreement" not in text
    assert "quiet" in page(done)


class WithoutEpidural(Silent):
    """Knows nothing of EDH."""

    name = "four"

    def __call__(self, sample: Sample) -> Answer:
        scores = np.full((len(sample.hu), 6), 0.2)
        scores[:, SCORES.index("EDH")] = np.nan
        return Answer(scores, scores[0])


def test_a_system_that_leaves_a_subtype_out_stands_beside_one_that_does_not() -> None:
    done = evaluate([Silent(), WithoutEpidural()], HEADS, data="quiet", rounds=20)
    own, other = (done.table["systems"][name]["measures"] for name in ("silent", "four"))
    assert own.keys() == other.keys()
    # 0.2 where nothing bleeds is 0.2 too much.
    assert own["study_ece_EDH"]["value"] == own["study_ece_SDH"]["value"] == pytest.approx(0.2)
    assert other["study_ece_EDH"] == {"value": None, "interval": [None, None], "n": 0}
    compared = done.table["comparisons"]["four"]
    assert "study_ece_EDH" not in compared
    assert compared["study_ece_SDH"]["value"] == 0
    text = card.text("m", {"thresholds": dict.fromkeys(SCORES, 0.5)}, {"quiet": slim(done.table)})
    assert "| four |" in text


def test_a_system_without_masks_has_a_line_without_them() -> None:
    line = glance(Silent(), HEADS[:1]).splitlines()[-1]
    assert line.split() == ["a", "-", "0.20"]


def test_the_panel_stops_between_shifts_and_between_further_heads() -> None:
    with pytest.raises(Cancelled):
        shifted_panel(Silent(), HEADS, cancelled=lambda: True)
    with pytest.raises(Cancelled):
        shifted_panel(Silent(), [], {"more": HEADS}, cancelled=lambda: True)


@pytest.mark.parametrize(
    ("slices", "study", "mask", "word"),
    [((3, 5), 6, 3, "slice_scores"), ((3, 6), 5, 3, "study_scores"), ((3, 6), 6, 2, "mask")],
)
def test_an_answer_whose_parts_do_not_belong_together_is_refused(
    slices: tuple[int, int], study: int, mask: int, word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        Answer(np.zeros(slices), np.zeros(study), np.zeros((mask, 4, 4), np.uint8))


def test_there_is_no_distance_to_nothing() -> None:
    with pytest.raises(ValueError, match="one is empty"):
        distances_mm(np.zeros((0, 3)), np.ones((1, 3)))


def test_without_rows_there_is_no_difference_and_no_time() -> None:
    nothing = Resampler.of(["a"], 5).difference([], lambda w: w[:, 0], lambda w: w[:, 0])
    assert nothing == {"value": None, "interval": [None, None], "p": None}
    assert set(seconds_table([]).values()) == {None}


def test_speed_is_told_of_every_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, path = make(tmp_path), tmp_path / "sample.npz"
    save_sample(HEADS[0], path)
    assert speed.main([str(folder), str(path), "1", "0"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["threads"], told["slices"]) == (1, 3)
    assert 0 <= told["first_slice_s"] <= told["study_s"] <= told["cold_start_s"]


def test_a_model_whose_speed_cannot_be_measured_says_why(tmp_path: Path) -> None:
    folder = make(tmp_path)
    (folder / "encode.onnx").write_bytes(b"x")
    name = read_info(folder)["id"]
    with pytest.raises(PterionError, match=f"The speed of {name} could not be measured: .*encode.onnx"):
        speed.measure_speed(folder, HEADS[0], 1)
