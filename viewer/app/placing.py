"""Where the windows were, kept in the library's settings and taken up again."""

from dataclasses import asdict
from typing import Any

from PySide6.QtCore import QObject

from viewer.app.tasks import Tasks
from viewer.library.store import Library
from viewer.ui.placing import Placement, Placing

SETTING = "windows_on_screens"


def placement_of(kept: Any) -> Placement | None:
    """A placement as it was kept; None for anything else."""
    try:
        frame, outside = kept["frame"], kept["outside"]
        return Placement(
            _box(frame),
            bool(kept["maximised"]),
            tuple(int(width) for width in kept["columns"]),
            {str(name): _box(box) for name, box in outside.items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _box(values: Any) -> tuple[int, int, int, int]:
    left, top, width, height = (int(value) for value in values)
    return (left, top, width, height)


class KeptPlaces(QObject):
    """Keeps where the windows are; puts them there at the next start."""

    def __init__(self, placing: Placing, library: Library, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._placing, self._library, self._tasks = placing, library, tasks

    def begin(self) -> None:
        """Put the windows where they were; keep from now on where they are."""
        self._tasks.ask("", lambda: self._library.setting(SETTING), self._take, failed=lambda _: None)

    def _take(self, kept: Any) -> None:
        placement = placement_of(kept)
        if placement is not None:
            self._placing.place(placement)
        self._placing.changed.connect(self.keep)

    def keep(self) -> None:
        """Have the places kept as they are now."""
        kept = asdict(self._placing.placement())
        self._tasks.ask("", lambda: self._library.set_setting(SETTING, kept), failed=lambda _: None)
