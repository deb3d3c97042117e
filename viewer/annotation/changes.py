"""Changed copies of annotations and documents."""

from collections.abc import Sequence
from dataclasses import replace

from viewer.annotation.document import Annotation, Document, Point, Ring
from viewer.annotation.geometry import Shape, Vertex


def replaced(document: Document, uid: str, pieces: Sequence[Annotation]) -> Document:
    """The document with `pieces` in the place of one annotation."""
    annotations: list[Annotation] = []
    for annotation in document.annotations:
        annotations.extend(pieces if annotation.uid == uid else (annotation,))
    return replace(document, annotations=tuple(annotations))


def edited(
    annotation: Annotation, *, uid: str | None = None, subtype: str | None = None, shape: Shape | None = None
) -> Annotation:
    """The annotation after a reader's change: reviewed, and a model's proposal no longer untouched."""
    outline, holes = shape or (annotation.outline, annotation.holes)
    return replace(
        annotation,
        uid=uid or annotation.uid,
        subtype=subtype or annotation.subtype,
        outline=outline,
        holes=holes,
        source="model edited" if annotation.source == "model" else annotation.source,
        reviewed=True,
    )


def with_ring(annotation: Annotation, ring: int, points: Ring) -> Annotation:
    """Another ring in the place of one; a hole of fewer than three points goes."""
    rings = [*annotation.rings[:ring], points, *annotation.rings[ring + 1 :]]
    return edited(annotation, shape=(rings[0], tuple(hole for hole in rings[1:] if len(hole) >= 3)))


def with_point(annotation: Annotation, vertex: Vertex, point: Point) -> Annotation:
    """Another place for one vertex."""
    ring, index = vertex
    points = annotation.rings[ring]
    return with_ring(annotation, ring, (*points[:index], point, *points[index + 1 :]))


def with_vertex(annotation: Annotation, edge: Vertex, point: Point) -> tuple[Annotation, Vertex]:
    """A new vertex at `point` of an edge, and which one it is."""
    ring, index = edge
    points = annotation.rings[ring]
    return with_ring(annotation, ring, (*points[: index + 1], point, *points[index + 1 :])), (ring, index + 1)


def without_vertex(annotation: Annotation, vertex: Vertex) -> Annotation | None:
    """One vertex fewer; None when the outline would have fewer than three."""
    ring, index = vertex
    points = annotation.rings[ring][:index] + annotation.rings[ring][index + 1 :]
    return with_ring(annotation, ring, points) if ring or len(points) >= 3 else None


def moved(annotation: Annotation, dx: float, dy: float, image: tuple[int, int] | None) -> Annotation:
    """The whole polygon elsewhere, as far as it stays within the image of (rows, columns)."""
    xs, ys = zip(*annotation.outline, strict=True)
    if image:
        dx = min(max(dx, -min(xs)), image[1] - max(xs))
        dy = min(max(dy, -min(ys)), image[0] - max(ys))
    rings = [tuple(clipped((x + dx, y + dy), image) for x, y in ring) for ring in annotation.rings]
    return edited(annotation, shape=(rings[0], tuple(rings[1:])))


def clipped(point: Point, image: tuple[int, int] | None) -> Point:
    """The point, or the nearest one of an image of (rows, columns); None has no border."""
    if image is None:
        return point
    return (min(max(point[0], 0.0), float(image[1])), min(max(point[1], 0.0), float(image[0])))
