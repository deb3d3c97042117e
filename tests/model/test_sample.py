"""The training sample: what is valid, what a label map implies, and files that survive the round trip."""

import dataclasses
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ({"spacing_mm": (0.5,)}, "two positive"),
        ({"labels": np.zeros((3, 5, 4), np.uint8)}, "on the grid"),
        ({"provenance": {"seed": {1, 2}}}, "JSON"),
        ({"provenance": ["seed"]}, "JSON"),
    ],
)
def test_a_sample_that_breaks_a_rule_is_refused_with_the_rule(changes: dict[str, object], word: str) -> None:
    with pytest.raises(InvalidSampleError, match=word):
        sample(**changes)


NOWHERE = [0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ([1, 0, 0, 0, 0, 1], "SDH is drawn, but scored absent"),
        ([1, 0, 1, 0, 0, 1], "IPH is scored present, but drawn nowhere"),
        ([0, -1, -1, -1, -1, -1], "bleeding is drawn, but `any` is scored absent"),
        ([-1, 0, 1, 0, 0, 0], "a subtype is scored present, but `any` is not"),
    ],
)
def test_scores_that_contradict_what_is_drawn_are_refused(row: list[int], sentence: str) -> None:
    scores = np.array([NOWHERE, row, NOWHERE], np.int8)
    with pytest.raises(InvalidSampleError, match=f"contradict scores in slice 2 of 3: {sentence}"):
        sample(scores=scores)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ([1, 0, 0, 0, 0, 0], "all five subtypes absent"),
        ([1, -1, -1, -1, -1, -1], "nothing is drawn in the reviewed pixels"),
        ([1, 1, 0, 0, 0, 0], "EDH is scored present, but drawn nowhere"),
    ],
)
def test_scores_of_a_bleed_need_one_in_a_slice_that_is_reviewed_throughout(
    row: list[int], sentence: str
) -> None:
    scores = np.array([NOWHERE, [1, 0, 1, 0, 0, 0], row], np.int8)
    with pytest.raises(InvalidSampleError, match=f"slice 3 of 3: .*{sentence}"):
        sample(scores=scores)


@pytest.mark.parametrize(
    ("label", "row"),
    [
        (BY_CODE["SDH"].value, [1, 0, 1, 0, 0, 0]),
        (BY_CODE["SDH"].value, [1, -1, 1, -1, -1, -1]),
        (BY_CODE["SDH"].value, [-1] * 6),
        (UNKNOWN_SUBTYPE, [1, 0, 1, 0, 0, 1]),
        (UNKNOWN_SUBTYPE, [1, -1, -1, -1, -1, -1]),
        (NOT_REVIEWED, [1, 0, 0, 0, 1, 0]),
        (NOT_REVIEWED, NOWHERE),
        (NOT_REVIEWED, [-1] * 6),
    ],
)
def test_scores_that_know_less_or_more_than_the_labels_are_valid(label: int, row: list[int]) -> None:
    labels = np.zeros((1, 2, 2), np.uint8)
    labels[0, 0, 0] = label
    made = Sample(
        np.zeros((1, 2, 2), np.int16), (1, 1), np.zeros(1), labels, np.array([row], np.int8), "p", "test"
    )
    assert made.scores.tolist() == [row]


VALUES = st.sampled_from([0, 1, 2, 3, 4, 5, UNKNOWN_SUBTYPE, NOT_REVIEWED])


@given(st.lists(st.lists(VALUES, min_size=6, max_size=6), min_size=1, max_size=4))
def test_what_a_label_map_implies_never_contradicts_it(rows: list[list[int]]) -> None:
    labels = np.array(rows, np.uint8).reshape(-1, 2, 3)
    hu, z_mm = np.zeros(labels.shape, np.int16), np.arange(len(labels), dtype=np.float64)
    Sample(hu, (1.0, 1.0), z_mm, labels, slice_scores(labels), "p", "test")


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


def rewritten(path: Path, **parts: npt.NDArray[Any]) -> None:
    """The sample at `path` with some of its arrays replaced, past all checks."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez_compressed(path, **(arrays | parts))


def test_a_file_is_judged_as_strictly_as_a_new_sample(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_sample(sample(), path)
    rewritten(path, scores=np.zeros((3, 6), np.int8))
    with pytest.raises(InvalidSampleError, match=r"a\.npz: labels contradict scores in slice 2 of 3"):
        load_sample(path)


def test_an_array_that_claims_more_than_it_has_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_sample(sample(), path)
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    # 3 slices of 4 × 5 pixels become 3 of 400000 × 500000: 1.2 TB. The padding makes room for the digits.
    head = parts["hu.npy"].replace(b"(3, 4, 5), }          ", b"(3, 400000, 500000), }")
    assert len(head) == len(parts["hu.npy"])
    assert head != parts["hu.npy"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (parts | {"hu.npy": head}).items():
            archive.writestr(name, data)
    with pytest.raises(InvalidSampleError, match="hu claims int16"):
        load_sample(path)


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_sample(sample(), tmp_path / "a.npz")
    monkeypatch.setattr("model.sample.MAX_BYTES", 200)
    with pytest.raises(InvalidSampleError, match="memory"):
        load_sample(tmp_path / "a.npz")


class Trap:
    """An object whose unpickling would be noticed."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("sprung"),))


def test_pickled_objects_are_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_sample(sample(), tmp_path / "a.npz")
    rewritten(tmp_path / "a.npz", z_mm=np.array([Trap(), Trap(), Trap()], dtype=object))
    with pytest.raises(InvalidSampleError, match="z_mm is object"):
        load_sample(tmp_path / "a.npz")
    assert not (tmp_path / "sprung").exists()


def test_missing_and_strange_parts_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_sample(sample(), path)
    rewritten(path, mask=np.zeros(3))
    with pytest.raises(InvalidSampleError, match="mask"):
        load_sample(path)
    with np.load(path) as file:
        np.savez_compressed(path, hu=file["hu"], z_mm=file["z_mm"])
    with pytest.raises(InvalidSampleError, match="lacks"):
        load_sample(path)


def test_a_sample_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_sample(sample(), path)
    with np.load(path) as file:
        header = json.loads(bytes(file["header"])) | {"format": 9}
    rewritten(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8))
    with pytest.raises(InvalidSampleError, match=r"a\.npz: it is a sample of format 9"):
        load_sample(path)


def test_a_damaged_byte_anywhere_is_told_or_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_sample(sample(), path)
    whole, chance = path.read_bytes(), random.Random(0)
    for _ in range(300):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        try:
            loaded = load_sample(path)
        except InvalidSampleError:
            continue
        assert np.array_equal(loaded.hu, sample().hu)
        assert np.array_equal(loaded.labels, sample().labels)


def test_a_file_still_being_written_is_not_a_sample(tmp_path: Path) -> None:
    save_sample(sample(), tmp_path / "a.npz")
    (tmp_path / ".sample-half.npz").write_bytes(b"PK")
    assert len(list(iterate_samples(tmp_path))) == 1
