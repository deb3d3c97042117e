"""The drawing tools, one a file. A new tool is its file, its name in `options.ToolName` and its line here."""

from viewer.annotation.options import ToolName
from viewer.annotation.tools.brush import BrushTool, EraserTool
from viewer.annotation.tools.cut import CutTool
from viewer.annotation.tools.edit import EditTool
from viewer.annotation.tools.fill import FillTool
from viewer.annotation.tools.grow import GrowTool
from viewer.annotation.tools.hole import HoleTool
from viewer.annotation.tools.livewire import LivewireTool
from viewer.annotation.tools.polygon import PolygonTool
from viewer.annotation.tools.push import PushTool
from viewer.annotation.tools.tool import Tool

TOOLS: dict[ToolName, type[Tool]] = {
    tool.name: tool
    for tool in (
        PolygonTool,
        EditTool,
        HoleTool,
        CutTool,
        LivewireTool,
        GrowTool,
        BrushTool,
        EraserTool,
        FillTool,
        PushTool,
    )
}
