"""What annotations give to learn from, and the split of the patients: dealt once, kept for ever, never overlapping."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.batches import crop_sample
from model.deal import PARTS, Counts, Split, count, deal, without_subtypes
from model.errors import PterionError
from tests.model.conftest import square_sample as sample

NAMES = st.text(min_size=1, max_size=5)


def test_counts_what_a_reader_vouches_for() -> None:
    counts = count([sample("a", 255, 2, 2), sample("a", 0, 1), sample("b", 0)])
    assert (counts.patients, counts.bleeding_patients) == (2, 1)
    assert (counts.slices, counts.bleeding_slices, counts.negatives) == (5, 3, 2)
    assert counts.subtypes == {"EDH": 1, "SDH": 2, "SAH": 0, "IVH": 0, "IPH": 0}
    assert counts.subtype_patients == {"EDH": 1, "SDH": 1, "SAH": 0, "IVH": 0, "IPH": 0}
    assert counts.regions == {"EDH": 1, "SDH": 2, "SAH": 0, "IVH": 0, "IPH": 0}


def test_two_shapes_of_a_slice_are_two_regions() -> None:
    one = sample("a", 2)
    labels = one.labels.copy()
    labels[0, 30:33, 30:33] = 2
    assert count([replace(one, labels=labels)]).regions["SDH"] == 2


@pytest.mark.parametrize("samples", [[], [sample("a", 255, 255)]])
def test_nothing_to_learn_is_refused(samples: list) -> None:
    with pytest.raises(PterionError, match="no annotated slice") as caught:
        count(samples)
    assert caught.value.code == "NOTHING_TO_LEARN"


def test_two_bleeding_patients_are_refused_with_what_is_missing() -> None:
    assert "bleeds of 1 more patient." in count([sample(p, 1) for p in "ab"]).refusal
    assert count([sample(p, 1) for p in "abc"]).refusal == ""


def test_a_pilot_is_called_one() -> None:
    assert "A pilot: 19 annotated slices" in count([sample("a", *[1] * 18, 0)]).warning
    assert "pilot" not in count([sample("a", *[1] * 19, 0)]).warning


def test_few_patients_no_negatives_and_one_subtype_are_said() -> None:
    said = count([sample(p, 2) for p in "abc"]).warning
    assert "Patients with a bleed: 3. Below 6 the training has a fixed length" in said
    assert "No slice without a bleed" in said
    assert "Only SDH is annotated" in said
    enough = Counts(7, 6, 40, 30, 10, dict.fromkeys(("EDH", "SDH", "SAH", "IVH", "IPH"), 1))
    assert enough.warning == ""


# the split


def test_ten_bleeding_and_five_others_are_dealt_60_20_20() -> None:
    split = Split().extended({**{f"b{n}": True for n in range(10)}, **{f"n{n}": False for n in range(5)}})
    dealt = {kind: [split.parts[p] for p in split.parts if p[0] == kind] for kind in "bn"}
    assert [dealt["b"].count(part) for part in PARTS] == [6, 2, 2]
    assert [dealt["n"].count(part) for part in PARTS] == [3, 1, 1]


@given(st.lists(st.dictionaries(NAMES, st.booleans(), max_size=12), max_size=5))
def test_patients_never_part_and_never_move(rounds: list[dict[str, bool]]) -> None:
    """Whoever comes, changes or goes: a patient keeps its one part."""
    split = Split()
    for bleeds in rounds:
        later = split.extended(bleeds)
        assert all(later.parts[patient] == part for patient, part in split.parts.items())
        assert later.parts.keys() == split.parts.keys() | bleeds.keys()
        groups = [{p for p, part in later.parts.items() if part == each} for each in PARTS]
        assert sum(map(len, groups)) == len(later.parts)
        split = later


@given(st.sets(NAMES, min_size=1, max_size=40))
def test_newcomers_keep_the_ratio_one_by_one(names: set[str]) -> None:
    """Dealt together or in turn, no part is off its share by a patient or more; order plays no part when together."""
    together = Split().extended(dict.fromkeys(names, True))
    assert together == Split().extended(dict.fromkeys(sorted(names), True))
    in_turn = Split()
    for name in names:
        in_turn = in_turn.extended(dict.fromkeys([*in_turn.parts, name], True))
    for split in (together, in_turn):
        counts = [list(split.parts.values()).count(part) for part in PARTS]
        assert all(abs(n - share * len(names)) < 1 for n, share in zip(counts, (0.6, 0.2, 0.2), strict=True))


def test_pinned_patients_stay_and_newcomers_fill_up_around_them() -> None:
    split = Split().pin("x", "test").pin("y", "test").extended(dict.fromkeys("xyabc", True))
    assert split.parts["x"] == split.parts["y"] == "test"
    assert sorted(split.parts[p] for p in "abc") == ["train", "train", "train"]
    assert Split.from_json(json.loads(json.dumps(split.to_json()))) == split


def test_a_patient_that_begins_to_bleed_keeps_its_part() -> None:
    before = Split().extended({"a": True, "b": True, "c": True, "n": False})
    after = before.extended({"a": True, "b": True, "c": True, "n": True, "d": True})
    assert {p: after.parts[p] for p in before.parts} == dict(before.parts)


@pytest.mark.parametrize(
    "table", [[], {"parts": {"a": "somewhere"}, "pinned": []}, {"parts": {}, "pinned": ["a"]}, 3]
)
def test_damaged_split_is_not_dealt_anew(table: object) -> None:
    with pytest.raises(PterionError, match="test patients would have been trained on"):
        Split.from_json(table)


def test_cases_follow_their_patients() -> None:
    cases = [crop_sample(sample(p, 1)) for p in "abcab"]
    dealt = deal(cases, Split({"a": "train", "b": "test", "c": "validation"}))
    assert [c.patient for c in dealt.training] == ["a", "a"]
    assert [c.patient for c in dealt.validation] == ["c"]
    assert [c.patient for c in dealt.test] == ["b", "b"]
    assert (dealt.patients("test"), dealt.patients("test", bleeding=True)) == (1, 1)


def test_nobody_left_to_train_on_is_said() -> None:
    with pytest.raises(PterionError, match="pinned to validation or test"):
        deal([crop_sample(sample("a", 1))], Split().pin("a", "test"))


# subtypes that nobody looked for


def test_subtypes_not_looked_for_are_unknown() -> None:
    masked = without_subtypes(sample("a", 2, 0, 5), ("SDH",))
    # any, EDH, SDH, SAH, IVH, IPH: what is drawn stays, also where it was not looked for
    np.testing.assert_array_equal(
        masked.scores, [[1, -1, 1, -1, -1, -1], [-1, -1, 0, -1, -1, -1], [1, -1, 0, -1, -1, 1]]
    )
    whole = sample("a", 2)
    assert without_subtypes(whole, ("EDH", "SDH", "SAH", "IVH", "IPH")) is whole
