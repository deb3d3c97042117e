"""The state of the open window: one QObject, one signal per fact, past tense. An equal value emits nothing.

Only `app` and widgets call setters, always on the GUI thread. Widgets that need work done (open a folder,
retrain, export …) emit an intention (`*_requested`) which `app` connects to a job; they never start work.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from viewer.annotation.document import Document
from viewer.annotation.events import Preview
from viewer.dicom.series import Series, Study
from viewer.dicom.tags import TagRow
from viewer.dicom.volume import Volume
from viewer.exporting import Exports
from viewer.imaging.layouts import READ
from viewer.imaging.placement import ViewState
from viewer.imaging.windows import Window
from viewer.measuring import Measuring
from viewer.panes import Panes


class Mode(StrEnum):
    """What keys and the left button mean."""

    READ = "read"
    ANNOTATE = "annotate"


class Tool(StrEnum):
    """What a left drag or click does in the active viewport."""

    SCROLL = "scroll"
    WINDOW = "window"
    ZOOM = "zoom"
    PAN = "pan"
    POLYGON = "polygon"
    LENGTH = "length"
    ANGLE = "angle"
    BIDIRECTIONAL = "bidirectional"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"
    POLYGON_ROI = "polygon region"
    FREEHAND = "freehand"
    PROBE = "probe"
    ABC2 = "abc2"
    MIDLINE = "midline"
    CROSSHAIR = "crosshair"


@dataclass(frozen=True)
class Notice:
    """Something to tell the user: what, where and what to do. `error` is red, `warning` yellow, `info` quiet.

    discreet: what is shown in the place of `text` while the patient is hidden; empty where `text` names nobody.
    """

    level: str
    title: str
    text: str
    discreet: str = ""


@dataclass(frozen=True)
class Findings:
    """The model's answer for one series, growing while it is scored.

    slice_scores: float32 (slices, 6) in `model.labels.SCORES` order, NaN where not scored yet.
    masks: uint8 (slices, rows, columns) on the source grid, 0 none, 1..5 subtype; shared and filled in place.
    study_scores: the six scores of the study, None until the whole series is scored.
    thresholds: score above which a subtype (or `any`) is called suspected on a slice; study_thresholds: in the study.
    """

    series_uid: str
    model_id: str
    slice_scores: npt.NDArray[np.float32]
    masks: npt.NDArray[np.uint8]
    scored: int
    total: int
    study_scores: dict[str, float] | None = None
    volume_ml: dict[str, float] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    cautions: tuple[str, ...] = ()
    not_run: str = ""
    study_thresholds: dict[str, float] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether the whole series is scored."""
        return self.study_scores is not None


@dataclass(frozen=True)
class Probe:
    """What lies under the cursor."""

    hu: int | None
    patient_mm: tuple[float, float, float] | None
    pixel: tuple[int, int]


@dataclass(frozen=True)
class Retraining:
    """A retraining as the window shows it. Curves are one value an epoch (or step); `state` is one of
    `idle`, `preparing`, `running`, `stopping`, `candidate`, `failed`."""

    state: str = "idle"
    text: str = ""
    progress: float = 0.0
    seconds_left: float | None = None
    train_loss: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()
    candidate_id: str = ""
    comparison: tuple[tuple[str, str, str], ...] = ()  # (measure, incumbent, candidate), ready to show


@dataclass(frozen=True)
class ModelEntry:
    """One version of the model, ready to list. `status` is `bundled`, `candidate` or `user`."""

    id: str
    status: str
    created: str
    current: bool
    summary: str


@dataclass(frozen=True)
class TagList:
    """The header of the file behind one slice, or why it cannot be listed."""

    sop_uid: str = ""
    frame: int = 0
    rows: tuple[TagRow, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class CopyOrder:
    """How the open study is to be copied without its patient.

    out: new folder or `.zip`. retain: options of `pterion deidentify`. leave_out: leave out images with text in
    their pixels; else they stop everything.
    """

    out: Path
    retain: frozenset[str] = frozenset()
    leave_out: bool = False


READ_LAYOUT = tuple(start.window for start in READ.starts)
"""Windows of the Read layout: the large viewport, then the two small ones."""


class Session(QObject):
    """What the window shows now. Attributes are read freely and changed only through the setters."""

    # facts
    studies_changed = Signal(object)  # tuple[Study, ...]
    study_opened = Signal(object)  # Study | None
    study_status_changed = Signal(str)  # study_uid; read `study_status`
    series_changed = Signal(object)  # Series | None
    volume_changed = Signal(object)  # Volume | None
    slice_loaded = Signal(int)
    slice_index_changed = Signal(int)
    windows_changed = Signal(object)  # tuple[Window, ...], one per viewport
    active_view_changed = Signal(int)
    maximised_view_changed = Signal(object)  # int | None
    view_changed = Signal(object)  # ViewState
    mode_changed = Signal(object)  # Mode
    tool_changed = Signal(object)  # Tool
    subtype_changed = Signal(str)
    overlay_changed = Signal(bool)
    findings_changed = Signal(object)  # Findings | None
    slice_scored = Signal(int)
    document_changed = Signal(object)  # Document
    selection_changed = Signal(object)  # annotation uid | None
    preview_changed = Signal(object)  # Preview
    save_state_changed = Signal(str)
    ai_state_changed = Signal(str)
    load_state_changed = Signal(str)
    model_changed = Signal(str)
    models_changed = Signal(object)  # tuple[ModelEntry, ...]
    annotated_changed = Signal(object)  # (patients, slices) with annotations in the library
    thumbnail_ready = Signal(str)  # series_uid; read `thumbnails`
    retraining_changed = Signal(object)  # Retraining
    probe_changed = Signal(object)  # Probe | None
    tags_changed = Signal(object)  # TagList
    patient_hidden_changed = Signal(bool)
    password_wanted = Signal(str, bool)  # name of a protected archive, whether the last answer was wrong
    copying_changed = Signal(str)  # how far copying without the patient is, empty while it does not run
    recent_changed = Signal(object)  # tuple[Path, ...]
    prior_changed = Signal(object)  # Study | None
    own_windows_changed = Signal(object)  # tuple[Window, ...]
    noticed = Signal(object)  # Notice

    # intentions
    open_requested = Signal(object)  # tuple[Path, ...]
    password_given = Signal(object)  # str, or None to give up
    browse_requested = Signal()  # ask the user what to open
    demo_requested = Signal()
    series_requested = Signal(str)  # series_uid
    pane_series_requested = Signal(int, str)  # viewport, series_uid to show in it alone
    compare_requested = Signal()  # the open study beside its prior
    layout_chosen = Signal(str)  # id of the layout that the reader asked for
    tags_requested = Signal(int)  # slice of the open series
    score_requested = Signal()
    score_cancel_requested = Signal()
    edit_requested = Signal(object)  # viewer.annotation.events.Event
    undo_requested = Signal()
    redo_requested = Signal()
    export_masks_requested = Signal(object)  # Path of a folder
    copy_requested = Signal(object)  # CopyOrder
    copy_cancel_requested = Signal()
    accept_findings_requested = Signal()
    retrain_requested = Signal()
    retrain_cancel_requested = Signal()
    promote_requested = Signal(str)  # model id
    discard_requested = Signal(str)  # model id
    roll_back_requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
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
        self.exports = Exports(self)
        self.maximised_view: int | None = None
        self.mode = Mode.READ
        self.tool = Tool.SCROLL
        self.subtype = "SDH"
        self.overlay = True
        self.findings: Findings | None = None
        self.document = Document()
        self.selection: str | None = None
        self.preview = Preview()
        self.save_state = ""
        self.ai_state = ""
        self.load_state = ""
        self.model_id = ""
        self.models: tuple[ModelEntry, ...] = ()
        self.annotated = (0, 0)
        self.thumbnails: dict[str, npt.NDArray[np.uint8]] = {}  # series_uid → grey (rows, columns)
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

    def set_view(self, view: ViewState) -> None:
        """Zoom, pan, flip, turn or invert the active viewport; linked ones zoom and pan along."""
        self.panes.set_view(self.panes.active, view)

    def set_mode(self, mode: Mode) -> None:
        """Switch between reading and annotating; the tool follows."""
        if mode == self.mode:
            return
        self._set("mode", mode, self.mode_changed)
        self.set_tool(Tool.POLYGON if mode is Mode.ANNOTATE else Tool.SCROLL)

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

    def set_thumbnail(self, series_uid: str, grey: npt.NDArray[np.uint8]) -> None:
        """Give a series its thumbnail, uint8 (rows, columns)."""
        self.thumbnails[series_uid] = grey
        self.thumbnail_ready.emit(series_uid)

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
