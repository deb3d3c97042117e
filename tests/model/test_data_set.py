"""Data sets: folders of samples with an index: made item by item, resumed, checked, refused where they do not fit."""

import json
import multiprocessing
import os
import select
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.datasets import convert as module
from model.datasets.convert import LOCK, Progress, convert, file_stem, summary
from model.datasets.folder import (
    INDEX,
    JOURNAL,
    DataSetError,
    check,
    contents,
    index_folder,
    open_data_set,
    shared_patients,
    slice_lengths_mm,
    volumes_ml,
)
from model.errors import Cancelled, PterionError
from model.file_lock import try_lock
from model.labels import BY_CODE, NOT_REVIEWED, UNKNOWN_SUBTYPE
from model.sample import Sample, save_sample, slice_scores
from viewer.cli import text as words


def sample(patient: str = "p1", **provenance: object) -> Sample:
    """Four 10 × 10 slices of 2 × 0.5 mm pixels at 0, 5, 10, 20 mm: 20 px SDH at 5 mm, 8 px unknown at 20 mm."""
    labels = np.zeros((4, 10, 10), np.uint8)
    labels[1, :2] = BY_CODE["SDH"].value
    labels[3, 0, :8] = UNKNOWN_SUBTYPE
    hu = np.full((4, 10, 10), sum(patient.encode()), np.int16)
    z_mm = np.array([0.0, 5.0, 10.0, 20.0])
    return Sample(hu, (2.0, 0.5), z_mm, labels, slice_scores(labels), patient, "toy", dict(provenance))


@dataclass(frozen=True)
class Toy:
    """Items `a`, `b` …, each a patient; `broken` cannot be read. Counts what it read in a file."""

    names: tuple[str, ...] = ("a", "b", "c")
    options: dict[str, Any] = field(default_factory=dict)
    log: Path | None = None
    command = "toy"

    def items(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def read(self, item: str, content: int) -> Iterator[Sample]:
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(item)
        yield sample(f"patient-{item}")
        if item == "broken":
            raise PterionError("Slice 3 of broken cannot be read. Copy it again.")
        if item == "killer":
            os._exit(9)
        if item == "twins":
            yield sample("patient-twin")


def test_a_conversion_leaves_samples_and_an_index(tmp_path: Path) -> None:
    made = convert(Toy(), tmp_path / "set")
    assert sorted(path.name for path in (tmp_path / "set").iterdir() if path.name != LOCK) == [
        "index.json",
        "toy-a.npz",
        "toy-b.npz",
        "toy-c.npz",
    ]
    opened = open_data_set(tmp_path / "set")
    assert opened == made
    assert opened.patients() == ("patient-a", "patient-b", "patient-c")
    assert [each.patient for each in opened.samples()] == ["patient-a", "patient-b", "patient-c"]
    assert [each.patient for each in opened.samples({"patient-b"})] == ["patient-b"]
    assert list(check(opened)) == []


def test_the_index_says_what_a_sample_holds(tmp_path: Path) -> None:
    entry = convert(Toy(("a",)), tmp_path).entries[0]
    assert (entry.file, entry.item, entry.patient, entry.source) == ("toy-a.npz", "a", "patient-a", "toy")
    assert entry.shape == (4, 10, 10)
    assert entry.subtypes == ("SDH",)
    assert entry.slices == {"any": 2, "EDH": 0, "SDH": 1, "SAH": 0, "IVH": 0, "IPH": 0}
    assert entry.known == 4
    # 1 mm² a pixel. SDH: 20 mm² for (5 + 5) / 2 mm; unknown: 8 mm² for its only gap, 10 mm.
    assert entry.volume_ml == {"SDH": 0.1, "unknown": 0.08}
    content = json.loads((tmp_path / INDEX).read_text("utf-8"))
    assert content["made_by"] == {"command": "toy", "options": {}}
    assert content["samples"][0]["shape"] == [4, 10, 10]


def test_a_slice_stands_for_half_the_gaps_beside_it() -> None:
    assert slice_lengths_mm(np.array([0.0, 4.0, 10.0])).tolist() == [4, 5, 6]
    assert slice_lengths_mm(np.array([7.0])).tolist() == [5]
    assert volumes_ml(replace(sample(), labels=np.full((4, 10, 10), NOT_REVIEWED, np.uint8))) == {}


def test_an_item_that_cannot_be_read_is_skipped_and_told(tmp_path: Path) -> None:
    made = convert(Toy(("a", "broken", "twins")), tmp_path)
    assert [entry.file for entry in made.entries] == ["toy-a.npz", "toy-twins+2.npz", "toy-twins.npz"]
    assert made.skipped == (("broken", "Slice 3 of broken cannot be read. Copy it again."),)
    assert summary(made)["skipped"] == [
        {"item": "broken", "text": "Slice 3 of broken cannot be read. Copy it again."}
    ]
    assert summary(made)["patients"] == 3
    assert open_data_set(tmp_path).skipped == made.skipped


def test_where_nothing_can_be_read_the_first_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="Slice 3 of broken"):
        convert(Toy(("broken",)), tmp_path)


def test_several_processes_make_the_same_data_set(tmp_path: Path) -> None:
    names = ("a", "broken", "c", "twins")
    one, two = convert(Toy(names), tmp_path / "one"), convert(Toy(names), tmp_path / "two", workers=2)
    assert [(e.file, e.volume_ml) for e in one.entries] == [(e.file, e.volume_ml) for e in two.entries]
    assert one.skipped == two.skipped


def test_a_worker_that_dies_is_told_and_what_is_done_is_kept(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="A worker process ended suddenly"):
        convert(Toy(("killer", "b")), tmp_path, workers=2)
    assert len(convert(Toy(("b",)), tmp_path)) == 1


@dataclass(frozen=True)
class Endless(Toy):
    """Tells its process through a pipe, then never ends."""

    def read(self, item: str, content: int) -> Iterator[Sample]:
        assert self.log is not None
        with self.log.open("w") as pipe:
            pipe.write(f"{os.getpid()}\n")
        threading.Event().wait()
        yield sample()


def convert_endlessly(folder: Path, pipe: Path) -> None:
    convert(Endless(log=pipe), folder, workers=2)


@pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="only Linux tells when a process that is no child ends"
)
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    parent = multiprocessing.get_context("spawn").Process(
        target=convert_endlessly, args=(tmp_path / "set", tmp_path / "pipe")
    )
    parent.start()
    worker = os.pidfd_open(int((tmp_path / "pipe").read_text().split()[0]))
    parent.kill()
    parent.join()
    assert select.select([worker], [], [], 60)[0] == [worker]
    os.close(worker)


def stopping_after(count: int) -> Any:
    calls: list[int] = []

    def cancelled() -> bool:
        calls.append(1)
        return len(calls) > count

    return cancelled


def test_a_stopped_conversion_goes_on_where_it_was(tmp_path: Path) -> None:
    folder, log = tmp_path / "set", tmp_path / "log"
    with pytest.raises(Cancelled):
        convert(Toy(log=log), folder, cancelled=stopping_after(2))
    with pytest.raises(DataSetError, match="not finished"):
        open_data_set(folder)
    seen: list[Progress] = []
    made = convert(Toy(log=log), folder, on_progress=seen.append)
    assert log.read_text() == "abc"
    assert [(each.done, each.total) for each in seen] == [(3, 3)]
    assert made == replace(convert(Toy(), tmp_path / "whole"), folder=folder, entries=made.entries)
    assert [entry.item for entry in made.entries] == ["a", "b", "c"]


def test_a_killed_conversion_goes_on_past_half_a_line_and_half_a_sample(tmp_path: Path) -> None:
    folder, log = tmp_path / "set", tmp_path / "log"
    with pytest.raises(Cancelled):
        convert(Toy(log=log), folder, cancelled=stopping_after(2))
    journal = folder / JOURNAL
    journal.write_text(journal.read_text("utf-8")[:-40], "utf-8")
    (folder / ".sample-x.npz").write_bytes(b"PK")
    (folder / "toy-a.npz").write_bytes(b"PK")
    made = convert(Toy(log=log), folder)
    assert log.read_text() == "ab" + "abc"
    assert list(check(made)) == []
    assert not (folder / ".sample-x.npz").exists()


def test_finished_items_are_kept_and_new_ones_added(tmp_path: Path) -> None:
    folder, log = tmp_path / "set", tmp_path / "log"
    convert(Toy(("a", "b"), log=log), folder)
    made = convert(Toy(("b", "c"), log=log), folder)
    assert (log.read_text(), [entry.item for entry in made.entries]) == ("abc", ["a", "b", "c"])
    renewed = convert(Toy(("b", "c"), log=log), folder, renew=True)
    assert [entry.item for entry in renewed.entries] == ["b", "c"]
    assert not (folder / "toy-a.npz").exists()


def test_a_folder_of_other_data_is_left_alone(tmp_path: Path) -> None:
    convert(Toy(), tmp_path / "set")
    with pytest.raises(DataSetError, match="other options"):
        convert(Toy(options={"size": 3}), tmp_path / "set")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").touch()
    with pytest.raises(DataSetError, match="other files"):
        convert(Toy(), tmp_path / "photos")
    assert [path.name for path in (tmp_path / "photos").iterdir() if path.name != LOCK] == ["me.jpg"]


def test_two_conversions_never_write_to_one_folder(tmp_path: Path) -> None:
    with (tmp_path / LOCK).open("a+") as file:
        assert try_lock(file)
        with pytest.raises(DataSetError, match="Another conversion"):
            convert(Toy(), tmp_path)


def test_a_full_disk_ends_the_conversion_and_keeps_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(made: Sample, path: Path) -> None:
        if made.patient == "patient-b":
            raise OSError(28, "No space left on device")
        save_sample(made, path)

    monkeypatch.setattr(module, "save_sample", full)
    with pytest.raises(PterionError, match=r"toy-b\.npz cannot be written .*No space left"):
        convert(Toy(), tmp_path)
    monkeypatch.undo()
    log = tmp_path.parent / "log"
    convert(Toy(log=log), tmp_path)
    assert log.read_text() == "bc"


def test_an_item_is_named_by_itself_only_where_every_system_can_store_it() -> None:
    assert file_stem("toy", "ID_0219ef88") == "toy-ID_0219ef88"
    for item in ("../../etc/passwd", "a b", "", "x" * 90, "con.", "é"):
        stem = file_stem("toy", item)
        assert stem.startswith("toy-")
        assert len(stem) == 24
        assert stem.removeprefix("toy-").isalnum()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    convert(Toy(), tmp_path / "set")
    return tmp_path / "set"


def rewrite(folder: Path, **changes: object) -> None:
    content = json.loads((folder / INDEX).read_text("utf-8"))
    content["samples"][0] |= changes
    (folder / INDEX).write_text(json.dumps(content), "utf-8")


def test_a_missing_index_is_named_and_can_be_made(folder: Path) -> None:
    (folder / INDEX).unlink()
    with pytest.raises(DataSetError, match=r"set has no index\.json"):
        open_data_set(folder)
    assert len(index_folder(folder)) == 3
    assert open_data_set(folder).patients() == ("patient-a", "patient-b", "patient-c")


def test_contents_are_counted_in_all_and_by_source(tmp_path: Path) -> None:
    for name, patient, source in (("a", "p1", "x"), ("b", "p1", "x"), ("c", "p2", "y")):
        save_sample(replace(sample(patient), source=source), tmp_path / f"{name}.npz")
    found = contents(index_folder(tmp_path))
    assert list(found["sources"]) == ["x", "y"]
    assert (found["all"]["patients"], found["all"]["samples"], found["all"]["slices"]) == (2, 3, 12)
    assert found["sources"]["x"] == {
        "samples": 2,
        "patients": 1,
        "bleeding_patients": 1,
        "slices": 8,
        "known": 8,
        "bleeding_slices": {"any": 4, "EDH": 0, "SDH": 2, "SAH": 0, "IVH": 0, "IPH": 0},
        "volume_ml": {"SDH": 0.2, "unknown": 0.16},
    }
    printed = words.data_sets({"sets": [found]}).splitlines()
    assert [line.split()[0] for line in printed[1:]] == ["source", "x", "y", "all"]


def test_a_folder_without_samples_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="holds no samples"):
        index_folder(tmp_path)
    with pytest.raises(DataSetError, match="no folder gone"):
        open_data_set(tmp_path / "gone")


def test_a_sample_that_is_gone_or_cut_is_named(folder: Path) -> None:
    path = folder / "toy-b.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataSetError, match=r"toy-b\.npz of the data set set is \d+ bytes long"):
        open_data_set(folder)
    path.unlink()
    with pytest.raises(DataSetError, match=r"toy-b\.npz of the data set set is missing"):
        open_data_set(folder)


def test_a_changed_byte_is_found_when_the_sample_is_read(folder: Path) -> None:
    path = folder / "toy-b.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    opened = open_data_set(folder)
    with pytest.raises(DataSetError, match=r"toy-b\.npz in set is not the file"):
        list(opened.samples())
    assert len(list(check(opened))) == 1


@pytest.mark.parametrize("name", ["../secret.npz", "/etc/passwd", ".hidden.npz", "a/b.npz"])
def test_an_index_that_points_out_of_its_folder_is_refused(folder: Path, name: str) -> None:
    rewrite(folder, file=name)
    with pytest.raises(DataSetError, match="not the name of a file in the folder"):
        open_data_set(folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "[" * 100000, '{"format": 1}', '{"format": 1, "samples": 3}']
)
def test_a_damaged_index_is_named(folder: Path, text: str) -> None:
    (folder / INDEX).write_text(text, "utf-8")
    with pytest.raises(DataSetError, match=r"index\.json in set is damaged"):
        open_data_set(folder)


def test_an_index_of_another_version_is_refused(folder: Path) -> None:
    content = json.loads((folder / INDEX).read_text("utf-8")) | {"format": 2}
    (folder / INDEX).write_text(json.dumps(content), "utf-8")
    with pytest.raises(DataSetError, match="format 2, this program reads 1"):
        open_data_set(folder)


@pytest.mark.parametrize(
    "changes", [{"slices": []}, {"slices": {}}, {"shape": [1, 2]}, {"volume_ml": 3}, {"notes": 1}]
)
def test_an_entry_of_another_form_is_refused(folder: Path, changes: dict[str, object]) -> None:
    rewrite(folder, **changes)
    with pytest.raises(DataSetError, match=r"index\.json in set is damaged"):
        open_data_set(folder)


def test_checking_and_indexing_tell_how_far_they_are(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    assert list(check(open_data_set(folder), lambda done, total: seen.append((done, total)))) == []
    index_folder(folder, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)] * 2


def test_a_sample_named_twice_is_refused(folder: Path) -> None:
    rewrite(folder, file="toy-b.npz")
    with pytest.raises(DataSetError, match=r"names toy-b\.npz twice"):
        open_data_set(folder)


def test_an_index_that_describes_a_sample_wrongly_is_found(folder: Path) -> None:
    rewrite(folder, volume_ml={"SDH": 7.0})
    assert list(check(open_data_set(folder))) == [
        "The index of set describes toy-a.npz wrongly. Index it anew."
    ]
    rewrite(folder, patient="someone-else")
    with pytest.raises(DataSetError, match="not the sample that the index describes"):
        next(open_data_set(folder).samples())


def test_repeated_and_unlisted_samples_are_found(folder: Path) -> None:
    save_sample(sample("patient-a"), folder / "other.npz")
    assert list(check(open_data_set(folder))) == [
        "other.npz lies in set, but the index does not name it. Index it anew."
    ]
    assert list(check(index_folder(folder))) == [
        "toy-a.npz and other.npz in set show the same slices. Remove one."
    ]


def test_a_patient_in_two_data_sets_is_named(folder: Path, tmp_path: Path) -> None:
    other = convert(Toy(("b", "d")), tmp_path / "other")
    assert list(shared_patients([open_data_set(folder), other])) == [
        "Patient patient-b is in set and in other. Do not train on one and test on the other."
    ]
