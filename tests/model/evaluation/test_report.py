"""A whole evaluation of systems with given answers: tables, page, the shifted panel, keeping it with a version."""

import json
import runpy
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from model import card
from model.errors import Cancelled, ModelFileError, PterionError
from model.evaluation.answer import Answer
from model.evaluation.attach import attach, main, read_reports
from model.evaluation.baselines import AlwaysNegative, HuThreshold, clot_by_threshold
from model.evaluation.glance import glance
from model.evaluation.page import page
from model.evaluation.panel import AS_IT_IS, MEASURES, criterion, shifted_panel, summary, text
from model.evaluation.report import Evaluation, evaluate, slim
from model.evaluation.shift import SHIFTS
from model.labels import SCORES
from model.registry import read_info, verify
from model.sample import Sample, slice_scores

make = runpy.run_path(str(Path(__file__).parents[2] / "toy_version.py"))["make"]


class Knows:
    """Answers the truth, scores 0.9 and 0.1, its marks moved by `off` columns."""

    thresholds = dict.fromkeys(SCORES, 0.5)
    study_thresholds = thresholds

    def __init__(self, name: str = "knows", off: int = 0) -> None:
        self.name, self._off = name, off

    def __call__(self, sample: Sample) -> Answer:
        scores = np.where(sample.scores == 1, 0.9, 0.1)
        mask = np.roll(sample.labels, self._off, 2)
        return Answer(scores, scores.max(0), mask, (mask > 0).astype(np.float32) * 0.9)


def head(patient: str, value: int) -> Sample:
    """Three slices of a round head; the middle one bleeds as `value` over 12 x 12 mm (0: not)."""
    row, column = np.indices((90, 90)) - 44.5
    away = np.hypot(row, column) * 2
    hu = np.repeat(np.where(away <= 70, 30, np.where(away <= 78, 1000, -1000))[None], 3, 0).astype(np.int16)
    labels = np.zeros(hu.shape, np.uint8)
    if value:
        labels[1, 30:36, 50:56] = value
        hu[labels > 0] = 70
    return Sample(hu, (2.0, 2.0), np.array([0.0, 5, 10]), labels, slice_scores(labels), patient, "test")


HEADS = [head("a", 1), head("b", 5), head("c", 0), head("d", 0)]


@pytest.fixture(scope="module")
def done() -> Evaluation:
    return evaluate(
        [Knows(), Knows("a little off", 3), AlwaysNegative(), HuThreshold()],
        HEADS,
        data="four heads",
        rounds=40,
    )


def test_a_report_says_what_was_judged_and_on_what(done: Evaluation) -> None:
    table = done.table
    assert (
        table["data"]
        | {
            "patients": 4,
            "studies_bleeding": 2,
            "slices": 12,
            "slices_bleeding": 2,
            "slice_accuracy_of_never": round(10 / 12, 4),
            "study_accuracy_of_never": 0.5,
        }
        == table["data"]
    )
    assert table["data"]["studies_by_subtype"] == {"EDH": 1, "SDH": 0, "SAH": 0, "IVH": 0, "IPH": 1}
    assert "Research use only" in table["notice"]
    json.dumps(table, allow_nan=False)


def test_who_knows_scores_everything_and_who_never_says_yes_nothing(done: Evaluation) -> None:
    knows, off, never, simple = (done.table["systems"][name]["measures"] for name in done.table["systems"])
    assert knows["study_auc_any"]["value"] == knows["dice_any"]["value"] == knows["dice_EDH"]["value"] == 1
    assert off["dice_any"]["value"] == 0.5
    assert never["study_auc_any"]["value"] == 0.5
    assert never["dice_any"]["value"] == 0
    assert simple["slice_auc_any"]["value"] == 1
    assert simple["dice_EDH"]["value"] is None  # it names no subtype
    assert done.table["comparisons"]["a little off"]["dice_any"]["ahead"]


def test_two_of_one_name_and_no_sample_are_refused() -> None:
    with pytest.raises(PterionError, match="same name"):
        evaluate([Knows(), Knows()], HEADS, data="x")
    with pytest.raises(PterionError, match="no sample"):
        evaluate([Knows()], [], data="x")
    with pytest.raises(Cancelled):
        evaluate([Knows()], HEADS, data="x", cancelled=lambda: True)


def test_the_page_stands_alone_and_shows_cases(done: Evaluation) -> None:
    html = page(done)
    assert "Research use only" in html
    assert html.count("<svg") == html.count("</svg>") >= 7
    assert html.count("data:image/png;base64,") == 4
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in html
    assert "a little off" in html


def test_names_cannot_break_the_page() -> None:
    odd = evaluate([Knows("<b>&")], HEADS, data="<i>", rounds=5)
    html = page(odd)
    assert "<b>&" not in html
    assert "&lt;b&gt;&amp;" in html
    assert "<i>" not in html.replace("<i style", "")


def test_the_panel_shows_every_shift_and_its_mean() -> None:
    panel = shifted_panel(Knows(), HEADS[:3], {"more": HEADS})
    assert list(panel["rows"]) == [AS_IT_IS, *SHIFTS, "more"]
    assert panel["combined"]["slice_auc_any"] == 1
    assert panel["criterion"] == 1
    assert "rotated" in text("knows", panel)


def test_what_counts_is_the_mean_of_both_halves() -> None:
    plain, worse = (dict.fromkeys(MEASURES, value) for value in (0.8, 0.4))
    panel = summary({AS_IT_IS: plain, "one": worse, "two": plain | {"dice_any": float("nan")}})
    assert panel["shifted"]["slice_auc_any"] == pytest.approx(0.6)
    assert panel["combined"]["slice_auc_any"] == pytest.approx(0.7)
    # Dice: (0.8 + 0.4) / 2, the undefined left out; AUC of any and of the subtypes 0.7.
    assert panel["criterion"] == pytest.approx((0.7 + 0.7 + 0.6) / 3, abs=1e-4)
    assert criterion(plain) == pytest.approx(0.8)


def test_a_glance_has_a_line_a_patient() -> None:
    lines = glance(Knows(), HEADS).splitlines()
    assert [line.split()[:2] for line in lines[-4:]] == [["a", "EDH"], ["b", "IPH"], ["c", "-"], ["d", "-"]]


def test_the_threshold_finds_a_clot_and_no_skull() -> None:
    row, column = np.indices((150, 150)) - 75
    away = np.hypot(row, column)
    hu = np.where(away < 60, 30, np.where(away < 66, 1000, -1000)).astype(np.int16)
    assert not clot_by_threshold(hu, (1.0, 1.0)).any()
    hu[70:82, 90:102] = 70
    found: npt.NDArray[np.bool_] = clot_by_threshold(hu, (1.0, 1.0))
    assert found[76, 96]
    assert 60 < found.sum() < 180


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return Path(make(tmp_path / "versions"))


def test_a_report_is_kept_with_its_version(done: Evaluation, version: Path) -> None:
    attach(version, "ct-ich", done.table, ("It was seen to fail.",))
    verify(version)
    report = read_reports(version)["ct-ich"]
    assert report == json.loads(json.dumps(slim(done.table)))
    assert read_info(version)["metrics"]["ct-ich"]["dice"] == 1
    words = (version / "card.md").read_text(encoding="utf-8")
    assert card.BANNER in words
    assert "It was seen to fail." in words
    assert "| study AUC, any | 2 | 1.00 (1.00-1.00) | 1.00 (1.00-1.00) | 0.50 (0.50-0.50) |" in words
    attach(version, "again", done.table)
    assert list(read_reports(version)) == ["ct-ich", "again"]


def test_the_card_tells_what_other_scanners_do_and_what_thresholds_rest_on(
    done: Evaluation, version: Path
) -> None:
    panel = summary({AS_IT_IS: dict.fromkeys(MEASURES, 0.8), "noise": dict.fromkeys(MEASURES, 0.6)})
    info = read_info(version)
    rests = {"any": {"patients": 4, "painted": 31, "heads": 17}}
    info |= {"calibrated_on": {**rests, "study": {"any": {"patients": 3, "painted": 24, "heads": 16}}}}
    words = card.text("toy-1", info, {"ct-ich": {**slim(done.table), "shifted": panel}})
    assert "| noise | 0.60 | 0.60 | 0.60 |" in words
    assert "| mean of both | 0.70 | 0.70 | 0.70 |" in words
    assert f"| slice any | {info['thresholds']['any']:.2f} | 4 | 31 | 17 |" in words
    assert f"| study any | {info['thresholds']['any']:.2f} | 3 | 24 | 16 |" in words
    assert "| slice SDH | 0" in words
    assert "| ? | ? | ? |" in words  # of SDH nothing is known


def test_a_report_is_attached_from_its_file(done: Evaluation, version: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(done.table), encoding="utf-8")
    assert main([str(version), "ct-ich", str(path)]) == 0
    assert main([str(version), "ct-ich"]) == 2
    (version / "encode.onnx").write_bytes(b"tampered")
    assert main([str(version), "ct-ich", str(path)]) == 1


def test_a_damaged_report_is_named(version: Path) -> None:
    assert read_reports(version) == {}
    (version / "report.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"report\.json of the model toy-1 cannot be read"):
        read_reports(version)
    (version / "report.json").write_text('{"format": 99}', encoding="utf-8")
    with pytest.raises(ModelFileError, match="format 99"):
        read_reports(version)
