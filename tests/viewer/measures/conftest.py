"""A phantom of known geometry: anisotropic pixels, a tilted stack, regions of known HU."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from viewer.dicom.series import Note, Problem, Series, SliceHeader
from viewer.dicom.volume import Volume

PhantomMaker = Callable[..., Volume]


def make_phantom(
    *,
    count: int = 9,
    shape: tuple[int, int] = (60, 80),
    spacing_mm: tuple[float, float] = (0.8, 0.5),
    gap_mm: float = 4.0,
    tilt: float = 0.0,
    problems: tuple[Problem, ...] = (),
) -> Volume:
    """HU rise by 1 a column, 2 a row and 10 a slice from -100. Slices lie `gap_mm` apart along the normal, and
    move `tilt` mm down their own columns for each mm along it."""
    rows, columns = shape
    index, row, column = np.mgrid[:count, :rows, :columns]
    hu = (column + 2 * row + 10 * index - 100).astype(np.int16)
    down = (0.0, 1.0, 0.0)
    headers = tuple(
        SliceHeader(
            path=Path(f"IM{i}"),
            sop_uid=f"1.2.3.{i}",
            frame=0,
            instance_number=i + 1,
            position_mm=(-20.0, -24.0 + tilt * gap_mm * i, gap_mm * i),
            orientation=(1.0, 0.0, 0.0, *down),
            spacing_mm=None if Problem.NO_SPACING in problems else spacing_mm,
            rows=rows,
            columns=columns,
            window=None,
        )
        for i in range(count)
    )
    series = Series(
        study_uid="1.2",
        series_uid="1.2.3",
        number=2,
        modality="CT",
        description="Brain",
        slices=headers,
        gaps_mm=(gap_mm,) * (count - 1),
        z_mm=tuple(gap_mm * i for i in range(count)),
        tilt_deg=0.0,
        thickness_mm=gap_mm,
        transfer_syntax="",
        kernel="",
        technique="",
        notes=tuple(Note(problem, "", "") for problem in problems),
    )
    spacing = (1.0, 1.0) if Problem.NO_SPACING in problems else spacing_mm
    return Volume(series, hu, np.ones(count, bool), np.zeros(count, bool), spacing)


@pytest.fixture
def phantom() -> PhantomMaker:
    return make_phantom
