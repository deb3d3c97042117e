"""Enhanced CT as another program writes it: highdicom's conversion of a classic series, one file or several."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless, generate_uid

from viewer.dicom.deidentify import deidentify
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, Series
from viewer.dicom.tags import read_tags
from viewer.dicom.write import write_series

ORDER = (3, 0, 5, 1, 4, 2)
"""Number of the frame that each slice becomes: not the order in which they lie."""
HEIGHTS = (0, 4, 8, 15, 22, 23)


def only(path: Path) -> Series:
    (study,) = scan(path).studies
    (series,) = study.series
    return series


@pytest.fixture(scope="module")
def hu() -> npt.NDArray[np.int16]:
    """HU (6, 9, 11), every pixel another."""
    return np.random.default_rng(7).permutation(6 * 9 * 11).reshape(6, 9, 11).astype(np.int16)


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory, hu: npt.NDArray[np.int16]) -> Path:
    """A tilted series with uneven gaps and flat pixels."""
    folder = tmp_path_factory.mktemp("classic") / "series"
    tilt = np.radians(18.5)
    orientation = (1.0, 0.0, 0.0, 0.0, float(np.cos(tilt)), float(-np.sin(tilt)))
    positions = [(-3.0, -4.0, float(z)) for z in HEIGHTS]
    write_series(
        folder, hu, spacing_mm=(0.7, 0.4), positions_mm=positions, orientation=orientation, thickness_mm=4.0
    )
    return folder


def converted(classic: Path, folder: Path, parts: int) -> Path:
    """The series as Legacy Converted Enhanced CT, its slices dealt to `parts` files of one series."""
    legacy = pytest.importorskip("highdicom.legacy")
    slices = [pydicom.dcmread(path) for path in sorted(classic.iterdir())]
    shuffled = [slices[index] for index in ORDER]
    for dataset in shuffled:
        dataset.PositionReferenceIndicator = ""
    folder.mkdir()
    series_uid = generate_uid()
    for part in range(parts):
        made = legacy.LegacyConvertedEnhancedCTImage(
            shuffled[part::parts],
            series_instance_uid=series_uid,
            series_number=7,
            sop_instance_uid=generate_uid(),
            instance_number=part + 1,
        )
        made.save_as(folder / f"part{part}")
    return folder


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_frames_of_all_files_make_one_series(
    classic: Path, tmp_path: Path, hu: npt.NDArray[np.int16], parts: int
) -> None:
    series, before = only(converted(classic, tmp_path / "enhanced", parts)), only(classic)
    assert [place.position_mm for place in series.slices] == [place.position_mm for place in before.slices]
    assert series.gaps_mm == pytest.approx(before.gaps_mm)
    assert series.tilt_deg == pytest.approx(18.5, abs=0.01)
    assert series.problems == {Problem.GANTRY_TILT, Problem.UNEVEN_SPACING}
    assert len({place.sop_uid for place in series.slices}) == parts
    volume = load_all(series)
    assert (volume.hu == hu).all()
    assert volume.spacing_mm == (0.7, 0.4)
    assert volume.patient_mm(2, 3.5, 4.5) == load_all(before).patient_mm(2, 3.5, 4.5)


def test_one_frame_s_tags(classic: Path, tmp_path: Path) -> None:
    """Of six frames, the functional groups of one are listed."""
    (path,) = converted(classic, tmp_path / "enhanced", 1).iterdir()
    for place in only(path).slices[::2]:
        rows = [row for row in read_tags(path, place.frame) if row.name == "Image Position (Patient)"]
        (row,) = [row for row in rows if row.depth > 0]
        assert tuple(map(float, row.value.split("\\"))) == place.position_mm


def test_without_its_patient_it_is_as_valid_as_before(
    classic: Path, tmp_path: Path, hu: npt.NDArray[np.int16]
) -> None:
    """The same HU at the same places, and no error by dciodvfy that the original does not have."""
    folder = converted(classic, tmp_path / "enhanced", 2)
    deidentify([folder], tmp_path / "out")
    volume = load_all(only(tmp_path / "out"))
    assert (volume.hu == hu).all()
    assert list(volume.series.gaps_mm) == pytest.approx(list(only(folder).gaps_mm))
    validator = shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    before = {error for path in folder.iterdir() for error in errors_of(validator, path)}
    after = {error for path in (tmp_path / "out").rglob("*.dcm") for error in errors_of(validator, path)}
    assert after <= before


def errors_of(validator: str, path: Path) -> set[str]:
    """What the validator calls an error."""
    said = subprocess.run([validator, str(path)], capture_output=True, text=True, check=False)
    return {line for line in (said.stderr + said.stdout).splitlines() if line.startswith("Error")}


def test_compressed_frames_with_an_extended_offset_table(
    classic: Path, tmp_path: Path, hu: npt.NDArray[np.int16]
) -> None:
    """(7FE0,0001) stands between the header and the pixels (PS3.3 C.7.6.3.1.8)."""
    import imagecodecs
    from pydicom.encaps import encapsulate_extended

    (path,) = converted(classic, tmp_path / "enhanced", 1).iterdir()
    data = pydicom.dcmread(path)
    assert data.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    frames = [bytes(imagecodecs.htj2k_encode(frame, reversible=True)) for frame in data.pixel_array]
    data.PixelData, data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = encapsulate_extended(frames)
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
    data.file_meta.TransferSyntaxUID = HTJ2KLossless
    data.save_as(path)
    assert (load_all(only(path)).hu == hu).all()
