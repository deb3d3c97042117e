"""The pages of appearance, of the model and of privacy and data."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, QUrl
from PySide6.QtGui import QColor, QDesktopServices, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QRadioButton,
    QSlider,
    QSpinBox,
    QWidget,
)

from model.labels import CODES
from viewer.preferences import MEMORY_MB, MOST_THREADS, TEXT_SCALES, Preferences
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.looks import SUBTYPE_PALETTES, SubtypePalette
from viewer.ui.preferences_mouse import GUTTER

SCALE_STEP = 5
DEVICES = (
    ("auto", "Automatic: the fastest there is"),
    ("cpu", "Processor"),
    ("cuda", "NVIDIA graphics card (CUDA)"),
    ("coreml", "Apple processor (Core ML)"),
)
RUNS = (
    ("automatic", "When a series is opened"),
    ("on_demand", "When I ask for it"),
)
CONTRASTS = (
    ("normal", "Normal: quiet beside the image"),
    ("high", "High: brighter words, visible edges"),
)
MEMORY_STEP_MB = 256


class Swatches(QWidget):
    """The colours of a palette with their subtypes, as they look on an image."""

    def __init__(self, palette: SubtypePalette) -> None:
        super().__init__()
        self._colours = palette.colours
        self.setAccessibleName(f"Colours of {palette.name}")

    def sizeHint(self) -> QSize:  # noqa: N802
        """Five words."""
        return QSize(theme.scaled(52) * len(CODES), theme.scaled(24))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """A dot and a word each."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(theme.IMAGE))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        painter.setFont(theme.font(theme.LABEL_PX, 600))
        step = self.width() / len(CODES)
        for number, (code, colour) in enumerate(zip(CODES, self._colours, strict=True)):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(QRectF(number * step + 8, self.height() / 2 - 4, 8, 8), 2, 2)
            painter.setPen(QColor(colour))
            room = QRectF(number * step + 20, 0, step - 20, self.height())
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, code)
        painter.end()


class _Page(QWidget):
    """A column of settings that act on the session's preferences at once."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._showing = False
        self._column = theme.scrolled(self)
        self._column.setSpacing(8)
        self._column.setContentsMargins(0, 0, GUTTER, 0)

    def _finish(self) -> None:
        self._column.addStretch(1)
        self._session.preferences_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self, _: object = None) -> None:
        self._showing = True
        self._show(self._session.preferences)
        self._showing = False

    def _show(self, preferences: Preferences) -> None:
        raise NotImplementedError

    def _set(self, **changes: Any) -> None:
        if not self._showing:
            self._session.set_preferences(replace(self._session.preferences, **changes))

    def _heading(self, text: str) -> None:
        if self._column.count():
            self._column.addSpacing(8)
        self._column.addWidget(theme.heading(text))

    def _note(self, text: str) -> None:
        self._column.addWidget(theme.label(text, "small", wrap=True))

    def _radios(self, name: str, pairs: tuple[tuple[str, str], ...]) -> dict[str, QRadioButton]:
        group = QButtonGroup(self)
        made = {}
        for value, text in pairs:
            made[value] = QRadioButton(text)
            group.addButton(made[value])
            made[value].clicked.connect(lambda _=False, value=value: self._set(**{name: value}))
            self._column.addWidget(made[value])
        return made

    def _check(self, name: str, text: str) -> QCheckBox:
        made = QCheckBox(text)
        made.toggled.connect(lambda on: self._set(**{name: on}))
        self._column.addWidget(made)
        return made

    def _line(self, *widgets: QWidget) -> None:
        across = QHBoxLayout()
        across.setSpacing(10)
        for widget in widgets:
            across.addWidget(widget)
        across.addStretch(1)
        self._column.addLayout(across)


def _spin(name: str, most: int, step: int, suffix: str, changed: Callable[[int], None]) -> QSpinBox:
    """A number where 0 leaves it to the program."""
    made = QSpinBox()
    made.setAccessibleName(name)
    made.setRange(0, most)
    made.setSingleStep(step)
    made.setSpecialValueText("Automatic")
    made.setSuffix(suffix)
    made.setMinimumWidth(120)
    made.setKeyboardTracking(False)
    made.valueChanged.connect(changed)
    return made


class AppearancePage(_Page):
    """Text size, contrast, colours of the subtypes."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._heading("Text size")
        self.percent = theme.label("")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Text size in percent")
        self.slider.setRange(*(round(100 * scale / SCALE_STEP) for scale in TEXT_SCALES))
        self.slider.setPageStep(2)
        self.slider.setTracking(False)  # the whole window is laid out anew: once, when the slider is let go
        self.slider.sliderMoved.connect(lambda value: self.percent.setText(f"{value * SCALE_STEP}%"))
        self.slider.setFixedWidth(260)
        self.slider.valueChanged.connect(lambda value: self._set(text_scale=value * SCALE_STEP / 100))
        self._line(self.slider, self.percent)
        self._heading("Contrast")
        self.contrasts = self._radios("contrast", CONTRASTS)
        self._heading("Colours of the subtypes")
        self.palettes = {}
        group = QButtonGroup(self)
        for palette in SUBTYPE_PALETTES:
            made = self.palettes[palette.id] = QRadioButton(palette.name)
            group.addButton(made)
            made.setMinimumWidth(theme.scaled(150))
            made.clicked.connect(lambda _=False, id_=palette.id: self._set(palette=id_))
            self._line(made, Swatches(palette))
            self._note(palette.note)
        self._finish()

    def _show(self, preferences: Preferences) -> None:
        self.slider.setValue(round(preferences.text_scale * 100 / SCALE_STEP))
        self.percent.setText(f"{preferences.text_scale:.0%}")
        self.contrasts[preferences.contrast].setChecked(True)
        self.palettes[preferences.palette].setChecked(True)


class ModelPage(_Page):
    """When and where the model runs, and what it tells."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._heading("Score a series")
        self.runs = self._radios("model_run", RUNS)
        self._heading("Runs on")
        self.device = QComboBox()
        self.device.setAccessibleName("Device of the model")
        for value, text in DEVICES:
            self.device.addItem(text, value)
        self.device.activated.connect(lambda number: self._set(model_device=DEVICES[number][0]))
        self._line(self.device)
        self._note(
            "A device that this computer does not have is replaced by the processor, and that is said."
        )
        self.threads = _spin(
            "Threads of the model", MOST_THREADS, 1, "", lambda value: self._set(model_threads=value)
        )
        self._line(theme.label("Threads"), self.threads)
        self._heading("Notifications")
        self.notify = self._check(
            "notify_triage", "Tell me in the tray when a study in the worklist is suspicious"
        )
        self._finish()

    def _show(self, preferences: Preferences) -> None:
        self.runs[preferences.model_run].setChecked(True)
        self.device.setCurrentIndex(self.device.findData(preferences.model_device))
        self.threads.setValue(preferences.model_threads)
        self.notify.setChecked(preferences.notify_triage)


class DataPage(_Page):
    """Who sees the patient, what is opened again, where work is kept, how much memory series may take."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._heading("Privacy")
        self.hidden = self._check(
            "hide_patient", "Hide the patient's name, dates and numbers when Pterion starts"
        )
        self._note("Nothing leaves this computer unless you export or send it. Logs hold no patient data.")
        self._heading("Start")
        self.restore = self._check("restore_session", "Open what was open when Pterion was closed")
        self._heading("Library")
        folder = session.library_path.parent if session.library_path is not None else None
        self.folder = theme.label(str(folder or "No library is open."), wrap=True)
        self.folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._column.addWidget(self.folder)
        self.show_folder = theme.button("Show the folder")
        self.show_folder.setEnabled(folder is not None)
        self.show_folder.clicked.connect(
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))) if folder is not None else None
        )
        self._line(self.show_folder)
        self._note(
            "Annotations, measures and findings are kept here. --library or PTERION_DATA chooses another."
        )
        self._heading("Memory for series that may be opened again")
        self.memory = _spin("Memory for series in MB", MEMORY_MB[1], MEMORY_STEP_MB, " MB", self._set_memory)
        self._line(self.memory)
        self._note(
            "Automatic is a quarter of this computer's memory. Archives are unpacked to the system's temporary folder "
            "and go when Pterion is closed."
        )
        self._finish()

    def _set_memory(self, value: int) -> None:
        """Between nothing and the least, take the nearer."""
        least = MEMORY_MB[0]
        self._set(memory_mb=value if value >= least else least if 2 * value >= least else 0)

    def _show(self, preferences: Preferences) -> None:
        self.hidden.setChecked(preferences.hide_patient)
        self.restore.setChecked(preferences.restore_session)
        self.memory.setValue(preferences.memory_mb)
