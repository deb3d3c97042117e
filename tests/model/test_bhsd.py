"""BHSD in its own layout: small NIfTI pairs of known content in many orientations, and broken ones."""

import gzip
import itertools
import random
import struct
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, ornt_transform

from model.datasets.bhsd import CLASSES, UNPLACED, Bhsd, patient_of, read_pair
from model.datasets.convert import convert
from model.errors import PterionError

NAME = "ID_0219ef88_ID_e5c1a31210"
SHAPE = (5, 8, 6)
"""Slices, rows, columns of the sample that is expected."""
SPACING = (0.5, 0.75)
GAP = 5.0


def expected() -> tuple[npt.NDArray[np.int16], npt.NDArray[np.uint8]]:
    """HU that tell every voxel apart, and labels in the values of BHSD: all five classes in slice 3."""
    hu = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE) - 1000
    labels = np.zeros(SHAPE, np.uint8)
    labels[3, 2, :5] = [1, 2, 3, 4, 5]
    return hu, labels


# Index (slice, row, column) → RAS: slices go up, rows to the back (-A), columns to the left (-R).
SPL = np.array([[0, 0, -SPACING[1], 30], [0, -SPACING[0], 0, 40], [GAP, 0, 0, -20], [0, 0, 0, 1]])


def write(
    path: Path,
    values: npt.NDArray[np.int16] | npt.NDArray[np.uint8],
    codes: tuple[str, ...] = ("L", "P", "S"),
    affine: npt.NDArray[np.float64] = SPL,
) -> None:
    """`values` (slices, rows, columns) as NIfTI whose axes run towards `codes`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    turn = ornt_transform(axcodes2ornt(("S", "P", "L")), axcodes2ornt(codes))
    matrix = affine @ inv_ornt_aff(turn, values.shape)
    nibabel.Nifti1Image(np.ascontiguousarray(apply_orientation(values, turn)), matrix).to_filename(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hu, labels = expected()
    write(tmp_path / "images" / f"{NAME}.nii.gz", hu)
    write(tmp_path / "ground truths" / f"{NAME}.nii.gz", labels)
    return tmp_path


def pair(folder: Path) -> tuple[Path, Path]:
    return folder / "images" / f"{NAME}.nii.gz", folder / "ground truths" / f"{NAME}.nii.gz"


def test_a_pair_becomes_a_sample(folder: Path) -> None:
    sample = read_pair(NAME, *pair(folder))
    hu, _ = expected()
    np.testing.assert_array_equal(sample.hu, hu)
    assert sample.spacing_mm == SPACING
    assert sample.z_mm.tolist() == [0, 5, 10, 15, 20]
    # EDH 1, IPH 2, IVH 3, SAH 4, SDH 5 in the files; EDH 1, SDH 2, SAH 3, IVH 4, IPH 5 here.
    assert sample.labels[3, 2].tolist() == [1, 5, 4, 3, 2, 0]
    assert sample.scores.tolist() == [[0] * 6, [0] * 6, [0] * 6, [1] * 6, [0] * 6]
    assert (sample.patient, sample.source) == ("rsna-ID_0219ef88", "bhsd")


ORIENTATIONS = [
    codes for axes in itertools.permutations(("RL", "AP", "SI")) for codes in itertools.product(*axes)
]


def test_a_volume_is_the_same_in_all_48_orientations(tmp_path: Path) -> None:
    assert len(ORIENTATIONS) == 48
    hu, labels = expected()
    others = random.Random(0).sample(ORIENTATIONS, 48)
    for codes, other in zip(ORIENTATIONS, others, strict=True):
        write(tmp_path / "image.nii", hu, codes)
        write(tmp_path / "label.nii", labels, other)
        sample = read_pair(NAME, tmp_path / "image.nii", tmp_path / "label.nii")
        np.testing.assert_array_equal(sample.hu, hu, str(codes))
        assert sample.labels[3, 2].tolist() == [1, 5, 4, 3, 2, 0], codes
        assert sample.spacing_mm == SPACING


@pytest.mark.parametrize("codes", [("R", "A", "S"), ("L", "P", "S"), ("I", "R", "A"), ("P", "S", "L")])
def test_itk_turns_a_volume_the_same_way(tmp_path: Path, codes: tuple[str, ...]) -> None:
    """ITK reads NIfTI by a library of its own; `LPS` in its words is what we call down, left and up."""
    hu, labels = expected()
    write(tmp_path / "image.nii.gz", hu, codes)
    write(tmp_path / "label.nii.gz", labels, codes)
    sample = read_pair(NAME, tmp_path / "image.nii.gz", tmp_path / "label.nii.gz")
    for name, ours in (("image", sample.hu), ("label", expected()[1])):
        turned = SimpleITK.DICOMOrient(SimpleITK.ReadImage(str(tmp_path / f"{name}.nii.gz")), "LPS")
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(turned), ours)
    assert turned.GetSpacing() == pytest.approx((SPACING[1], SPACING[0], GAP))


def test_slices_of_a_tilted_gantry_are_as_far_apart_as_their_planes(tmp_path: Path) -> None:
    hu, labels = expected()
    sheared = SPL.copy()
    sheared[1, 0] = 1.5  # each slice also 1.5 mm to the front: the planes stay 5 mm apart
    turned = np.diag([1.0, np.cos(0.3), np.cos(0.3), 1.0])
    turned[1, 2], turned[2, 1] = -np.sin(0.3), np.sin(0.3)
    for matrix in (sheared, turned @ sheared):
        write(tmp_path / "image.nii", hu, affine=matrix)
        write(tmp_path / "label.nii", labels, affine=matrix)
        sample = read_pair(NAME, tmp_path / "image.nii", tmp_path / "label.nii")
        np.testing.assert_allclose(sample.z_mm, [0, 5, 10, 15, 20], atol=1e-5)
        np.testing.assert_array_equal(sample.hu, hu)


def test_stored_values_are_rescaled(tmp_path: Path, folder: Path) -> None:
    hu, _ = expected()
    write(tmp_path / "scaled.nii", hu)
    data = bytearray((tmp_path / "scaled.nii").read_bytes())
    struct.pack_into("<ff", data, 112, 2.0, -24.0)  # scl_slope and scl_inter of nifti1.h
    (tmp_path / "scaled.nii").write_bytes(data)
    sample = read_pair(NAME, tmp_path / "scaled.nii", pair(folder)[1])
    np.testing.assert_array_equal(sample.hu, 2 * hu - 24)


def test_a_volume_that_does_not_say_how_it_lies_is_noted(tmp_path: Path, folder: Path) -> None:
    assert read_pair(NAME, *pair(folder)).provenance["notes"] == []
    for name, path in zip(("image.nii", "label.nii"), pair(folder), strict=True):
        data = bytearray(gzip.decompress(path.read_bytes()))
        struct.pack_into("<hh", data, 252, 0, 0)  # qform_code and sform_code of nifti1.h
        (tmp_path / name).write_bytes(data)
    sample = read_pair(NAME, tmp_path / "image.nii", tmp_path / "label.nii")
    assert sample.provenance["notes"] == [UNPLACED]
    assert sample.spacing_mm == SPACING


def test_the_folder_is_a_source_of_samples(folder: Path, tmp_path: Path) -> None:
    made = convert(Bhsd(folder), tmp_path / "set")
    assert [(e.file, e.patient, e.subtypes) for e in made.entries] == [
        (
            f"bhsd-{NAME}.nii.gz".replace(".nii.gz", ".npz"),
            "rsna-ID_0219ef88",
            ("EDH", "SDH", "SAH", "IVH", "IPH"),
        )
    ]


def test_the_layout_of_nnunet_is_known_too(tmp_path: Path) -> None:
    hu, labels = expected()
    write(tmp_path / "imagesTr" / "case_001_0000.nii.gz", hu)
    write(tmp_path / "labelsTr" / "case_001.nii.gz", labels)
    assert list(Bhsd(tmp_path).items()) == ["case_001"]


def test_a_patient_is_the_one_of_rsna_where_the_name_tells() -> None:
    assert patient_of("ID_0219ef88_ID_e5c1a31210") == "rsna-ID_0219ef88"
    assert patient_of("case_001") == "bhsd-case_001"
    assert patient_of("ID_0219ef88ab") == "bhsd-ID_0219ef88ab"


def test_the_five_classes_are_ours() -> None:
    assert sorted(CLASSES.values()) == ["EDH", "IPH", "IVH", "SAH", "SDH"]


def test_missing_folders_volumes_and_halves_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "images" / "ID_ffffffff.nii.gz").touch()
    with pytest.raises(PterionError, match="ID_ffffffff is missing in ground truths"):
        Bhsd(folder).items()
    (folder / "images" / "ID_ffffffff.nii.gz").unlink()
    pair(folder)[0].unlink()
    with pytest.raises(PterionError, match="images holds no"):
        Bhsd(folder).items()
    (tmp_path / "empty").mkdir()
    with pytest.raises(PterionError, match="empty holds neither images and ground truths"):
        Bhsd(tmp_path / "empty").items()


def test_a_volume_that_is_there_twice_is_named(folder: Path) -> None:
    hu, _ = expected()
    write(folder / "images" / f"{NAME}.nii", hu)
    with pytest.raises(PterionError, match=rf"images holds {NAME}\.nii and {NAME}\.nii\.gz, one volume"):
        Bhsd(folder).items()


@pytest.mark.parametrize("change", ["moved", "longer", "spaced"])
def test_labels_off_the_grid_are_refused(folder: Path, change: str) -> None:
    _, labels = expected()
    affine = SPL.copy()
    if change == "moved":
        affine[0, 3] += 0.4
    elif change == "longer":
        labels = np.zeros((6, 8, 6), np.uint8)
    else:
        affine[2, 0] = 4.8
    write(pair(folder)[1], labels, affine=affine)
    with pytest.raises(PterionError, match=f"labels of {NAME} lie on another grid"):
        read_pair(NAME, *pair(folder))


def test_strange_labels_and_volumes_that_are_not_in_hu_are_refused(folder: Path) -> None:
    hu, labels = expected()
    labels[0, 0, 0] = 6
    write(pair(folder)[1], labels)
    with pytest.raises(PterionError, match="holds the label 6"):
        read_pair(NAME, *pair(folder))
    write(pair(folder)[0], (hu + 1000).astype(np.int16))
    with pytest.raises(PterionError, match="not in HU"):
        read_pair(NAME, *pair(folder))


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("damage", ["cut", "empty", "text", "flipped"])
def test_a_damaged_file_is_named(folder: Path, part: int, damage: str) -> None:
    path = pair(folder)[part]
    data = path.read_bytes()
    flipped = bytes([*data[:60], data[60] ^ 255, *data[61:]])
    path.write_bytes({"cut": data[:-40], "empty": b"", "text": b"not a volume", "flipped": flipped}[damage])
    with pytest.raises(PterionError, match=r"ID_0219ef88_ID_e5c1a31210\.nii\.gz cannot be read"):
        read_pair(NAME, *pair(folder))


def test_a_volume_that_claims_too_much_takes_no_memory(tmp_path: Path, folder: Path) -> None:
    hu, _ = expected()
    write(tmp_path / "huge.nii", hu)
    data = bytearray((tmp_path / "huge.nii").read_bytes())
    data[42:48] = (30000).to_bytes(2, "little") * 3  # dim[1..3] of nifti1.h
    (tmp_path / "huge.nii").write_bytes(data)
    with pytest.raises(PterionError, match="it has the shape"):
        read_pair(NAME, tmp_path / "huge.nii", pair(folder)[1])


def test_a_damaged_header_is_told_and_never_a_bug(folder: Path, tmp_path: Path) -> None:
    hu, _ = expected()
    write(tmp_path / "image.nii", hu)
    whole, chance = (tmp_path / "image.nii").read_bytes(), random.Random(0)
    told = 0
    for _ in range(150):
        data = bytearray(whole)
        data[chance.randrange(352)] = chance.choice((0, 1, 127, 128, 255))
        (tmp_path / "image.nii").write_bytes(data)
        try:
            read_pair(NAME, tmp_path / "image.nii", pair(folder)[1])
        except PterionError:
            told += 1
    assert told > 15
