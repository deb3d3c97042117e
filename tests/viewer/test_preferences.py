"""The file of preferences: whole, checked, put aside where it is damaged."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import PterionError
from viewer import preferences
from viewer.bindings import BY_ID, CHOICES, Bindings
from viewer.preferences import CHOSEN, FILE_NAME, Preferences, export_bindings, import_bindings, load, save

CHORDS = st.lists(st.sampled_from(["A", "Ctrl+B", "Shift+F3", "+"]), max_size=4).map(tuple)
MOUSE = st.sampled_from(sorted(CHOICES)).flatmap(
    lambda id_: st.tuples(st.just(id_), st.sampled_from([value for value, _ in CHOICES[id_].values]))
)
BINDINGS = st.builds(
    Bindings,
    st.sampled_from(sorted(BY_ID)),
    st.dictionaries(st.sampled_from(["undo", "redo", "bätsch"]), CHORDS),
    st.lists(MOUSE).map(dict),
)
ANY = st.builds(
    Preferences,
    BINDINGS,
    st.floats(0.8, 1.4),
    *(st.sampled_from(values) for values in (CHOSEN["contrast"], CHOSEN["palette"])),
    st.integers(0, 64),
    *(st.sampled_from(values) for values in (CHOSEN["model_device"], CHOSEN["model_run"])),
    st.booleans(),
    st.booleans(),
    st.one_of(st.just(0), st.integers(256, 1 << 20)),
    st.booleans(),
)


@settings(max_examples=25)
@given(ANY)
def test_what_is_kept_comes_back(tmp_path_factory: pytest.TempPathFactory, chosen: Preferences) -> None:
    folder = tmp_path_factory.mktemp("kept")
    save(folder, chosen)
    assert load(folder) == preferences.Loaded(chosen)
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]


def test_without_a_file_everything_is_as_shipped(tmp_path: Path) -> None:
    assert load(tmp_path) == preferences.Loaded(Preferences())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'{"format": "other", "version": 1}',
        b'{"format": "pterion preferences"}',
        b'{"format": "pterion preferences", "version": 99}',
        b"[" * 100_000,
        b" " * (1 << 20) + b"{}",
    ],
)
def test_a_damaged_file_is_put_aside_and_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(data)
    found = load(tmp_path)
    assert found.preferences == Preferences()
    (aside,) = tmp_path.iterdir()
    assert aside.name.startswith("preferences.damaged-")
    assert aside.read_bytes() == data
    assert aside.name in found.problem
    assert load(tmp_path) == preferences.Loaded(Preferences())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text_scale", 9),
        ("text_scale", True),
        ("contrast", "none"),
        ("model_threads", -1),
        ("model_threads", 1.5),
        ("hide_patient", 1),
        ("memory_mb", 3),
        ("bindings", {"profile": "pterion", "keys": {"undo": "Ctrl+Z"}}),
        ("bindings", {"profile": "pterion", "keys": {"undo": ["Ctrl+Quark"]}}),
        ("bindings", 5),
    ],
)
def test_what_can_be_used_of_a_damaged_file_is_used(tmp_path: Path, name: str, value: object) -> None:
    save(tmp_path, Preferences(palette="apart"))
    raw = json.loads((tmp_path / FILE_NAME).read_text("utf-8"))
    (tmp_path / FILE_NAME).write_text(json.dumps(raw | {name: value}), "utf-8")
    found = load(tmp_path)
    assert found.preferences == Preferences(palette="apart")
    assert name.replace("_", " ") in found.problem
    assert len(list(tmp_path.glob("preferences.damaged-*"))) == 1


def test_what_a_later_pterion_added_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path, Preferences(notify_triage=True))
    raw = json.loads((tmp_path / FILE_NAME).read_text("utf-8"))
    (tmp_path / FILE_NAME).write_text(json.dumps(raw | {"holograms": True}), "utf-8")
    assert load(tmp_path) == preferences.Loaded(Preferences(notify_triage=True))


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf, 1.41])
def test_text_too_small_or_large_is_refused(scale: float) -> None:
    with pytest.raises(PterionError, match="text scale"):
        Preferences(text_scale=scale)


def test_a_disk_that_refuses_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, Preferences(model_threads=3))
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "no space")))
    with pytest.raises(PterionError, match="disk is full"):
        save(tmp_path, Preferences(model_threads=4))
    assert load(tmp_path).preferences.model_threads == 3
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_keys_travel_as_a_file(tmp_path: Path) -> None:
    mine = Bindings("ohif", {"undo": ("Ctrl+U",)}, {"read.wheel": "zoom"})
    export_bindings(tmp_path / "mine.json", mine)
    assert import_bindings(tmp_path / "mine.json") == mine


def test_a_file_of_preferences_is_no_file_of_keys(tmp_path: Path) -> None:
    save(tmp_path, Preferences())
    with pytest.raises(PterionError, match="holds something else"):
        import_bindings(tmp_path / FILE_NAME)
    with pytest.raises(PterionError, match="does not exist"):
        import_bindings(tmp_path / "missing.json")
