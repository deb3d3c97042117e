"""The bench: how rows are made of what was measured, and that its probes measure."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.errors import PterionError
from viewer import cli
from viewer.bench import child, memory, quality, run, series
from viewer.bench.rows import PROMISES, Promise, machine, row

LIMIT = Promise("A.x", "s", 1.5, "a thing", "a peer")


def test_a_row_is_the_median_beside_its_budget_and_its_peer() -> None:
    assert row(LIMIT, [1.0, 3.0, 1.2], [2.0, 2.4]) == {
        "name": "A.x",
        "value": 1.2,
        "unit": "s",
        "budget": 1.5,
        "peer": "a peer",
        "peer_value": 2.2,
        "ratio": 1.2 / 2.2,
        "within": True,
        "runs": 3,
        "text": "a thing",
    }


@pytest.mark.parametrize(("values", "within"), [([1.5], True), ([1.6], False), ([], False)])
def test_within_means_measured_and_not_over(values: list[float], within: bool) -> None:
    assert row(LIMIT, values, [])["within"] is within
    assert row(LIMIT, values, [])["peer"] is None


def test_a_number_without_budget_only_has_to_be_measured() -> None:
    free = Promise("A.y", "s", None, "a thing")
    assert row(free, [99.0], [])["within"] is True
    assert row(free, [], [])["within"] is False


def test_every_number_has_a_probe() -> None:
    measured = {name for _, names, _ in run.PROBES for name in names}
    assert measured | set(quality.STORED) == {promise.name for promise in run.PROMISES}
    budgets = {promise.name: promise.budget for promise in PROMISES}
    assert budgets["A.window_up"] == 1.5
    assert budgets["A.scroll_p99"] == 12


def test_the_machine_is_named() -> None:
    said = machine()
    assert said["cores"] >= 1
    assert said["cpu"]
    assert said["versions"]["numpy"] == np.__version__


def probe_answering(answers: dict[str, dict[str, float]]) -> Callable[..., dict[str, float]]:
    """A stand-in for the child processes."""

    def probe(name: str, *_: Any) -> dict[str, float]:
        if name not in answers:
            raise PterionError(f"{name} failed: no screen")
        return answers[name]

    return probe


def test_probes_fill_values_and_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"read": {"A.read_all": 1.0}, "pydicom": {"peer": 4.0}}
    monkeypatch.setattr(run, "run_probe", probe_answering(answers))
    result = run.measure(only=["A.read_all"], repeat=2)
    (only,) = result["rows"]
    assert (only["value"], only["peer_value"], only["ratio"], only["runs"]) == (1.0, 4.0, 0.25, 2)
    assert result["problems"] == {}


def test_a_probe_that_fails_leaves_the_other_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        run, "run_probe", probe_answering({"window": {"A.window_up": 1.0, "A.window_imports": 0.0}})
    )
    result = run.measure(only=["A.window_up", "A.score_40"], repeat=1)
    assert [each["value"] for each in result["rows"]] == [1.0, None]
    assert result["problems"] == {"A.score_40": "score failed: no screen"}


def test_an_unknown_row_is_named_with_the_known_ones() -> None:
    with pytest.raises(PterionError, match=r"Z\.x.*A\.window_up"):
        run.measure(only=["Z.x"])


@pytest.mark.parametrize(("value", "code"), [(1.0, 0), (2.0, 1)])
def test_check_turns_a_number_over_budget_into_1(
    value: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        run, "run_probe", probe_answering({"window": {"A.window_up": value, "A.window_imports": 0.0}})
    )
    assert cli.main(["bench", "--only", "A.window_up", "--json", "--check"]) == code
    assert cli.main(["bench", "--only", "A.window_up"]) == 0
    said = capsys.readouterr().out
    assert json.loads(said[: said.rindex("}") + 1])["rows"][0]["within"] is (code == 0)
    assert ("OVER" in said) is (code == 1)


def test_a_child_that_dies_says_why(tmp_path: Path) -> None:
    (tmp_path / "series-5").mkdir()
    with pytest.raises(PterionError, match=r"read failed: .*Error"):
        run.run_probe("read", tmp_path, (5, 1.0))


def test_peak_memory_sees_what_was_held_and_let_go() -> None:
    memory.reset_peak()
    before = memory.peak()
    block = np.ones(64 * 2**20, np.uint8)
    held = memory.resident()
    del block
    assert memory.peak() - before >= 60 * 2**20
    assert held > 0


def test_the_series_lies_as_written_and_is_read_by_each_peer(tmp_path: Path) -> None:
    series.write(tmp_path / "head", 3, 5.0)
    for probe, name in ((child.read, "A.read_all"), (child.simpleitk, "peer"), (child.pydicom, "peer")):
        start = time.perf_counter()
        seconds = probe(tmp_path / "head")[name]
        assert 0 < seconds <= time.perf_counter() - start


def test_the_head_bleeds_in_its_middle_third_alone() -> None:
    hu = series.head_hu(9, size=64)
    assert hu.dtype == np.int16
    bleeding = (hu > 50) & (hu < 90)
    assert [bool(each.sum() > 10) for each in bleeding] == [False] * 3 + [True] * 3 + [False] * 3
