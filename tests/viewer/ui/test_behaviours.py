"""What the reading room promises a reader, and the test that does it through the window; what had none is here.

`BEHAVIOURS` names both, file by file, relative to `tests/viewer`.
"""

import ast
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QKeySequence, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from viewer.dicom.volume import Volume
from viewer.imaging.layouts import FOUR, Plane
from viewer.imaging.placement import ViewState
from viewer.imaging.render import grey_table
from viewer.imaging.windows import BRAIN, STROKE, Function, Table, Window
from viewer.session import Session
from viewer.ui import theme
from viewer.ui.reading import ReadingArea

Maker = Callable[..., Volume]
HERE = Path(__file__).parents[1]
BEHAVIOURS: dict[str, dict[str, str]] = {
    "ui/test_reading_room.py": {
        "layouts Read, Single, 2×2, Compare, AI": "test_keys_choose_layouts",
        "any grid to 4×4": "test_every_viewport_of_every_layout_shows_the_marker_in_its_place",
        "a series is dragged into a viewport": "test_a_series_from_the_list_is_asked_for_where_it_is_dropped",
        "slabs and their thickness": "test_slab_keys",
        "planes, and turning them": "test_plane_keys_and_turning",
        "crosshair": "test_the_crosshair_tool_takes_the_others_along",
        "cine with speed": "test_cine_plays_round_at_its_speed",
        "1:1": "test_actual_size_shows_pixel_for_pixel",
        "links, each on or off": "test_links_are_switched_by_keys_and_menu",
        "a manual offset for a prior": "test_alt_wheel_scrolls_one_alone",
        "all header windows": "test_the_same_window_key_goes_through_the_header",
        "presets of one's own": "test_windows_of_ones_own",
    },
    "ui/test_interaction.py": {
        "double-click or F maximises": "test_double_click_maximises_and_restores",
        "F and Tab": "test_maximise_and_next_viewport",
        "scroll by keys": "test_keys_scroll",
        "scroll by wheel": "test_the_wheel_scrolls_and_small_steps_add_up",
        "window and level by dragging": "test_right_drag_widens_and_brightens",
        "zoom": "test_ctrl_wheel_zooms_around_the_cursor",
        "pan": "test_middle_drag_pans",
        "rotate, flip, invert": "test_flips_turns_and_inversion",
        "presets on keys": "test_number_keys_window_the_active_viewport",
        "automatic window": "test_window_from_the_header_and_automatic",
    },
    "test_app_hanging.py": {
        "the layout follows the study": "test_the_layout_follows_the_data",
        "a prior is offered": "test_a_prior_is_offered_and_compared",
        "header windows of every frame": "test_windows_of_the_header_are_read_for_every_slice",
        "a prior of another patient": "test_another_patient_is_asked_about",
    },
    "imaging/test_reformat_real.py": {
        "cuts are true in tilted series": "test_the_tilted_head_is_neither_sheared_nor_squeezed",
    },
    "ui/test_behaviours.py": {
        "reference lines": "test_a_reference_line_shows_where_the_active_picture_cuts",
        "fit": "test_fit_brings_the_whole_image_back",
        "VOI LUT, sigmoid; header until changed": "test_each_image_is_shown_as_its_header_asks_until_that_is_changed",
        "strip: wheel": "test_the_wheel_over_the_strip_scrolls",
        "high-DPI": "test_a_screen_of_twice_the_pixels_gets_them",
    },
    "ui/test_reading.py": {
        "linked by mm": "test_linked_viewports_look_at_the_same_place",
    },
    "ui/test_strip_widget.py": {
        "strip: loaded or not": "test_pending_and_failed_slices_differ",
        "strip: scores by subtype": "test_suspected_slices_take_the_subtypes_colour",
        "strip: annotations": "test_annotated_slices_are_ticked",
        "strip: current slice": "test_the_current_slice_is_outlined",
        "strip: click and drag": "test_click_and_drag_go_to_the_slice",
    },
    "ui/test_measures_panel.py": {
        "strip: key images": "test_the_strip_shows_key_images_and_bookmarks",
        "measures are listed": "test_measures_are_listed_slice_by_slice_with_unit_and_source",
        "measures are copied as text": "test_copied_text_has_numbers_units_and_slices_but_no_patient",
        "ABC/2: slices are weighed": "test_the_third_step_of_abc2_weighs_slices",
        "definitions are cited": "test_the_guides_cite_their_definition",
    },
    "test_app_measures.py": {
        "measures are stored": "test_a_measure_is_made_by_keys_and_mouse_kept_and_found_again",
    },
    "ui/test_measuring.py": {
        "measures are undone": "test_undo_goes_through_measures_and_annotations_in_the_order_they_were_made",
        "measures are edited": "test_a_grip_is_dragged_in_the_scroll_tool_and_beside_it_the_drag_scrolls",
        "length": "test_a_length_is_the_phantoms_whatever_the_view",
        "angle": "test_an_angle",
        "ellipse, rectangle, polygon: HU and area": "test_a_region_equals_numpy_on_source_hu_in_every_layout",
        "freehand": "test_a_freehand_region",
        "HU probe": "test_a_probe",
        "bidirectional": "test_a_bidirectional_measure_is_perpendicular",
        "ABC/2 beside the segmented volume": "test_abc2_beside_the_segmentation",
        "midline shift": "test_a_midline_shift_in_three_clicks",
        "no calibration: pixels, said so": "test_without_spacing_the_window_measures_in_pixels",
        "key images and bookmarks": "test_key_images_and_bookmarks_are_marked_undone_and_visited",
    },
    "test_app_exporting.py": {
        "the view as PNG": "test_a_view_holds_measures_and_the_research_banner",
        "with or without the patient": "test_a_view_without_the_patient_is_the_same_for_every_patient",
        "the view to the clipboard": "test_the_clipboard_gets_the_view",
        "a series as PNGs": "test_a_series_becomes_one_png_a_slice_and_the_window_stays_where_it_was",
        "a series as an animation": "test_a_series_becomes_an_animation",
        "a one-page summary": "test_the_pdf_is_one_page_however_much_there_is",
        "DICOM out: KOS, GSPS, SR": "test_dicom_objects_belong_to_the_study",
    },
    "ui/test_preferences_dialog.py": {
        "keys are rebound": "test_a_new_key_works_at_once",
        "conflicts are shown": "test_a_key_of_another_command_is_taken_over_only_when_told",
        "profiles": "test_a_profile_changes_keys_and_the_resting_tool",
        "mouse buttons are rebound": "test_the_mouse_is_told_per_mode",
        "a preset of zero width": "test_a_window_of_zero_width_is_refused_in_words",
    },
    "ui/test_main_window.py": {
        "command palette": "test_the_palette_opens_and_runs_an_action",
    },
    "ui/test_palette.py": {
        "fuzzy search": "test_a_slip_of_the_keyboard_is_forgiven",
    },
    "ui/test_sheet_and_about.py": {
        "shortcuts on ?": "test_question_mark_opens_the_sheet_which_leads_to_the_preferences",
        "about and licences": "test_the_about_box_says_version_purpose_and_licences",
    },
    "test_app_restoring.py": {
        "the session is restored": "test_everything_is_shown_as_it_was",
        "several monitors, remembered": "test_a_viewport_in_a_window_of_its_own_is_there_again",
    },
    "ui/test_placing.py": {
        "several monitors": "test_a_viewport_goes_to_the_other_screen_and_works_there",
        "an unplugged display": "test_an_unplugged_screen_sends_its_windows_to_the_one_that_is_left",
    },
    "ui/test_accessibility.py": {
        "names for screen readers": "test_every_control_says_what_it_is",
        "full keyboard reach": "test_every_control_is_reached_with_tab",
        "dialogs too": "test_a_dialog_is_read_and_reached_as_the_window_is",
    },
    "ui/test_looks.py": {
        "colours for every eye": "test_subtypes_stay_apart_however_somebody_sees",
    },
    "test_app_preferring.py": {
        "preferences": "test_preferences_are_kept_and_in_effect_from_the_first_moment",
        "logs and diagnostics without a patient": "test_diagnostics_describe_everything_and_name_nobody",
        "corrupted preferences": "test_a_damaged_file_is_backed_up_and_said_in_a_notice",
    },
}


@pytest.fixture
def area(qtbot: QtBot, open_session: Session) -> ReadingArea:
    widget = ReadingArea(open_session)
    qtbot.addWidget(widget)
    widget.resize(900, 600)
    widget.show()
    widget.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is widget.viewports[0])
    return widget


def press(qtbot: QtBot, area: ReadingArea, keys: str) -> None:
    combination = QKeySequence(keys)[0]
    qtbot.keyClick(area.viewports[area.panes.active], combination.key(), combination.keyboardModifiers())


def picture(area: ReadingArea, number: int) -> np.ndarray:
    """What a viewport shows, uint8 (rows, columns, 4): blue, green, red, unused."""
    image = area.viewports[number].grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4).copy()


def test_every_behaviour_has_a_test_that_is_there() -> None:
    for file, tests in BEHAVIOURS.items():
        tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert set(tests.values()) - there == set(), file


def test_the_wheel_over_the_strip_scrolls(area: ReadingArea, open_session: Session) -> None:
    open_session.set_slice_index(2)
    at = QPointF(5, 5)

    def turn(eighths: int) -> None:
        event = QWheelEvent(
            at, at, QPoint(), QPoint(0, eighths), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(area.strip, event)

    turn(-120)
    assert open_session.slice_index == 3
    turn(60)
    assert open_session.slice_index == 3  # half a click
    turn(60)
    assert open_session.slice_index == 2
    turn(120 * 9)
    assert open_session.slice_index == 0


def test_fit_brings_the_whole_image_back(qtbot: QtBot, area: ReadingArea, open_session: Session) -> None:
    window = open_session.windows[0]
    for key in ("+", "+", "H", "R"):
        press(qtbot, area, key)
    open_session.set_view(ViewState(3.0, (0.2, 0.9), flip_vertical=True, quarter_turns=1))
    press(qtbot, area, "Ctrl+0")
    assert open_session.view == ViewState()
    placement = area.viewports[0].placement()
    assert placement is not None
    corners = [placement.to_screen(corner) for corner in ((0, 0), (64, 64))]
    size = area.viewports[0].size()
    assert all(-1 <= x <= size.width() + 1 and -1 <= y <= size.height() + 1 for x, y in corners)
    assert open_session.windows[0] == window


def test_a_reference_line_shows_where_the_active_picture_cuts(area: ReadingArea) -> None:
    """On the coronal picture of slices 5 mm apart the line of an axial one lies at its height, and moves with it."""
    area.panes.set_layout(FOUR)
    number = next(n for n, pane in enumerate(area.panes.panes) if pane.plane is Plane.CORONAL)
    area.panes.set_crosshair(None)
    accent = np.array([int(theme.ACCENT[i : i + 2], 16) for i in (5, 3, 1)])

    def height() -> float:
        """Row of the line: most of it is nearer to the accent than grey can be."""
        shown = picture(area, number)[4:-4, 60:-60, :3].astype(int)
        bluer = (shown[..., 0] - shown[..., 1] > 0.5 * (accent[0] - accent[1])).mean(axis=1)
        assert bluer.max() > 0.5
        return float(bluer.argmax()) + 4.5

    for stop in (1, 4):
        area.panes.scroll_to(0, stop)
        place = area.viewports[0].to_patient_mm(QPointF(100, 100))
        assert place is not None
        expected, _ = area.viewports[number].from_patient_mm((place[0], 0.0, place[2]))  # type: ignore[misc]
        assert height() == pytest.approx(expected.y(), abs=1.5)
    area.panes.set_reference_lines(False)
    with pytest.raises(AssertionError):
        height()


def test_each_image_is_shown_as_its_header_asks_until_that_is_changed(
    qtbot: QtBot, area: ReadingArea, open_session: Session
) -> None:
    """A sigmoid on the first slice, a look-up table on the second; a preset stays with both."""
    volume = open_session.volume
    assert volume is not None
    volume.hu[:] = np.linspace(-40, 120, 64).astype(np.int16)  # from left to right
    sigmoid = Window("Header: soft", 90, 35, Function.SIGMOID)
    table = Window("Header: table", 101, 50, table=Table(0, bytes(range(0, 202, 2))))
    area.panes.set_header_windows(volume, ((sigmoid,), (table,), *[(BRAIN,)] * 4))
    open_session.volume_changed.emit(volume)

    def greys() -> np.ndarray:
        """The greys of the middle row, in the middle of each pixel of the image."""
        viewport = area.viewports[0]
        placement = viewport.placement()
        assert placement is not None
        places = [placement.to_screen((column + 0.5, 32.5)) for column in range(16, 48)]
        shown = picture(area, 0)
        return np.array([shown[int(y), int(x), 0] for x, y in places], int)

    def expected(window: Window) -> np.ndarray:
        return grey_table(window)[volume.hu[0, 0, 16:48].view(np.uint16)].astype(int)

    press(qtbot, area, "Home")
    press(qtbot, area, "1")
    assert np.abs(greys() - expected(sigmoid)).max() <= 8  # the screen lies between the pixels
    press(qtbot, area, "Down")
    assert np.abs(greys() - expected(table)).max() <= 8
    press(qtbot, area, "4")
    assert np.abs(greys() - expected(STROKE)).max() <= 18  # 6 grey levels a HU
    press(qtbot, area, "Up")
    assert open_session.windows[0] == STROKE


def test_a_screen_of_twice_the_pixels_gets_them(area: ReadingArea, open_session: Session) -> None:
    """The picture lies where it did; the words are drawn with twice the pixels, not stretched."""
    viewport, volume = area.viewports[0], open_session.volume
    assert volume is not None
    volume.hu[:] = np.linspace(0, 80, 64).astype(np.int16)
    open_session.volume_changed.emit(volume)
    open_session.set_window(0, Window("", 91, 37))

    def painted(ratio: float) -> np.ndarray:
        image = QImage(viewport.size() * ratio, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        viewport.render(image)
        return (
            np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 0] / 1.0
        )

    one, two = painted(1.0), painted(2.0)
    halved = two[: 2 * len(one), : 2 * one.shape[1]].reshape(len(one), 2, one.shape[1], 2).mean(axis=(1, 3))
    middle = np.s_[200:400, 150:350]
    assert one[middle].max() - one[middle].min() > 60
    assert np.abs(halved[middle] - one[middle]).max() <= 4
    words = np.s_[:90, :200]
    assert one[words].max() > 200
    stretched = one.repeat(2, 0).repeat(2, 1)
    assert np.abs(stretched[words] - two[words]).max() > 80
