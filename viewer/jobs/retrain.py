"""Retraining as the window sees it: gather samples, start the child, follow its events, take its candidate in."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import viewer
from model import run_folder
from model.deal import Counts, Split, Tally
from model.errors import Cancelled, ModelFileError, PterionError
from model.pointer import check_id
from model.preprocess import estimate_spacing_mm
from model.registry import Registry, Version, read_info
from model.run_folder import ABANDON, CANDIDATE, PAUSE, REQUEST, SAMPLES, STOP, TERMINAL, Event, Request
from model.sample import save_sample
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.jobs.approved import Choice, LeftOut, approved_samples
from viewer.jobs.choose import sampled_slices
from viewer.library.records import SeriesRow
from viewer.library.store import Library
from viewer.resources import data_dir, require_training

SPLIT = "retraining_split"
"""Name of the library's setting that holds the split of its patients."""
CANDIDATE_PREFIX = "mine-"
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


@dataclass(frozen=True)
class Prepared:
    """A run that may be launched. counts: what it learns from. bleeds: whether each patient does. left_out: what it
    does not learn from, and why, in sentences."""

    folder: Path
    counts: Counts
    bleeds: dict[str, bool]
    left_out: tuple[str, ...]


def prepare_run(
    library: Library,
    registry: Registry,
    *,
    choice: Choice | None = None,
    on_progress: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    **settings: Any,
) -> Prepared:
    """Make a run's folder with its samples and request; the child is not started yet.

    Newcomers among the patients get their part of the split here, for ever. settings: fields of
    `model.run_folder.Request` other than base, incumbent, candidate_id and cache. Raises PterionError where a
    training runs already, there is too little to learn from, or the disk is full; Cancelled. Then no folder is left.
    """
    require_training()
    tell, choice = on_progress or _silent, choice or Choice()
    _end_timing(tell, cancelled)
    if find_running() is not None:
        raise PterionError("A training runs already. Wait for it, or stop it first.", code="BUSY")
    folder = _new_folder()
    try:
        (folder / SAMPLES).mkdir()
        tally, left_out = Tally(), LeftOut()
        for number, sample in enumerate(approved_samples(library, read_volume, choice, left_out), start=1):
            if cancelled is not None and cancelled():
                raise Cancelled
            save_sample(sample, folder / SAMPLES / f"{number:05d}.npz")
            tally.add(sample)
            tell(f"Annotated slices gathered: {number} series or part of one")
        if tally.counts.refusal:
            said = " ".join((tally.counts.refusal, *left_out.sentences))
            raise PterionError(said, code="NOTHING_TO_LEARN")
        split = read_split(library).extended(tally.bleeds)
        if not settings.get("probe"):
            write_split(library, split)
        Request(
            base=str(registry.bundled().path),
            incumbent=str(registry.current().path),
            candidate_id=f"{CANDIDATE_PREFIX}{folder.name}",
            cache=str(data_dir() / "phantoms"),
            **{
                "threads": min(2, os.cpu_count() or 1),
                "split": {patient: split.parts[patient] for patient in tally.bleeds},
                "subtypes": choice.subtypes,
                "left_out": left_out.sentences,
                "code": viewer.__version__,
                **settings,
            },
        ).write(folder)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _not_prepared(error) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Prepared(folder, tally.counts, tally.bleeds, left_out.sentences)


def read_split(library: Library) -> Split:
    """Which part each patient of the library belongs to. Raises PterionError where that is damaged."""
    return Split.from_json(library.setting(SPLIT))


def write_split(library: Library, split: Split) -> None:
    """Keep the split with the library."""
    if split.to_json() != library.setting(SPLIT):
        library.set_setting(SPLIT, split.to_json())


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
    with suppress(OSError):
        os.utime(folder / REQUEST)  # so that what a child before it said is not taken for this one's
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
    choice: Choice | None = None,
    on_progress: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """`prepare_run` and `launch` in one; the run's folder."""
    prepared = prepare_run(library, registry, choice=choice, on_progress=on_progress, cancelled=cancelled)
    launch(prepared.folder)
    return prepared.folder


def stop(folder: Path) -> None:
    """Ask the child to end the training. The best so far becomes a candidate where there is one."""
    _ask(folder, STOP)


def abandon(folder: Path) -> None:
    """Ask the child to end without a candidate."""
    _ask(folder, ABANDON)


def pause(folder: Path, paused: bool = True) -> None:
    """Ask the child to wait, or to go on."""
    if paused:
        _ask(folder, PAUSE)
    else:
        (folder / PAUSE).unlink(missing_ok=True)


def _ask(folder: Path, name: str) -> None:
    try:
        (folder / name).touch()
    except OSError as error:
        raise PterionError(
            f"The training cannot be reached ({error.strerror}). It goes on; try again once the disk takes files."
        ) from error


def find_running() -> Path | None:
    """The folder of the training that runs now, maybe started by another window."""
    name = run_folder.running(runs_dir())
    return runs_dir() / name if name is not None else None


def interrupted() -> Path | None:
    """The latest run that neither ended nor runs: the computer was switched off, or the child killed."""
    if find_running() is not None:
        return None
    for request in sorted(runs_dir().glob(f"*/{REQUEST}"), reverse=True):
        if _timed_only(request.parent):
            forget(request.parent)
            continue
        events, _ = run_folder.read_events(request.parent)
        ended = any(event["event"] in TERMINAL for event in events)
        if events and not ended and any((request.parent / SAMPLES).glob("*.npz")):
            return request.parent
    return None


def _timed_only(folder: Path) -> bool:
    try:
        return Request.read(folder).probe
    except PterionError:
        return False


def _timing() -> tuple[Path, ...]:
    """Folders of children that only time steps, one whose folder was deleted before it ended among them."""
    own = [Path(_arguments(child)[-1]) for child in _children if child.poll() is None]
    gone = [folder for folder in own if not (folder / REQUEST).is_file()]
    here = filter(None, (*own, find_running()))
    return (*gone, *filter(_timed_only, here))


def _end_timing(tell: Callable[[str], None], cancelled: Callable[[], bool] | None) -> None:
    """Let children that only time steps give way to a training, or to a timing of something else. Raises Cancelled."""
    until = time.monotonic() + START_LIMIT_S
    while (folders := _timing()) and time.monotonic() < until:
        tell("Waiting until the timing has ended")
        for folder in filter(Path.is_dir, folders):
            abandon(folder)
        if cancelled is not None and cancelled():
            raise Cancelled
        time.sleep(POLL_S)


def forget(folder: Path) -> None:
    """Delete an interrupted run, or the pictures of one whose model is gone."""
    shutil.rmtree(folder, ignore_errors=True)


def unclaimed() -> tuple[Path, ...]:
    """Runs whose candidate nobody has taken in yet (it was ready after the window had closed), the latest last."""
    return tuple(sorted(path.parent for path in runs_dir().glob(f"*/{CANDIDATE}") if path.is_dir()))


def run_of(version_id: str) -> Path:
    """The folder of the run that a version of this computer came from; it need not be there any more."""
    return runs_dir() / version_id.removeprefix(CANDIDATE_PREFIX)


def forget_run_of(version_id: str, registry: Registry) -> None:
    """Delete what the run of a version kept, pictures of patients among it, unless the version is still there."""
    name = version_id.removeprefix(CANDIDATE_PREFIX)
    if name == version_id or version_id in {version.id for version in registry.versions()}:
        return
    try:
        forget(runs_dir() / check_id(name))  # an id names a folder in there, and none above
    except ModelFileError:
        return


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
        self._heard = 0.0  # when the child last said something

    def poll(self) -> list[Event]:
        """Events since the last call. The last of a run is `candidate`, `failed` or `cancelled`; then `ended` is set.

        A child that died without a word gives a `failed` event.
        """
        _reap()
        alive = (
            run_folder.running(self.folder.parent) == self.folder.name
        )  # before reading: a last word is not lost
        events, self._offset = run_folder.read_events(self.folder, self._offset)
        self._heard = max([self._heard, *(float(event.get("time", 0)) for event in events)])
        if not any(event["event"] in TERMINAL for event in events) and not alive and self._overdue():
            text = (
                f"The training ended without a word. {self.folder.name}/log.txt may tell why; start it again."
            )
            events.append({"event": "failed", "code": "CHILD_DIED", "text": text})
        self.ended = self.ended or any(event["event"] in TERMINAL for event in events)
        return [event for event in events if event["event"] != "heartbeat"]

    def _overdue(self) -> bool:
        """Whether a child that holds no lock is dead rather than about to begin."""
        if self.ended:
            return False
        try:
            begun = (self.folder / REQUEST).stat().st_mtime  # `launch` touches it
        except OSError:
            return True
        if self._heard > begun:
            return True
        own = [child for child in _children if str(self.folder) in map(str, _arguments(child))]
        return time.time() - begun > START_LIMIT_S or any(child.poll() is not None for child in own)


def tail(folder: Path, cancelled: Callable[[], bool] | None = None) -> Iterator[Event]:
    """Every event of a run, waiting for the next until the last. `cancelled` asks the child to end with nothing."""
    follower = Tail(folder)
    while not follower.ended:
        if cancelled is not None and cancelled():
            abandon(folder)
        yield from follower.poll()
        if not follower.ended:
            time.sleep(POLL_S)


def _arguments(child: "subprocess.Popen[bytes]") -> list[Any]:
    return list(child.args) if isinstance(child.args, list | tuple) else [child.args]


def _reap() -> None:
    """Let ended children go, so that they do not stay as zombies."""
    for child in _children:
        child.poll()


def _silent(_text: str) -> None:
    """Nobody listens."""
