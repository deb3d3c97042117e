"""Waiting is told from computing."""

import sys
import time
from collections.abc import Iterator

import pytest

from viewer.dicom import scan
from viewer.dicom.stencil import Stencils
from viewer.dicom.waiting import waits_of_thread

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what a thread waits for")


@linux
def test_each_wait_counts_and_computing_does_not() -> None:
    before = waits_of_thread()
    sum(range(10_000))
    between = waits_of_thread()
    for _ in range(5):
        time.sleep(0.001)
    after = waits_of_thread()
    assert before is not None
    assert between is not None
    assert after is not None
    assert between - before < 5 <= after - between


@linux
@pytest.mark.parametrize(("waiting", "ahead"), [(True, True), (False, False)])
def test_threads_read_ahead_only_of_a_slow_disk(
    waiting: bool, ahead: bool, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that take long because the disk does are read by threads; where the processor is taken they are not."""
    went_ahead: list[bool] = []

    def read_ahead(*_: object) -> Iterator[None]:
        went_ahead.append(True)
        return iter(())

    def read(path: object, stencils: Stencils) -> None:
        if waiting:
            time.sleep(0.001)

    monkeypatch.setattr(scan, "_SLOW_SECONDS", 0.0)
    monkeypatch.setattr(scan, "_read", read)
    monkeypatch.setattr(scan, "_read_ahead", read_ahead)
    list(scan._reads(iter([tmp_path] * 40), None))  # type: ignore[list-item]
    assert bool(went_ahead) is ahead
