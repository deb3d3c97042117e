"""Above the worklist: which studies are listed, how far background scoring is, and what can be asked of it."""

from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QSizePolicy, QWidget

from model.labels import ANY
from viewer.session import Session
from viewer.triaging import Reading, State, TriageRow
from viewer.ui import theme
from viewer.ui.palette import Action
from viewer.ui.regions import NOT_SCORED, parse_status


class Filter(StrEnum):
    """Which studies the worklist shows."""

    ALL = "All"
    UNREAD = "Unread"
    SUSPECTED = "Suspected"
    REVIEWED = "Reviewed"
    FAILED = "Failed"


def wanted(chosen: Filter, row: TriageRow | None, status: str) -> bool:
    """Whether a study is listed: row is what the triage list says of it, status what the model said."""
    reading = row.reading if row is not None else Reading.NONE
    parsed = parse_status(status)
    return {
        Filter.ALL: True,
        Filter.UNREAD: reading is Reading.NONE,
        Filter.SUSPECTED: parsed is not None and parsed[0] != ANY,
        Filter.REVIEWED: reading is Reading.REVIEWED,
        Filter.FAILED: row is not None and row.state is State.FAILED,
    }[chosen]


def status_of(session: Session, study_uid: str) -> str:
    """What a card says at its right: the score, or how far scoring is, or `waiting`, or `failed`."""
    status = session.study_status.get(study_uid, NOT_SCORED)
    row = session.triage.row(study_uid)
    if row is None or status != NOT_SCORED:
        return status
    uid, scored, total = session.triage.scoring
    if uid == study_uid:
        return f"scoring {scored}/{total}" if total else "scoring"
    return {State.NEW: "waiting", State.SCORING: "waiting", State.FAILED: "failed"}.get(row.state, status)


class TriageBar(QWidget):
    """The filter, the state of background scoring, and its menu."""

    changed = Signal()  # another filter

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.filter = Filter.ALL
        self.chosen = QPushButton()
        self.chosen.setProperty("role", "link")
        self.chosen.setToolTip("Which studies are listed")
        self.state = theme.label("", "quiet")
        self.state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.more = QPushButton("⋯")
        self.more.setProperty("role", "link")
        self.more.setToolTip("Background scoring")
        self.more.setAccessibleName("Background scoring")
        for button in (self.chosen, self.more):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.chosen)
        row.addWidget(self.state, 1)
        row.addWidget(self.more)
        self.filters = QMenu(self)
        for each in Filter:
            self.filters.addAction(each).triggered.connect(lambda _=False, each=each: self.choose(each))
        self.chosen.clicked.connect(lambda: self._pop_up(self.filters, self.chosen))
        self.more.clicked.connect(lambda: self._pop_up(self.menu(), self.more))
        triage = session.triage
        triage.rows_changed.connect(self._refresh)
        triage.scoring_changed.connect(self._refresh)
        triage.paused_changed.connect(self._refresh)
        triage.folder_changed.connect(self._refresh)
        session.patient_hidden_changed.connect(self._refresh)
        self._refresh()

    def choose(self, chosen: Filter) -> None:
        """List these studies."""
        self.filter = chosen
        self._refresh()
        self.changed.emit()

    def _refresh(self, *_: object) -> None:
        triage = self._session.triage
        self.chosen.setText(f"{self.filter} ▾")
        waiting, scoring = triage.waiting, bool(triage.scoring[0])
        if triage.paused and (waiting or triage.folder):
            text = f"paused · {waiting} waiting" if waiting else "paused"
        elif scoring:
            text = f"scoring · {waiting} waiting" if waiting else "scoring"
        elif waiting:
            text = f"{waiting} waiting"
        else:
            text = "watching" if triage.folder else ""
        self.state.setText(text)
        folder = triage.folder
        named = folder is not None and not self._session.patient_hidden  # folders name patients
        self.state.setToolTip(f"New studies in {folder} are scored in the background" if named else "")

    def menu(self) -> QMenu:
        """What can be asked of background scoring, as it is now."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for action in self.actions_by_name():
            shown = menu.addAction(action.name)
            shown.setEnabled(action.enabled())
            shown.triggered.connect(lambda _=False, run=action.run: run())
        return menu

    def actions_by_name(self) -> tuple[Action, ...]:
        """The actions for the menu and the palette."""
        session, triage = self._session, self._session.triage
        pause = "Go on scoring in the background" if triage.paused else "Pause background scoring"
        return (
            Action(
                "Score all studies in the background",
                "",
                lambda: triage.score_requested.emit(tuple(study.study_uid for study in session.studies)),
                lambda: bool(session.studies),
                "score_worklist",
            ),
            Action("Watch a folder for new studies…", "", self.choose_folder, id="watch_folder"),
            Action(
                "Stop watching the folder",
                "",
                lambda: triage.watch_requested.emit(None),
                lambda: triage.folder is not None,
                "stop_watching",
            ),
            Action(
                pause,
                "",
                lambda: triage.pause_requested.emit(not triage.paused),
                lambda: bool(triage.rows or triage.folder),
                "pause_triage",
            ),
            Action(
                "Mark the study as reviewed",
                "",
                self._review_open,
                lambda: session.study is not None,
                "study_reviewed",
            ),
        )

    def study_menu(self, study_uid: str) -> QMenu:
        """What can be asked about one study of the list."""
        triage, menu = self._session.triage, QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        row = triage.row(study_uid)
        reviewed = row is not None and row.reading is Reading.REVIEWED
        failed = row is not None and row.state is State.FAILED
        score = menu.addAction("Try again to score" if failed else "Score in the background")
        score.setEnabled(row is None or failed)
        score.triggered.connect(lambda: triage.score_requested.emit((study_uid,)))
        mark = menu.addAction("Mark as not reviewed" if reviewed else "Mark as reviewed")
        mark.triggered.connect(lambda: triage.reviewed_requested.emit(study_uid, not reviewed))
        remove = menu.addAction("Take off the list")
        remove.setEnabled(row is not None and row.state is not State.SCORING)
        remove.triggered.connect(lambda: triage.remove_requested.emit(study_uid))
        return menu

    def choose_folder(self) -> None:
        """Ask for the folder that is watched."""
        start = self._session.triage.folder or Path.home()
        chosen = QFileDialog.getExistingDirectory(self, "Score new studies in this folder", str(start))
        if chosen:
            self._session.triage.watch_requested.emit(Path(chosen))

    def _review_open(self) -> None:
        study = self._session.study
        if study is not None:
            self._session.triage.reviewed_requested.emit(study.study_uid, True)

    def _pop_up(self, menu: QMenu, below: QPushButton) -> None:
        menu.popup(below.mapToGlobal(QPoint(0, below.height())))
