"""Which keys and mouse buttons do what: profiles, a reader's own changes, and who gets a key that two want."""

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from model.errors import PterionError

READ, ANNOTATE = "read", "annotate"
MODIFIERS = ("Meta", "Ctrl", "Alt", "Shift")
"""In the order in which Qt writes them."""
NAMED_KEYS: tuple[str, ...] = (
    "Esc",
    "Tab",
    "Backspace",
    "Return",
    "Enter",
    "Ins",
    "Del",
    "Pause",
    "Print",
    "Home",
    "End",
    "Space",
)
NAMED_KEYS += ("Left", "Up", "Right", "Down", "PgUp", "PgDown", "Menu", "Help")
_SPELLINGS = {name.casefold(): name for name in NAMED_KEYS}
_SPELLINGS |= {f"f{number}": f"F{number}" for number in range(1, 36)}
_SPELLINGS |= {"delete": "Del", "escape": "Esc", "insert": "Ins", "pageup": "PgUp", "pagedown": "PgDown"}
_SYMBOLS = frozenset(string.punctuation)
MOST_CHORDS = 4
"""Keys that one command may have."""


@lru_cache(maxsize=4096)
def chord(text: str) -> str:
    """A key with its modifiers in the one spelling that is compared: `shift+ctrl+z` is `Ctrl+Shift+Z`.

    Raises PterionError where it is none.
    """
    parts, key = _split(text.strip())
    held = {part.strip().capitalize() for part in parts}
    if not held <= set(MODIFIERS) or len(held) != len(parts):
        raise PterionError(f"“{text}” is no key. Keys are written like Ctrl+Shift+Z.", code="BAD_KEY")
    named = _SPELLINGS.get(key.casefold())
    if named is None:
        if len(key) != 1 or not (key.isalnum() or key in _SYMBOLS) or len(key.upper()) != 1:
            raise PterionError(f"“{text}” is no key. Keys are written like Ctrl+Shift+Z.", code="BAD_KEY")
        named = key.upper()
    return "+".join([*(modifier for modifier in MODIFIERS if modifier in held), named])


def _split(text: str) -> tuple[list[str], str]:
    """The modifiers and the key; the key may be a plus itself."""
    if text == "+" or text.endswith("++"):
        return ([part for part in text[:-1].split("+") if part], "+")
    *parts, key = text.split("+")
    return parts, key.strip()


@dataclass(frozen=True)
class Bindable:
    """Something keys can do. keys: what Pterion ships; mode: the only one it works in, empty for both."""

    id: str
    text: str
    keys: tuple[str, ...] = ()
    mode: str = ""
    group: str = ""

    def meets(self, other: "Bindable") -> bool:
        """Whether both can be asked for at one time."""
        return not self.mode or not other.mode or self.mode == other.mode


@dataclass(frozen=True)
class Choice:
    """Something the mouse can be told. values: (value, text) pairs, the shipped one first."""

    id: str
    text: str
    values: tuple[tuple[str, str], ...]
    mode: str = ""

    @property
    def default(self) -> str:
        """What Pterion ships."""
        return self.values[0][0]


_DRAGS = {
    "window": "Window and level",
    "pan": "Pan",
    "zoom": "Zoom",
    "scroll": "Scroll",
    "tool": "The chosen tool",
    "nothing": "Nothing",
}
_WHEELS = {
    "scroll": "Scroll",
    "ten": "Scroll ten slices",
    "alone": "Scroll this view alone",
    "alone_ten": "Scroll this view alone by ten",
    "zoom": "Zoom",
    "width": "Window width",
    "level": "Window level",
    "slab": "Slab thickness",
    "nothing": "Nothing",
}
_CLICKS = {
    "menu": "Menu of the viewport",
    "maximise": "Maximise viewport or show all",
    "fit": "Fit image",
    "overlay": "AI overlay on or off",
    "previous_series": "Previous series",
    "next_series": "Next series",
    "previous_slice": "Previous slice",
    "next_slice": "Next slice",
    "undo": "Undo",
    "redo": "Redo",
    "nothing": "Nothing",
}


def _choice(id_: str, text: str, table: Mapping[str, str], default: str, mode: str) -> Choice:
    first = (default, table[default])
    return Choice(f"{mode}.{id_}", text, (first, *(pair for pair in table.items() if pair != first)), mode)


def _mouse(mode: str) -> tuple[Choice, ...]:
    """What the mouse can be told in one mode; what draws (the left button without a modifier) is the tool's."""
    drags = (
        ("middle_drag", "Middle drag", "pan"),
        ("right_drag", "Right drag", "window"),
        ("ctrl_middle_drag", "Ctrl+middle drag", "pan"),
        ("shift_middle_drag", "Shift+middle drag", "pan"),
        ("ctrl_right_drag", "Ctrl+right drag", "window"),
        ("shift_right_drag", "Shift+right drag", "window"),
    )
    left = (
        ("ctrl_left_drag", "Ctrl+left drag", "tool"),
        ("shift_left_drag", "Shift+left drag", "tool"),
        ("alt_left_drag", "Alt+left drag", "tool"),
    )
    wheels = (
        ("wheel", "Wheel", "scroll"),
        ("ctrl_wheel", "Ctrl+wheel", "zoom"),
        ("shift_wheel", "Shift+wheel", "ten"),
        ("alt_wheel", "Alt+wheel", "alone"),
        ("alt_shift_wheel", "Alt+Shift+wheel", "alone_ten"),
    )
    clicks = (
        ("double_click", "Double click", "maximise"),
        ("right_click", "Right click", "menu"),
        ("middle_click", "Middle click", "nothing"),
        ("back_click", "Back button", "previous_series"),
        ("forward_click", "Forward button", "next_series"),
    )
    return (
        *(_choice(*each[:2], _DRAGS, each[2], mode) for each in (left if mode == READ else ())),
        *(_choice(*each[:2], _DRAGS, each[2], mode) for each in drags),
        *(_choice(*each[:2], _WHEELS, each[2], mode) for each in wheels),
        *(_choice(*each[:2], _CLICKS, each[2], mode) for each in clicks),
    )


RESTING_TOOL, LEVEL_DIRECTION, WHEEL_DIRECTION = "resting_tool", "level_direction", "wheel_direction"
MOUSE: tuple[Choice, ...] = (
    Choice(
        RESTING_TOOL,
        "Left drag, while no tool is chosen",
        (("scroll", "Scroll"), ("window", "Window and level"), ("zoom", "Zoom"), ("pan", "Pan")),
    ),
    Choice(
        LEVEL_DIRECTION,
        "Level drag",
        (("down", "Down brightens (IHE BIR)"), ("up", "Up brightens")),
    ),
    Choice(
        WHEEL_DIRECTION,
        "Wheel towards you",
        (("next", "Next slice"), ("previous", "Previous slice")),
    ),
    *_mouse(READ),
    *_mouse(ANNOTATE),
)
CHOICES = {choice.id: choice for choice in MOUSE}


@dataclass(frozen=True)
class Profile:
    """Keys and mouse as users of a viewer know them: what differs from Pterion's own."""

    id: str
    name: str
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mouse: Mapping[str, str] = field(default_factory=dict)


_LEFT_WINDOWS = {RESTING_TOOL: "window"}
_RIGHT_ZOOMS = {f"{mode}.right_drag": "zoom" for mode in (READ, ANNOTATE)}
PROFILES = (
    Profile("pterion", "Pterion"),
    Profile(  # https://weasis.org/en/basics/shortcuts/
        "weasis",
        "Weasis",
        {
            "previous_series": ("Left", "PgUp"),
            "next_series": ("Right", "PgDown"),
            "turn_right": ("Alt+R",),
            "turn_left": ("Alt+L",),
            "flip_horizontal": ("Alt+F",),
            "maximise": ("F11", "F"),
            "tool_crosshair": ("H",),
            "measure_polygon_roi": ("Y",),
            "overlay": ("Space", "I"),
            "invert": (),
            "window_0": ("0",),
            "window_1": ("1", "2"),
            "window_2": ("3",),
            "window_6": ("4",),
            "window_3": ("5",),
            "window_5": ("6",),
            "window_4": ("7",),
            "window_7": ("8",),
            "own_window_1": ("9",),
            "own_window_2": (),
        },
        {**_LEFT_WINDOWS, LEVEL_DIRECTION: "up"},
    ),
    Profile(  # OHIF/Viewers platform/core/src/defaults/hotkeyBindings.js
        "ohif",
        "OHIF",
        {
            "next_view": ("Right", "Tab"),
            "previous_view": ("Left", "Shift+Tab"),
            "fit": ("Space", "Ctrl+0"),
            "overlay": ("Shift+A",),
            "overlay_here": ("Alt+Shift+A",),
            "measure_probe": (),
            "redo": ("Ctrl+Y", "Ctrl+Shift+Z"),
            "window_6": ("1",),
            "window_3": ("2",),
            "window_4": ("3",),
            "window_5": ("4",),
            "window_2": ("5",),
            "window_7": ("6",),
            "window_1": ("7",),
        },
        {**_LEFT_WINDOWS, **_RIGHT_ZOOMS},
    ),
    Profile(  # Horos DefaultsOsiriX.m, and its default mouse buttons
        "horos",
        "Horos",
        {
            "tool_pan": ("M",),
            "mode": ("Ctrl+M",),
            "measure_length": ("L",),
            "measure_ellipse": ("E",),
            "measure_polygon_roi": ("C",),
            "measure_rectangle": ("O",),
            "turn_left": ("Alt+L",),
            "turn_right": ("Alt+R",),
            "cine": ("Space",),
            "overlay": ("Shift+Space",),
            "overlay_here": (),
            "invert": ("Shift+I",),
        },
        {**_LEFT_WINDOWS, **_RIGHT_ZOOMS},
    ),
)
BY_ID = {profile.id: profile for profile in PROFILES}


@dataclass(frozen=True)
class Bindings:
    """A profile and what the reader changed in it. keys: command → keys; mouse: choice → value.

    Raises PterionError for an unknown profile, a key that is none, a choice or value that is none.
    """

    profile: str = "pterion"
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mouse: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check, and spell every key in one way."""
        if self.profile not in BY_ID:
            raise PterionError(
                f"“{self.profile}” is no profile of keys. There are {', '.join(BY_ID)}.", code="BAD_PROFILE"
            )
        spelled = {}
        for id_, chords in self.keys.items():
            if len(chords) > MOST_CHORDS:
                raise PterionError(
                    f"{id_} has {len(chords)} keys; {MOST_CHORDS} are the most.", code="BAD_KEY"
                )
            spelled[id_] = tuple(dict.fromkeys(chord(each) for each in chords))
        object.__setattr__(self, "keys", spelled)
        for id_, value in self.mouse.items():
            if id_ not in CHOICES or value not in dict(CHOICES[id_].values):
                raise PterionError(f"“{id_}: {value}” is nothing the mouse can be told.", code="BAD_MOUSE")

    def told(self, id_: str) -> str:
        """What the mouse is told at a choice."""
        return self.mouse.get(id_) or BY_ID[self.profile].mouse.get(id_) or CHOICES[id_].default

    def wanted(self, command: Bindable) -> tuple[str, ...]:
        """The keys a command asks for: the reader's, else the profile's, else its own."""
        found = self.keys.get(command.id)
        if found is None:
            found = BY_ID[self.profile].keys.get(command.id, command.keys)
        return tuple(chord(each) for each in found)

    def with_keys(self, command: Bindable, chords: tuple[str, ...]) -> "Bindings":
        """These, with the keys of one command set; keys that the profile has anyway are no change."""
        others = {id_: kept for id_, kept in self.keys.items() if id_ != command.id}
        plain = replace(self, keys=others)
        wanted = tuple(dict.fromkeys(chord(each) for each in chords))
        return (
            plain if plain.wanted(command) == wanted else replace(self, keys={**others, command.id: wanted})
        )

    def with_mouse(self, id_: str, value: str) -> "Bindings":
        """These, with one choice of the mouse set."""
        others = {each: kept for each, kept in self.mouse.items() if each != id_}
        plain = replace(self, mouse=others)
        return plain if plain.told(id_) == value else replace(self, mouse={**others, id_: value})

    def reset(self, id_: str) -> "Bindings":
        """These, with one command or choice as the profile has it."""
        return replace(
            self,
            keys={each: kept for each, kept in self.keys.items() if each != id_},
            mouse={each: kept for each, kept in self.mouse.items() if each != id_},
        )


@dataclass(frozen=True)
class Resolved:
    """Who has which keys. keys: command → its keys. lost: command → (key, command that has it instead)."""

    keys: Mapping[str, tuple[str, ...]]
    lost: Mapping[str, tuple[tuple[str, str], ...]]


def resolve(commands: Iterable[Bindable], bindings: Bindings) -> Resolved:
    """Give every key to one command in each mode: the reader's changes first, then the profile's, then the rest.

    So no key is ever ambiguous, whatever a file says or a later Pterion ships.
    """
    listed = tuple(commands)
    profile = BY_ID[bindings.profile].keys

    def rank(command: Bindable) -> int:
        return 0 if command.id in bindings.keys else 1 if command.id in profile else 2

    owners: dict[str, list[Bindable]] = {}
    keys: dict[str, tuple[str, ...]] = {}
    lost: dict[str, tuple[tuple[str, str], ...]] = {}
    for command in sorted(listed, key=rank):
        had: list[str] = []
        missed: list[tuple[str, str]] = []
        for each in bindings.wanted(command):
            owner = next((other for other in owners.get(each, ()) if other.meets(command)), None)
            if owner is None:
                had.append(each)
                owners.setdefault(each, []).append(command)
            else:
                missed.append((each, owner.id))
        keys[command.id] = tuple(had)
        if missed:
            lost[command.id] = tuple(missed)
    return Resolved(keys, lost)
