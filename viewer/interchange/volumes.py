"""NIfTI and NRRD label volumes in: `.nii`, `.nii.gz`, `.nrrd`, and 3D Slicer's `.seg.nrrd` with its segments."""

import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.labels import BY_VALUE
from viewer.dicom.files import file_error
from viewer.dicom.series import Series
from viewer.interchange.drawn import Drawn, ExchangeError, Found
from viewer.interchange.grids import Affine, Array, on_slices

OURS = b"Pterion"
_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MOST_VOXELS = 1 << 31
_MOST_NAMES = 256
_NRRD_TYPES = {
    "uchar": "u1",
    "uint8": "u1",
    "unsigned char": "u1",
    "uint8_t": "u1",
    "signed char": "i1",
    "int8": "i1",
    "short": "i2",
    "int16": "i2",
    "signed short": "i2",
    "ushort": "u2",
    "uint16": "u2",
    "unsigned short": "u2",
    "int": "i4",
    "int32": "i4",
    "uint": "u4",
    "uint32": "u4",
    "unsigned int": "u4",
    "float": "f4",
    "double": "f8",
}
_SPACES = {
    "left-posterior-superior": (1.0, 1.0),
    "lps": (1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0),
    "ras": (-1.0, -1.0),
    "left-anterior-superior": (1.0, -1.0),
    "las": (1.0, -1.0),
}


@dataclass(frozen=True)
class _Layer:
    """One label map (i, j, k), and the name of each of its values."""

    values: Array
    names: Mapping[int, str]


def read_nifti(path: Path, series: Series, spacing_mm: tuple[float, float]) -> Found:
    """The labels of a NIfTI file on a series. Those of another program are called `label 1` and so on: what they mean
    stands nowhere in the file. Raises ExchangeError."""
    import nibabel

    try:
        image: Any = nibabel.load(path)
        shape = tuple(int(size) for size in image.shape)
        values = np.asanyarray(image.dataobj) if np.prod(shape) <= _MOST_VOXELS else None
        ours = OURS in bytes(image.header["descrip"]) if "descrip" in image.header else False
        affine = np.asarray(image.affine, np.float64)
    except OSError as error:
        raise file_error(error, f"Reading {path.name}") from error
    except Exception as error:  # nibabel raises many kinds for damaged files
        raise ExchangeError(
            f"{path.name} cannot be read as NIfTI ({type(error).__name__}). Get it again."
        ) from error
    if values is None or values.ndim < 3 or any(size != 1 for size in shape[3:]):
        raise ExchangeError(
            f"{path.name} is no label volume of three axes, but of {shape}. Choose another file."
        )
    labels = _whole(path, values.reshape(shape[:3]))
    names = {value: _name(value, ours=ours) for value in _present(path, labels)}
    return _found(path, [_Layer(labels, names)], _TO_LPS @ affine, series, spacing_mm)


def read_nrrd(path: Path, series: Series, spacing_mm: tuple[float, float]) -> Found:
    """The segments of a `.seg.nrrd`, or the labels of a plain NRRD, on a series. Raises ExchangeError."""
    fields, pairs, data = _nrrd_parts(path)
    try:
        sizes = [int(text) for text in fields["sizes"].split()]
        kind = np.dtype(_NRRD_TYPES[fields["type"].lower()])
        flips = _SPACES[fields["space"].lower()]
        vectors = [_vector(text) for text in re.findall(r"none|\([^)]*\)", fields["space directions"])]
        origin = _vector(fields["space origin"])
        encoding = fields["encoding"].lower()
    except (KeyError, ValueError) as error:
        raise ExchangeError(
            f"{path.name} lacks what places a label volume ({error}). Choose another file."
        ) from error
    many = len(sizes) == 4
    if (
        len(sizes) not in (3, 4)
        or len(vectors) != len(sizes)
        or origin is None
        or min(sizes) < 1
        or np.prod(sizes, dtype=np.float64) > _MOST_VOXELS
        or [vector is None for vector in vectors] != [True] * many + [False] * 3
    ):
        raise ExchangeError(f"{path.name} is no label volume of three axes. Choose another file.")
    if kind.itemsize > 1 and fields.get("endian", "little").lower() == "big":
        kind = kind.newbyteorder(">")
    raw = _unpacked(path, data, encoding, int(np.prod(sizes)) * kind.itemsize)
    values = np.frombuffer(raw, kind).reshape(sizes, order="F")
    affine = np.eye(4)
    affine[:3, :3] = np.stack([vector for vector in vectors if vector is not None], axis=1)
    affine[:3, 3] = origin
    affine[:2] *= np.array(flips)[:, None]
    volumes = [_whole(path, values[number]) for number in range(sizes[0])] if many else [_whole(path, values)]
    segments = _segments(pairs)
    layers = [
        _Layer(
            volume,
            {
                value: segments.get((number, value)) or _name(value, ours=False)
                for value in _present(path, volume)
            },
        )
        for number, volume in enumerate(volumes)
    ]
    return _found(path, layers, affine, series, spacing_mm)


def _found(
    path: Path, layers: list[_Layer], affine: Affine, series: Series, spacing_mm: tuple[float, float]
) -> Found:
    drawn = []
    for layer in layers:
        for index, labels in enumerate(on_slices(path, layer.values, affine, series, spacing_mm)):
            present = np.unique(labels[labels != 0]).tolist()
            drawn += [Drawn(layer.names[v], index, mask=np.asarray(labels == v)) for v in present]
    return Found(tuple(drawn))


def _whole(path: Path, values: Array) -> Array:
    """Label values as whole numbers. Raises ExchangeError for what is no label map."""
    if values.dtype.kind in "iu":
        return values
    numbers = np.asarray(values, np.float64)
    whole = np.rint(np.nan_to_num(numbers, nan=0.5))
    if not np.array_equal(whole, numbers) or np.abs(whole).max(initial=0) > np.iinfo(np.int32).max:
        raise ExchangeError(f"{path.name} holds measured values, not labels. Choose a label map.")
    return whole.astype(np.int32)


def _present(path: Path, values: Array) -> list[int]:
    """The labels other than 0. Raises ExchangeError where there are so many that it is an image."""
    found = [int(value) for value in np.unique(values) if value]
    if len(found) > _MOST_NAMES:
        raise ExchangeError(
            f"{path.name} has {len(found)} different labels: an image, not a label map. Choose another."
        )
    return found


def _name(value: int, *, ours: bool) -> str:
    return BY_VALUE[value].code if ours and value in BY_VALUE else f"label {value}"


def _nrrd_parts(path: Path) -> tuple[dict[str, str], dict[str, str], bytes]:
    """Fields, key/value pairs and data of an NRRD file with its data attached."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise file_error(error, f"Reading {path.name}") from error
    head, found, data = content.partition(b"\n\n")
    if not content.startswith(b"NRRD000") or not found:
        head, found, data = content.partition(b"\r\n\r\n")
    if not content.startswith(b"NRRD000") or not found:
        raise ExchangeError(f"{path.name} is no NRRD file with its data attached. Choose another file.")
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").splitlines()[1:]:
        if line.startswith("#"):
            continue
        if ":=" in line:
            name, _, value = line.partition(":=")
            pairs[name] = value
        elif ": " in line:
            name, _, value = line.partition(": ")
            fields[name.lower()] = value.strip()
    if "data file" in fields or "datafile" in fields:
        raise ExchangeError(f"{path.name} keeps its data in another file. Save it as one file (.seg.nrrd).")
    return fields, pairs, data


def _unpacked(path: Path, data: bytes, encoding: str, size: int) -> bytes:
    """The volume's bytes; a file that unpacks to more than it claims is damaged."""
    if encoding in ("gzip", "gz"):
        try:
            unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
            data = unpacker.decompress(data, size + 1)
        except (zlib.error, gzip.BadGzipFile) as error:
            raise ExchangeError(f"{path.name} is damaged ({error}). Get it again.") from error
    elif encoding != "raw":
        raise ExchangeError(
            f"{path.name} is packed as {encoding}, which is not read. Save it with gzip or raw."
        )
    if len(data) != size:
        raise ExchangeError(f"{path.name} holds {len(data)} bytes of {size}. Get it again.")
    return data


def _segments(pairs: Mapping[str, str]) -> dict[tuple[int, int], str]:
    """Names of 3D Slicer's segments by layer and label."""
    found = {}
    for key, value in pairs.items():
        match = re.fullmatch(r"(Segment\d+_)LabelValue", key)
        if match and value.strip().isdigit():
            prefix = match[1]
            layer = pairs.get(f"{prefix}Layer", "0").strip()
            name = pairs.get(f"{prefix}Name") or pairs.get(f"{prefix}ID") or f"label {value}"
            found[(int(layer) if layer.isdigit() else 0, int(value))] = name.strip()
    return found


def _vector(text: str) -> npt.NDArray[np.float64] | None:
    """`(1,0,0)`; None for `none`."""
    if text.strip() == "none":
        return None
    values = np.array([float(part) for part in text.strip().strip("()").split(",")])
    if values.shape != (3,) or not np.isfinite(values).all():
        raise ValueError(f"{text} is no vector of three numbers")
    return values
