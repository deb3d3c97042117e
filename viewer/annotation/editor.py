"""The drawing state machine, without a window: takes events, holds the document, says what to draw over it.

What the mouse does stands with each tool in `viewer.annotation.tools`, what commands do in `commands`. An outline
that crosses itself is repaired, and split where needed; points outside the image go to its border. Whatever is
refused or repaired is told in `messages`.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from viewer.annotation import events
from viewer.annotation.commands import COMMANDS, check_subtype
from viewer.annotation.core import Core
from viewer.annotation.document import Annotation, Document, new_uid
from viewer.annotation.events import Edit, Key
from viewer.annotation.options import ToolName, ToolOptions
from viewer.annotation.preview import Preview, State
from viewer.annotation.stack import Stack
from viewer.annotation.tools import TOOLS
from viewer.annotation.tools.tool import Tool

UNDO_BYTES = 64 << 20
Options = TypeVar("Options", bound=ToolOptions)


class Editor:
    """Consumes events, holds the current `Document`; each event that changes it returns an `Edit` to be saved.

    shape: (rows, columns) of the slices, the border no point crosses; None for no border.
    stack: the pixels, for tools that look at them; they refuse to work without.
    """

    def __init__(
        self,
        document: Document | None = None,
        *,
        shape: tuple[int, int] | None = None,
        stack: Stack | None = None,
        subtype: str = "SDH",
        undo_bytes: int = UNDO_BYTES,
        new_uid: Callable[[], str] = new_uid,
    ) -> None:
        image = shape or (stack.shape if stack else None)
        self.core = Core(document or Document(), image, stack, subtype, undo_bytes, new_uid)
        self._tools: dict[ToolName, Tool] = {}
        self._tool = self._make(ToolName.POLYGON)

    # what the window asks

    @property
    def document(self) -> Document:
        """What there is now."""
        return self.core.document

    @property
    def selection(self) -> str | None:
        """The uid of the selected annotation."""
        return self.core.selection

    @property
    def subtype(self) -> str:
        """That of polygons drawn from now on."""
        return self.core.subtype

    @property
    def tool(self) -> ToolName:
        """What the left button draws with."""
        return self._tool.name

    @property
    def state(self) -> State:
        """What the editor is in the middle of."""
        state = self._tool.state
        return State.GHOSTS if state is State.IDLE and self.core.ghosts else state

    @property
    def undo_text(self) -> str:
        """What undo would take back, empty when nothing."""
        return self._tool.undo_text or self.core.history.undo_text

    @property
    def redo_text(self) -> str:
        """What redo would do again, empty when nothing."""
        return self._tool.redo_text if self._tool.redoes else self.core.history.redo_text

    @property
    def proposals(self) -> tuple[Annotation, ...]:
        """The model's shapes that are neither accepted nor rejected."""
        return self.core.proposals

    @property
    def offer(self) -> events.SetProposals:
        """What the model's shapes were offered with."""
        return self.core.offer

    def options(self, kind: type[Options]) -> Options:
        """What is set of a tool, by the type of its options."""
        return self.core.options[kind]  # type: ignore[return-value]

    @property
    def preview(self) -> Preview:
        """What to draw over the document now."""
        core = self.core
        base = Preview(
            state=self.state,
            sop_uid=core.place[0],
            frame=core.place[1],
            subtype=core.subtype,
            selected=core.selection,
            tool=self._tool.name,
            ghosts=core.ghosts,
        )
        return self._tool.preview(base)

    def take_messages(self) -> tuple[str, ...]:
        """What was refused or repaired since the last call, in sentences for the reader."""
        messages = tuple(self.core.messages)
        self.core.messages.clear()
        return messages

    def handle(self, event: events.Event) -> Edit | None:
        """Take one event of `viewer.annotation.events`; the `Edit` when it changed the document."""
        match event:
            case events.Move():
                self._tool.move(event)
                return None
            case events.Leave():
                self._tool.leave()
                return None
            case events.Press():
                edit = self._tool.press(event)
            case events.Release():
                edit = self._tool.release(event)
            case events.DoubleClick():
                edit = self._tool.double_click(event)
            case Key():
                return self._key(event)
            case _ if type(event) in COMMANDS:
                return self._command(event)
            case _:
                return self._set(event)
        if edit:
            self._tool.reset()
        return edit

    def add(self, annotations: Iterable[Annotation], action: str) -> Edit | None:
        """Add annotations (accepted or imported) as one step; the first one gets selected. Their slices lose the
        mark "no hemorrhage"."""
        selection = self.core.selection
        new = tuple(annotations)
        edit = self._after(self.core.add(new, action)) if new else None
        if self._tool.state is State.DRAWING:
            self.core.selection = selection
        return edit

    def replace_document(self, document: Document, action: str) -> Edit | None:
        """Put another document in the place of this one, as one step that undo takes back."""
        return self._after(self.core.commit(document, action))

    def catch_up(self, document: Document, carry: Callable[[Document], Document]) -> bool:
        """Put what others made of the document in its place; `carry` does the same to the documents that undo leads to.
        False, and nothing happens, in the middle of a stroke."""
        if self._tool.state is not State.IDLE:
            return False
        core = self.core
        core.document = document
        core.history.carry(carry)
        if document.find(core.selection) is None:
            core.selection = core.picked = None
        self._tool.reset()
        return True

    # within

    def _make(self, name: ToolName) -> Tool:
        if name not in self._tools:
            self._tools[name] = TOOLS[name](self.core)
        return self._tools[name]

    def _after(self, edit: Edit | None) -> Edit | None:
        """The document has changed under the tool: it forgets what lay under the cursor."""
        if edit:
            self._tool.reset()
        return edit

    def _key(self, key: Key) -> Edit | None:
        core = self.core
        taken, edit = self._tool.key(key)
        if taken:
            return self._after(edit)
        match key:
            case Key.UNDO:
                return self._travelled(core.travel(core.history.undo, "undo"))
            case Key.REDO:
                return self._travelled(core.travel(core.history.redo, "redo"))
            case Key.CLOSE if core.ghosts:
                return self._command(events.AcceptGhosts())
            case Key.ESCAPE if core.ghosts:
                return self._command(events.DropGhosts())
            case Key.ESCAPE:
                core.selection = None
            case Key.DELETE if core.selection:
                return self._command(events.Remove(core.selection))
        return None

    def _travelled(self, edit: Edit | None) -> Edit | None:
        self._tool.reset()
        return edit

    def _command(self, event: events.Event) -> Edit | None:
        if isinstance(event, events.ChooseSubtype):
            self.core.subtype = check_subtype(event.code)
            if self._tool.state in (State.DRAWING, State.MOVING, State.DRAGGING_VERTEX, State.SHAPING):
                return None
        return self._after(COMMANDS[type(event)](self.core, event))

    def _set(self, event: events.Event) -> Edit | None:
        core = self.core
        match event:
            case events.Select(uid):
                if self._tool.state is not State.DRAWING:
                    self._tool.reset()
                    core.selection = core.picked = uid if core.document.find(uid) else None
            case events.ChooseTool(name) if name is not self._tool.name:
                edit = self._tool.finish()
                self._tool = self._make(name)
                self._tool.reset()
                return edit
            case events.SetOptions(options):
                core.options[type(options)] = options
            case events.ChooseCombination(combination):
                core.combination = combination
            case events.SetOverlap(overlap):
                core.overlap = overlap
            case events.SetLayer(code, layer):
                core.layers[check_subtype(code)] = layer
            case events.SetProposals():
                core.offer = event
        return None
