"""The guides of ABC/2 and the midline shift: step by step beside the image, and what each slice counts in C."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from model.labels import BY_CODE
from viewer.dicom.volume import Volume
from viewer.measures import text
from viewer.measures.abc2 import DEFINITION
from viewer.measures.measure import SHARES, Kind, Measure, Share, SlicePlane
from viewer.measures.readings import index_of, read
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.measuring import KINDS, segmentations
from viewer.ui.regions import told
from viewer.ui.top_bar import BarButton

DEFINITIONS = {Kind.ABC2: DEFINITION, Kind.MIDLINE: text.MIDLINE_DEFINITION}
WEIGHTS = {0.0: "0", 0.5: "½", 1.0: "1"}
MOST_ROWS = 120
"""Rows of slices shown, those nearest to the head; a bleed of 12 cm on 1 mm slices."""


class ShareEditor(QWidget):
    """One row a slice with blood: what it counts in C. changed: the shares after a click."""

    changed = Signal(object)  # tuple[Share, ...]
    visited = Signal(int)  # slice index

    def __init__(self) -> None:
        super().__init__()
        self._volume: Volume | None = None
        self._shares: tuple[Share, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._grid = QGridLayout()
        self._grid.setSpacing(2)
        column.addLayout(self._grid)
        across = QHBoxLayout()
        self.below = theme.button("+ slice below", "flat")
        self.above = theme.button("+ slice above", "flat")
        self.below.clicked.connect(lambda: self._extend(-1))
        self.above.clicked.connect(lambda: self._extend(1))
        across.addWidget(self.below)
        across.addWidget(self.above)
        across.addStretch(1)
        column.addLayout(across)

    @property
    def shares(self) -> tuple[Share, ...]:
        """What is shown."""
        return self._shares

    def show_shares(self, volume: Volume, shares: tuple[Share, ...]) -> None:
        """Show what each slice counts, the one nearest to the head at the top."""
        if (volume, shares) == (self._volume, self._shares):
            return
        self._volume, self._shares = volume, shares
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for row, share in enumerate(reversed(shares[-MOST_ROWS:])):
            self._add_row(row, share, index_of(volume, share.sop_uid, share.frame))
        places = self._places()
        self.below.setEnabled(bool(places) and min(places) > 0)
        self.above.setEnabled(bool(places) and max(places) + 1 < len(volume.series.slices))

    def _add_row(self, row: int, share: Share, index: int | None) -> None:
        go = theme.button(f"im {index + 1}" if index is not None else "gone", "flat")
        if index is not None:
            go.clicked.connect(lambda: self.visited.emit(index))
        self._grid.addWidget(go, row, 0)
        for place, weight in enumerate(SHARES):
            made = BarButton(WEIGHTS[weight], checkable=True)
            made.setChecked(share.weight == weight)
            made.setAccessibleName(f"{go.text()} counts {WEIGHTS[weight]}")
            made.clicked.connect(lambda _=False, weight=weight: self._weigh(share, weight))
            self._grid.addWidget(made, row, place + 1)
        self._grid.setColumnStretch(len(SHARES) + 1, 1)

    def _weigh(self, share: Share, weight: float) -> None:
        new = Share(share.sop_uid, share.frame, weight)
        self.changed.emit(tuple(new if each == share else each for each in self._shares))

    def _places(self) -> list[int]:
        assert self._volume is not None
        found = (index_of(self._volume, share.sop_uid, share.frame) for share in self._shares)
        return [index for index in found if index is not None]

    def _extend(self, step: int) -> None:
        """Count one more slice, half, at one end."""
        assert self._volume is not None
        places = self._places()
        header = self._volume.series.slices[(max(places) if step > 0 else min(places)) + step]
        new = (Share(header.sop_uid, header.frame, 0.5),)
        self.changed.emit((*self._shares, *new) if step > 0 else (*new, *self._shares))


class GuideCard(QFrame):
    """What to do now for a guided measure, and what it comes to so far; hidden for every other tool."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._beside = Beside(session)
        self.setProperty("role", "info")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        self.title = theme.label("", "strong")
        self.todo = theme.label("", wrap=True)
        self.result = theme.label("", "quiet", wrap=True)
        self.shares = ShareEditor()
        self.definition = theme.label("Definition and source: hold the cursor here", "small", wrap=True)
        across = QHBoxLayout()
        self.most = theme.button("Go to the slice with most AI-marked blood", "flat")
        self.back = theme.button("Back")
        self.cancel = theme.button("Cancel")
        self.done = theme.button("Done", "primary")
        for made in (self.back, self.cancel, self.done):
            across.addWidget(made, 1)
        for widget in (self.title, self.todo, self.most, self.result):
            column.addWidget(widget)
        column.addLayout(across)
        column.addWidget(self.definition)
        column.addWidget(self.shares)
        measuring = session.measuring
        self.most.clicked.connect(self._go_to_most_blood)
        self.back.clicked.connect(measuring.take_back_requested)
        self.cancel.clicked.connect(measuring.cancel_requested)
        self.done.clicked.connect(measuring.finish_requested)
        self.shares.changed.connect(measuring.weigh_requested)
        self.shares.visited.connect(self._visit)
        measuring.drawing_changed.connect(self.refresh)
        for signal in (session.tool_changed, session.volume_changed, session.findings_changed):
            signal.connect(self.refresh)
        self.refresh()

    def _go_to_most_blood(self) -> None:
        """Go to the slice on which the model has marked most pixels of one subtype."""
        findings = self._session.findings
        if findings is None:
            return
        values = [BY_CODE[code].value for code in told(findings)]
        counts = [
            max((int(np.count_nonzero(mask == value)) for value in values), default=0)
            for mask in findings.masks
        ]
        if max(counts) == 0:
            self._session.notice("info", "No blood marked", "The model suspects no blood on this series.")
        else:
            self._session.set_slice_index(int(np.argmax(counts)))

    def _volume(self) -> Volume | None:
        """The series that is drawn on, else the open one."""
        series = self._session.measuring.drawing.series
        drawn = (volume for volume, _ in self._session.measured() if volume.series.key == series)
        return next(drawn, self._session.volume)

    def _visit(self, index: int) -> None:
        volume = self._volume()
        if volume is not None:
            self._session.panes.visit(volume, index)

    def refresh(self, *_: object) -> None:
        """Show the step that is to be done."""
        kind = KINDS.get(self._session.tool)
        steps = text.steps_of(kind) if kind is not None else ()
        drawing, volume = self._session.measuring.drawing, self._volume()
        self.setVisible(bool(steps) and volume is not None)
        if kind is None or not steps or volume is None:
            return
        draft = drawing.draft
        draft = draft if draft is not None and draft.kind is kind else None
        step = min(draft.step, len(steps) - 1) if draft is not None else 0
        self.title.setText(f"{text.NAMES[kind]} · step {step + 1} of {len(steps)}")
        self.todo.setText(steps[step])
        for widget in (self.title, self.todo, self.definition, self):
            widget.setToolTip(f"<p>{DEFINITIONS[kind]}</p>")
        findings = self._session.findings
        self.most.setVisible(kind is Kind.ABC2 and draft is None and findings is not None and findings.done)
        self.back.setEnabled(draft is not None)
        self.cancel.setEnabled(draft is not None)
        weighing = draft is not None and bool(draft.shares)
        self.done.setVisible(weighing)
        self.shares.setVisible(weighing)
        if draft is not None and weighing:
            self.shares.show_shares(volume, draft.shares)
        lines: Sequence[str] = ()
        if draft is not None and weighing:
            measure = Measure("draft", kind, draft.plane, draft.points, shares=draft.shares)
            lines = (text.result_text(read(measure, volume)), *self._beside.lines(measure))
        self.result.setText("\n".join(lines))
        self.result.setVisible(bool(lines))


class Beside:
    """The segmented volumes that belong beside an ABC/2; worked out again only when something changed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: tuple[object, ...] = ()
        self._lines: Sequence[str] = ()

    def lines(self, measure: Measure) -> Sequence[str]:
        """A line for each segmentation; none for other measures."""
        session, plane = self._session, measure.plane
        owner = session.measured_by(measure.uid)
        volume, findings = owner[0] if owner is not None else session.volume, session.findings
        if measure.kind is not Kind.ABC2 or not isinstance(plane, SlicePlane) or volume is None:
            return ()
        scored = findings.scored if findings is not None else None
        document = session.document_of(volume)
        known = (volume, document.annotations if document is not None else (), scored, plane, measure.points)
        if len(known) != len(self._known) or any(
            new is not old and new != old for new, old in zip(known[1:], self._known[1:], strict=True)
        ):
            index = index_of(volume, plane.sop_uid, plane.frame)
            found = segmentations(session, volume, index, measure.points) if index is not None else ()
            self._known, self._lines = known, [f"Segmented: {each.text}" for each in found]
        return self._lines
