"""What can be set of each drawing tool, as numbers and ticks."""

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QHBoxLayout, QWidget

from viewer.annotation.options import (
    BrushOptions,
    EraserOptions,
    FillOptions,
    GrowOptions,
    LivewireOptions,
    PushOptions,
    ToolName,
    ToolOptions,
)
from viewer.session import Session
from viewer.ui import theme


@dataclass(frozen=True)
class Field:
    """A number that can be set of a tool. none: shown as the lowest value, means no limit."""

    kind: type[ToolOptions]
    name: str
    label: str
    unit: str
    low: float
    high: float
    step: float
    decimals: int = 0
    none: bool = False


def _range(kind: type[ToolOptions]) -> tuple[Field, ...]:
    return (
        Field(kind, "low_hu", "HU from", "", -1025, 3000, 5, none=True),
        Field(kind, "high_hu", "to", "", -1025, 3000, 5, none=True),
    )


FIELDS: dict[ToolName, tuple[Field, ...]] = {
    ToolName.LIVEWIRE: (Field(LivewireOptions, "smooth", "Smooth", "", 0, 1, 0.1, 1),),
    ToolName.GROW: (
        Field(GrowOptions, "tolerance_hu", "±", " HU", 0, 500, 1),
        Field(GrowOptions, "radius_mm", "Within", " mm", 0.5, 300, 5),
        Field(GrowOptions, "bone_hu", "Bone from", " HU", 60, 2000, 10),
        Field(GrowOptions, "smooth_mm", "Necks", " mm", 0, 10, 0.5, 1),
    ),
    ToolName.FILL: (
        Field(FillOptions, "low_hu", "HU from", "", -1024, 3000, 2),
        Field(FillOptions, "high_hu", "to", "", -1024, 3000, 2),
        Field(FillOptions, "smooth_mm", "Necks", " mm", 0, 10, 0.5, 1),
    ),
    ToolName.BRUSH: (
        Field(BrushOptions, "diameter_mm", "Size", " mm", 0.5, 100, 0.5, 1),
        *_range(BrushOptions),
    ),
    ToolName.ERASER: (
        Field(EraserOptions, "diameter_mm", "Size", " mm", 0.5, 100, 0.5, 1),
        *_range(EraserOptions),
    ),
    ToolName.PUSH: (Field(PushOptions, "diameter_mm", "Size", " mm", 0.5, 100, 0.5, 1),),
}
THROUGH: dict[ToolName, type[GrowOptions] | type[FillOptions]] = {
    ToolName.GROW: GrowOptions,
    ToolName.FILL: FillOptions,
}


class NumberBox(QDoubleSpinBox):
    """A number of a tool's options; Enter and Esc give the keyboard back to the image."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field
        self.setRange(field.low, field.high)
        self.setSingleStep(field.step)
        self.setDecimals(field.decimals)
        self.setSuffix(field.unit)
        self.setKeyboardTracking(False)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setFixedWidth(theme.scaled(78))
        self.setAccessibleName(f"{field.label}{field.unit}")
        if field.none:
            self.setSpecialValueText("any")

    def option(self) -> float | None:
        """The value to set; None for no limit."""
        return None if self.field.none and self.value() == self.minimum() else self.value()

    def show_option(self, value: float | None) -> None:
        """Show what is set."""
        self.blockSignals(True)
        self.setValue(self.minimum() if value is None else value)
        self.blockSignals(False)


class OptionsRow(QWidget):
    """What can be set of one tool."""

    def __init__(self, session: Session, tool: ToolName) -> None:
        super().__init__()
        self._drawing, self._tool = session.drawing, tool
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(6)
        self.boxes: list[NumberBox] = []
        for field in FIELDS.get(tool, ()):
            box = NumberBox(field)
            box.valueChanged.connect(lambda _, box=box: self._set(box))
            box.editingFinished.connect(box.clearFocus)
            across.addWidget(theme.label(field.label, "quiet"))
            across.addWidget(box)
            self.boxes.append(box)
        self.through = QCheckBox("Through slices")
        self.through.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.through.setVisible(tool in THROUGH)
        self.through.toggled.connect(self._set_through)
        across.addWidget(self.through)
        self.refresh()

    def refresh(self) -> None:
        """Show what is set."""
        for box in self.boxes:
            box.show_option(getattr(self._drawing.options(box.field.kind), box.field.name))
        kind = THROUGH.get(self._tool)
        if kind is not None:
            self.through.setChecked(self._drawing.options(kind).through_slices)

    def _set(self, box: NumberBox) -> None:
        """Take a number; one that its tool refuses goes back."""
        options = self._drawing.options(box.field.kind)
        changed: dict[str, Any] = {box.field.name: box.option()}
        try:
            self._drawing.set_options(replace(options, **changed))
        except ValueError:
            self.refresh()

    def _set_through(self, through: bool) -> None:
        kind = THROUGH.get(self._tool)
        if kind is not None:
            self._drawing.set_options(replace(self._drawing.options(kind), through_slices=through))
