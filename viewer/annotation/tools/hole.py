"""Draw a hole: an outline that is taken out of the polygon that it starts in, else out of the selected one."""

from dataclasses import replace

from viewer.annotation.events import Edit, Modifier, Press
from viewer.annotation.options import Combination, ToolName
from viewer.annotation.tools.polygon import PolygonTool


class HoleTool(PolygonTool):
    """As the polygon tool, but a press starts an outline anywhere, and what it encloses goes."""

    name = ToolName.HOLE
    action = "hole"

    @property
    def combination(self) -> Combination:
        """A hole is taken out."""
        return Combination.SUBTRACT

    def press(self, event: Press) -> Edit | None:
        """Select the polygon under the cursor, the selected one first, and start the hole."""
        if self._path is None:
            self.core.place = (event.sop_uid, event.frame)
            hit = self.core.at(event.point)
            if hit:
                self.core.selection = self.core.picked = hit.uid
        return super().press(replace(event, modifiers=event.modifiers | Modifier.CTRL))
