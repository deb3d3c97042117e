"""BHSD (B. Wu et al., MLMI 2023, doi:10.1007/978-3-031-45673-2_15): pairs of NIfTI volumes in HU and labels → Sample.

Layouts: `images` and `ground truths`, as `label_192.zip` unpacks, or nnU-Net's `imagesTr` (with `_0000`) and
`labelsTr`. A label volume has the values of `CLASSES`. Volumes may lie in any of the 48 orientations, and image and
label in different ones; the affine decides (nifti1.h, sform before qform). File names begin with the patient's ID in
RSNA 2019, of which BHSD is a part: the pseudonym is the one that `pterion data rsna` gives.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.datasets.names import rsna_patient
from model.errors import PterionError
from model.labels import BY_CODE
from model.sample import Sample, slice_scores

LICENCE = "MIT, B. Wu et al., BHSD; images: RSNA 2019"
CLASSES = {1: "EDH", 2: "IPH", 3: "IVH", 4: "SAH", 5: "SDH"}
"""Values in the label files: alphabetical, as the data set's authors number them for their MBH-Seg 2025 challenge
(dataset.json of its nnU-Net baseline)."""

UNPLACED = (
    "The file does not say how the volume lies in the patient; left and right are taken as NIfTI's default."
)
_DAMAGED = (OSError, EOFError, ValueError, TypeError, OverflowError, zlib.error)
_PAIRS = (
    ("images", "ground truths"),
    ("images", "ground_truths"),
    ("images", "labels"),
    ("imagesTr", "labelsTr"),
)
_MAGIC = (b"n+1", b"ni1")
_FLAT = 0.01
"""Share of a box's volume below which three axes are taken to lie in one plane."""
_SAME_MM = 0.1
_AIR_HU = -200
_MAX_VOXELS = 1 << 29


@dataclass(frozen=True)
class Bhsd:
    """The folder as a source of samples, one a volume."""

    folder: Path
    command = "bhsd"

    @property
    def options(self) -> dict[str, Any]:
        """Nothing but the data decides what comes out."""
        return {}

    def items(self) -> dict[str, tuple[Path, Path]]:
        """Image and label file by the volume's name. Raises PterionError where the folders or labels are missing."""
        for images, labels in _PAIRS:
            if (self.folder / images).is_dir() and (self.folder / labels).is_dir():
                return _pairs(self.folder / images, self.folder / labels)
        wanted = ", or ".join(f"{images} and {labels}" for images, labels in _PAIRS)
        raise PterionError(f"{self.folder.name} holds neither {wanted}. Choose the folder that holds them.")

    def read(self, item: str, content: tuple[Path, Path], /) -> Iterator[Sample]:
        """The one sample of a pair. Raises as `read_pair` does."""
        yield read_pair(item, *content)


def _pairs(images: Path, labels: Path) -> dict[str, tuple[Path, Path]]:
    found, drawn = _named(images, "_0000"), _named(labels, "")
    alone = sorted(set(found) ^ set(drawn))
    if not found:
        raise PterionError(f"{images.name} holds no .nii or .nii.gz volumes. Unpack the data set again.")
    if alone:
        where = labels.name if alone[0] in found else images.name
        raise PterionError(
            f"{alone[0]} is missing in {where}. Unpack the data set again, or remove its other half."
        )
    return {name: (found[name], drawn[name]) for name in sorted(found)}


def _named(folder: Path, ending: str) -> dict[str, Path]:
    """The volumes of a folder by name. Raises PterionError where two have one name."""
    found: dict[str, Path] = {}
    for path in _volumes(folder):
        other = found.setdefault(_stem(path).removesuffix(ending), path)
        if other != path:
            raise PterionError(
                f"{folder.name} holds {other.name} and {path.name}, one volume. Remove one of them."
            )
    return found


def _volumes(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.name.endswith((".nii", ".nii.gz")) and path.name[0] != "."
    )


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def read_pair(name: str, image: Path, label: Path) -> Sample:
    """One image with its labels as a sample: slices from the base up, rows towards the back, columns to the left.

    Raises PterionError where a file is damaged, is not in HU, holds other labels, or the two differ in place.
    """
    picture, mask = _read(image), _read(label)
    hu, affine, drawn, label_affine = picture.values, picture.affine, mask.values, mask.affine
    if (
        drawn.shape != hu.shape
        or np.abs(_corners(affine, hu.shape) - _corners(label_affine, hu.shape)).max() > _SAME_MM
    ):
        raise PterionError(
            f"The labels of {name} lie on another grid than its image: {_text(drawn, label_affine)} and "
            f"{_text(hu, affine)}. Get the pair again."
        )
    if not np.isfinite(hu).all() or hu.min() > _AIR_HU:
        raise PterionError(
            f"{image.name} holds no air below {_AIR_HU}, so it is not in HU. Get the volume again."
        )
    strange = sorted(set(np.unique(drawn).tolist()) - {0.0, *map(float, CLASSES)})
    if strange:
        raise PterionError(
            f"{label.name} holds the label {strange[0]:g}; BHSD has 0 to {max(CLASSES)}. Get the volume again."
        )
    ours = np.zeros(max(CLASSES) + 1, np.uint8)
    ours[list(CLASSES)] = [BY_CODE[code].value for code in CLASSES.values()]
    labels = ours[drawn.astype(np.uint8)]
    across, down, up = (affine[:3, axis] for axis in (2, 1, 0))
    return Sample(
        hu=np.clip(np.rint(hu), -32768, 32767).astype(np.int16),
        spacing_mm=(float(np.linalg.norm(down)), float(np.linalg.norm(across))),
        z_mm=np.arange(len(hu), dtype=np.float64) * np.float64(_gap_mm(across, down, up)),
        labels=labels,
        scores=slice_scores(labels),
        patient=patient_of(name),
        source="bhsd",
        provenance={"licence": LICENCE, "volume": name, "notes": [] if picture.placed else [UNPLACED]},
    )


def patient_of(name: str) -> str:
    """Pseudonym of the patient of a volume: the RSNA patient where the name begins with one, else the name."""
    return rsna_patient(name, f"bhsd-{name}")


@dataclass(frozen=True)
class _Volume:
    """values (slices, rows, columns), and the matrix from those indices to patient mm (RAS).

    placed: whether the file says how the volume lies; without that NIfTI readers take its axes for right, front, up.
    """

    values: npt.NDArray[np.float32]
    affine: npt.NDArray[np.float64]
    placed: bool


def _read(path: Path) -> _Volume:
    """A volume, turned so that slices go up, rows to the back and columns to the left. Raises PterionError."""
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    try:
        return _turned(path)
    except FileNotFoundError:
        raise PterionError(f"{path.name} is missing. Unpack the data set again.") from None
    except (*_DAMAGED, ImageFileError, HeaderDataError, WrapStructError) as error:
        raise PterionError(
            f"{path.name} cannot be read as a NIfTI volume ({error}). Get it again."
        ) from error


def _turned(path: Path) -> _Volume:
    import nibabel
    from nibabel import imageglobals, orientations

    imageglobals.logger.disabled = True  # it mutters on stderr; what matters is said here
    image = nibabel.nifti1.Nifti1Image.from_filename(path)
    if bytes(image.header["magic"].item()) not in _MAGIC:
        raise ValueError("it is no NIfTI-1 file")
    shape = tuple(length for length in image.shape[:3]) + tuple(n for n in image.shape[3:] if n != 1)
    if len(shape) != 3 or min(shape) < 1 or np.prod(shape, dtype=np.int64) > _MAX_VOXELS:
        raise ValueError(f"it has the shape {image.shape}")
    matrix = np.asarray(image.affine, np.float64)
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) <= _FLAT * np.prod(lengths):
        raise ValueError("its matrix places no volume")
    turn = orientations.ornt_transform(orientations.io_orientation(matrix), orientations.axcodes2ornt("SPL"))
    with np.errstate(all="ignore"):  # values that overflow are refused by the caller
        values = image.get_fdata(dtype=np.float32, caching="unchanged").reshape(shape)
    return _Volume(
        np.ascontiguousarray(orientations.apply_orientation(values, turn), np.float32),
        np.asarray(matrix @ orientations.inv_ornt_aff(turn, shape), np.float64),
        bool(image.header["sform_code"] or image.header["qform_code"]),
    )


def _gap_mm(
    across: npt.NDArray[np.float64], down: npt.NDArray[np.float64], up: npt.NDArray[np.float64]
) -> float:
    """Distance of neighbouring slices along their normal, also where a tilted gantry shears the volume."""
    normal = np.cross(across, down)
    return abs(float(up @ normal / np.linalg.norm(normal)))


def _corners(affine: npt.NDArray[np.float64], shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Where the corners of the volume lie, mm (8, 3)."""
    ends = np.stack(np.meshgrid(*((0, length - 1) for length in shape), indexing="ij"), -1).reshape(-1, 3)
    return np.asarray(ends @ affine[:3, :3].T + affine[:3, 3], np.float64)


def _text(values: npt.NDArray[np.float32], affine: npt.NDArray[np.float64]) -> str:
    corner = ", ".join(f"{mm:.1f}" for mm in affine[:3, 3])
    return f"{' × '.join(map(str, values.shape))} from ({corner}) mm"
