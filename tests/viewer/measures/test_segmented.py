"""The segmented volume beside ABC/2, and readings that wait for their pixels."""

from dataclasses import replace

import numpy as np
import pytest

from viewer.annotation.document import Annotation, Document
from viewer.dicom.series import Problem
from viewer.measures.measure import Kind, Measure, SlicePlane
from viewer.measures.readings import NOT_READ, Readings
from viewer.measures.segmented import around, drawn_masks

SQUARE = ((10.0, 10.0), (20.0, 10.0), (20.0, 20.0), (10.0, 20.0))


def test_the_subtype_around_the_measure_counts_with_all_its_slices(phantom) -> None:
    """100 px of 0.4 mm² in slices 3 and 4, which stand for 4 mm each: 0.32 mL; the other subtype lies elsewhere."""
    volume = phantom()
    corner = Annotation("x", "1.2.3.3", 0, "SDH", ((60.0, 40.0), (79.0, 40.0), (79.0, 59.0)))
    squares = (Annotation(str(i), f"1.2.3.{i}", 0, "IPH", SQUARE) for i in (3, 4))
    document = Document("1.2", "1.2.3", (*squares, corner))
    masks = drawn_masks(volume, document)
    ai = np.zeros_like(masks)
    ai[3, 10:20, 10:15] = 2
    drawn, model = around(volume, [("drawn", masks), ("AI", ai)], 3, ((12, 15), (18, 15), (15, 12), (15, 18)))
    assert (drawn.code, drawn.volume_ml) == ("IPH", pytest.approx(0.32))
    assert list(drawn.areas_px) == [0, 0, 0, 100, 100, 0, 0, 0, 0]
    assert (model.code, model.volume_ml) == ("SDH", pytest.approx(0.08))
    assert drawn.text == "drawn IPH 0.3 mL"
    (one,) = around(volume, [("drawn", masks), ("AI", ai)], 3, SQUARE, {"AI": ("IPH",)})
    assert one.source == "drawn"


def test_nothing_segmented_there_is_nothing_beside(phantom) -> None:
    volume = phantom()
    assert around(volume, [("AI", np.zeros(volume.hu.shape, np.uint8))], 3, SQUARE) == ()
    assert around(volume, [("AI", np.ones((1, 2, 2), np.uint8))], 0, SQUARE) == ()  # of another series


def test_without_spacing_the_segmented_volume_is_not_known(phantom) -> None:
    volume = phantom(problems=(Problem.NO_SPACING,))
    (found,) = around(volume, [("AI", np.ones(volume.hu.shape, np.uint8))], 3, SQUARE)
    assert found.volume_ml is None
    assert found.text == "AI EDH"


def test_a_region_is_read_again_once_its_slice_is_there(phantom) -> None:
    volume, readings = phantom(), Readings()
    box = Measure("m", Kind.RECTANGLE, SlicePlane("1.2.3.3"), ((10, 10), (20, 20)))
    volume.loaded[3] = False
    assert NOT_READ in readings.of(box, volume).cautions
    volume.loaded[3] = True
    first = readings.of(box, volume)
    assert first.statistics is not None
    assert readings.of(box, volume) is first
    other = replace(volume, hu=volume.hu + np.int16(100))
    assert readings.of(box, other).number("mean") == pytest.approx(first.number("mean") + 100)
