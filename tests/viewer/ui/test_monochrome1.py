"""MONOCHROME1: the lowest value is white (PS3.3 C.7.6.3.1.2). HU stay what they are; the picture is turned over."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pydicom
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from viewer.app.opening import thumbnail
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Series
from viewer.session import Session
from viewer.ui.reading import ReadingArea


def only(path: Path) -> Series:
    (study,) = scan(path).studies
    (series,) = study.series
    return series


def turned_over(folder: Path) -> Path:
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        data.PhotometricInterpretation = "MONOCHROME1"
        data.save_as(path)
    return folder


def test_values_stay_and_the_thumbnail_is_turned_over(write_series_copy: Callable[[str], Path]) -> None:
    plain, other = only(write_series_copy("a")), only(turned_over(write_series_copy("b")))
    assert (plain.inverted, other.inverted) == (False, True)
    assert (load_all(plain).hu == load_all(other).hu).all()
    one, two = thumbnail(plain), thumbnail(other)
    assert one is not None
    assert two is not None
    assert (one == 255 - two).all()
    assert (one[0, 0], two[0, 0]) == (0, 255)


def test_the_viewport_shows_low_values_bright_and_the_key_turns_it_back(
    open_session: Session, qtbot: QtBot
) -> None:
    volume = open_session.volume
    assert volume is not None
    colours = {}
    for inverted in (False, True):
        open_session.set_volume(replace(volume, series=replace(volume.series, inverted=inverted)))
        area = ReadingArea(open_session)
        qtbot.addWidget(area)
        area.resize(900, 600)
        area.show()
        view = area.viewports[0]
        placement = view.placement()
        assert placement is not None
        x, y = placement.to_screen((1.5, 1.5))
        for key in (False, True):
            open_session.set_view(replace(open_session.view, inverted=key))
            colours[inverted, key] = QColor(view.grab().toImage().pixel(int(x), int(y))).lightness()
    assert colours[False, False] == colours[True, True] != colours[True, False] == colours[False, True]
