"""What the model says: which version answers, inference while a series loads, its findings kept and found again."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject

from model.device import CPU
from model.errors import PterionError
from model.labels import SCORES
from model.registry import Registry, Version
from viewer.app import answered
from viewer.app.tasks import Tasks
from viewer.dicom.series import Study
from viewer.dicom.volume import Volume
from viewer.jobs.choose import why_not
from viewer.jobs.infer import head_start_s
from viewer.jobs.model_qt import InferJob
from viewer.jobs.reading_qt import LoadJob
from viewer.library.store import Library
from viewer.session import Findings, ModelEntry, Session
from viewer.ui import regions

if TYPE_CHECKING:
    from model.predict import Predictor, SliceResult
    from viewer.jobs.infer import StudyAnswer
    from viewer.library.records import StoredFindings

THREADS = max(min(os.cpu_count() or 1, 2), 1)


WAITS = "The model waits to be asked (see Preferences). Press “Score this series”."


def summary(version: Version) -> str:
    """What a menu says of a version: its own summary, or what it descends from."""
    parent = version.info.get("parent")
    text = version.info.get("summary") or (f"Retrained from {parent}" if parent else "")
    return str(text or version.status)


class Answering(QObject):
    """Keeps `session.findings`, `session.models` and the worklist's statuses true."""

    def __init__(
        self, session: Session, registry: Registry, library: Library, tasks: Tasks, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._registry = registry
        self._library = library
        self._tasks = tasks
        self._job: InferJob | None = None
        self._predictor: Predictor | None = None
        self._using = (0, "")  # threads and device of that predictor, as they were wanted
        self._told = ""  # what was said last about the device
        self._processor_only = False
        self._left = ("", "")
        self._loading = threading.Lock()
        session.score_requested.connect(self.score_again)
        session.score_cancel_requested.connect(self.cancel)
        session.slice_index_changed.connect(self._look_at)
        session.promote_requested.connect(lambda id_: self._change(lambda: self._registry.promote(id_)))
        session.roll_back_requested.connect(lambda: self._change(self._registry.roll_back))
        session.discard_requested.connect(self._discard)
        session.preferences_changed.connect(self._preferences_changed)

    # versions

    def refresh_models(self) -> None:
        """Read which versions there are and which one answers."""
        self._tasks.ask(
            "The models could not be listed", self._read_models, self._show_models, self._no_model
        )

    def _read_models(self) -> tuple[Version, tuple[Version, ...]]:
        return self._registry.current(), self._registry.versions()

    def _show_models(self, found: tuple[Version, tuple[Version, ...]]) -> None:
        current, versions = found
        if current.notice:
            self._session.notice("warning", "Another model answers", current.notice)
        self._session.set_models(
            tuple(
                ModelEntry(
                    v.id,
                    v.status,
                    str(v.info.get("created", ""))[:10],
                    v.id == current.id,
                    summary(v),
                    v.name,
                )
                for v in versions
            )
        )
        self._session.set_model(current.id)
        self._session.set_ai_state(self._session.ai_state or self._idle)

    def _no_model(self, error: PterionError) -> None:
        self._session.set_ai_state("No model")
        self._session.notice("error", "There is no model to score with", str(error))

    def _change(self, change: Callable[[], Version]) -> None:
        """Let another version answer; the open series is scored anew, the worklist shows what it said before."""

        def changed(_: Version) -> None:
            self.refresh_models()
            self._tasks.ask("", lambda: None, lambda _: self._after_change())

        self._tasks.ask("The model was not changed", change, changed)

    def _after_change(self) -> None:
        self.remember_statuses(self._session.studies)
        if self._session.volume is not None:
            self.begin(self._session.volume, None, others=False)

    def _discard(self, version_id: str) -> None:
        self._tasks.ask(
            "The model was not discarded",
            lambda: self._registry.discard(version_id),
            lambda _: self.refresh_models(),
        )

    # the worklist

    def remember_statuses(self, studies: tuple[Study, ...]) -> None:
        """Show what the model in use said about these studies before, but for those that it answered meanwhile."""
        before = dict(self._session.study_status)

        def read() -> dict[tuple[str, str], Findings]:
            version = self._registry.current()
            empty = np.zeros((0, len(SCORES)), np.float32), np.zeros((0, 1, 1), np.uint8)
            stored = self._library.study_scores(version.id)
            return {
                (one.study_uid, one.series_uid): answered.with_thresholds(
                    Findings(one.series_uid, one.model_id, *empty, 0, 0, one.scores), version
                )
                for one in stored
            }

        def show(found: dict[tuple[str, str], Findings]) -> None:
            for study in studies:
                if self._session.study_status.get(study.study_uid) != before.get(study.study_uid):
                    continue
                known = [found[s.key] for s in study.series if s.key in found]
                best = min(map(regions.status, known), key=regions.suspicion, default=regions.NOT_SCORED)
                self._session.set_study_status(study.study_uid, best)

        self._tasks.ask("Earlier scores could not be read", read, show, failed=lambda _: None)

    # findings

    def begin(
        self, volume: Volume, load: LoadJob | None, *, fresh: bool = False, others: bool = True
    ) -> None:
        """Answer for a volume that was just opened: from the library where this model has answered, else anew.

        load: the job that still fills the volume; the worker is woken as slices come. fresh: ask the model anyway.
        others: take what another model said where this one has not answered; it is marked as such.
        """
        self._stop()
        reason = why_not(volume.series)
        if reason:
            self._show(answered.nothing(volume, self._session.model_id, not_run=reason))
            return
        study_uid, uid = volume.series.key

        def look() -> "tuple[Version, StoredFindings | None, Version]":
            version = self._registry.current()
            if fresh:
                return version, None, version
            stored = self._library.load_findings(uid, version.id, study_uid)
            if stored is None and others:
                stored = self._library.latest_findings(uid, study_uid)
            return version, stored, version if stored is None else self._version_of(stored.model_id, version)

        def found(answer: "tuple[Version, StoredFindings | None, Version]") -> None:
            version, stored, author = answer
            if self._session.volume is not volume:
                return
            if stored is not None and stored.masks.shape == volume.hu.shape:
                # Another model's are marked where they are shown.
                self._show(answered.restored(stored, author))
                self._session.set_ai_state(self._idle)
            elif not fresh and self._session.preferences.model_run == "on_demand":
                self._show(answered.nothing(volume, self._session.model_id, not_run=WAITS))
                self._session.set_ai_state(self._idle)
            else:
                self._start(volume, load, version)

        self._tasks.ask(
            "The model could not be loaded", look, found, lambda error: self._not_scored(volume, error)
        )

    def _version_of(self, model_id: str, current: Version) -> Version:
        """The version that answered before, for its operating points; the current one where it is gone."""
        try:
            return self._registry.get(model_id)
        except PterionError:
            return current

    def _show(self, findings: Findings) -> None:
        """Show findings, in the worklist too."""
        self._session.set_findings(findings)
        study_uid = self._session.volume.series.study_uid if self._session.volume is not None else ""
        self._session.set_study_status(study_uid, regions.status(findings))

    def _start(self, volume: Volume, load: LoadJob | None, version: Version) -> None:
        self._stop()
        study_uid = volume.series.study_uid
        self._left = (study_uid, self._session.study_status.get(study_uid, regions.NOT_SCORED))
        wait_s = head_start_s() if load is not None else 0.0
        job = self._job = InferJob(
            volume, lambda: self._load(version), self._session.slice_index, self, wait_s
        )
        job.slices_scored.connect(lambda slices: self._slices_scored(job, slices))
        job.scored.connect(lambda answer: self._scored(job, answer))
        job.failed.connect(lambda error: self._failed(job, volume, load, version, error))
        job.finished.connect(lambda: self._finished(job))
        if load is not None:
            load.on_slice = job.slices_arrived
        self._show(answered.with_thresholds(answered.nothing(volume, version.id), version))
        self._session.set_ai_state("Loading the model…")
        job.start()

    def predictor(self) -> "Predictor":
        """The predictor of the version in use. Runs in a worker; raises ModelFileError."""
        return self._load(self._registry.current())

    def _load(self, version: Version) -> "Predictor":
        """The predictor of a version, kept for the next series. Runs in a worker."""
        from model.predict import Predictor

        wanted = self._threads, CPU if self._processor_only else self._session.preferences.model_device
        with self._loading:
            predictor = self._predictor
            if predictor is None or predictor.id != version.id or self._using != wanted:
                predictor = Predictor(version.path, *wanted)
                self._predictor, self._using = predictor, wanted
        return predictor

    @property
    def _threads(self) -> int:
        return self._session.preferences.model_threads or THREADS

    @property
    def _idle(self) -> str:
        """What the status bar says while nothing is scored."""
        device = "" if self._predictor is None or self._predictor.device == CPU else self._predictor.device
        threads = f"{self._threads} thread{'s' * (self._threads > 1)}"
        return f"AI idle · {device.upper() or threads}"

    def _preferences_changed(self, _: object) -> None:
        """Other threads or another device: they count from the next series on."""
        self._processor_only = False
        if self._job is None and self._session.ai_state.startswith("AI idle"):
            self._session.set_ai_state(self._idle)

    def _tell_of_device(self) -> None:
        """Say once where the model runs elsewhere than the reader wants."""
        text = "" if self._predictor is None else self._predictor.device_notice
        if text and text != self._told:
            self._session.notice("warning", "The model runs on another device", text)
        self._told = text

    def arrived(self) -> None:
        """Slices of the open volume have come in."""
        if self._job is not None:
            self._job.slices_arrived()

    def _look_at(self, index: int) -> None:
        if self._job is not None:
            self._job.look_at(index)

    def _slices_scored(self, job: InferJob, slices: "tuple[SliceResult, ...]") -> None:
        findings = self._session.findings
        if job is not self._job or findings is None:
            return
        self._tell_of_device()
        for one in slices:
            findings.slice_scores[one.index] = one.scores
            findings.masks[one.index] = one.mask
        scored = int(np.isfinite(findings.slice_scores[:, 0]).sum())
        self._show(replace(findings, scored=scored))
        self._session.set_ai_state(f"Scoring {scored} of {findings.total}")
        for one in slices:
            self._session.mark_slice_scored(one.index)

    def _scored(self, job: InferJob, answer: "StudyAnswer") -> None:
        findings = self._session.findings
        if job is not self._job or findings is None:
            return
        final = answered.whole(findings, answer)
        self._show(final)
        study_uid = self._session.volume.series.study_uid if self._session.volume is not None else ""
        self._tasks.ask(
            "The findings could not be saved", lambda: answered.keep(self._library, final, study_uid)
        )

    def _not_scored(self, volume: Volume, error: PterionError) -> None:
        if self._session.volume is volume:
            self._show(answered.nothing(volume, self._session.model_id, not_run=str(error)))
            self._session.set_ai_state("AI not run")

    def _failed(
        self, job: InferJob, volume: Volume, load: LoadJob | None, version: Version, error: PterionError
    ) -> None:
        """Say why there is no answer; where a card gave up, let the processor answer."""
        if job is not self._job:
            return
        if self._predictor is not None and self._predictor.device != CPU and not self._processor_only:
            self._processor_only = True
            text = f"{error} The processor goes on in its place until the program is started again."
            self._session.notice("warning", "The model runs on another device", text)
            self._start(volume, load, version)
            return
        self._not_scored(volume, error)

    def score_again(self) -> None:
        """Ask the model anew about the open series."""
        if self._session.volume is not None:
            self.begin(self._session.volume, None, fresh=True)

    def cancel(self) -> None:
        """Stop scoring at the reader's wish; what came so far is not shown as an answer."""
        findings = self._session.findings
        if self._job is None or findings is None or findings.done:
            return
        self._stop()
        text = f"Scoring was cancelled after {findings.scored} of {findings.total} slices."
        self._show(replace(findings, not_run=text))
        self._session.set_ai_state(self._idle)

    def _stop(self) -> None:
        """Cancel what runs; its study gets the status back that it had before."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
            self._session.set_study_status(*self._left)

    def _finished(self, job: InferJob) -> None:
        if job is self._job:
            self._job = None
            if self._session.findings is not None and self._session.findings.done:
                self._session.set_ai_state(self._idle)
        job.deleteLater()

    def shutdown(self) -> None:
        """End the worker."""
        job, self._job = self._job, None
        if job is not None:
            job.shutdown()
