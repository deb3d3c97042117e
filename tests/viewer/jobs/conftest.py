"""What the tests of jobs share: a registry whose one model is the toy, and volumes without files."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from model.predict import Predictor
from model.registry import Registry
from viewer.dicom.series import Series, SliceHeader
from viewer.dicom.volume import Volume

TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of bundled versions: `toy-1`, see tests/toy_version.py."""
    folder = tmp_path_factory.mktemp("bundled")
    runpy.run_path(str(TESTS / "toy_version.py"))["make"](folder)
    return folder


@pytest.fixture
def registry(bundled: Path, tmp_path: Path) -> Registry:
    return Registry(bundled, tmp_path / "models")


@pytest.fixture(scope="session")
def predictor(bundled: Path) -> Predictor:
    return Predictor(bundled / "toy-1", threads=1)


@pytest.fixture
def make_series():
    """Make an axial series without files: 5 mm apart, 64 × 48 pixels of 2 mm, unless told otherwise."""

    def make(count: int = 5, *, gap_mm: float = 5.0, spacing_mm=(2.0, 2.0), **changes: object) -> Series:
        slices = tuple(
            SliceHeader(
                path=Path(f"{index}.dcm"),
                sop_uid=f"1.2.3.{index}",
                frame=0,
                instance_number=index + 1,
                position_mm=(0.0, 0.0, gap_mm * index),
                orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
                spacing_mm=spacing_mm,
                rows=64,
                columns=48,
                window=None,
            )
            for index in range(count)
        )
        values: dict[str, object] = {
            "study_uid": "1.2",
            "series_uid": "1.2.3",
            "number": 1,
            "modality": "CT",
            "description": "HEAD",
            "slices": slices,
            "gaps_mm": (gap_mm,) * (count - 1),
            "z_mm": tuple(gap_mm * index for index in range(count)),
            "tilt_deg": 0.0,
            "thickness_mm": 5.0,
            "transfer_syntax": "1.2.840.10008.1.2.1",
            "kernel": "H30s",
            "technique": "",
            "notes": (),
        }
        return Series(**{**values, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_volume(make_series):
    """Make a volume of one HU a slice, nothing of it loaded yet."""

    def make(*hu: int, series: Series | None = None) -> Volume:
        series = series or make_series(len(hu))
        header = series.slices[0]
        volume = Volume(
            series,
            np.empty((len(hu), header.rows, header.columns), np.int16),
            np.zeros(len(hu), np.bool_),
            np.zeros(len(hu), np.bool_),
            header.spacing_mm or (1.0, 1.0),
        )
        volume.hu[:] = np.array(hu, np.int16)[:, None, None]
        return volume

    return make
