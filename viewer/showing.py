"""What each viewport shows: its state, the series and the section behind it. Nothing moves here."""

from collections.abc import Iterator, Mapping

from PySide6.QtCore import QObject, Signal

from viewer.dicom.volume import Volume
from viewer.imaging.layouts import READ, Layout
from viewer.imaging.linking import Shift
from viewer.imaging.pane import Links, Pane, SeriesKey
from viewer.imaging.reformat import Vector
from viewer.imaging.sections import Acquired, Section
from viewer.imaging.windows import Window
from viewer.light_box import LightBox


class Showing(QObject):
    """The state of the viewports. Attributes are read freely and changed only through the methods of `Panes`."""

    layout_changed = Signal(object)  # Layout; the number of viewports may be another
    changed = Signal(int)  # what this viewport shows or how
    windows_changed = Signal(object)  # tuple[Window, ...]
    views_changed = Signal()
    links_changed = Signal(object)  # Links
    volume_added = Signal(object)  # Volume of a series beside the open one
    slice_shown = Signal(int)  # slice of the open series that a linked viewport went to
    guides_changed = Signal()  # crosshair or reference lines

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.layout: Layout = READ
        self.panes: tuple[Pane, ...] = tuple(Pane(start.window) for start in READ.starts)
        self.links = Links()
        self.active = 0
        self.crosshair: Vector | None = None
        self.reference_lines = True
        self.box = LightBox()
        self._leading = False

    # what there is

    def __len__(self) -> int:
        """How many viewports."""
        return len(self.panes)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The window of each viewport."""
        return tuple(pane.window for pane in self.panes)

    @property
    def open_volume(self) -> Volume | None:
        """The open series."""
        return self.box.open_volume

    @property
    def volumes(self) -> dict[SeriesKey, Volume]:
        """The series beside the open one."""
        return self.box.volumes

    @property
    def offsets_mm(self) -> dict[SeriesKey, Vector]:
        """What is added to places of the open series to have them in a series of another frame of reference."""
        return self.box.offsets_mm

    def volume(self, number: int) -> Volume | None:
        """The volume that a viewport shows, None while there is none."""
        return self.box.volume(self.panes[number])

    def section(self, number: int) -> Section | None:
        """What a viewport scrolls through, None while there is nothing to show."""
        made = self.box.section(self.panes[number])
        return None if isinstance(made, str) else made

    def why_not(self, number: int) -> str:
        """Why a viewport cannot show the plane that is asked of it; empty where it can."""
        made = self.box.section(self.panes[number])
        return made if isinstance(made, str) else ""

    def shows_open(self, number: int) -> bool:
        """Whether a viewport shows slices of the open series as they were acquired."""
        volume = self.volume(number)
        return (
            volume is not None and volume is self.open_volume and isinstance(self.section(number), Acquired)
        )

    def header_choices(self, number: int) -> tuple[Window, ...]:
        """The windows that the image of a viewport asks for itself; of a cut, those of the middle slice."""
        return self.box.header_choices(self.panes[number])

    def offset(self, number: int) -> Shift:
        """What is added to places of the open series to have them in that of a viewport."""
        series = self.panes[number].series
        return None if series is None else self.offsets_mm.get(series)

    def shift(self, leader: int, number: int) -> Shift:
        """From places of one viewport's series to those of another's."""
        mine, its = self.offset(number) or (0.0, 0.0, 0.0), self.offset(leader) or (0.0, 0.0, 0.0)
        return None if mine == its else (mine[0] - its[0], mine[1] - its[1], mine[2] - its[2])

    def showing(self, volume: Volume) -> Iterator[int]:
        """The viewports that show a volume."""
        return (number for number in range(len(self.panes)) if self.volume(number) is volume)

    def _put(self, number: int, pane: Pane) -> None:
        self._put_all({number: pane})

    def _put_all(self, panes: Mapping[int, Pane]) -> None:
        """Change what viewports show, by number; what concerns all of them is told once."""
        old = self.panes
        changed = [number for number, pane in panes.items() if pane != old[number]]
        if not changed:
            return
        self.panes = tuple(panes.get(number, pane) for number, pane in enumerate(old))
        for number in changed:
            self.changed.emit(number)
        if any(panes[number].window != old[number].window for number in changed):
            self.windows_changed.emit(self.windows)
        if any(panes[number].view != old[number].view for number in changed):
            self.views_changed.emit()
