"""Retraining as the window sees it: gather samples, start the child, follow its events, take its candidate in."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

import viewer
from model import run_folder
from model.deal import Counts, count
from model.errors import Cancelled, PterionError
from model.labels import NOT_REVIEWED
from model.preprocess import estimate_spacing_mm
from model.registry import Registry, Version, read_info
from model.run_folder import CANDIDATE, REQUEST, SAMPLES, STOP, TERMINAL, Event, Request
from model.sample import Sample, save_sample
from viewer.corpora.annotations import annotated_samples
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.jobs.choose import sampled_slices
from viewer.library.records import SeriesRow
from viewer.library.store import FILE_NAME, Library
from viewer.resources import data_dir, require_training

POLL_S = 0.25
START_LIMIT_S = 60.0
"""How long a child may take to report for the first time."""

_children: list["subprocess.Popen[bytes]"] = []


def runs_dir() -> Path:
    """The folder of all runs of this user."""
    return data_dir() / "runs"


def read_volume(row: SeriesRow) -> Volume:
    """The whole volume of a series in the library. Raises PterionError where its files are gone or unreadable.

    Where the files do not say how large a pixel is, that is guessed from the skull.
    """
    files = list(dict.fromkeys(row.files))
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise PterionError(
            f"{len(missing)} of {len(files)} files of an annotated series are gone ({missing[0].name} …). "
            "Put them back, or open the study from its new place."
        )
    for study in scan(files).studies:
        for series in study.series:
            if series.series_uid == row.series_uid:
                volume = load_all(series)
                if series.slices[0].spacing_mm is not None:
                    return volume
                guess = estimate_spacing_mm(sampled_slices(volume))
                return replace(volume, spacing_mm=(guess, guess))
    raise PterionError("The files of an annotated series now hold another one. Open its folder again.")


def samples_of(library: Library, on_skipped: Callable[[str], None] | None = None) -> Iterator[Sample]:
    """The training samples that the library's annotations give, one at a time."""
    return annotated_samples(library, read_volume, on_skipped)


def prepare_run(
    library: Library,
    registry: Registry,
    *,
    on_progress: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    **settings: Any,
) -> tuple[Path, Counts]:
    """Make a run's folder with its samples and request; the child is not started yet.

    settings: fields of `model.run_folder.Request` other than base, incumbent, candidate_id and cache.
    Raises PterionError where a training runs already, there is nothing to learn from, or the disk is full;
    Cancelled. Then no folder is left.
    """
    tell = on_progress or _silent
    require_training()
    if find_running() is not None:
        raise PterionError("A training runs already. Wait for it, or stop it first.", code="BUSY")
    folder = _new_folder()
    try:
        (folder / SAMPLES).mkdir()
        light = []
        for number, sample in enumerate(samples_of(library, tell), start=1):
            if cancelled is not None and cancelled():
                raise Cancelled
            save_sample(sample, folder / SAMPLES / f"{number:05d}.npz")
            unseen = np.full((len(sample.hu), 1, 1), NOT_REVIEWED, np.uint8)
            light.append(replace(sample, hu=sample.hu[:, :1, :1], labels=unseen))
            tell(f"Annotated slices gathered: {number} series or part of one")
        counts = count(light)
        Request(
            base=str(registry.bundled().path),
            incumbent=str(registry.current().path),
            candidate_id=f"mine-{folder.name}",
            cache=str(data_dir() / "phantoms"),
            **{"threads": min(2, os.cpu_count() or 1), **settings},
        ).write(folder)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _not_prepared(error) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder, counts


def _new_folder() -> Path:
    """A run's folder that no other window has, named after the time."""
    try:
        runs_dir().mkdir(parents=True, exist_ok=True)
        name = datetime.now().strftime("%Y%m%d-%H%M%S")
        for suffix in ("", *(f"-{number}" for number in range(2, 100))):
            try:
                (runs_dir() / (name + suffix)).mkdir()
                return runs_dir() / (name + suffix)
            except FileExistsError:
                continue
        raise FileExistsError(17, "no free name")
    except OSError as error:
        raise _not_prepared(error) from error


def _not_prepared(error: OSError) -> PterionError:
    return PterionError(
        f"The training could not be prepared ({error.strerror}). Free some space and try again.", code="DISK"
    )


def launch(folder: Path) -> None:
    """Start the child on a prepared run. It goes on when this program ends. Raises PterionError."""
    command = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "viewer"]
    request = Request.read(folder)
    environment = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        # Before torch is loaded: threads that spin while they wait would take the cores from the window.
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": str(request.threads),
        "PYTHONUNBUFFERED": "1",
    }
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
        detached = {"creationflags": flags | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
    try:
        with (folder / "log.txt").open("ab") as log:
            child = subprocess.Popen(
                [*command, "--train-child", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=Path(viewer.__file__).parent.parent,
                **detached,
            )
    except OSError as error:
        raise PterionError(
            f"The training could not be started ({error.strerror}). Start the program again."
        ) from error
    _children.append(child)


def start(
    library: Library,
    registry: Registry,
    *,
    on_progress: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """`prepare_run` and `launch` in one; the run's folder."""
    folder, _ = prepare_run(library, registry, on_progress=on_progress, cancelled=cancelled)
    launch(folder)
    return folder


def stop(folder: Path) -> None:
    """Ask the child to end. It keeps its best epoch as a candidate where it has one."""
    (folder / STOP).touch()


def find_running() -> Path | None:
    """The folder of the training that runs now, maybe started by another window."""
    name = run_folder.running(runs_dir())
    return runs_dir() / name if name is not None else None


def unclaimed() -> tuple[Path, ...]:
    """Runs whose candidate nobody has taken in yet (it was ready after the window had closed), the latest last."""
    return tuple(sorted(path.parent for path in runs_dir().glob(f"*/{CANDIDATE}") if path.is_dir()))


def claim(folder: Path, registry: Registry) -> Version:
    """Take a run's candidate into the registry and drop what the run no longer needs. Raises ModelFileError."""
    version_id = read_info(folder / CANDIDATE)["id"]
    if version_id in (version.id for version in registry.versions()):  # taken in by another window meanwhile
        version = registry.get(version_id)
    else:
        version = registry.add_candidate(folder / CANDIDATE)
    shutil.rmtree(folder / CANDIDATE, ignore_errors=True)
    return version


class Tail:
    """Follows the events of a run, from its beginning, also one that another window started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ended = False
        self._offset = 0
        self._heard = False

    def poll(self) -> list[Event]:
        """Events since the last call. The last of a run is `candidate`, `failed` or `cancelled`; then `ended` is set.

        A child that died without a word gives a `failed` event.
        """
        _reap()
        alive = (
            run_folder.running(self.folder.parent) == self.folder.name
        )  # before reading: a last word is not lost
        events, self._offset = run_folder.read_events(self.folder, self._offset)
        self._heard = self._heard or bool(events)
        if not any(event["event"] in TERMINAL for event in events) and not alive and self._overdue():
            text = (
                f"The training ended without a word. {self.folder.name}/log.txt may tell why; start it again."
            )
            events.append({"event": "failed", "code": "CHILD_DIED", "text": text})
        self.ended = self.ended or any(event["event"] in TERMINAL for event in events)
        return [event for event in events if event["event"] != "heartbeat"]

    def _overdue(self) -> bool:
        """Whether a child that holds no lock is dead rather than about to begin."""
        if self._heard or self.ended:
            return not self.ended
        try:
            begun = (self.folder / REQUEST).stat().st_mtime
        except OSError:
            return True
        own = [child for child in _children if str(self.folder) in map(str, _arguments(child))]
        return time.time() - begun > START_LIMIT_S or any(child.poll() is not None for child in own)


def tail(folder: Path) -> Iterator[Event]:
    """Every event of a run, waiting for the next until the last."""
    follower = Tail(folder)
    while not follower.ended:
        yield from follower.poll()
        if not follower.ended:
            time.sleep(POLL_S)


def retrain_headless(
    library_dir: Path,
    *,
    registry: Registry,
    dry_run: bool = False,
    on_event: Callable[[Event], None] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Retrain without a window and wait for it; the JSON of `pterion retrain`.

    dry_run: only count. An interruption (Ctrl+C) asks the child to stop. Raises PterionError where it fails.
    """
    skipped: list[str] = []
    if not (library_dir / FILE_NAME).is_file():
        raise PterionError(
            f"There is no library in {library_dir.name or library_dir}. Choose the folder that holds {FILE_NAME}.",
            code="NOT_FOUND",
        )
    library = Library(library_dir)
    try:
        if dry_run:
            counts = count(samples_of(library, skipped.append))
            return {"dry_run": True, **vars(counts), "warning": counts.warning, "skipped": skipped}
        folder, counts = prepare_run(library, registry, **settings)
    finally:
        library.close()
    launch(folder)
    last: Event = {}
    try:
        for last in tail(folder):
            if on_event is not None:
                on_event(last)
    except KeyboardInterrupt:
        stop(folder)
        raise
    if last["event"] == "failed":
        raise PterionError(last["text"], code=last["code"])
    result: dict[str, Any] = {
        **vars(counts),
        "warning": counts.warning,
        "run": str(folder),
        "outcome": last["event"],
    }
    if last["event"] == "candidate":
        version = claim(folder, registry)
        result |= {
            "candidate": version.id,
            **{key: last[key] for key in ("comparison", "metrics", "verdict")},
        }
    return result


def _arguments(child: "subprocess.Popen[bytes]") -> list[Any]:
    return list(child.args) if isinstance(child.args, list | tuple) else [child.args]


def _reap() -> None:
    """Let ended children go, so that they do not stay as zombies."""
    for child in _children:
        child.poll()


def _silent(_text: str) -> None:
    """Nobody listens."""
