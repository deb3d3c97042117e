"""Model versions on disk: add a candidate, promote it, roll back. A version is a folder; nothing in it is code.

```
<bundled>/<id>/            the versions that came with the program, never changed
<user>/versions/<id>/      candidates, and those that were promoted
<user>/current.json        which one answers now, and which answered before
```
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import ModelFileError
from model.labels import SCORES

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FORMAT = 1
GRAPHS = ("encode.onnx", "decode.onnx", "sequence.onnx")
WEIGHTS = "weights.safetensors"
INFO = "model.json"
REPORT = "report.json"
FILES = (WEIGHTS, *GRAPHS, INFO, "card.md", REPORT)
"""Everything a version folder may hold; pickles and other code have no place in it."""

MAX_FILE_BYTES = 512 * 2**20
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_ABANDONED_S = 3600
_OUTPUTS = {
    GRAPHS[1]: ["mask_logits", "slice_logits", "embedding"],
    GRAPHS[2]: ["slice_logits", "study_logits"],
}


@dataclass(frozen=True)
class Version:
    """One model version.

    status: `bundled`, `candidate` (never promoted) or `user` (promoted once).
    info: its `model.json`.
    notice: a sentence for the user where this version stands in for another that is missing or damaged.
    """

    id: str
    path: Path
    status: str
    info: dict[str, Any]
    notice: str = ""


@dataclass(frozen=True)
class _Current:
    """`current.json`. None stands for the bundled version, so that an update of the program replaces it."""

    current: str | None = None
    history: tuple[str | None, ...] = ()
    promoted: frozenset[str] = field(default_factory=frozenset)


def check_id(version_id: object) -> str:
    """`version_id` where it can name a folder. Raises ModelFileError else (separators, `..`, over 64 characters)."""
    if not isinstance(version_id, str) or len(version_id) > 64 or not _ID.fullmatch(version_id):
        raise ModelFileError(
            f"{version_id!r} is not a model id. Ids hold up to 64 letters, digits, dots, dashes and underscores."
        )
    return version_id


def read_info(folder: Path) -> dict[str, Any]:
    """`model.json` of a version folder. Raises ModelFileError where it is missing, damaged or of another format."""
    try:
        info = json.loads((folder / INFO).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelFileError(
            f"The model {folder.name} is incomplete: it has no {INFO}. Add it again."
        ) from error
    except (OSError, ValueError) as error:
        raise ModelFileError(
            f"{INFO} of the model {folder.name} cannot be read ({error}). Add it again."
        ) from error
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        found = info.get("format") if isinstance(info, dict) else None
        raise ModelFileError(
            f"The model {folder.name} has format {found}, this program reads {FORMAT}. Update Pterion, or train again."
        )
    check_id(info.get("id"))
    files, thresholds = info.get("files"), info.get("thresholds")
    if not isinstance(files, dict) or any(name not in files for name in (WEIGHTS, *GRAPHS)):
        raise ModelFileError(f"{INFO} of the model {folder.name} does not list its files. Add it again.")
    tables = [thresholds, info.get("study_thresholds", thresholds)]
    if any(not isinstance(t, dict) or any(not _probability(t.get(code)) for code in SCORES) for t in tables):
        raise ModelFileError(
            f"{INFO} of the model {folder.name} lacks a threshold from 0 to 1 for {', '.join(SCORES)}."
        )
    return info


def study_thresholds(info: Mapping[str, Any]) -> dict[str, float]:
    """Score from which on a study is suspected; those of its slices where a version has none of its own."""
    return {code: float(info.get("study_thresholds", info["thresholds"])[code]) for code in SCORES}


def _probability(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def read_file(folder: Path, info: dict[str, Any], name: str) -> bytes:
    """Bytes of one file of a version, equal to what `model.json` promises. Raises ModelFileError where not."""
    path = folder / name
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ModelFileError(
                f"{name} of the model {folder.name} is larger than any model of this program."
            )
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"{name} of the model {folder.name} cannot be read ({error.strerror}). Add the model again."
        ) from error
    if hashlib.sha256(content).hexdigest() != info["files"].get(name):
        raise ModelFileError(
            f"{name} of the model {folder.name} is not the file that was written: its checksum differs. "
            "Roll back to another model, or add this one again."
        )
    return content


def verify(folder: Path) -> dict[str, Any]:
    """Info of a version folder whose every file is the one that was written. Raises ModelFileError where not."""
    info = read_info(folder)
    for name in info["files"]:
        if name not in FILES or name == INFO:
            raise ModelFileError(
                f"The model {folder.name} lists {name!r}, which is no part of a model. Do not use it."
            )
        read_file(folder, info, name)
    for path in folder.iterdir():
        if path.is_symlink() or (path.name != INFO and path.name not in info["files"]):
            raise ModelFileError(
                f"The model {folder.name} holds {path.name!r}, which it does not list. Do not use it."
            )
    return info


def open_graph(
    folder: Path,
    name: str,
    content: bytes,
    threads: int = 1,
    providers: Sequence[str] = ("CPUExecutionProvider",),
) -> "InferenceSession":
    """A session of ONNX Runtime over `content`, the graph `name` of a version. Raises ModelFileError.

    providers: of the runtime, the first one that works is used.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Threads that spin while they wait would steal the cores from the window.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(content, options, providers=list(providers))
    except Exception as error:  # the runtime's errors share no base class below Exception
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelFileError(
            f"{name} of the model {folder.name} cannot be loaded ({first_line}). Roll back, or train it again."
        ) from error


def check_loadable(folder: Path) -> None:
    """Raise ModelFileError unless weights and graphs open and the graphs have the three parts' outputs."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / WEIGHTS, "np") as weights:
            if not weights.keys():
                raise ModelFileError(f"{WEIGHTS} of the model {folder.name} is empty. Train it again.")
    except (OSError, SafetensorError) as error:
        raise ModelFileError(
            f"{WEIGHTS} of the model {folder.name} cannot be read ({error}). Train it again."
        ) from error
    for name in GRAPHS:
        found = [node.name for node in open_graph(folder, name, (folder / name).read_bytes()).get_outputs()]
        if not found or (name in _OUTPUTS and found != _OUTPUTS[name]):
            raise ModelFileError(
                f"{name} of the model {folder.name} gives {found}, not {_OUTPUTS.get(name)}."
            )


class Registry:
    """The versions of one user. Cheap to build; reads the disk when asked, so that several windows agree."""

    def __init__(self, bundled_dir: Path, user_dir: Path) -> None:
        """bundled_dir holds one folder a version; user_dir is made when first written to."""
        self._bundled_dir = bundled_dir
        self._user_dir = user_dir
        self._versions_dir = user_dir / "versions"
        self._verified: dict[Path, tuple[tuple[str, int, int], ...]] = {}

    def versions(self) -> tuple[Version, ...]:
        """Every readable version, the bundled first, then by date of creation. Files are not hashed here."""
        promoted = self._read_current()[0].promoted
        found = []
        for folder, bundled in [
            *self._folders(self._bundled_dir, True),
            *self._folders(self._versions_dir, False),
        ]:
            try:
                found.append(self._version(folder, bundled, promoted))
            except ModelFileError:
                continue
        return tuple(
            sorted(found, key=lambda v: (v.status != "bundled", str(v.info.get("created", "")), v.id))
        )

    def bundled(self) -> Version:
        """The version that came with the program (the newest, if there are several). Raises ModelFileError."""
        found = [version for version in self.versions() if version.status == "bundled"]
        if not found:
            raise ModelFileError("No model came with this program. Install Pterion again.", code="NO_MODEL")
        self._verify(found[-1].path)
        return found[-1]

    def get(self, version_id: str) -> Version:
        """The version `version_id`, its files verified. Raises ModelFileError where missing or damaged."""
        check_id(version_id)
        promoted = self._read_current()[0].promoted
        for parent, bundled in ((self._bundled_dir, True), (self._versions_dir, False)):
            folder = parent / version_id
            if (folder / INFO).is_file():
                version = self._version(folder, bundled, promoted)
                self._verify(folder)
                return version
        raise ModelFileError(f"There is no model {version_id}. `pterion models` lists those there are.")

    def current(self) -> Version:
        """The version that answers now. Where it is missing or damaged, the bundled one with a `notice`."""
        state, problem = self._read_current()
        if state.current is not None:
            try:
                return self.get(state.current)
            except ModelFileError as error:
                problem = str(error)
        bundled = self.bundled()
        if not problem:
            return bundled
        text = f"{problem} The bundled model {bundled.id} answers instead."
        return Version(bundled.id, bundled.path, bundled.status, bundled.info, notice=text)

    def add_candidate(self, folder: Path) -> Version:
        """Copy a version folder in, whole or not at all, and check it. Raises ModelFileError where it is not sound."""
        info = verify(folder)
        version_id = check_id(info["id"])
        if (self._bundled_dir / version_id).exists() or (self._versions_dir / version_id).exists():
            raise ModelFileError(
                f"A model {version_id} is there already. Discard it first, or train a new one."
            )
        try:
            self._versions_dir.mkdir(parents=True, exist_ok=True)
            self._remove_abandoned()
            temporary = Path(tempfile.mkdtemp(dir=self._versions_dir, prefix=".adding-"))
        except OSError as error:
            raise _disk_error("The model could not be added", error) from error
        try:
            for name in (*info["files"], INFO):
                _copy_durably(folder / name, temporary / name)
            verify(temporary)
            check_loadable(temporary)
            os.rename(temporary, self._versions_dir / version_id)
            _sync_folder(self._versions_dir)
        except OSError as error:
            raise _disk_error(f"The model {version_id} could not be added", error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return self.get(version_id)

    def promote(self, version_id: str) -> Version:
        """Let `version_id` answer from now on. Raises ModelFileError where it is not sound; then nothing changes."""
        version = self.get(version_id)
        state, _ = self._read_current()
        target = None if version.status == "bundled" else version.id
        if target != state.current:
            promoted = state.promoted | ({target} if target is not None else set())
            self._write_current(_Current(target, (*state.history, state.current), promoted))
        return self.get(version_id)

    def roll_back(self) -> Version:
        """Let the version before the current one answer again, skipping those discarded since."""
        state, _ = self._read_current()
        history = list(state.history)
        while history:
            previous = history.pop()
            try:
                version = self.bundled() if previous is None else self.get(previous)
            except ModelFileError:
                continue
            self._write_current(_Current(previous, tuple(history), state.promoted))
            return version
        version = self.bundled()
        self._write_current(_Current(None, (), state.promoted))
        return version

    def discard(self, version_id: str) -> None:
        """Delete a version. Raises ModelFileError for the current one, a bundled one, and one that is not there."""
        check_id(version_id)
        folder = self._versions_dir / version_id
        state, _ = self._read_current()
        if version_id == state.current:
            raise ModelFileError(f"The model {version_id} is in use. Roll back first, then discard it.")
        if not folder.is_dir():
            bundled = (self._bundled_dir / version_id).is_dir()
            reason = "came with the program and stays" if bundled else "is not there"
            raise ModelFileError(f"The model {version_id} {reason}; nothing was discarded.")
        doomed = Path(tempfile.mkdtemp(dir=self._versions_dir, prefix=".discarded-"))
        try:
            os.rename(folder, doomed / version_id)
        except OSError as error:
            raise _disk_error(f"The model {version_id} could not be discarded", error) from error
        finally:
            shutil.rmtree(doomed, ignore_errors=True)
        if version_id in state.promoted or version_id in state.history:
            history = tuple(past for past in state.history if past != version_id)
            self._write_current(_Current(state.current, history, state.promoted - {version_id}))

    def _folders(self, parent: Path, bundled: bool) -> list[tuple[Path, bool]]:
        if not parent.is_dir():
            return []
        return [(path, bundled) for path in sorted(parent.iterdir()) if not path.name.startswith(".")]

    def _version(self, folder: Path, bundled: bool, promoted: frozenset[str]) -> Version:
        info = read_info(folder)
        if info["id"] != folder.name:
            raise ModelFileError(f"The folder {folder.name} holds the model {info['id']}. Give it that name.")
        status = "bundled" if bundled else "user" if folder.name in promoted else "candidate"
        return Version(folder.name, folder, status, info)

    def _verify(self, folder: Path) -> None:
        """Hash the files, unless they are those that were hashed before (same size and time)."""
        stats = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
        state = tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
        if self._verified.get(folder) != state:
            verify(folder)
            self._verified[folder] = state

    def _read_current(self) -> tuple[_Current, str]:
        """The pointer, and a sentence where its file cannot be used."""
        path = self._user_dir / "current.json"
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            if raw["format"] != FORMAT:
                raise ValueError(f"format {raw['format']}")
            ids = [raw["current"], *raw["history"], *raw["promoted"]]
            for version_id in ids:
                if version_id is not None:
                    check_id(version_id)
            return _Current(raw["current"], tuple(raw["history"]), frozenset(raw["promoted"])), ""
        except FileNotFoundError:
            return _Current(), ""
        except (OSError, ValueError, KeyError, TypeError, ModelFileError) as error:
            return _Current(), f"current.json, which says which model to use, cannot be read ({error})."

    def _write_current(self, state: _Current) -> None:
        raw = {
            "format": FORMAT,
            "current": state.current,
            "history": list(state.history),
            "promoted": sorted(state.promoted),
        }
        try:
            self._user_dir.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._user_dir, prefix=".current-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(raw, file, indent=1)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, self._user_dir / "current.json")
            finally:
                Path(temporary).unlink(missing_ok=True)
            _sync_folder(self._user_dir)
        except OSError as error:
            raise _disk_error("The choice of the model could not be saved", error) from error

    def _remove_abandoned(self) -> None:
        """Folders that a killed process left half written."""
        for path in self._versions_dir.glob(".*-*"):
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(path, ignore_errors=True)


def _copy_durably(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("xb") as writer:
        shutil.copyfileobj(reader, writer)
        writer.flush()
        os.fsync(writer.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _disk_error(what: str, error: OSError) -> ModelFileError:
    return ModelFileError(
        f"{what}: {error.strerror or error}. Free some space or check the folder's permissions."
    )
