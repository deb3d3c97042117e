"""Keys and mouse: one spelling, profiles, and who gets a key that two want."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QKeySequence

from model.errors import PterionError
from viewer.bindings import (
    BY_ID,
    CHOICES,
    MODIFIERS,
    MOUSE,
    NAMED_KEYS,
    PROFILES,
    Bindable,
    Bindings,
    chord,
    resolve,
)
from viewer.ui.keys import BINDABLE

LENGTH = Bindable("length", "Length", ("D",), "read")
INVERT = Bindable("invert", "Invert", ("I",), "read")
BRUSH = Bindable("brush", "Brush", ("D",), "annotate")
UNDO = Bindable("undo", "Undo", ("Ctrl+Z",))


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("shift+ctrl+z", "Ctrl+Shift+Z"),
        ("Delete", "Del"),
        ("escape", "Esc"),
        ("+", "+"),
        ("Ctrl++", "Ctrl++"),
        ("alt+PAGEUP", "Alt+PgUp"),
        (" f11 ", "F11"),
        ("?", "?"),
        ("Ctrl+,", "Ctrl+,"),
    ],
)
def test_a_key_has_one_spelling(written: str, spelled: str) -> None:
    assert chord(written) == spelled


@pytest.mark.parametrize(
    "text", ["", "Ctrl", "Ctrl+", "Hyper+A", "Ctrl+Ctrl+A", "AB", "Ctrl+F99", "ß", "A B"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(PterionError, match="is no key"):
        chord(text)


@given(
    st.sets(st.sampled_from(MODIFIERS)),
    st.sampled_from([*NAMED_KEYS, *"ABCXYZ0189,.[]+-=?/", "F1", "F12"]),
)
def test_the_spelling_is_the_one_that_qt_writes(held: set[str], key: str) -> None:
    text = chord("+".join([*held, key]))
    assert QKeySequence(text).toString(QKeySequence.SequenceFormat.PortableText) == text
    assert chord(text) == text


def test_a_key_may_mean_two_things_in_two_modes() -> None:
    found = resolve((LENGTH, BRUSH), Bindings())
    assert (found.keys["length"], found.keys["brush"]) == (("D",), ("D",))
    assert found.lost == {}


def test_the_readers_own_key_is_taken_from_the_one_that_came_with_it() -> None:
    found = resolve((LENGTH, INVERT, UNDO), Bindings(keys={"undo": ("D", "Ctrl+Z")}))
    assert found.keys == {"undo": ("D", "Ctrl+Z"), "length": (), "invert": ("I",)}
    assert found.lost == {"length": (("D", "undo"),)}


def test_of_two_of_the_readers_own_the_first_listed_has_the_key() -> None:
    found = resolve((LENGTH, INVERT), Bindings(keys={"invert": ("Q",), "length": ("Q",)}))
    assert found.keys == {"length": ("Q",), "invert": ()}
    assert found.lost == {"invert": (("Q", "length"),)}


KEYS = st.lists(st.sampled_from(["A", "B", "Ctrl+A", "Shift+B"]), max_size=3).map(tuple)
COMMANDS = st.lists(
    st.builds(
        Bindable,
        st.sampled_from("pqrstuv"),
        st.just("text"),
        KEYS,
        st.sampled_from(["", "read", "annotate"]),
    ),
    max_size=7,
    unique_by=lambda command: command.id,
)


@given(COMMANDS, st.dictionaries(st.sampled_from("pqrstuv"), KEYS))
def test_no_key_is_ever_ambiguous_and_none_is_lost_without_a_word(
    commands: list[Bindable], own: dict[str, tuple[str, ...]]
) -> None:
    bindings = Bindings(keys=own)
    found = resolve(commands, bindings)
    for one in commands:
        told = {*found.keys[one.id], *(key for key, _ in found.lost.get(one.id, ()))}
        assert told == set(bindings.wanted(one))
        for other in commands:
            if one.id != other.id and one.meets(other):
                assert not set(found.keys[one.id]) & set(found.keys[other.id])


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.id)
def test_no_shipped_profile_has_a_conflict(profile) -> None:
    found = resolve(BINDABLE, Bindings(profile.id))
    assert found.lost == {}
    assert set(profile.keys) <= {command.id for command in BINDABLE}
    assert set(profile.mouse) <= set(CHOICES)


@pytest.mark.parametrize(
    ("profile", "id_", "keys"),
    [
        ("pterion", "measure_length", ("D",)),
        ("weasis", "next_series", ("Right", "PgDown")),
        ("weasis", "window_5", ("6",)),
        ("weasis", "tool_crosshair", ("H",)),
        ("ohif", "window_2", ("5",)),
        ("ohif", "next_view", ("Right", "Tab")),
        ("horos", "tool_pan", ("M",)),
        ("horos", "measure_length", ("L",)),
    ],
)
def test_profiles_follow_what_their_users_know(profile: str, id_: str, keys: tuple[str, ...]) -> None:
    assert resolve(BINDABLE, Bindings(profile)).keys[id_] == keys


def test_weasis_brightens_upwards_and_starts_with_window_and_level() -> None:
    weasis = Bindings("weasis")
    assert (weasis.told("level_direction"), weasis.told("resting_tool")) == ("up", "window")
    assert Bindings("ohif").told("read.right_drag") == "zoom"
    assert Bindings().told("read.right_drag") == "window"


def test_what_the_profile_has_anyway_is_no_change() -> None:
    changed = Bindings().with_keys(LENGTH, ("X",)).with_mouse("read.right_drag", "zoom")
    assert (changed.keys, changed.mouse) == ({"length": ("X",)}, {"read.right_drag": "zoom"})
    back = changed.with_keys(LENGTH, ("d",)).with_mouse("read.right_drag", "window")
    assert back == Bindings()
    assert changed.reset("length").reset("read.right_drag") == Bindings()


@pytest.mark.parametrize(
    ("keys", "mouse", "profile"),
    [
        ({"undo": ("Strg+Z",)}, {}, "pterion"),
        ({"undo": ("A", "B", "C", "D", "E")}, {}, "pterion"),
        ({}, {"read.right_drag": "explode"}, "pterion"),
        ({}, {"read.no_such": "zoom"}, "pterion"),
        ({}, {}, "radiant"),
    ],
)
def test_bindings_that_cannot_be_are_refused(keys, mouse, profile: str) -> None:
    with pytest.raises(PterionError):
        Bindings(profile, keys, mouse)


def test_every_choice_of_the_mouse_has_distinct_values() -> None:
    assert len(CHOICES) == len(MOUSE)
    for choice in MOUSE:
        names = [value for value, _ in choice.values]
        assert len(set(names)) == len(names) > 1
        assert choice.default == names[0]
    assert set(BY_ID) == {"pterion", "weasis", "ohif", "horos"}
