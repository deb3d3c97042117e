"""Changed copies of annotations and documents."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from viewer.annotation.document import Annotation, Document, Point, Ring, Shape
from viewer.annotation.geometry import Vertex

Image = tuple[int, int] | None
"""(rows, columns) of the slices, whose border no point crosses; None for no border."""


def replaced(document: Document, uid: str, pieces: Sequence[Annotation]) -> Document:
    """The document with `pieces` in the place of one annotation."""
    annotations: list[Annotation] = []
    for annotation in document.annotations:
        annotations.extend(pieces if annotation.uid == uid else (annotation,))
    return replace(document, annotations=tuple(annotations))


def edited(
    annotation: Annotation,
    *,
    uid: str | None = None,
    subtype: str | None = None,
    parts: Sequence[Shape] = (),
) -> Annotation:
    """The annotation after a reader's change: reviewed, and a model's proposal no longer untouched."""
    (outline, holes), *islands = parts or annotation.parts
    return replace(
        annotation,
        uid=uid or annotation.uid,
        subtype=subtype or annotation.subtype,
        outline=outline,
        holes=holes,
        islands=tuple(islands),
        source="model edited" if annotation.source == "model" else annotation.source,
        reviewed=True,
    )


def with_rings(annotation: Annotation, rings: Sequence[Ring]) -> Annotation | None:
    """Other rings in the places of `annotation.rings`. A hole of fewer than three points goes, and an island with
    its holes; None when no part is left."""
    parts: list[Shape] = []
    start = 0
    for _, holes in annotation.parts:
        outline, *inner = rings[start : start + 1 + len(holes)]
        start += 1 + len(holes)
        if len(outline) >= 3:
            parts.append((outline, tuple(hole for hole in inner if len(hole) >= 3)))
    return edited(annotation, parts=parts) if parts else None


def with_ring(annotation: Annotation, ring: int, points: Ring) -> Annotation | None:
    """Another ring in the place of one; None when no part is left."""
    rings = annotation.rings
    return with_rings(annotation, (*rings[:ring], points, *rings[ring + 1 :]))


def with_points(
    annotation: Annotation, vertices: Iterable[Vertex], dx: float, dy: float, image: Image
) -> Annotation:
    """The vertices moved by (dx, dy), within the image."""
    rings = [list(ring) for ring in annotation.rings]
    for ring, index in vertices:
        x, y = rings[ring][index]
        rings[ring][index] = clipped((x + dx, y + dy), image)
    changed = with_rings(annotation, [tuple(ring) for ring in rings])
    assert changed is not None
    return changed


def with_vertex(annotation: Annotation, edge: Vertex, point: Point) -> tuple[Annotation, Vertex]:
    """A new vertex at `point` of an edge, and which one it is."""
    ring, index = edge
    points = annotation.rings[ring]
    changed = with_ring(annotation, ring, (*points[: index + 1], point, *points[index + 1 :]))
    assert changed is not None
    return changed, (ring, index + 1)


def without_vertices(annotation: Annotation, vertices: Iterable[Vertex]) -> Annotation | None:
    """The annotation without some vertices; None when no part would have three left."""
    gone = set(vertices)
    rings = [
        tuple(point for index, point in enumerate(ring) if (number, index) not in gone)
        for number, ring in enumerate(annotation.rings)
    ]
    return with_rings(annotation, rings)


def moved(annotation: Annotation, dx: float, dy: float, image: Image) -> Annotation:
    """The whole annotation elsewhere, as far as it stays within the image."""
    points = [point for outline, _ in annotation.parts for point in outline]
    xs, ys = zip(*points, strict=True)
    if image:
        dx = min(max(dx, -min(xs)), image[1] - max(xs))
        dy = min(max(dy, -min(ys)), image[0] - max(ys))
    return _mapped(annotation, lambda x, y: (x + dx, y + dy), image)


def turned(
    annotation: Annotation,
    centre: Point,
    scale: tuple[float, float] = (1.0, 1.0),
    degrees: float = 0.0,
    image: Image = None,
    aspect: float = 1.0,
) -> Annotation:
    """The annotation scaled along x and y, then turned clockwise on the screen, about `centre`; points leaving the
    image go to its border.

    aspect: height of a pixel over its width, so that a turn keeps lengths in mm.
    """
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def place(x: float, y: float) -> Point:
        across, down = (x - centre[0]) * scale[0], (y - centre[1]) * scale[1] * aspect
        return (centre[0] + across * cos - down * sin, centre[1] + (across * sin + down * cos) / aspect)

    return _mapped(annotation, place, image)


def _mapped(annotation: Annotation, place: Callable[[float, float], Point], image: Image) -> Annotation:
    changed = with_rings(
        annotation, [tuple(clipped(place(x, y), image) for x, y in ring) for ring in annotation.rings]
    )
    assert changed is not None
    return changed


def clipped(point: Point, image: Image) -> Point:
    """The point, or the nearest one of the image."""
    if image is None:
        return point
    return (min(max(point[0], 0.0), float(image[1])), min(max(point[1], 0.0), float(image[0])))
