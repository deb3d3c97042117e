"""`pterion annotations` and `pterion library`: what a reader drew goes out in every form and comes back the same."""

import json
from pathlib import Path

import numpy as np
import pytest

from viewer.annotation.document import Annotation, Document
from viewer.annotation.raster import slice_labels
from viewer.cli import main
from viewer.cli.annotations import FORMS
from viewer.dicom.scan import scan
from viewer.dicom.series import Series
from viewer.jobs.annotations_in import FORMS as KNOWN
from viewer.jobs.annotations_out import FOLDERS, Form
from viewer.library.store import Library

SQUARE = ((30.0, 60.0), (42.0, 60.0), (42.0, 70.0), (30.0, 70.0))
ENDINGS = {"nifti": "out.nii.gz", "nrrd": "out.seg.nrrd", "dicom-seg": "out.dcm", "coco": "out.json"}


@pytest.fixture
def series(phantom_series: Path) -> Series:
    return scan([phantom_series]).studies[0].series[0]


@pytest.fixture
def drawn(series: Series, tmp_path: Path) -> Path:
    """A library with an SDH of 12 × 10 pixels on slice 3."""
    library = Library(tmp_path / "library")
    square = Annotation("a", series.slices[3].sop_uid, 0, "SDH", SQUARE)
    document = Document(series.study_uid, series.series_uid, (square,))
    library.save_document(document, action="draw SDH", reader="r")
    library.close()
    return tmp_path / "library"


def test_every_form_can_be_asked_for() -> None:
    assert tuple(KNOWN) == FORMS
    assert set(KNOWN.values()) == set(Form)


@pytest.mark.parametrize("form", FORMS)
def test_what_one_library_exports_another_imports(
    form: str,
    series: Series,
    drawn: Path,
    phantom_series: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / ENDINGS.get(form, "out")
    asked = ["annotations", "export", form, str(out), str(phantom_series), "--library", str(drawn), "--json"]
    assert main(asked) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["annotations"] == 1
    assert all(Path(name).is_file() for name in written["files"])
    assert (KNOWN[form] in FOLDERS) == out.is_dir()
    other = tmp_path / "other"
    into = ["annotations", "import", str(out), str(phantom_series), "--library", str(other)]
    assert main([*into, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["added"] == 1
    assert main(into) == 0
    assert "1 were there already" in capsys.readouterr().out
    library = Library(other)
    document = library.load_document(series.study_uid, series.series_uid)
    (entry,) = library.journal(series.series_uid, study_uid=series.study_uid)
    library.close()
    labels = slice_labels(document, series.slices[3].sop_uid, (128, 96))
    wanted = np.zeros((128, 96), np.uint8)
    wanted[60:70, 30:42] = 2
    assert np.array_equal(labels, wanted)
    assert entry.action == f"import {out.name}"


def test_names_that_nobody_knows_are_asked_for(
    series: Series, phantom_series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = {"label": "hematoma", "points": [[30, 60], [42, 60], [42, 70]], "shape_type": "polygon"}
    note = {"shapes": [shape], "imagePath": series.slices[3].path.name, "imageHeight": 128, "imageWidth": 96}
    file = tmp_path / "a.json"
    file.write_text(json.dumps(note))
    asked = ["annotations", "import", str(file), str(phantom_series), "--library", str(tmp_path / "library")]
    assert main([*asked, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "NAMES_WANTED"
    assert main([*asked, "--name", "hematoma=IPH"]) == 0
    assert "1 added" in capsys.readouterr().out
    assert main([*asked, "--name", "hematoma="]) == 1
    assert "holds nothing for this series" in capsys.readouterr().err
    assert main([*asked, "--name", "hematoma=XYZ"]) == 2
    assert "NAME=CODE" in capsys.readouterr().err


def test_a_library_goes_to_a_folder_and_comes_back(
    series: Series, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, other = str(tmp_path / "folder"), tmp_path / "other"
    assert main(["library", "export", folder, "--library", str(drawn)]) == 0
    assert "1 reading with 1 edit in" in capsys.readouterr().out
    assert main(["library", "import", folder, "--library", str(other), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["edits"] == 1
    library = Library(other)
    (square,) = library.load_document(series.study_uid, series.series_uid).annotations
    library.close()
    assert square.outline == SQUARE
    assert main(["library", "export", folder, "--library", str(drawn)]) == 1
    assert "not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["annotations", "export", "coco", "out.json", "PATH"], ["library", "export", "o"]]
)
def test_looking_into_a_library_that_is_not_there_makes_none(
    command: list[str], phantom_series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [str(phantom_series) if word == "PATH" else word for word in command]
    assert main([*asked, "--library", str(tmp_path / "none")]) == 1
    assert "There is no library in none" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_nothing_drawn_is_nothing_exported(
    phantom_series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Library(tmp_path).close()
    asked = ["annotations", "export", "coco", str(tmp_path / "o.json"), str(phantom_series)]
    assert main([*asked, "--library", str(tmp_path)]) == 1
    assert "no annotations in this series" in capsys.readouterr().err
    assert not (tmp_path / "o.json").exists()
