"""The model's masks as outlines a reader can edit."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.annotation.document import Document
from viewer.annotation.proposals import propose
from viewer.annotation.raster import dice, mask_outlines, polygon_mask, slice_labels
from viewer.annotation.vectorise import smooth_shape


@dataclass(frozen=True)
class Slice:
    sop_uid: str
    frame: int = 0
    rows: int = 64
    columns: int = 64


SLICES = [Slice(f"1.2.{number}") for number in range(4)]


def disc(x: float, y: float, radius: float) -> npt.NDArray[np.bool_]:
    row, column = np.mgrid[:64, :64] + 0.5
    return (column - x) ** 2 + (row - y) ** 2 < radius**2


def test_regions_become_annotations_of_the_model_not_yet_reviewed() -> None:
    masks = np.zeros((4, 64, 64), np.uint8)
    masks[1][disc(20, 20, 8)] = 2
    masks[1][disc(45, 45, 6)] = 5
    masks[3][disc(30, 30, 10)] = 2
    found = propose(masks, SLICES, "model-1")
    assert [(a.sop_uid, a.subtype) for a in found] == [("1.2.1", "SDH"), ("1.2.1", "IPH"), ("1.2.3", "SDH")]
    assert {(a.source, a.model_id, a.reviewed) for a in found} == {("model", "model-1", False)}
    document = Document(annotations=found)
    for index in range(4):
        labels = slice_labels(document, SLICES[index].sop_uid, (64, 64))
        for value in (2, 5):
            assert dice(labels == value, masks[index] == value) >= 0.95


def test_a_disc_needs_few_points() -> None:
    [(outline, holes)] = mask_outlines(disc(30.2, 31.7, 14))
    smooth, _ = smooth_shape((outline, holes))
    assert len(smooth) < len(outline) / 2


def test_specks_are_left_out_and_pinholes_filled() -> None:
    masks = np.zeros((4, 64, 64), np.uint8)
    masks[0][disc(30, 30, 12)] = 1
    masks[0, 30, 30] = 0
    masks[0, 5:7, 5:8] = 1
    [found] = propose(masks, SLICES, "m")
    assert found.holes == ()


def test_real_holes_stay() -> None:
    masks = np.zeros((4, 64, 64), np.uint8)
    masks[0][disc(30, 30, 14) & ~disc(30, 30, 7)] = 4
    [found] = propose(masks, SLICES, "m")
    assert len(found.holes) == 1
    assert not polygon_mask(found.outline, (64, 64), found.holes)[30, 30]


def test_no_mask_no_annotation() -> None:
    assert propose(np.zeros((4, 64, 64), np.uint8), SLICES, "m") == ()


@given(st.integers(0, 2**32 - 1), st.floats(0.8, 4), st.floats(0.6, 0.95))
@settings(max_examples=10, deadline=None)
def test_outlines_of_ragged_masks_are_valid_and_close(seed: int, blur: float, share: float) -> None:
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(np.random.default_rng(seed).random((64, 64)), blur)
    masks = np.zeros((1, 64, 64), np.uint8)
    masks[0][field > np.quantile(field, share)] = 3
    found = propose(masks, SLICES, "m", smallest_px=1)
    assert all(shapely.Polygon(a.outline, a.holes).is_valid for a in found)
    labels = slice_labels(Document(annotations=found), SLICES[0].sop_uid, (64, 64))
    assert dice(labels == 3, masks[0] == 3) >= 0.95 - 1e-9


def test_masks_that_people_drew_survive_exactly_and_smooth_closely(shared_data: Path) -> None:
    import imagecodecs

    paths = sorted((shared_data / "ct-ich" / "Patients_CT").glob("*/brain/*_HGE_Seg.jpg"))[::6]
    assert paths
    for path in paths:
        grey = imagecodecs.jpeg_decode(path.read_bytes())
        mask = (grey if grey.ndim == 2 else grey[..., 0]) >= 128
        again = np.zeros_like(mask)
        for shape in mask_outlines(mask):
            region = polygon_mask(shape[0], mask.shape, shape[1])
            smooth = smooth_shape(shape)
            assert dice(polygon_mask(smooth[0], mask.shape, smooth[1]), region) >= 0.95
            again |= region
        assert np.array_equal(again, mask)
