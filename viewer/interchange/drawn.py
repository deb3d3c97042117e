"""What every import has in common: shapes and masks with a name, on slices of the open series, made annotations."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from model.labels import BY_CODE, CODES
from viewer.annotation.document import Annotation, Document, Ring, Shape, new_uid
from viewer.annotation.geometry import contains, repair, signed_area
from viewer.annotation.raster import mask_outlines
from viewer.corpora.dicom_seg import IGNORE, UNKNOWN, code_named
from viewer.dicom.series import Series, SliceHeader

Mask = npt.NDArray[np.bool_]
LEAVE_OUT = "leave out"
"""In the place of a subtype: what has this name is not imported."""
MOST_POINTS = 100_000
MOST_SHAPES = 100_000
_BESIDE_PX = 1.0
"""A point this far off the image goes to its border: rounding, not another image."""


class ExchangeError(PterionError):
    """A file cannot be imported or exported. Nothing was imported or written."""

    code = "EXCHANGE"


class NamesWantedError(ExchangeError):
    """A file has names that are no subtype known here; its reader has to say what they are. `names`: which."""

    code = "NAMES_WANTED"

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.names = tuple(names)
        listed = ", ".join(f"“{name}”" for name in self.names[:5]) + (", …" if len(self.names) > 5 else "")
        super().__init__(
            f"{path.name} has {listed}, which is no subtype known here. Say which of {', '.join(CODES)} it is, or "
            "leave it out. Nothing was imported."
        )


@dataclass(frozen=True)
class Drawn:
    """Something drawn on one slice: shapes, or a mask bool (rows, columns).

    name: what the file calls it, a subtype's code where that is sure. index: the slice's number in the series.
    """

    name: str
    index: int
    shapes: tuple[Shape, ...] = ()
    mask: Mask | None = None
    source: str = "imported"
    model_id: str = ""
    reviewed: bool = True


@dataclass(frozen=True)
class Found:
    """All that a file holds for the open series. clean: names of the slices marked as free of hemorrhage."""

    drawn: tuple[Drawn, ...]
    clean: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """Annotations to add to the open series. remarks: what was repaired or left out, in sentences."""

    annotations: tuple[Annotation, ...]
    clean: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = field(default=())


def imported(
    path: Path,
    found: Found,
    series: Series,
    mapping: Mapping[str, str],
    *,
    new_uid: Callable[[], str] = new_uid,
) -> Imported:
    """Annotations of what a file holds; all of it, or nothing.

    mapping: by a name in the file (any case) a subtype's code, or `LEAVE_OUT`. Raises NamesWantedError for names that
    are neither known nor in it, ExchangeError where a shape lies off the image or there is nothing to import.
    """
    if len(found.drawn) > MOST_SHAPES:
        raise ExchangeError(
            f"{path.name} has {len(found.drawn)} shapes on this series, more than {MOST_SHAPES}. Choose a smaller file."
        )
    codes = _codes(path, {each.name for each in found.drawn}, mapping)
    annotations: list[Annotation] = []
    repaired = 0
    for each in found.drawn:
        code = codes[each.name]
        if code == LEAVE_OUT:
            continue
        place = series.slices[each.index]
        shapes, mended = _shapes(path, each, place)
        repaired += mended
        annotations += [
            Annotation(
                new_uid(),
                place.sop_uid,
                place.frame,
                code,
                outline,
                each.source,
                each.model_id,
                each.reviewed,
                holes,
            )
            for outline, holes in shapes
        ]
    if not annotations and not found.clean:
        raise ExchangeError(f"{path.name} holds nothing for this series. Open the series that it belongs to.")
    remarks = found.remarks
    if repaired:
        remarks += (f"{repaired} outline{'s' * (repaired != 1)} crossed themselves and were repaired.",)
    drawn_on = {annotation.slice_name for annotation in annotations}
    return Imported(tuple(annotations), found.clean - drawn_on, remarks)


def _codes(path: Path, names: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    wanted = {name.casefold(): code for name, code in mapping.items()}
    codes, unknown = {}, []
    for name in sorted(names):
        code = wanted.get(name.casefold()) or subtype_named(name)
        if code is None:
            unknown.append(name)
        else:
            codes[name] = code
    if unknown:
        raise NamesWantedError(path, unknown)
    return codes


def subtype_named(name: str) -> str | None:
    """The subtype that a name means (`SDH`, `Subdural hematoma`), None where it does not say."""
    if name in BY_CODE:
        return name
    code = code_named(name)
    return None if code in (IGNORE, UNKNOWN) else code


def _shapes(path: Path, each: Drawn, place: SliceHeader) -> tuple[list[Shape], int]:
    """The valid shapes of something drawn, and how many had to be repaired."""
    if each.mask is not None:
        if each.mask.shape != (place.rows, place.columns):
            raise ExchangeError(
                f"A mask of {path.name} has {each.mask.shape[0]} × {each.mask.shape[1]} pixels, its slice "
                f"{place.rows} × {place.columns}. Open the series that it belongs to. Nothing was imported."
            )
        return mask_outlines(each.mask), 0
    shapes: list[Shape] = []
    mended = 0
    for outline, holes in each.shapes:
        rings = [_on_image(path, ring, place) for ring in (outline, *holes)]
        parts = repair(rings[0], tuple(rings[1:]))
        mended += parts != ((rings[0], tuple(rings[1:])),)
        shapes += parts
    return shapes, mended


def _on_image(path: Path, ring: Ring, place: SliceHeader) -> Ring:
    """The ring, points by rounding off the image on its border. Raises ExchangeError for what cannot be meant."""
    if not 3 <= len(ring) <= MOST_POINTS:
        limit = "three or more" if len(ring) < 3 else f"{MOST_POINTS} at most"
        raise ExchangeError(
            f"A polygon of {path.name} has {len(ring)} points; it needs {limit}. Nothing was imported."
        )
    for x, y in ring:
        near = (
            math.isfinite(x)
            and math.isfinite(y)
            and -_BESIDE_PX <= x <= place.columns + _BESIDE_PX
            and -_BESIDE_PX <= y <= place.rows + _BESIDE_PX
        )
        if not near:
            raise ExchangeError(
                f"A polygon of {path.name} reaches ({x:g}, {y:g}), off its image of {place.columns} × {place.rows} "
                "pixels. Open the series that it belongs to. Nothing was imported."
            )
    return tuple(
        (min(max(x, 0.0), float(place.columns)), min(max(y, 0.0), float(place.rows))) for x, y in ring
    )


def nested(rings: Sequence[Ring]) -> tuple[Shape, ...]:
    """Rings by the even-odd rule as shapes: a ring inside an odd number of others is a hole of the smallest."""
    order = sorted(range(len(rings)), key=lambda number: -abs(signed_area(rings[number])))
    around = {
        number: [other for other in order[:rank] if contains(rings[number][0], [rings[other]])]
        for rank, number in enumerate(order)
    }
    outer = [number for number in order if len(around[number]) % 2 == 0]
    holes: dict[int, list[Ring]] = {number: [] for number in outer}
    for number in order:
        if len(around[number]) % 2:
            holes[next(n for n in reversed(around[number]) if n in holes)].append(rings[number])
    return tuple((rings[number], tuple(holes[number])) for number in outer)


class Places:
    """Finds slices of a series by what files call them."""

    def __init__(self, series: Series) -> None:
        self._by_uid: dict[tuple[str, int], int] = {}
        self._by_name: dict[str, set[int]] = {}
        for index, place in enumerate(series.slices):
            self._by_uid.setdefault((place.sop_uid, place.frame), index)
            self._by_uid.setdefault((place.dicom_sop_uid, place.frame), index)
            for name in {place.path.name.casefold(), place.path.stem.casefold(), place.sop_uid.casefold()}:
                self._by_name.setdefault(name, set()).add(index)

    def of_uid(self, sop_uid: str, frame: int = 0) -> int | None:
        """The slice of a SOP instance UID and a frame counted from 0."""
        return self._by_uid.get((sop_uid, frame))

    def of_name(self, name: str) -> int | None:
        """The slice whose file has this name, whatever its ending, or whose SOP instance UID it is."""
        text = PurePosixPath(name.replace("\\", "/")).name.casefold()
        for candidate in (text, PurePosixPath(text).stem):
            found = self._by_name.get(candidate, set())
            if len(found) == 1:
                return next(iter(found))
        return None


def not_there_yet(document: Document, other: Iterable[Annotation]) -> tuple[Annotation, ...]:
    """Those of `other` that are not on the document already, shape for shape."""
    there = {(a.sop_uid, a.frame, a.subtype, a.rings) for a in document.annotations}
    return tuple(a for a in other if (a.sop_uid, a.frame, a.subtype, a.rings) not in there)


def added(document: Document, found: Imported) -> tuple[Document, int]:
    """The document with what was imported, and how many annotations are new; their slices are no longer clean."""
    new = not_there_yet(document, found.annotations)
    together = (*document.annotations, *new)
    clean = (document.reviewed_slices | found.clean) - {a.slice_name for a in together}
    return replace(document, annotations=together, reviewed_slices=clean), len(new)
