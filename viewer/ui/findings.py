"""The Findings tab: study score, a bar per subtype, suspected regions, what to do with them."""

from collections.abc import Sequence

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from model.labels import ANY, CODES, SCORES, SUBTYPES
from viewer.dicom.series import Problem
from viewer.findings.doubts import close_calls
from viewer.findings.region import Region
from viewer.session import Findings, Session
from viewer.ui import theme
from viewer.ui.caution_list import CautionList
from viewer.ui.overlay_bar import OverlayBar
from viewer.ui.region_row import RegionRow, millilitres, slice_range
from viewer.ui.regions import because, regions, short, study_scores, study_threshold, suspected, told
from viewer.ui.score_row import ScoreRow
from viewer.ui.shift_line import ShiftLine

_MATTERS = (Problem.AI_CAUTION, Problem.AI_NOT_RUN, Problem.SPACING_ESTIMATED, Problem.NO_SPACING)
REFRESH_MS = 80
"""Results arrive many times a second; the panel repaints at most this often."""


class FindingsPanel(QWidget):
    """The model's answer for the open series."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.title = theme.label("Any hemorrhage", "strong")
        self.score = QLabel("")
        self.about = theme.label("", "quiet", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.rows = {subtype.code: ScoreRow(subtype) for subtype in SUBTYPES}
        self.regions_heading = theme.heading("Regions")
        self.region_rows: list[RegionRow] = []
        self.none_found = theme.label("", "quiet", wrap=True)
        self.overlay_bar = OverlayBar(session.suspecting)
        self.specks = theme.label("", "small", wrap=True)
        self.shift = ShiftLine(session)
        self.accept = theme.button("Accept as annotations", "primary")
        self.why = theme.button("Why? Show evidence map")
        self.why.setToolTip(
            "Which places of this slice the score rests on. Found by darkening the slice place by place and asking the "
            "model again"
        )
        self.because = theme.label("", "small", wrap=True)
        self._listed: object = None
        self._icons: dict[str, QIcon] = {}
        self.again = theme.button("Score again")
        self.cancel = theme.button("Cancel")
        self.research = theme.label("Research use only. Scores are not a diagnosis.", "small", wrap=True)
        self.empty = theme.label(
            "Open a head CT: the model scores it by itself, the slice on screen first, and its scores, volumes and "
            "regions appear here.",
            "quiet",
            wrap=True,
        )
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self._layout = theme.scrolled(self)
        self._layout.addWidget(self.empty)
        self._card = self._build_card()
        self._layout.addWidget(self._card)
        self._bars = QWidget()
        bars = QVBoxLayout(self._bars)
        bars.setContentsMargins(0, 4, 0, 4)
        bars.setSpacing(0)
        for row in self.rows.values():
            bars.addWidget(row)
        self._layout.addWidget(self._bars)
        self._layout.addWidget(self.overlay_bar)
        self._notes = CautionList()
        self._layout.addWidget(self._notes)
        self._layout.addWidget(self.regions_heading)
        self._regions = QVBoxLayout()
        self._regions.setSpacing(0)
        self._layout.addLayout(self._regions)
        for widget in (
            self.none_found,
            self.specks,
            self.shift,
            self.accept,
            self.why,
            self.because,
            self.again,
            self.cancel,
            self.research,
        ):
            self._layout.addWidget(widget)
        self._layout.addStretch(1)

    def _build_card(self) -> QFrame:
        made = theme.card()
        layout = QVBoxLayout(made)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(4)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        self.score.setFont(theme.font(weight=600))
        top.addWidget(self.score)
        layout.addLayout(top)
        layout.addWidget(self.about)
        layout.addWidget(self.progress)
        return made

    def _connect(self) -> None:
        session = self._session
        session.findings_changed.connect(self._later)
        session.slice_scored.connect(self._later)
        session.volume_changed.connect(lambda _: self.refresh())
        session.ai_state_changed.connect(self._later)
        session.model_changed.connect(self._later)
        suspecting = session.suspecting
        suspecting.changed.connect(self._later)
        suspecting.current_changed.connect(self._mark_current)
        suspecting.style_changed.connect(lambda _: self._show_eyes())
        suspecting.asked_changed.connect(lambda _: self.refresh())
        suspecting.evidence_changed.connect(lambda _: self._show_evidence())
        session.slice_index_changed.connect(lambda _: self._show_evidence())
        session.preferences_changed.connect(lambda _: self._relist())
        for code, row in self.rows.items():
            row.shown_changed.connect(lambda shown, of=code: self._show_subtype(of, shown))
            row.opacity_chosen.connect(lambda share, of=code: self._fade_subtype(of, share))
        self.why.clicked.connect(self._ask_why)
        self.accept.clicked.connect(session.accept_findings_requested)
        self.again.clicked.connect(session.score_requested)
        self.cancel.clicked.connect(session.score_cancel_requested)

    def _later(self, *_: object) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def refresh(self) -> None:
        """Show the session's findings as they are now."""
        session = self._session
        findings = session.findings
        opened = session.volume is not None
        self.empty.setVisible(not opened)
        running = findings is not None and not findings.done and not findings.not_run
        answered = findings is not None and not findings.not_run
        for widget, visible in (
            (self._card, opened),
            (self._bars, opened),
            (self.overlay_bar, answered),
            (self.progress, running),
            (self.cancel, running),
            (self.again, opened and not running),
            (self.research, opened),
        ):
            widget.setVisible(visible)
        self.again.setText("Score again" if answered else "Score this series")
        self._show_head(findings)
        self._show_bars(findings if answered else None)
        self._show_notes(findings)
        self._show_regions(findings if answered else None)
        self._show_eyes()
        self._show_evidence()

    def _show_head(self, findings: Findings | None) -> None:
        if findings is None or findings.not_run:
            self.score.setText("")
            reason = findings.not_run if findings is not None else self._session.ai_state
            self.title.setText("Not scored")
            self.about.setText(reason or "No model has answered for this series yet.")
            return
        value = study_scores(findings)[ANY]
        found = suspected(findings)
        self.title.setText("Any hemorrhage" if findings.done else "Any hemorrhage so far")
        self.score.setText(f"{value:.2f}" if findings.done or findings.scored else "–")
        colour = (
            theme.subtype_colour(found[0])
            if found
            else (theme.AMBER if value >= study_threshold(findings, ANY) else theme.TEXT)
        )
        self.score.setStyleSheet(f"color: {colour};")
        if findings.done:
            point = f"suspected from {short(study_threshold(findings, ANY))}"
            self.about.setText(
                f"{point} · calibrated\nmodel {findings.model_id} · {findings.total} slices in {findings.seconds:.1f} s"
            )
        else:
            self.about.setText(f"model {findings.model_id} · scoring {findings.scored} of {findings.total}")
            self.progress.setRange(0, max(findings.total, 1))
            self.progress.setValue(findings.scored)

    def _show_bars(self, findings: Findings | None) -> None:
        scores = study_scores(findings) if findings is not None else {}
        approximate = "≈ " if self._estimated() else ""
        doubtful: tuple[str, ...] = ()
        if findings is not None and findings.done:
            points = {code: study_threshold(findings, code) for code in SCORES}
            doubtful = close_calls(scores, points, CODES)
        for code, row in self.rows.items():
            volume = ""
            if findings is not None and findings.volume_ml.get(code, 0.0) >= 0.05:
                volume = f"{approximate}{millilitres(findings.volume_ml[code])}"
            known = findings is not None and (findings.done or findings.scored > 0)
            tick = study_threshold(findings, code) if findings else 0.5
            over = known and scores[code] >= tick
            unpainted = "" if findings is None or over or not volume else self._unpainted(code, findings)
            row.show_score(
                scores[code] if known else None,
                tick,
                volume,
                self._extent(code, tick, doubtful, unpainted)
                if over or unpainted or code in doubtful
                else "",
                f"{code} lies close to its operating point: it could be on either side." * (code in doubtful),
            )

    def _unpainted(self, code: str, findings: Findings) -> str:
        """What is said of masks of a subtype that is not suspected."""
        if code in told(findings):
            return ""
        return "below: outlined" if code in self._session.suspecting.asked else "below: not painted"

    def _extent(self, code: str, tick: float, doubtful: Sequence[str], unpainted: str) -> str:
        """Operating point, how many regions, on which slices: `from .05 · 2 regions · 17–27`."""
        found = [region for region in self._session.suspecting.found if region.code == code]
        parts = [f"from {short(tick)}"]
        if unpainted:
            parts.append(unpainted)
        if code in doubtful:
            parts.append("close call")
        if found:
            parts.append(f"{len(found)} region{'s' * (len(found) > 1)}")
            first, last = min(r.first for r in found), max(r.last for r in found)
            parts.append(f"sl. {slice_range(first, last)}")
        return " · ".join(parts)

    def _estimated(self) -> bool:
        volume = self._session.volume
        return volume is not None and any(n.problem is Problem.SPACING_ESTIMATED for n in volume.series.notes)

    def _show_notes(self, findings: Findings | None) -> None:
        texts = list(findings.cautions) if findings is not None else []
        series = self._session.series
        texts += (
            [note.text for note in series.notes if note.problem in _MATTERS] if series is not None else []
        )
        if (
            findings is not None
            and findings.model_id
            and self._session.model_id not in ("", findings.model_id)
        ):
            texts.insert(
                0,
                f"From model {findings.model_id}; {self._session.model_id} is in use now. Score again to ask it.",
            )
        self._notes.show_texts(texts)

    def _show_regions(self, findings: Findings | None) -> None:
        suspected_ = self._session.suspecting.suspected
        found = suspected_.regions.found if suspected_ is not None else self._runs(findings)
        measured = suspected_ is not None and findings is not None
        key = (suspected_, self._estimated()) if measured else tuple(_facts(region) for region in found)
        if key != self._listed:
            self._listed = key
            self._fill_list(found if findings is not None else (), measured=measured)
        done = findings is not None and findings.done
        self.regions_heading.setVisible(findings is not None)
        self.none_found.setVisible(findings is not None and not found)
        self.none_found.setText("No subtype is above its threshold." if done else "None so far.")
        small = sum(suspected_.regions.specks.values()) if suspected_ is not None else 0
        self.specks.setText(f"and {small} smaller part{'s' * (small > 1)}" if small else "")
        self.specks.setVisible(bool(small))
        verdicts = suspected_.verdicts if suspected_ is not None else {}
        self.accept.setVisible(len(found) > len(verdicts))
        self.accept.setEnabled(done)
        self.accept.setToolTip(
            "Copy the masks of every region that you did not dismiss into your annotations, to be reviewed one by one"
        )

    def _runs(self, findings: Findings | None) -> tuple[Region, ...]:
        """Suspected slices, until the regions are measured."""
        volume = self._session.volume
        if findings is None or volume is None or len(findings.slice_scores) != len(volume.hu):
            return ()
        spacing = any(note.problem is Problem.NO_SPACING for note in volume.series.notes)
        weights = volume.thickness_weights_mm() if findings.done and not spacing else None
        return regions(findings, volume.spacing_mm[0] * volume.spacing_mm[1], weights)

    def _fill_list(self, found: Sequence[Region], *, measured: bool) -> None:
        suspecting = self._session.suspecting
        verdicts = suspecting.suspected.verdicts if suspecting.suspected is not None else {}
        _clear(self._regions)
        self.region_rows = []
        approximate = "≈ " if self._estimated() else ""
        for number, region in enumerate(found):
            known = region.volume_ml is not None and region.volume_ml >= 0.05
            volume = f"{approximate}{millilitres(region.volume_ml or 0.0)}" if known else "–"
            row = RegionRow(region, volume, verdicts.get(number), known=measured, icon=self._icon)
            row.clicked.connect(lambda index, at=number: self._go(at if measured else None, index))
            row.accept_clicked.connect(lambda of=region: suspecting.accept_requested.emit(of))
            row.edit_clicked.connect(lambda of=region: suspecting.edit_requested.emit(of))
            row.dismissed.connect(lambda reason, of=region: suspecting.dismiss_requested.emit(of, reason))
            row.reopen_clicked.connect(lambda of=region: suspecting.reopen_requested.emit(of))
            self._regions.addWidget(row)
            self.region_rows.append(row)
        self._mark_current(suspecting.current)

    def _icon(self, name: str) -> QIcon:
        """An icon of the rows, drawn once."""
        if name not in self._icons:
            self._icons[name] = theme.icon(name, theme.QUIET)
        return self._icons[name]

    def _relist(self) -> None:
        self._listed = None
        self._icons.clear()
        for row in self.rows.values():
            row.renew()
        self._later()

    def _go(self, number: int | None, index: int) -> None:
        self._session.suspecting.set_current(number)
        self._session.set_slice_index(index)

    def _mark_current(self, number: object) -> None:
        measured = self._session.suspecting.suspected is not None
        for at, row in enumerate(self.region_rows):
            row.set_current(current=measured and at == number)

    # overlay, evidence

    def _show_subtype(self, code: str, shown: bool) -> None:
        suspecting = self._session.suspecting
        if self._is_below(code):
            suspecting.set_asked(suspecting.asked | {code} if shown else suspecting.asked - {code})
            return
        suspecting.set_style(suspecting.style.with_shown(code, shown=shown))

    def _fade_subtype(self, code: str, share: float) -> None:
        suspecting = self._session.suspecting
        suspecting.set_style(suspecting.style.with_opacity(share, code))
        self._show_subtype(code, shown=True)

    def _is_below(self, code: str) -> bool:
        findings = self._session.findings
        return findings is not None and not findings.not_run and code not in told(findings)

    def _show_eyes(self) -> None:
        suspecting = self._session.suspecting
        for code, row in self.rows.items():
            below = self._is_below(code)
            shown = code in suspecting.asked if below else code not in suspecting.style.hidden
            row.show_mask(shown=shown, below=below)

    def _ask_why(self) -> None:
        wanted = self._session.suspecting.evidence is None
        self._session.suspecting.evidence_requested.emit(self._asked_about() if wanted else "")

    def _asked_about(self) -> str:
        """The subtype whose evidence is meant: of the region at hand, else the likeliest on the slice."""
        session = self._session
        current, found = session.suspecting.current, session.suspecting.found
        if current is not None and found[current].first <= session.slice_index <= found[current].last:
            return found[current].code
        findings = session.findings
        if findings is None or not 0 <= session.slice_index < len(findings.slice_scores):
            return ANY
        scores = findings.slice_scores[session.slice_index]
        return SCORES[1 + int(scores[1:].argmax())] if (scores[1:] >= 0).all() else ANY

    def _show_evidence(self) -> None:
        session = self._session
        findings, found = session.findings, session.suspecting.evidence
        answered = findings is not None and findings.done
        self.why.setVisible(answered)
        self.why.setText("Hide evidence map" if found is not None else "Why? Show evidence map")
        text = "" if found is None else because(found, session.slice_index)
        self.because.setText(text)
        self.because.setVisible(bool(text) and answered)


def _facts(region: Region) -> tuple[object, ...]:
    return (region.code, region.first, region.last, region.peak, region.score, region.volume_ml)


def _clear(layout: QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.setParent(None)
            widget.deleteLater()
