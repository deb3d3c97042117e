"""What the tests of imports and exports share: DICOM series that lie anyhow, and annotations that test everything."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from viewer.annotation.document import Annotation, Document
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.volume import Volume
from viewer.dicom.write import write_series

ROWS, COLUMNS, SLICES = 40, 32, 5
Geometry = tuple[tuple[float, ...], tuple[float, float], np.ndarray]
_TILT = np.radians(18.5)


def _positions(step: tuple[float, float, float]) -> np.ndarray:
    return np.array([(-20.0, -31.5, 7.0)]) + np.arange(SLICES)[:, None] * np.array(step)


GEOMETRIES: dict[str, Geometry] = {
    "plain": ((1, 0, 0, 0, 1, 0), (1.0, 1.0), _positions((0, 0, 5))),
    "anisotropic": ((1, 0, 0, 0, 1, 0), (0.5, 1.75), _positions((0, 0, 2.5))),
    "flipped": ((-1, 0, 0, 0, -1, 0), (1.25, 1.25), _positions((0, 0, 4))),
    "tilted gantry": (
        (1, 0, 0, 0, float(np.cos(_TILT)), float(np.sin(_TILT))),
        (0.75, 0.75),
        _positions((0, 0, 5)),
    ),
    "coronal": ((1, 0, 0, 0, 0, -1), (1.0, 1.0), _positions((0, 3, 0))),
}


@pytest.fixture(scope="session")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Volume]:
    """A loaded series in each geometry, 5 slices of 40 × 32 pixels; `uneven` has gaps of 5, 5, 7 and 7 mm."""
    made = {}
    uneven = _positions((0, 0, 5))
    uneven[3:, 2] += (2.0, 4.0)
    for name, (orientation, spacing, positions) in {
        **GEOMETRIES,
        "uneven": ((1, 0, 0, 0, 1, 0), (1.0, 1.0), uneven),
    }.items():
        folder = tmp_path_factory.mktemp("series") / name.replace(" ", "-")
        hu = np.random.default_rng(len(name)).integers(-20, 90, (SLICES, ROWS, COLUMNS)).astype(np.int16)
        write_series(
            folder,
            hu,
            spacing_mm=spacing,
            positions_mm=positions,
            orientation=orientation,
            patient_name="Phantom^Test",
            patient_id="PHANTOM-1",
            study_description="CT HEAD",
            series_description=name,
            thickness_mm=5.0,
        )
        (study,) = scan([folder]).studies
        made[name] = load_all(study.series[0])
    return made


@pytest.fixture
def volume(volumes: dict[str, Volume]) -> Volume:
    return volumes["plain"]


def ring(*flat: float) -> tuple[tuple[float, float], ...]:
    return tuple(zip(flat[::2], flat[1::2], strict=True))


@pytest.fixture
def drawn() -> Callable[..., Document]:
    """Annotations of a volume: off every axis of symmetry, with a hole, two subtypes that overlap, and a mark."""

    def make(volume: Volume) -> Document:
        uids = [place.sop_uid for place in volume.series.slices]
        one = ring(3.2, 4.1, 14.7, 5.3, 12.4, 16.8, 4.9, 13.3)
        hole = ring(6.2, 7.1, 6.2, 9.8, 9.4, 9.8, 9.4, 7.1)
        return Document(
            volume.series.study_uid,
            volume.series.series_uid,
            (
                Annotation("a", uids[0], 0, "SDH", one, holes=(hole,)),
                Annotation("b", uids[1], 0, "SDH", ring(20, 20, 28, 22, 21, 33)),
                Annotation("c", uids[1], 0, "IPH", ring(18, 24, 26, 24, 26, 30, 18, 30), "model", "m1"),
                Annotation("d", uids[3], 0, "EDH", ring(1, 1, 5, 1, 5, 8, 1, 8), "model edited", "m1"),
            ),
            frozenset({uids[4]}),
        )

    return make


@pytest.fixture
def series_folder(volume: Volume) -> Path:
    return volume.series.slices[0].path.parent
