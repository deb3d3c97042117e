"""Everything the window can do by name: for its menus, the palette and the keys."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction

from viewer.imaging.windows import Window
from viewer.ui.palette import Action
from viewer.ui.placing import PANELS, WORKLIST
from viewer.ui.retraining import RUNNING

if TYPE_CHECKING:
    from viewer.ui.main_window import MainWindow


class WindowActions:
    """The actions of one window, made anew each time they are asked for."""

    def __init__(self, window: MainWindow, centre: Iterable[QAction]) -> None:
        """centre: what the viewports can do."""
        self._window = window
        self._session = window.session
        self._centre = tuple(centre)

    def all(self) -> tuple[Action, ...]:
        """Everything, in the order of the palette."""
        return (*self.file(), *self.reading(), *self.panels(), *self.model(), *self.help())

    def file(self) -> tuple[Action, ...]:
        """Open, export, copy, quit."""
        session, window = self._session, self._window
        panels = window.right
        return (
            Action("Open a folder…", "Ctrl+O", session.browse_requested.emit, id="open_folder"),
            Action("Open files…", "Ctrl+Shift+O", window.open_files, id="open_files"),
            Action("Open the demo study", "", session.demo_requested.emit, id="open_demo"),
            Action(
                "Stop looking for images",
                "",
                session.looking_cancel_requested.emit,
                lambda: session.looking,
                "cancel_looking",
            ),
            *self._recent(),
            *panels.measures.exports.actions_by_name(),
            *panels.annotations.exchange.actions_by_name(),
            Action(
                "Copy the study without its patient…",
                "",
                window.copy_study,
                lambda: session.study is not None and not session.copying,
                "copy_study",
            ),
            Action(
                "Cancel copying",
                "",
                session.copy_cancel_requested.emit,
                lambda: bool(session.copying),
                "cancel_copying",
            ),
            Action("Preferences…", "Ctrl+,", window.show_preferences, id="preferences"),
            Action("Quit", "Ctrl+Q", window.quit, id="quit"),
        )

    def _recent(self) -> tuple[Action, ...]:
        """What was opened last; their names may name patients, so they are not listed while the patient is hidden."""
        session = self._session
        paths = () if session.patient_hidden else session.recent
        return tuple(
            Action(f"Open again: {path.name or path}", "", lambda path=path: session.request_open(path))  # type: ignore[misc]
            for path in paths
        )

    def reading(self) -> tuple[Action, ...]:
        """What the viewports can do."""

        def action(made: QAction) -> Action:
            name = made.text().replace("&", "")
            keys = made.shortcut().toString()
            return Action(name, keys, made.trigger, made.isEnabled, made.objectName())

        return (*(action(made) for made in self._centre if made.text()), *self._windows())

    def _windows(self) -> tuple[Action, ...]:
        """The windows that come and go: the file's, and the reader's own beyond those with a command."""
        session, panes = self._session, self._session.panes
        active = panes.active
        return (
            *(
                Action(f"Window {window.name}", "", partial(self._follow, number))
                for number, window in enumerate(panes.header_choices(active))
                if number
            ),
            *(
                Action(f"Window {own.name}", "", partial(panes.set_window, active, own))
                for own in session.own_windows
            ),
            *(
                Action(f"Forget the window {own.name}", "", partial(self._forget, own))
                for own in session.own_windows
            ),
        )

    def _follow(self, number: int) -> None:
        panes = self._session.panes
        panes.follow_header(panes.active, number)

    def _forget(self, window: Window) -> None:
        kept = tuple(own for own in self._session.own_windows if own != window)
        self._session.set_own_windows(kept)

    def panels(self) -> tuple[Action, ...]:
        """What the rest of the window shows."""
        window, session = self._window, self._session
        show = window.right.show_tab
        measured = lambda: bool(session.document.measures)  # noqa: E731
        hide = "Show patient" if session.patient_hidden else "Hide patient"
        return (
            Action("Find any action by name", "Ctrl+K", window.palette_popup.popup, id="palette"),
            Action("Show findings", "", lambda: show(0), id="show_findings"),
            Action("Show annotations", "", lambda: show(1), id="show_annotations"),
            Action("Show measures", "", lambda: show(2), id="show_measures"),
            Action("Copy measures as text", "", window.right.measures.copy_text, measured, "copy_measures"),
            Action("Show tags", "", lambda: show(3), id="show_tags"),
            Action(hide, "Ctrl+Shift+H", window.hide_patient, id="hide_patient"),
            Action("Menu of the window", "F10", window.top_bar.show_menu, id="window_menu"),
            Action("Next part of the window", "F6", window.focus_next_area, id="next_area"),
            Action(
                "Previous part of the window",
                "Shift+F6",
                lambda: window.focus_next_area(-1),
                id="previous_area",
            ),
            *(self._outside(name) for name in (PANELS, WORKLIST)),
            Action(
                "Put the viewport back into the window"
                if session.active_view in window.centre.outside
                else "Move the viewport to another window",
                "",
                window.move_viewport,
                lambda: session.volume is not None,
                "move_viewport",
            ),
        )

    def _outside(self, name: str) -> Action:
        """Moving a panel out, or back."""
        placing = self._window.placing
        out = f"Move the {name.casefold()} to another window"
        back = f"Put the {name.casefold()} back into the window"
        text = back if name in placing.outside else out
        return Action(text, "", lambda: placing.toggle(name), id=f"move_{name.casefold()}")

    def model(self) -> tuple[Action, ...]:
        """Scoring, retraining, versions."""
        session = self._session
        opened = lambda: session.volume is not None  # noqa: E731
        idle = lambda: session.retraining.state in ("idle", "failed") and session.annotated[1] > 0  # noqa: E731
        training = lambda: session.retraining.state in RUNNING  # noqa: E731
        running = lambda: session.findings is not None and not session.findings.done  # noqa: E731
        done = lambda: session.findings is not None and session.findings.done  # noqa: E731
        older = lambda: len(session.models) > 1  # noqa: E731
        others = (
            Action(f"Use model {entry.id}", "", lambda id_=entry.id: session.promote_requested.emit(id_))  # type: ignore[misc]
            for entry in session.models
            if not entry.current
        )
        accept, back = session.accept_findings_requested.emit, session.roll_back_requested.emit
        return (
            Action("Score this series again", "", session.score_requested.emit, opened, "score"),
            Action("Cancel scoring", "", session.score_cancel_requested.emit, running, "cancel_scoring"),
            Action("Accept findings as annotations", "", accept, done, "accept_findings"),
            Action("Retrain on my annotations…", "", self._window.retrain, idle, "retrain"),
            Action("Show the retraining…", "", self._window.learning.show_training, training, "training"),
            Action(
                "Models…", "", self._window.learning.show_versions, lambda: bool(session.models), "models"
            ),
            *others,
            *self._window.worklist.triage.actions_by_name(),
            Action("Roll back to the model before", "", back, older, "roll_back"),
        )

    def help(self) -> tuple[Action, ...]:
        """Keys, about, diagnostics."""
        window = self._window
        diagnostics = self._session.diagnostics_requested.emit
        return (
            Action("User guide", "Shift+F1", window.show_manual, id="user_guide"),
            Action("Keys and mouse", "? F1", window.show_keys, id="show_keys"),
            Action("Copy diagnostics", "", diagnostics, id="copy_diagnostics"),
            Action("About Pterion", "", window.show_about, id="about"),
        )
