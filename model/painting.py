"""Simulated bleeds in real heads: a stack of slices without bleeding gets one, with its labels.

Real skull bases, sutures and noise are what a phantom lacks; bleeds of other kinds are what few patients have.
Sizes and HU follow the components measured in BHSD (means 40 to 60 HU after partial volume).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.batches import Stack
from model.preprocess import PIXEL_MM

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_GAP_MM = 5.0
_BONE_HU = 250
_LEAST_BRAIN_MM2 = 5000
_LEAST_BLEED_MM2 = 25
_MOST_BONE = 0.35
"""A slice whose filled skull is bone to this share lies in the skull base, where nothing is painted."""


@dataclass(frozen=True)
class _Head:
    """Slices (S, N, N): hu, the inside of the skull, the depth below the inner table in mm, a smooth random field."""

    hu: Floats
    inside: Mask
    depth_mm: Floats
    field: Floats
    side: Floats


def paint(stack: Stack, rng: np.random.Generator) -> Stack:
    """A copy of a stack without bleeding with one simulated bleed; the stack itself where none fits."""
    head = _look(stack.hu, rng)
    if head is None:
        return stack
    value = int(rng.integers(1, 6))
    cover = _PAINTERS[value - 1](head, rng) * head.inside
    if (cover > 0.5).sum() * PIXEL_MM**2 < _LEAST_BLEED_MM2:
        return stack
    hu, labels, scores = stack.hu.copy(), stack.labels.copy(), stack.scores.copy()
    from scipy import ndimage

    soft = ndimage.gaussian_filter(cover, (0, 0.5, 0.5))
    clot = np.median(stack.hu[head.inside]) + rng.uniform(14, 38) + 3 * head.field
    noise = stack.hu - ndimage.gaussian_filter(stack.hu, (0, 1.5, 1.5))
    quiet = head.inside & (np.abs(noise) < 15)
    hu = hu + soft * (clot + np.where(quiet, noise, 0) - hu)
    labels[cover > 0.5] = value
    present = (cover > 0.5).sum((1, 2)) >= 4
    scores[present, 0] = scores[present, value] = 1
    return Stack(hu.astype(np.float32), labels, scores)


def _look(hu: Floats, rng: np.random.Generator) -> _Head | None:
    """The head's inside, or None where the stack shows too little brain."""
    from scipy import ndimage

    inside = np.zeros(hu.shape, np.bool_)
    depth = np.zeros(hu.shape, np.float32)
    for z, image in enumerate(hu):
        bone = image > _BONE_HU
        filled = ndimage.binary_fill_holes(ndimage.binary_closing(bone, iterations=2))
        brain = ndimage.binary_opening(filled & (image > -20) & (image < 100), iterations=2)
        labelled, count = ndimage.label(brain)
        if count and (filled & bone).sum() < _MOST_BONE * filled.sum():
            brain = labelled == int(np.bincount(labelled.ravel())[1:].argmax()) + 1
            inside[z] = filled & ~bone & ndimage.binary_dilation(brain, iterations=2)
            depth[z] = ndimage.distance_transform_edt(inside[z]) * PIXEL_MM
    if inside.sum((1, 2)).max() * PIXEL_MM**2 < _LEAST_BRAIN_MM2:
        return None
    field = ndimage.gaussian_filter(rng.standard_normal(hu.shape), (0.7, 5, 5))
    field = (field / field.std()).astype(np.float32)
    middle = np.flatnonzero(inside.any((0, 1))).mean()
    side = ((np.arange(hu.shape[2]) - middle) * PIXEL_MM * rng.choice([-1, 1])).astype(np.float32)
    return _Head(hu, inside, depth, field, np.broadcast_to(side, hu.shape))


def _distance_mm(head: _Head, centre: tuple[int, int, int], stretch: npt.NDArray[np.float64]) -> Floats:
    z, row, column = np.indices(head.hu.shape, dtype=np.float32)
    steps = ((z - centre[0]) * _GAP_MM, (row - centre[1]) * PIXEL_MM, (column - centre[2]) * PIXEL_MM)
    squares = [(s * k) ** 2 for s, k in zip(steps, stretch, strict=True)]
    return np.asarray(np.sqrt(np.sum(squares, 0)), np.float32)


def _somewhere(head: _Head, allowed: Mask, rng: np.random.Generator) -> tuple[int, int, int] | None:
    places = np.flatnonzero(allowed & head.inside)
    if not len(places):
        return None
    z, row, column = np.unravel_index(places[rng.integers(len(places))], allowed.shape)
    return int(z), int(row), int(column)


def _epidural(head: _Head, rng: np.random.Generator) -> Floats:
    """A lens against the inner table."""
    centre = _somewhere(head, head.depth_mm < 2, rng)
    if centre is None:
        return np.zeros_like(head.hu)
    reach = rng.uniform(14, 40)
    along = _distance_mm(head, centre, np.array([rng.uniform(0.8, 1.4), 1, 1]))
    thickness = reach * rng.uniform(0.3, 0.6) * np.sqrt(np.clip(1 - (along / reach) ** 2, 0, None))
    return _soft(thickness - head.depth_mm)


def _subdural(head: _Head, rng: np.random.Generator) -> Floats:
    """A crescent along the inner table of one side."""
    centre = _somewhere(head, (head.depth_mm < 2) & (head.side > 15), rng)
    if centre is None:
        return np.zeros_like(head.hu)
    reach = rng.uniform(45, 100)
    along = _distance_mm(head, centre, np.array([1, rng.uniform(0.7, 1), 1]))
    thickest = float(np.clip(rng.lognormal(np.log(7), 0.4), 3, 18))
    thickness = thickest * np.clip(1 - (along / reach) ** 2, 0, None) ** 0.4 * (1 + 0.15 * head.field)
    return _soft(np.minimum(thickness - head.depth_mm, head.side - 2))


def _subarachnoid(head: _Head, rng: np.random.Generator) -> Floats:
    """Blood in the sulci and cisterns of a region."""
    fluid = _fluid(head) & (head.depth_mm < 30)
    centre = _somewhere(head, fluid, rng)
    if centre is None:
        return np.zeros_like(head.hu)
    near = rng.uniform(15, 45) + 6 * head.field - _distance_mm(head, centre, np.ones(3))
    return _widened(fluid & (near > 0)) * np.float32(rng.uniform(0.7, 1))


def _intraventricular(head: _Head, rng: np.random.Generator) -> Floats:
    """Blood in the deep fluid, from a level down to the back (the patient lies on it)."""
    from scipy import ndimage

    labelled, count = ndimage.label(_fluid(head) & (head.depth_mm > 22))
    sizes = np.bincount(labelled.ravel())[1:]
    if not count or sizes.max() < 60:
        return np.zeros_like(head.hu)
    fluid = labelled == int(sizes.argmax()) + 1
    rows = np.nonzero(fluid)[1]
    level = np.quantile(rows, rng.uniform(0, 0.85))
    low = np.broadcast_to(np.arange(head.hu.shape[1])[None, :, None] >= level + head.field, fluid.shape)
    return _widened(fluid & low)


def _intraparenchymal(head: _Head, rng: np.random.Generator) -> Floats:
    """A rough ellipsoid within the brain."""
    centre = _somewhere(head, head.depth_mm > rng.choice([6, 18]), rng)
    if centre is None:
        return np.zeros_like(head.hu)
    radius = float(np.clip(rng.lognormal(np.log(9), 0.5), 3, 28))
    away = _distance_mm(head, centre, rng.uniform(0.75, 1.35, 3))
    return _soft(np.minimum(radius * (1 + 0.18 * head.field) - away, head.depth_mm - 1.5))


_PAINTERS: tuple[Callable[[_Head, np.random.Generator], Floats], ...] = (
    _epidural,
    _subdural,
    _subarachnoid,
    _intraventricular,
    _intraparenchymal,
)


def _fluid(head: _Head) -> Mask:
    """Cerebrospinal fluid, by its HU after smoothing."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(head.hu, (0, 1, 1))
    typical = np.median(head.hu[head.inside])
    return np.asarray(head.inside & (smooth < typical - 10) & (smooth > -15))


def _soft(signed_mm: Floats) -> Floats:
    return np.asarray(np.clip(signed_mm / PIXEL_MM + 0.5, 0, 1), np.float32)


def _widened(mask: Mask) -> Floats:
    """The mask and half of its rim: blood swells what it fills."""
    from scipy import ndimage

    rim = ndimage.binary_dilation(mask, np.ones((1, 3, 3), np.bool_))
    return np.where(mask, 1, np.where(rim, 0.5, 0)).astype(np.float32)
