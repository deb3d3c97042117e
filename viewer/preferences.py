"""What a reader prefers: one value, and the file that keeps it, which is written whole and says its version."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.errors import PterionError
from viewer.bindings import Bindings
from viewer.dicom.files import file_error, whole_file

FILE_NAME = "preferences.json"
FORMAT, VERSION = "pterion preferences", 1
KEYS_FORMAT = "pterion keys"
TEXT_SCALES = (0.8, 1.4)
MOST_THREADS = 64
MEMORY_MB = (256, 1 << 20)
CHOSEN: dict[str, tuple[str, ...]] = {
    "contrast": ("normal", "high"),
    "palette": ("okabe-ito", "apart", "lightness"),
    "model_device": ("auto", "cpu", "cuda", "coreml"),
    "model_run": ("automatic", "on_demand"),
}
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Preferences:
    """Everything a reader can set. Raises PterionError for a value that cannot be.

    text_scale: 1 is 12.5 px. palette: colours of the subtypes. model_threads, memory_mb (for volumes that may be
    opened again): 0 leaves it to the program. restore_session: open at start what was open at the end.
    """

    bindings: Bindings = field(default_factory=Bindings)
    text_scale: float = 1.0
    contrast: str = "normal"
    palette: str = "okabe-ito"
    model_threads: int = 0
    model_device: str = "auto"
    model_run: str = "automatic"
    hide_patient: bool = False
    restore_session: bool = True
    memory_mb: int = 0
    notify_triage: bool = False

    def __post_init__(self) -> None:
        """Check every value."""
        for name, values in CHOSEN.items():
            if getattr(self, name) not in values:
                raise _refused(name, getattr(self, name), f"one of {', '.join(values)}")
        scale = self.text_scale
        if not (math.isfinite(scale) and TEXT_SCALES[0] <= scale <= TEXT_SCALES[1]):
            raise _refused("text_scale", scale, f"{TEXT_SCALES[0]:g} to {TEXT_SCALES[1]:g}")
        if not 0 <= self.model_threads <= MOST_THREADS:
            raise _refused("model_threads", self.model_threads, f"0 (automatic) to {MOST_THREADS}")
        if self.memory_mb and not MEMORY_MB[0] <= self.memory_mb <= MEMORY_MB[1]:
            raise _refused("memory_mb", self.memory_mb, f"0 (automatic), or {MEMORY_MB[0]} to {MEMORY_MB[1]}")


@dataclass(frozen=True)
class Loaded:
    """What a file held. problem: what was wrong with it, as a sentence; empty where nothing was."""

    preferences: Preferences
    problem: str = ""


def _refused(name: str, value: object, needed: str) -> PterionError:
    return PterionError(
        f"{name.replace('_', ' ')} cannot be {value!r}: it must be {needed}.", code="BAD_PREFERENCE"
    )


def load(folder: Path) -> Loaded:
    """The preferences kept in `folder`, the shipped ones where there are none.

    Of a damaged file what can be used is used; the file itself is put aside under another name, and the problem said.
    """
    path = folder / FILE_NAME
    try:
        raw = _read(path)
    except FileNotFoundError:
        return Loaded(Preferences())
    except PterionError as error:
        return Loaded(Preferences(), f"{error} {_put_aside(path)}")
    except OSError as error:
        return Loaded(Preferences(), f"{file_error(error, f'Reading {FILE_NAME}')} Pterion's own are used.")
    used, refused = _taken(raw)
    if not refused:
        return Loaded(used)
    names = ", ".join(name.replace("_", " ") for name in refused)
    return Loaded(used, f"These cannot be used and are as Pterion ships them: {names}. {_put_aside(path)}")


def _read(path: Path) -> dict[str, Any]:
    return read_json(path, FORMAT, VERSION)


def read_json(path: Path, form: str, version: int) -> dict[str, Any]:
    """A JSON object of Pterion's from a file. Raises OSError, or PterionError where it is something else."""
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    try:
        raw = json.loads(data) if len(data) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict) or raw.get("format") != form:
        raise PterionError(f"{path.name} is damaged or holds something else.", code="BAD_PREFERENCES")
    found = raw.get("version")
    if not isinstance(found, int) or found < 1:
        raise PterionError(f"{path.name} does not say its version.", code="BAD_PREFERENCES")
    if found > version:
        raise PterionError(f"{path.name} was written by a newer Pterion.", code="NEWER_PREFERENCES")
    return raw


def _put_aside(path: Path) -> str:
    """Move a damaged file beside itself, and say where it is."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    try:
        path.replace(aside)
    except OSError:
        return "It could not be put aside and will be replaced with the next change."
    return f"The file is kept as {aside.name} in Pterion's data folder."


def _taken(raw: Mapping[str, Any]) -> tuple[Preferences, tuple[str, ...]]:
    """What can be used of a file's values, and the names of those that cannot."""
    good: dict[str, Any] = {}
    refused: list[str] = []
    for each in fields(Preferences):
        if each.name not in raw:
            continue
        try:
            value = _READERS.get(each.name, _plain(each.name))(raw[each.name])
            Preferences(**{each.name: value})
        except (PterionError, TypeError, ValueError):
            refused.append(each.name)
        else:
            good[each.name] = value
    return Preferences(**good), tuple(refused)


def _plain(name: str) -> Callable[[Any], Any]:
    """A reader that takes only what is of the field's own type (true is no number)."""
    shipped = getattr(Preferences(), name)

    def read(value: Any) -> Any:
        kinds = (int, float) if isinstance(shipped, float) else (type(shipped),)
        if not isinstance(value, kinds) or isinstance(value, bool) != isinstance(shipped, bool):
            raise _refused(name, value, type(shipped).__name__)
        return float(value) if isinstance(shipped, float) else value

    return read


def read_bindings(raw: Any) -> Bindings:
    """Bindings from the JSON of `bindings_json`. Raises PterionError where they are none."""
    damaged = PterionError("The keys are damaged.", code="BAD_PREFERENCES")
    if not isinstance(raw, dict):
        raise damaged
    keys, mouse = raw.get("keys", {}), raw.get("mouse", {})
    if not isinstance(keys, dict) or not isinstance(mouse, dict):
        raise damaged
    for chords in keys.values():
        if not isinstance(chords, list) or not all(isinstance(each, str) for each in chords):
            raise damaged
    if not all(isinstance(value, str) for value in (raw.get("profile", ""), *mouse.values())):
        raise damaged
    return Bindings(
        raw.get("profile", "pterion"), {id_: tuple(chords) for id_, chords in keys.items()}, dict(mouse)
    )


_READERS: dict[str, Callable[[Any], Any]] = {"bindings": read_bindings}


def bindings_json(bindings: Bindings) -> dict[str, Any]:
    """Bindings as JSON writes them."""
    keys = {id_: list(chords) for id_, chords in sorted(bindings.keys.items())}
    return {"profile": bindings.profile, "keys": keys, "mouse": dict(sorted(bindings.mouse.items()))}


def save(folder: Path, preferences: Preferences) -> None:
    """Keep preferences in `folder`, whole or not at all. Raises PterionError where the disk refuses."""
    values = asdict(preferences) | {"bindings": bindings_json(preferences.bindings)}
    _write(folder / FILE_NAME, {"format": FORMAT, "version": VERSION, **values})


def _write(path: Path, raw: Mapping[str, Any]) -> None:
    with whole_file(path) as file:
        file.write(json.dumps(raw, indent=2, ensure_ascii=False).encode() + b"\n")


def export_bindings(path: Path, bindings: Bindings) -> None:
    """Write keys and mouse to a file of their own. Raises PterionError where the disk refuses."""
    _write(path, {"format": KEYS_FORMAT, "version": VERSION, **bindings_json(bindings)})


def import_bindings(path: Path) -> Bindings:
    """Keys and mouse from a file that `export_bindings` wrote. Raises PterionError, saying what is wrong."""
    try:
        return read_bindings(read_json(path, KEYS_FORMAT, VERSION))
    except OSError as error:
        raise file_error(error, f"Reading {path.name}") from error
