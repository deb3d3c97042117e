"""Every key of the image in one table: its name, its meaning, the mode it works in."""

from collections.abc import Callable
from dataclasses import dataclass

from model.labels import SUBTYPES
from viewer.annotation import events
from viewer.annotation.options import ToolName
from viewer.bindings import Bindable
from viewer.imaging.layouts import GRID_MOST, LAYOUTS, Plane, grid
from viewer.imaging.slabs import SlabKind
from viewer.imaging.windows import PRESETS
from viewer.measures.mark import MarkKind
from viewer.session import Mode, Tool
from viewer.ui.acting import ZOOM_STEP
from viewer.ui.arranging import THICKER_MM, TURN_DEG
from viewer.ui.interaction import Interaction


@dataclass(frozen=True)
class Command:
    """Something keys do. id: stable name; keys: in Qt's portable notation; mode: the only one it works in.

    on_image: the keys work only while a viewport has the keyboard, because lists and buttons use them too.
    """

    id: str
    text: str
    keys: tuple[str, ...]
    run: Callable[[Interaction], object]
    mode: Mode | None = None
    on_image: bool = False


def _window_commands() -> tuple[Command, ...]:
    names = {1: "Window from header", 0: "Window automatic"}
    names |= {key: f"Window {preset.name.lower()}" for key, preset in PRESETS.items()}

    def choose(key: int) -> Callable[[Interaction], None]:
        return lambda hands: hands.choose_window(key)

    def own(number: int) -> Callable[[Interaction], None]:
        return lambda hands: hands.choose_own_window(number)

    return (
        *(Command(f"window_{key}", names[key], (str(key),), choose(key)) for key in sorted(names)),
        *(Command(f"own_window_{n + 1}", f"My window {n + 1}", (str(8 + n),), own(n)) for n in range(2)),
        Command("keep_window", "Keep this window as my own…", (), lambda h: h.keep_window()),
    )


def _subtype_commands() -> tuple[Command, ...]:
    def choose(code: str) -> Callable[[Interaction], None]:
        return lambda hands: hands.choose_subtype(code)

    return tuple(
        Command(f"subtype_{s.code}", f"Subtype {s.code} {s.name}", (s.hotkey,), choose(s.code), Mode.ANNOTATE)
        for s in SUBTYPES
    )


def _layout_commands() -> tuple[Command, ...]:
    def choose(id_: str) -> Callable[[Interaction], None]:
        return lambda hands: hands.arranging.choose_layout(id_)

    shipped = tuple(
        Command(f"layout_{layout.id}", f"Layout {layout.name}", (f"Ctrl+{number}",), choose(layout.id))
        for number, layout in enumerate(LAYOUTS, 1)
    )
    sides = range(1, GRID_MOST + 1)
    grids = tuple(grid(rows, columns) for rows in sides for columns in sides)
    return shipped + tuple(
        Command(f"layout_{layout.id}", f"Layout grid {layout.name}", (), choose(layout.id))
        for layout in grids
    )


def _plane_commands() -> tuple[Command, ...]:
    def choose(plane: Plane) -> Callable[[Interaction], None]:
        return lambda hands: hands.arranging.choose_plane(plane)

    def turn(about_down: float, about_right: float) -> Callable[[Interaction], None]:
        return lambda hands: hands.arranging.turn_plane(about_down, about_right)

    planes = tuple(
        Command(f"plane_{plane.value}", f"Plane {plane.value}", (f"Alt+{number}",), choose(plane))
        for number, plane in enumerate(Plane, 1)
    )
    return (
        *planes,
        Command("plane_left", "Turn plane to the left", ("Alt+Left",), turn(-TURN_DEG, 0), on_image=True),
        Command("plane_right", "Turn plane to the right", ("Alt+Right",), turn(TURN_DEG, 0), on_image=True),
        Command("plane_up", "Turn plane upwards", ("Alt+Up",), turn(0, -TURN_DEG), on_image=True),
        Command("plane_down", "Turn plane downwards", ("Alt+Down",), turn(0, TURN_DEG), on_image=True),
    )


def _slab_commands() -> tuple[Command, ...]:
    def choose(kind: SlabKind | None) -> Callable[[Interaction], None]:
        return lambda hands: hands.arranging.choose_slab(kind)

    return (
        Command("slab_off", "No slab", (), choose(None)),
        Command("slab_mean", "Slab: mean", (), choose(SlabKind.MEAN)),
        Command("slab_max", "Slab: MIP", (), choose(SlabKind.MAX)),
        Command("slab_min", "Slab: MinIP", (), choose(SlabKind.MIN)),
        Command("next_slab", "Next kind of slab", ("Shift+B",), lambda h: h.arranging.next_slab()),
        Command("slab_thinner", "Slab thinner", ("Ctrl+[",), lambda h: h.arranging.thicken(-THICKER_MM)),
        Command("slab_thicker", "Slab thicker", ("Ctrl+]",), lambda h: h.arranging.thicken(THICKER_MM)),
    )


def _link_commands() -> tuple[Command, ...]:
    def switch(what: str) -> Callable[[Interaction], None]:
        return lambda hands: hands.arranging.link(what)

    return (
        *(
            Command(f"link_{what}", f"Link {what}", (), switch(what))
            for what in ("scroll", "zoom", "pan", "window")
        ),
        Command("link_all", "Link or unlink all", ("Ctrl+L",), lambda h: h.arranging.link_all()),
        Command("align", "Align here with the open series", ("Ctrl+Shift+L",), lambda h: h.arranging.align()),
        Command(
            "scroll_alone_back", "Scroll this view alone back", ("Alt+PgUp",), lambda h: h.scroll_alone(-1)
        ),
        Command("scroll_alone_on", "Scroll this view alone on", ("Alt+PgDown",), lambda h: h.scroll_alone(1)),
    )


def _guide_commands() -> tuple[Command, ...]:
    return (
        Command(
            "tool_crosshair", "Crosshair tool", ("X",), lambda h: h.choose_tool(Tool.CROSSHAIR), Mode.READ
        ),
        Command("forget_crosshair", "No crosshair", ("Shift+X",), lambda h: h.arranging.forget_crosshair()),
        Command(
            "reference_lines",
            "Reference lines on or off",
            ("Shift+R",),
            lambda h: h.arranging.toggle_reference_lines(),
        ),
        Command(
            "overlay_here",
            "AI overlay in this view on or off",
            ("Shift+Space",),
            lambda h: h.arranging.toggle_overlay_here(),
            on_image=True,
        ),
        Command(
            "show_open_series", "Show the open series here", (), lambda h: h.arranging.show_open_series()
        ),
        Command(
            "compare",
            "Compare with the prior",
            (),
            lambda h: h.arranging.choose_layout("compare"),
        ),
        Command("cine", "Cine: play or stop", ("C",), lambda h: h.cine.toggle(), Mode.READ),
        Command("cine_slower", "Cine slower", ("[",), lambda h: h.cine.change_speed(-1)),
        Command("cine_faster", "Cine faster", ("]",), lambda h: h.cine.change_speed(1)),
    )


def _measure_commands() -> tuple[Command, ...]:
    def choose(tool: Tool) -> Callable[[Interaction], None]:
        return lambda hands: hands.choose_tool(tool)

    tools = (
        (Tool.LENGTH, "Length", ("D",)),
        (Tool.ANGLE, "Angle", ("A",)),
        (Tool.BIDIRECTIONAL, "Bidirectional", ("Shift+D",)),
        (Tool.ELLIPSE, "Ellipse ROI", ("O",)),
        (Tool.RECTANGLE, "Rectangle ROI", ("Shift+O",)),
        (Tool.POLYGON_ROI, "Polygon ROI", ("B",)),
        (Tool.FREEHAND, "Freehand ROI", ("Shift+F",)),
        (Tool.PROBE, "HU probe", ("Shift+A",)),
        (Tool.ABC2, "ABC/2 volume", ("Shift+V",)),
        (Tool.MIDLINE, "Midline shift", ("Shift+M",)),
    )
    return (
        *(
            Command(f"measure_{tool.name.lower()}", text, keys, choose(tool), Mode.READ)
            for tool, text, keys in tools
        ),
        Command(
            "finish_measure",
            "Finish the measure",
            ("Return", "Enter"),
            lambda h: h.measures.close(),
            Mode.READ,
            True,
        ),
        Command(
            "take_back_measure",
            "Take its last point back",
            ("Backspace",),
            lambda h: h.measures.take_back(),
            Mode.READ,
            True,
        ),
        Command(
            "delete_measure",
            "Delete the measure",
            ("Delete",),
            lambda h: h.measures.delete(),
            Mode.READ,
            True,
        ),
    )


def _mark_commands() -> tuple[Command, ...]:
    def toggle(kind: MarkKind) -> Callable[[Interaction], None]:
        return lambda hands: hands.marking.toggle(kind)

    return (
        Command("key_image", "Key image", ("K",), toggle(MarkKind.KEY_IMAGE)),
        Command("bookmark", "Bookmark", ("Shift+K",), toggle(MarkKind.BOOKMARK)),
        Command("next_mark", "Next key image or bookmark", ("Ctrl+Down",), lambda h: h.marking.next(1)),
        Command(
            "previous_mark", "Previous key image or bookmark", ("Ctrl+Up",), lambda h: h.marking.next(-1)
        ),
    )


def _drawing_commands() -> tuple[Command, ...]:
    def choose(tool: ToolName) -> Callable[[Interaction], None]:
        return lambda hands: hands.draw_with(tool)

    tools = (
        (ToolName.POLYGON, "Polygon tool", "Q"),
        (ToolName.EDIT, "Edit tool: points, scale, turn", "D"),
        (ToolName.HOLE, "Hole tool", "H"),
        (ToolName.CUT, "Cut tool", "C"),
        (ToolName.LIVEWIRE, "Livewire tool", "L"),
        (ToolName.GROW, "Grow tool", "G"),
        (ToolName.FILL, "Smart fill tool", "T"),
        (ToolName.BRUSH, "Brush tool", "B"),
        (ToolName.ERASER, "Eraser tool", "X"),
        (ToolName.PUSH, "Push tool", "U"),
    )
    only = Mode.ANNOTATE
    return (
        *(
            Command(f"tool_{tool.name.lower()}", text, (key,), choose(tool), only)
            for tool, text, key in tools
        ),
        Command("interpolate", "Interpolate between slices", ("J",), Interaction.interpolate, only),
        Command(
            "copy_up", "Copy outlines to the next slice", ("Ctrl+J",), lambda h: h.copy_outlines(1), only
        ),
        Command(
            "copy_down",
            "Copy outlines to the slice before",
            ("Ctrl+Shift+J",),
            lambda h: h.copy_outlines(-1),
            only,
        ),
        Command("brush_smaller", "Brush smaller", (",",), lambda h: h.resize_brush(1 / BRUSH_STEP), only),
        Command("brush_larger", "Brush larger", (".",), lambda h: h.resize_brush(BRUSH_STEP), only),
    )


BRUSH_STEP = 1.25

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
    Command("actual_size", "One image pixel per screen pixel", ("Shift+Z",), Interaction.actual_size),
    *_layout_commands(),
    *_plane_commands(),
    *_slab_commands(),
    *_link_commands(),
    *_guide_commands(),
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
    *_measure_commands(),
    *_mark_commands(),
    *_drawing_commands(),
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


def _groups() -> dict[str, str]:
    """The group of each command: what it is about."""
    named = (
        ("Windows", _window_commands()),
        ("Layouts", _layout_commands()),
        ("Planes", _plane_commands()),
        ("Slabs", _slab_commands()),
        ("Links", _link_commands()),
        ("Guides and cine", _guide_commands()),
        ("Measures", _measure_commands()),
        ("Marks", _mark_commands()),
    )
    found = {command.id: title for title, commands in named for command in commands}
    annotating = {command.id: "Annotating" for command in KEYS if command.mode is Mode.ANNOTATE}
    return {command.id: "Navigation and view" for command in KEYS} | found | annotating


_GROUPS = _groups()
BINDABLE = tuple(
    Bindable(command.id, command.text, command.keys, command.mode or "", _GROUPS[command.id])
    for command in KEYS
)
"""The same commands, as the reader may give them other keys."""
