"""The live curves of a training, drawn with pyqtgraph (imported when there is something to draw)."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from viewer.ui import theme

HEIGHT_PX = 104


def load_plotting() -> None:
    """Import pyqtgraph ahead of time, off the GUI thread: it takes a third of a second."""
    import pyqtgraph  # noqa: F401


class LossCurve(QWidget):
    """Training and validation loss against how much of the training is done, in percent."""

    def __init__(self) -> None:
        super().__init__()
        self.train: tuple[float, ...] = ()
        self.validation: tuple[float, ...] = ()
        self._plot: Any = None
        self._lines: tuple[Any, Any] | None = None
        self._legend = QLabel()
        self._legend.setFont(theme.font(theme.LABEL_PX))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self._legend)
        self.setFixedHeight(HEIGHT_PX)
        self.setAccessibleName("Loss curve")

    def show_curves(
        self, train: tuple[float, ...], validation: tuple[float, ...], until: float = 1.0
    ) -> None:
        """Show these values over the first part `until` (0 to 1) of the width."""
        if (train, validation) == (self.train, self.validation) and self._plot is not None:
            return
        self.train, self.validation = train, validation
        if not train and not validation:
            return
        if self._lines is None:
            self._lines = self._make_plot()
        for line, values in zip(self._lines, (train, validation), strict=True):
            line.setData([100 * until * i / len(values) for i in range(1, len(values) + 1)], list(values))
        low, high = min(train + validation), max(train + validation)
        self._plot.setYRange(low, high if high > low else low + 1, padding=0.08)
        self._legend.setText("   ".join(_named(train, validation)))

    def _make_plot(self) -> tuple[Any, Any]:
        import pyqtgraph

        self._plot = plot = pyqtgraph.PlotWidget(background=theme.CARD)
        plot.setMenuEnabled(False)
        plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)  # the wheel scrolls the panel
        plot.setXRange(0, 100, padding=0.02)
        plot.hideButtons()
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        plot.setFrameStyle(0)
        plot.showGrid(x=False, y=True, alpha=0.15)
        for side in ("left", "bottom"):
            axis = plot.getAxis(side)
            axis.setStyle(tickFont=theme.font(theme.LABEL_PX - 1), tickLength=0, maxTickLevel=0)
            axis.enableAutoSIPrefix(False)
            axis.setPen(theme.HAIRLINE)
            axis.setTextPen(theme.QUIET)
        self._column.insertWidget(0, plot, 1)
        marks = {"symbol": "o", "symbolSize": 3, "symbolPen": None}
        train, validation = (
            plot.plot(pen=pyqtgraph.mkPen(colour, width=1.6), symbolBrush=colour, antialias=True, **marks)
            for colour in (theme.ACCENT, theme.AMBER)
        )
        return train, validation


def _named(train: tuple[float, ...], validation: tuple[float, ...]) -> list[str]:
    """The legend: each curve's name in its colour, with its last value."""
    curves = (("training", theme.ACCENT, train), ("validation", theme.AMBER, validation))
    return [
        f'<span style="color:{colour}">{name} {curve[-1]:.3f}</span>'
        for name, colour, curve in curves
        if curve
    ]
