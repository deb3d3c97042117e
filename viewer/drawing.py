"""How the reader draws: the tool, what is set of each, how subtypes are treated; and the model's proposals. What is
drawn stands in the session's document."""

from collections.abc import Iterator
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from model.labels import CODES
from viewer.annotation import events
from viewer.annotation.document import Annotation
from viewer.annotation.options import DEFAULTS, Combination, Layer, Overlap, ToolName, ToolOptions

Options = TypeVar("Options", bound=ToolOptions)


class Drawing(QObject):
    """State of the drawing tools of one window. Read freely, changed only through the setters.

    changed: a fact as the event that tells the open series' editor of it.
    """

    changed = Signal(object)  # viewer.annotation.events.Setting
    proposals_changed = Signal(object)  # tuple[Annotation, ...]

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tool = ToolName.POLYGON
        self.combination = Combination.NEW
        self.overlap = Overlap.ALLOW
        self.layers = dict.fromkeys(CODES, Layer())
        self.proposals: tuple[Annotation, ...] = ()
        self.proposals_shown = True
        self._options: dict[type, ToolOptions] = {type(each): each for each in DEFAULTS}

    def options(self, kind: type[Options]) -> Options:
        """What is set of a tool, by the type of its options."""
        return self._options[kind]  # type: ignore[return-value]

    def settings(self) -> Iterator[events.Setting]:
        """Everything as events, for the editor of a series that opens."""
        yield events.ChooseTool(self.tool)
        yield events.ChooseCombination(self.combination)
        yield events.SetOverlap(self.overlap)
        for options in self._options.values():
            yield events.SetOptions(options)
        for code, layer in self.layers.items():
            yield events.SetLayer(code, layer)

    def set_tool(self, name: ToolName) -> None:
        """Draw with another tool."""
        if name is not self.tool:
            self.tool = name
            self.changed.emit(events.ChooseTool(name))

    def set_options(self, options: ToolOptions) -> None:
        """Set what can be set of a tool; the type says of which."""
        if self._options[type(options)] != options:
            self._options[type(options)] = options
            self.changed.emit(events.SetOptions(options))

    def set_combination(self, combination: Combination) -> None:
        """Say what becomes of shapes drawn from now on."""
        if combination is not self.combination:
            self.combination = combination
            self.changed.emit(events.ChooseCombination(combination))

    def set_overlap(self, overlap: Overlap) -> None:
        """Say what happens where a new shape meets another subtype."""
        if overlap is not self.overlap:
            self.overlap = overlap
            self.changed.emit(events.SetOverlap(overlap))

    def set_layer(self, code: str, layer: Layer) -> None:
        """Lock, hide or fade a subtype."""
        if self.layers[code] != layer:
            self.layers[code] = layer
            self.changed.emit(events.SetLayer(code, layer))

    def set_proposals(self, proposals: tuple[Annotation, ...]) -> None:
        """Say which shapes of the model are open."""
        if proposals is not self.proposals and proposals != self.proposals:
            self.proposals = proposals
            self.proposals_changed.emit(proposals)

    def show_proposals(self, shown: bool) -> None:
        """Show or hide the layer of proposals."""
        if shown != self.proposals_shown:
            self.proposals_shown = shown
            self.proposals_changed.emit(self.proposals)
