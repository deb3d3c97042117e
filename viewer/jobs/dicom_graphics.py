"""A grayscale softcopy presentation state of a series: how it is looked at, and its measures as graphics."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from model.errors import PterionError
from viewer.annotation.document import Document
from viewer.dicom.volume import Volume
from viewer.imaging.placement import ViewState
from viewer.imaging.windows import Window
from viewer.jobs.dicom_out import RESEARCH, Sources, own_images, with_part
from viewer.measures import text
from viewer.measures.measure import Kind, Measure, Point
from viewer.measures.readings import index_of, read
from viewer.measures.regions import box_of
from viewer.measures.shaping import lines

if TYPE_CHECKING:
    from highdicom import ModalityLUTTransformation
    from highdicom.pr import GraphicAnnotation, GraphicLayer, GraphicObject
    from pydicom import Dataset


def turned_for_dicom(view: ViewState) -> tuple[int, bool]:
    """(ImageRotation in degrees clockwise, ImageHorizontalFlip) of a view (PS3.3 C.10.6).

    DICOM turns, then flips; a view flips, then turns. A vertical flip is a horizontal one and a half turn.
    """
    quarters = view.quarter_turns + (2 if view.flip_vertical else 0)
    flipped = view.flip_horizontal != view.flip_vertical
    return ((-quarters if flipped else quarters) % 4) * 90, flipped


def displayed(rows: int, columns: int, view: ViewState) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first and the last pixel (column, row, from 1) of what a view shows of an image (PS3.3 C.10.4).

    That is the part of the image's own shape that fills a viewport of that shape; beyond its border numbers below 1
    and above its size go on. A viewport of another shape shows a little more beside it.
    """
    corners = []
    for size, centre in ((columns, view.centre[0]), (rows, view.centre[1])):
        start, end = (size * (centre + side / (2 * view.zoom)) for side in (-1, 1))
        corners.append((round(start) + 1, max(round(end), round(start) + 1)))
    (left, right), (top, bottom) = corners
    return (left, top), (right, bottom)


def presentation_state(
    sources: Sources, volume: Volume, document: Document, window: Window, view: ViewState
) -> "Dataset":
    """The state of all slices of a series. Runs under `dicom_out.made`."""
    from highdicom import PresentationLUTShapeValues, PresentationLUTTransformation
    from highdicom.pr import GrayscaleSoftcopyPresentationState, SoftcopyVOILUTTransformation

    headers = sources.headers(range(len(volume.series.slices)))
    layer, annotations = _annotations(sources, volume, document)
    # What the images say of their polarity is overridden by the state (PS3.4 N.2.1.4, note 1).
    inverted = view.inverted != volume.series.inverted
    shape = PresentationLUTShapeValues.INVERSE if inverted else PresentationLUTShapeValues.IDENTITY
    dataset = GrayscaleSoftcopyPresentationState(
        referenced_images=headers,
        **own_images(1),
        graphic_layers=[layer] if annotations else None,
        graphic_annotations=annotations or None,
        modality_lut_transformation=_modality_lut(headers[0], volume),
        voi_lut_transformations=[
            SoftcopyVOILUTTransformation(window_center=window.level, window_width=max(window.width, 1.0))
        ],
        presentation_lut_transformation=PresentationLUTTransformation(shape),
    )
    place = volume.series.slices[0]
    for area in dataset.DisplayedAreaSelectionSequence:
        first, last = displayed(place.rows, place.columns, view)
        area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = list(first), list(last)
    degrees, flipped = turned_for_dicom(view)
    if degrees or flipped:
        dataset.ImageRotation = degrees
        dataset.ImageHorizontalFlip = "Y" if flipped else "N"
        for area in dataset.DisplayedAreaSelectionSequence:
            _turn_area(area, degrees, flipped=flipped)
    if "BodyPartExamined" not in with_part(dataset, headers[0]):
        dataset.Laterality = ""  # asked for wherever the part might be paired
    dataset.SeriesDescription = f"Presentation. {RESEARCH}"
    return dataset


def _modality_lut(header: "Dataset", volume: Volume) -> "ModalityLUTTransformation | None":
    """How stored values become HU where each frame of one file says so for itself; None: as the images say.

    Raises PterionError where frames differ: one state has one rescale for all its images.
    """
    from highdicom import ModalityLUTTransformation

    if "NumberOfFrames" not in header:
        return None
    layouts = (place.pixels for place in volume.series.slices)
    rescales = {(layout.slope, layout.intercept) for layout in layouts if layout is not None}
    if len(rescales) != 1:
        raise PterionError(
            "The frames of this series are rescaled to HU each in its own way, which a presentation state cannot say. "
            "Export a picture instead."
        )
    ((slope, intercept),) = rescales
    return ModalityLUTTransformation(rescale_intercept=intercept, rescale_slope=slope, rescale_type="HU")


def _turn_area(area: "Dataset", degrees: int, *, flipped: bool) -> None:
    """Name the corners of a displayed area as they lie once the image is turned (PS3.3 C.10.4)."""
    (left, top), (right, bottom) = (
        area.DisplayedAreaTopLeftHandCorner,
        area.DisplayedAreaBottomRightHandCorner,
    )
    corners = ((left, top), (right, top), (left, bottom), (right, bottom))
    places = np.rot90(np.arange(4).reshape(2, 2), -degrees // 90)
    places = np.fliplr(places) if flipped else places
    area.DisplayedAreaTopLeftHandCorner = list(corners[places[0, 0]])
    area.DisplayedAreaBottomRightHandCorner = list(corners[places[1, 1]])


def _annotations(
    sources: Sources, volume: Volume, document: Document
) -> "tuple[GraphicLayer, list[GraphicAnnotation]]":
    """The measures on source slices, one annotation a slice, all on one layer."""
    from highdicom.pr import GraphicAnnotation, GraphicLayer, TextObject

    layer = GraphicLayer("MEASURES", order=1, description="Measures")
    by_slice: dict[int, list[Measure]] = {}
    for measure in document.measures:
        sop_uid = getattr(measure.plane, "sop_uid", "")
        index = index_of(volume, sop_uid, getattr(measure.plane, "frame", 0)) if sop_uid else None
        if index is not None:
            by_slice.setdefault(index, []).append(measure)
    found = []
    for index, measures in sorted(by_slice.items()):
        header, place = sources.header(index), volume.series.slices[index]
        words = [
            TextObject(
                "\r\n".join(text.lines_beside(read(measure, volume))).replace("\N{NO-BREAK SPACE}", " "),
                units="PIXEL",
                anchor_point=_anchor(measure, place.rows, place.columns),
                anchor_point_visible=False,
            )
            for measure in measures
        ]
        graphics = [graphic for measure in measures for graphic in _graphics(measure)]
        found.append(GraphicAnnotation([header], layer, sources.frame(index), None, graphics, words))
    return layer, found


def _graphics(measure: Measure) -> "list[GraphicObject]":
    from highdicom.pr import GraphicObject

    if measure.kind is Kind.ELLIPSE:
        return [GraphicObject("ELLIPSE", ellipse_axes(measure.points), "PIXEL")]
    objects = []
    for path in lines(measure.kind, measure.points):
        kind = "POINT" if len(path) == 1 else "POLYLINE"
        objects.append(GraphicObject(kind, np.array(path, np.float32), "PIXEL"))
    return objects


def ellipse_axes(points: Sequence[Point]) -> np.ndarray:
    """Ends of the major, then of the minor axis (4, 2) of the ellipse in a box, as DICOM has it (C.18.6.1.2)."""
    left, top, right, bottom = box_of(points)
    x, y = (left + right) / 2, (top + bottom) / 2
    across, down = ((left, y), (right, y)), ((x, top), (x, bottom))
    pairs = (across, down) if right - left >= bottom - top else (down, across)
    return np.array([*pairs[0], *pairs[1]], np.float32)


def _anchor(measure: Measure, rows: int, columns: int) -> tuple[float, float]:
    """Where the words go: at the right end of the measure, within the image."""
    x, y = max(measure.points)
    return (min(max(x, 0.0), float(columns)), min(max(y, 0.0), float(rows)))
