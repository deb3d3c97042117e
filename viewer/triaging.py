"""The session's part about background scoring: which studies wait, were scored, opened, reviewed, or failed."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from viewer.library.triage import Reading, State, TriageRow

__all__ = ["Reading", "State", "TriageRow", "Triaging"]


class Triaging(QObject):
    """Attributes are read freely and changed only through the setters. An equal value emits nothing."""

    # facts
    rows_changed = Signal()  # read `row`
    scoring_changed = Signal(
        object
    )  # (study_uid, slices scored, in all) of the study in hand; uid empty: none
    folder_changed = Signal(object)  # Path | None
    paused_changed = Signal(bool)

    # intentions
    watch_requested = Signal(object)  # Path | None
    score_requested = Signal(object)  # tuple[str, ...]: study UIDs to score in the background
    pause_requested = Signal(bool)
    reviewed_requested = Signal(str, bool)  # study_uid, whether it is reviewed
    again_requested = Signal(str)  # study_uid that failed
    remove_requested = Signal(str)  # study_uid to take off the list

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: Mapping[str, TriageRow] = {}
        self.scoring: tuple[str, int, int] = ("", 0, 0)
        self.folder: Path | None = None
        self.paused = False

    def row(self, study_uid: str) -> TriageRow | None:
        """What the list says of a study, None where it is not in it."""
        return self.rows.get(study_uid)

    @property
    def waiting(self) -> int:
        """How many studies wait to be scored."""
        return sum(row.state is State.NEW for row in self.rows.values())

    def unread(self, study_uid: str) -> bool:
        """Whether the reader has not opened a study of the list yet."""
        row = self.row(study_uid)
        return row is not None and row.reading is Reading.NONE

    def set_rows(self, rows: Iterable[TriageRow]) -> None:
        """Replace the list."""
        fresh = {row.study_uid: row for row in rows}
        if fresh != self.rows:
            self.rows = fresh
            self.rows_changed.emit()

    def set_scoring(self, study_uid: str, scored: int = 0, total: int = 0) -> None:
        """Say which study is being scored, and how far it is."""
        if (study_uid, scored, total) != self.scoring:
            self.scoring = (study_uid, scored, total)
            self.scoring_changed.emit(self.scoring)

    def set_folder(self, folder: Path | None) -> None:
        """Say which folder is watched."""
        if folder != self.folder:
            self.folder = folder
            self.folder_changed.emit(folder)

    def set_paused(self, paused: bool) -> None:
        """Say whether background scoring rests."""
        if paused != self.paused:
            self.paused = paused
            self.paused_changed.emit(paused)
