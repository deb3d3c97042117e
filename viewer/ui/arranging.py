"""What keys and menus do with the layout, the planes, the slabs and the links of the viewports."""

from dataclasses import replace

from viewer.imaging.layouts import THIN_SLAB, Plane, layout_of
from viewer.imaging.pane import Links, Pane
from viewer.imaging.slabs import Slab, SlabKind, thickened
from viewer.session import Session

THICKER_MM = 1.0
TURN_DEG = 5.0
_KINDS = (None, SlabKind.MEAN, SlabKind.MAX, SlabKind.MIN)


class Arranging:
    """Acts on the active viewport, or on all."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._panes = session.panes
        self._thickness_mm = THIN_SLAB.thickness_mm

    @property
    def _pane(self) -> Pane:
        return self._panes.panes[self._panes.active]

    def choose_layout(self, id_: str) -> None:
        """Take the layout with an id; Compare asks for a prior to compare with."""
        layout = layout_of(id_)
        if layout is None:
            return
        self._session.layout_chosen.emit(layout.id)
        if any(start.prior for start in layout.starts):
            self._session.compare_requested.emit()
        else:
            self._panes.set_layout(layout)

    def choose_plane(self, plane: Plane) -> None:
        """Cut the series in the active viewport another way; why not, where that cannot be."""
        active, before = self._panes.active, self._pane.plane
        self._panes.set_plane(active, plane)
        reason = self._panes.why_not(active)
        if reason:
            self._panes.set_plane(active, before)
            self._session.notice("info", f"No {plane} view", reason)

    def turn_plane(self, about_down_deg: float, about_right_deg: float) -> None:
        """Turn the plane of the active viewport; it becomes an oblique one."""
        if self._pane.plane is not Plane.OBLIQUE:
            self.choose_plane(Plane.OBLIQUE)
        if self._pane.plane is Plane.OBLIQUE:
            facing = self._pane.facing.turned(about_down_deg, about_right_deg)
            self._panes.set_plane(self._panes.active, Plane.OBLIQUE, facing)

    def choose_slab(self, kind: SlabKind | None) -> None:
        """Show a slab of a kind, as thick as the last one, or the pictures alone."""
        slab = None if kind is None else Slab(kind, self._thickness_mm)
        self._panes.set_slab(self._panes.active, slab)

    def next_slab(self) -> None:
        """No slab, mean, MIP, MinIP, and again."""
        now = None if self._pane.slab is None else self._pane.slab.kind
        self.choose_slab(_KINDS[(_KINDS.index(now) + 1) % len(_KINDS)])

    def thicken(self, by_mm: float) -> None:
        """Make the slab thicker or thinner; without one, begin a mean slab."""
        slab = self._pane.slab or Slab(SlabKind.MEAN, self._thickness_mm)
        slab = thickened(slab, by_mm) if self._pane.slab is not None else slab
        self._thickness_mm = slab.thickness_mm
        self._panes.set_slab(self._panes.active, slab)

    def link(self, what: str) -> None:
        """Switch one link (`scroll`, `zoom`, `pan`, `window`) on or off."""
        links = self._panes.links
        self._panes.set_links(replace(links, **{what: not getattr(links, what)}))

    def link_all(self) -> None:
        """Unlink everything; where nothing is linked, link scroll, zoom and pan again."""
        nothing = Links(scroll=False, zoom=False, pan=False, window=False)
        self._panes.set_links(Links() if self._panes.links == nothing else nothing)

    def align(self) -> None:
        """Take what the active viewport shows now as the same place as in the first viewport of the open series."""
        if not self._panes.align(self._panes.active):
            text = "Choose a viewport that shows a series of another frame of reference, beside the open one."
            self._session.notice("info", "Nothing to align", text)

    def toggle_reference_lines(self) -> None:
        """Show where the active viewport cuts the others, or not."""
        self._panes.set_reference_lines(not self._panes.reference_lines)

    def toggle_overlay_here(self) -> None:
        """Show the model's masks in the active viewport, or not there."""
        self._panes.set_overlay(self._panes.active, not self._pane.overlay)

    def forget_crosshair(self) -> None:
        """Take the crosshair away."""
        self._panes.set_crosshair(None)

    def show_open_series(self) -> None:
        """Show the open series in the active viewport again."""
        self._panes.show_series(self._panes.active, None)
