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
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import ModelFileError
from model.labels import SCORES
from model.pointer import Pointer, check_id, check_name, disk_error, read_pointer, sync_folder, write_pointer

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FORMAT = 1
GRAPHS = ("encode.onnx", "decode.onnx", "sequence.onnx")
WEIGHTS = "weights.safetensors"
INFO = "model.json"
REPORT = "report.json"
CASES, LOG = "cases.json", "log.jsonl"
FILES = (WEIGHTS, *GRAPHS, INFO, "card.md", REPORT, CASES, LOG)
"""Everything a version folder may hold; pickles and other code have no place in it."""

MAX_FILE_BYTES = 512 * 2**20
_ABANDONED_S = 3600
_OUTPUTS = {
    GRAPHS[1]: ["mask_logits", "slice_logits", "embedding"],
    GRAPHS[2]: ["slice_logits", "study_logits"],
}


@dataclass(frozen=True)
class Version:
    """One model version.

    status: `bundled`, `candidate` (never promoted) or `user` (promoted once).
    info: its `model.json`. name: what its owner calls it, else empty.
    notice: a sentence for the user where this version stands in for another that is missing or damaged.
    """

    id: str
    path: Path
    status: str
    info: dict[str, Any]
    notice: str = ""
    name: str = ""

    @property
    def size(self) -> int:
        """Bytes that its folder takes."""
        return sum(path.stat().st_size for path in self.path.iterdir() if path.is_file())


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
        state = read_pointer(self._user_dir)[0]
        found = []
        for folder, bundled in [
            *self._folders(self._bundled_dir, True),
            *self._folders(self._versions_dir, False),
        ]:
            try:
                found.append(self._version(folder, bundled, state))
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
        state = read_pointer(self._user_dir)[0]
        for parent, bundled in ((self._bundled_dir, True), (self._versions_dir, False)):
            folder = parent / version_id
            if (folder / INFO).is_file():
                version = self._version(folder, bundled, state)
                self._verify(folder)
                return version
        raise ModelFileError(f"There is no model {version_id}. `pterion models` lists those there are.")

    def current(self) -> Version:
        """The version that answers now. Where it is missing or damaged, the bundled one with a `notice`."""
        state, problem = read_pointer(self._user_dir)
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
            raise disk_error("The model could not be added", error) from error
        try:
            for name in (*info["files"], INFO):
                _copy_durably(folder / name, temporary / name)
            verify(temporary)
            check_loadable(temporary)
            os.rename(temporary, self._versions_dir / version_id)
            sync_folder(self._versions_dir)
        except OSError as error:
            raise disk_error(f"The model {version_id} could not be added", error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return self.get(version_id)

    def promote(self, version_id: str) -> Version:
        """Let `version_id` answer from now on. Raises ModelFileError where it is not sound; then nothing changes."""
        version = self.get(version_id)
        state, _ = read_pointer(self._user_dir)
        target = None if version.status == "bundled" else version.id
        if target != state.current:
            promoted = state.promoted | ({target} if target is not None else set())
            moved = replace(state, current=target, history=(*state.history, state.current), promoted=promoted)
            write_pointer(self._user_dir, moved)
        return self.get(version_id)

    def roll_back(self, version_id: str | None = None) -> Version:
        """Let the version before the current one answer again, skipping those discarded since; or any that is named.

        Raises ModelFileError where the named one is not sound; then nothing changes.
        """
        if version_id is not None:
            return self.promote(version_id)
        state, _ = read_pointer(self._user_dir)
        history = list(state.history)
        while history:
            previous = history.pop()
            try:
                version = self.bundled() if previous is None else self.get(previous)
            except ModelFileError:
                continue
            write_pointer(self._user_dir, replace(state, current=previous, history=tuple(history)))
            return version
        version = self.bundled()
        write_pointer(self._user_dir, replace(state, current=None, history=()))
        return version

    def discard(self, version_id: str) -> None:
        """Delete a version. Raises ModelFileError for the current one, a bundled one, and one that is not there."""
        check_id(version_id)
        folder = self._versions_dir / version_id
        state, _ = read_pointer(self._user_dir)
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
            raise disk_error(f"The model {version_id} could not be discarded", error) from error
        finally:
            shutil.rmtree(doomed, ignore_errors=True)
        if version_id in {*state.promoted, *state.history, *state.names}:
            history = tuple(past for past in state.history if past != version_id)
            names = {known: name for known, name in state.names.items() if known != version_id}
            promoted = state.promoted - {version_id}
            write_pointer(self._user_dir, Pointer(state.current, history, promoted, names))

    def rename(self, version_id: str, name: str) -> Version:
        """Give a version a name to show beside its id, or none. The id stays: findings and exports carry it."""
        self.get(version_id)
        state = read_pointer(self._user_dir)[0]
        names = {**state.names, version_id: check_name(name)}
        kept = {known: text for known, text in names.items() if text}
        write_pointer(self._user_dir, replace(state, names=kept))
        return self.get(version_id)

    def import_version(self, path: Path) -> Version:
        """Take in a version folder, or the .zip that `model.packed.pack` wrote, as a candidate.

        Raises ModelFileError where it is not sound; then nothing is left of it.
        """
        from model.packed import unpacked

        if path.is_dir():
            return self.add_candidate(path)
        with unpacked(path) as folder:
            return self.add_candidate(folder)

    def _folders(self, parent: Path, bundled: bool) -> list[tuple[Path, bool]]:
        if not parent.is_dir():
            return []
        return [(path, bundled) for path in sorted(parent.iterdir()) if not path.name.startswith(".")]

    def _version(self, folder: Path, bundled: bool, state: Pointer) -> Version:
        info = read_info(folder)
        if info["id"] != folder.name:
            raise ModelFileError(f"The folder {folder.name} holds the model {info['id']}. Give it that name.")
        status = "bundled" if bundled else "user" if folder.name in state.promoted else "candidate"
        return Version(folder.name, folder, status, info, name=state.names.get(folder.name, ""))

    def _verify(self, folder: Path) -> None:
        """Hash the files, unless they are those that were hashed before (same size and time)."""
        stats = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
        state = tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
        if self._verified.get(folder) != state:
            verify(folder)
            self._verified[folder] = state

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
