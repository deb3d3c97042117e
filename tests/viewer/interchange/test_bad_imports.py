"""What does not belong to the open series, or is broken, is refused in a sentence, whole."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.errors import PterionError
from viewer.annotation.document import Document
from viewer.dicom.volume import Volume
from viewer.interchange import drawn as drawn_module
from viewer.interchange.drawn import ExchangeError
from viewer.interchange.reading import read_annotations
from viewer.jobs.annotations_out import ENDINGS, FOLDERS, Form, write_annotations

Draw = Callable[[Volume], Document]


def refused(path: Path, volume: Volume) -> str:
    with pytest.raises(PterionError) as caught:
        read_annotations(path, volume.series, volume.spacing_mm)
    return str(caught.value)


def written(form: Form, folder: Path, document: Document, volume: Volume) -> Path:
    out = folder / "out" if form in FOLDERS else folder / f"out{ENDINGS[form][0]}"
    write_annotations(form, out, document, volume)
    return out


@pytest.mark.parametrize("form", Form)
def test_an_export_of_another_study_is_refused(
    form: Form, volumes: dict[str, Volume], drawn: Draw, tmp_path: Path
) -> None:
    volume = volumes["plain"]
    path = written(form, tmp_path, drawn(volume), volume)
    assert "series" in refused(path, volumes["anisotropic"])


def moved(volume: Volume, by_mm: float) -> Volume:
    """The same files, said to lie elsewhere."""
    slices = tuple(
        replace(place, position_mm=(place.position_mm[0] + by_mm, *place.position_mm[1:]))
        for place in volume.series.slices
        if place.position_mm is not None
    )
    return replace(volume, series=replace(volume.series, slices=slices))


@pytest.mark.parametrize("form", [Form.NIFTI, Form.NRRD])
def test_a_volume_that_lies_elsewhere_is_refused(
    form: Form, volume: Volume, drawn: Draw, tmp_path: Path
) -> None:
    path = written(form, tmp_path, drawn(volume), volume)
    read_annotations(path, moved(volume, 0.1).series, volume.spacing_mm)  # rounding
    assert "another grid" in refused(path, moved(volume, 0.5))
    assert "another grid" in refused(path, replace(volume, spacing_mm=(1.0, 1.1)))


def test_a_volume_with_more_slices_than_the_series_is_refused_where_they_are_marked(
    volume: Volume, drawn: Draw, tmp_path: Path
) -> None:
    path = written(Form.NIFTI, tmp_path, drawn(volume), volume)
    series = volume.series
    shorter = replace(series, slices=series.slices[1:], z_mm=series.z_mm[1:], gaps_mm=series.gaps_mm[1:])
    with pytest.raises(ExchangeError, match="lie on no slice"):
        read_annotations(path, shorter, volume.spacing_mm)


def labelme(folder: Path, volume: Volume, **changes: object) -> Path:
    shape = {"label": "SDH", "points": [[1, 1], [9, 1], [9, 9]], "shape_type": "polygon"}
    content = {
        "imagePath": volume.series.slices[1].path.name,
        "imageHeight": 40,
        "imageWidth": 32,
        "shapes": [shape | changes],
    }
    (folder / "a.json").write_text(json.dumps(content))
    return folder / "a.json"


def test_polygons_that_are_none(volume: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "2 points; it needs three" in refused(labelme(tmp_path, volume, points=[[1, 1], [2, 2]]), volume)
    with monkeypatch.context() as patch:
        patch.setattr(drawn_module, "MOST_POINTS", 50)
        many = [[1 + n % 7, 1 + n] for n in range(51)]
        assert "51 points; it needs 50 at most" in refused(labelme(tmp_path, volume, points=many), volume)
    far = [[1, 1], [400, 1], [9, 9]]
    assert "off its image of 32 × 40 pixels" in refused(labelme(tmp_path, volume, points=far), volume)
    odd = [[1, 1], [float("nan"), 1], [9, 9]]
    assert "off its image" in refused(labelme(tmp_path, volume, points=odd), volume)


def test_one_bad_polygon_keeps_the_good_ones_out(volume: Volume, tmp_path: Path) -> None:
    path = labelme(tmp_path, volume)
    content = json.loads(path.read_text())
    content["shapes"].append(content["shapes"][0] | {"points": [[1, 1], [2, 2]]})
    path.write_text(json.dumps(content))
    assert "Nothing was imported" in refused(path, volume)


def test_an_unknown_subtype_is_asked_about(volume: Volume, tmp_path: Path) -> None:
    said = refused(labelme(tmp_path, volume, label="glioma"), volume)
    assert "“glioma”" in said
    assert "Nothing was imported" in said


def test_an_outline_that_crosses_itself_is_repaired_and_told(volume: Volume, tmp_path: Path) -> None:
    """A bow tie of two triangles of 8 px² each: both stay."""
    path = labelme(tmp_path, volume, points=[[1, 1], [9, 9], [9, 1], [1, 9]])
    found = read_annotations(path, volume.series, volume.spacing_mm)
    assert len(found.annotations) == 2
    assert found.remarks == ("1 outline crossed themselves and were repaired.",)


def test_an_image_of_another_size_is_refused(volume: Volume, tmp_path: Path) -> None:
    path = labelme(tmp_path, volume)
    content = json.loads(path.read_text()) | {"imageHeight": 512, "imageWidth": 512}
    path.write_text(json.dumps(content))
    assert "512 × 512" in refused(path, volume)


def test_files_of_no_known_kind(volume: Volume, tmp_path: Path) -> None:
    for name, content in (("a.txt", b"hello"), ("b.json", b"{}"), ("c.bin", b""), ("d.json", b"[1, 2")):
        (tmp_path / name).write_bytes(content)
        assert "none of what can be imported" in refused(tmp_path / name, volume)
    (tmp_path / "empty").mkdir()
    assert "nothing for this series" in refused(tmp_path / "empty", volume)
    assert "does not exist" in refused(tmp_path / "missing.nii", volume)
    assert "neither a DICOM segmentation nor" in refused(volume.series.slices[0].path, volume)


def test_an_image_is_no_label_map(volume: Volume, tmp_path: Path) -> None:
    from viewer.dicom.nifti import write_nifti

    values = np.arange(volume.hu.size).reshape(volume.hu.shape).astype(np.int16)
    write_nifti(tmp_path / "ct.nii", values, volume.series, volume.spacing_mm)
    assert "an image, not a label map" in refused(tmp_path / "ct.nii", volume)


def test_a_series_without_positions_takes_no_volume(volume: Volume, drawn: Draw, tmp_path: Path) -> None:
    path = written(Form.NRRD, tmp_path, drawn(volume), volume)
    slices = tuple(replace(place, position_mm=None) for place in volume.series.slices)
    with pytest.raises(ExchangeError, match="positions of these slices are unknown"):
        read_annotations(path, replace(volume.series, slices=slices), volume.spacing_mm)


@pytest.fixture(scope="module")
def whole_files(volumes: dict[str, Volume], tmp_path_factory: pytest.TempPathFactory) -> dict[Form, bytes]:
    """One file of each kind that is one file, as it should be."""
    from viewer.annotation.document import Annotation

    volume = volumes["plain"]
    ring = ((2.0, 2.0), (9.0, 2.0), (9.0, 7.0))
    hole = ((4.0, 3.0), (6.0, 3.0), (6.0, 4.0))
    place = volume.series.slices[1].sop_uid
    document = Document(
        volume.series.study_uid,
        volume.series.series_uid,
        (Annotation("a", place, 0, "SDH", ring, holes=(hole,)),),
    )
    folder = tmp_path_factory.mktemp("whole")
    return {
        form: written(form, folder, document, volume).read_bytes() for form in Form if form not in FOLDERS
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    form=st.sampled_from([form for form in Form if form not in FOLDERS]),
    at=st.floats(0, 0.999),
    damage=st.binary(min_size=0, max_size=12),
    cut=st.booleans(),
)
def test_damaged_files_end_in_a_sentence_or_are_read(
    whole_files: dict[Form, bytes],
    volume: Volume,
    tmp_path: Path,
    form: Form,
    at: float,
    damage: bytes,
    cut: bool,
) -> None:
    content = whole_files[form]
    place = int(at * len(content))
    end = b"" if cut else content[place + len(damage) :]
    path = tmp_path / f"damaged{ENDINGS[form][0]}"
    path.write_bytes(content[:place] + damage + end)
    try:
        found = read_annotations(path, volume.series, volume.spacing_mm)
    except PterionError:
        return  # any other error fails the test
    assert {a.sop_uid for a in found.annotations} <= {place.sop_uid for place in volume.series.slices}
