"""What the reader opens: files and folders to studies, a series to its volume, thumbnails on the way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer

from model.errors import PterionError
from viewer.app.knowing import Knowing
from viewer.app.tasks import Tasks
from viewer.dicom.kept import KeptVolumes
from viewer.dicom.load import allocate, load_slice
from viewer.dicom.series import Problem, ScanResult, Series, Study
from viewer.dicom.volume import Volume
from viewer.imaging.render import grey_table
from viewer.imaging.windows import BRAIN, auto_window, header_window
from viewer.jobs.choose import choose_series, why_not
from viewer.jobs.qt import BATCH_MS
from viewer.jobs.reading_qt import LoadJob, ScanJob
from viewer.session import Session

THUMBNAIL_PX = 220
MARKED_AT_ONCE = 32
"""Slices that the views are told of in one go, which is a few milliseconds of work."""
NOT_BRAIN = frozenset({Problem.LOCALIZER, Problem.AI_NOT_RUN})
LOOKING = "Looking for studies…"
OTHER_STUDY = "Choose another study."
NAMES_FILES = "What is wrong names files, which may name the patient. Show the patient to read it."


def thumbnail(series: Series) -> npt.NDArray[np.uint8] | None:
    """The middle slice, uint8, at most about 220 px wide; None where it cannot be read.

    Heads are shown in the brain window, scouts and what has no HU as their header or their values ask for.
    """
    middle = len(series.slices) // 2
    alone = replace(
        series, slices=series.slices[middle : middle + 1], gaps_mm=(), z_mm=series.z_mm[middle : middle + 1]
    )
    volume = allocate(alone)
    if load_slice(volume, 0) is not None:
        return None
    step = max(max(volume.hu.shape[1:]) // THUMBNAIL_PX, 1)
    window = BRAIN
    if series.problems & NOT_BRAIN:
        window = header_window(alone.slices[0].window) or auto_window(volume.hu[0])
    return grey_table(window, series.inverted)[
        np.ascontiguousarray(volume.hu[0, ::step, ::step]).view(np.uint16)
    ]


class Opening(QObject):
    """Files and folders to studies, a series to its volume, thumbnails on the way."""

    def __init__(self, session: Session, chores: Tasks, knowing: Knowing, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._knowing = knowing
        self._studies: dict[str, Study] = {}
        self._scan: ScanJob | None = None
        self._load: LoadJob | None = None
        self._asked: Series | None = None
        self._volumes = KeptVolumes()
        self._wanted: dict[tuple[str, str], Series] = {}
        self._unmarked: list[tuple[int, str | None]] = []
        self._portions = QTimer(self, singleShot=True, interval=BATCH_MS)
        self._portions.timeout.connect(self._mark)
        self._said = self._before = ""
        self._chores = chores
        self.scanned: Callable[[tuple[Study, ...]], None] = lambda _: None
        self.opened: Callable[[Volume, LoadJob], None] = lambda _volume, _job: None
        self.arrived: Callable[[], None] = lambda: None
        self.closed: Callable[[], None] = lambda: None
        self.first: Callable[[tuple[Study, ...]], tuple[Study, Series] | None] = lambda _: None
        session.open_requested.connect(self.open_paths)
        session.series_requested.connect(self.open_series)
        session.password_given.connect(self._answer)
        session.looking_cancel_requested.connect(self._stop_looking)
        session.study_opened.connect(self._study_opened)
        session.slice_index_changed.connect(lambda index: self._load.look_at(index) if self._load else None)

    @property
    def busy(self) -> bool:
        """Whether files are looked for or a series is loaded just now."""
        return any(job is not None and job.running for job in (self._scan, self._load))

    @property
    def volumes(self) -> KeptVolumes:
        """What was loaded and may be looked at again, in other viewports too."""
        return self._volumes

    def open_paths(self, paths: tuple[Path, ...]) -> None:
        """Scan files and folders in the background; their studies join the worklist as they are found."""
        if self._scan is not None:
            self._scan.cancel()
        job = self._scan = ScanJob(paths, self, self._knowing)
        found: dict[str, Study] = {}
        job.studies_found.connect(lambda studies: self._found(studies, found))
        job.scanned.connect(lambda result: self._scanned(job, result))
        job.failed.connect(lambda error: self._failed(job, error))
        job.progressed.connect(lambda *how_far: self._progressed(job, *how_far))
        job.password_wanted.connect(self._session.password_wanted)
        job.finished.connect(job.deleteLater)
        job.finished.connect(lambda: self._ended(job))
        if self._session.volume is None:
            self._session.set_load_state(LOOKING)
        self._session.set_looking(True)
        job.start()

    def _stop_looking(self) -> None:
        if self._scan is not None:
            self._scan.cancel()

    def _progressed(self, job: ScanJob, what: str, done: int, total: int) -> None:
        """Say how far unpacking or copying is; not what, while the patient is hidden."""
        if job is self._scan:
            what = what.split(" ")[0] if self._session.patient_hidden else what
            if self._session.load_state != self._said:
                self._before = self._session.load_state
            self._said = f"{what}… {100 * done // max(total, 1)} %"
            self._session.set_load_state(self._said)

    def _answer(self, password: str | None) -> None:
        if self._scan is not None:
            self._scan.answer(password)

    def _ended(self, job: ScanJob) -> None:
        """Its last word must not stay, nor that of one that was given up."""
        if job is self._scan:
            self._scan = None
            self._before = ""
            self._session.set_looking(False)
        if self._session.load_state in (self._said, LOOKING):
            self._session.set_load_state(self._before if self._session.volume is not None else "")

    def _found(self, studies: tuple[Study, ...], found: dict[str, Study]) -> None:
        found |= {study.study_uid: study for study in studies}
        self._studies |= found
        self._session.set_studies(tuple(self._studies.values()))
        if self._session.volume is None:
            series = sum(len(study.series) for study in found.values())
            self._session.set_load_state(f"Looking for studies… {len(found)} found, {series} series")

    def join(self, studies: tuple[Study, ...]) -> None:
        """Add studies that something else found to the worklist; those that are in it stay as they are."""
        self._studies = {study.study_uid: study for study in studies} | self._studies
        self._session.set_studies(tuple(self._studies.values()))

    def _failed(self, job: ScanJob, error: PterionError) -> None:
        if job is self._scan:
            self._scan = None
            self._session.set_load_state("" if self._session.volume is None else self._session.load_state)
            self._session.notice("error", "Nothing could be opened", str(error), NAMES_FILES)

    def _scanned(self, job: ScanJob, result: ScanResult) -> None:
        if job is not self._scan:
            return
        self._scan = None
        self._found(result.studies, {})
        self._session.set_load_state("" if self._session.volume is None else self._session.load_state)
        for note in result.notes:
            self._session.notice("warning", "Some files could not be read", note.text, note.discreet)
        self.scanned(result.studies)
        opened = self._session.series
        current = self._series(opened.series_uid) if opened is not None else None
        if current is not None and opened is not None and current[1] != opened:
            # It was opened while the scan still found slices of it, or its files are others now.
            self.open_series(current[1].series_uid)
        elif (chosen := self.first(result.studies)) is not None:
            self._open(*chosen)
        elif result.studies:
            scorable = [study for study in result.studies if not all(why_not(s) for s in study.series)]
            self._session.set_study((scorable or result.studies)[0])
        self._knowing.keep(result)

    def _study_opened(self, study: Study | None) -> None:
        """Open the series of a study that is worth most, unless one of its series is open. One of another study that
        was asked for before, and is not there yet, does not come any more."""
        if study is None:
            return
        opened, asked = self._session.series, self._asked
        if opened is not None and asked is not None and opened in study.series and asked not in study.series:
            if self._load is not None and self._load.running:
                self._open(study, opened)
        elif opened is None or opened not in study.series:
            series = self._best(study)
            if series is not None:
                self.open_series(series.series_uid)
            else:
                self._forget_series()
                text, discreet = (
                    " ".join(
                        [note.told(hidden=hidden) for s in study.series for note in s.notes] + [OTHER_STUDY]
                    )
                    for hidden in (False, True)
                )
                self._session.notice("warning", "This study has no series that can be shown", text, discreet)
        for series in study.series:
            self._picture(series)

    def _forget_series(self) -> None:
        """Show nothing: another patient's images must not stay beside this study's name."""
        if self._load is not None:
            self._load.cancel()
            self._load = None
        if self._session.series is not None:
            self.closed()

    @staticmethod
    def _best(study: Study) -> Series | None:
        try:
            return choose_series(study)
        except PterionError:
            shown = [series for series in study.series if series.showable]
            return max(shown, key=lambda series: len(series.slices), default=None)

    def _picture(self, series: Series) -> None:
        """Ask for a thumbnail, once a series; again where other files stand under its UID now."""
        before = self._wanted.get(series.key)
        if before == series or not (series.showable or before):
            return
        self._wanted[series.key] = series
        if not series.showable:
            self._session.set_thumbnail(series, np.zeros((1, 1), np.uint8))
            return

        def show(drawn: tuple[npt.NDArray[np.uint8] | None, bool]) -> None:
            grey, fresh = drawn
            if grey is not None:
                self._session.set_thumbnail(series, grey)
                if fresh:
                    self._knowing.keep_picture(series, grey)

        def draw() -> tuple[npt.NDArray[np.uint8] | None, bool]:
            kept = self._knowing.picture(series)
            return (thumbnail(series), True) if kept is None else (kept, False)

        self._chores.ask("Thumbnail", draw, show, failed=lambda _: None)

    def _series(self, series_uid: str) -> tuple[Study, Series] | None:
        """A series by its UID; that of the open study first, for careless copies share UIDs."""
        opened = self._session.study.study_uid if self._session.study is not None else ""
        for study in sorted(self._studies.values(), key=lambda one: one.study_uid != opened):
            for series in study.series:
                if series.series_uid == series_uid:
                    return study, series
        return None

    def open_series(self, series_uid: str) -> None:
        """Load a series, the middle slice first; it shows as soon as its first slice is there."""
        found = self._series(series_uid)
        if found is not None:
            self._open(*found)

    def _open(self, study: Study, series: Series) -> None:
        if self._load is not None:
            self._load.cancel()
        self._unmarked.clear()
        middle = len(series.slices) // 2
        self._asked = series
        job = self._load = LoadJob(series, middle, self, self._volumes)
        job.volume_ready.connect(lambda volume: self._ready(job, study, volume, middle))
        job.slices_loaded.connect(lambda slices: self._arrived(job, slices))
        job.loaded.connect(lambda volume: self._loaded(job, volume))
        job.failed.connect(lambda error: self._not_loaded(job, error))
        job.finished.connect(job.deleteLater)
        job.finished.connect(self._keep_when_calm)
        self._knowing.hold()
        job.start()

    def _keep_when_calm(self) -> None:
        """A load has ended: the library may work now, unless another goes on."""
        if self._load is None or not self._load.running:
            self._knowing.release()

    def _ready(self, job: LoadJob, study: Study, volume: Volume, middle: int) -> None:
        if job is not self._load:
            return
        another = volume is not self._session.volume
        self._session.set_volume(volume)
        self._session.set_study(study)
        if another:  # else its own loading goes on, which something else had interrupted
            self._session.set_slice_index(middle)
            self.opened(volume, job)

    def _arrived(self, job: LoadJob, slices: tuple[tuple[int, str | None], ...]) -> None:
        if job is self._load:
            self._unmarked += slices
            if not self._portions.isActive():
                self._mark()

    def _mark(self, most: int = MARKED_AT_ONCE) -> None:
        """Tell the session of slices that have come in, of so many that the window is not held up for long."""
        volume = self._session.volume
        if volume is None or not self._unmarked:
            return
        for index, error in self._unmarked[:most]:
            self._session.mark_slice_loaded(index, error)
        del self._unmarked[:most]
        megabytes = volume.hu.nbytes / 1e6
        text = f"Series {int(volume.loaded.sum())}/{len(volume.hu)} loaded · {megabytes:.1f} MB"
        self._session.set_load_state(text)
        self.arrived()
        if self._unmarked:
            self._portions.start()

    def _loaded(self, job: LoadJob, volume: Volume) -> None:
        failed = np.flatnonzero(volume.failed)
        if job is not self._load or not failed.size:
            return
        self._mark(len(self._unmarked))
        reasons = dict.fromkeys(self._session.slice_errors.get(int(i), "") for i in failed)
        numbers = ", ".join(str(i + 1) for i in failed[:12]) + (" …" if len(failed) > 12 else "")
        title = f"{len(failed)} of {len(volume.hu)} slices could not be read"
        text = f"Slices {numbers} are shown as gaps; the others are open."
        self._session.notice("error", title, f"{text} {' '.join(list(reasons)[:3])}", text)

    def _not_loaded(self, job: LoadJob, error: PterionError) -> None:
        if job is not self._load:
            return
        self._session.notice("error", "The series could not be opened", str(error), NAMES_FILES)
        shown, study = self._session.series, self._session.study
        if shown is not None and study is not None and shown not in study.series:
            self.closed()  # another patient's images must not stay beside this study's name

    def shutdown(self) -> None:
        """End every job; what is to be kept is kept."""
        self._knowing.release()
        for job in (self._scan, self._load):
            if job is not None and job.running:
                job.shutdown()
