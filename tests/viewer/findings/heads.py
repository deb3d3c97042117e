"""Heads of known geometry, written as DICOM series and read back. Not a test.

World: LPS mm. The inside of the skull is an ellipsoid with half axes 65 (x), 80 (y) and 75 (z) mm around the origin,
the bone 7 mm thick, brain 35 HU, and two ventricles of 8 HU beside the midline.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.dicom.write import write_series

HALF_MM = (65.0, 80.0, 75.0)
BONE_MM = 7.0
Places = tuple[npt.NDArray[np.float64], ...]
Bleed = Callable[
    [npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]], npt.NDArray[np.bool_]
]


def radius(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], z: npt.NDArray[np.float64], more: float = 0
) -> npt.NDArray[np.float64]:
    """1 on the ellipsoid of the inner table, `more` mm further out."""
    a, b, c = (half + more for half in HALF_MM)
    return np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)


def hu_at(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], z: npt.NDArray[np.float64], shift_mm: float = 0.0
) -> npt.NDArray[np.int16]:
    """HU of places in the head; the ventricles are pushed `shift_mm` to the left."""
    hu = np.full(np.broadcast(x, y, z).shape, -1000, np.int16)
    hu[radius(x, y, z, BONE_MM) <= 1] = 1000
    hu[radius(x, y, z) <= 1] = 35
    pushed = x - shift_mm * np.cos(np.clip(y / 68, -1, 1) * np.pi / 2) ** 2
    for side in (-1, 1):
        inside = ((pushed - side * 12) / 6) ** 2 + ((y + 5) / 32) ** 2 + ((z - 12) / 18) ** 2 <= 1
        hu[inside] = 8
    return hu


def positions_of(
    heights: Sequence[float], size: int, pixel_mm: float, tilt_deg: float
) -> tuple[npt.NDArray[np.float64], tuple[float, ...]]:
    """Positions (slices, 3) of first pixels and orientation of slices tilted about x, as a tilted gantry has them."""
    angle = np.deg2rad(tilt_deg)
    down = np.array([0, np.cos(angle), np.sin(angle)])
    half = (size - 1) / 2 * pixel_mm
    centres = np.array([(0.0, 0.0, height) for height in heights])
    return centres - half * np.array([1.0, 0, 0]) - half * down, (1, 0, 0, *down)


def write_head(
    folder: Path,
    bleeds: Sequence[tuple[int, Bleed]],
    *,
    heights: Sequence[float] = tuple(np.arange(-45, 80, 5.0)),
    size: int = 128,
    pixel_mm: float = 1.4,
    tilt_deg: float = 0.0,
    shift_mm: float = 0.0,
    mirrored: bool = False,
    turned_deg: float = 0.0,
) -> tuple[Volume, npt.NDArray[np.uint8]]:
    """The head as read back from DICOM, and the masks of its bleeds (value, shape) on the slices of the volume.

    mirrored: rows run from the patient's left to the right, as some archives store them. turned_deg: head turned
    about z.
    """
    positions, orientation = positions_of(heights, size, pixel_mm, tilt_deg)
    if mirrored:
        positions = positions + np.array([(size - 1) * pixel_mm, 0, 0])
        orientation = (-1, 0, 0, *orientation[3:])
    right, down = np.array(orientation[:3]), np.array(orientation[3:])
    at = np.arange(size) * pixel_mm
    turn = np.deg2rad(turned_deg)
    hu = np.empty((len(heights), size, size), np.int16)
    masks = np.zeros(hu.shape, np.uint8)
    for index, position in enumerate(positions):
        points = position + at[:, None, None] * down + at[None, :, None] * right
        wx, wy, z = np.moveaxis(points, -1, 0)
        x, y = np.cos(turn) * wx + np.sin(turn) * wy, -np.sin(turn) * wx + np.cos(turn) * wy
        hu[index] = hu_at(x, y, z, shift_mm)
        for value, shape in bleeds:
            bleed = shape(x, y, z) & (radius(x, y, z) <= 1)
            hu[index][bleed], masks[index][bleed] = 65, value
    noise = np.random.default_rng(3).normal(0, 1.5, hu.shape)
    hu = (hu + np.where(hu > -500, noise, 0)).astype(np.int16)
    write_series(
        folder, hu, spacing_mm=(pixel_mm, pixel_mm), positions_mm=positions, orientation=orientation,
        patient_name="Head^Known", patient_id="KNOWN", study_description="CT HEAD",
        series_description="AXIAL", thickness_mm=5.0,
    )  # fmt: skip
    (study,) = scan([folder]).studies
    volume = load_all(study.series[0])
    same = np.array_equal(volume.hu, hu)
    order = np.arange(len(hu)) if same else np.arange(len(hu))[::-1]
    assert np.array_equal(volume.hu, hu[order])
    return volume, masks[order]


def ball(x: float, y: float, z: float, radius_mm: float) -> Bleed:
    """A ball around a place."""
    return lambda px, py, pz: (px - x) ** 2 + (py - y) ** 2 + (pz - z) ** 2 <= radius_mm**2


def crescent(side: int, thick_mm: float) -> Bleed:
    """Everything within some depth below the inner table of one side (+1 left), between two heights.

    At y = 0 the table of each slice runs across x, so the depth there is the thickness.
    """
    a, b, c = HALF_MM

    def shape(
        x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], z: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.bool_]:
        section = np.sqrt(np.clip(1 - (z / c) ** 2, 1e-6, None))
        angle = np.arctan2(y / b, x * side / a)
        taper = np.clip(1 - (angle / 0.9) ** 2, 0, None)
        outer = section * np.sqrt(np.clip(1 - (y / (b * section + 1e-9)) ** 2, 0, None)) * a
        return (np.abs(z) < 22) & (x * side > outer - thick_mm * taper)

    return shape
