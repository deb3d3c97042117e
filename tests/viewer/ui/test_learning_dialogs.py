"""The dialogs of retraining: what they show of the session's facts, and what they ask for."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from viewer.learning import Comparison, Expected, Judgement, Person, Preflight, ShownSlice, VersionRow, Wanted
from viewer.session import Retraining, Session
from viewer.ui import theme
from viewer.ui.learning import LearningDialogs
from viewer.ui.preflight import PreflightDialog
from viewer.ui.retraining import RetrainingCard
from viewer.ui.shown_slice import picture
from viewer.ui.training import TrainingDialog
from viewer.ui.verdict import VerdictDialog
from viewer.ui.versions import VersionsDialog

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
CODES = ("EDH", "SDH", "SAH", "IVH", "IPH")
MEASURED = ("dice", "auc", "sensitivity", "specificity", "volume_bias_ml", "calibration_error")
NOTHING = {"before": None, "after": None, "difference": None, "interval": None, "n": 0}


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    made = QWidget()
    made.resize(1366, 768)
    qtbot.addWidget(made)
    return made


def counted(**more: object) -> Preflight:
    rows = tuple((code, n, 2 * n, 3 * n) for n, code in enumerate(CODES))
    people = (Person("p1", "ANON-1", True, "train", False), Person("p2", "ANON-2", False, "test", True))
    facts = {
        "state": "done",
        "patients": 2,
        "bleeding": 1,
        "slices": 20,
        "negatives": 7,
        "rows": rows,
        "people": people,
    }
    return Preflight(**{**facts, **more})  # type: ignore[arg-type]


def shown_slice() -> ShownSlice:
    grey, labels = np.full((8, 8), 100, np.uint8), np.zeros((8, 8), np.uint8)
    labels[2:4, 2:4] = 2
    return ShownSlice(grey, labels, labels, np.roll(labels, 2), (0.71, 0.58))


# before


def test_preflight_asks_for_counts_and_shows_them(qtbot: QtBot, window: QWidget, session: Session) -> None:
    asked: list[Wanted] = []
    session.learning.preflight_requested.connect(asked.append)
    dialog = PreflightDialog(window, session)
    qtbot.addWidget(dialog)
    assert asked == [Wanted(False, CODES)]
    assert not dialog.start.isEnabled()
    session.learning.set_preflight(counted(expected=Expected("the processor", 170, 167, 1150)))
    assert dialog.title.text() == "20 slices of 2 patients, 1 with a bleed · 1 training, 1 test"
    assert dialog.expected.text().startswith("The processor: about 3 min for 167 steps, 1.1 GB")
    assert [dialog.counts.item(1, column).text() for column in range(4)] == ["SDH", "1", "2", "3"]
    assert dialog.counts.item(5, 2).text() == "7"
    assert dialog.start.isEnabled()


def test_a_refusal_says_what_is_missing_and_does_not_start(
    qtbot: QtBot, window: QWidget, session: Session
) -> None:
    dialog = PreflightDialog(window, session)
    qtbot.addWidget(dialog)
    session.learning.set_preflight(
        counted(refusal="Annotate bleeds of 2 more patients.", left_out=("Gone: 1.",))
    )
    assert dialog.said.text() == "Annotate bleeds of 2 more patients."
    assert dialog.left_out.text() == "Left out — Gone: 1."
    assert not dialog.start.isEnabled()


def test_what_went_wrong_is_said_once(qtbot: QtBot, window: QWidget, session: Session) -> None:
    dialog = PreflightDialog(window, session)
    qtbot.addWidget(dialog)
    assert (dialog.title.text(), dialog.expected.text()) == ("Counting what is annotated", "")
    session.learning.set_preflight(Preflight("failed", "The disk is full. Free some space."))
    assert dialog.title.text() == "It cannot be said what a retraining would take"
    assert dialog.expected.text() == "The disk is full. Free some space."
    assert not dialog.start.isEnabled()


def test_choices_are_asked_anew_and_start_carries_them(
    qtbot: QtBot, window: QWidget, session: Session
) -> None:
    asked: list[Wanted] = []
    session.learning.preflight_requested.connect(asked.append)
    dialog = PreflightDialog(window, session)
    qtbot.addWidget(dialog)
    dialog.everything.setChecked(True)
    dialog.looked[0].setChecked(False)
    wanted = Wanted(True, ("SDH", "SAH", "IVH", "IPH"))
    assert asked[-1] == wanted
    session.learning.set_preflight(counted())
    started: list[Wanted] = []
    session.learning.start_requested.connect(started.append)
    with qtbot.waitSignal(session.learning.preflight_cancelled):
        dialog.start.click()
    assert started == [wanted]


def test_without_a_subtype_there_is_nothing_to_start(qtbot: QtBot, window: QWidget, session: Session) -> None:
    asked: list[Wanted] = []
    dialog = PreflightDialog(window, session)
    qtbot.addWidget(dialog)
    session.learning.set_preflight(counted())
    session.learning.preflight_requested.connect(asked.append)
    for box in dialog.looked:
        box.setChecked(False)
    assert [wanted.subtypes for wanted in asked] == [CODES[n:] for n in range(1, 5)]
    assert dialog.said.text() == "Tick the subtypes that you looked for, one at least."
    assert not dialog.start.isEnabled()
    dialog.looked[2].setChecked(True)
    assert asked[-1].subtypes == ("SAH",)


def test_a_patient_is_pinned_by_its_box(qtbot: QtBot, window: QWidget, session: Session) -> None:
    dialog = PreflightDialog(window, session)
    qtbot.addWidget(dialog)
    session.learning.set_preflight(counted())
    assert dialog.people.item(1, 3).text() == "pinned by you"
    box = dialog.people.cellWidget(0, 2)
    with qtbot.waitSignal(session.learning.pin_requested) as caught:
        box.activated.emit(2)
    assert caught.args == ["p1", "test"]


def test_hidden_patients_stay_hidden(qtbot: QtBot, window: QWidget, session: Session) -> None:
    session.set_patient_hidden(True)
    dialog = PreflightDialog(window, session)
    qtbot.addWidget(dialog)
    session.learning.set_preflight(counted())
    assert dialog.people.item(0, 0).text() == "hidden"


# meanwhile


def test_curves_follow_steps_and_validations(qtbot: QtBot, window: QWidget, session: Session) -> None:
    dialog = TrainingDialog(window, session)
    qtbot.addWidget(dialog)
    rows = (
        {
            "step": 10,
            "mine_loss": 0.9,
            "mine_dice": 0.5,
            "mine_auc": 0.8,
            "mine_SDH": 0.4,
            "phantom_IPH": 0.7,
        },
    )
    session.set_retraining(Retraining("running", "Step 12 of 40", 0.3, 60.0, (1.0, 0.9), rows=rows, steps=40))
    assert dialog.loss.values == {"training": ((1.0, 2.0), (1.0, 0.9)), "validation": ((10.0,), (0.9,))}
    assert dialog.dice.values == {"your validation patients": ((10.0,), (0.5,))}
    assert dialog.subtypes.values == {"SDH": ((10.0,), (0.4,)), "IPH": ((10.0,), (0.7,))}
    assert dialog.left.text() == "1:00 left"
    session.learning.set_examples((shown_slice(),))
    assert dialog.examples.count == 1


def test_pause_stop_and_cancel_are_asked_for(qtbot: QtBot, window: QWidget, session: Session) -> None:
    dialog = TrainingDialog(window, session)
    qtbot.addWidget(dialog)
    session.set_retraining(Retraining("running", "Step 1"))
    assert not dialog.stop.isEnabled()  # nothing to keep yet
    with qtbot.waitSignal(session.learning.pause_requested) as caught:
        dialog.pause.click()
    assert caught.args == [True]
    session.set_retraining(Retraining("paused", "Paused", rows=({"step": 1},)))
    with qtbot.waitSignal(session.learning.pause_requested) as caught:
        dialog.pause.click()
    assert caught.args == [False]
    with qtbot.waitSignal(session.retrain_cancel_requested):
        dialog.stop.click()
    with qtbot.waitSignal(session.learning.abandon_requested):
        dialog.cancel.click()


def test_a_slice_is_painted_in_its_subtype(session: Session) -> None:
    one = shown_slice()
    image = picture(one.grey, one.truth)
    assert image.pixelColor(0, 0).getRgb()[:3] == (100, 100, 100)
    red, green, blue = image.pixelColor(2, 2).getRgb()[:3]
    assert blue > green > red  # SDH is a light blue


# after


def judgement(kind: str = "better") -> Judgement:
    row = {"before": 0.64, "after": 0.71, "difference": 0.07, "interval": [0.02, 0.12], "n": 7}
    few = {**row, "interval": None, "n": 1}
    by_code = {"any": row, **dict.fromkeys(CODES, row), "IVH": few, "IPH": NOTHING}
    names = ("dice", "auc", "sensitivity", "specificity", "volume_bias_ml", "calibration_error")
    tables = dict.fromkeys(names, by_code)
    return Judgement(
        "mine-1",
        "flagship-3",
        kind,
        "Better.",
        "Dice up.",
        "9 slices",
        {"yours": tables, "reference": tables},
        ("A note.",),
        (shown_slice(),),
    )


def test_verdict_shows_numbers_and_promotes(qtbot: QtBot, window: QWidget, session: Session) -> None:
    session.set_model("flagship-3")
    session.learning.set_judgement(judgement())
    dialog = VerdictDialog(window, session)
    qtbot.addWidget(dialog)
    texts = [label.text() for label in dialog.findChildren(type(dialog.title))]
    assert dialog.title.text() == "mine-1 · compared with flagship-3"
    assert "+.07 (+.02 … +.12)" in texts
    assert "+.07 (1 patient: too few to tell)" in texts
    assert "no test patient shows it" in texts
    assert "A note." in texts
    with qtbot.waitSignal(session.promote_requested) as caught:
        dialog.use.click()
    assert caught.args == ["mine-1"]


@pytest.mark.parametrize("kind", ["better", "not worse", "worse", "too little data to tell"])
def test_every_verdict_has_its_look(qtbot: QtBot, window: QWidget, session: Session, kind: str) -> None:
    session.learning.set_judgement(judgement(kind))
    dialog = VerdictDialog(window, session)
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.grab().isNull()
    assert dialog.verdict.property("role") in ("verdict", "info", "error", "warning")


def test_a_version_that_was_never_judged_says_so(qtbot: QtBot, window: QWidget, session: Session) -> None:
    dialog = VerdictDialog(window, session)
    qtbot.addWidget(dialog)
    assert "never judged" in dialog.title.text()
    assert dialog.use.isHidden()


ROWS = (
    VersionRow("flagship-3", "", "bundled", "2026-11-21", "", "", 7_500_000, True),
    VersionRow("mine-1", "My clinic", "candidate", "2026-11-21", "flagship-3", "better", 7_600_000, False),
)


def test_versions_are_listed_with_what_they_take(qtbot: QtBot, window: QWidget, session: Session) -> None:
    dialog = VersionsDialog(window, session)
    qtbot.addWidget(dialog)
    session.set_model("flagship-3")
    session.learning.set_versions(ROWS)
    assert dialog.space.text() == "15.1 MB on the disk, 7.6 MB of them yours."
    assert dialog.list.topLevelItem(1).text(1) == "My clinic (mine-1)"
    assert dialog.chosen == ROWS[0]
    assert not dialog.delete.isEnabled()  # it came with the program
    assert not dialog.use.isEnabled()


def test_a_version_is_used_deleted_compared(qtbot: QtBot, window: QWidget, session: Session) -> None:
    dialog = VersionsDialog(window, session)
    qtbot.addWidget(dialog)
    session.set_model("flagship-3")
    session.learning.set_versions(ROWS)
    dialog.list.setCurrentItem(dialog.list.topLevelItem(1))
    for button, signal, wanted in (
        (dialog.use, session.promote_requested, ["mine-1"]),
        (dialog.delete, session.discard_requested, ["mine-1"]),
        (dialog.compare, session.learning.compare_requested, ["mine-1", "flagship-3"]),
    ):
        with qtbot.waitSignal(signal) as caught:
            button.click()
        assert caught.args == wanted
    session.learning.set_comparison(
        Comparison("mine-1", "flagship-3", (("simulated heads", "dice any", 0.6, 0.5),))
    )
    assert [dialog.compared.topLevelItem(0).text(column) for column in (1, 2, 3)] == [
        "dice any",
        "0.600",
        "0.500",
    ]
    assert dialog.compared.headerItem().text(2) == "mine-1"


# which opens when


def test_dialogs_open_one_at_a_time(qtbot: QtBot, window: QWidget, session: Session) -> None:
    card = RetrainingCard(session)
    qtbot.addWidget(card)
    dialogs = LearningDialogs(window, session, card)
    session.set_annotated(3, 9)
    card.start.click()
    assert isinstance(dialogs.open_dialog, PreflightDialog)
    dialogs.show_training()
    assert isinstance(dialogs.open_dialog, TrainingDialog)
    session.learning.set_judgement(judgement())
    session.learning.judgement_shown.emit()
    assert isinstance(dialogs.open_dialog, VerdictDialog)
    dialogs.open_dialog.close()
    assert dialogs.open_dialog is None
    with qtbot.waitSignal(session.noticed) as caught:
        session.learning.judgement_shown.emit()
    assert "mine-1 is ready" in caught.args[0].title


def test_the_card_comes_into_sight_when_a_training_starts(
    qtbot: QtBot, window: QWidget, session: Session
) -> None:
    """In a low window it lies below all the rest of its panel."""
    column = theme.scrolled(window)
    above, card = QWidget(), RetrainingCard(session)
    above.setFixedHeight(3000)
    column.addWidget(above)
    column.addWidget(card)
    dialogs = LearningDialogs(window, session, card)
    window.show()
    qtbot.waitExposed(window)
    assert card.visibleRegion().isEmpty()
    session.learning.start_requested.emit(Wanted(False, CODES))
    qtbot.waitUntil(lambda: not card.visibleRegion().isEmpty())
    assert dialogs.open_dialog is None


def test_a_slice_that_got_worse_is_opened_in_the_viewer(
    qtbot: QtBot, window: QWidget, session: Session
) -> None:
    table = {measure: dict.fromkeys(("any", *CODES), NOTHING) for measure in MEASURED}
    places = (("a/1:0", "ANON-1"), ("", ""), ("b/2:0", "ANON-2"))
    worst = tuple(replace(shown_slice(), place=place, patient=patient) for place, patient in places)
    found = {"yours": table, "reference": table}
    session.learning.set_judgement(Judgement("mine-1", "toy-1", "worse", "Worse.", "", "", found, (), worst))
    dialog = VerdictDialog(window, session)
    qtbot.addWidget(dialog)

    def said() -> list[str]:
        return [label.text() for label in dialog.findChildren(QLabel) if label.text().startswith("ANON")]

    assert said() == ["ANON-1", "ANON-2"]
    session.set_patient_hidden(True)
    assert said() == []
    buttons = [b for b in dialog.findChildren(QPushButton) if b.text() == "Open in viewer"]
    assert [b.accessibleName() for b in buttons] == [f"Open slice {n} in the viewer" for n in (1, 3)]
    dialog.show()
    with qtbot.waitSignal(session.learning.slice_requested) as caught:
        buttons[1].click()
    assert caught.args == ["b/2:0"]
    models = VersionsDialog(window, session)
    qtbot.addWidget(models)
    models.show()
    above = VerdictDialog(models, session)
    above.show()
    (first, _) = (b for b in above.findChildren(QPushButton) if b.text() == "Open in viewer")
    first.click()
    assert not models.isVisible()  # neither covers the slice
