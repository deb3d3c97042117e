"""The window: top bar, worklist, centre, findings and annotations, status bar, menu, drop of files."""

from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QMoveEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from viewer.session import Mode, Session
from viewer.ui import dialogs, theme
from viewer.ui.about import AboutDialog
from viewer.ui.annotations import AnnotationsPanel
from viewer.ui.copying import CopyDialog
from viewer.ui.drawing_bar import DrawingBar
from viewer.ui.findings import FindingsPanel
from viewer.ui.focus_ring import FocusRing, first_control
from viewer.ui.learning import LearningDialogs
from viewer.ui.manual import Manual
from viewer.ui.measures import GUIDED, MeasuresPanel
from viewer.ui.notices import Notices
from viewer.ui.palette import Action, Palette
from viewer.ui.placing import PANELS, WORKLIST, Placing
from viewer.ui.preferences import PreferencesDialog
from viewer.ui.reading import ReadingArea
from viewer.ui.sheet import Sheet
from viewer.ui.status_bar import StatusBar
from viewer.ui.study_text import person
from viewer.ui.tags import TagsPanel
from viewer.ui.top_bar import TopBar
from viewer.ui.window_actions import WindowActions
from viewer.ui.window_keys import WindowKeys
from viewer.ui.worklist import Worklist


class RightColumn(QWidget):
    """Tabs Findings, Annotations, Measure and Tags; notices below them, where they never cover the image."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("right")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.findings = FindingsPanel(session)
        self.annotations = AnnotationsPanel(session)
        self.measures = MeasuresPanel(session)
        self.tags = TagsPanel(session)
        self.notices = Notices(session)
        self.stack = QStackedWidget()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 8)
        layout.setSpacing(8)
        bar = QFrame()
        bar.setObjectName("tabs")
        across = QHBoxLayout(bar)
        across.setContentsMargins(2, 2, 2, 2)
        across.setSpacing(2)
        self._group = QButtonGroup(self)
        tabs = (
            ("Findings", self.findings),
            ("Annotations", self.annotations),
            ("Measure", self.measures),
            ("Tags", self.tags),
        )
        for number, (name, panel) in enumerate(tabs):
            made = theme.button(name)
            made.setCheckable(True)
            across.addWidget(made, 1)
            self._group.addButton(made, number)
            self.stack.addWidget(panel)
        self._group.idClicked.connect(self.show_tab)
        layout.addWidget(bar)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.notices)
        session.mode_changed.connect(lambda mode: self.show_tab(1) if mode is Mode.ANNOTATE else None)
        session.tool_changed.connect(lambda tool: self.show_tab(2) if tool in GUIDED else None)
        self.show_tab(0)

    def show_tab(self, number: int) -> None:
        """Show Findings (0), Annotations (1), Measure (2) or Tags (3)."""
        self.stack.setCurrentIndex(number)
        self._group.button(number).setChecked(True)


class MainWindow(QMainWindow):
    """The frame around the reading area. Everything it does, it does through the session."""

    def __init__(self, session: Session, centre: ReadingArea, centre_actions: Iterable[QAction] = ()) -> None:
        """centre: the viewports, and what they can do. Set `may_close` to be asked before the window closes."""
        super().__init__()
        self.session = session
        self.may_close: Callable[[], bool] = lambda: True
        self.centre = centre
        self._actions = WindowActions(self, centre_actions)
        self.menu = QMenu(self)
        self.top_bar = TopBar(session, self.menu)
        self.drawing_bar = DrawingBar(session)
        self.worklist = Worklist(session)
        self.right = RightColumn(session)
        self.learning = LearningDialogs(self, session, self.right.annotations.retraining)
        self.status = StatusBar(session)
        self.palette_popup = Palette(self, self.actions_by_name, session)
        self._drop = theme.label("Drop to open", "title")
        self.setWindowTitle("Pterion")
        self.setAcceptDrops(True)
        self.setMinimumSize(1200, 640)
        self.resize(1600, 1000)
        self._build()
        self.placing = Placing(self, self._splitter, {WORKLIST: self.worklist, PANELS: self.right})
        self.placing.others = self.centre.outside.values
        self._ring = FocusRing(self)
        self._fill_menu()
        self._connect()

    def _build(self) -> None:
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setHandleWidth(1)
        self._splitter.setChildrenCollapsible(False)
        theme.hold(self.worklist, least_width=180)
        theme.hold(self.right, least_width=260)
        self.centre.setMinimumWidth(400)
        for widget in (self.worklist, self.centre, self.right):
            self._splitter.addWidget(widget)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setSizes(
            [theme.LEFT_WIDTH, 1600 - theme.LEFT_WIDTH - theme.RIGHT_WIDTH, theme.RIGHT_WIDTH]
        )
        layout.addWidget(self.top_bar)
        layout.addWidget(self.drawing_bar)
        layout.addWidget(self._splitter, 1)
        layout.addWidget(self.status)
        self.setCentralWidget(body)
        self._drop.setParent(self)
        self._drop.setAlignment(Qt.AlignmentFlag.AlignCenter)
        theme.dress(
            self._drop, "background: rgba(19, 22, 27, 225); border: 2px dashed @ACCENT; border-radius: 10px;"
        )
        self._drop.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._drop.hide()

    def _connect(self) -> None:
        self.top_bar.open_clicked.connect(self.session.browse_requested)
        self.top_bar.palette_clicked.connect(self.palette_popup.popup)
        self.session.browse_requested.connect(self.open_folder)
        self.session.password_wanted.connect(self.ask_password)
        for signal in (self.session.study_opened, self.session.patient_hidden_changed):
            signal.connect(self._show_title)
        self.session.panes.changed.connect(self._viewport_used)
        self.keys = WindowKeys(self.session, self, self.actions_by_name)

    # menu and palette

    def actions_by_name(self) -> tuple[Action, ...]:
        """Everything the window can do now, for the palette."""
        return self._actions.all()

    def _viewport_used(self, _: int) -> None:
        """Whoever scrolls knows where the keyboard is."""
        if self._ring.isVisible() and self.centre.isAncestorOf(self.focusWidget()):
            self._ring.mark(None)

    def _fill_menu(self) -> None:
        self._submenu("File", self._actions.file)
        self._submenu("Model", self._model_menu)
        self._submenu("Help", self._actions.help)

    def _submenu(self, title: str, actions: Callable[[], tuple[Action, ...]]) -> None:
        submenu = self.menu.addMenu(title)

        def fill() -> None:
            submenu.clear()
            for action in actions():
                keys = self.session.bound.text(action.id) if action.id else action.keys
                made = submenu.addAction(f"{action.name}\t{keys}" if keys else action.name)
                made.triggered.connect(lambda _checked=False, action=action: action.run())
                made.setEnabled(action.enabled())
            if title == "Model":
                self._add_versions(submenu)

        submenu.aboutToShow.connect(fill)
        fill()

    def _model_menu(self) -> tuple[Action, ...]:
        return tuple(action for action in self._actions.model() if not action.name.startswith("Use model"))

    def _add_versions(self, submenu: QMenu) -> None:
        """The versions there are, the one in use checked."""
        submenu.addSection("Versions")
        submenu.setToolTipsVisible(True)
        for entry in self.session.models:
            made = submenu.addAction(f"{entry.name or entry.id} · {entry.status}")
            made.setCheckable(True)
            made.setChecked(entry.current)
            made.setToolTip(f"{entry.summary}\nCreated {entry.created}".strip())
            made.triggered.connect(lambda _=False, id_=entry.id: self.session.promote_requested.emit(id_))

    # intentions that need a question first

    def open_folder(self) -> None:
        """Ask for a folder and request that it be opened."""
        folder = QFileDialog.getExistingDirectory(self, "Open a folder of DICOM files")
        if folder:
            self.session.request_open(Path(folder))

    def open_files(self) -> None:
        """Ask for files and request that they be opened."""
        files, _ = QFileDialog.getOpenFileNames(self, "Open DICOM files")
        if files:
            self.session.request_open(*(Path(name) for name in files))

    def ask_password(self, name: str, wrong: bool) -> None:
        """Ask for an archive's password and give it to the session; None if the user gives up."""
        shown = "The archive" if self.session.patient_hidden else name
        dialogs.password(self, shown, self.session.password_given.emit, wrong=wrong)

    def hide_patient(self) -> None:
        """Hide who the patient is wherever the window says it, or show it again."""
        self.session.set_patient_hidden(not self.session.patient_hidden)

    def _show_title(self, *_: object) -> None:
        """Name the patient of the open study in the window's title, unless that is to be hidden."""
        study = self.session.study
        shown = study is not None and not self.session.patient_hidden
        self.setWindowTitle(f"{person(study)} — Pterion" if shown and study is not None else "Pterion")

    def copy_study(self) -> None:
        """Ask how to copy the open study without its patient, and request it."""
        CopyDialog(self, self.session).open()

    def retrain(self) -> None:
        """Show the retraining card and ask what a retraining would take."""
        self.right.show_tab(1)
        self.session.retrain_requested.emit()

    def show_keys(self) -> None:
        """Show what keys and mouse do."""
        Sheet(self, self.session, self.show_preferences).open()

    def show_preferences(self) -> None:
        """Show what the reader may set."""
        PreferencesDialog(self, self.session).open()

    def show_manual(self) -> None:
        """Show the user guide, beside the study."""
        Manual(self).show()

    def show_about(self) -> None:
        """Show name, version, purpose and licences."""
        AboutDialog(self, self.session).open()

    def move_viewport(self) -> None:
        """Move the active viewport to a window of its own, or back."""
        self.centre.toggle_outside(self.session.active_view, self.placing.elsewhere)

    def focus_next_area(self, step: int = 1) -> None:
        """Give the keyboard to the next part of the window: bars, worklist, viewports, panels, and round again."""
        areas = (self.top_bar, self.drawing_bar, self.worklist, self.centre, self.right)
        now = self.focusWidget()
        here = next((n for n, area in enumerate(areas) if now is not None and area.isAncestorOf(now)), -step)
        for further in range(1, len(areas) + 1):
            area = areas[(here + step * further) % len(areas)]
            first = self.centre.focus_target() if area is self.centre else first_control(area)
            if first is not None:
                first.window().activateWindow()
                first.setFocus(Qt.FocusReason.TabFocusReason)
                self._ring.mark(first)
                return

    def quit(self) -> None:
        """Close the window, once nothing can be lost."""
        self.close()

    # events

    def focusNextPrevChild(self, next_: bool) -> bool:  # noqa: N802
        """Go on with Tab, and show where it came to."""
        before = self.focusWidget()
        moved = super().focusNextPrevChild(next_)
        pressed = before is not None and before.isVisible()  # else it was hidden, and Qt looked for another
        self._ring.mark(self.focusWidget() if moved and pressed else None)
        return moved

    def moveEvent(self, event: QMoveEvent) -> None:  # noqa: N802
        """Note the place."""
        super().moveEvent(event)
        self.placing.note()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Note the size; what is marked may lie elsewhere now, and what is dragged goes on."""
        super().resizeEvent(event)
        self._drop.hide()
        self.placing.note()
        QTimer.singleShot(0, self, self._ring.follow)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take files and folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._drop.setGeometry(self.rect().adjusted(12, theme.BAR_HEIGHT + 12, -12, -36))
            self._drop.show()
            self._drop.raise_()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """The drop will not come."""
        self._drop.hide()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open what was dropped."""
        self._drop.hide()
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        if paths:
            self.session.request_open(*paths)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Close once nothing can be lost."""
        if self.may_close():
            self.placing.close()
            event.accept()
        else:
            event.ignore()
