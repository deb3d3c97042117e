"""Slices of RSNA 2019 rendered to JPEG, with bleeds traced as polygons (Zeta Surgical): the multitask seed's data.

Layout: `renders/<type>/<window>/<image>.jpg`; `hemorrhage-labels.csv` and `flagged.txt` beside `renders` or in
`segmentation`; `segmentation/Results_*.csv` with a row a traced region: `Origin` names the image, polygons are JSON
lists of points {"x": 0..1, "y": 0..1} from the left and from the top.

Of several readings the best kind counts, and all rows of that kind together: `Correct Label`, else `ROI`, else
`Majority Label`, else of `All Labels` (or `All Annotations`) each pixel that more than half of the readers drew.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.datasets.names import CORRUPT_IMAGES, rsna_patient
from model.datasets.renders import WINDOWS, Window, hu_of_renders, polygons_mask
from model.errors import PterionError
from model.labels import ANY, NOT_REVIEWED, SUBTYPES, UNKNOWN_SUBTYPE
from model.sample import Sample

TABLE, FLAGGED, RESULTS = "hemorrhage-labels.csv", "flagged.txt", "Results_*.csv"
LICENCE = "RSNA 2019 images, Zeta Surgical tracings; ask their owners"
PIXEL_MM = 0.488
"""Pixel size of most of RSNA's images; the renders have none of their own."""

_COLUMNS = (ANY, *(subtype.name for subtype in SUBTYPES))
KINDS = (("Correct Label",), ("ROI",), ("Majority Label",), ("All Labels", "All Annotations"))
"""Columns with polygons, the best first; those of the last hold one entry for each reader."""
_LONGEST_FIELD = 1 << 27


@dataclass(frozen=True)
class _Image:
    """One image: the folder of its type, its row of the table, and the polygons of its best kind, still as text."""

    place: Path
    scores: tuple[int, ...]
    kind: int = len(KINDS)
    texts: tuple[str, ...] = ()
    patient: str = ""


@dataclass(frozen=True)
class Polygons:
    """The folder as a source of samples, one an image, those that are flagged or corrupt left out.

    patients: a CSV with the columns Image and PatientID; without it every image counts as a patient of its own, and
    neighbours may part between training and test. windows: level and width of each folder of renders.
    """

    folder: Path
    patients: Path | None = None
    pixel_mm: float = PIXEL_MM
    windows: Mapping[str, Window] = field(default_factory=lambda: dict(WINDOWS))
    command = "polygons"

    @property
    def options(self) -> dict[str, Any]:
        """What decides what comes out, but for the data."""
        return {
            "patients": self.patients is not None,
            "pixel_mm": self.pixel_mm,
            "windows": {name: list(window) for name, window in self.windows.items()},
        }

    def items(self) -> dict[str, _Image | str]:
        """By image, what is known of it, or why it cannot be used. Raises PterionError for missing files."""
        places = _places(self.folder, self.windows)
        scores = _scores(_beside(self.folder, TABLE), places)
        patients = _patients(self.patients) if self.patients else {}
        traced = _traced(self.folder, places)
        left_out = CORRUPT_IMAGES | _flagged(self.folder)
        found: dict[str, _Image | str] = {}
        for image in sorted(places.keys() - left_out):
            row = scores.get(image, f"{TABLE} has no row for {image}. Get the file again.")
            rows = traced[image]
            reason = row if isinstance(row, str) else _wrong(image, places[image], row, rows)
            if reason or isinstance(row, str):
                found[image] = reason
                continue
            kind = min((kind for kind, _, _ in rows), default=len(KINDS))
            texts = tuple(text for each, text, _ in rows if each == kind)
            found[image] = _Image(places[image][0], row, kind, texts, patients.get(image, ""))
        return found

    def read(self, item: str, content: _Image | str, /) -> Iterator[Sample]:
        """The one slice of an image. Raises PterionError."""
        if isinstance(content, str):
            raise PterionError(content)
        hu, used = hu_of_renders(content.place, item, self.windows)
        mask = np.zeros(hu.shape, np.bool_)
        for text in content.texts:
            mask |= polygons_mask(text, hu.shape, item, readers=content.kind == len(KINDS) - 1)
        scores = np.array([content.scores], np.int8)
        yield Sample(
            hu=hu[None],
            spacing_mm=(self.pixel_mm, self.pixel_mm),
            z_mm=np.zeros(1),
            labels=_labels(mask, scores[0])[None],
            scores=scores,
            patient=rsna_patient(content.patient, f"polygons-{content.patient or item}"),
            source=self.command,
            provenance={
                "licence": LICENCE,
                "image": item,
                "windows": used,
                "spacing_estimated": True,
                "patient_known": bool(content.patient),
                "drawn_by": KINDS[content.kind][0] if content.texts else None,
            },
        )


def _labels(mask: npt.NDArray[np.bool_], score: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """The mask takes the subtype of the slice where it has one; a bleeding slice without a mask is not reviewed."""
    named = np.flatnonzero(score[1:]) + 1
    labels = np.zeros(mask.shape, np.uint8)
    if len(named) and not mask.any():
        labels[:] = NOT_REVIEWED
    labels[mask] = int(named[0]) if len(named) == 1 else UNKNOWN_SUBTYPE
    return labels


def _places(folder: Path, windows: Mapping[str, Window]) -> dict[str, list[Path]]:
    """By image, the folders of the types that have it. Raises PterionError."""
    found: dict[str, list[Path]] = defaultdict(list)
    renders = folder / "renders"
    types = sorted(path for path in renders.iterdir() if path.is_dir()) if renders.is_dir() else []
    for place in types:
        nested = place / place.name  # as one of the published archives unpacks
        home = nested if nested.is_dir() else place
        images = {path.stem for window in windows for path in (home / window).glob("*.jpg")}
        for image in images:
            found[image].append(home)
    if not found:
        raise PterionError(
            f"{folder.name} holds no renders/<type>/<window>/*.jpg with a window among {', '.join(windows)}. "
            "Choose the folder that holds renders and segmentation."
        )
    return dict(found)


def _beside(folder: Path, name: str) -> Path:
    """A file of the set, which lies beside `renders` or in `segmentation`."""
    inner = folder / "segmentation" / name
    return inner if inner.is_file() else folder / name


def rows_of(path: Path, columns: Iterable[str]) -> Iterator[dict[str, str]]:
    """Rows of a CSV file that has at least `columns`. Raises PterionError."""
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = sorted(set(columns) - set(reader.fieldnames or ()))
            if missing:
                raise PterionError(f"{path.name} has no column {missing[0]}. Get the file again.")
            for row in reader:
                yield {name: value or "" for name, value in row.items() if isinstance(name, str)}
    except FileNotFoundError:
        raise PterionError(
            f"{path.name} is missing in {path.parent.name}. Copy the data set again."
        ) from None
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise PterionError(f"{path.name} cannot be read as a table ({error}). Get the file again.") from error


def _image_of(origin: str) -> str:
    return origin.strip().removesuffix(".jpg")


def _scores(path: Path, wanted: Mapping[str, Any]) -> dict[str, tuple[int, ...] | str]:
    """Scores of the images in `wanted`, in our order, or why their rows cannot be used. Raises PterionError."""
    found: dict[str, tuple[int, ...] | str] = {}
    for row in rows_of(path, ("Image", *_COLUMNS)):
        image = _image_of(row["Image"])
        if image not in wanted:
            continue
        values = tuple(int(row[name]) if row[name] in ("0", "1") else -1 for name in _COLUMNS)
        if -1 in values or values[0] != max(values[1:]):
            found[image] = f"The row of {image} in {path.name} contradicts itself. Correct it."
        elif found.setdefault(image, values) != values:
            found[image] = f"{image} is twice in {path.name}, with different values. Correct one of them."
    return found


def _patients(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows_of(path, ("Image", "PatientID")):
        image, patient = _image_of(row["Image"]), row["PatientID"].strip()
        if found.setdefault(image, patient) != patient:
            raise PterionError(f"{path.name} gives {image} to two patients. Correct it.")
    return found


def _flagged(folder: Path) -> frozenset[str]:
    """Images that the set's own makers took out."""
    path = _beside(folder, FLAGGED)
    if not path.is_file():
        return frozenset()
    return frozenset(
        _image_of(line) for line in path.read_text("utf-8", errors="replace").splitlines() if line.strip()
    )


def _traced(folder: Path, wanted: Mapping[str, Any]) -> dict[str, list[tuple[int, str, str]]]:
    """By image, its traced regions: the best kind that a row has, its polygons as text, the name of its file."""
    paths = sorted((folder / "segmentation").glob(RESULTS))
    if not paths:
        raise PterionError(f"{folder.name} holds no segmentation/{RESULTS}. Copy the data set again.")
    found: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for path in paths:
        for row in rows_of(path, ("Origin",)):
            image = _image_of(row["Origin"])
            if image not in wanted:
                continue
            for kind, columns in enumerate(KINDS):
                texts = [row[name] for name in columns if row.get(name, "").strip(" []\"'") != ""]
                if texts:
                    found[image].append((kind, texts[0], path.name))
                    break
    return found


def _wrong(image: str, places: list[Path], scores: tuple[int, ...], rows: list[tuple[int, str, str]]) -> str:
    """Why an image cannot be used, empty if it can: its folder, its row and the files that trace it must agree."""
    if len(places) > 1:
        return (
            f"{image} is in renders/{places[0].name} and in renders/{places[1].name}. Remove the wrong one."
        )
    kind, present = (
        places[0].name,
        [name for name, value in zip(_COLUMNS[1:], scores[1:], strict=True) if value],
    )
    agrees = {"normal": not present, "multi": len(present) > 1}
    agrees |= {subtype.name: subtype.name in present for subtype in SUBTYPES}
    if not agrees.get(kind, True):
        said = " and ".join(present) or "no bleed"
        return f"{image} is in renders/{kind}, but {TABLE} says {said}. Correct one of them."
    for _, _, file in rows:
        traced = [subtype.name for subtype in SUBTYPES if subtype.name in file.lower()]
        if not present or (traced and traced[0] not in present):
            what = traced[0] if traced else "a bleed"
            return f"{file} traces {what} in {image}, but {TABLE} names none there. Correct one of them."
    return ""
