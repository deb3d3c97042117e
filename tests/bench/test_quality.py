"""Quality rows come from the report that is kept with the bundled model."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from viewer.bench import quality, run
from viewer.bench.rows import Promise


def report(ours: dict[str, float | None], theirs: dict[str, float | None]) -> dict[str, Any]:
    def cells(values: dict[str, float | None]) -> dict[str, Any]:
        return {"measures": {name: {"value": value} for name, value in values.items()}}

    return {"model": "m-1", "data": {"name": "x"}, "systems": {"m-1": cells(ours), "other": cells(theirs)}}


MEASURES = {"dice_any": 0.62, "slice_auc_any": 0.9, "study_auc_any": None, "slice_ece_any": 0.04}


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bundled model is the folder m-1."""
    bundled = SimpleNamespace(id="m-1", path=tmp_path)
    monkeypatch.setattr(quality, "registry", lambda: SimpleNamespace(bundled=lambda: bundled))
    return tmp_path


def keep(version: Path, content: dict[str, Any]) -> None:
    text = json.dumps({"format": 1, "sets": {quality.PATIENTS: content}})
    (version / "report.json").write_text(text, encoding="utf-8")


def test_rows_are_read_and_judged(version: Path) -> None:
    keep(version, report(MEASURES, MEASURES | {"slice_auc_any": 0.8}) | {"shifted": {"criterion": 0.7}})
    result = run.measure(only=["C.dice", "C.slice", "C.study_auc", "C.criterion", "C.behind"], repeat=1)
    rows = {row["name"]: row for row in result["rows"]}
    assert (rows["C.dice"]["value"], rows["C.dice"]["within"], rows["C.dice"]["least"]) == (0.62, True, True)
    assert (rows["C.slice_auc"]["value"], rows["C.slice_auc"]["within"]) == (0.9, False)
    assert (rows["C.slice_ece"]["value"], rows["C.slice_ece"]["within"]) == (0.04, True)
    assert (rows["C.behind"]["value"], rows["C.criterion"]["value"]) == (0, 0.7)
    assert rows["C.study_auc"]["value"] is None
    assert "not defined" in result["problems"]["C.study_auc"]


def test_a_model_without_a_report_is_said_to_have_none(version: Path) -> None:
    result = run.measure(only=["C.dice"], repeat=1)
    assert "m-1 keeps no report" in result["problems"]["C.dice"]
    assert not result["rows"][0]["within"]


def test_rows_behind_another_are_named_whichever_way_is_better() -> None:
    ours = {"dice_any": 0.5, "slice_log_loss": 0.3, "false_marks": 2.0, "dice_SAH": None}
    theirs = {"dice_any": 0.6, "slice_log_loss": 0.4, "false_marks": 0.0, "dice_SAH": 0.2}
    assert quality.behind(report(ours, theirs)) == ["dice_any"]
    assert quality.behind(report(ours, theirs | {"slice_log_loss": 0.1})) == ["dice_any", "slice_log_loss"]


def test_a_least_budget_is_kept_from_below() -> None:
    promise = Promise("C.x", "", 0.6, "a thing", least=True)
    assert promise.kept(0.6, None)
    assert not promise.kept(0.59, None)
