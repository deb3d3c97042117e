"""What the model learns from the reader: how much there is, a training and its events, the candidate that comes out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer

from model.errors import PterionError
from model.registry import Registry, Version
from model.run_folder import read_events
from viewer.annotation.document import Document
from viewer.app.tasks import Tasks
from viewer.jobs import retrain
from viewer.jobs.model_qt import RetrainJob
from viewer.jobs.qt import Relay
from viewer.library.store import Library
from viewer.session import ModelEntry, Retraining, Session
from viewer.ui.loss_curve import load_plotting

COUNT_AFTER_MS = 400
SMOOTH = 0.85
"""Share of the curve so far in each new point of the training loss."""

Event = dict[str, Any]


def vouched_slices(document: Document) -> int:
    """Slices a reader vouches for: marked as reviewed, or annotated with nothing left to confirm."""
    open_slices = {(a.sop_uid, a.frame) for a in document.annotations if not a.reviewed}
    drawn = {(a.sop_uid, a.frame) for a in document.annotations}
    return len((drawn | {(sop_uid, 0) for sop_uid in document.reviewed_slices}) - open_slices)


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


def follow(now: Retraining, event: Event) -> Retraining:
    """The state after one event of the training child (see `model.retrain`)."""
    kind = event["event"]
    state = "stopping" if now.state == "stopping" else "running"
    if kind == "preparing":
        text = f"Simulated head {event['done']} of {event['total']}, so that nothing known is forgotten"
        return replace(now, state=state, text=text)
    if kind == "started":
        return replace(now, state=state, text=event.get("warning") or "Starting")
    if kind == "step":
        last = now.train_loss[-1] if now.train_loss else event["loss"]
        curve = (*now.train_loss, SMOOTH * last + (1 - SMOOTH) * event["loss"])
        share = event["step"] / max(event["steps"], 1)
        text = now.text if state == "stopping" else f"Epoch {event['epoch']}"
        return replace(
            now,
            state=state,
            text=text,
            progress=share,
            seconds_left=event.get("seconds_left"),
            train_loss=curve,
        )
    if kind == "epoch":
        value = (
            event["validation_loss"] if event.get("validation_loss") is not None else event["simulated_loss"]
        )
        text = now.text if state == "stopping" else f"Epoch {event['epoch']} of {event['epochs']} done"
        return replace(now, state=state, text=text, validation_loss=(*now.validation_loss, value))
    if kind == "exporting":
        return replace(
            now, state=state, text="Comparing with the model in use", progress=1.0, seconds_left=None
        )
    if kind == "failed":
        return replace(now, state="failed", text=event["text"], seconds_left=None)
    if kind == "cancelled":
        return Retraining(text="Retraining was cancelled. The model in use stays.")
    return now


def candidate_state(now: Retraining, version_id: str, event: Event) -> Retraining:
    """What the card shows once the candidate is in the registry."""
    rows = tuple((str(a), str(b), str(c)) for a, b, c in event.get("comparison", ()))
    return replace(
        now,
        state="candidate",
        text=event.get("verdict", ""),
        progress=1.0,
        seconds_left=None,
        candidate_id=version_id,
        comparison=rows,
    )


class Teaching(QObject):
    """Keeps `session.retraining` and `session.annotated` true."""

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
        session.retrain_requested.connect(self.start)
        session.retrain_cancel_requested.connect(self.cancel)
        session.models_changed.connect(self._models_changed)

    def begin(self) -> None:
        """Count, and go on with what a window before this one left: a training that runs, or a candidate."""
        self._count()
        self._tasks.ask(
            "", lambda: (retrain.find_running(), retrain.unclaimed()), self._resume, lambda _: None
        )

    def count_later(self) -> None:
        """Count again once the reader pauses."""
        self._timer.start()

    def _count(self) -> None:
        self._tasks.ask(
            "",
            lambda: count_annotated(self._library),
            lambda found: self._session.set_annotated(*found),
            lambda _: None,
        )

    def _resume(self, found: tuple[Path | None, tuple[Path, ...]]) -> None:
        running, unclaimed = found
        if running is not None:
            self._session.set_retraining(Retraining("running", "A training that was started before goes on"))
            self._follow(RetrainJob(lambda _cancelled: running, self))
        elif unclaimed:
            events, _ = read_events(unclaimed[-1])
            last = next((e for e in reversed(events) if e["event"] == "candidate"), None)
            if last is not None:
                self._claim(unclaimed[-1], last)

    def start(self) -> None:
        """Gather the annotated slices and start a training, unless one runs."""
        if self._job is not None:
            return
        self._session.set_retraining(Retraining("preparing", "Gathering annotated slices"))
        library, registry, tell = self._library, self._registry, self._words.put
        self._follow(
            RetrainJob(
                lambda cancelled: retrain.start(library, registry, on_progress=tell, cancelled=cancelled),
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
        last = events[-1]
        if last["event"] == "candidate" and self._folder is not None:
            self._claim(self._folder, last)

    def _claim(self, folder: Path, event: Event) -> None:
        def claimed(version: Version) -> None:
            self._session.set_retraining(candidate_state(self._session.retraining, version.id, event))
            self.claimed()

        self._tasks.ask("", lambda: retrain.claim(folder, self._registry), claimed, self._failed)

    def _failed(self, error: PterionError) -> None:
        self._session.set_retraining(Retraining("failed", str(error)))

    def _finished(self, job: RetrainJob) -> None:
        if job is self._job:
            self._job = None
            if self._session.retraining.state in ("preparing", "stopping"):
                self._session.set_retraining(
                    Retraining(text="Retraining was cancelled. The model in use stays.")
                )
        job.deleteLater()

    def cancel(self) -> None:
        """Ask the training to end; what it learnt in whole epochs becomes a candidate."""
        if self._job is not None:
            text = "Stopping after this step; whole epochs are kept as a candidate"
            self._session.set_retraining(replace(self._session.retraining, state="stopping", text=text))
            self._job.stop_training()

    def _models_changed(self, models: tuple[ModelEntry, ...]) -> None:
        """The candidate's card goes once it is in use or discarded."""
        now = self._session.retraining
        if now.state != "candidate":
            return
        entry = next((m for m in models if m.id == now.candidate_id), None)
        if entry is None:
            self._session.set_retraining(Retraining(text=f"{now.candidate_id} was discarded."))
        elif entry.current:
            text = f"{entry.id} is in use. The Model menu rolls back at any time."
            self._session.set_retraining(Retraining(text=text))

    def shutdown(self) -> None:
        """Stop watching; the training goes on without the window."""
        job, self._job = self._job, None
        if job is not None:
            job.shutdown()
