"""The menu of the viewports: layout, plane, slab, what is linked, cine. Below its button, or where it is clicked."""

from collections.abc import Mapping

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from viewer.imaging.layouts import GRID_MOST, LAYOUTS, Plane
from viewer.imaging.slabs import SlabKind
from viewer.panes import Panes
from viewer.ui.cine import Cine

PARTS = {
    "Plane": ("plane_acquired", "plane_axial", "plane_coronal", "plane_sagittal", "plane_oblique"),
    "Slab": ("slab_off", "slab_mean", "slab_max", "slab_min", "slab_thinner", "slab_thicker"),
    "Link": ("link_scroll", "link_zoom", "link_pan", "link_window", "link_all", "align"),
    "Image": ("fit", "actual_size", "invert", "flip_horizontal", "flip_vertical", "turn_left", "turn_right"),
    "Cine": ("cine", "cine_slower", "cine_faster"),
}
LAST = (
    "tool_crosshair",
    "forget_crosshair",
    "reference_lines",
    "overlay_here",
    "show_open_series",
    "compare",
)


class ViewMenu(QMenu):
    """Made anew each time it opens, so that it shows what is on."""

    def __init__(self, panes: Panes, cine: Cine, commands: Mapping[str, QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self._panes, self._cine, self._commands = panes, cine, commands
        self.aboutToShow.connect(self._fill)

    def _fill(self) -> None:
        self.clear()
        on = self.switched_on()
        for layout in LAYOUTS:
            self._entry(self, f"layout_{layout.id}", layout.name, on)
        grids = self.addMenu("Grid")
        for rows in range(1, GRID_MOST + 1):
            for columns in range(1, GRID_MOST + 1):
                self._entry(grids, f"layout_grid_{rows}x{columns}", f"{rows} × {columns}", on)
        self.addSeparator()
        for title, ids in PARTS.items():
            part = self.addMenu(title)
            for id_ in ids:
                self._entry(part, id_, "", on)
        self.addSeparator()
        for id_ in LAST:
            self._entry(self, id_, "", on)

    def _entry(self, menu: QMenu, id_: str, name: str, on: frozenset[str]) -> None:
        command = self._commands[id_]
        keys = command.shortcut().toString()
        text = name or command.text()
        made = menu.addAction(f"{text}\t{keys}" if keys else text)
        made.setCheckable(id_ in on)
        made.setChecked(id_ in on)
        made.setEnabled(command.isEnabled())
        made.triggered.connect(lambda _checked=False: command.trigger())

    def switched_on(self) -> frozenset[str]:
        """The commands whose effect is there now."""
        panes = self._panes
        pane, links = panes.panes[panes.active], panes.links
        slabs = {None: "off", SlabKind.MEAN: "mean", SlabKind.MAX: "max", SlabKind.MIN: "min"}
        on = {
            f"layout_{panes.layout.id}",
            f"plane_{Plane(pane.plane).value}",
            f"slab_{slabs[pane.slab.kind if pane.slab else None]}",
        }
        on |= {f"link_{name}" for name in ("scroll", "zoom", "pan", "window") if getattr(links, name)}
        states = {
            "reference_lines": panes.reference_lines,
            "overlay_here": pane.overlay,
            "cine": self._cine.playing,
            "invert": pane.view.inverted,
            "flip_horizontal": pane.view.flip_horizontal,
            "flip_vertical": pane.view.flip_vertical,
        }
        return frozenset(on | {name for name, there in states.items() if there})
