"""What every test shares: no real screen, no real user data, a small series of known content."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# Before Qt or torch is imported: paint into memory, and let idle OpenMP threads sleep instead of spin.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import numpy.typing as npt
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_data_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test gets an empty data folder of its own."""
    monkeypatch.setenv("PTERION_DATA", str(tmp_path_factory.mktemp("pterion-data")))


@pytest.fixture(autouse=True)
def _denormals_as_they_were() -> Iterator[None]:
    """Training lets the processor flush denormal numbers to zero; the next test must not notice."""
    yield
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_flush_denormal(False)


@pytest.fixture
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is unpacked and copied goes below `tmp_path`, and is let go of after the test."""
    from viewer.dicom import cache

    monkeypatch.setenv("PTERION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_default", [])
    yield
    for one in cache._default:
        one.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real head CT, which is never part of the repository."""
    folder = Path(os.environ.get("PTERION_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real data: set PTERION_SHARED_DATA to the folder that holds ct-ich and head-ct-dicom")
    return folder


@pytest.fixture(scope="session")
def phantom_hu() -> npt.NDArray[np.int16]:
    """HU (8, 128, 96) of a head: air -1000, a skull 1000 (ellipse of 48 × 40 px, 4 px thick), brain 35, and in
    slices 3 to 5 a bleed of 70 HU in rows 60..69, columns 30..41."""
    row, column = np.mgrid[:128, :96] + 0.5
    head = ((row - 64) / 48) ** 2 + ((column - 48) / 40) ** 2 <= 1
    brain = ((row - 64) / 44) ** 2 + ((column - 48) / 36) ** 2 <= 1
    hu = np.where(brain, 35, np.where(head, 1000, -1000)).astype(np.int16)
    volume = np.repeat(hu[None], 8, axis=0)
    volume[3:6, 60:70, 30:42] = 70
    return volume


@pytest.fixture(scope="session")
def phantom_series(tmp_path_factory: pytest.TempPathFactory, phantom_hu: npt.NDArray[np.int16]) -> Path:
    """Folder of `phantom_hu` as a DICOM CT series: axial, 1.75 mm pixels, slices 5 mm apart. Do not write to it."""
    folder = tmp_path_factory.mktemp("phantom") / "series"
    write_phantom(folder, phantom_hu)
    return folder


@pytest.fixture
def write_series_copy(tmp_path: Path, phantom_hu: npt.NDArray[np.int16]) -> Callable[[str], Path]:
    """Write `phantom_hu` to a folder of this test's own, which it may damage."""

    def write(name: str = "series") -> Path:
        write_phantom(tmp_path / name, phantom_hu)
        return tmp_path / name

    return write


def write_phantom(folder: Path, hu: npt.NDArray[np.int16]) -> None:
    """Write `hu` as an axial series with 1.75 mm pixels and 5 mm gaps, centred left to right."""
    from viewer.dicom.write import write_series

    write_series(
        folder,
        hu,
        spacing_mm=(1.75, 1.75),
        positions_mm=np.array([(-83.125, -111.125, 5.0 * index) for index in range(len(hu))]),
        orientation=(1, 0, 0, 0, 1, 0),
        patient_name="Phantom^Test",
        patient_id="PHANTOM-1",
        study_description="CT HEAD",
        series_description="AXIAL 5 mm",
        thickness_mm=5.0,
    )
