"""Scores and masks of the toy version (tests/toy_version.py), worked out by hand.

A uniform slice of h HU is h / 80 in the first channel, so its logit is 10 (m - 0.9) with m mixed from neighbours.
"""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model import predict
from model.errors import Cancelled, ModelFileError, PterionError
from model.predict import Predictor, SliceResult, VolumeSource, gaps_mm, source_mask
from model.preprocess import Geometry

make = runpy.run_path(str(Path(__file__).parent.parent / "toy_version.py"))["make"]
SIDE = 231
"""Rows and columns of a slice of 1 mm pixels: wider than the network's square of 201.6 mm."""


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(make(tmp_path_factory.mktemp("toy")))


@pytest.fixture(scope="module")
def predictor(toy: Path) -> Predictor:
    return Predictor(toy, threads=1)


def uniform(*hu: int | None) -> VolumeSource:
    """Slices of one HU each; None cannot be read."""
    images = [None if value is None else np.full((SIDE, SIDE), value, np.int16) for value in hu]
    return VolumeSource(len(hu), (1.0, 1.0), tuple(5.0 * i for i in range(len(hu))), images.__getitem__)


def score(
    predictor: Predictor, source: VolumeSource, order: object = ()
) -> tuple[list[SliceResult], predict.StudyResult]:
    results: list[SliceResult] = []
    study = predictor.score(source, order, results.append)  # type: ignore[arg-type]
    return results, study


def sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


def test_neighbours_count_half_as_much(predictor: Predictor) -> None:
    results, study = score(predictor, uniform(40, 80, 40))
    # m = (.5 + 2 × .5 + 1) / 4 = .625 at the ends, which repeat themselves; (.5 + 2 + .5) / 4 = .75 in the middle
    logits = [-2.75, -1.5, -2.75]
    assert [float(r.scores[0]) for r in results] == pytest.approx([sigmoid(x) for x in logits], abs=1e-5)
    final = [sigmoid(x - 0.1 * np.mean(logits)) for x in logits]
    assert study.slice_scores[:, 0].tolist() == pytest.approx(final, abs=1e-5)
    assert float(study.scores[0]) == pytest.approx(sigmoid(-1.5), abs=1e-5)
    assert study.seconds > 0


def test_single_slice(predictor: Predictor) -> None:
    results, study = score(predictor, uniform(80))
    assert float(results[0].scores[0]) == pytest.approx(sigmoid(1), abs=1e-5)
    assert study.slice_scores.shape == (1, 6)


def test_failed_slice_is_skipped_and_its_neighbours_repeat_themselves(predictor: Predictor) -> None:
    results, study = score(predictor, uniform(40, None, 80))
    assert [r.index for r in results] == [0, 2]
    assert [float(r.scores[0]) for r in results] == pytest.approx([sigmoid(-4), sigmoid(1)], abs=1e-5)
    assert np.isnan(study.slice_scores[1]).all()
    assert float(study.slice_scores[2, 0]) == pytest.approx(sigmoid(1 + 0.15), abs=1e-5)


def test_all_failed_is_said(predictor: Predictor) -> None:
    with pytest.raises(PterionError, match="nothing was scored"):
        predictor.score(uniform(None, None), ())


def test_mask_fills_the_square_on_the_source_grid(predictor: Predictor) -> None:
    results, _ = score(predictor, uniform(80))
    # m = 1: logits 0, 2, -20 …: EDH .88. Pixel r is in the square where |r - 115| < 100.8.
    inside = np.abs(np.arange(SIDE) - 115) < 100.8
    assert results[0].mask.dtype == np.uint8
    np.testing.assert_array_equal(results[0].mask, np.outer(inside, inside).astype(np.uint8))


def test_mask_below_the_threshold_is_empty(toy: Path, tmp_path: Path) -> None:
    strict = Predictor(make(tmp_path, "strict", mask={"threshold": 0.9}), threads=1)
    assert not score(strict, uniform(80))[0][0].mask.any()


def test_gate_empties_the_mask_of_an_unsuspicious_slice(tmp_path: Path) -> None:
    gated = Predictor(make(tmp_path, "gated", mask={"slice_gate": 0.74}), threads=1)
    assert not score(gated, uniform(80))[0][0].mask.any()  # sigmoid(1) = .731
    passed = Predictor(make(tmp_path, "passed", mask={"slice_gate": 0.73}), threads=1)
    assert score(passed, uniform(80))[0][0].mask.any()


def test_calibration_is_applied_to_slice_and_study(tmp_path: Path) -> None:
    table = {"slice": {"any": [2.0, 1.0]}, "study": {"EDH": [0.0, 3.0]}}
    calibrated = Predictor(make(tmp_path, "calibrated", calibration=table), threads=1)
    results, study = score(calibrated, uniform(80))
    assert results[0].scores[:2].tolist() == pytest.approx([sigmoid(3), sigmoid(1)], abs=1e-5)
    assert study.slice_scores[0, :2].tolist() == pytest.approx([sigmoid(2.8), sigmoid(0.9)], abs=1e-5)
    assert study.scores[:2].tolist() == pytest.approx([sigmoid(1), sigmoid(3)], abs=1e-5)


def test_a_study_weighs_what_is_drawn_and_its_slices(tmp_path: Path) -> None:
    table = {"study": {"EDH": [0.0, -6.0, 1.0], "SDH": [0.0, -6.0, 1.0], "IPH": [0.0, 0.0, 0.0, 1.0]}}
    _, study = score(Predictor(make(tmp_path, "weighing", calibration=table), threads=1), uniform(80))
    # EDH fills 201 × 201 mm of a slice of 5 mm, 202 mL; no SDH. The slice's own logit is 0.9.
    drawn = sigmoid(np.log(1 + 201**2 * 5 / 1000 / 0.1) - 6)
    assert study.scores[[1, 2, 5]].tolist() == pytest.approx([drawn, sigmoid(-6), sigmoid(0.9)], abs=1e-5)


def test_no_score_turns_a_clear_mask_into_another_subtype(tmp_path: Path) -> None:
    # Every score is sigmoid(1) = .73: at these operating points SDH alone is suspected, while EDH, e^22 as likely, is
    # drawn.
    points = {**dict.fromkeys(("any", "EDH", "SAH", "IVH", "IPH"), 0.9), "SDH": 0.5}
    results, _ = score(
        Predictor(make(tmp_path, "clear", study_thresholds=points), threads=1), uniform(80, 80, 0)
    )
    assert [r.index for r in results] == [0, 1, 2]
    assert np.unique(results[0].mask).tolist() == [0, 1]


def test_a_slice_whose_mask_is_settled_is_told_again(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "renamed_mask", lambda mask, *_: np.where(mask > 0, 2, 0).astype(np.uint8))
    changed = Predictor(toy, threads=1)
    changed.study_thresholds = {**dict.fromkeys(("any", "EDH", "SAH", "IVH", "IPH"), 0.9), "SDH": 0.5}
    results, _ = score(changed, uniform(80, 80, 0))
    assert [r.index for r in results] == [0, 1, 2, 0]
    first, anew = results[0], results[3]
    np.testing.assert_array_equal(anew.mask, 2 * first.mask)
    np.testing.assert_array_equal(anew.scores, first.scores)


def test_where_nothing_is_suspected_a_mask_keeps_its_names(tmp_path: Path) -> None:
    points = dict.fromkeys(("any", "EDH", "SDH", "SAH", "IVH", "IPH"), 0.9)
    results, _ = score(Predictor(make(tmp_path, "quiet", study_thresholds=points), threads=1), uniform(80))
    assert len(results) == 1
    assert results[0].mask.max() == 1


def test_a_suspected_subtype_takes_what_is_half_as_likely_and_no_less() -> None:
    # EDH is drawn everywhere, SDH .6 times as likely on the left and .4 on the right; SAH less than either.
    logits = np.full((6, 12, 12), -20.0, np.float32)
    logits[1] = 5
    logits[2, :, :6], logits[2, :, 6:] = 5 + np.log(0.6), 5 + np.log(0.4)
    logits[3] = 5 + np.log(0.1)
    geometry = Geometry((60, 60), (2.0, 2.0), (29.5, 29.5))
    mask = source_mask(logits, geometry, 0.5)
    assert np.unique(mask).tolist() == [1]
    renamed = predict.renamed_mask(mask, logits, geometry, np.array([0, 1, 1, 0, 0], bool))
    assert set(renamed[:, :20].ravel()) == {2}
    assert set(renamed[:, 40:].ravel()) == {1}


def test_naming_anew_moves_no_edge_and_leaves_what_is_suspected() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (6, 12, 12)).astype(np.float32)
    geometry, named = Geometry((90, 70), (2.0, 2.5), (45.0, 35.0)), np.array([0, 1, 0, 1, 0], bool)
    mask = source_mask(logits, geometry, 0.5)
    renamed = predict.renamed_mask(mask, logits, geometry, named)
    np.testing.assert_array_equal(renamed > 0, mask > 0)
    kept = np.isin(mask, (0, 2, 4))
    np.testing.assert_array_equal(renamed[kept], mask[kept])
    assert np.isin(renamed[renamed != mask], (2, 4)).all()
    assert (renamed != mask).any()
    assert predict.renamed_mask(mask, logits, geometry, np.ones(5, bool)) is mask


@pytest.fixture(scope="module")
def mixed() -> VolumeSource:
    return uniform(10, 80, None, 55, 80, 30, 72)


@pytest.fixture(scope="module")
def whole(predictor: Predictor, mixed: VolumeSource) -> tuple[dict[int, SliceResult], predict.StudyResult]:
    results, study = score(predictor, mixed)
    return {r.index: r for r in results}, study


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(7)), cache=st.sampled_from([1, 2**28]))
def test_any_order_and_any_cache_give_the_same(
    predictor: Predictor,
    mixed: VolumeSource,
    whole: tuple[dict[int, SliceResult], predict.StudyResult],
    order: list[int],
    cache: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predict, "CACHE_BYTES", cache)
        results, study = score(predictor, mixed, order)
    assert [r.index for r in results] == [index for index in order if index != 2]
    for result in results:
        np.testing.assert_array_equal(result.scores, whole[0][result.index].scores)
        np.testing.assert_array_equal(result.mask, whole[0][result.index].mask)
    np.testing.assert_array_equal(study.slice_scores, whole[1].slice_scores)
    np.testing.assert_array_equal(study.scores, whole[1].scores)


def test_first_answer_needs_three_slices_and_each_is_read_once(predictor: Predictor) -> None:
    source, read = uniform(*[40] * 9), []

    def slice_at(index: int) -> object:
        read.append(index)
        return source.slice_at(index)

    seen: list[tuple[int, int]] = []
    watched = VolumeSource(source.count, source.spacing_mm, source.z_mm, slice_at)  # type: ignore[arg-type]
    predictor.score(watched, (4, 5, 3), lambda r: seen.append((r.index, len(read))))
    assert seen[0] == (4, 3)
    assert [index for index, _ in seen] == [4, 5, 3, 0, 1, 2, 6, 7, 8]
    assert sorted(read) == list(range(9))


def test_features_are_dropped_when_no_neighbour_needs_them(predictor: Predictor) -> None:
    stream = predict._Stream(predictor, uniform(*[40] * 20), lambda: False)
    for index in range(20):
        stream.finish(index)
        assert len(stream._encoded) <= 2
    assert not stream._encoded


def test_order_may_follow_the_screen(predictor: Predictor) -> None:
    wanted = iter([3, 0, 2, None])
    done_seen: list[int] = []

    def next_index(done: np.ndarray) -> int | None:
        done_seen.append(int(done.sum()))
        return next(wanted)

    results, study = score(predictor, uniform(40, 40, 40, 40), next_index)
    assert [r.index for r in results] == [3, 0, 2]
    assert done_seen == [0, 1, 2, 3]
    assert np.isnan(study.slice_scores[:, 0]).tolist() == [False, True, False, False]


def test_order_that_repeats_itself_is_a_bug(predictor: Predictor) -> None:
    with pytest.raises(ValueError, match="not done"):
        predictor.score(uniform(40, 40), lambda done: 0)


def test_cancel_stops_before_the_next_slice(predictor: Predictor) -> None:
    results: list[SliceResult] = []
    with pytest.raises(Cancelled):
        predictor.score(uniform(*[40] * 9), (), results.append, lambda: len(results) == 2)
    assert len(results) == 2


def test_gaps_count_over_failed_slices() -> None:
    assert gaps_mm((0.0, 5.0, 10.0, 17.0), [0, 2, 3]).tolist() == [10, 10, 7]
    assert gaps_mm(None, [0, 1]).tolist() == [5, 5]
    assert gaps_mm((3.0,), [0]).tolist() == [5]
    assert gaps_mm((3.0, 3.0), [0, 1]).tolist() == [5, 5]


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(2, 300),
    columns=st.integers(2, 300),
    spacing=st.sampled_from([0.4, 0.9, 2.0]),
    seed=st.integers(0, 999),
)
def test_mask_in_a_box_equals_the_mask_in_full(rows: int, columns: int, spacing: float, seed: int) -> None:
    from model.preprocess import to_source

    noise = np.random.default_rng(seed)
    logits = noise.normal(0, 3, (6, 12, 12)).astype(np.float32)
    logits[0] += 2
    geometry = Geometry((rows, columns), (spacing, 1.3 * spacing), (rows / 3, columns / 2))
    subtypes = np.exp(logits - logits.max(0))
    maps = to_source((subtypes / subtypes.sum(0))[1:], geometry)
    difference = maps.sum(0) - 0.5
    clear = np.abs(difference) > 1e-5
    expected = np.where(difference >= 0, maps.argmax(0) + 1, 0)
    np.testing.assert_array_equal(source_mask(logits, geometry, 0.5)[clear], expected[clear])


@pytest.mark.parametrize("shape", [(2, 2), (64, 700), (1024, 1024)])
def test_slices_of_any_size(predictor: Predictor, shape: tuple[int, int]) -> None:
    image = np.full(shape, 90, np.int16)
    results, _ = score(predictor, VolumeSource(2, (0.5, 0.5), None, lambda index: image))
    assert all(r.mask.shape == shape and np.isfinite(r.scores).all() for r in results)


@pytest.mark.parametrize("value", [-32768, -1000, 0, 32767])
def test_slices_without_a_head(predictor: Predictor, value: int) -> None:
    assert len(score(predictor, uniform(value, value))[0]) == 2


def test_tampered_graph_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path)
    (folder / "decode.onnx").write_bytes((folder / "decode.onnx").read_bytes() + b"x")
    with pytest.raises(ModelFileError, match="checksum differs"):
        Predictor(folder)


def test_torch_and_scipy_are_not_needed_to_import() -> None:
    code = "import sys, model.predict, model.registry; print({'torch', 'scipy', 'onnxruntime'} & set(sys.modules))"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert shown.stdout.strip() == "set()"
