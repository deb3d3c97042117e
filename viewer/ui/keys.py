"""Every key of the image in one table: its name, its meaning, the mode it works in."""

from collections.abc import Callable
from dataclasses import dataclass

from model.labels import SUBTYPES
from viewer.annotation import events
from viewer.imaging.windows import PRESETS
from viewer.session import Mode, Tool
from viewer.ui.interaction import ZOOM_STEP, Interaction


@dataclass(frozen=True)
class Command:
    """Something keys do. id: stable name; keys: in Qt's portable notation; mode: the only one it works in.

    on_image: the keys work only while a viewport has the keyboard, because lists and buttons use them too.
    """

    id: str
    text: str
    keys: tuple[str, ...]
    run: Callable[[Interaction], None]
    mode: Mode | None = None
    on_image: bool = False


def _window_commands() -> tuple[Command, ...]:
    names = {1: "Window from header", 0: "Window automatic"}
    names |= {key: f"Window {preset.name.lower()}" for key, preset in PRESETS.items()}

    def choose(key: int) -> Callable[[Interaction], None]:
        return lambda hands: hands.choose_window(key)

    return tuple(Command(f"window_{key}", names[key], (str(key),), choose(key)) for key in sorted(names))


def _subtype_commands() -> tuple[Command, ...]:
    def choose(code: str) -> Callable[[Interaction], None]:
        return lambda hands: hands.choose_subtype(code)

    return tuple(
        Command(f"subtype_{s.code}", f"Subtype {s.code} {s.name}", (s.hotkey,), choose(s.code), Mode.ANNOTATE)
        for s in SUBTYPES
    )


KEYS: tuple[Command, ...] = (
    Command("previous_slice", "Previous slice", ("Up",), lambda h: h.scroll(-1), on_image=True),
    Command("next_slice", "Next slice", ("Down",), lambda h: h.scroll(1), on_image=True),
    Command("ten_back", "Ten slices back", ("Shift+Up",), lambda h: h.scroll(-10), on_image=True),
    Command("ten_on", "Ten slices on", ("Shift+Down",), lambda h: h.scroll(10), on_image=True),
    Command("first_slice", "First slice", ("Home",), lambda h: h.go_to_end(last=False), on_image=True),
    Command("last_slice", "Last slice", ("End",), lambda h: h.go_to_end(last=True), on_image=True),
    Command("previous_series", "Previous series", ("PgUp",), lambda h: h.change_series(-1), on_image=True),
    Command("next_series", "Next series", ("PgDown",), lambda h: h.change_series(1), on_image=True),
    *_window_commands(),
    Command("overlay", "AI overlay on or off", ("Space",), Interaction.toggle_overlay, on_image=True),
    Command("next_suspicious", "Next unreviewed AI region", ("N",), Interaction.next_suspicious),
    Command("next_view", "Next viewport", ("Tab",), lambda h: h.next_view(1), on_image=True),
    Command("previous_view", "Previous viewport", ("Shift+Tab",), lambda h: h.next_view(-1), on_image=True),
    Command("maximise", "Maximise viewport or show all", ("F",), lambda h: h.maximise()),
    Command("zoom_in", "Zoom in", ("+", "="), lambda h: h.zoom(ZOOM_STEP)),
    Command("zoom_out", "Zoom out", ("-",), lambda h: h.zoom(1 / ZOOM_STEP)),
    Command("fit", "Fit image, undo flips and turns", ("Ctrl+0",), Interaction.fit),
    Command("mode", "Read or annotate", ("M",), Interaction.toggle_mode),
    Command("undo", "Undo", ("Ctrl+Z",), Interaction.undo),
    Command("redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), Interaction.redo),
    Command("escape", "Cancel, back to scroll", ("Esc",), Interaction.escape, on_image=True),
    Command("tool_window", "Window and level tool", ("W",), lambda h: h.choose_tool(Tool.WINDOW), Mode.READ),
    Command("tool_pan", "Pan tool", ("T",), lambda h: h.choose_tool(Tool.PAN), Mode.READ),
    Command("tool_zoom", "Zoom tool", ("Z",), lambda h: h.choose_tool(Tool.ZOOM), Mode.READ),
    Command("tool_scroll", "Scroll tool", ("S",), lambda h: h.choose_tool(Tool.SCROLL), Mode.READ),
    Command("invert", "Invert grey scale", ("I",), Interaction.invert, Mode.READ),
    Command("flip_horizontal", "Flip left to right", ("H",), lambda h: h.flip(left_to_right=True), Mode.READ),
    Command("flip_vertical", "Flip top to bottom", ("V",), lambda h: h.flip(left_to_right=False), Mode.READ),
    Command("turn_right", "Rotate right", ("R",), lambda h: h.turn(1), Mode.READ),
    Command("turn_left", "Rotate left", ("L",), lambda h: h.turn(-1), Mode.READ),
    Command("tool_polygon", "Polygon tool", ("Q",), lambda h: h.choose_tool(Tool.POLYGON), Mode.ANNOTATE),
    *_subtype_commands(),
    Command(
        "reviewed",
        "Slice reviewed: no hemorrhage",
        ("Ctrl+Return",),
        Interaction.toggle_reviewed,
        Mode.ANNOTATE,
        on_image=True,
    ),
    Command(
        "close_outline",
        "Close outline",
        ("Return", "Enter"),
        lambda h: h.edit_key(events.Key.CLOSE),
        Mode.ANNOTATE,
        on_image=True,
    ),
    Command(
        "take_back",
        "Take last point back",
        ("Backspace",),
        lambda h: h.edit_key(events.Key.BACKSPACE),
        Mode.ANNOTATE,
        on_image=True,
    ),
    Command(
        "delete",
        "Delete vertex or polygon",
        ("Delete",),
        lambda h: h.edit_key(events.Key.DELETE),
        Mode.ANNOTATE,
        on_image=True,
    ),
)
"""Every key of the image, in the order of menus and the palette."""
