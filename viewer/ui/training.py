"""A training as it goes: its curves, a few slices before and after, what is left, pause and stop."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from model.labels import CODES
from viewer.session import Retraining, Session
from viewer.ui import theme
from viewer.ui.retraining import RUNNING, time_left
from viewer.ui.shown_slice import SliceRows

HEIGHT_PX = 132

Curve = tuple[tuple[float, ...], tuple[float, ...]]
"""Steps and values."""


class CurvePlot(QWidget):
    """Named curves against steps, in their colours."""

    def __init__(self, title: str, *, unit: bool) -> None:
        super().__init__()
        self._unit = unit
        self._plot: Any = None
        self._lines: dict[str, Any] = {}
        self.values: dict[str, Curve] = {}
        self.legend = QLabel()
        self.legend.setFont(theme.font(theme.LABEL_PX))
        self.legend.setWordWrap(True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addWidget(theme.heading(title))
        self._column.addWidget(self.legend)
        self.setMinimumHeight(theme.scaled(HEIGHT_PX) + 34)
        self.setAccessibleName(title)

    def show_curves(self, curves: Mapping[str, tuple[str, Curve]], until: int) -> None:
        """Show curves by name, each with its colour; the axis goes to `until` steps."""
        self.values = {name: curve for name, (_, curve) in curves.items() if curve[0]}
        texts = [
            f'<span style="color:{colour}">{name} {curve[1][-1]:.3f}</span>'
            for name, (colour, curve) in curves.items()
            if curve[0]
        ]
        self.legend.setText("   ".join(texts) or "after the first validation")
        if not self.values:
            return
        if self._plot is None:
            self._make_plot()
        import pyqtgraph

        for name, (colour, curve) in curves.items():
            if name not in self._lines:
                pen = pyqtgraph.mkPen(colour, width=1.6)
                marks = {"symbol": "o", "symbolSize": 3, "symbolPen": None, "symbolBrush": colour}
                self._lines[name] = self._plot.plot(pen=pen, antialias=True, **marks)
            self._lines[name].setData(list(curve[0]), list(curve[1]))
        self._plot.setXRange(0, max(until, 1), padding=0.02)

    def _make_plot(self) -> None:
        import pyqtgraph

        self._plot = plot = pyqtgraph.PlotWidget(background=theme.CARD)
        plot.setMenuEnabled(False)
        plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)  # the wheel scrolls the dialog
        plot.hideButtons()
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        plot.setFrameStyle(0)
        plot.showGrid(x=False, y=True, alpha=0.15)
        if self._unit:
            plot.setYRange(0, 1, padding=0.04)
        for side in ("left", "bottom"):
            axis = plot.getAxis(side)
            axis.setStyle(tickFont=theme.font(theme.LABEL_PX - 1), tickLength=0, maxTickLevel=0)
            axis.enableAutoSIPrefix(False)
            axis.setPen(theme.HAIRLINE)
            axis.setTextPen(theme.QUIET)
        plot.setFixedHeight(theme.scaled(HEIGHT_PX))
        self._column.insertWidget(1, plot)


class TrainingDialog(QDialog):
    """Beside the study, never in its way: reading goes on."""

    def __init__(self, parent: QWidget, session: Session) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("Retraining")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(min(860, parent.width() - 40), min(700, parent.height() - 40))
        self.text = theme.label("", "strong", wrap=True)
        self.left = theme.label("", "quiet")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName("How much of the training is done")
        self.loss, self.dice = CurvePlot("Loss", unit=False), CurvePlot("Dice of bleeding", unit=True)
        self.auc, self.subtypes = CurvePlot("Slice AUC", unit=True), CurvePlot("Dice by subtype", unit=True)
        self.examples = SliceRows("bundled", "now")
        self.no_examples = theme.label(
            "A few of your slices appear here once the training has begun.", "quiet"
        )
        self.pause, self.stop = theme.button("Pause"), theme.button("Stop, keep the best")
        self.cancel, close = theme.button("Cancel"), theme.button("Close", "primary")
        self.pause.clicked.connect(self._pause)
        self.stop.clicked.connect(session.retrain_cancel_requested)
        self.cancel.clicked.connect(session.learning.abandon_requested)
        close.clicked.connect(self.close)
        self._build(close)
        session.retraining_changed.connect(self.refresh)
        session.learning.examples_changed.connect(self._show_examples)
        self._show_examples()
        self.refresh()

    def _build(self, close: QWidget) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(10)
        top = QHBoxLayout()
        top.addWidget(self.text, 1)
        top.addWidget(self.left)
        layout.addLayout(top)
        layout.addWidget(self.progress)
        body = QWidget()
        column = theme.scrolled(body)
        grid = QGridLayout()
        grid.setSpacing(12)
        grid.setContentsMargins(0, 0, 12, 0)
        for number, plot in enumerate((self.loss, self.dice, self.auc, self.subtypes)):
            grid.addWidget(plot, *divmod(number, 2))
        column.addLayout(grid)
        column.addWidget(theme.heading("Your slices, before and now"))
        column.addWidget(self.no_examples)
        column.addWidget(self.examples)
        column.addStretch(1)
        layout.addWidget(body, 1)
        below = QHBoxLayout()
        below.addWidget(theme.label("Reading and annotating go on meanwhile.", "quiet"), 1)
        for made in (self.cancel, self.stop, self.pause, close):
            below.addWidget(made)
        layout.addLayout(below)

    def _pause(self) -> None:
        self._session.learning.pause_requested.emit(self._session.retraining.state != "paused")

    def _show_examples(self, *_: object) -> None:
        slices = self._session.learning.examples
        self.no_examples.setVisible(not slices)
        self.examples.setVisible(bool(slices))
        self.examples.show_slices(slices, across=2)

    def refresh(self, *_: object) -> None:
        """Show the training as it is now."""
        now = self._session.retraining
        running = now.state in RUNNING
        self.text.setText(now.text or "No training runs.")
        self.left.setText(time_left(now.seconds_left) if running else "")
        self.progress.setValue(round(1000 * now.progress))
        steps = tuple(float(n) for n in range(1, len(now.train_loss) + 1))
        until = now.steps or len(steps)
        accent, amber = theme.ACCENT, theme.AMBER
        curves = {
            "training": (accent, (steps, now.train_loss)),
            "validation": (amber, named(now, "mine_loss")),
        }
        self.loss.show_curves(curves, until)
        for plot, name in ((self.dice, "dice"), (self.auc, "auc")):
            sides = {
                "your validation patients": (accent, named(now, f"mine_{name}")),
                "simulated heads": (amber, named(now, f"phantom_{name}")),
            }
            plot.show_curves(sides, until)
        by_code = {code: (theme.subtype_colour(code), self._of_subtype(now, code)) for code in CODES}
        self.subtypes.show_curves(by_code, until)
        self.pause.setText("Go on" if now.state == "paused" else "Pause")
        self.pause.setEnabled(now.state in ("running", "paused"))
        self.stop.setEnabled(now.state in ("running", "paused") and bool(now.rows))
        self.cancel.setEnabled(running and now.state != "stopping")

    def _of_subtype(self, now: Retraining, code: str) -> Curve:
        """On the reader's patients where they show it, else on the simulated heads."""
        mine = named(now, f"mine_{code}")
        return mine if mine[0] else named(now, f"phantom_{code}")


def named(now: Retraining, name: str) -> Curve:
    """Steps and values of one number over the validations so far."""
    rows = [row for row in now.rows if name in row]
    return tuple(float(row["step"]) for row in rows), tuple(float(row[name]) for row in rows)
