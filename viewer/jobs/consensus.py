"""Several readings of one series joined to one: by majority, or by STAPLE (Warfield, Zou and Wells, IEEE TMI 23(7)
2004). The readings stay as they are."""

from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from model.labels import CODES
from viewer.annotation.document import Annotation, Document, new_uid, slice_name
from viewer.annotation.raster import mask_outlines
from viewer.dicom.series import SliceHeader
from viewer.jobs.agreement import Mask, extent, subtype_masks

MARGIN_PX = 10
"""STAPLE looks at the pixels that any reading marks, and so far around: more background would only raise how
specific every reader seems."""

NEARLY_ALWAYS = 0.99999
SETTLED = 1e-7
MOST_ROUNDS = 1000


class Rule(StrEnum):
    """How readings are joined."""

    MAJORITY = "majority"
    STAPLE = "STAPLE"


def consensus(
    readings: Sequence[Document],
    slices: Sequence[SliceHeader],
    rule: Rule,
    *,
    new_uid: Callable[[], str] = new_uid,
) -> Document:
    """One document out of two or more: subtype by subtype the pixels that more than half of them mark, or those that
    STAPLE holds for likelier than not; and the slices that more than half call free of hemorrhage, where nothing is
    marked. Measures, marks and verdicts are nobody's. Raises PterionError for fewer than two readings."""
    if len(readings) < 2:
        raise PterionError(
            "A consensus needs two readings or more. Let a second reader read the series first."
        )
    found: list[Annotation] = []
    for code in CODES:
        here = extent(readings, slices, code)
        places = slices[here.start : here.stop]
        if not places:
            continue
        masks = [subtype_masks(document, places, code) for document in readings]
        joined = _majority(masks) if rule is Rule.MAJORITY else _staple(masks)
        for place, mask in zip(places, joined, strict=True):
            found += [
                Annotation(new_uid(), place.sop_uid, place.frame, code, outline, "consensus", holes=holes)
                for outline, holes in mask_outlines(mask)
            ]
    drawn = {annotation.slice_name for annotation in found}
    clean = {
        name
        for name in (slice_name(place.sop_uid, place.frame) for place in slices)
        if 2 * sum(name in document.reviewed_slices for document in readings) > len(readings)
    }
    first = readings[0]
    return Document(first.study_uid, first.series_uid, tuple(found), frozenset(clean - drawn))


def _majority(masks: Sequence[Mask]) -> Mask:
    votes = np.sum(masks, axis=0, dtype=np.int16)
    return np.asarray(2 * votes > len(masks))


def _staple(masks: Sequence[Mask]) -> Mask:
    """The mask that STAPLE estimates from masks (slices, rows, columns), at least one of them not empty."""
    any_ = np.any(masks, axis=(0, 1))
    rows, columns = np.flatnonzero(any_.any(1)), np.flatnonzero(any_.any(0))
    box = (
        slice(None),
        slice(max(int(rows[0]) - MARGIN_PX, 0), int(rows[-1]) + 1 + MARGIN_PX),
        slice(max(int(columns[0]) - MARGIN_PX, 0), int(columns[-1]) + 1 + MARGIN_PX),
    )
    votes = np.stack([mask[box].ravel() for mask in masks])
    codes = (1 << np.arange(len(masks), dtype=np.int64)) @ votes
    _, first, pattern, pixels = np.unique(codes, return_index=True, return_inverse=True, return_counts=True)
    joined = np.zeros(masks[0].shape, np.bool_)
    joined[box] = (likelihoods(votes[:, first], pixels) > 0.5)[pattern].reshape(joined[box].shape)
    return joined


def likelihoods(votes: Mask, pixels: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """How likely the truth is marked, by pattern of votes (readings, patterns); pixels: how many have each pattern.

    Expectation and maximisation in turn, equations 18 to 21 of the paper, from readers that are nearly always right.
    """
    prior = float((votes * pixels).sum() / (len(votes) * pixels.sum()))
    sensitivity = specificity = np.full(len(votes), NEARLY_ALWAYS)
    likely = np.zeros(votes.shape[1])
    for _ in range(MOST_ROUNDS):
        marked = prior * np.where(votes.T, sensitivity, 1 - sensitivity).prod(axis=1)
        clear = (1 - prior) * np.where(votes.T, 1 - specificity, specificity).prod(axis=1)
        likely = np.divide(marked, marked + clear, out=np.zeros_like(marked), where=marked + clear > 0)
        inside, outside = likely * pixels, (1 - likely) * pixels
        if not inside.sum() or not outside.sum():
            break
        before = sensitivity, specificity
        sensitivity, specificity = votes @ inside / inside.sum(), ~votes @ outside / outside.sum()
        if np.allclose(before, (sensitivity, specificity), rtol=0, atol=SETTLED):
            break
    return likely
