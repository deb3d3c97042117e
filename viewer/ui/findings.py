"""The Findings tab: study score, a bar per subtype, suspected regions, what to do with them."""

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from model.labels import ANY, BY_CODE, SUBTYPES, Subtype
from viewer.dicom.series import Note, Problem
from viewer.session import Findings, Session
from viewer.ui import theme
from viewer.ui.regions import Region, regions, study_scores, study_threshold, suspected

REFRESH_MS = 80
"""Results arrive many times a second; the panel repaints at most this often."""


class ScoreRow(QWidget):
    """One subtype: code, bar with its threshold as a tick, score, mL."""

    def __init__(self, subtype: Subtype) -> None:
        super().__init__()
        self._subtype = subtype
        self.score: float | None = None
        self.threshold = 0.5
        self.volume = ""
        self.setFixedHeight(22)
        self.setAccessibleName(subtype.name)

    def show_score(self, score: float | None, tick: float, volume: str) -> None:
        """Show a score in 0 to 1 (None: nothing known), its threshold and the volume as text."""
        self.score, self.threshold, self.volume = score, tick, volume
        said = "not scored" if score is None else f"{score:.2f}, suspected from {tick:.2f}"
        self.setToolTip(f"{self._subtype.name.capitalize()} hemorrhage: {said}")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Paint the row."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        painter.setFont(theme.font(weight=600))
        painter.setPen(QColor(theme.subtype_colour(self._subtype.code)))
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(0, 0, 40, self.height()), left, self._subtype.code)
        bar = QRectF(44, middle - 4, max(self.width() - 44 - 108, 40), 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.HAIRLINE))
        painter.drawRoundedRect(bar, 4, 4)
        painter.setFont(theme.font())
        if self.score is not None:
            painter.setBrush(QColor(theme.subtype_colour(self._subtype.code)))
            width = max(bar.width() * min(self.score, 1.0), 5)
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), width, bar.height()), min(4, width / 2), 4)
            tick = bar.left() + bar.width() * self.threshold
            painter.fillRect(QRectF(tick - 1, bar.top() - 1, 2, bar.height() + 2), QColor(theme.BRIGHT))
        over = self.score is not None and self.score >= self.threshold
        painter.setPen(QColor(theme.TEXT if over else theme.QUIET))
        value = "–" if self.score is None else f"{self.score:.2f}"
        painter.drawText(QRectF(bar.right() + 8, 0, 32, self.height()), left, value)
        painter.drawText(QRectF(self.width() - 68, 0, 68, self.height()), right, self.volume or "–")


class RegionRow(QWidget):
    """A suspected region; a click goes to its most suspicious slice."""

    clicked = Signal(int)

    def __init__(self, region: Region, volume: str) -> None:
        super().__init__()
        self.region = region
        self._volume = volume
        self.setFixedHeight(26)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.text = "Subtype unclear"
        if region.code in BY_CODE:
            self.text = f"{region.code} · {BY_CODE[region.code].name}"
        self.setToolTip(f"Suspected {self.text}: go to slice {region.peak + 1}, score {region.score:.2f}")
        self.setAccessibleName(f"{self.text}, slices {region.first + 1} to {region.last + 1}")

    def sizeHint(self) -> QSize:  # noqa: N802
        """One line."""
        return QSize(200, 26)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go to the most suspicious slice."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.region.peak)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Swatch, subtype, slice range, mL."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        region = self.region
        if self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.RAISED))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(-4, 0, 4, 0), 4, 4)
        painter.setPen(Qt.PenStyle.NoPen)
        known = region.code in BY_CODE
        painter.setBrush(QColor(theme.subtype_colour(region.code) if known else theme.AMBER))
        painter.drawRoundedRect(QRectF(0, self.height() / 2 - 5, 10, 10), 3, 3)
        painter.setFont(theme.font())
        painter.setPen(QColor(theme.TEXT))
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        room = QRectF(18, 0, self.width() - 18 - 128, self.height())
        painter.drawText(
            room,
            left,
            QFontMetricsF(painter.font()).elidedText(self.text, Qt.TextElideMode.ElideRight, room.width()),
        )
        painter.drawText(QRectF(self.width() - 68, 0, 68, self.height()), right, self._volume)
        painter.setPen(QColor(theme.QUIET))
        painter.drawText(QRectF(self.width() - 128, 0, 56, self.height()), right, slice_range(region))


def millilitres(volume: float) -> str:
    """`1.5 mL`; from 100 mL on without a decimal."""
    return f"{volume:.0f} mL" if volume >= 100 else f"{volume:.1f} mL"


def slice_range(region: Region) -> str:
    """`17–27`, or `17`; slices counted from 1."""
    first, last = region.first + 1, region.last + 1
    return str(first) if first == last else f"{first}–{last}"


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
        self.accept = theme.button("Accept as annotations", "primary")
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
        self._notes = QVBoxLayout()
        self._notes.setSpacing(4)
        self._layout.addLayout(self._notes)
        self._layout.addWidget(self.regions_heading)
        self._regions = QVBoxLayout()
        self._regions.setSpacing(0)
        self._layout.addLayout(self._regions)
        for widget in (self.none_found, self.accept, self.again, self.cancel, self.research):
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
            self.about.setText(
                f"model {findings.model_id} · {findings.total} slices in {findings.seconds:.1f} s"
            )
        else:
            self.about.setText(f"model {findings.model_id} · scoring {findings.scored} of {findings.total}")
            self.progress.setRange(0, max(findings.total, 1))
            self.progress.setValue(findings.scored)

    def _show_bars(self, findings: Findings | None) -> None:
        scores = study_scores(findings) if findings is not None else {}
        approximate = "≈ " if self._estimated() else ""
        for code, row in self.rows.items():
            volume = ""
            if findings is not None and findings.volume_ml.get(code, 0.0) >= 0.05:
                volume = f"{approximate}{millilitres(findings.volume_ml[code])}"
            known = findings is not None and (findings.done or findings.scored > 0)
            row.show_score(
                scores[code] if known else None, study_threshold(findings, code) if findings else 0.5, volume
            )

    def _estimated(self) -> bool:
        volume = self._session.volume
        return volume is not None and any(n.problem is Problem.SPACING_ESTIMATED for n in volume.series.notes)

    def _show_notes(self, findings: Findings | None) -> None:
        _clear(self._notes)
        texts = list(findings.cautions) if findings is not None else []
        series = self._session.series
        texts += [note.text for note in series.notes if _matters(note)] if series is not None else []
        if (
            findings is not None
            and findings.model_id
            and self._session.model_id not in ("", findings.model_id)
        ):
            texts.insert(
                0, f"From model {findings.model_id}; {self._session.model_id} is in use now. Score again."
            )
        for text in dict.fromkeys(texts):
            made = QFrame()
            made.setProperty("role", "caution")
            layout = QVBoxLayout(made)
            layout.setContentsMargins(10, 6, 8, 6)
            layout.addWidget(theme.label(text, "", wrap=True))
            self._notes.addWidget(made)

    def _show_regions(self, findings: Findings | None) -> None:
        _clear(self._regions)
        self.region_rows = []
        volume = self._session.volume
        found: tuple[Region, ...] = ()
        if findings is not None and volume is not None and len(findings.slice_scores) == len(volume.hu):
            spacing = any(note.problem is Problem.NO_SPACING for note in volume.series.notes)
            weights = volume.thickness_weights_mm() if findings.done and not spacing else None
            found = regions(findings, volume.spacing_mm[0] * volume.spacing_mm[1], weights)
        approximate = "≈ " if self._estimated() else ""
        for region in found:
            known = region.volume_ml is not None and region.volume_ml >= 0.05
            row = RegionRow(region, f"{approximate}{millilitres(region.volume_ml or 0.0)}" if known else "–")
            row.clicked.connect(self._session.set_slice_index)
            self._regions.addWidget(row)
            self.region_rows.append(row)
        done = findings is not None and findings.done
        self.regions_heading.setVisible(findings is not None)
        self.none_found.setVisible(findings is not None and not found)
        self.none_found.setText("No subtype is above its threshold." if done else "None so far.")
        self.accept.setVisible(bool(found))
        self.accept.setEnabled(done)
        self.accept.setToolTip("Copy the model's masks into your annotations, to be reviewed one by one")


def _matters(note: Note) -> bool:
    return note.problem in (
        Problem.AI_CAUTION,
        Problem.AI_NOT_RUN,
        Problem.SPACING_ESTIMATED,
        Problem.NO_SPACING,
    )


def _clear(layout: QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.setParent(None)
            widget.deleteLater()
