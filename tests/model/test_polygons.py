"""Rendered slices with traced polygons, in the layout in which they are published, written here with known content."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest

from model.datasets.convert import convert
from model.datasets.polygons import Polygons
from model.datasets.renders import WINDOWS, polygons_mask
from model.errors import PterionError
from model.labels import NOT_REVIEWED, UNKNOWN_SUBTYPE
from model.sample import Sample

SIZE = 64
COLUMNS = ("Image", "any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
SQUARE = [{"x": 0.25, "y": 0.5}, {"x": 0.5, "y": 0.5}, {"x": 0.5, "y": 0.75}, {"x": 0.25, "y": 0.75}]
"""Columns 16..31, rows 32..47 of 64: 256 pixels."""
CORNER = [{"x": 0.0, "y": 0.0}, {"x": 0.125, "y": 0.0}, {"x": 0.125, "y": 0.125}, {"x": 0.0, "y": 0.125}]
"""Columns and rows 0..7: 64 pixels."""
HALF = [{"x": 0.25, "y": 0.5}, {"x": 0.375, "y": 0.5}, {"x": 0.375, "y": 0.75}, {"x": 0.25, "y": 0.75}]
"""The left half of the square: columns 16..23."""


def slice_hu() -> npt.NDArray[np.float64]:
    """Air, a skull of 1000 HU, a ramp of brain from 5 to 75 HU, and a patch of 150 HU."""
    hu = np.full((SIZE, SIZE), -1000.0)
    hu[4:60, 4:60] = 1000
    hu[6:58, 6:58] = np.linspace(5, 75, 52)
    hu[10:14, 10:14] = 150
    return hu


def render(path: Path, window: tuple[float, float]) -> None:
    level, width = window
    grey = np.clip(np.rint((slice_hu() - level + width / 2) / width * 255), 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(imagecodecs.jpeg8_encode(grey, level=100))


Publish = Callable[..., Path]


@pytest.fixture
def publish(tmp_path: Path) -> Publish:
    """Write the set: `images` {id: (type, present subtypes)}, `results` {file: [(id, correct, majority, all)]}."""
    root = tmp_path / "set"

    def write(
        images: dict[str, tuple[str, str]],
        results: dict[str, list[tuple[str, object, object, object]]] | None = None,
        flagged: str = "",
    ) -> Path:
        for image, (kind, _) in images.items():
            for window in ("brain_window", "subdural_window", "brain_bone_window"):
                render(root / "renders" / kind / window / f"{image}.jpg", WINDOWS[window])
            render(root / "renders" / kind / "max_contrast_window" / f"{image}.jpg", (300, 4000))
        with (root / "hemorrhage-labels.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for image, (_, present) in images.items():
                flags = [int(name in present.split()) for name in COLUMNS[2:]]
                writer.writerow([image, max(flags), *flags])
        (root / "segmentation").mkdir(exist_ok=True)
        for name, rows in (results or {"Results_Epidural Hemorrhage Detection_2020-11-16.csv": []}).items():
            with (root / "segmentation" / name).open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(
                    ("Case ID", "Origin", "Correct Label", "Majority Label", "All Labels", "Agreement")
                )
                for number, (image, *labels) in enumerate(rows):
                    texts = [text if isinstance(text, str) else json.dumps(text) for text in labels]
                    writer.writerow((number, f"{image}.jpg", *texts, "1"))
        if flagged:
            (root / "flagged.txt").write_text(flagged)
        return root

    return write


EDH = "Results_Epidural Hemorrhage Detection_2020-11-16.csv"


def only(source: Polygons) -> Sample:
    ((item, content),) = source.items().items()
    (sample,) = source.read(item, content)
    return sample


def test_hu_come_back_from_the_windows_as_far_as_they_reach(publish: Publish) -> None:
    sample = only(Polygons(publish({"ID_000000001": ("normal", "")})))
    expected = slice_hu()
    brain = np.zeros((SIZE, SIZE), np.bool_)
    brain[8:56, 8:56] = True
    brain[8:17, 8:17] = False  # near the patch JPEG rings
    assert np.abs(sample.hu[0][brain] - expected[brain]).max() <= 2
    assert abs(int(sample.hu[0, 12, 12]) - 150) <= 3  # beyond the brain window: from 100/254
    assert sample.hu[0, 0, 0] == -800  # the widest window ends there
    assert abs(int(sample.hu[0, 30, 4]) - 1000) <= 25
    assert sample.provenance["windows"] == ["brain_bone_window", "brain_window", "subdural_window"]
    assert not sample.labels.any()
    assert sample.scores.tolist() == [[0] * 6]


def test_a_correct_label_becomes_the_mask_of_its_subtype(publish: Publish) -> None:
    root = publish({"ID_00000000a": ("epidural", "epidural")}, {EDH: [("ID_00000000a", SQUARE, CORNER, [])]})
    sample = only(Polygons(root))
    expected = np.zeros((SIZE, SIZE), np.uint8)
    expected[32:48, 16:32] = 1
    np.testing.assert_array_equal(sample.labels[0], expected)
    assert sample.scores.tolist() == [[1, 1, 0, 0, 0, 0]]
    assert sample.spacing_mm == (0.488, 0.488)
    assert sample.provenance["drawn_by"] == "Correct Label"


def test_scores_come_in_our_order(publish: Publish) -> None:
    root = publish({"ID_00000000a": ("multi", "intraparenchymal subarachnoid")})
    assert only(Polygons(root)).scores.tolist() == [[1, 0, 0, 1, 0, 1]]


def test_the_better_kind_of_reading_counts_and_all_its_rows(publish: Publish) -> None:
    rows = [("ID_00000000a", "[]", CORNER, []), ("ID_00000000a", "", SQUARE, [])]
    sample = only(Polygons(publish({"ID_00000000a": ("epidural", "epidural")}, {EDH: rows})))
    assert (sample.labels == 1).sum() == 256 + 64
    root = publish(
        {"ID_00000000a": ("epidural", "epidural")}, {EDH: [*rows, ("ID_00000000a", SQUARE, CORNER, [])]}
    )
    assert (only(Polygons(root)).labels == 1).sum() == 256


def test_of_all_readers_the_majority_counts(publish: Publish) -> None:
    # Three readers: the square, its left half and a corner, nothing. Two of three drew the left half only.
    readings = [[SQUARE], [HALF, CORNER], []]
    for text in (json.dumps(readings), json.dumps([json.dumps(each) for each in readings])):
        root = publish({"ID_00000000a": ("epidural", "epidural")}, {EDH: [("ID_00000000a", "", "[]", text)]})
        labels = only(Polygons(root)).labels[0]
        assert (labels == 1).sum() == 128
        assert labels[32:48, 16:24].all()


def test_half_of_the_readers_are_no_majority() -> None:
    assert polygons_mask(json.dumps([[SQUARE], []]), (SIZE, SIZE), "x", readers=True).sum() == 0
    assert polygons_mask(json.dumps([[SQUARE]]), (SIZE, SIZE), "x", readers=True).sum() == 256


def test_single_quotes_and_a_flat_list_are_understood() -> None:
    text = str(SQUARE)
    assert "'" in text
    assert polygons_mask(text, (SIZE, SIZE), "x", readers=False).sum() == 256
    assert polygons_mask(text, (SIZE, SIZE), "x", readers=True).sum() == 256
    assert polygons_mask(str([SQUARE, CORNER]), (SIZE, SIZE), "x", readers=False).sum() == 320


def test_the_subtype_of_a_mask_is_unknown_where_a_slice_has_several(publish: Publish) -> None:
    rows = [("ID_00000000a", SQUARE, "", "")]
    root = publish(
        {"ID_00000000a": ("multi", "epidural subdural")}, {"Results_Multiple Hemorrhage Detection.csv": rows}
    )
    labels = only(Polygons(root)).labels
    assert np.unique(labels).tolist() == [0, UNKNOWN_SUBTYPE]
    assert (labels == UNKNOWN_SUBTYPE).sum() == 256


def test_a_bleeding_slice_that_nobody_traced_is_not_reviewed(publish: Publish) -> None:
    sample = only(Polygons(publish({"ID_00000000a": ("subdural", "subdural")})))
    assert np.unique(sample.labels).tolist() == [NOT_REVIEWED]
    assert sample.scores.tolist() == [[1, 0, 1, 0, 0, 0]]


def test_flagged_and_corrupt_images_are_left_out(publish: Publish) -> None:
    images = {"ID_00000000a": ("normal", ""), "ID_00000000b": ("normal", ""), "ID_6431af929": ("normal", "")}
    assert list(Polygons(publish(images, flagged="ID_00000000b.jpg\n\n")).items()) == ["ID_00000000a"]


def test_the_set_becomes_a_data_set_with_its_patients(publish: Publish, tmp_path: Path) -> None:
    root = publish({"ID_00000000a": ("normal", ""), "ID_00000000b": ("normal", "")})
    table = tmp_path / "patients.csv"
    table.write_text("Image,PatientID\nID_00000000a,ID_0219ef88\n")
    made = convert(Polygons(root, table), tmp_path / "out")
    assert [(entry.file, entry.patient) for entry in made.entries] == [
        ("polygons-ID_00000000a.npz", "rsna-ID_0219ef88"),
        ("polygons-ID_00000000b.npz", "polygons-ID_00000000b"),
    ]


@pytest.mark.parametrize(
    ("kind", "present", "sentence"),
    [
        ("normal", "epidural", "is in renders/normal, but .* says epidural"),
        ("multi", "epidural", "is in renders/multi, but .* says epidural"),
        ("subdural", "epidural", "is in renders/subdural, but .* says epidural"),
        ("epidural", "", "is in renders/epidural, but .* says no bleed"),
    ],
)
def test_a_folder_that_contradicts_the_table_is_told(
    publish: Publish, tmp_path: Path, kind: str, present: str, sentence: str
) -> None:
    images = {"ID_00000000a": (kind, present), "ID_00000000b": ("normal", "")}
    made = convert(Polygons(publish(images)), tmp_path / "out")
    assert len(made) == 1
    ((item, text),) = made.skipped
    assert item == "ID_00000000a"
    assert re.search(sentence, text)


def test_an_image_in_two_folders_is_told(publish: Publish) -> None:
    root = publish({"ID_00000000a": ("epidural", "epidural")})
    render(root / "renders" / "multi" / "brain_window" / "ID_00000000a.jpg", (40, 80))
    with pytest.raises(PterionError, match="ID_00000000a is in renders/epidural and in renders/multi"):
        only(Polygons(root))


def test_a_tracing_that_contradicts_the_table_is_told(publish: Publish) -> None:
    root = publish({"ID_00000000a": ("subdural", "subdural")}, {EDH: [("ID_00000000a", SQUARE, "", "")]})
    with pytest.raises(PterionError, match=r"traces epidural in ID_00000000a, but .* names none"):
        only(Polygons(root))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            [{"x": 0.2, "y": 0.2}, {"x": 1.4, "y": 0.3}, {"x": 0.5, "y": 0.5}],
            r"reaches \(1\.4, 0\.3\), off the image",
        ),
        ([{"x": "nan", "y": 0.2}, {"x": 0.4, "y": 0.3}, {"x": 0.5, "y": 0.5}], "off the image"),
        ("{not json", "cannot be read"),
        ('{"vertices": 3}', "cannot be read"),
        ("[" * 100000 + "1", "cannot be read"),
    ],
)
def test_polygons_that_are_none_are_told(publish: Publish, text: object, sentence: str) -> None:
    root = publish({"ID_00000000a": ("epidural", "epidural")}, {EDH: [("ID_00000000a", text, "", "")]})
    with pytest.raises(PterionError, match=sentence):
        only(Polygons(root))


def test_renders_of_another_window_are_told_with_the_one_they_show(publish: Publish) -> None:
    root = publish({"ID_00000000a": ("normal", "")})
    render(root / "renders" / "normal" / "subdural_window" / "ID_00000000a.jpg", (80, 200))
    with pytest.raises(
        PterionError, match=r"subdural_window of ID_00000000a .* about (79|80|81), (199|200|201)\. Say"
    ):
        only(Polygons(root))
    sample = only(Polygons(root, windows=WINDOWS | {"subdural_window": (80, 200)}))
    assert abs(int(sample.hu[0, 12, 12]) - 150) <= 3


def test_missing_files_and_rows_are_named(publish: Publish, tmp_path: Path) -> None:
    root = publish({"ID_00000000a": ("normal", "")})
    (root / "hemorrhage-labels.csv").write_text(",".join(COLUMNS) + "\n")
    with pytest.raises(PterionError, match=r"hemorrhage-labels\.csv has no row for ID_00000000a"):
        only(Polygons(root))
    (root / "hemorrhage-labels.csv").write_text("Image,any\n")
    with pytest.raises(PterionError, match=r"hemorrhage-labels\.csv has no column epidural"):
        Polygons(root).items()
    (root / "hemorrhage-labels.csv").unlink()
    with pytest.raises(PterionError, match=r"hemorrhage-labels\.csv is missing in set"):
        Polygons(root).items()
    publish({"ID_00000000a": ("normal", "")})
    (root / "segmentation" / EDH).unlink()
    with pytest.raises(PterionError, match="set holds no segmentation/Results"):
        Polygons(root).items()
    with pytest.raises(PterionError, match="holds no renders"):
        Polygons(tmp_path).items()


def test_a_row_twice_with_different_values_is_named(publish: Publish) -> None:
    root = publish({"ID_00000000a": ("normal", "")})
    with (root / "hemorrhage-labels.csv").open("a") as file:
        file.write("ID_00000000a,0,0,0,0,0,0\n")
    assert len(Polygons(root).items()) == 1
    with (root / "hemorrhage-labels.csv").open("a") as file:
        file.write("ID_00000000a,1,1,0,0,0,0\n")
    assert "ID_00000000a is twice" in str(Polygons(root).items()["ID_00000000a"])
    with (root / "hemorrhage-labels.csv").open("w") as file:
        file.write(",".join(COLUMNS) + "\nID_00000000a,0,1,0,0,0,0\n")
    with pytest.raises(
        PterionError, match=r"row of ID_00000000a in hemorrhage-labels\.csv contradicts itself"
    ):
        only(Polygons(root))


def test_a_cut_render_and_one_of_another_size_are_named(publish: Publish) -> None:
    root = publish({"ID_00000000a": ("normal", "")})
    path = root / "renders" / "normal" / "brain_window" / "ID_00000000a.jpg"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PterionError, match=r"brain_window/ID_00000000a\.jpg is not a readable JPEG"):
        only(Polygons(root))
    path.write_bytes(imagecodecs.jpeg8_encode(np.zeros((8, 8), np.uint8)))
    with pytest.raises(PterionError, match="renders of ID_00000000a differ in size"):
        only(Polygons(root))
