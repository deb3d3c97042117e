"""The training sample: what is valid, what a label map implies, and files that survive the round trip."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from model.errors import InvalidSampleError
from model.labels import BY_CODE, CODES, NOT_REVIEWED, SCORES, SUBTYPES, UNKNOWN_SUBTYPE
from model.sample import Sample, iterate_samples, load_sample, save_sample, slice_scores


def sample(**changes: object) -> Sample:
    """Three 4 × 5 slices; the second bleeds (SDH, two pixels)."""
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 2, 1:3] = BY_CODE["SDH"].value
    fields: dict[str, object] = {
        "hu": np.arange(60, dtype=np.int16).reshape(3, 4, 5),
        "spacing_mm": (0.5, 0.4),
        "z_mm": np.array([0.0, 5.0, 12.0]),
        "labels": labels,
        "scores": slice_scores(labels),
        "patient": "p1",
        "source": "test",
        "provenance": {"seed": 7},
    }
    return Sample(**(fields | changes))  # type: ignore[arg-type]


def test_subtypes_stand_in_the_fixed_order_with_values_one_to_five() -> None:
    assert CODES == ("EDH", "SDH", "SAH", "IVH", "IPH")
    assert [subtype.value for subtype in SUBTYPES] == [1, 2, 3, 4, 5]
    assert SCORES[0] == "any"
    assert BY_CODE["EDH"].rgb == (0xE6, 0x9F, 0x00)


def test_slice_scores_of_drawn_unknown_and_unreviewed_slices() -> None:
    labels = np.zeros((4, 2, 2), np.uint8)
    labels[1, 0, 0] = BY_CODE["IVH"].value
    labels[2, 0, 0], labels[2, 1, 1] = BY_CODE["EDH"].value, UNKNOWN_SUBTYPE
    labels[3] = NOT_REVIEWED
    assert slice_scores(labels).tolist() == [
        [0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 1, 0],
        [1, 1, -1, -1, -1, -1],
        [-1, -1, -1, -1, -1, -1],
    ]


def test_a_partly_reviewed_slice_knows_any_only_where_something_is_drawn() -> None:
    labels = np.full((2, 2, 2), NOT_REVIEWED, np.uint8)
    labels[0, 0, 0] = BY_CODE["SAH"].value
    labels[1, 0, 0] = 0
    assert slice_scores(labels).tolist() == [[1, -1, -1, 1, -1, -1], [-1] * 6]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"hu": np.zeros((3, 4, 5), np.int32)}, "int16"),
        ({"hu": np.zeros((4, 5), np.int16)}, "slices, rows, columns"),
        ({"labels": np.zeros((3, 4, 4), np.uint8)}, "labels"),
        ({"labels": np.full((3, 4, 5), 6, np.uint8)}, "labels may hold"),
        ({"scores": np.zeros((3, 5), np.int8)}, "scores"),
        ({"scores": np.full((3, 6), 2, np.int8)}, "scores may hold"),
        ({"z_mm": np.array([0.0, 5.0, 5.0])}, "ascending"),
        ({"z_mm": np.array([0.0, np.nan, 5.0])}, "ascending"),
        ({"spacing_mm": (0.5, 0.0)}, "positive"),
        ({"patient": ""}, "patient"),
    ],
)
def test_a_sample_that_breaks_a_rule_is_refused_with_the_rule(changes: dict[str, object], word: str) -> None:
    with pytest.raises(InvalidSampleError, match=word):
        sample(**changes)


def test_a_sample_survives_the_round_trip(tmp_path: Path) -> None:
    before = sample()
    save_sample(before, tmp_path / "a.npz")
    after = load_sample(tmp_path / "a.npz")
    for field in dataclasses.fields(Sample):
        assert np.array_equal(getattr(before, field.name), getattr(after, field.name)), field.name


def test_samples_come_in_order_of_their_names_and_nothing_else_lies_in_the_folder(tmp_path: Path) -> None:
    for name in ("b", "a"):
        save_sample(sample(patient=name), tmp_path / f"{name}.npz")
    assert [found.patient for found in iterate_samples(tmp_path)] == ["a", "b"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_a_failing_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npz"
    save_sample(sample(patient="old"), path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        save_sample(sample(patient="new"), path)
    monkeypatch.undo()
    assert load_sample(path).patient == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 half a zip"])
def test_a_file_that_is_no_sample_is_named_in_the_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(InvalidSampleError, match=r"broken\.npz"):
        load_sample(path)


def test_a_truncated_sample_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_sample(sample(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InvalidSampleError, match="cannot be read"):
        load_sample(path)


def test_a_file_still_being_written_is_not_a_sample(tmp_path: Path) -> None:
    save_sample(sample(), tmp_path / "a.npz")
    (tmp_path / ".sample-half.npz").write_bytes(b"PK")
    assert len(list(iterate_samples(tmp_path))) == 1
