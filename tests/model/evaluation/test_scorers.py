"""Versions, checkpoints and runs as systems: the same answers whichever way the network is reached."""

import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.batches import crop_sample
from model.calibration import Calibration
from model.corpus import fold_of
from model.datasets.folder import index_folder
from model.errors import ModelFileError, PterionError
from model.evaluation.data import open_cases
from model.evaluation.fitting import PAINTED, dice_curve, fit_scores, painted_cases
from model.evaluation.scorers import (
    NetworkScorer,
    SlicewiseScorer,
    VersionScorer,
    open_model,
)
from model.evaluation.speed import measure_speed
from model.export import export, rounded_to_half
from model.labels import SCORES, UNKNOWN_SUBTYPE
from model.networks.flagship import Flagship, FlagshipConfig
from model.networks.kinds import kind_named
from model.phantom import generate
from model.recipe import load_settings
from model.sample import Sample, load_sample
from model.scoring import PARTS

make = runpy.run_path(str(Path(__file__).parents[2] / "toy_version.py"))["make"]
TINY = FlagshipConfig(
    widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1, 1), expansion=1, decoder=(8, 8, 8, 8), pooled=4
)


@pytest.fixture
def sample(tmp_path: Path, write_heads: Callable[..., Path]) -> Sample:
    return load_sample(write_heads(tmp_path / "one", {"a": 5}) / "a.npz")


@pytest.fixture(scope="module")
def network() -> Flagship:
    torch.manual_seed(1)
    return rounded_to_half(Flagship(TINY))


def lively() -> Calibration:
    """Scores stretched, a mask threshold and a gate that matter."""
    weights = {part: np.stack([np.full(6, 2.0), np.full(6, 0.5), np.zeros(6), np.zeros(6)]) for part in PARTS}
    weights["study"][2:] = [[0.3], [0.2]]
    return Calibration(weights, dict.fromkeys(SCORES, 0.4), mask_threshold=0.7, slice_gate=0.1)


def test_a_network_and_its_version_give_the_same_answer(
    network: Flagship, sample: Sample, tmp_path: Path
) -> None:
    calibration = lively()
    export(network, tmp_path / "v-1", id="v-1", parent=None, info=calibration.info())
    version, direct = open_model(tmp_path / "v-1"), NetworkScorer(network, "n", calibration)
    assert isinstance(version, VersionScorer)
    assert version.thresholds == direct.thresholds
    shipped, given = version(sample), direct(sample)
    assert shipped.slice_scores == pytest.approx(given.slice_scores, abs=1e-3)
    assert shipped.study_scores == pytest.approx(given.study_scores, abs=1e-3)
    assert shipped.bleeding is not None
    assert given.bleeding is not None
    assert np.abs(shipped.bleeding - given.bleeding).max() < 1e-3
    assert shipped.mask is not None
    assert (shipped.mask != given.mask).mean() < 0.01
    assert ((shipped.bleeding >= 0.7) == (shipped.mask > 0)).all()


def test_a_closed_gate_leaves_mask_and_map_empty(network: Flagship, sample: Sample) -> None:
    calibration = Calibration(slice_gate=1.0, mask_threshold=0.0)
    answer = NetworkScorer(network, "n", calibration)(sample)
    assert answer.mask is not None
    assert answer.bleeding is not None
    assert not answer.mask.any()
    assert not answer.bleeding.any()


def test_a_folder_that_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="neither a model nor a training run"):
        open_model(tmp_path)


@pytest.mark.parametrize(
    ("recipe", "draws", "knows"), [("seed-multitask", True, 5), ("seed-b0-four", False, 4)]
)
def test_the_seeds_answer_what_they_know(recipe: str, draws: bool, knows: int, sample: Sample) -> None:
    settings = load_settings(recipe)
    torch.manual_seed(0)
    answer = SlicewiseScorer(settings, kind_named(settings.kind).build(settings.network), recipe)(sample)
    assert answer.slice_scores.shape == (4, 6)
    known = np.isfinite(answer.slice_scores[0])
    assert known[0]
    assert known[1:].sum() == knows
    assert answer.study_scores[0] == answer.slice_scores[:, 0].max()
    assert (answer.mask is not None) == draws
    if answer.mask is not None:
        assert not answer.named
        assert set(np.unique(answer.mask)) <= {0, UNKNOWN_SUBTYPE}
        assert answer.mask.shape == sample.hu.shape


def test_scores_are_fitted_on_cases(
    network: Flagship, tmp_path: Path, write_heads: Callable[..., Path]
) -> None:
    folder = write_heads(tmp_path / "heads", {"a": 5, "b": 0, "c": 1}, "clinic")
    cases = [crop_sample(sample) for sample in open_cases(folder)]
    found = fit_scores(network, cases)
    assert found.counts["any"]["patients"] == 2
    assert found.counts["mask_cases"] == 2
    assert found.counts["SAH"]["positives"] == 0
    with pytest.raises(PterionError, match="no validation cases"):
        fit_scores(network, [])


def test_painted_patients_help_the_thresholds_and_pass_for_nobody(network: Flagship) -> None:
    head = crop_sample(generate(5, size=128, slices=8, lesions=()))
    assert not head.scores.any()
    empty = replace(head, source="clinic")
    bleeding = replace(empty, scores=np.ones_like(head.scores))
    painted = painted_cases([empty, bleeding, head], 2, seed=1)
    assert [(c.source, c.patient) for c in painted] == [(PAINTED, empty.patient)] * 2
    assert all((c.scores[:, 0] == 1).any() and (c.hu != empty.hu).any() for c in painted)
    assert (painted[0].hu != painted[1].hu).any()
    assert not empty.scores.any()
    for again, before in zip(painted_cases([empty], 2, seed=1), painted, strict=True):
        assert np.array_equal(again.hu, before.hu)
    found = fit_scores(network, [empty, *painted]).counts
    rows = sum(int((c.scores[:, 0] == 1).sum()) for c in painted)
    assert (found["any"]["patients"], found["any"]["heads"], found["any"]["painted"]) == (0, 0, rows)
    assert found["study"]["any"]["painted"] == 2


def test_a_dice_curve_counts_what_was_read() -> None:
    labels = np.array([[[1, 1, 0, 255]]], np.uint8)
    bleeding = np.array([[[0.9, 0.3, 0.45, 0.9]]], np.float32)
    curve = dice_curve(labels, bleeding)
    # At 0.2: both and one more, 4 / 5. At 0.4: one of two and one more, 2 / 4. At 0.5: one of two, 2 / 3.
    assert curve[[0, 4, 6]] == pytest.approx([0.8, 0.5, 2 / 3])


def test_cases_of_a_fold_are_those_of_its_patients(tmp_path: Path, write_heads: Callable[..., Path]) -> None:
    names = {f"p{n}": 0 for n in range(8)}
    folder = write_heads(tmp_path / "heads", names, "clinic")
    found = [
        sample.patient
        for fold in range(5)
        if fold in set(map(fold_of, names))
        for sample in open_cases(folder, fold)
    ]
    assert sorted(found) == sorted(names)
    fold = fold_of("p3")
    assert {fold_of(sample.patient) for sample in open_cases(folder, fold)} == {fold}
    assert len(open_cases(folder).first(3)) == 3


def test_a_data_set_is_read_by_its_index_and_gives_the_same_cases(
    tmp_path: Path, write_heads: Callable[..., Path]
) -> None:
    folder = write_heads(tmp_path / "heads", {f"p{n}": n for n in range(6)}, "clinic")
    loose = [(sample.patient, sample.scores.tolist()) for sample in open_cases(folder)]
    index_folder(folder)
    assert [(sample.patient, sample.scores.tolist()) for sample in open_cases(folder)] == loose
    fold = fold_of("p2")
    assert {sample.patient for sample in open_cases(folder, fold)} == {
        f"p{n}" for n in range(6) if fold_of(f"p{n}") == fold
    }


def test_the_everyday_fold_of_ct_ich_has_twelve_patients(shared_data: Path) -> None:
    cases = open_cases(shared_data / "ct-ich", 4)
    assert (cases.name, len(cases)) == ("ct-ich, fold 4", 12)


def test_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match="no folder gone"):
        open_cases(tmp_path / "gone")
    with pytest.raises(PterionError, match="holds no sample"):
        open_cases(tmp_path)
    with pytest.raises(PterionError, match="no fold 5"):
        open_cases(tmp_path, 5)


def test_speed_is_measured_in_a_process_of_its_own(sample: Sample, tmp_path: Path) -> None:
    measured = measure_speed(make(tmp_path / "versions"), sample, threads=1)
    assert measured["slices"] == 4
    assert 0 < measured["first_slice_s"] <= measured["study_s"]
    assert measured["first_slice_s"] < measured["cold_start_s"]
    with pytest.raises(PterionError, match="could not be measured"):
        measure_speed(tmp_path, sample)
