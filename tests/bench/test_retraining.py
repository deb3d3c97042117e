"""The experiment about retraining: what counts as annotated, and the table that it writes."""

from pathlib import Path

import numpy as np

from model.batches import Case
from viewer.bench.retraining import Row, annotated, write


def case(patient: str, *bleeding: int) -> Case:
    """Ten slices of 4 × 4; these bleed."""
    labels, scores = np.zeros((10, 4, 4), np.uint8), np.zeros((10, 6), np.int8)
    labels[list(bleeding), 0, 0] = 2
    scores[np.ix_(list(bleeding), [0, 2])] = 1
    return Case(labels.astype(np.int16), labels, scores, np.full(10, 5, np.float32), patient, "phantom")


def test_slices_are_annotated_patient_by_patient() -> None:
    found = annotated([case("a", 2, 3, 4, 5, 6), case("b"), case("c", 1)], 8)
    # of a four that bleed and two that do not; of b the two that are left
    assert [int((one.scores[:, 0] >= 0).sum()) for one in found] == [6, 2]
    assert [int((one.scores[:, 0] == 1).sum()) for one in found] == [4, 0]
    assert all(one.source == "annotations" for one in found)
    unread = (found[0].labels == 255).all((1, 2))
    np.testing.assert_array_equal(unread, found[0].scores[:, 0] < 0)
    assert len(annotated([case("a", 2)], 100)) == 1


def test_the_table_shows_changes_against_the_bundled_model(tmp_path: Path) -> None:
    base = Row("bundled", 0, 0, (0.4, 0.8), (0.6, 0.9), {"SDH": 0.5}, 0.25)
    tuned = Row("retrained", 50, 167, (0.45, 0.85), (0.59, 0.91), {"SDH": 0.55}, 0.3)
    write(tmp_path / "table.md", "flagship", [tuned, base][::-1])
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[-1].startswith("| retrained | 50 | 167 | 0.450 | +0.050 | 0.590 | -0.010 | 0.850 | 0.910 |")
