"""What is being measured now: the tool's draft, what lies under the cursor, what is selected; and what a reader asks
for. The measures themselves are in the session's documents."""

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from viewer.measures.measure import Measure
from viewer.measures.readings import Readings
from viewer.measures.tracker import Draft, Hit


@dataclass(frozen=True)
class Drawing:
    """What the mouse is at. changed: a measure under a drag as it would be. hit: what lies under the cursor.

    series: the UIDs of the study and the series the draft is drawn on.
    """

    draft: Draft | None = None
    changed: Measure | None = None
    hit: Hit | None = None
    series: tuple[str, str] | None = None


class Measuring(QObject):
    """State of the measuring tools. Attributes are read freely and changed only through the setters."""

    # facts
    drawing_changed = Signal(object)  # Drawing
    selection_changed = Signal(object)  # uid of a measure | None

    # intentions
    revise_requested = Signal(object, str)  # Document, what was done
    weigh_requested = Signal(object)  # tuple[Share, ...]: what each slice counts in the ABC/2 being drawn
    finish_requested = Signal()
    take_back_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.drawing = Drawing()
        self.selection: str | None = None
        self.readings = Readings()
        """What measures come to, worked out once for the pictures and the list."""

    def set_drawing(self, drawing: Drawing) -> None:
        """Show what the mouse is at."""
        if drawing != self.drawing:
            self.drawing = drawing
            self.drawing_changed.emit(drawing)

    def set_selection(self, uid: str | None) -> None:
        """Select a measure."""
        if uid != self.selection:
            self.selection = uid
            self.selection_changed.emit(uid)
