"""The retraining card in every state."""

import pytest
from pyqtgraph import PlotWidget
from pytestqt.qtbot import QtBot

from viewer.session import Retraining, Session
from viewer.ui.loss_curve import LossCurve
from viewer.ui.retraining import RetrainingCard, time_left


@pytest.fixture
def shown(qtbot: QtBot) -> tuple[Session, RetrainingCard]:
    session = Session()
    card = RetrainingCard(session)
    qtbot.addWidget(card)
    return session, card


def test_without_annotations_it_says_what_to_do_first(shown) -> None:
    _, card = shown
    assert card.title.text() == "Nothing to learn from yet"
    assert not card.start.isEnabled()


def test_counts_are_shown_before_it_starts(shown, qtbot: QtBot) -> None:
    session, card = shown
    session.set_annotated(31, 214)
    assert card.title.text() == "214 slices of 31 patients annotated"
    with qtbot.waitSignal(session.retrain_requested):
        card.start.click()


def test_one_slice_of_one_patient_is_said_in_the_singular(shown) -> None:
    session, card = shown
    session.set_annotated(1, 1)
    assert card.title.text() == "1 slice of 1 patient annotated"


def test_running_shows_progress_curve_time_left_and_cancel(shown, qtbot: QtBot) -> None:
    session, card = shown
    session.set_annotated(2, 9)
    session.set_retraining(Retraining("running", "Epoch 2 of 4", 0.5, 100.0, (1.0, 0.8), (1.1, 0.9)))
    assert card.progress.value() == 500
    assert card.left.text() == "1:40 left"
    assert card.curve.train == (1.0, 0.8)
    assert card.start.isHidden()
    with qtbot.waitSignal(session.retrain_cancel_requested):
        card.cancel.click()


@pytest.mark.qt_log_ignore("propagateSizeHints")  # of the platform without a screen
def test_the_mouse_over_the_curves_is_over_the_card(shown) -> None:
    """So that the wheel scrolls the panel there, too."""
    session, card = shown
    session.set_retraining(Retraining("running", "", 0.5, 100.0, (1.0, 0.8), (1.1, 0.9)))
    card.show()
    plot = card.findChild(PlotWidget)
    assert plot.isVisible()
    under = card.childAt(plot.mapTo(card, plot.rect().center()))
    assert under is card.curve


def test_stopping_cannot_be_cancelled_twice(shown) -> None:
    session, card = shown
    session.set_retraining(Retraining("stopping", "Finishing this step"))
    assert not card.cancel.isEnabled()


def test_a_candidate_is_compared_used_or_discarded(shown, qtbot: QtBot) -> None:
    session, card = shown
    rows = (("Dice", ".64", ".71"), ("any-AUC", ".981", ".980"))
    session.set_retraining(Retraining("candidate", "Trained.", candidate_id="user-1", comparison=rows))
    assert not card._table.isHidden()
    assert card.use.text() == "Use user-1"
    with qtbot.waitSignal(session.promote_requested) as asked:
        card.use.click()
    assert asked.args == ["user-1"]
    with qtbot.waitSignal(session.discard_requested) as asked:
        card.discard.click()
    assert asked.args == ["user-1"]


def test_a_failure_is_said_and_can_be_tried_again(shown) -> None:
    session, card = shown
    session.set_annotated(1, 3)
    session.set_retraining(Retraining("failed", "The disk is full. Free some space."))
    assert card.text.text() == "The disk is full. Free some space."
    assert card.start.text() == "Try again…"
    assert card.start.isEnabled()


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (100.0, "1:40 left"), (9.6, "0:09 left"), (-1.0, "0:00 left")]
)
def test_time_left(seconds: float | None, text: str) -> None:
    assert time_left(seconds) == text


@pytest.mark.parametrize("curve", [(), (1.0,), (1.0, 1.0), (3.0, 2.0, 1.0)])
def test_any_curve_paints(qtbot: QtBot, curve: tuple[float, ...]) -> None:
    plot = LossCurve()
    qtbot.addWidget(plot)
    plot.show_curves(curve, curve)
    plot.resize(240, 72)
    assert not plot.grab().isNull()
