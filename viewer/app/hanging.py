"""What hangs where: the layout a study opens in, its prior, and series that are shown beside the open one."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject

from model.errors import PterionError
from viewer.app.tasks import Tasks
from viewer.dicom.kept import KeptVolumes
from viewer.dicom.series import Series, Study
from viewer.dicom.volume import Volume
from viewer.imaging.layouts import COMPARE, fitting, layout_of
from viewer.imaging.pane import Links, SeriesKey
from viewer.jobs.prior import counterpart, prior_of, same_patient
from viewer.jobs.reading_qt import LoadJob
from viewer.library.store import Library
from viewer.session import Session
from viewer.ui.study_text import day

SETTING = "reading_room"
MOST_STUDIES = 500
OTHER_PATIENT = "This series belongs to another patient. Show it beside the open one all the same?"


class Hanging(QObject):
    """Chooses the layout of a study, finds its prior, loads series for single viewports.

    may_mix: asked before a series of another patient is shown beside the open one.
    """

    def __init__(
        self, session: Session, volumes: KeptVolumes, library: Library, tasks: Tasks, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._panes = session, session.panes
        self._volumes, self._library, self._tasks = volumes, library, tasks
        self._jobs: dict[SeriesKey, LoadJob] = {}
        self._running: set[LoadJob] = set()
        self._kept: dict[str, Any] = {}
        self._study_uid = ""
        self.may_mix: Callable[[str], bool] = lambda _: False
        session.volume_changed.connect(self._opened)
        session.studies_changed.connect(self._look_for_prior)
        session.study_opened.connect(self._look_for_prior)
        session.layout_chosen.connect(self._remember_layout)
        session.compare_requested.connect(self.compare)
        session.pane_series_requested.connect(self.show)
        session.panes.links_changed.connect(self._remember_links)
        session.panes.changed.connect(self._look_at)

    # settings

    def begin(self) -> None:
        """Read what was chosen before."""
        self._tasks.ask("", lambda: self._library.setting(SETTING, {}), self._take, failed=lambda _: None)

    def _take(self, kept: object) -> None:
        if not isinstance(kept, dict):
            return
        self._kept = kept | self._kept
        links = kept.get("links")
        if isinstance(links, dict) and set(links) == set(vars(Links())):
            self._panes.set_links(Links(**{name: bool(on) for name, on in links.items()}))
        self._hang()

    def _remember_layout(self, id_: str) -> None:
        """Open this study so again; the oldest choices are forgotten."""
        if not self._study_uid:
            return
        layouts = {uid: kept for uid, kept in self._layouts().items() if uid != self._study_uid}
        layouts[self._study_uid] = id_
        self._keep("layouts", dict(list(layouts.items())[-MOST_STUDIES:]))

    def _layouts(self) -> dict[str, str]:
        layouts = self._kept.get("layouts")
        return layouts if isinstance(layouts, dict) else {}

    def _remember_links(self, links: Links) -> None:
        if self._kept.get("links") != vars(links):
            self._keep("links", dict(vars(links)))

    def _keep(self, name: str, value: object) -> None:
        self._kept[name] = value
        kept = dict(self._kept)
        self._tasks.ask("", lambda: self._library.set_setting(SETTING, kept), failed=lambda _: None)

    # the study that is opened

    def _opened(self, volume: Volume | None) -> None:
        """A series is open: hang a new study; loads for viewports that are gone end."""
        hung = {pane.series for pane in self._panes.panes}
        for key in [key for key in self._jobs if key not in hung]:
            self._jobs.pop(key).cancel()
        uid = volume.series.study_uid if volume is not None else ""
        if uid != self._study_uid:
            self._study_uid = uid
            self._hang()

    def _hang(self) -> None:
        """The layout that was chosen for the study, or the one that fits its data."""
        volume = self._panes.open_volume
        if volume is None:
            return
        chosen = layout_of(str(self._layouts().get(self._study_uid, "")))
        if chosen == COMPARE:
            self.compare()
        else:
            self._panes.set_layout(
                chosen or fitting(volume.series.gaps_mm, cuts=volume.not_reformattable_because is None)
            )

    def _look_for_prior(self, _: object = None) -> None:
        """Say whether there is a prior to compare with; offer one that is new."""
        session = self._session
        study = self._study(session.study.study_uid) if session.study is not None else None
        prior = prior_of(study, session.studies) if study is not None else None
        before = session.prior
        session.set_prior(prior)
        if prior is not None and (before is None or before.study_uid != prior.study_uid):
            when = "" if session.patient_hidden else f" of {day(prior.date)}"
            key = session.bound.text("layout_compare")
            compare = f"Compare ({key})" if key else "Compare"
            text = (
                f"A study{when} of the same patient is in the worklist. {compare} shows it beside this one."
            )
            session.notice("info", "There is a prior", text)

    def compare(self) -> None:
        """The open series beside its counterpart in the prior; without one, an empty place to drag a series to."""
        opened, prior = self._panes.open_volume, self._session.prior
        self._panes.set_layout(COMPARE)
        if opened is None or any(pane.series for pane in self._panes.panes):
            return
        series = counterpart(opened.series, prior) if prior is not None else None
        if series is not None and prior is not None:
            self._show(1, prior, series)
        else:
            text = "No earlier study of this patient is in the worklist. Drag any series into the right viewport."
            self._session.notice("info", "No prior", text)

    # series in single viewports

    def _study(self, uid: str) -> Study | None:
        return next((study for study in self._session.studies if study.study_uid == uid), None)

    def _series(self, uid: str) -> tuple[Study, Series] | None:
        """The series with an UID, of the listed study first; of a study's UID, the series most like the open one."""
        study, opened = self._study(uid), self._panes.open_volume
        if study is not None and opened is not None:
            like = counterpart(opened.series, study)
            return (study, like) if like is not None else None
        listed = self._session.study
        ordered = (*((listed,) if listed is not None else ()), *self._session.studies)
        pairs = ((study, series) for study in ordered for series in study.series)
        return next(((study, series) for study, series in pairs if series.series_uid == uid), None)

    def show(self, number: int, uid: str) -> None:
        """Show a series, by its UID or its study's, in one viewport; ask before patients are mixed."""
        found = self._series(uid)
        if found is None or number >= len(self._panes):
            return
        self._show(number, *found)

    def _show(self, number: int, study: Study, series: Series) -> None:
        opened = self._panes.open_volume
        if opened is None:
            self._session.series_requested.emit(series.series_uid)
            return
        if not series.showable:
            text, discreet = (
                " ".join([*(note.told(hidden=hidden) for note in series.notes), "Choose another."])
                for hidden in (False, True)
            )
            self._session.notice("warning", "This series cannot be shown", text, discreet)
            return
        current = self._study(opened.series.study_uid)
        known = current is None or study.study_uid == current.study_uid or same_patient(current, study)
        if not known and not self.may_mix(OTHER_PATIENT):
            return
        self._panes.show_series(number, series.key)
        held = self._panes.volume(number)
        if held is None or (held is not opened and held.series != series):
            self._load(series)

    def load_awaited(self) -> None:
        """Load the series that hang in viewports and are not there yet."""
        hung = {series.key: series for study in self._session.studies for series in study.series}
        for number, pane in enumerate(self._panes.panes):
            if pane.series in hung and self._panes.volume(number) is None:
                self._load(hung[pane.series])

    def _load(self, series: Series) -> None:
        key = series.key
        if key in self._jobs:
            return
        job = self._jobs[key] = LoadJob(series, len(series.slices) // 2, self, self._volumes)
        job.volume_ready.connect(lambda volume: self._ready(job, key, volume))
        job.slices_loaded.connect(lambda slices: self._arrived(key, slices))
        job.failed.connect(lambda error: self._failed(key, error))
        job.finished.connect(lambda: self._ended(job, key))
        self._running.add(job)
        job.start()

    def _ready(self, job: LoadJob, key: SeriesKey, volume: Volume) -> None:
        if self._jobs.get(key) is job:
            self._panes.add_volume(volume)

    def _arrived(self, key: SeriesKey, slices: tuple[tuple[int, str | None], ...]) -> None:
        volume = self._panes.volumes.get(key)
        if volume is not None:
            self._panes.mark_loaded(volume, {index for index, _ in slices})

    def _failed(self, key: SeriesKey, error: PterionError) -> None:
        if key in self._jobs:
            self._panes.drop_volume(key)
            self._session.notice("error", "The series could not be opened", str(error))

    def _ended(self, job: LoadJob, key: SeriesKey) -> None:
        if self._jobs.get(key) is job:
            del self._jobs[key]
        self._running.discard(job)
        job.deleteLater()

    def _look_at(self, number: int) -> None:
        """Load first what is looked at."""
        pane = self._panes.panes[number]
        job = self._jobs.get(pane.series) if pane.series is not None else None
        if job is not None:
            job.look_at(pane.stop)

    def shutdown(self) -> None:
        """End every load."""
        for job in tuple(self._running):
            job.shutdown()
