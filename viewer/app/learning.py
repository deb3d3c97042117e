"""What a retraining would take, the split of the patients, and the list of versions: asked for by their dialogs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from model.deal import Counts, Split
from model.labels import CODES
from model.packed import pack
from model.registry import Registry, Version
from model.side_by_side import side_by_side
from viewer.app.following import device
from viewer.app.tasks import Tasks
from viewer.jobs import retrain
from viewer.jobs.approved import Choice, pseudonym
from viewer.jobs.retrain_headless import Preflight as Found
from viewer.jobs.retrain_headless import look
from viewer.jobs.retrain_qt import TellingJob
from viewer.learning import Comparison, Expected, Person, Preflight, VersionRow, Wanted
from viewer.library.store import Library
from viewer.session import Session

SETS = {"yours": "your test patients", "reference": "simulated heads"}


class LearningDesk(QObject):
    """Answers what the dialogs about retraining ask."""

    def __init__(
        self, session: Session, registry: Registry, library: Library, tasks: Tasks, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._registry, self._library, self._tasks = session, registry, library, tasks
        self._job: TellingJob | None = None
        self.changed: Callable[[], None] = lambda: None
        learning = session.learning
        learning.preflight_requested.connect(self.look)
        learning.preflight_cancelled.connect(self.cancel)
        learning.pin_requested.connect(self._pin)
        learning.versions_requested.connect(self.list_versions)
        learning.compare_requested.connect(self._compare)
        learning.rename_requested.connect(self._rename)
        learning.export_requested.connect(self._export)
        learning.import_requested.connect(self._import)
        session.models_changed.connect(lambda _: self.list_versions())
        session.discard_requested.connect(self._forget)

    # before a retraining

    def look(self, wanted: Wanted) -> None:
        """Count what is approved, then time three steps on it."""
        self.cancel()
        self._session.learning.set_preflight(Preflight(text="Counting what is annotated"))
        choice = Choice(wanted.everything, wanted.subtypes)
        names = {
            pseudonym(self._library, s.patient_id or s.study_uid): s.patient_id
            for s in self._library.studies()
        }

        def work(tell: Callable[[Any], None], cancelled: Callable[[], bool]) -> Preflight:
            def counted(found: Found) -> None:
                tell(_shown(found, names, "timing", "Timing three steps"))

            found = look(self._library, self._registry, choice, cancelled=cancelled, on_counted=counted)
            return _shown(found, names, "done", "")

        self._job = job = TellingJob(work, self)
        job.told.connect(lambda told: self._told(job, told))
        job.failed.connect(lambda error: self._told(job, Preflight("failed", str(error))))
        job.finished.connect(job.deleteLater)
        job.start()

    def _told(self, job: TellingJob, preflight: Preflight) -> None:
        if job is not self._job:
            return
        if preflight.state == "failed" and self._session.learning.preflight.rows:
            preflight = replace(self._session.learning.preflight, state="done", text=preflight.text)
        self._session.learning.set_preflight(preflight)

    def cancel(self) -> None:
        """Stop looking; nobody waits for it any more."""
        job, self._job = self._job, None
        if job is not None and job.running:
            job.cancel()

    def _pin(self, patient: str, part: str) -> None:
        def keep() -> Split:
            split = retrain.read_split(self._library).pin(patient, part)
            retrain.write_split(self._library, split)
            return split

        def kept(split: Split) -> None:
            now = self._session.learning.preflight
            people = tuple(
                replace(p, part=split.parts[p.pseudonym], pinned=True) if p.pseudonym == patient else p
                for p in now.people
            )
            self._session.learning.set_preflight(replace(now, people=people))

        self._tasks.ask("The patient was not pinned", keep, kept)

    # versions

    def list_versions(self) -> None:
        """Read the versions, with what they take on the disk."""

        def read() -> tuple[VersionRow, ...]:
            current = self._registry.current().id
            return tuple(_row(version, current) for version in self._registry.versions())

        self._tasks.ask(
            "The models could not be listed", read, self._session.learning.set_versions, lambda _: None
        )

    def _compare(self, first: str, second: str) -> None:
        def read() -> Comparison:
            found = side_by_side(self._registry.get(first), self._registry.get(second))
            rows = tuple(
                (SETS.get(r["set"], r["set"]), r["measure"], *map(float, r["values"])) for r in found
            )
            text = "" if rows else "They were never measured on the same cases."
            return Comparison(first, second, rows, text)

        self._tasks.ask("The models cannot be compared", read, self._session.learning.set_comparison)

    def _rename(self, version_id: str, name: str) -> None:
        self._tasks.ask(
            "The model was not renamed",
            lambda: self._registry.rename(version_id, name),
            lambda _: self._refresh(),
        )

    def _export(self, version_id: str, out: Path) -> None:
        def done(_: object) -> None:
            self._session.notice("info", "The model was exported", f"{out.name} can be imported elsewhere.")

        self._tasks.ask(
            "The model was not exported", lambda: pack(self._registry.get(version_id).path, out), done
        )

    def _import(self, path: Path) -> None:
        def done(version: Version) -> None:
            self._session.notice(
                "info", "A model was imported", f"{version.id} is a candidate; nothing else changed."
            )
            self._refresh()

        self._tasks.ask("The model was not imported", lambda: self._registry.import_version(path), done)

    def _forget(self, version_id: str) -> None:
        """Once a version is deleted, so are the pictures of patients that its run kept."""
        self._tasks.ask("", lambda: retrain.forget_run_of(version_id, self._registry))

    def _refresh(self) -> None:
        self.list_versions()
        self.changed()

    def shutdown(self) -> None:
        """End what looks; the timing child ends by itself."""
        job, self._job = self._job, None
        if job is not None:
            job.shutdown()


def _row(version: Version, current: str) -> VersionRow:
    verdict = version.info.get("verdict")
    return VersionRow(
        version.id,
        version.name,
        version.status,
        str(version.info.get("created", ""))[:10],
        str(version.info.get("parent") or ""),
        str(verdict.get("kind", "")) if isinstance(verdict, dict) else "",
        version.size,
        version.id == current,
    )


def _shown(found: Found, names: Mapping[str, str], state: str, text: str) -> Preflight:
    counts: Counts = found.counts
    taken = found.taken
    people = tuple(
        Person(
            patient,
            names.get(patient) or patient[:8],
            found.bleeds.get(patient, False),
            part,
            patient in found.split.pinned,
        )
        for patient, part in sorted(found.split.parts.items(), key=lambda each: names.get(each[0], each[0]))
        if patient in found.bleeds
    )
    return Preflight(
        state,
        text,
        counts.patients,
        counts.bleeding_patients,
        counts.slices,
        counts.negatives,
        tuple((c, counts.subtype_patients[c], counts.subtypes[c], counts.regions[c]) for c in CODES),
        counts.refusal,
        counts.warnings,
        found.left_out,
        people,
        None
        if taken is None
        else Expected(device(taken["device"]), taken["seconds"], taken["steps"], taken["memory_mb"]),
    )
