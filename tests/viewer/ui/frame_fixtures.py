"""Values that the tests of the frame share; not a test."""

from pathlib import Path

import numpy as np

from viewer.annotation.document import Annotation, Document
from viewer.dicom.series import Note, Series, SliceHeader, Study
from viewer.dicom.volume import Volume
from viewer.session import Findings

THRESHOLDS = dict.fromkeys(("any", "EDH", "SDH", "SAH", "IVH", "IPH"), 0.5)
SQUARE = ((1.0, 1.0), (4.0, 1.0), (4.0, 4.0), (1.0, 4.0))


def header(uid: str, index: int) -> SliceHeader:
    """Slice `index` of a series of 8 × 8 pixels of 10 mm, 5 mm apart."""
    position = (0.0, 0.0, 5.0 * index)
    return SliceHeader(
        Path("x"), f"{uid}.{index}", 0, index, position, (1, 0, 0, 0, 1, 0), (10.0, 10.0), 8, 8, None
    )


def series(uid: str = "9", count: int = 10, notes: tuple[Note, ...] = (), **fields: object) -> Series:
    """An axial CT series."""
    values: dict[str, object] = {
        "study_uid": "1",
        "series_uid": uid,
        "number": 2,
        "modality": "CT",
        "description": "Brain",
        "slices": tuple(header(uid, i) for i in range(count)),
        "gaps_mm": (5.0,) * (count - 1),
        "z_mm": tuple(5.0 * i for i in range(count)),
        "tilt_deg": 0.0,
        "thickness_mm": 5.0,
        "transfer_syntax": "",
        "kernel": "",
        "technique": "",
        "notes": notes,
    }
    return Series(**(values | fields))  # type: ignore[arg-type]


def study(uid: str = "1", *all_series: Series, **fields: str) -> Study:
    """A study of 19 November 2026."""
    values = {
        "patient_name": "ANON^0042",
        "patient_id": "42",
        "sex": "M",
        "age": "071Y",
        "date": "20261119",
        "time": "031200",
        "description": "CT head",
    }
    return Study(study_uid=uid, series=all_series or (series(),), **(values | fields))


def volume(of: Series | None = None) -> Volume:
    """All slices loaded, water everywhere."""
    of = of or series()
    count = len(of.slices)
    return Volume(
        of, np.zeros((count, 8, 8), np.int16), np.ones(count, bool), np.zeros(count, bool), (10.0, 10.0)
    )


def findings(
    scores: dict[str, float] | None, slices: dict[int, dict[str, float]], count: int = 10
) -> Findings:
    """Findings whose slices score 0 but for those named; one mask pixel for each named subtype above 0.5."""
    codes = ("any", "EDH", "SDH", "SAH", "IVH", "IPH")
    table = np.zeros((count, 6), np.float32)
    masks = np.zeros((count, 8, 8), np.uint8)
    for index, named in slices.items():
        for code, score in named.items():
            table[index, codes.index(code)] = score
            if score > 0.5 and code != "any":
                masks[index, 0, codes.index(code)] = codes.index(code)
    whole = None if scores is None else dict.fromkeys(codes, 0.0) | scores
    return Findings("9", "toy-1", table, masks, count, count, whole, {"SDH": 1.5}, THRESHOLDS, 3.1)


def document(*subtypes: str) -> Document:
    """A polygon on slice 3, 4 … for each subtype, uid `a0`, `a1` …"""
    annotations = tuple(Annotation(f"a{i}", f"9.{3 + i}", 0, code, SQUARE) for i, code in enumerate(subtypes))
    return Document("1", "9", annotations)
