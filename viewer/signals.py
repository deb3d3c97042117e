"""What the open window tells (facts, past tense) and what is asked of it (intentions)."""

from PySide6.QtCore import QObject, Signal


class Signals(QObject):
    """The signals of the session. Facts are emitted by its setters alone; intentions by widgets, for `app`."""

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
    beside_changed = Signal(object)  # Document of a series that hangs beside the open one
    selection_changed = Signal(object)  # annotation uid | None
    preview_changed = Signal(object)  # Preview
    save_state_changed = Signal(str)
    ai_state_changed = Signal(str)
    load_state_changed = Signal(str)
    looking_changed = Signal(bool)
    model_changed = Signal(str)
    models_changed = Signal(object)  # tuple[ModelEntry, ...]
    annotated_changed = Signal(object)  # (patients, slices) with annotations in the library
    thumbnail_ready = Signal(object)  # Series.key; read `thumbnails`
    retraining_changed = Signal(object)  # Retraining
    probe_changed = Signal(object)  # Probe | None
    tags_changed = Signal(object)  # TagList
    patient_hidden_changed = Signal(bool)
    password_wanted = Signal(str, bool)  # name of a protected archive, whether the last answer was wrong
    copying_changed = Signal(str)  # how far copying without the patient is, empty while it does not run
    recent_changed = Signal(object)  # tuple[Path, ...]
    prior_changed = Signal(object)  # Study | None
    preferences_changed = Signal(object)  # Preferences
    licences_changed = Signal(object)  # tuple[Component, ...]
    recent_actions_changed = Signal(object)  # tuple[str, ...]
    own_windows_changed = Signal(object)  # tuple[Window, ...]
    noticed = Signal(object)  # Notice

    # intentions
    open_requested = Signal(object)  # tuple[Path, ...]
    password_given = Signal(object)  # str, or None to give up
    browse_requested = Signal()  # ask the user what to open
    demo_requested = Signal()
    looking_cancel_requested = Signal()
    series_requested = Signal(str)  # series_uid
    pane_series_requested = Signal(int, str)  # viewport, series_uid to show in it alone
    compare_requested = Signal()  # the open study beside its prior
    layout_chosen = Signal(str)  # id of the layout that the reader asked for
    tags_requested = Signal(int)  # slice of the open series
    licences_requested = Signal()
    diagnostics_requested = Signal()  # a description of this installation, to the clipboard
    score_requested = Signal()
    score_cancel_requested = Signal()
    edit_requested = Signal(object)  # viewer.annotation.events.Event
    undo_requested = Signal()
    redo_requested = Signal()
    copy_requested = Signal(object)  # CopyOrder
    copy_cancel_requested = Signal()
    accept_findings_requested = Signal()
    retrain_requested = Signal()
    retrain_cancel_requested = Signal()
    promote_requested = Signal(str)  # model id
    discard_requested = Signal(str)  # model id
    roll_back_requested = Signal()
