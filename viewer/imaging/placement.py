"""Where an image lies in a viewport: fit, zoom, pan, flips and quarter turns as one affine map.

Image points are image-relative (column, row), PS3.3 C.18.6: pixel (c, r) covers [c, c+1) × [r, r+1). Screen points
are (x right, y down) in logical pixels of the viewport. The order is: centre on the point that is looked at, scale
to mm, flip, turn clockwise, zoom. So a turn always turns what is on the screen.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor

Vector = tuple[float, float]

ZOOM_RANGE = (0.1, 60.0)
_TURNS = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))  # rows of the clockwise turn, y down


def clamped_zoom(zoom: float) -> float:
    """`zoom` within `ZOOM_RANGE`."""
    return min(max(zoom, ZOOM_RANGE[0]), ZOOM_RANGE[1])


@dataclass(frozen=True)
class ViewState:
    """How a viewport looks at its image.

    zoom: screen pixels per image pixel relative to "fit" (1 = fit).
    centre: image-relative point (column, row) as a fraction of the image, at the viewport's centre.
    """

    zoom: float = 1.0
    centre: Vector = (0.5, 0.5)
    flip_horizontal: bool = False
    flip_vertical: bool = False
    quarter_turns: int = 0
    inverted: bool = False


@dataclass(frozen=True)
class Placement:
    """An image of `rows` × `columns` pixels of `spacing_mm` (between rows, between columns) in a viewport of
    `size_px` (width, height).

    zoom: 1 fits the whole image in the viewport. centre: what the viewport's centre shows, as a fraction (of the
    columns, of the rows). quarter_turns: clockwise.
    """

    rows: int
    columns: int
    spacing_mm: Vector
    size_px: Vector
    zoom: float = 1.0
    centre: Vector = (0.5, 0.5)
    flip_horizontal: bool = False
    flip_vertical: bool = False
    quarter_turns: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError where the image, the viewport or the zoom has no extent."""
        if self.rows < 1 or self.columns < 1 or not all(spacing > 0 for spacing in self.spacing_mm):
            raise ValueError(
                f"an image needs pixels of some size, got {self.rows} × {self.columns}, {self.spacing_mm}"
            )
        if not all(side > 0 for side in self.size_px) or self.zoom <= 0:
            raise ValueError(f"a viewport and its zoom must be positive, got {self.size_px}, {self.zoom}")

    @classmethod
    def of(cls, shape: tuple[int, int], spacing_mm: Vector, size_px: Vector, view: ViewState) -> "Placement":
        """Where an image of `shape` (rows, columns) lies as `view` looks at it."""
        return cls(
            *shape,
            spacing_mm=spacing_mm,
            size_px=size_px,
            zoom=view.zoom,
            centre=view.centre,
            flip_horizontal=view.flip_horizontal,
            flip_vertical=view.flip_vertical,
            quarter_turns=view.quarter_turns,
        )

    @cached_property
    def px_per_mm(self) -> float:
        """Logical screen pixels a millimetre."""
        height_mm, width_mm = self.rows * self.spacing_mm[0], self.columns * self.spacing_mm[1]
        if self.quarter_turns % 2:
            height_mm, width_mm = width_mm, height_mm
        return self.zoom * min(self.size_px[0] / width_mm, self.size_px[1] / height_mm)

    @property
    def magnification(self) -> float:
        """Logical screen pixels a pixel, between neighbouring columns."""
        return self.px_per_mm * self.spacing_mm[1]

    @cached_property
    def matrix(self) -> tuple[float, float, float, float, float, float]:
        """(a, b, c, d, e, f) with x = a·column + b·row + e and y = c·column + d·row + f."""
        across = self.px_per_mm * self.spacing_mm[1] * (-1 if self.flip_horizontal else 1)
        down = self.px_per_mm * self.spacing_mm[0] * (-1 if self.flip_vertical else 1)
        p, q, r, s = _TURNS[self.quarter_turns % 4]
        a, b, c, d = p * across, q * down, r * across, s * down
        column, row = self.centre[0] * self.columns, self.centre[1] * self.rows
        return (
            a,
            b,
            c,
            d,
            self.size_px[0] / 2 - a * column - b * row,
            self.size_px[1] / 2 - c * column - d * row,
        )

    def to_screen(self, point: Vector) -> Vector:
        """Screen point of an image point."""
        a, b, c, d, e, f = self.matrix
        return (a * point[0] + b * point[1] + e, c * point[0] + d * point[1] + f)

    def to_image(self, point: Vector) -> Vector:
        """Image point (column, row) of a screen point."""
        a, b, c, d, e, f = self.matrix
        x, y, determinant = point[0] - e, point[1] - f, a * d - b * c
        return ((d * x - b * y) / determinant, (a * y - c * x) / determinant)

    def pixel_at(self, point: Vector) -> tuple[int, int] | None:
        """The pixel (column, row) under a screen point, or None beside the image."""
        column, row = self.to_image(point)
        if 0 <= column < self.columns and 0 <= row < self.rows:
            return (int(column), int(row))
        return None

    @cached_property
    def fills(self) -> bool:
        """Whether the image leaves no part of the viewport free."""
        width, height = self.size_px
        corners = (self.to_image((0.0, 0.0)), self.to_image((width, height)))
        e = 1e-6  # of a pixel: what rounding leaves
        return all(-e <= x <= self.columns + e and -e <= y <= self.rows + e for x, y in corners)

    @property
    def uncovered(self) -> tuple[tuple[int, int, int, int], ...]:
        """Boxes (left, top, width, height) of screen pixels that the image does not cover; its rim is among them."""
        (x0, y0), (x1, y1) = (self.to_screen(at) for at in ((0, 0), (self.columns, self.rows)))
        width, height = (ceil(side) for side in self.size_px)
        left, top = max(ceil(min(x0, x1)) + 1, 0), max(ceil(min(y0, y1)) + 1, 0)
        right, bottom = min(floor(max(x0, x1)) - 1, width), min(floor(max(y0, y1)) - 1, height)
        if right <= left or bottom <= top:
            return ((0, 0, width, height),)
        boxes = (
            (0, 0, width, top),
            (0, bottom, width, height - bottom),
            (0, top, left, bottom - top),
            (right, top, width - right, bottom - top),
        )
        return tuple(box for box in boxes if box[2] > 0 and box[3] > 0)

    def centre_panned(self, shift_px: Vector) -> Vector:
        """The centre after the image is dragged by `shift_px` on the screen; it stays on the image."""
        middle = (self.size_px[0] / 2 - shift_px[0], self.size_px[1] / 2 - shift_px[1])
        return self._fraction(self.to_image(middle))

    def zoomed(self, factor: float, around: Vector) -> tuple[float, Vector]:
        """Zoom and centre after zooming by `factor` with the image point under the screen point `around` kept
        there, as far as the centre stays on the image."""
        zoom = clamped_zoom(self.zoom * factor)
        share = 1 - self.zoom / zoom
        middle = (self.size_px[0] / 2, self.size_px[1] / 2)
        towards = (middle[0] + (around[0] - middle[0]) * share, middle[1] + (around[1] - middle[1]) * share)
        return zoom, self._fraction(self.to_image(towards))

    def _fraction(self, point: Vector) -> Vector:
        return (min(max(point[0] / self.columns, 0.0), 1.0), min(max(point[1] / self.rows, 0.0), 1.0))


def flipped_on_screen(
    flips: tuple[bool, bool], quarter_turns: int, *, left_to_right: bool
) -> tuple[bool, bool]:
    """The (horizontal, vertical) flips of the image after what is on the screen is mirrored, whatever its turn."""
    horizontal, vertical = flips
    if left_to_right == (quarter_turns % 2 == 0):
        return (not horizontal, vertical)
    return (horizontal, not vertical)
