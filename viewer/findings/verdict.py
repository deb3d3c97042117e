"""What a reader decided about a region that the model suspected."""

from dataclasses import dataclass
from enum import StrEnum

from model.labels import SCORES


class Decision(StrEnum):
    """Accepted regions are among the annotations; dismissed ones are hidden and keep their reason. What is rejected is
    one shape of a region on one slice."""

    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    REJECTED = "rejected"


REJECTED_SHAPES = "Rejected slice by slice"
"""Why a region is dismissed all of whose shapes were rejected."""


REASONS = (
    "Artefact",
    "Calcification",
    "Normal anatomy",
    "Vessel or contrast",
    "Postoperative change",
    "Already reported",
    "Other",
)
"""Why a region is dismissed. A reader may write another reason."""


@dataclass(frozen=True)
class Verdict:
    """A decision about the region, or the shape on one slice, of one model that holds one pixel.

    subtype: one of `model.labels.SCORES`. pixel: (column, row) of a pixel of the region on the slice.
    reason: why it was dismissed, empty for an accepted one.
    """

    decision: Decision
    model_id: str
    subtype: str
    sop_uid: str
    frame: int
    pixel: tuple[int, int]
    reason: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError naming the first field that breaks a rule."""
        object.__setattr__(self, "decision", Decision(self.decision))
        column, row = (int(part) for part in self.pixel)
        object.__setattr__(self, "pixel", (column, row))
        if not self.sop_uid or self.frame < 0 or column < 0 or row < 0:
            raise ValueError(f"a verdict needs a pixel of a slice, got {self.sop_uid!r} and {self.pixel}")
        if self.subtype not in SCORES:
            raise ValueError(f"subtype must be one of {SCORES}, got {self.subtype!r}")

    @property
    def kind(self) -> str:
        """The decision, by the name that all kept items share."""
        return self.decision.value

    @property
    def uid(self) -> str:
        """What tells it from the other verdicts of its series: one a region, and one a shape, at a time."""
        column, row = self.pixel
        what = "shape/" if self.decision is Decision.REJECTED else ""
        return f"{what}{self.model_id}/{self.subtype}/{self.sop_uid}/{self.frame}/{column}/{row}"
