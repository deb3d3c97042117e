"""Slices that a reader marked: key images for the report, and bookmarks to come back to."""

from dataclasses import dataclass
from enum import StrEnum


class MarkKind(StrEnum):
    """Why a slice is marked."""

    KEY_IMAGE = "key image"
    BOOKMARK = "bookmark"


@dataclass(frozen=True)
class Mark:
    """One marked slice. A slice carries one mark of each kind at most.

    window: (width, level) that it was looked at with, None for any. note: the reader's own words.
    """

    kind: MarkKind
    sop_uid: str
    frame: int = 0
    note: str = ""
    window: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError without a slice."""
        if not self.sop_uid or self.frame < 0:
            raise ValueError(f"a mark needs a slice, got {self.sop_uid!r} and {self.frame}")
        object.__setattr__(self, "kind", MarkKind(self.kind))

    @property
    def uid(self) -> str:
        """What tells it from the other marks of its series."""
        return f"{self.kind}/{self.sop_uid}/{self.frame}"
