"""What is exported comes back: pixel by pixel, in every format and every geometry that the format can hold."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.errors import PterionError
from model.labels import CODES
from viewer.annotation.document import Document
from viewer.dicom.volume import Volume
from viewer.interchange.drawn import ExchangeError, not_there_yet
from viewer.interchange.reading import read_annotations
from viewer.jobs import annotations_out
from viewer.jobs.agreement import subtype_masks
from viewer.jobs.annotations_out import FOLDERS, ONE_LABEL, Form, drawn_by, label_maps, write_annotations

Draw = Callable[[Volume], Document]
EVERYWHERE = ("plain", "anisotropic", "flipped", "tilted gantry", "coronal", "uneven")
EVEN_ONLY = (Form.NIFTI, Form.NRRD)


def place(form: Form, folder: Path) -> Path:
    return folder / "out" if form in FOLDERS else folder / f"out{annotations_out.ENDINGS[form][0]}"


def back(path: Path, volume: Volume) -> Document:
    found = read_annotations(path, volume.series, volume.spacing_mm)
    return Document(volume.series.study_uid, volume.series.series_uid, found.annotations, found.clean)


@pytest.mark.parametrize("geometry", EVERYWHERE)
@pytest.mark.parametrize("form", Form)
def test_masks_come_back_pixel_by_pixel(
    form: Form, geometry: str, volumes: dict[str, Volume], drawn: Draw, tmp_path: Path
) -> None:
    volume, out = volumes[geometry], place(form, tmp_path)
    document = drawn(volume)
    if form in EVEN_ONLY and geometry == "uneven":
        with pytest.raises(PterionError, match=r"one distance|off"):
            write_annotations(form, out, document, volume)
        assert not out.exists()
        return
    write_annotations(form, out, document, volume)
    again = back(out, volume)
    if form in ONE_LABEL:
        np.testing.assert_array_equal(label_maps(again, volume), label_maps(document, volume))
    else:
        for code in CODES:
            here, there = (subtype_masks(d, volume.series.slices, code) for d in (document, again))
            np.testing.assert_array_equal(there, here, err_msg=code)
    assert list(tmp_path.iterdir()) == [out]  # nothing is left beside it


@pytest.mark.parametrize("form", [Form.COCO, Form.LABELME])
def test_polygons_without_holes_keep_every_point(
    form: Form, volume: Volume, drawn: Draw, tmp_path: Path
) -> None:
    document = drawn(volume)
    write_annotations(form, place(form, tmp_path), document, volume)
    again = back(place(form, tmp_path), volume)
    plain = {a.outline for a in document.annotations if not a.holes}
    assert plain <= {a.outline for a in again.annotations}


@pytest.mark.parametrize("form", [Form.PNG, Form.NPZ, Form.COCO])
def test_slices_without_hemorrhage_come_back(form: Form, volume: Volume, drawn: Draw, tmp_path: Path) -> None:
    write_annotations(form, place(form, tmp_path), drawn(volume), volume)
    assert back(place(form, tmp_path), volume).reviewed_slices == {volume.series.slices[4].sop_uid}


def test_coco_keeps_where_an_annotation_came_from(volume: Volume, drawn: Draw, tmp_path: Path) -> None:
    write_annotations(Form.COCO, tmp_path / "a.json", drawn(volume), volume)
    again = back(tmp_path / "a.json", volume)
    assert [(a.subtype, a.source, a.model_id) for a in again.annotations] == [
        ("SDH", "manual", ""),
        ("SDH", "manual", ""),
        ("IPH", "model", "m1"),
        ("EDH", "model edited", "m1"),
    ]


def test_what_is_there_already_is_not_added_twice(volume: Volume, drawn: Draw, tmp_path: Path) -> None:
    document = drawn(volume)
    write_annotations(Form.COCO, tmp_path / "a.json", document, volume)
    found = read_annotations(tmp_path / "a.json", volume.series, volume.spacing_mm)
    assert [a.subtype for a in not_there_yet(document, found.annotations)] == [
        "SDH"
    ]  # the one that became pixels
    assert not_there_yet(back(tmp_path / "a.json", volume), found.annotations) == ()


def test_files_say_that_they_are_for_research(volume: Volume, drawn: Draw, tmp_path: Path) -> None:
    for form in (Form.COCO, Form.LABELME, Form.PNG):
        paths = write_annotations(form, place(form, tmp_path), drawn(volume), volume)
        notes = [path.read_text("utf-8") for path in paths if path.suffix == ".json"]
        assert notes
        assert all("Research use only" in note for note in notes)


def test_an_export_that_reads_back_otherwise_is_refused_and_leaves_nothing(
    volume: Volume, drawn: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that flips one run: the file before stays as it was."""
    out = tmp_path / "a.json"
    write_annotations(Form.COCO, out, drawn(volume), volume)
    before = out.read_bytes()
    honest = annotations_out._MAKERS[Form.COCO]

    def spoilt(path: Path, document: Document, volume_: Volume) -> None:
        honest(path, document, volume_)
        content = json.loads(path.read_text())
        content["annotations"][1]["segmentation"][0][0] += 3.0
        path.write_text(json.dumps(content))

    monkeypatch.setitem(annotations_out._MAKERS, Form.COCO, spoilt)
    with pytest.raises(ExchangeError, match="did not read back"):
        write_annotations(Form.COCO, out, drawn(volume), volume)
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


def test_nothing_to_export_is_said(volume: Volume, tmp_path: Path) -> None:
    series = volume.series
    with pytest.raises(ExchangeError, match="no annotations"):
        write_annotations(
            Form.NIFTI, tmp_path / "a.nii", Document(series.study_uid, series.series_uid), volume
        )
    assert list(tmp_path.iterdir()) == []


def test_how_a_segment_came_to_be_is_said_in_dicoms_words(volume: Volume, drawn: Draw) -> None:
    a, b, c, d = drawn(volume).annotations
    assert drawn_by([a, b]) == ("MANUAL", "")
    assert drawn_by([c]) == ("AUTOMATIC", "m1")
    assert drawn_by([c, d]) == ("SEMIAUTOMATIC", "m1")
    assert drawn_by([a, c]) == ("SEMIAUTOMATIC", "m1")
