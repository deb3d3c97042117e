"""What the model learns from the reader: how much there is, a training and its events, the candidate that comes out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer

from model.errors import PterionError
from model.examples import Slice, load_slices
from model.registry import Registry, Version
from model.run_folder import EXAMPLES, WORST, read_events
from viewer.annotation.document import Document
from viewer.app.following import CANCELLED, candidate_state, follow, judgement_of
from viewer.app.tasks import Tasks, unheard
from viewer.jobs import retrain
from viewer.jobs.approved import Choice
from viewer.jobs.model_qt import RetrainJob
from viewer.jobs.places import find_place
from viewer.jobs.qt import Relay
from viewer.learning import Judgement, ShownSlice, Wanted
from viewer.library.store import Library
from viewer.session import ModelEntry, Retraining, Session
from viewer.ui.loss_curve import load_plotting

COUNT_AFTER_MS = 400

Event = dict[str, Any]


def vouched_slices(document: Document) -> int:
    """Slices a reader vouches for: marked as reviewed, or annotated with nothing left to confirm."""
    return len((document.drawn_on | document.reviewed_slices) - document.unreviewed_on)


def count_annotated(library: Library) -> tuple[int, int]:
    """(patients, slices) that a training could learn from."""
    patient_of = {study.study_uid: study.patient_id or study.study_uid for study in library.studies()}
    patients, slices = set(), 0
    for study_uid, series_uid in library.annotated_series():
        found = vouched_slices(library.load_document(study_uid, series_uid))
        if found:
            patients.add(patient_of.get(study_uid, study_uid))
            slices += found
    return len(patients), slices


def shown(slices: tuple[Slice, ...]) -> tuple[ShownSlice, ...]:
    """Slices of a run as the window shows them."""
    return tuple(
        ShownSlice(one.grey, one.truth, one.before, one.after, one.dice, one.place) for one in slices
    )


class Teaching(QObject):
    """Keeps `session.retraining`, `session.annotated` and what `session.learning` says of a training true."""

    def __init__(
        self, session: Session, registry: Registry, library: Library, tasks: Tasks, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._registry = registry
        self._library = library
        self._tasks = tasks
        self._job: RetrainJob | None = None
        self._folder: Path | None = None
        self._words = Relay(self)
        self._words.arrived.connect(self._say)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(COUNT_AFTER_MS)
        self._timer.timeout.connect(self._count)
        self.claimed: Callable[[], None] = lambda: None
        session.learning.start_requested.connect(self.start)
        session.learning.pause_requested.connect(self._pause)
        session.learning.abandon_requested.connect(self.abandon)
        session.learning.judgement_requested.connect(self._judgement)
        session.retrain_cancel_requested.connect(self.cancel)
        session.models_changed.connect(self._models_changed)

    def begin(self) -> None:
        """Count, and go on with what a window before this one left: a training, a candidate, a run cut short."""
        self._count()
        self._tasks.ask(
            "",
            lambda: (retrain.find_running(), retrain.unclaimed(), retrain.interrupted()),
            self._resume,
            unheard,
        )

    def count_later(self) -> None:
        """Count again once the reader pauses."""
        self._timer.start()

    def _count(self) -> None:
        self._tasks.ask(
            "",
            lambda: count_annotated(self._library),
            lambda found: self._session.set_annotated(*found),
            unheard,
        )

    def _resume(self, found: tuple[Path | None, tuple[Path, ...], Path | None]) -> None:
        running, unclaimed, interrupted = found
        if running is not None:
            self._session.set_retraining(Retraining("running", "A training that was started before goes on"))
            self._follow(RetrainJob(lambda _cancelled: running, self))
        elif unclaimed:
            events, _ = read_events(unclaimed[-1])
            if any(event["event"] == "candidate" for event in events):
                self._claim(unclaimed[-1])
        elif interrupted is not None:
            self._session.set_retraining(Retraining("preparing", "A training that was cut short goes on"))
            folder = interrupted

            def again(_cancelled: Callable[[], bool]) -> Path:
                retrain.launch(folder)
                return folder

            self._follow(RetrainJob(again, self))

    def start(self, wanted: Wanted | None = None) -> None:
        """Gather the annotated slices and start a training, unless one runs."""
        if self._job is not None:
            return
        self._session.learning.set_examples(())
        self._session.set_retraining(Retraining("preparing", "Gathering annotated slices"))
        library, registry, tell = self._library, self._registry, self._words.put
        choice = Choice() if wanted is None else Choice(wanted.everything, wanted.subtypes)
        self._follow(
            RetrainJob(
                lambda cancelled: retrain.start(
                    library, registry, choice=choice, on_progress=tell, cancelled=cancelled
                ),
                self,
            )
        )

    def _follow(self, job: RetrainJob) -> None:
        self._job = job
        self._tasks.ask("", load_plotting)
        job.started.connect(self._started)
        job.events.connect(self._heard)
        job.failed.connect(self._failed)
        job.finished.connect(lambda: self._finished(job))
        job.start()

    def _say(self, texts: tuple[str, ...]) -> None:
        if self._session.retraining.state == "preparing":
            self._session.set_retraining(replace(self._session.retraining, text=texts[-1]))

    def _started(self, folder: Path) -> None:
        self._folder = folder
        if self._session.retraining.state == "preparing":
            text = "Starting in the background; reading goes on"
            self._session.set_retraining(replace(self._session.retraining, state="running", text=text))

    def _heard(self, events: tuple[Event, ...]) -> None:
        now = self._session.retraining
        for event in events:
            now = follow(now, event)
        self._session.set_retraining(now)
        folder = self._folder
        if folder is not None and any(event["event"] == "examples" for event in events):
            self._tasks.ask(
                "",
                lambda: shown(load_slices(folder / EXAMPLES)),
                self._session.learning.set_examples,
                unheard,
            )
        if events[-1]["event"] == "candidate" and folder is not None:
            self._claim(folder)

    def _claim(self, folder: Path) -> None:
        def claim() -> tuple[Version, tuple[ShownSlice, ...]]:
            version = retrain.claim(folder, self._registry)
            return version, _worst(folder, self._library)

        def claimed(found: tuple[Version, tuple[ShownSlice, ...]]) -> None:
            version, worst = found
            judgement = judgement_of(version.info, worst)
            self.claimed()
            if judgement is None:
                text = "It was not compared with another model."
                self._session.set_retraining(Retraining("candidate", text, 1.0, candidate_id=version.id))
                return
            self._session.set_retraining(candidate_state(self._session.retraining, judgement))
            self._session.learning.set_judgement(judgement)
            self._session.learning.judgement_shown.emit()

        self._tasks.ask("", claim, claimed, self._failed)

    def _judgement(self, version_id: str) -> None:
        """Look up how a version was judged."""

        def read() -> Judgement | None:
            info = self._registry.get(version_id).info
            return judgement_of(info, _worst(retrain.run_of(version_id), self._library))

        self._tasks.ask("The verdict cannot be shown", read, self._session.learning.set_judgement)

    def _failed(self, error: PterionError) -> None:
        self._session.set_retraining(Retraining("failed", str(error)))

    def _finished(self, job: RetrainJob) -> None:
        if job is self._job:
            self._job = None
            if self._session.retraining.state in ("preparing", "stopping"):
                self._session.set_retraining(Retraining(text=CANCELLED))
        job.deleteLater()

    def cancel(self) -> None:
        """Ask the training to end; the best so far becomes a candidate. Before and after it, end with nothing."""
        if self._job is None:
            return
        now = self._session.retraining
        if now.state == "comparing":
            self.abandon()
            return
        kept = "; the best so far becomes a candidate" if now.rows else ""
        text = f"Stopping after this step{kept}"
        self._session.set_retraining(replace(now, state="stopping", text=text))
        self._job.stop_training()

    def abandon(self) -> None:
        """Ask the training to end without a candidate."""
        if self._job is None:
            return
        self._session.set_retraining(replace(self._session.retraining, state="stopping", text="Cancelling"))
        if self._folder is not None:
            self._reach(self._folder, retrain.abandon)
        self._job.stop_training()

    def _pause(self, paused: bool) -> None:
        if self._job is not None and self._folder is not None:
            self._reach(self._folder, lambda folder: retrain.pause(folder, paused))

    def _reach(self, folder: Path, ask: Callable[[Path], None]) -> None:
        try:
            ask(folder)
        except PterionError as error:
            self._session.notice("error", "The training was not reached", str(error))

    def _models_changed(self, models: tuple[ModelEntry, ...]) -> None:
        """The candidate's card goes once it is in use or discarded."""
        now = self._session.retraining
        if now.state != "candidate":
            return
        entry = next((m for m in models if m.id == now.candidate_id), None)
        if entry is None:
            self._session.set_retraining(Retraining(text=f"{now.candidate_id} was deleted."))
        elif entry.current:
            text = f"{entry.id} is in use. The Model menu rolls back at any time."
            self._session.set_retraining(Retraining(text=text))

    def shutdown(self) -> None:
        """Stop watching; the training goes on without the window."""
        job, self._job = self._job, None
        if job is not None:
            job.shutdown()


def _worst(folder: Path, library: Library) -> tuple[ShownSlice, ...]:
    """Where the candidate of a run got worse, and whose slices they are; none where that cannot be read."""
    try:
        slices = shown(load_slices(folder / WORST))
        places = [find_place(library, one.place) for one in slices]
    except PterionError:  # the verdict itself does not depend on it
        return ()
    return tuple(
        replace(one, patient=place.patient) if place is not None else replace(one, place="")
        for one, place in zip(slices, places, strict=True)
    )
