"""What the model's masks amount to: regions once a series is scored, verdicts on them, evidence on demand."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer

from model.errors import Cancelled, PterionError
from model.labels import ANY
from viewer.annotation.events import Accept, Reopen, SetProposals
from viewer.app.proposing import Shapes, shapes_of
from viewer.app.tasks import Tasks
from viewer.findings.region import Region, Regions, find_regions
from viewer.findings.style import OverlayStyle, style_from_json
from viewer.findings.verdict import Decision, Verdict
from viewer.findings.verdict_on import decided, verdict_of, with_verdict, without
from viewer.jobs.infer import let_the_window_go_first
from viewer.library.store import Library
from viewer.session import Findings, Mode, Session, Tool
from viewer.suspecting import Evidence, Suspected
from viewer.ui import regions as words
from viewer.ui.desk import AnnotationDesk

if TYPE_CHECKING:
    from model.predict import Predictor

STYLE = "overlay style"
PAUSE_MS = 250
"""How long the reader rests on a slice before its evidence is looked for."""


class Examining(QObject):
    """Keeps `session.suspecting` true and carries out what is asked of it."""

    def __init__(
        self,
        session: Session,
        library: Library,
        desk: AnnotationDesk,
        predictor: "Callable[[], Predictor]",
        parent: QObject,
    ) -> None:
        """`desk` takes what is accepted, and what is decided. `predictor` is called in a worker."""
        super().__init__(parent)
        self._session = session
        self._library = library
        self._desk = desk
        self._predictor = predictor
        self._tasks = Tasks(session, self)
        self._tasks.ask("", let_the_window_go_first)
        self._asked: Findings | None = None
        self._regions: Regions | None = None
        self._shapes: Shapes | None = None
        self._stop = threading.Event()
        self._evidence_stop = threading.Event()
        self._evidence_code = ""
        self._accept_later = False
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._pause.timeout.connect(self._look_for_evidence)
        self.accepted: Callable[[], None] = lambda: None
        self._connect()

    def _connect(self) -> None:
        session, suspecting = self._session, self._session.suspecting
        session.findings_changed.connect(self._findings_changed)
        session.volume_changed.connect(lambda _: suspecting.set_asked(frozenset()))
        session.slice_loaded.connect(lambda _: self._look())
        session.document_changed.connect(lambda _: self._judge())
        session.slice_index_changed.connect(self._slice_changed)
        suspecting.accept_requested.connect(self.accept)
        suspecting.edit_requested.connect(lambda region: self.accept(region, edit=True))
        suspecting.dismiss_requested.connect(self.dismiss)
        suspecting.reopen_requested.connect(self.reopen)
        suspecting.evidence_requested.connect(self._evidence_wanted)
        suspecting.style_changed.connect(self._keep_style)

    def begin(self) -> None:
        """Paint masks as the reader had them last."""

        def show(values: object) -> None:
            self._session.suspecting.set_style(style_from_json(values))

        self._tasks.ask("", lambda: self._library.setting(STYLE), show, lambda _: None)

    def _keep_style(self, style: OverlayStyle) -> None:
        what = "How masks are painted could not be kept"
        self._tasks.ask(what, lambda: self._library.set_setting(STYLE, style.to_json()))

    # regions

    def _findings_changed(self, findings: Findings | None) -> None:
        if findings is None or findings is not self._asked:
            self._stop.set()
            self._asked = self._regions = self._shapes = None
            self._desk.take(SetProposals(()))
            self._accept_later = False
            self._session.suspecting.set_suspected(None)
            if findings is None or not findings.done:
                self._hide_evidence()
        self._look()

    def _look(self) -> None:
        """Find the regions once the series is scored and loaded."""
        findings, volume = self._session.findings, self._session.volume
        if findings is None or volume is None or not findings.done or findings is self._asked:
            return
        if findings.not_run or findings.masks.shape != volume.hu.shape:
            return
        if not (volume.loaded | volume.failed).all():
            return
        self._asked = findings
        self._stop.set()
        self._stop = stop = threading.Event()
        codes = words.suspected(findings) or ((ANY,) if words.bleed_suspected(findings) else ())

        def work() -> tuple[Regions, Shapes]:
            regions = find_regions(
                volume,
                findings.masks,
                findings.slice_scores,
                codes,
                findings.thresholds,
                cancelled=stop.is_set,
            )
            slices, told = volume.series.slices, words.told(findings)
            return regions, shapes_of(findings.masks, told, regions.found, slices, findings.model_id)

        def take(found: tuple[Regions, Shapes]) -> None:
            if self._session.findings is findings and not stop.is_set():
                self._regions, self._shapes = found
                self._desk.take(self._shapes.offer)
                self._judge()

        self._tasks.ask("The regions could not be measured", work, take)

    def _judge(self) -> None:
        """Lay the document's verdicts on the regions."""
        session, found = self._session, self._regions
        findings, volume = session.findings, session.volume
        if found is None or findings is None or volume is None:
            return
        if session.document.series_uid not in ("", volume.series.series_uid):
            return
        columns = volume.hu.shape[2]
        slices, verdicts = volume.series.slices, session.document.verdicts
        judged: dict[int, Verdict] = {}
        for number, region in enumerate(found.found):
            verdict = decided(region, verdicts, findings.model_id, slices, columns)
            if verdict is not None:
                judged[number] = verdict
        before = session.suspecting.suspected
        if before is not None and before.regions is found and before.verdicts == judged:
            return
        dismissed = _dismissed(judged)
        if before is not None and before.regions is found and _dismissed(before.verdicts) == dismissed:
            shown = before.shown
        else:
            shown = without(findings.masks, (found.found[number] for number in sorted(dismissed)))
        session.suspecting.set_suspected(Suspected(findings.model_id, found, judged, shown))
        if self._accept_later:
            self._accept_later = False
            self.accept_all()

    # verdicts

    def accept(self, region: Region, *, edit: bool = False) -> None:
        """Make a region the reader's annotations; `edit`: and open the one on its most suspicious slice for drawing."""
        uids = self._uids(region)
        action = f"accept {region.code} region"
        if uids:
            self._desk.take(Accept(uids=uids, action=action))
        elif self._session.findings is not None:
            self._decide(region, self._verdict(region, Decision.ACCEPTED), action)
        if edit:
            self._edit(region, uids)

    def accept_all(self) -> None:
        """Make every region that was not dismissed the reader's annotations, in one step."""
        suspected = self._session.suspecting.suspected
        if suspected is None:  # not measured yet
            self._accept_later = self._asked is not None
            return
        uids = frozenset[str]().union(
            *(
                self._uids(region)
                for number, region in enumerate(suspected.regions.found)
                if number not in suspected.verdicts
            )
        )
        if uids:
            before = self._session.document.annotations
            self._desk.take(Accept(uids=uids, action="accept findings"))
            if self._session.document.annotations != before:
                self.accepted()
        else:
            text = "There is no region left that you have not decided about."
            self._session.notice("info", "Nothing to accept", text)

    def _uids(self, region: Region) -> frozenset[str]:
        """Those of the region's shapes."""
        if self._regions is None or self._shapes is None:
            return frozenset()
        pairs = zip(self._regions.found, self._shapes.of_region, strict=True)
        return next((uids for one, uids in pairs if one is region), frozenset())

    def _edit(self, region: Region, uids: frozenset[str]) -> None:
        session = self._session
        if session.volume is None:
            return
        place = session.volume.series.slices[region.peak]
        session.set_slice_index(region.peak)
        session.set_mode(Mode.ANNOTATE)
        session.set_tool(Tool.POLYGON)
        here = [a for a in session.document.on_slice(place.sop_uid, place.frame) if a.uid in uids]
        if here:
            session.set_selection(max(here, key=lambda a: len(a.outline)).uid)

    def dismiss(self, region: Region, reason: str) -> None:
        """Say that a region is no bleed; it is no longer painted."""
        verdict = self._verdict(region, Decision.DISMISSED, reason)
        self._decide(region, verdict, f"dismiss {region.code} region: {reason}")

    def reopen(self, region: Region) -> None:
        """Take the verdict on a region back, however it came about; annotations made of it stay."""
        known = self._known(region)
        if known is not None:
            self._desk.take(Reopen(known.uid, self._uids(region), f"reopen {region.code} region"))

    def _decide(self, region: Region, verdict: Verdict, action: str) -> None:
        document = self._session.document
        changed = with_verdict(document.verdicts, self._known(region), verdict)
        self._desk.revise(replace(document, verdicts=changed), action)

    def _verdict(self, region: Region, decision: Decision, reason: str = "") -> Verdict:
        findings, volume = self._session.findings, self._session.volume
        assert findings is not None
        assert volume is not None
        return verdict_of(region, decision, findings.model_id, volume.series.slices, reason)

    def _known(self, region: Region) -> Verdict | None:
        suspected = self._session.suspecting.suspected
        if suspected is None:
            return None
        number = next((n for n, one in enumerate(suspected.regions.found) if one is region), -1)
        return suspected.verdicts.get(number)

    # evidence

    def _evidence_wanted(self, code: str) -> None:
        self._hide_evidence()
        self._evidence_code = code
        if code:
            self._look_for_evidence()

    def _hide_evidence(self) -> None:
        self._evidence_stop.set()
        self._evidence_code = ""
        self._pause.stop()
        self._session.suspecting.set_evidence(None)

    def _slice_changed(self, _: int) -> None:
        if self._evidence_code:
            self._evidence_stop.set()
            self._pause.start()

    def _look_for_evidence(self) -> None:
        session, code = self._session, self._evidence_code
        volume, findings = session.volume, session.findings
        if not code or volume is None or findings is None:
            return
        index = session.slice_index
        self._evidence_stop.set()
        self._evidence_stop = stop = threading.Event()

        def show(state: str, **more: object) -> None:
            if not stop.is_set() and session.volume is volume and self._evidence_code == code:
                session.suspecting.set_evidence(Evidence(index, code, state, **more))  # type: ignore[arg-type]

        if not volume.loaded[index]:
            show("The slice is not loaded.")
            return
        show("looking")

        def work() -> "tuple[npt.NDArray[np.float32], float, float] | None":
            from model.evidence import evidence_map

            around = [
                volume.hu[i] if 0 <= i < len(volume.hu) and volume.loaded[i] else None
                for i in (index - 1, index, index + 1)
            ]
            middle = around[1]
            assert middle is not None
            try:
                found = evidence_map(
                    self._predictor(), (around[0], middle, around[2]), volume.spacing_mm, code, stop.is_set
                )
            except Cancelled:
                return None
            return found.values, found.score, found.calmed

        def take(found: "tuple[npt.NDArray[np.float32], float, float] | None") -> None:
            if found is not None:
                show("shown", values=found[0], score=found[1], calmed=found[2])

        def failed(error: PterionError) -> None:
            show(str(error))

        self._tasks.ask("", work, take, failed)

    def shutdown(self) -> None:
        """End the worker; how masks are painted is kept before."""
        self._stop.set()
        self._evidence_stop.set()
        self._pause.stop()
        self._tasks.shutdown()


def _dismissed(verdicts: Mapping[int, Verdict]) -> frozenset[int]:
    return frozenset(n for n, verdict in verdicts.items() if verdict.decision is Decision.DISMISSED)
