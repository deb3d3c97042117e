"""The state of the open window: one QObject, one signal per fact, past tense. An equal value emits nothing.

Only `app` and widgets call setters, always on the GUI thread. Widgets that need work done (open a folder,
retrain, export …) emit an intention (`*_requested`) which `app` connects to a job; they never start work.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject

from viewer.annotation.document import Document
from viewer.annotation.events import Preview
from viewer.bindings import RESTING_TOOL
from viewer.bound import Bound
from viewer.dicom.series import Series, Study
from viewer.dicom.volume import Volume
from viewer.drawing import Drawing
from viewer.exporting import Exports
from viewer.facts import (
    CopyOrder,
    Findings,
    Mode,
    ModelEntry,
    Notice,
    Probe,
    Retraining,
    TagList,
    Tool,
)
from viewer.imaging.arrangement import Arrangement
from viewer.imaging.layouts import READ
from viewer.imaging.pane import SeriesKey
from viewer.imaging.placement import ViewState
from viewer.imaging.windows import Window
from viewer.learning import Learning
from viewer.licences import Component
from viewer.measures.measure import Measure
from viewer.measuring import Measuring
from viewer.panes import Panes
from viewer.preferences import Preferences
from viewer.receiving import Receiving
from viewer.signals import Signals
from viewer.suspecting import Suspecting
from viewer.triaging import Triaging
from viewer.working import Working

__all__ = [
    "READ_LAYOUT",
    "CopyOrder",
    "Findings",
    "Mode",
    "ModelEntry",
    "Notice",
    "Probe",
    "Retraining",
    "Session",
    "TagList",
    "Tool",
]

READ_LAYOUT = tuple(start.window for start in READ.starts)
"""Windows of the Read layout: the large viewport, then the two small ones."""


class Session(Signals):
    """What the window shows now. Attributes are read freely and changed only through the setters."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.preferences = Preferences()
        self.bound = Bound(self)
        self.licences: tuple[Component, ...] = ()
        self.library_path: Path | None = None  # set once, where there is a library
        self.recent_actions: tuple[str, ...] = ()  # ids of what the palette did last, the latest first
        self.studies: tuple[Study, ...] = ()
        self.study_status: dict[str, str] = {}  # study_uid → "not scored" | "scoring 12/38" | "SDH .97"
        self.study: Study | None = None
        self.series: Series | None = None
        self.volume: Volume | None = None
        self.slice_index = 0
        self.prior: Study | None = None
        self.own_windows: tuple[Window, ...] = ()
        self.panes = Panes(self)
        self.measuring = Measuring(self)
        self.drawing = Drawing(self)
        self.working = Working(self)
        self.learning = Learning(self)
        self.exports = Exports(self)
        self.suspecting = Suspecting(self)
        self.triage = Triaging(self)
        self.receiving = Receiving(self)
        self.maximised_view: int | None = None
        self.mode = Mode.READ
        self.tool = Tool.SCROLL
        self.subtype = "SDH"
        self.overlay = True
        self.findings: Findings | None = None
        self.document = Document()
        self.beside: dict[SeriesKey, Document] = {}  # of series that hang beside the open one
        self.selection: str | None = None
        self.preview = Preview()
        self.save_state = ""
        self.ai_state = ""
        self.load_state = ""
        self.looking = False
        self.model_id = ""
        self.models: tuple[ModelEntry, ...] = ()
        self.annotated = (0, 0)
        self.thumbnails: dict[SeriesKey, npt.NDArray[np.uint8]] = {}  # grey (rows, columns)
        self.slice_errors: dict[int, str] = {}  # slice of `volume` → why it cannot be read
        self.retraining = Retraining()
        self.probe: Probe | None = None
        self.tags = TagList()
        self.patient_hidden = False
        self.recent: tuple[Path, ...] = ()
        self.copying = ""
        self.panes.slice_shown.connect(self.set_slice_index)
        self.panes.windows_changed.connect(self.windows_changed)
        self.panes.views_changed.connect(lambda: self.view_changed.emit(self.view))
        self.panes.layout_changed.connect(self._layout_changed)
        self.slice_index_changed.connect(self.panes.go_to_slice)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The window of each viewport."""
        return self.panes.windows

    @property
    def active_view(self) -> int:
        """The viewport that keys act on."""
        return self.panes.active

    @property
    def view(self) -> ViewState:
        """How the active viewport looks at its image."""
        return self.panes.panes[self.panes.active].view

    def _set(self, name: str, value: object, signal: object) -> None:
        if getattr(self, name) == value:
            return
        setattr(self, name, value)
        signal.emit(value)  # type: ignore[attr-defined]

    def set_studies(self, studies: tuple[Study, ...]) -> None:
        """Replace the worklist."""
        self._set("studies", studies, self.studies_changed)

    def set_study(self, study: Study | None) -> None:
        """Show `study` in the series list."""
        self._set("study", study, self.study_opened)

    def set_study_status(self, study_uid: str, status: str) -> None:
        """Say how far the scoring of a study is."""
        if self.study_status.get(study_uid) != status:
            self.study_status[study_uid] = status
            self.study_status_changed.emit(study_uid)

    def set_volume(self, volume: Volume | None) -> None:
        """Open another series' pixels; slice, findings and selection start anew."""
        if volume is self.volume:
            return
        self.volume = volume
        self.series = volume.series if volume else None
        self.findings = None
        self.suspecting.set_suspected(None)
        self.suspecting.set_evidence(None)
        self.slice_index = 0
        self.slice_errors = {}
        self.panes.open(volume)
        self.series_changed.emit(self.series)
        self.volume_changed.emit(volume)
        self.slice_index_changed.emit(0)
        self.findings_changed.emit(None)
        self.set_selection(None)
        self.set_preview(Preview())

    def mark_slice_loaded(self, index: int, error: str | None = None) -> None:
        """Say that `volume.loaded[index]` (or `failed`, then with the reason) became true."""
        if error:
            self.slice_errors[index] = error
        self.slice_loaded.emit(index)

    def set_slice_index(self, index: int) -> None:
        """Go to a slice; out of range goes to the nearest end."""
        count = len(self.volume.hu) if self.volume is not None else 1
        self._set("slice_index", min(max(index, 0), count - 1), self.slice_index_changed)

    def set_window(self, view: int, window: Window) -> None:
        """Change the window of one viewport."""
        self.panes.set_window(view, window)

    def set_active_view(self, view: int) -> None:
        """Make a viewport the one keys act on."""
        if view != self.panes.active:
            self.panes.active = view
            self.active_view_changed.emit(view)
            if self.panes.shows_open(view):
                self.set_slice_index(self.panes.panes[view].stop)

    def _layout_changed(self, _: object) -> None:
        """Other viewports are there: the first is the active one, none is alone."""
        self.set_maximised_view(None)
        self.active_view_changed.emit(self.panes.active)

    def set_maximised_view(self, view: int | None) -> None:
        """Show one viewport alone, or all."""
        self._set("maximised_view", view, self.maximised_view_changed)

    def arrange(self, arrangement: Arrangement) -> None:
        """Show everything as it was."""
        self.panes.arrange(arrangement)
        self.active_view_changed.emit(self.panes.active)
        self.set_maximised_view(arrangement.maximised)

    def set_view(self, view: ViewState) -> None:
        """Zoom, pan, flip, turn or invert the active viewport; linked ones zoom and pan along."""
        self.panes.set_view(self.panes.active, view)

    def set_mode(self, mode: Mode) -> None:
        """Switch between reading and annotating; the tool follows."""
        if mode == self.mode:
            return
        self._set("mode", mode, self.mode_changed)
        self.set_tool(Tool.POLYGON if mode is Mode.ANNOTATE else self.resting_tool)

    @property
    def resting_tool(self) -> Tool:
        """What the left button does while no tool is chosen."""
        return Tool(self.bound.told(RESTING_TOOL))

    def set_tool(self, tool: Tool) -> None:
        """Choose what the left button does."""
        self._set("tool", tool, self.tool_changed)

    def set_subtype(self, code: str) -> None:
        """Choose the subtype that new polygons get."""
        self._set("subtype", code, self.subtype_changed)

    def set_overlay(self, visible: bool) -> None:
        """Show or hide the model's masks."""
        self._set("overlay", visible, self.overlay_changed)

    def set_findings(self, findings: Findings | None) -> None:
        """Take the model's answer for the open series."""
        if findings is not self.findings:
            self.findings = findings
            self.findings_changed.emit(findings)

    def mark_slice_scored(self, index: int) -> None:
        """Say that scores and mask of one slice arrived in `findings`."""
        self.slice_scored.emit(index)

    def set_document(self, document: Document) -> None:
        """Show another state of the annotations."""
        self._set("document", document, self.document_changed)

    def set_beside(self, document: Document) -> None:
        """Show another state of the measures of a series that hangs beside the open one."""
        if self.beside.get(document.key) != document:
            self.beside[document.key] = document
            self.beside_changed.emit(document)

    def document_of(self, volume: Volume | None) -> Document | None:
        """What a reader left on a series that is shown; None where that is not known."""
        if volume is None or volume is self.volume:
            return self.document
        return self.beside.get(volume.series.key)

    def measured(self) -> tuple[tuple[Volume, Document], ...]:
        """The series that are shown, each with what a reader left on it, the open one first."""
        shown = (self.volume, *(self.panes.volume(number) for number in range(len(self.panes))))
        volumes = {id(volume): volume for volume in shown if volume is not None}.values()
        pairs = ((volume, self.document_of(volume)) for volume in volumes)
        return tuple((volume, document) for volume, document in pairs if document is not None)

    def measured_by(self, uid: str | None) -> tuple[Volume, Document, Measure] | None:
        """A measure by its uid, the series it was measured on, and that one's document; None without any."""
        for volume, document in self.measured():
            measure = document.measure(uid)
            if measure is not None:
                return volume, document, measure
        return None

    def set_selection(self, uid: str | None) -> None:
        """Select an annotation."""
        self._set("selection", uid, self.selection_changed)

    def set_preview(self, preview: Preview) -> None:
        """Show what the mouse is about to make of the annotations."""
        self._set("preview", preview, self.preview_changed)

    def set_save_state(self, text: str) -> None:
        """Say whether the work is safe: `Saved`, `Saving …`, or what is wrong."""
        self._set("save_state", text, self.save_state_changed)

    def set_ai_state(self, text: str) -> None:
        """Say what the model is doing."""
        self._set("ai_state", text, self.ai_state_changed)

    def set_looking(self, looking: bool) -> None:
        """Say whether images are looked for in files and folders."""
        self._set("looking", looking, self.looking_changed)

    def set_load_state(self, text: str) -> None:
        """Say how much is loaded."""
        self._set("load_state", text, self.load_state_changed)

    def set_model(self, model_id: str) -> None:
        """Say which model answers from now on."""
        self._set("model_id", model_id, self.model_changed)

    def set_models(self, models: tuple[ModelEntry, ...]) -> None:
        """Say which versions of the model there are."""
        self._set("models", models, self.models_changed)

    def set_annotated(self, patients: int, slices: int) -> None:
        """Say how many patients and slices of the library carry annotations."""
        self._set("annotated", (patients, slices), self.annotated_changed)

    def set_thumbnail(self, series: Series, grey: npt.NDArray[np.uint8]) -> None:
        """Give a series its thumbnail, uint8 (rows, columns)."""
        self.thumbnails[series.key] = grey
        self.thumbnail_ready.emit(series.key)

    def set_retraining(self, retraining: Retraining) -> None:
        """Say how the retraining goes."""
        self._set("retraining", retraining, self.retraining_changed)

    def set_probe(self, probe: Probe | None) -> None:
        """Say what lies under the cursor."""
        self._set("probe", probe, self.probe_changed)

    def set_tags(self, tags: TagList) -> None:
        """Show the header of a file."""
        self._set("tags", tags, self.tags_changed)

    def set_patient_hidden(self, hidden: bool) -> None:
        """Hide who the patient is wherever the window would say it, or show it again."""
        self._set("patient_hidden", hidden, self.patient_hidden_changed)

    def set_prior(self, prior: Study | None) -> None:
        """Say which earlier study of the same patient there is to compare with."""
        self._set("prior", prior, self.prior_changed)

    def set_preferences(self, preferences: Preferences) -> None:
        """Take what the reader prefers; keys and mouse follow at once."""
        resting = self.resting_tool
        self.bound.use(preferences.bindings)
        self._set("preferences", preferences, self.preferences_changed)
        if self.tool is resting:
            self.set_tool(self.resting_tool)

    def set_licences(self, licences: tuple[Component, ...]) -> None:
        """Say what the program is made of."""
        self._set("licences", licences, self.licences_changed)

    def set_recent_actions(self, ids: tuple[str, ...]) -> None:
        """Say what the palette did last."""
        self._set("recent_actions", ids, self.recent_actions_changed)

    def set_own_windows(self, windows: tuple[Window, ...]) -> None:
        """Take the windows that the reader keeps."""
        self._set("own_windows", windows, self.own_windows_changed)

    def set_copying(self, text: str) -> None:
        """Say how far copying without the patient is."""
        self._set("copying", text, self.copying_changed)

    def set_recent(self, paths: tuple[Path, ...]) -> None:
        """Say what was opened last, the latest first."""
        self._set("recent", paths, self.recent_changed)

    def notice(self, level: str, title: str, text: str, discreet: str = "") -> None:
        """Tell the user something; `discreet` is what is shown while the patient is hidden, where that differs."""
        self.noticed.emit(Notice(level, title, text, discreet))

    def request_open(self, *paths: Path) -> None:
        """Ask for files or folders to be opened."""
        self.open_requested.emit(tuple(paths))
