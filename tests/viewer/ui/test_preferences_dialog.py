"""The dialog of preferences: each setting takes effect at once, conflicts are said, Cancel takes everything back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QDialog, QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from viewer.bindings import Bindings
from viewer.imaging.windows import Window
from viewer.licences import Component
from viewer.preferences import Preferences, export_bindings, import_bindings
from viewer.session import Session, Tool
from viewer.ui import theme
from viewer.ui.key_field import KeyField
from viewer.ui.looks import HIGH, NORMAL
from viewer.ui.main_window import MainWindow
from viewer.ui.preferences import PAGES, PreferencesDialog
from viewer.ui.preferences_keys import KeysPage
from viewer.ui.preferences_mouse import MousePage
from viewer.ui.preferences_pages import AppearancePage, DataPage, ModelPage
from viewer.ui.preferences_windows import WindowsPage
from viewer.ui.reading import ReadingArea

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def window(open_session: Session, qtbot: QtBot) -> Iterator[MainWindow]:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    before = (QApplication.font(), QApplication.palette(), app.styleSheet())
    open_session.preferences_changed.connect(theme.use)
    reading = ReadingArea(open_session)
    made = MainWindow(open_session, reading, reading.commands.values())
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    theme.use(Preferences())
    QApplication.setFont(before[0])
    QApplication.setPalette(before[1])
    app.setStyleSheet(before[2])


@pytest.fixture
def dialog(window: MainWindow, qtbot: QtBot) -> PreferencesDialog:
    made = PreferencesDialog(window, window.session)
    with qtbot.waitExposed(made):
        made.open()
    return made


def page(dialog: PreferencesDialog, kind: type) -> QWidget:
    found = next(each for each in dialog.pages if isinstance(each, kind))
    dialog.stack.setCurrentWidget(found)
    return found


@pytest.fixture
def keys(dialog: PreferencesDialog) -> KeysPage:
    found = page(dialog, KeysPage)
    assert isinstance(found, KeysPage)
    return found


def select(keys: KeysPage, id_: str) -> None:
    keys.tree.setCurrentItem(keys._items[id_])


def press(qtbot: QtBot, field: KeyField, key: Qt.Key, held: Qt.KeyboardModifier | None = None) -> None:
    field.wait()
    qtbot.keyClick(field, key, held or Qt.KeyboardModifier.NoModifier)


def test_a_new_key_works_at_once(qtbot: QtBot, window: MainWindow, keys: KeysPage) -> None:
    select(keys, "invert")
    press(qtbot, keys.add, Qt.Key.Key_U, Qt.KeyboardModifier.AltModifier)
    assert window.session.bound.keys("invert") == ("I", "Alt+U")
    assert "Alt+U" in keys._items["invert"].text(2)
    keys.window().close()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    viewport = window.centre.viewports[0]  # type: ignore[attr-defined]
    qtbot.keyClick(viewport, Qt.Key.Key_U, Qt.KeyboardModifier.AltModifier)
    assert window.session.view.inverted


def test_a_key_of_another_command_is_taken_over_only_when_told(qtbot: QtBot, keys: KeysPage) -> None:
    bound = keys._session.bound
    select(keys, "invert")
    assert keys.instead.isHidden()
    press(qtbot, keys.add, Qt.Key.Key_D)
    assert "“Length”" in keys.says.text()
    assert (bound.keys("invert"), bound.keys("measure_length")) == (("I",), ("D",))
    keys.instead.click()
    assert (bound.keys("invert"), bound.keys("measure_length")) == (("I", "D"), ())
    keys.reset.click()
    select(keys, "measure_length")
    keys.reset.click()
    assert bound.bindings == Bindings()


def test_the_same_key_in_the_other_mode_is_no_conflict(qtbot: QtBot, keys: KeysPage) -> None:
    select(keys, "tool_polygon")
    press(qtbot, keys.add, Qt.Key.Key_O)
    assert keys._session.bound.keys("tool_polygon") == ("Q", "O")
    assert keys._session.bound.keys("measure_ellipse") == ("O",)


def test_keys_can_be_removed_and_reset(keys: KeysPage) -> None:
    select(keys, "undo")
    keys.clear.click()
    assert keys._session.bound.keys("undo") == ()
    assert not keys.clear.isEnabled()
    keys.reset_all.click()
    assert keys._session.bound.keys("undo") == ("Ctrl+Z",)
    assert not keys.reset_all.isEnabled()


def test_tab_and_question_mark_can_be_keys_and_esc_gives_up(qtbot: QtBot, keys: KeysPage) -> None:
    select(keys, "cine")
    press(qtbot, keys.add, Qt.Key.Key_Tab, Qt.KeyboardModifier.ControlModifier)
    press(qtbot, keys.add, Qt.Key.Key_Exclam, Qt.KeyboardModifier.ShiftModifier)
    press(qtbot, keys.add, Qt.Key.Key_Shift)
    assert keys.add.waiting
    qtbot.keyClick(keys.add, Qt.Key.Key_Escape)
    assert not keys.add.waiting
    assert keys._session.bound.keys("cine") == ("C", "Ctrl+Tab", "!")


def test_a_profile_changes_keys_and_the_resting_tool(window: MainWindow, keys: KeysPage) -> None:
    keys.profile.setCurrentIndex(1)
    keys.profile.activated.emit(1)
    assert window.session.bound.keys("next_series") == ("Right", "PgDown")
    assert window.session.tool is Tool.WINDOW
    assert window.top_bar.presets[2].key == "3"


def test_commands_are_found_by_name_and_by_key(keys: KeysPage) -> None:
    keys.search.setText("ellip")
    assert not keys._items["measure_ellipse"].isHidden()
    assert keys._items["undo"].isHidden()
    keys.search.setText("Ctrl+Z")
    assert [id_ for id_, item in keys._items.items() if not item.isHidden()] == ["undo"]


def test_keys_are_exported_and_imported(
    keys: KeysPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    select(keys, "undo")
    keys.clear.click()
    keys.exporting.click()
    assert import_bindings(tmp_path / "mine.json") == Bindings(keys={"undo": ()})
    theirs = Bindings("ohif", {"undo": ("Ctrl+U",), "warp_drive": ("F9",)})
    export_bindings(tmp_path / "theirs.json", theirs)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "theirs.json"), ""))
    keys.importing.click()
    assert keys._session.preferences.bindings == theirs
    assert "1 of its commands is unknown" in keys.says.text()


def test_a_damaged_file_of_keys_changes_nothing(
    keys: KeysPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.json").write_text("{", "utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "bad.json"), ""))
    keys.importing.click()
    assert keys._session.preferences == Preferences()
    assert "Nothing was imported. bad.json is damaged" in keys.says.text()


def test_the_mouse_is_told_per_mode(dialog: PreferencesDialog) -> None:
    mouse = page(dialog, MousePage)
    assert isinstance(mouse, MousePage)
    box = mouse.boxes["read.right_drag"]
    number = box.findData("zoom")
    box.setCurrentIndex(number)
    box.activated.emit(number)
    bound = mouse._session.bound
    assert (bound.told("read.right_drag"), bound.told("annotate.right_drag")) == ("zoom", "window")
    mouse.reset.click()
    assert bound.told("read.right_drag") == "window"


def test_a_window_of_zero_width_is_refused_in_words(qtbot: QtBot, dialog: PreferencesDialog) -> None:
    windows = page(dialog, WindowsPage)
    assert isinstance(windows, WindowsPage)
    session = windows.session
    session.set_own_windows((Window("Sinus", 4000, 400), Window("Veins", 300, 90)))
    row = windows.rows[0]
    row.width_hu.setText("0")
    row.width_hu.editingFinished.emit()
    assert "A window's width must be 1 to 8000 HU, got 0." in row.says.text()
    assert not row.says.isHidden()
    assert session.own_windows[0].width == 4000
    row.width_hu.setText("wide")
    row.width_hu.editingFinished.emit()
    assert "Type width and level" in row.says.text()
    row.width_hu.setText("3500")
    row.width_hu.editingFinished.emit()
    assert session.own_windows[0] == Window("Sinus", 3500, 400)
    assert row.says.isHidden()


def test_windows_are_ordered_added_and_removed(dialog: PreferencesDialog) -> None:
    windows = page(dialog, WindowsPage)
    assert isinstance(windows, WindowsPage)
    session = windows.session
    session.set_own_windows((Window("Sinus", 4000, 400), Window("Veins", 300, 90)))
    session.set_preferences(Preferences(Bindings("weasis")))
    assert windows.shipped[2].text() == "3"
    windows.rows[1].up.click()
    assert [own.name for own in session.own_windows] == ["Veins", "Sinus"]
    windows.rows[0].remove.click()
    windows.add.click()
    assert [own.name for own in session.own_windows] == ["Sinus", "My window 1"]
    windows.rows[1].name.setText("Sinus")
    windows.rows[1].name.editingFinished.emit()
    assert "Another window is called" in windows.rows[1].says.text()


def test_text_grows_at_once_and_shrinks_back_on_cancel(dialog: PreferencesDialog) -> None:
    looks = page(dialog, AppearancePage)
    assert isinstance(looks, AppearancePage)
    before = theme.font().pointSizeF()
    looks.slider.setValue(28)
    assert looks._session.preferences.text_scale == 1.4
    assert QApplication.font().pointSizeF() == pytest.approx(1.4 * before)
    assert looks.percent.text() == "140%"
    bar = dialog._window.top_bar  # type: ignore[attr-defined]
    assert bar.height() == bar.maximumHeight() == round(1.4 * theme.BAR_HEIGHT)
    dialog.reject()
    assert QApplication.font().pointSizeF() == pytest.approx(before)
    assert bar.maximumHeight() == theme.BAR_HEIGHT


def test_contrast_and_colours_take_effect_at_once(dialog: PreferencesDialog) -> None:
    looks = page(dialog, AppearancePage)
    assert isinstance(looks, AppearancePage)
    looks.contrasts["high"].click()
    assert theme.TEXT == "#ffffff"
    palette = dialog._window.palette_popup.list  # type: ignore[attr-defined]
    assert HIGH["ACCENT_DARK"] in palette.styleSheet()
    looks.palettes["apart"].click()
    assert theme.subtype_colour("IPH") == "#FF2000"
    assert theme.subtype_rgb()[4] == (255, 32, 0)
    dialog.reject()
    assert (theme.TEXT, theme.subtype_colour("IPH")) == ("#d7dbe2", "#D55E00")
    assert NORMAL["ACCENT_DARK"] in palette.styleSheet()


def test_model_and_data_settings_arrive_in_the_session(dialog: PreferencesDialog) -> None:
    model, data = page(dialog, ModelPage), page(dialog, DataPage)
    assert isinstance(model, ModelPage)
    assert isinstance(data, DataPage)
    model.runs["on_demand"].click()
    model.threads.setValue(3)
    model.device.activated.emit(model.device.findData("cuda"))
    model.notify.setChecked(True)
    data.hidden.setChecked(True)
    data.restore.setChecked(False)
    data.memory.setValue(1024)
    assert dialog._session.preferences == Preferences(
        model_run="on_demand",
        model_threads=3,
        model_device="cuda",
        notify_triage=True,
        hide_patient=True,
        restore_session=False,
        memory_mb=1024,
    )
    data.memory.setValue(100)
    assert dialog._session.preferences.memory_mb == 0
    data.memory.setValue(200)
    assert dialog._session.preferences.memory_mb == 256


def test_done_keeps_and_cancel_takes_back_everything(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    for keep in (True, False):
        made = PreferencesDialog(window, session)
        before = (session.preferences, session.own_windows)
        wanted = Preferences(model_threads=5 + keep)
        session.set_preferences(wanted)
        session.set_own_windows((Window("Kept" if keep else "Gone", 100, 50),))
        (made.done_button if keep else made.cancel).click()
        now = (session.preferences, session.own_windows)
        assert now == ((wanted, (Window("Kept", 100, 50),)) if keep else before)


def test_every_control_has_a_name_and_the_keyboard_reaches_it(dialog: PreferencesDialog) -> None:
    for number in range(len(PAGES)):
        dialog.list.setCurrentRow(number)
        QApplication.processEvents()
        shown = dialog.stack.currentWidget()
        controls = [
            each
            for each in shown.findChildren(QWidget)
            if isinstance(each, QAbstractButton | QComboBox) and each.isVisible()
        ]
        assert controls, PAGES[number][0]
        for control in controls:
            text = control.text() if isinstance(control, QAbstractButton) else ""
            assert control.accessibleName() or text, control
            assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control


def test_the_dialog_fits_a_small_screen(window: MainWindow) -> None:
    window.resize(1366, 768)
    made = PreferencesDialog(window, window.session)
    assert made.width() <= 1366
    assert made.height() <= 728
    assert made.minimumSizeHint().height() <= 728
    cut = [
        label.text()
        for label in made.findChildren(QLabel)
        if label.wordWrap() is False and label.sizeHint().width() > 700
    ]
    assert cut == []


def test_a_closed_dialog_hears_nothing_more(window: MainWindow, dialog: PreferencesDialog) -> None:
    session = window.session
    window.show_about()
    window.show_keys()
    for each in window.findChildren(QDialog):
        each.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert window.findChildren(QDialog) == []
    session.set_preferences(Preferences(Bindings("ohif"), contrast="high"))
    session.set_own_windows((Window("Sinus", 4000, 400),))
    session.set_licences((Component("One", "1", "MIT", "first"),))
    session.notice("info", "Nothing", "happens")
