"""The card of the work: who reads, in which reading, how far slice and series are, and for how long."""

from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout

from viewer.annotation.document import slice_name
from viewer.annotation.events import MarkReviewed
from viewer.library.work import WHOLE, Progress, Status
from viewer.session import Session
from viewer.ui import theme
from viewer.working import Work

CHOICES = (Status.UNTOUCHED, Status.IN_PROGRESS, Status.DONE, Status.FLAGGED)
"""What can be said of slices and series; of slices besides, that they are free of hemorrhage."""
SHARED = "Shared reading"


def duration(seconds: float) -> str:
    """`2:05 min`, `1:02 h`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours}:{left:02d} h" if hours else f"{minutes}:{rest:02d} min"


class WorkCard(QFrame):
    """Reader, reading, statuses of slice and series, comment, time; and the doors to history, agreement and queue."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._commented = WHOLE
        """The slice that the comment belongs to."""
        self.setProperty("role", "card")
        self.reader = QLineEdit()
        self.reading = QComboBox()
        self._names: list[tuple[str, str]] = []  # of the readings that may be chosen, and their uids
        self.blinded = theme.button("Read blinded")
        self.slice_status = QComboBox()
        self.series_status = QComboBox()
        self.comment = QLineEdit()
        self.time = QLabel()
        self.history = theme.button("History…")
        self.compare = theme.button("Compare…")
        self.queue = theme.button("Queue…")
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        grid = QGridLayout()
        grid.setSpacing(6)
        grid.setColumnStretch(1, 1)
        rows = (
            ("Reader", self.reader),
            ("Reading", self.reading),
            ("Image", self.slice_status),
            ("Series", self.series_status),
            ("Comment", self.comment),
        )
        for row, (text, widget) in enumerate(rows):
            label = theme.label(text, "quiet")
            label.setBuddy(widget)
            widget.setAccessibleName(text)
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1)
        for box in (self.reading, self.slice_status, self.series_status):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)
        for box in (self.slice_status, self.series_status):
            for status in CHOICES:
                box.addItem(status.value.capitalize(), status)
        self.slice_status.addItem("Reviewed: no hemorrhage", Status.CLEAN)
        self.reader.setMaxLength(64)
        self.reader.setToolTip("Stands in the history of everything you draw from now on")
        self.comment.setMaxLength(1000)
        self.comment.setPlaceholderText("About this image")
        self.blinded.setToolTip(
            "Start a reading of your own that shows nothing of the others until it is done"
        )
        column.addLayout(grid)
        column.addWidget(self.time)
        theme.set_role(self.time, "quiet")
        below, last = QHBoxLayout(), QHBoxLayout()
        for layout, buttons in ((below, (self.blinded, self.compare)), (last, (self.history, self.queue))):
            layout.setSpacing(6)
            for button in buttons:
                layout.addWidget(button, 1)
            column.addLayout(layout)

    def _connect(self) -> None:
        session, part = self._session, self._session.working
        self.reader.editingFinished.connect(self._name_reader)
        self.reading.activated.connect(lambda _: self._choose_reading())
        self.blinded.clicked.connect(part.blinded_requested)
        self.slice_status.activated.connect(lambda _: self._note_slice())
        self.comment.editingFinished.connect(self._note_comment)
        self.series_status.activated.connect(lambda _: self._note_series())
        for signal in (part.work_changed, session.document_changed, session.volume_changed):
            signal.connect(self.refresh)
        session.slice_index_changed.connect(self._show_slice)

    def _place(self) -> tuple[str, int]:
        volume = self._session.volume
        if volume is None:
            return WHOLE
        header = volume.series.slices[self._session.slice_index]
        return (header.sop_uid, header.frame)

    def _choose_reading(self) -> None:
        self._session.working.reading_requested.emit(self.reading.currentData())
        self.refresh()

    def _note_slice(self) -> None:
        """Keep what was chosen. That a slice is free of hemorrhage is an annotation, which undo takes back."""
        place, status = self._place(), Status(self.slice_status.currentData())  # Qt keeps plain text
        name = slice_name(*place)
        clean = name in self._session.document.reviewed_slices
        if (status is Status.CLEAN) != clean:
            self._session.edit_requested.emit(MarkReviewed(name, not clean))
        if status is Status.CLEAN and name not in self._session.document.reviewed_slices:
            self.refresh()  # it has annotations; the editor has said so
        else:
            self._session.working.noted.emit(place, status, self.comment.text())

    def _name_reader(self) -> None:
        self.reader.setModified(False)
        self._session.working.reader_named.emit(self.reader.text())

    def _note_comment(self) -> None:
        """Keep what was typed, with the slice it was typed on."""
        if not self.comment.isModified():
            return
        self.comment.setModified(False)
        volume = self._session.volume
        if volume is None or self._commented not in {(h.sop_uid, h.frame) for h in volume.series.slices}:
            return  # another series is open by now
        noted = self._session.working.work.noted(self._commented)
        status = noted.status if noted is not None else self._begun(self._commented)
        self._session.working.noted.emit(self._commented, status, self.comment.text())

    def _note_series(self) -> None:
        noted = self._session.working.work.noted()
        comment = noted.comment if noted is not None else ""
        self._session.working.noted.emit(WHOLE, Status(self.series_status.currentData()), comment)

    def _begun(self, place: tuple[str, int]) -> Status:
        """What a slice or the series is where nobody said."""
        document = self._session.document
        if slice_name(*place) in document.reviewed_slices:
            return Status.CLEAN
        drawn = document.annotations if place == WHOLE else document.on_slice(*place)
        return Status.IN_PROGRESS if drawn else Status.UNTOUCHED

    def refresh(self, *_: object) -> None:
        """Show how far the work is."""
        work = self._session.working.work
        opened = self._session.volume is not None
        self.setVisible(opened)
        if not opened:
            return
        if not self.reader.isModified():
            self.reader.setText(work.reader)
        self._show_readings(work)
        self._show_status(self.series_status, work.noted(), WHOLE)
        self._show_slice()
        self.time.setText(f"Time spent: {duration(work.seconds)}")
        self.compare.setEnabled(bool(work.readings) and not work.others_hidden)
        hidden = "Your reading is blinded until you set the series to Done"
        alone = "There is no second reading of this series yet"
        self.compare.setToolTip(hidden if work.others_hidden else "" if work.readings else alone)

    def _show_slice(self, _: object = None) -> None:
        """Show what is said of the slice on screen."""
        if self._session.volume is None:
            return
        place = self._place()
        here = self._session.working.work.noted(place)
        self._show_status(self.slice_status, here, place)
        if place != self._commented:
            self._note_comment()  # typed on the slice before
            self._commented = place
        if not self.comment.isModified():
            self.comment.setText(here.comment if here is not None else "")

    def _show_status(self, box: QComboBox, noted: Progress | None, where: tuple[str, int]) -> None:
        begun = self._begun(where)
        said = noted.status if noted is not None else begun
        stale = said is Status.CLEAN or begun is Status.CLEAN  # the annotations say it, not the note
        box.setCurrentIndex(max(box.findData(begun if stale else said), 0))

    def _show_readings(self, work: Work) -> None:
        """The readings that may be chosen; while the reader is blinded, their own alone."""
        mine = work.reading.uid if work.reading is not None else ""
        names = [] if work.others_hidden else [(SHARED, "")]
        for each in work.readings:
            if not work.others_hidden or each.uid == mine:
                name = f"{each.reader}, blinded" if each.kind == "blinded" else each.made_of
                names.append((name, each.uid))
        if names != self._names:  # not at every step through the slices
            self._names = names
            self.reading.clear()
            for name, uid in names:
                self.reading.addItem(name, uid)
        self.reading.setCurrentIndex(max(self.reading.findData(mine), 0))
