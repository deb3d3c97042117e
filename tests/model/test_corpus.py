"""Who is trained on, validated on, tested on: by patient, by name alone, never the same one twice."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from model import corpus
from model.batches import Case, crop_sample
from model.corpus import deal_cases, deal_fold, deal_patients, fold_of
from model.errors import PterionError
from model.sample import iterate_samples

ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
PATIENTS = st.dictionaries(st.text("abcxyz0123456789-", min_size=1, max_size=8), st.booleans(), max_size=60)


@ANY_SPEED
@given(PATIENTS, st.none() | st.integers(0, 4), st.integers(0, 9))
def test_every_patient_is_in_one_part(patients: dict[str, bool], fold: int | None, one_in: int) -> None:
    dealt = deal_patients(patients, fold, one_in)
    assert sorted(chain.from_iterable(dealt.values())) == sorted(patients)
    assert fold is not None or not dealt["test"]
    assert one_in or not dealt["validation"]
    if one_in:
        for bleeds in (True, False):
            rest = [p for p in dealt["train"] + dealt["validation"] if patients[p] == bleeds]
            assert len([p for p in dealt["validation"] if patients[p] == bleeds]) == -(-len(rest) // one_in)


@ANY_SPEED
@given(PATIENTS, st.randoms())
def test_the_order_of_names_changes_nothing(patients: dict[str, bool], random: object) -> None:
    names = list(patients)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert deal_patients({name: patients[name] for name in names}, 2) == deal_patients(patients, 2)


def test_the_folds_of_ct_ich_are_frozen_and_whole() -> None:
    folds = corpus._folds()
    assert [len(fold) for fold in folds] == [12] * 5
    assert len({number for fold in folds for number in fold}) == 60
    assert fold_of("ct-ich-052") == 4
    assert fold_of("ct-ich-051") == 0


def test_ct_ich_is_dealt_by_its_folds(shared_data: Path) -> None:
    dealt = deal_fold(shared_data / "ct-ich", 4)
    assert dealt["test"] == [
        "052",
        "054",
        "060",
        "074",
        "076",
        "079",
        "083",
        "095",
        "096",
        "100",
        "109",
        "122",
    ]
    assert dealt["validation"] == ["058", "059", "084", "086", "087", "115", "118", "125"]
    assert len(dealt["train"]) == 40
    tests = [number for fold in range(5) for number in deal_fold(shared_data / "ct-ich", fold)["test"]]
    assert len(tests) == len(set(tests)) == 60
    other = deal_fold(shared_data / "ct-ich", 0)
    assert (len(other["train"]), len(other["validation"])) == (39, 9)


def test_a_fold_that_is_not_there_is_said() -> None:
    with pytest.raises(PterionError, match=r"no fold 5\. Choose one from 0 to 4"):
        deal_patients({}, 5)


def cases(folder: Path) -> list[Case]:
    return [crop_sample(sample) for sample in iterate_samples(folder)]


def test_held_back_heads_are_never_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_heads: Callable[..., Path]
) -> None:
    monkeypatch.setattr(corpus, "HELD_BACK", 2)
    heads = cases(write_heads(tmp_path, {"b": 1, "c": 2, "d": 3}))
    pool = deal_cases(heads, None)
    trained, kept = ({c.patient for c in part} for part in (pool.training, pool.validation["phantom"]))
    assert (trained, kept) == ({"c", "d"}, {"b"})
    assert {case.patient for case in pool.validation["shifted"]} == kept
    assert len(deal_cases(heads, None, 0).training) == 3


def test_a_patient_of_two_sources_is_in_one_part(tmp_path: Path, write_heads: Callable[..., Path]) -> None:
    """In the second source every patient of the first bleeds, and there are more: another sixth would be dealt."""
    one = cases(write_heads(tmp_path / "one", {f"p{n}": 0 for n in range(8)}, "one"))
    two = cases(write_heads(tmp_path / "two", {f"p{n}": 1 for n in range(15)}, "two"))
    pool = deal_cases(one + two, 2)
    trained = {case.patient for case in pool.real}
    kept = {case.patient for name in ("one", "two") for case in pool.validation[name]}
    assert trained
    assert kept
    assert not trained & kept
    assert not (trained | kept) & set(pool.tested)
    assert len(trained | kept | set(pool.tested)) == 15


def test_all_series_of_a_patient_stay_together(tmp_path: Path, write_heads: Callable[..., Path]) -> None:
    """The second series of each patient bleeds, the first does not."""
    names = {f"p{n}": 0 for n in range(10)}
    series = cases(write_heads(tmp_path / "one", names, "clinic"))
    series += cases(write_heads(tmp_path / "two", dict.fromkeys(names, 2), "clinic"))
    pool = deal_cases(series, 1)
    parts = [pool.real, pool.validation["clinic"]]
    seen = [{case.patient for case in part} for part in parts] + [set(pool.tested)]
    assert set.union(*seen) == set(names)
    assert sum(len(part) for part in seen) == 10
    assert all(len(part) == 2 * len(names) for part, names in zip(parts, seen, strict=False))


def test_no_more_heads_than_asked_are_validated_on_and_the_rest_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_heads: Callable[..., Path]
) -> None:
    monkeypatch.setattr(corpus, "held_back", lambda patient: patient != "c")
    folder = write_heads(tmp_path, {"a": 1, "b": 2, "c": 5})
    pool = deal_cases([crop_sample(s) for s in iterate_samples(folder)], None, heads=1)
    assert [case.patient for case in pool.simulated] == ["c"]
    assert [case.patient for case in pool.validation["phantom"]] == ["a"]
    assert len(pool.validation["shifted"]) == 1
