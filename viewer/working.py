"""How far the work on the open series is: who reads, in which reading, statuses, comments, time. What readers ask for
is connected by `app`."""

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from viewer.library.work import WHOLE, Progress, Reading, Status


@dataclass(frozen=True)
class Work:
    """The work on the open series, in the reading at hand.

    reading: None for the shared one. readings: all others of the series. others_hidden: a blinded reading is under
    way, so that no other may be shown or compared with.
    """

    reader: str = ""
    reading: Reading | None = None
    readings: tuple[Reading, ...] = ()
    progress: tuple[Progress, ...] = ()
    seconds: float = 0.0

    def noted(self, place: tuple[str, int] = WHOLE) -> Progress | None:
        """What was noted of a slice (sop_uid, frame), or of the whole series."""
        return next((each for each in self.progress if (each.sop_uid, each.frame) == place), None)

    @property
    def others_hidden(self) -> bool:
        """Whether the reader must not see other readings: their own is blinded and not done."""
        noted = self.noted()
        return (
            self.reading is not None
            and self.reading.kind == "blinded"
            and (noted is None or noted.status is not Status.DONE)
        )


@dataclass(frozen=True)
class QueueEntry:
    """One study of the work queue. reason: why it stands where it does, in a few words."""

    study_uid: str
    series_uid: str
    title: str
    status: Status
    readers: str
    seconds: float
    reason: str
    comment: str = ""


@dataclass(frozen=True)
class HistoryEntry:
    """One version of the reading at hand, the latest first. seq: its number in the journal."""

    seq: int
    time: str
    reader: str
    action: str
    sources: str


@dataclass(frozen=True)
class ExportOrder:
    """Annotations to be written. form: a value of `viewer.jobs.annotations_out.Form`."""

    form: str
    out: Path


class Working(QObject):
    """State of the work on one window's series. Attributes are read freely and changed only through the setters."""

    # facts
    work_changed = Signal(object)  # Work
    queue_changed = Signal(object)  # tuple[QueueEntry, ...]
    history_changed = Signal(object)  # tuple[HistoryEntry, ...]
    agreement_changed = Signal(object)  # tuple of rows, ready to show: subtype, Dice, HD95, mL, mL, kappa
    names_wanted = Signal(object, object)  # Path, names that the reader has to say the subtypes of

    # intentions
    reader_named = Signal(str)
    noted = Signal(object, object, str)  # place (sop_uid, frame), Status, comment
    reading_requested = Signal(str)  # uid of a reading, empty for the shared one
    blinded_requested = Signal()
    compare_requested = Signal(str, str)  # two readings by uid, empty for the shared one
    consensus_requested = Signal(object, str)  # uids of readings, rule
    adopt_requested = Signal(str)  # a reading to be put into the shared one
    queue_requested = Signal(str)  # an order
    study_requested = Signal(str)  # study_uid of the queue to open
    history_requested = Signal()
    restore_requested = Signal(int)  # a version by its number in the journal
    import_requested = Signal(object, object)  # Path, subtypes by name that the reader gave
    export_requested = Signal(object)  # ExportOrder
    library_out_requested = Signal(object)  # Path of a folder
    library_in_requested = Signal(object)  # Path of a folder

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.work = Work()
        self.queue: tuple[QueueEntry, ...] = ()
        self.history: tuple[HistoryEntry, ...] = ()
        self.agreement: tuple[tuple[str, ...], ...] = ()

    def set_work(self, work: Work) -> None:
        """Say how far the work is."""
        if work != self.work:
            self.work = work
            self.work_changed.emit(work)

    def set_queue(self, queue: tuple[QueueEntry, ...]) -> None:
        """Say what there is to do, in order."""
        self.queue = queue
        self.queue_changed.emit(queue)

    def set_history(self, history: tuple[HistoryEntry, ...]) -> None:
        """Say which versions there are."""
        self.history = history
        self.history_changed.emit(history)

    def set_agreement(self, rows: tuple[tuple[str, ...], ...]) -> None:
        """Show how far two readings agree."""
        self.agreement = rows
        self.agreement_changed.emit(rows)
