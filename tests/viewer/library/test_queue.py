"""The order of work: what is done comes last, what could teach most comes first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.library.queue import Candidate, Order, doubt, entropy, ordered, suspicion
from viewer.library.work import Status


def study(
    name: str, *, status: Status = Status.UNTOUCHED, drawn: str = "", reviewed: bool = False, **scores: float
) -> Candidate:
    return Candidate(name, status, scores or None, frozenset(drawn.split()), reviewed)


def names(order: Order, *candidates: Candidate) -> str:
    return "".join(each.study_uid for each in ordered(candidates, order))


def test_entropy_is_a_bit_at_one_half() -> None:
    assert entropy(0.5) == pytest.approx(1.0)
    assert entropy(0.0) == entropy(1.0) == 0.0
    assert entropy(0.25) == pytest.approx(0.811278, abs=1e-6)


def test_suspicion_puts_the_highest_score_first_and_the_unscored_last() -> None:
    three = study("a", any=0.2, SDH=0.1), study("b"), study("c", any=0.9, SDH=0.95)
    assert names(Order.SUSPICION, *three) == "cab"
    assert suspicion(three[1]) == -1


def test_doubt_puts_what_the_model_is_least_sure_of_first() -> None:
    """.5 is a bit, .9 less than half a bit; a study that nobody scored lies between."""
    assert names(Order.DOUBT, study("a", any=0.97), study("b", any=0.52), study("c")) == "bca"


def test_a_reader_who_found_what_the_model_missed_comes_before_doubt() -> None:
    """The model says .02 of an SDH that is drawn: .98 apart. Agreement at .99 is worth .01."""
    missed = study("a", any=0.05, SDH=0.02, drawn="SDH")
    agreed = study("b", any=0.99, SDH=0.99, drawn="SDH")
    assert doubt(missed) == pytest.approx(0.98)
    assert doubt(agreed) == pytest.approx(0.01)
    assert doubt(study("c", any=0.9, reviewed=True)) == pytest.approx(0.9)
    assert names(Order.DOUBT, agreed, missed) == "ab"


def test_what_is_done_comes_last_in_every_order() -> None:
    for order in Order:
        done = study("a", any=0.99, status=Status.DONE), study("b", any=0.5, status=Status.CLEAN)
        assert names(order, *done, study("c", any=0.01))[0] == "c"


def test_choice_puts_flagged_studies_first_and_keeps_the_order_else() -> None:
    four = (
        study("a"),
        study("b", status=Status.IN_PROGRESS),
        study("c", status=Status.FLAGGED),
        study("d"),
    )
    assert names(Order.CHOICE, *four) == "cbad"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.booleans())
def test_doubt_is_a_share(scores: list[float], reviewed: bool) -> None:
    named = dict(zip(("any", "EDH", "SDH", "SAH", "IVH", "IPH"), scores, strict=False))
    assert 0 <= doubt(Candidate("a", scores=named, reviewed=reviewed)) <= 1
