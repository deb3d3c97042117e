"""A slice in small, with what one model or the reader drew on it."""

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from viewer.learning import ShownSlice
from viewer.ui import theme

SIDE_PX = 116
_ALPHA = 0.45


class SlicePicture(QWidget):
    """Grey pixels, labels over them in the subtypes' colours, a caption below on black."""

    def __init__(self, grey: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], caption: str) -> None:
        super().__init__()
        self.caption = caption
        self._image = picture(grey, labels)
        self.setAccessibleName(caption)
        self.setFixedSize(theme.scaled(SIDE_PX), theme.scaled(SIDE_PX) + 20)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As large as it is fixed."""
        return QSize(theme.scaled(SIDE_PX), theme.scaled(SIDE_PX) + 20)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the slice and its caption."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        side = theme.scaled(SIDE_PX)
        painter.drawImage(QRectF(0, 0, side, side), self._image, QRectF(self._image.rect()))
        painter.setPen(QColor(theme.HAIRLINE))
        painter.drawRect(0, 0, side - 1, side - 1)
        painter.setPen(QColor(theme.QUIET))
        painter.setFont(theme.font(theme.LABEL_PX))
        below = QRectF(QPointF(0, side + 2), QPointF(side, self.height()))
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self.caption)
        painter.end()


def picture(grey: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> QImage:
    """RGB of a slice (N, N) with its labels; values that are no subtype are not drawn."""
    rgb = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
    for value, colour in enumerate(theme.subtype_rgb(), start=1):
        drawn = labels == value
        rgb[drawn] = (1 - _ALPHA) * rgb[drawn] + _ALPHA * np.array(colour, np.float32)
    pixels = np.ascontiguousarray(rgb.astype(np.uint8))
    height, width = labels.shape
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


class SliceRows(QWidget):
    """Slices below each other, each as the first model, the second and the reader draw it.

    openable: whether each says whose it is and has a button that asks for it in the viewer.
    """

    open_clicked = Signal(str)  # place of the slice

    def __init__(self, before: str, after: str, *, openable: bool = False) -> None:
        super().__init__()
        self._openable = openable
        self._names = before, after
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(8)
        self.count = 0

    def show_slices(self, slices: tuple[ShownSlice, ...], across: int = 1, *, hidden: bool = False) -> None:
        """Show these, `across` of them in a row. hidden: do not say whose they are."""
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.setParent(None)
                widget.deleteLater()
        self.count = len(slices)
        wide = 3 + self._openable
        for number, one in enumerate(slices):
            first, second = (
                f"{name} · {short(value)}" for name, value in zip(self._names, one.dice, strict=True)
            )
            row, column = divmod(number, across)
            trio = ((one.before, first), (one.after, second), (one.truth, "yours"))
            for place, (labels, caption) in enumerate(trio):
                self._grid.addWidget(SlicePicture(one.grey, labels, caption), row, wide * column + place)
            if self._openable and one.place:
                patient = "" if hidden else one.patient
                self._grid.addWidget(self._opener(number, one.place, patient), row, wide * column + 3)
        self._grid.setColumnStretch(wide * across, 1)

    def _opener(self, number: int, place: str, patient: str) -> QWidget:
        made, button = QWidget(), theme.button("Open in viewer")
        button.setAccessibleName(f"Open slice {number + 1} in the viewer")
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self.open_clicked.emit(place))
        column = QVBoxLayout(made)
        column.setContentsMargins(8, 0, 0, 0)
        if patient:
            column.addWidget(theme.label(patient, "quiet"))
        column.addWidget(button)
        column.addStretch(1)
        return made


def short(value: float, digits: int = 2) -> str:
    """A number without the zero before its point; a dash for none."""
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def signed(value: float, digits: int = 2) -> str:
    """The same with its sign."""
    text = short(abs(value), digits)
    if not any(digit in text for digit in "123456789"):
        return text
    return ("+" if value > 0 else "−") + text
