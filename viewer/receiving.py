"""The session's part about what other systems have made of a study: their segmentations and reports."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class ReceivedSegment:
    """A segment of another system on the open series. value: its number in the labels. slices: the first and the
    last it is on, from 0. volume_ml: None where distances are unknown. algorithm: who or what drew it, as it says."""

    value: int
    name: str
    rgb: RGB
    slices: tuple[int, int]
    volume_ml: float | None
    algorithm: str = ""


@dataclass(frozen=True, eq=False)
class ReceivedSegmentation:
    """A segmentation on the open series. labels: uint8 (slices, rows, columns), 0 none; where segments overlap, the
    later one. overlapping: whether any do. astray: masks that lie on no slice of the series."""

    title: str
    labels: npt.NDArray[np.uint8]
    segments: tuple[ReceivedSegment, ...]
    overlapping: bool = False
    astray: int = 0


class Receiving(QObject):
    """Attributes are read freely and changed only through the setters."""

    # facts
    overlay_changed = Signal(
        object
    )  # ReceivedSegmentation | None: it is painted in the place of the model's masks
    hidden_changed = Signal(object)  # frozenset[int]: values of segments that are not painted
    reported = Signal(object)  # viewer.dicom.report.Report to show

    # intentions
    requested = Signal(str)  # series_uid of a segmentation or a report

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.overlay: ReceivedSegmentation | None = None
        self.hidden: frozenset[int] = frozenset()

    def set_overlay(self, overlay: ReceivedSegmentation | None) -> None:
        """Paint a segmentation of another system; None: the model's masks again."""
        if overlay is not self.overlay:
            self.overlay, self.hidden = overlay, frozenset()
            self.overlay_changed.emit(overlay)

    def set_hidden(self, hidden: frozenset[int]) -> None:
        """Paint all segments but these."""
        if hidden != self.hidden:
            self.hidden = hidden
            self.hidden_changed.emit(hidden)
