"""How the viewports move: scrolling, zoom and pan, alone or together.

Viewports that are linked go by places in the patient (mm). Series in another frame of reference are linked through an
offset: the place of a point in them is its place in the open series plus the offset.
"""

from dataclasses import replace

import numpy as np

from viewer.dicom.volume import Volume
from viewer.imaging.linking import centre_of, followed_stop, followed_view, shifted
from viewer.imaging.pane import Links
from viewer.imaging.placement import ViewState
from viewer.imaging.reformat import Vector
from viewer.imaging.sections import Acquired
from viewer.showing import Showing


class Moving(Showing):
    """Viewports that scroll, zoom and pan, and take those along that are linked."""

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

    def visit(self, volume: Volume, index: int) -> None:
        """Go to a slice of any series that is shown, where its slices are shown as acquired."""
        if volume is self.open_volume:
            self.go_to_slice(index)
            return
        acquired = (n for n in self.showing(volume) if isinstance(self.section(n), Acquired))
        number = next(acquired, None)
        if number is not None:
            self.scroll_to(number, index)

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

    def nudge(self, number: int, stops: int) -> None:
        """Scroll one viewport alone. A series of its own frame of reference is linked there from now on."""
        section, pane = self.section(number), self.panes[number]
        if section is None:
            return
        before = section.patient_mm(pane.stop, (0.5, 0.5))
        self._place(number, pane.stop + stops)
        after = section.patient_mm(self.panes[number].stop, (0.5, 0.5))
        offset = self.offset(number)
        if pane.series is not None and before is not None and after is not None and offset is not None:
            moved = np.array(offset) + np.array(after) - np.array(before)
            self.offsets_mm[pane.series] = (float(moved[0]), float(moved[1]), float(moved[2]))
            self.links_changed.emit(self.links)

    def align(self, number: int) -> bool:
        """Lay what a viewport shows on what the first viewport with the open series shows; whether that can be."""
        leader = next((n for n in range(len(self.panes)) if self.shows_open(n)), None)
        series, section = self.panes[number].series, self.section(number)
        if leader is None or section is None or series is None or series not in self.offsets_mm:
            return False
        pane, place = self.panes[number], self.place(leader)
        there = centre_of(section, pane.stop, pane.view)
        if place is None or there is None:
            return False
        self.offsets_mm[series] = shifted(there, place, back=True)
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
