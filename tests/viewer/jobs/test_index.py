"""The index names studies, series and problems, and no patient."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from viewer.jobs.index import index_paths

FIELDS = {
    *(
        "series_uid",
        "modality",
        "description",
        "slices",
        "rows",
        "columns",
        "spacing_mm",
        "gaps_mm",
        "tilt_deg",
    ),
    *("transfer_syntax", "problems", "paths"),
}


def test_a_series_is_described(phantom_series: Path) -> None:
    report = index_paths([phantom_series])
    (study,) = report["studies"]
    (series,) = study["series"]
    assert set(series) >= FIELDS
    assert study["study_uid"].startswith("1.2.826")
    assert (series["modality"], series["description"]) == ("CT", "AXIAL 5 mm")
    assert (series["slices"], series["rows"], series["columns"]) == (8, 128, 96)
    assert (series["spacing_mm"], series["gaps_mm"], series["tilt_deg"]) == ([1.75, 1.75], [5.0] * 7, 0.0)
    assert (series["transfer_syntax"], series["problems"]) == ("1.2.840.10008.1.2.1", [])
    assert series["paths"] == [str(phantom_series / f"IM{number:04d}.dcm") for number in range(1, 9)]
    assert report["notes"] == []


def test_it_is_json_and_names_no_patient(phantom_series: Path) -> None:
    text = json.dumps(index_paths([phantom_series]), allow_nan=False)
    assert "Phantom^Test" not in text
    assert "PHANTOM-1" not in text


def test_problems_are_codes(write_series_copy: Callable[..., Path]) -> None:
    folder = write_series_copy()
    os.truncate(folder / "IM0003.dcm", 9000)
    (folder / "IM0006.dcm").unlink()
    (series,) = index_paths([folder])["studies"][0]["series"]
    assert series["problems"] == ["UNREADABLE_FILES", "MISSING_SLICES"]
    assert [note["code"] for note in series["notes"]] == series["problems"]


def test_the_tilted_head(shared_data: Path) -> None:
    report = index_paths([shared_data / "head-ct-dicom" / "ge-tilted-uneven"])
    (series,) = report["studies"][0]["series"]
    gaps = [round(gap, 2) for gap in series["gaps_mm"]]
    assert (gaps.count(4.0), gaps.count(7.0), gaps.count(1.08), len(gaps)) == (13, 13, 1, 27)
    assert series["tilt_deg"] == pytest.approx(18.5, abs=0.01)
    assert series["problems"] == ["GANTRY_TILT", "UNEVEN_SPACING"]
    assert [note["badge"] for note in series["notes"]] == ["tilt 18.5°", "gaps 4 / 7 mm"]
