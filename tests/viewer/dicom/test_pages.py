"""The memory of a volume: zeros in large pages while those come quickly, in small ones after that."""

import mmap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viewer.dicom import pages
from viewer.dicom.load import allocate, load_all
from viewer.dicom.pages import LOST_SECONDS, SLOW_SECONDS, Pages
from viewer.dicom.scan import scan
from viewer.dicom.syntaxes import RLE, UNCOMPRESSED

SHAPE = (9, 512, 512)
LARGE = pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="the system chooses its pages itself")


@pytest.mark.parametrize("large", [True, False])
def test_the_memory_is_zero_and_can_be_written_to(large: bool) -> None:
    array = Pages(SHAPE, large=large).array
    assert (array.shape, array.dtype, array.flags.c_contiguous) == (SHAPE, np.int16, True)
    assert not array.any()
    array[...] = -1024
    assert (array == -1024).all()


def test_the_memory_lives_as_long_as_a_view_of_it() -> None:
    view = Pages(SHAPE, large=True).array[3, 100:200]
    view[...] = 7
    assert int(view.sum()) == 7 * 100 * 512


@LARGE
def test_quick_slices_keep_the_large_pages() -> None:
    memory = Pages(SHAPE, large=True)
    for _ in range(1000):
        memory.took(SLOW_SECONDS)
    assert memory.large


@LARGE
def test_large_pages_are_given_up_once_too_much_time_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Pages(SHAPE, large=True)
    advice: list[int] = []
    monkeypatch.setattr(memory, "_advise", lambda what: not advice.append(what))
    memory.took(LOST_SECONDS / 2)
    assert memory.large
    memory.took(LOST_SECONDS)
    memory.took(LOST_SECONDS)
    assert not memory.large
    assert advice == [mmap.MADV_NOHUGEPAGE]
    memory.array[...] = 1
    assert (memory.array == 1).all()


def test_a_system_without_a_choice_gives_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_LARGE", None)
    assert not Pages(SHAPE, large=True).large
    monkeypatch.setattr(pages, "_LARGE", 9999)  # a hint that no system knows
    memory = Pages(SHAPE, large=True)
    assert not memory.large
    assert not memory.array.any()
    monkeypatch.delattr(mmap, "MAP_ANONYMOUS", raising=False)
    assert not Pages(SHAPE, large=True).array.any()


@LARGE
def test_only_pixels_that_are_not_compressed_get_large_pages(phantom_series: Path) -> None:
    series = scan(phantom_series).studies[0].series[0]
    place = series.slices[0]
    assert place.pixels is not None
    assert place.pixels.syntax in UNCOMPRESSED
    volume = load_all(series)
    assert volume.pages is not None
    assert volume.pages.large
    coded = replace(place, pixels=replace(place.pixels, syntax=RLE, length=None))
    other = allocate(replace(series, slices=(coded, *series.slices[1:])))
    assert other.pages is not None
    assert not other.pages.large
