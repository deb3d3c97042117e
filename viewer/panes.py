"""The viewports of the window: layouts, what hangs in them, planes, slabs and windows."""

from dataclasses import replace

from PySide6.QtCore import QObject

from viewer.dicom.volume import Volume
from viewer.imaging.arrangement import Arrangement
from viewer.imaging.layouts import Layout, Plane, Start, starting_slab
from viewer.imaging.pane import Pane, SeriesKey
from viewer.imaging.placement import ViewState
from viewer.imaging.sections import Acquired
from viewer.imaging.slabs import Slab
from viewer.imaging.turned import Facing
from viewer.imaging.windows import Window
from viewer.moving import Moving


class Panes(Moving):
    """The viewports of the window. Attributes are read freely and changed only through the methods."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._awaited: dict[int, Pane] = {}  # what viewports are to show once their series is there

    # opening

    def open(self, volume: Volume | None) -> None:
        """Show another series in every viewport that shows the open one; those of another study go."""
        if self.box.open(volume):
            self.crosshair = None
        for number, pane in enumerate(self.panes):
            here = replace(pane, series=pane.series if pane.series in self.volumes else None, stop=0)
            if volume is not None and here.series == volume.series.key:
                here = replace(here, series=None)
            slab = starting_slab(self._start(number), volume.series.gaps_mm) if volume is not None else None
            self._put(number, replace(here, slab=slab))
        for number in range(len(self.panes)):
            self._to_middle(number)

    def _start(self, number: int) -> Start:
        return self.layout.starts[number]

    def add_volume(self, volume: Volume) -> None:
        """Hold a series that is shown beside the open one."""
        self.box.add(volume)
        for number, pane in enumerate(self.panes):
            if pane.series == volume.series.key:
                self._arrive(number)
        self.volume_added.emit(volume)

    def drop_volume(self, series: SeriesKey) -> None:
        """Let go of a series; viewports that showed it show the open one."""
        self.box.keep({pane.series for pane in self.panes} - {series})
        for number, pane in enumerate(self.panes):
            if pane.series == series:
                self.show_series(number, None)

    def show_series(self, number: int, series: SeriesKey | None) -> None:
        """Show a series in one viewport; None is the open one. Its volume may come later."""
        opened = self.open_volume
        if opened is not None and series == opened.series.key:
            series = None
        self._awaited.pop(number, None)
        self._put(number, replace(self.panes[number], series=series, stop=0, view=ViewState()))
        self.box.keep({pane.series for pane in self.panes})
        self._arrive(number)

    def mark_loaded(self, volume: Volume, indices: set[int]) -> None:
        """Say that slices of a series beside the open one were read, or failed."""
        for number in self.showing(volume):
            plain = isinstance(self.section(number), Acquired) and self.panes[number].slab is None
            if not plain or self.panes[number].stop in indices:
                self.changed.emit(number)

    def _arrive(self, number: int) -> None:
        """Take a viewport with a new series to where it is awaited, or to where the others are."""
        awaited = self._awaited.get(number)
        if awaited is not None and awaited.series == self.panes[number].series:
            if self.section(number) is not None:
                del self._awaited[number]
                self._put(number, awaited)
                self._place(number, awaited.stop)
                self.changed.emit(number)
            return
        self._to_middle(number)
        leader = next(
            (n for n in range(len(self.panes)) if n != number and self.section(n) is not None), None
        )
        if leader is not None and self.links.scroll:
            self._follow(number, leader)
            self._look_along(number, leader, self.panes[leader].view)
        self.changed.emit(number)

    def _to_middle(self, number: int) -> None:
        section = self.section(number)
        if section is not None:
            self._place(number, section.count // 2)

    # layout

    def set_layout(self, layout: Layout) -> None:
        """Take another layout: each viewport starts as the layout says, at the place that was looked at."""
        if layout == self.layout:
            return
        self._awaited.clear()
        place, gaps = self.place(self.active), self._gaps()
        grids = layout.id.startswith("grid_") and self.layout.id.startswith("grid_")
        self.layout = layout
        self.active = 0
        started = tuple(
            Pane(start.window, start.plane, starting_slab(start, gaps), start.overlay)
            for start in layout.starts
        )
        kept = self.panes[: len(started)] if grids else ()
        self.panes = (*kept, *started[len(kept) :])
        for number in range(len(kept), len(self.panes)):
            self._to_middle(number)
            if place is not None:
                self._go(number, place)
        self.layout_changed.emit(layout)
        self.windows_changed.emit(self.windows)
        self.views_changed.emit()

    def arrangement(self, maximised: int | None = None) -> Arrangement:
        """What everything shows now, as a value."""
        return Arrangement(
            self.layout,
            tuple(self._awaited.get(number, pane) for number, pane in enumerate(self.panes)),
            self.active,
            maximised,
            self.links,
            tuple(self.offsets_mm.items()),
            self.crosshair,
            self.reference_lines,
        )

    def arrange(self, arrangement: Arrangement) -> None:
        """Show everything as it was. Series beside the open one that are not there yet are awaited."""
        opened = self.open_volume.series.key if self.open_volume is not None else None
        self.layout, self.active = arrangement.layout, 0
        self.panes = tuple(
            replace(pane, series=None if pane.series == opened else pane.series) for pane in arrangement.panes
        )
        self.box.keep(arrangement.series)
        self.box.offsets_mm.update(arrangement.offsets_mm)
        self._awaited = {
            number: pane for number, pane in enumerate(self.panes) if self.volume(number) is None
        }
        for number, pane in enumerate(self.panes):
            self._place(number, pane.stop)
        self.set_links(arrangement.links)
        self.set_reference_lines(arrangement.reference_lines)
        self.set_crosshair(arrangement.crosshair)
        self.layout_changed.emit(self.layout)
        self.active = arrangement.active  # whoever draws the viewports has made them by now
        self.windows_changed.emit(self.windows)
        self.views_changed.emit()
        self._tell_slice(self.active)

    def _gaps(self) -> tuple[float, ...]:
        return self.open_volume.series.gaps_mm if self.open_volume is not None else ()

    # one viewport

    def set_plane(self, number: int, plane: Plane, facing: Facing | None = None) -> None:
        """Cut another way, through the crosshair, or the place that is in the middle now."""
        pane, place = self.panes[number], self.crosshair or self.place(number)
        old = self.section(number)
        if facing is None and plane is Plane.OBLIQUE and pane.plane is not plane and old is not None:
            directions = old.orientation(pane.stop)
            facing = Facing(directions[:3], directions[3:]) if directions is not None else pane.facing
        facing = facing or pane.facing
        if (plane, facing) == (pane.plane, pane.facing):
            return
        view = replace(pane.view, centre=(0.5, 0.5), zoom=pane.view.zoom if plane is pane.plane else 1.0)
        self._put(number, replace(pane, plane=plane, facing=facing, view=view, stop=0))
        self._to_middle(number)
        if place is not None:
            self._go(number, place)

    def set_slab(self, number: int, slab: Slab | None) -> None:
        """Show a slab around each picture, or the picture alone."""
        self._put(number, replace(self.panes[number], slab=slab))

    def set_overlay(self, number: int, visible: bool) -> None:
        """Show the model's masks in a viewport, as far as they are shown at all."""
        self._put(number, replace(self.panes[number], overlay=visible))

    def set_window(self, number: int, window: Window, *, header: int | None = None) -> None:
        """Change the window of a viewport, and of all while windows are linked. `header`: follow each image's own."""
        together = range(len(self.panes)) if self.links.window else (number,)
        self._put_all({each: replace(self.panes[each], window=window, header=header) for each in together})

    def set_header_windows(self, volume: Volume, windows: tuple[tuple[Window, ...], ...]) -> None:
        """Take all windows that the header of each slice names."""
        self.box.header_windows[volume.series.key] = windows
        for number in self.showing(volume):
            self._place(number, self.panes[number].stop)

    def follow_header(self, number: int, which: int | None = None) -> bool:
        """Show each image as its own header asks, from now on; with no `which`, its next window. Whether it has any."""
        choices, before = self.header_choices(number), self.panes[number].header
        if not choices:
            return False
        which = (0 if before is None else before + 1) if which is None else which
        self.set_window(number, choices[which % len(choices)], header=which % len(choices))
        return True
