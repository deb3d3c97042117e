"""The card of the model's proposals: shapes on a layer of their own, to be accepted or rejected."""

from typing import Any

from PySide6.QtWidgets import QCheckBox, QFrame, QGridLayout, QVBoxLayout

from viewer.annotation.document import slice_name
from viewer.annotation.events import Accept, Reject
from viewer.session import Session
from viewer.ui import theme


class ProposalsCard(QFrame):
    """How many proposals are open; accept or reject those of the slice, of the subtype in hand, or all."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setProperty("role", "card")
        self.text = theme.label("", wrap=True)
        self.shown = QCheckBox("Show them, dotted, while drawing")
        self.words = {name: theme.label("", "quiet") for name in ("slice", "subtype", "all")}
        self.accept = {name: theme.button("Accept") for name in self.words}
        self.reject = {name: theme.button("Reject") for name in self.words}
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addWidget(self.text)
        column.addWidget(self.shown)
        grid = QGridLayout()
        grid.setSpacing(6)
        grid.setColumnStretch(0, 1)
        for row, name in enumerate(self.accept):
            for at, widget in enumerate((self.words[name], self.accept[name], self.reject[name])):
                grid.addWidget(widget, row, at)
            self.accept[name].clicked.connect(lambda _=False, name=name: self._ask(Accept, name))
            self.reject[name].clicked.connect(lambda _=False, name=name: self._ask(Reject, name))
        column.addLayout(grid)
        self.shown.setChecked(session.drawing.proposals_shown)
        self.shown.toggled.connect(session.drawing.show_proposals)
        for signal in (
            session.drawing.proposals_changed,
            session.slice_index_changed,
            session.subtype_changed,
            session.volume_changed,
        ):
            signal.connect(self.refresh)
        self.refresh()

    def _slice(self) -> str:
        volume = self._session.volume
        header = volume.series.slices[self._session.slice_index] if volume is not None else None
        return slice_name(header.sop_uid, header.frame) if header is not None else ""

    def _ask(self, event: type[Accept] | type[Reject], name: str) -> None:
        limits: dict[str, dict[str, Any]] = {
            "slice": {"slice_name": self._slice()},
            "subtype": {"subtype": self._session.subtype},
        }
        self._session.edit_requested.emit(event(**limits.get(name, {})))

    def refresh(self, *_: object) -> None:
        """Say how many are open, here and in all."""
        session, found = self._session, self._session.drawing.proposals
        self.setVisible(bool(found))
        if not found:
            return
        here = sum(each.slice_name == self._slice() for each in found)
        mine = sum(each.subtype == session.subtype for each in found)
        several = len(found) != 1
        self.text.setText(
            f"{len(found)} proposal{'s' * several} of the model {'are' if several else 'is'} open"
        )
        counts = {
            "slice": (here, f"On image {session.slice_index + 1}: {here}"),
            "subtype": (mine, f"{session.subtype}: {mine}"),
            "all": (len(found), f"All: {len(found)}"),
        }
        for name, (count, words) in counts.items():
            self.words[name].setText(words)
            for word, button in (("Accept", self.accept[name]), ("Reject", self.reject[name])):
                button.setAccessibleName(f"{word} {words}")
                button.setEnabled(count > 0)
