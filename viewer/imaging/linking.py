"""How linked viewports follow each other: by places in the patient, in mm, whatever their series' slices are like."""

from dataclasses import replace
from typing import Protocol

import numpy as np

from viewer.imaging.placement import ViewState, clamped_zoom
from viewer.imaging.reformat import Vector
from viewer.imaging.sections import Section

PARALLEL = 0.86
"""Planes whose normals point the same way by more than this (30°) scroll together."""
Shift = Vector | None
Look = tuple[Section, int, ViewState]
"""A section, the stop that is shown, and how."""


class Placed(Protocol):
    """What is known of where a series lies."""

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""

    @property
    def frame_of_reference_uid(self) -> str:
        """FrameOfReferenceUID, empty where unknown."""


def same_place(one: Placed, other: Placed) -> bool:
    """Whether coordinates of two series mean the same place."""
    if one.frame_of_reference_uid and other.frame_of_reference_uid:
        return one.frame_of_reference_uid == other.frame_of_reference_uid
    return one.study_uid == other.study_uid


def shifted(place: Vector, by_mm: Shift, *, back: bool = False) -> Vector:
    """A place moved by an offset, or back."""
    if by_mm is None:
        return place
    x, y, z = (a - b if back else a + b for a, b in zip(place, by_mm, strict=True))
    return (x, y, z)


def centre_of(section: Section, stop: int, view: ViewState) -> Vector | None:
    """The place in the middle of a viewport."""
    rows, columns = section.shape
    return section.patient_mm(stop, (view.centre[0] * columns, view.centre[1] * rows))


def parallel(one: Section, other: Section) -> bool:
    """Whether two sections look the same way, from either side."""
    normals = []
    for section in (one, other):
        directions = section.orientation(section.count // 2)
        if directions is None:
            return one is other
        normals.append(np.cross(directions[:3], directions[3:]))
    return bool(abs(normals[0] @ normals[1]) > PARALLEL)


def followed_stop(own: Section, its: Section, stop: int, view: ViewState, shift: Shift) -> int | None:
    """The stop nearest to the place that another viewport shows; None where it scrolls another way."""
    if own is its:
        return stop
    if not parallel(own, its):
        return None
    place = centre_of(its, stop, view)
    point = None if place is None else own.image_point(shifted(place, shift))
    return None if point is None else min(max(round(point[0]), 0), own.count - 1)


def followed_view(mine: Look, leader: Look, before: ViewState, shift: Shift) -> ViewState:
    """How a viewport looks after the one it is linked with changed from `before`.

    Parallel pictures show the same place at the same scale; others take the step in mm and the factor along.
    """
    (own, stop, view), (its, its_stop, now) = mine, leader
    if own is its:
        return replace(view, zoom=now.zoom, centre=now.centre)
    place = centre_of(its, its_stop, now)
    if place is None:
        return view
    if parallel(own, its):
        zoom = clamped_zoom(now.zoom * _extent_mm(own) / _extent_mm(its))
        return replace(view, zoom=zoom, centre=_centred(own, shifted(place, shift)) or view.centre)
    here, there = centre_of(own, stop, view), centre_of(its, its_stop, before)
    if here is None or there is None:
        return view
    moved = shifted(here, shifted(place, there, back=True))
    zoom = clamped_zoom(view.zoom * now.zoom / before.zoom)
    return replace(view, zoom=zoom, centre=_centred(own, moved) or view.centre)


def _extent_mm(section: Section) -> float:
    rows, columns = section.shape
    return max(rows * section.spacing_mm[0], columns * section.spacing_mm[1])


def _centred(section: Section, place: Vector) -> tuple[float, float] | None:
    """The centre (as fractions) that shows a place in the middle; it stays on the image."""
    point = section.image_point(place)
    if point is None:
        return None
    rows, columns = section.shape
    return (min(max(point[1] / columns, 0.0), 1.0), min(max(point[2] / rows, 0.0), 1.0))
