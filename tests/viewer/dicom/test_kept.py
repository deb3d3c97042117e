"""Volumes are kept while there is room, and the one used least recently goes first."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from model.errors import PterionError
from viewer.dicom import kept
from viewer.dicom.kept import KeptVolumes, budget_bytes
from viewer.dicom.load import load_slice
from viewer.dicom.scan import scan
from viewer.dicom.series import Series

SIZE = 2 * 8 * 128 * 96
"""Bytes of the phantom's volume."""


@pytest.fixture
def series(phantom_series: Path) -> Series:
    return scan(phantom_series).studies[0].series[0]


def named(series: Series, name: str) -> Series:
    return replace(series, series_uid=name)


def names(volumes: KeptVolumes) -> list[str]:
    return [volume.series.series_uid for volume in volumes.held]


def test_a_volume_comes_back_with_what_was_loaded(series: Series) -> None:
    volumes = KeptVolumes(10 * SIZE)
    volume = volumes.volume(series)
    assert load_slice(volume, 3) is None
    volume.failed[5] = True
    again = volumes.volume(series)
    assert again.hu is volume.hu
    assert np.flatnonzero(again.loaded).tolist() == [3]
    assert not again.failed.any()  # the disk may be there again


def test_the_least_recently_used_goes_first(series: Series) -> None:
    volumes = KeptVolumes(3 * SIZE)
    for name in ("1", "2", "3"):
        volumes.volume(named(series, name))
    volumes.volume(named(series, "1"))
    volumes.volume(named(series, "4"))
    assert names(volumes) == ["3", "1", "4"]
    assert volumes.used_bytes == 3 * SIZE


def test_one_volume_is_held_however_large_it_is(series: Series) -> None:
    volumes = KeptVolumes(SIZE // 2)
    for name in ("1", "2"):
        volumes.volume(named(series, name))
    assert names(volumes) == ["2"]


def test_changed_files_are_loaded_anew(series: Series, write_series_copy: Callable[[str], Path]) -> None:
    volumes = KeptVolumes(10 * SIZE)
    first = volumes.volume(series)
    other = volumes.volume(replace(series, slices=series.slices[1:], gaps_mm=series.gaps_mm[1:]))
    assert other.hu is not first.hu
    assert len(volumes.held) == 1


def test_files_with_other_pixels_under_the_same_headers_are_loaded_anew(
    write_series_copy: Callable[[str], Path],
) -> None:
    folder = write_series_copy("rewritten")
    series = scan(folder).studies[0].series[0]
    volumes = KeptVolumes(10 * SIZE)
    volume = volumes.volume(series)
    assert load_slice(volume, 0) is None
    assert volumes.volume(series) is volume
    path = series.slices[0].path
    path.write_bytes(path.read_bytes()[:-2] + b"\1\0")
    os.utime(path, (1e9, 1e9))
    assert scan(folder).studies[0].series[0] == series
    other = volumes.volume(series)
    assert other is not volume
    assert not other.loaded.any()
    assert volumes.held == (other,)


def test_what_is_held_outlives_the_disc_that_it_came_from(write_series_copy: Callable[[str], Path]) -> None:
    folder = write_series_copy("removed")
    series = scan(folder).studies[0].series[0]
    volumes = KeptVolumes(10 * SIZE)
    volume = volumes.volume(series)
    shutil.rmtree(folder)
    assert volumes.volume(series) is volume


def test_room_is_made_before_more_is_taken(series: Series) -> None:
    seen: list[int] = []

    def full(_: Series) -> NoReturn:
        seen.append(volumes.used_bytes)
        raise PterionError("no memory", code="MEMORY")

    volumes = KeptVolumes(2 * SIZE)
    volumes.volume(named(series, "1"))
    volumes.volume(named(series, "2"))
    with pytest.raises(PterionError, match="no memory"):
        volumes.volume(named(series, "3"), full)
    assert seen == [SIZE]
    assert names(volumes) == ["2"]


def test_dropping_and_clearing(series: Series) -> None:
    volumes = KeptVolumes(10 * SIZE)
    volumes.volume(named(series, "1"))
    volumes.volume(named(series, "2"))
    volumes.drop(series.study_uid, "1")
    volumes.drop(series.study_uid, "unknown")
    assert names(volumes) == ["2"]
    volumes.clear()
    assert volumes.used_bytes == 0


def test_the_budget_is_a_share_of_memory_or_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "memory_bytes", lambda: 16 << 30)
    assert budget_bytes() == 4 << 30
    monkeypatch.setenv("PTERION_MEMORY_MB", "500")
    assert budget_bytes() == 500 << 20
