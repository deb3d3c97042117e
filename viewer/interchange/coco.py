"""COCO's instances (cocodataset.org/#format-data): polygons, and RLE where an annotation has holes or several parts.

COCO's coordinates are image-relative as ours are. Beside its own fields each image names its slice and each
annotation its history, which other programs leave alone.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.labels import SUBTYPES
from viewer.annotation.document import SOURCES, Annotation, Document, Ring, slice_name
from viewer.annotation.raster import polygon_mask
from viewer.dicom.files import whole_file
from viewer.dicom.series import Series, SliceHeader
from viewer.interchange.drawn import Drawn, ExchangeError, Found, Mask, Places

NOTICE = "Research use only. Not for diagnosis."


def mask_of(annotation: Annotation, place: SliceHeader) -> Mask:
    """The pixels of one annotation, bool (rows, columns)."""
    outline, *others = annotation.rings
    return polygon_mask(outline, (place.rows, place.columns), others)


def run_lengths(mask: Mask) -> list[int]:
    """COCO's uncompressed RLE: lengths of runs column by column, the first of pixels that are not in."""
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat.astype(np.int8))) + 1
    bounds = np.concatenate([[0], edges, [flat.size]])
    lengths = np.diff(bounds).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths


def from_run_lengths(counts: Sequence[int], rows: int, columns: int) -> Mask:
    """The mask of an uncompressed RLE. Raises ValueError where the runs do not fill the image."""
    lengths = np.asarray(counts, np.int64)
    if lengths.ndim != 1 or (lengths < 0).any() or int(lengths.sum()) != rows * columns:
        raise ValueError(f"its runs fill {int(lengths.sum())} of {rows * columns} pixels")
    flat = np.repeat(np.arange(lengths.size) % 2 == 1, lengths)
    return flat.reshape(columns, rows).T.copy()


def unpacked(text: str) -> list[int]:
    """COCO's compressed RLE as run lengths: five bits a character, differences to the run before last (maskApi.c)."""
    counts: list[int] = []
    place = 0
    while place < len(text):
        value = shift = 0
        more = True
        while more:
            bits = ord(text[place]) - 48
            value |= (bits & 0x1F) << shift
            more = bool(bits & 0x20)
            place += 1
            shift += 5
            if not more and bits & 0x10:
                value |= -1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
    return counts


def write_coco(path: Path, document: Document, series: Series) -> None:
    """Write the annotations of a series, whole or not at all."""
    numbers = {(place.sop_uid, place.frame): number for number, place in enumerate(series.slices, 1)}
    used = sorted({numbers[(a.sop_uid, a.frame)] for a in document.annotations})
    content = {
        "info": {"description": f"Pterion. {NOTICE}", "version": "1", "series_uid": series.series_uid},
        "licenses": [],
        "categories": [
            {"id": s.value, "name": s.code, "supercategory": "hemorrhage", "full_name": s.name}
            for s in SUBTYPES
        ],
        "images": [_image(number, series.slices[number - 1]) for number in used],
        "annotations": [
            _annotation(number, each, numbers[(each.sop_uid, each.frame)], series)
            for number, each in enumerate(document.annotations, 1)
        ],
        "reviewed_without_hemorrhage": sorted(document.reviewed_slices),
    }
    with whole_file(path) as file:
        file.write(json.dumps(content).encode())


def _image(number: int, place: SliceHeader) -> dict[str, Any]:
    return {
        "id": number,
        "width": place.columns,
        "height": place.rows,
        "file_name": f"{place.dicom_sop_uid}.dcm",
        "sop_uid": place.sop_uid,
        "frame": place.frame,
    }


def _annotation(number: int, annotation: Annotation, image: int, series: Series) -> dict[str, Any]:
    place = series.slices[image - 1]
    mask = mask_of(annotation, place)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (
        [int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1]
        if rows.size
        else [0, 0, 0, 0]
    )
    alone = len(annotation.rings) == 1
    shape: Any = (
        [[value for point in annotation.outline for value in point]]
        if alone
        else {"size": [place.rows, place.columns], "counts": run_lengths(mask)}
    )
    return {
        "id": number,
        "image_id": image,
        "category_id": next(s.value for s in SUBTYPES if s.code == annotation.subtype),
        "segmentation": shape,
        "area": int(mask.sum()),
        "bbox": box,
        "iscrowd": 0,
        "source": annotation.source,
        "model_id": annotation.model_id,
        "reviewed": annotation.reviewed,
    }


def read_coco(path: Path, content: Mapping[str, Any], series: Series) -> Found:
    """What a COCO file holds for a series. Raises ExchangeError where it is damaged or belongs to another."""
    try:
        said = str((content.get("info") or {}).get("series_uid") or "")
        if said and said != series.series_uid:
            raise ExchangeError(
                f"{path.name} belongs to another series. Open the series that it was made of. Nothing was imported."
            )
        names = {int(each["id"]): str(each["name"]) for each in content["categories"]}
        places = Places(series)
        found = {each["id"]: _place(each, places, series) for each in content["images"]}
        lost = {each["image_id"] for each in content["annotations"] if found.get(each["image_id"]) is None}
        if lost:
            raise ExchangeError(
                f"{path.name} annotates {len(lost)} images that are no slices of this series, nor of its size. Open "
                "the series that it belongs to. Nothing was imported."
            )
        drawn = tuple(
            _drawn(each, names[int(each["category_id"])], int(found[each["image_id"]] or 0), series)
            for each in content["annotations"]
        )
        clean = frozenset(str(uid) for uid in content.get("reviewed_without_hemorrhage", ()))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ExchangeError(
            f"{path.name} is no COCO file that can be read ({error}). Get it again."
        ) from error
    return Found(drawn, clean & {slice_name(place.sop_uid, place.frame) for place in series.slices})


def _place(image: Mapping[str, Any], places: Places, series: Series) -> int | None:
    """The slice that an image is, None where it is none or has another size."""
    index = places.of_uid(str(image.get("sop_uid", "")), int(image.get("frame", 0)))
    if index is None:
        index = places.of_name(str(image.get("file_name", "")))
    if index is None:
        return None
    place = series.slices[index]
    return index if (int(image["height"]), int(image["width"])) == (place.rows, place.columns) else None


def _drawn(each: Mapping[str, Any], name: str, index: int, series: Series) -> Drawn:
    shape, place = each["segmentation"], series.slices[index]
    source = str(each.get("source", "imported"))
    history = {
        "source": source if source in SOURCES else "imported",
        "model_id": str(each.get("model_id", "")),
        "reviewed": bool(each.get("reviewed", True)),
    }
    if isinstance(shape, Mapping):
        rows, columns = (int(size) for size in shape["size"])
        counts = shape["counts"]
        mask = from_run_lengths(unpacked(counts) if isinstance(counts, str) else counts, rows, columns)
        return Drawn(name, index, mask=mask, **history)  # type: ignore[arg-type]
    rings = [_ring(flat) for flat in shape]
    if len(rings) == 1:
        return Drawn(name, index, ((rings[0], ()),), **history)  # type: ignore[arg-type]
    union: npt.NDArray[np.bool_] = np.zeros((place.rows, place.columns), np.bool_)
    for ring in rings:  # parts of one object: COCO's polygons have no holes, only more of it
        union |= polygon_mask(ring, union.shape)
    return Drawn(name, index, mask=union, **history)  # type: ignore[arg-type]


def _ring(flat: Sequence[float]) -> Ring:
    if len(flat) % 2:
        raise ValueError("a polygon has a coordinate too few")
    return tuple((float(x), float(y)) for x, y in zip(flat[::2], flat[1::2], strict=True))
