"""Samples on disk as a network sees them: made once, made again when their source changes, refused when unsound."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from model import prepared
from model.datasets.folder import JOURNAL, index_folder
from model.errors import Cancelled, PterionError
from model.networks.base import HeadSquare, View, WholeImage
from model.prepared import open_source, prepare
from model.sample import iterate_samples


@pytest.fixture
def folder(tmp_path: Path, write_heads: Callable[..., Path]) -> Path:
    return write_heads(tmp_path / "heads", {"a": 1, "b": 0, "c": 5})


@pytest.mark.parametrize("view", [HeadSquare(), WholeImage(40)], ids=lambda view: view.key)
def test_cases_come_back_as_they_were_looked_at(view: View, folder: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    made = prepare(open_source(folder), view, tmp_path / "cache", lambda *done: told.append(done))
    assert told == [(1, 3), (2, 3), (3, 3)]
    again = prepare(open_source(folder), view, tmp_path / "cache", lambda *_: pytest.fail("made twice"))
    for case, other, sample in zip(made, again, iterate_samples(folder), strict=True):
        seen = view.look(sample)
        for one in (case, other):
            assert (one.patient, one.source) == (sample.patient, "phantom")
            for name in ("hu", "labels", "scores", "gaps_mm"):
                assert np.array_equal(getattr(one, name), getattr(seen, name)), name
                assert getattr(one, name).dtype == getattr(seen, name).dtype
        torch.from_numpy(case.labels)  # a read-only array would be warned of


def test_what_is_done_to_a_case_does_not_reach_the_disk(folder: Path, tmp_path: Path) -> None:
    case = prepare(open_source(folder), WholeImage(40), tmp_path / "cache")[0]
    before = case.hu.copy()
    case.hu[:] = 7
    assert np.array_equal(prepare(open_source(folder), WholeImage(40), tmp_path / "cache")[0].hu, before)


def test_a_changed_source_is_prepared_again(
    folder: Path, tmp_path: Path, write_heads: Callable[..., Path]
) -> None:
    cache = tmp_path / "cache"
    prepare(open_source(folder), WholeImage(40), cache)
    write_heads(folder, {"a": 0})
    os.utime(folder / "a.npz", ns=(1, 1))
    assert not prepare(open_source(folder), WholeImage(40), cache)[0].labels.any()


def test_a_stopped_preparation_leaves_nothing_and_is_made_anew(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(Cancelled):
        prepare(open_source(folder), WholeImage(40), cache, cancelled=lambda: True)
    assert list(cache.iterdir()) == []
    assert len(prepare(open_source(folder), WholeImage(40), cache)) == 3


def test_a_full_disk_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prepared.os, "fsync", fsync)
    with pytest.raises(PterionError, match=r"of heads cannot be written \(No space left on device\)"):
        prepare(open_source(folder), WholeImage(40), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_said(folder: Path) -> None:
    with pytest.raises(PterionError, match=r"Nothing can be written to cache"):
        prepare(open_source(folder), WholeImage(40), folder / "a.npz" / "cache")


def test_a_data_set_is_read_by_its_index(folder: Path, tmp_path: Path) -> None:
    index_folder(folder)
    assert len(prepare(open_source(folder), WholeImage(40), tmp_path / "cache")) == 3
    (folder / "b.npz").unlink()
    with pytest.raises(PterionError, match=r"b\.npz"):
        open_source(folder)


def test_an_unfinished_data_set_is_refused(folder: Path) -> None:
    (folder / JOURNAL).write_text("", encoding="utf-8")
    with pytest.raises(PterionError, match="not finished"):
        open_source(folder)


def test_a_changed_sample_of_a_data_set_is_refused(folder: Path, tmp_path: Path) -> None:
    index_folder(folder)
    content = bytearray((folder / "b.npz").read_bytes())
    content[len(content) // 2] ^= 255
    (folder / "b.npz").write_bytes(content)
    with pytest.raises(PterionError, match=r"b\.npz in heads is not the file that the index was made for"):
        prepare(open_source(folder), WholeImage(40), tmp_path / "cache")


def test_ct_ich_without_its_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ich" / "Patients_CT" / "049" / "brain").mkdir(parents=True)
    with pytest.raises(PterionError, match=r"hemorrhage_diagnosis\.csv is missing in ich"):
        open_source(tmp_path / "ich")


def test_an_index_of_another_layout_is_not_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later layout has a folder of its own, so that an older program does not read it."""
    prepare(open_source(folder), WholeImage(40), tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    assert json.loads((kept / prepared.CASES).read_text())["format"] == prepared.FORMAT
    monkeypatch.setattr(prepared, "FORMAT", prepared.FORMAT + 1)
    prepare(open_source(folder), WholeImage(40), tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2
