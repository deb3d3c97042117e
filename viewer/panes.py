"""The state of the viewports: layout, what each shows and how, and which move together.

Viewports that are linked go by places in the patient (mm). Series in another frame of reference are linked through an
offset: the place of a point in them is its place in the open series plus the offset.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.dicom.volume import Volume
from viewer.imaging.layouts import READ, Layout, Plane, Start, starting_slab
from viewer.imaging.linking import Shift, centre_of, followed_stop, followed_view, shifted
from viewer.imaging.pane import Links, Pane
from viewer.imaging.placement import ViewState
from viewer.imaging.reformat import Vector
from viewer.imaging.sections import Acquired, Section
from viewer.imaging.slabs import Slab
from viewer.imaging.turned import Facing
from viewer.imaging.windows import Window
from viewer.light_box import LightBox


class Panes(QObject):
    """The viewports of the window. Attributes are read freely and changed only through the methods."""

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
    def volumes(self) -> dict[str, Volume]:
        """The series beside the open one, by their uid."""
        return self.box.volumes

    @property
    def offsets_mm(self) -> dict[str, Vector]:
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

    # opening

    def open(self, volume: Volume | None) -> None:
        """Show another series in every viewport that shows the open one; those of another study go."""
        if self.box.open(volume):
            self.crosshair = None
        for number, pane in enumerate(self.panes):
            here = replace(
                pane, series_uid=pane.series_uid if pane.series_uid in self.volumes else "", stop=0
            )
            if volume is not None and here.series_uid == volume.series.series_uid:
                here = replace(here, series_uid="")
            slab = starting_slab(self._start(number), volume.series.gaps_mm) if volume is not None else None
            self._put(number, replace(here, slab=slab))
        for number in range(len(self.panes)):
            self._to_middle(number)

    def _start(self, number: int) -> Start:
        return self.layout.starts[number]

    def add_volume(self, volume: Volume) -> None:
        """Hold a series that is shown beside the open one."""
        self.box.add(volume)
        uid = volume.series.series_uid
        for number, pane in enumerate(self.panes):
            if pane.series_uid == uid:
                self._arrive(number)
        self.volume_added.emit(volume)

    def drop_volume(self, series_uid: str) -> None:
        """Let go of a series; viewports that showed it show the open one."""
        self.box.keep({pane.series_uid for pane in self.panes} - {series_uid})
        for number, pane in enumerate(self.panes):
            if pane.series_uid == series_uid:
                self.show_series(number, "")

    def show_series(self, number: int, series_uid: str) -> None:
        """Show a series in one viewport; empty is the open one. Its volume may come later."""
        opened = self.open_volume
        if opened is not None and series_uid == opened.series.series_uid:
            series_uid = ""
        self._put(number, replace(self.panes[number], series_uid=series_uid, stop=0, view=ViewState()))
        self.box.keep({pane.series_uid for pane in self.panes})
        self._arrive(number)

    def mark_loaded(self, volume: Volume, indices: set[int]) -> None:
        """Say that slices of a series beside the open one were read, or failed."""
        for number in self.showing(volume):
            plain = isinstance(self.section(number), Acquired) and self.panes[number].slab is None
            if not plain or self.panes[number].stop in indices:
                self.changed.emit(number)

    def _arrive(self, number: int) -> None:
        """Take a viewport with a new series to where the others are."""
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

    def _gaps(self) -> tuple[float, ...]:
        return self.open_volume.series.gaps_mm if self.open_volume is not None else ()

    # one viewport

    def _put(self, number: int, pane: Pane) -> None:
        old = self.panes[number]
        if pane == old:
            return
        self.panes = (*self.panes[:number], pane, *self.panes[number + 1 :])
        self.changed.emit(number)
        if pane.window != old.window:
            self.windows_changed.emit(self.windows)
        if pane.view != old.view:
            self.views_changed.emit()

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
        for each in range(len(self.panes)) if self.links.window else (number,):
            self._put(each, replace(self.panes[each], window=window, header=header))

    def set_header_windows(self, volume: Volume, windows: tuple[tuple[Window, ...], ...]) -> None:
        """Take all windows that the header of each slice names."""
        self.box.header_windows[volume.series.series_uid] = windows
        for number in self.showing(volume):
            self._place(number, self.panes[number].stop)

    def header_choices(self, number: int) -> tuple[Window, ...]:
        """The windows that the image of a viewport asks for itself; of a cut, those of the middle slice."""
        return self.box.header_choices(self.panes[number])

    def follow_header(self, number: int, which: int | None = None) -> bool:
        """Show each image as its own header asks, from now on; with no `which`, its next window. Whether it has any."""
        choices, before = self.header_choices(number), self.panes[number].header
        if not choices:
            return False
        which = (0 if before is None else before + 1) if which is None else which
        self.set_window(number, choices[which % len(choices)], header=which % len(choices))
        return True

    def set_view(self, number: int, view: ViewState) -> None:
        """Zoom, pan, flip, turn or invert a viewport; those that are linked zoom and pan along."""
        before = self.panes[number].view
        self._put(number, replace(self.panes[number], view=view))
        if (before.zoom, before.centre) == (view.zoom, view.centre):
            return
        for other in range(len(self.panes)):
            if other != number:
                self._look_along(other, number, before)

    def _look_along(self, number: int, leader: int, before: ViewState) -> None:
        """Let a viewport zoom and pan with another, which looked as `before`."""
        own, its = self.section(number), self.section(leader)
        if own is None or its is None:
            return
        pane, lead = self.panes[number], self.panes[leader]
        view = followed_view(
            (own, pane.stop, pane.view), (its, lead.stop, lead.view), before, self.shift(leader, number)
        )
        if not self.links.zoom:
            view = replace(view, zoom=pane.view.zoom)
        if not self.links.pan:
            view = replace(view, centre=pane.view.centre)
        self._put(number, replace(pane, view=view))

    # scrolling

    def place(self, number: int) -> Vector | None:
        """The place in the middle of what a viewport shows, in the frame of the open series."""
        section = self.section(number)
        pane = self.panes[number]
        place = None if section is None else centre_of(section, pane.stop, pane.view)
        return None if place is None else shifted(place, self.offset(number), back=True)

    def scroll_to(self, number: int, stop: int) -> None:
        """Go to a stop, or the nearest end; linked viewports go to the same place in the patient."""
        section = self.section(number)
        if section is None or self._leading:
            return
        self._leading = True
        self._place(number, stop)
        if self.links.scroll:
            for other in range(len(self.panes)):
                if other != number:
                    self._follow(other, number)
        self._leading = False
        self._tell_slice(number)

    def _tell_slice(self, number: int) -> None:
        """Say which slice of the open series is looked at now: in the active viewport, or one linked with it."""
        linked = range(len(self.panes)) if self.links.scroll else (self.active,)
        for each in (number, *linked) if self.links.scroll or number == self.active else ():
            if self.shows_open(each):
                self._leading = True  # what is told comes back as a wish to go there
                self.slice_shown.emit(self.panes[each].stop)
                self._leading = False
                return

    def go_to_slice(self, index: int) -> None:
        """Show a slice of the open series: in every viewport that is linked, else in the active one."""
        if self._leading:
            return
        showing = [number for number in range(len(self.panes)) if self.shows_open(number)]
        leader = self.active if self.active in showing else next(iter(showing), None)
        if leader is not None:
            self.scroll_to(leader, index)

    def go_to_place(self, place: Vector, leader: int | None = None) -> None:
        """Take every viewport to a place of the open series' frame, and mark it. The leader stays as it is."""
        self._leading = True
        for number in range(len(self.panes)):
            if number != leader:
                self._go(number, place)
        self._leading = False
        self.set_crosshair(place)
        showing = (number for number in range(len(self.panes)) if self.shows_open(number))
        self._tell_slice(self.active if self.shows_open(self.active) else next(showing, self.active))

    def _go(self, number: int, place: Vector) -> None:
        section = self.section(number)
        point = None if section is None else section.image_point(shifted(place, self.offset(number)))
        if point is not None:
            self._place(number, round(point[0]))

    def _follow(self, number: int, leader: int) -> None:
        own, its = self.section(number), self.section(leader)
        if own is not None and its is not None:
            shift = self.shift(leader, number)
            stop = followed_stop(own, its, self.panes[leader].stop, self.panes[leader].view, shift)
            if stop is not None:
                self._place(number, stop)

    def _place(self, number: int, stop: int) -> None:
        section, pane = self.section(number), self.panes[number]
        if section is None:
            return
        stop = min(max(stop, 0), section.count - 1)
        self._put(number, replace(pane, stop=stop))
        if pane.header is not None and isinstance(section, Acquired):
            choices = self.header_choices(number)
            if pane.header < len(choices):
                self._put(number, replace(self.panes[number], window=choices[pane.header]))

    # links

    def set_links(self, links: Links) -> None:
        """Say what the viewports do together."""
        if links != self.links:
            self.links = links
            self.links_changed.emit(links)

    def offset(self, number: int) -> Shift:
        """What is added to places of the open series to have them in that of a viewport."""
        return self.offsets_mm.get(self.panes[number].series_uid)

    def shift(self, leader: int, number: int) -> Shift:
        """From places of one viewport's series to those of another's."""
        mine, its = self.offset(number) or (0.0, 0.0, 0.0), self.offset(leader) or (0.0, 0.0, 0.0)
        return None if mine == its else (mine[0] - its[0], mine[1] - its[1], mine[2] - its[2])

    def nudge(self, number: int, stops: int) -> None:
        """Scroll one viewport alone. A series of its own frame of reference is linked there from now on."""
        section, pane = self.section(number), self.panes[number]
        if section is None:
            return
        before = section.patient_mm(pane.stop, (0.5, 0.5))
        self._place(number, pane.stop + stops)
        after = section.patient_mm(self.panes[number].stop, (0.5, 0.5))
        offset = self.offsets_mm.get(pane.series_uid)
        if before is not None and after is not None and offset is not None:
            moved = np.array(offset) + np.array(after) - np.array(before)
            self.offsets_mm[pane.series_uid] = (float(moved[0]), float(moved[1]), float(moved[2]))
            self.links_changed.emit(self.links)

    def align(self, number: int) -> bool:
        """Lay what a viewport shows on what the first viewport with the open series shows; whether that can be."""
        leader = next((n for n in range(len(self.panes)) if self.shows_open(n)), None)
        uid, section = self.panes[number].series_uid, self.section(number)
        if leader is None or section is None or uid not in self.offsets_mm:
            return False
        pane, place = self.panes[number], self.place(leader)
        there = centre_of(section, pane.stop, pane.view)
        if place is None or there is None:
            return False
        self.offsets_mm[uid] = shifted(there, place, back=True)
        self.links_changed.emit(self.links)
        self.changed.emit(number)
        return True

    def set_crosshair(self, place: Vector | None) -> None:
        """Mark a place, or none."""
        if place != self.crosshair:
            self.crosshair = place
            self.guides_changed.emit()

    def set_reference_lines(self, visible: bool) -> None:
        """Show where the active viewport cuts the others, or not."""
        if visible != self.reference_lines:
            self.reference_lines = visible
            self.guides_changed.emit()

    def showing(self, volume: Volume) -> Iterator[int]:
        """The viewports that show a volume."""
        return (number for number in range(len(self.panes)) if self.volume(number) is volume)
