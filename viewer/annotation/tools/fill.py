"""Smart fill: a click takes all pixels between two HU inside the skull that hang together with the one clicked."""

from dataclasses import replace

from viewer.annotation import words
from viewer.annotation.events import Edit, Move, Press
from viewer.annotation.options import Combination, FillOptions, ToolName
from viewer.annotation.regions import filled
from viewer.annotation.tools.pixels import draw_masks, seed_at
from viewer.annotation.tools.tool import Tool


class FillTool(Tool):
    """One click, one region."""

    name = ToolName.FILL

    def press(self, event: Press) -> Edit | None:
        """Fill from here."""
        core = self.core
        core.place = (event.sop_uid, event.frame)
        seed = seed_at(core, event.point)
        if seed is None or core.stack is None:
            return None
        options = core.options[FillOptions]
        assert isinstance(options, FillOptions)
        if core.combination is not Combination.NEW:
            options = replace(options, through_slices=False)
        masks = filled(core.stack, seed, options)
        if not masks:
            core.tell(words.NOTHING_THERE)
            return None
        return draw_masks(core, masks, "fill")

    def move(self, event: Move) -> None:
        """The mouse is on this slice."""
        self.core.place = (event.sop_uid, event.frame)
