"""The session's part about what the model suspects: regions and their verdicts, how masks look, the evidence map."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from viewer.findings.region import Region, Regions
from viewer.findings.style import OverlayStyle
from viewer.findings.verdict import Verdict


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence map of one slice. state: `looking`, `shown`, or a sentence that says why there is none.

    values: float32 (rows, columns), 0 to 1, None until it is there. score, calmed: of the slice as it is and without
    anything that could bleed.
    """

    index: int
    code: str
    state: str
    values: npt.NDArray[np.float32] | None = None
    score: float = 0.0
    calmed: float = 0.0


@dataclass(frozen=True, eq=False)
class Suspected:
    """The regions of the open series with what was decided about them.

    verdicts: by the region's place in `regions.found`. shown: the masks to paint, without what was dismissed.
    """

    model_id: str
    regions: Regions
    verdicts: Mapping[int, Verdict]
    shown: npt.NDArray[np.uint8]


class Suspecting(QObject):
    """Attributes are read freely and changed only through the setters."""

    # facts
    changed = Signal(object)  # Suspected | None
    current_changed = Signal(object)  # place of a region in `found` | None
    style_changed = Signal(object)  # OverlayStyle
    asked_changed = Signal(object)  # frozenset of codes
    evidence_changed = Signal(object)  # Evidence | None

    # intentions
    accept_requested = Signal(object)  # Region
    edit_requested = Signal(object)  # Region
    dismiss_requested = Signal(object, str)  # Region, reason
    reopen_requested = Signal(object)  # Region: take its verdict back
    evidence_requested = Signal(str)  # code of a subtype, on the slice that is shown; empty to hide it

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.suspected: Suspected | None = None
        self.current: int | None = None
        self.style = OverlayStyle()
        self.asked: frozenset[str] = frozenset()
        self.evidence: Evidence | None = None

    @property
    def found(self) -> tuple[Region, ...]:
        """The regions, none while they are not known."""
        return self.suspected.regions.found if self.suspected is not None else ()

    def set_suspected(self, suspected: Suspected | None) -> None:
        """Take the regions of the open series, or what was decided about them."""
        if suspected is self.suspected:
            return
        before, self.suspected = self.suspected, suspected
        if before is None or suspected is None or before.regions is not suspected.regions:
            self.set_current(None)
        self.changed.emit(suspected)

    def set_current(self, number: int | None) -> None:
        """Say which region the reader is at."""
        if number != self.current:
            self.current = number
            self.current_changed.emit(number)

    def set_style(self, style: OverlayStyle) -> None:
        """Paint masks in another way."""
        if style != self.style:
            self.style = style
            self.style_changed.emit(style)

    def set_asked(self, codes: frozenset[str]) -> None:
        """Say of which subtypes below their operating points a reader wants to see the outlines, in this series."""
        if codes != self.asked:
            self.asked = codes
            self.asked_changed.emit(codes)

    def set_evidence(self, evidence: Evidence | None) -> None:
        """Show an evidence map, or none."""
        if evidence is not self.evidence:
            self.evidence = evidence
            self.evidence_changed.emit(evidence)
