"""labelme's files (github.com/wkentaro/labelme): one JSON an image, polygons from pixel corners as ours are.

labelme's polygons have no holes; what has holes or several parts is written as its shape `mask`, which is exact.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.errors import PterionError
from model.labels import CODES
from viewer.annotation import png
from viewer.annotation.document import Annotation, Document, Ring
from viewer.dicom.files import file_error, whole_file
from viewer.dicom.series import Series, SliceHeader
from viewer.interchange.coco import NOTICE, mask_of
from viewer.interchange.drawn import Drawn, ExchangeError, Found, Mask, Places

VERSION = "5.5.0"
_MOST_FILES = 20_000
_LARGEST_FILE = 256 << 20
_POLYGONS = ("polygon", "rectangle", "mask")


def write_labelme(folder: Path, document: Document, series: Series) -> list[Path]:
    """Write one JSON an annotated slice into a folder that is there; the files written."""
    paths = []
    for number, place in enumerate(series.slices, 1):
        drawn = document.on_slice(place.sop_uid, place.frame)
        if not drawn:
            continue
        path = folder / f"{number:04d}.json"
        content = {
            "version": VERSION,
            "flags": {},
            "shapes": [_shape(each, place) for each in drawn],
            "imagePath": f"{place.dicom_sop_uid}.dcm",
            "imageData": None,
            "imageHeight": place.rows,
            "imageWidth": place.columns,
            "otherData": {"sop_uid": place.sop_uid, "frame": place.frame, "notice": NOTICE},
        }
        with whole_file(path) as file:
            file.write(json.dumps(content, indent=1).encode())
        paths.append(path)
    return paths


def _shape(annotation: Annotation, place: SliceHeader) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "label": annotation.subtype,
        "group_id": None,
        "description": f"{annotation.source} {annotation.model_id}".strip(),
        "flags": {},
        "mask": None,
    }
    if len(annotation.rings) == 1:
        return shape | {"shape_type": "polygon", "points": [list(point) for point in annotation.outline]}
    mask = mask_of(annotation, place)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:  # thinner than a pixel: its outline says more than an empty mask
        return shape | {"shape_type": "polygon", "points": [list(point) for point in annotation.outline]}
    top, bottom, left, right = int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])
    crop = mask[top : bottom + 1, left : right + 1].astype(np.uint8) * 255
    return shape | {
        "shape_type": "mask",
        "points": [[float(left), float(top)], [float(right), float(bottom)]],
        "mask": base64.b64encode(png.encode(crop)).decode("ascii"),
    }


def read_labelme(path: Path, series: Series) -> Found:
    """What a labelme file, or a folder of them, holds for a series. Raises PterionError, as for one bad file."""
    try:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    except OSError as error:
        raise file_error(error, f"Reading {path.name}") from error
    if len(files) > _MOST_FILES:
        raise ExchangeError(f"{path.name} holds more than {_MOST_FILES} JSON files. Choose a smaller folder.")
    drawn: list[Drawn] = []
    remarks: list[str] = []
    for file in files:
        content = json_of(file)
        if isinstance(content, dict) and "shapes" in content:
            drawn += _of_file(file, content, series, remarks)
    if remarks:
        remarks = [f"{len(remarks)} shapes that enclose nothing (points, lines, circles) were left out."]
    return Found(tuple(drawn), remarks=tuple(remarks))


def json_of(path: Path) -> Any:
    """A JSON file's content. Raises PterionError."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ExchangeError(f"{path.name} is larger than 256 MB. Choose a smaller file.")
        return json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise file_error(error, f"Reading {path.name}") from error
    except (ValueError, RecursionError) as error:
        raise ExchangeError(f"{path.name} cannot be read as JSON. Get it again.") from error


def _of_file(path: Path, content: Mapping[str, Any], series: Series, left_out: list[str]) -> list[Drawn]:
    try:
        index = _slice_of(path, content, series)
        drawn = []
        for shape in content["shapes"]:
            kind = str(shape.get("shape_type") or "polygon")
            if kind not in _POLYGONS:
                left_out.append(kind)
                continue
            drawn.append(_drawn(shape, kind, index, series.slices[index]))
    except PterionError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ExchangeError(
            f"{path.name} is no labelme file that can be read ({error}). Get it again."
        ) from error
    return drawn


def _slice_of(path: Path, content: Mapping[str, Any], series: Series) -> int:
    other, places = content.get("otherData") or {}, Places(series)
    index = places.of_uid(str(other.get("sop_uid", "")), int(other.get("frame", 0)))
    if index is None:
        index = places.of_name(str(content.get("imagePath") or path.name))
    if index is None:
        raise ExchangeError(
            f"The image of {path.name} is no slice of this series. Open the series that it belongs to. Nothing was "
            "imported."
        )
    place = series.slices[index]
    size = (content.get("imageHeight") or place.rows, content.get("imageWidth") or place.columns)
    if (int(size[0]), int(size[1])) != (place.rows, place.columns):
        raise ExchangeError(
            f"The image of {path.name} has {size[0]} × {size[1]} pixels, its slice {place.rows} × {place.columns}. "
            "Open the series that it belongs to. Nothing was imported."
        )
    return index


def _drawn(shape: Mapping[str, Any], kind: str, index: int, place: SliceHeader) -> Drawn:
    points: Ring = tuple((float(x), float(y)) for x, y in shape["points"])
    label = str(shape["label"])
    history = str(shape.get("description") or "").split(" ")
    source = "manual" if label in CODES and history[:1] == ["manual"] else "imported"
    if kind == "mask":
        return Drawn(label, index, mask=_mask(shape["mask"], points, place), source=source)
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points
        points = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    return Drawn(label, index, ((points, ()),), source=source)


def _mask(text: str, points: Sequence[tuple[float, float]], place: SliceHeader) -> Mask:
    """The mask of a crop, whose first and last pixels stand in `points`. Raises ValueError where they do not agree."""
    import imagecodecs

    (left, top), (right, bottom) = ((int(x), int(y)) for x, y in points)
    try:
        crop = np.asarray(imagecodecs.png_decode(base64.b64decode(text, validate=True)))
    except RuntimeError as error:
        raise ValueError("a mask is no PNG file") from error
    crop = crop[..., 0] if crop.ndim == 3 else crop
    if crop.shape != (bottom - top + 1, right - left + 1):
        raise ValueError(f"a mask of {crop.shape} pixels does not fill its box")
    if not (left >= 0 and top >= 0 and right < place.columns and bottom < place.rows):
        raise ValueError("a mask lies off its image")
    mask = np.zeros((place.rows, place.columns), np.bool_)
    mask[top : bottom + 1, left : right + 1] = crop > 0
    return mask
