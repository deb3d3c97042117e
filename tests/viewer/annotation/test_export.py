"""Masks as files: one per annotated slice, whole or not at all."""

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from viewer.annotation import export, png
from viewer.annotation.document import Annotation, Document
from viewer.annotation.export import ExportError, export_masks

SQUARE = ((2.0, 2.0), (5.0, 2.0), (5.0, 5.0), (2.0, 5.0))


@dataclass(frozen=True)
class Slice:
    sop_uid: str
    frame: int = 0
    rows: int = 8
    columns: int = 9


SLICES = [Slice("1.2.3.100"), Slice("1.2.3.101"), Slice("1.2.3.102"), Slice("1.2.3.103", frame=2)]
DOCUMENT = Document(
    "study",
    "series",
    (
        Annotation("1", "1.2.3.101", 0, "SDH", SQUARE),
        Annotation("2", "1.2.3.101", 0, "IPH", ((4.0, 4.0), (9.0, 4.0), (9.0, 8.0), (4.0, 8.0))),
        Annotation("3", "1.2.3.103", 2, "EDH", SQUARE),
    ),
    frozenset({"1.2.3.100"}),
)


def labels() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """By hand: nine pixels SDH (2), then twenty of IPH (5) over their corner."""
    expected = np.zeros((8, 9), np.uint8)
    expected[2:5, 2:5] = 2
    expected[4:8, 4:9] = 5
    return expected


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_png_per_annotated_slice_with_label_values(tmp_path: Path) -> None:
    import imagecodecs

    paths = export_masks(DOCUMENT, SLICES, tmp_path / "out")
    assert [path.name for path in paths] == ["0002_1.2.3.101.png", "0004_1.2.3.103_frame2.png", "masks.json"]
    assert names(tmp_path / "out") == sorted(path.name for path in paths)
    assert np.array_equal(imagecodecs.png_decode(paths[0].read_bytes()), labels())
    assert imagecodecs.png_decode(paths[1].read_bytes()).sum() == 9


def test_the_note_names_values_slices_and_purpose(tmp_path: Path) -> None:
    export_masks(DOCUMENT, SLICES, tmp_path)
    note = json.loads((tmp_path / "masks.json").read_text("utf-8"))
    assert note["notice"] == "Research use only. Not for diagnosis."
    assert note["series_uid"] == "series"
    assert note["values"]["5"] == {"code": "IPH", "name": "intraparenchymal"}
    assert note["reviewed_without_hemorrhage"] == ["1.2.3.100"]
    assert note["slices"][0] == {
        "file": "0002_1.2.3.101.png",
        "number": 2,
        "sop_uid": "1.2.3.101",
        "frame": 0,
        "rows": 8,
        "columns": 9,
        "pixels": {"SDH": 8, "IPH": 20},
    }


def test_npz_holds_one_array_per_sop_instance_uid(tmp_path: Path) -> None:
    paths = export_masks(DOCUMENT, SLICES, tmp_path, "npz")
    assert [path.name for path in paths] == ["masks.npz", "masks.json"]
    with np.load(paths[0]) as file:
        assert set(file.files) == {"1.2.3.101", "1.2.3.103#2"}
        assert file["1.2.3.101"].dtype == np.uint8
        assert np.array_equal(file["1.2.3.101"], labels())


def test_a_second_export_replaces_the_first_and_leaves_other_files_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    export_masks(DOCUMENT, SLICES, tmp_path)
    fewer = Document("study", "series", DOCUMENT.annotations[:1])
    export_masks(fewer, SLICES, tmp_path)
    assert names(tmp_path) == ["0002_1.2.3.101.png", "masks.json", "notes.txt"]
    assert png.decode((tmp_path / "0002_1.2.3.101.png").read_bytes()).max() == 2


def test_the_masks_of_another_series_are_not_overwritten(tmp_path: Path) -> None:
    export_masks(DOCUMENT, SLICES, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    other = Document("study", "other series", DOCUMENT.annotations)
    with pytest.raises(ExportError, match="another series"):
        export_masks(other, SLICES, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (Document("study", "series"), "no annotations"),
        (
            Document("s", "x", (Annotation("1", "elsewhere", 0, "SDH", SQUARE),)),
            "1 annotated slices are not part",
        ),
    ],
)
def test_nothing_sensible_to_export_is_said(tmp_path: Path, document: Document, text: str) -> None:
    with pytest.raises(ExportError, match=text):
        export_masks(document, SLICES, tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("form", ["png", "npz"])
def test_a_full_disk_leaves_the_earlier_export_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    export_masks(DOCUMENT, SLICES, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match="No space left on device"):
        export_masks(Document("study", "series", DOCUMENT.annotations[:1]), SLICES, tmp_path, form)  # type: ignore[arg-type]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_error_while_files_move_puts_everything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_masks(DOCUMENT, SLICES, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    real, calls = os.replace, []

    def sometimes(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 5:
            raise OSError(errno.EIO, "Input/output error")
        real(source, target)

    monkeypatch.setattr(os, "replace", sometimes)
    with pytest.raises(ExportError, match="Input/output error"):
        export_masks(Document("study", "series", DOCUMENT.annotations[1:]), SLICES, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_that_reads_back_differently_stops_the_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_write", lambda path, data: path.write_bytes(data[:-20]))
    for form in ("png", "npz"):
        with pytest.raises(ExportError, match="did not read back"):
            export_masks(DOCUMENT, SLICES, tmp_path, form)  # type: ignore[arg-type]
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(ExportError, match="cannot be written to out"):
        export_masks(DOCUMENT, SLICES, tmp_path / "file" / "out")


def test_png_survives_another_reader_and_its_own() -> None:
    import imagecodecs

    values = np.random.default_rng(0).integers(0, 6, (37, 53)).astype(np.uint8)
    assert np.array_equal(imagecodecs.png_decode(png.encode(values)), values)
    assert np.array_equal(png.decode(png.encode(values)), values)


def test_png_of_another_kind_or_damaged_is_refused() -> None:
    import imagecodecs

    values = np.zeros((3, 4), np.uint8)
    good = png.encode(values)
    for bad in (
        b"",
        good[:-3],
        good[:40] + bytes([good[40] ^ 1]) + good[41:],
        imagecodecs.png_encode(np.zeros((3, 4, 3), np.uint8)),
    ):
        with pytest.raises(ValueError, match="PNG"):
            png.decode(bad)
