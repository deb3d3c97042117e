"""HU and geometry → a valid series of CT Image Storage (PS3.3 A.3), whole or not at all."""

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from model.errors import PterionError
from viewer.dicom.files import file_error

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
ESTIMATED = "Estimated from the head width, not measured by the scanner"
_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True)
class _Texts:
    """What the header says besides geometry."""

    patient_name: str
    patient_id: str
    patient_sex: str
    patient_age: str
    study_description: str
    series_description: str
    series_number: int
    date: str
    time: str
    kernel: str
    kvp: float | None
    window: tuple[float, float]
    derived_notes: str


def write_series(
    folder: Path,
    hu: npt.NDArray[np.int16],
    *,
    spacing_mm: tuple[float, float],
    positions_mm: npt.ArrayLike,
    orientation: Sequence[float] = AXIAL,
    patient_name: str = "",
    patient_id: str = "",
    study_description: str = "",
    series_description: str = "",
    thickness_mm: float | None = None,
    derived_notes: str = "",
    spacing_estimated: bool = False,
    lossy_source: bool = False,
    patient_sex: str = "",
    patient_age: str = "",
    series_number: int = 1,
    study_date: str = "",
    study_time: str = "",
    kernel: str = "",
    kvp: float | None = None,
    window: tuple[float, float] = (80.0, 40.0),
    rescale_intercept: int | None = None,
    study_uid: str | None = None,
    frame_of_reference_uid: str | None = None,
    seed: str | None = None,
) -> list[Path]:
    """Write slices as `IM0001.dcm` … into `folder` (made if needed) and return their paths.

    hu: int16 (n, rows, columns). positions_mm: (n, 3), ImagePositionPatient of each slice (LPS, mm).
    orientation: ImageOrientationPatient, row direction then column direction. spacing_mm: (between rows,
    between columns). thickness_mm, kvp: left empty where None. window: (width, level).
    rescale_intercept: stored value = HU - intercept, as int16; None takes -1024, or 0 where that would
    not fit.
    spacing_estimated: marks the spacing so that `viewer.dicom.scan` reports SPACING_ESTIMATED
    (Pixel Spacing Calibration Type FIDUCIAL, PS3.3 10.7.1.3).
    lossy_source: says that the pixels were compressed with loss before (LOSSY_SOURCE in a scan).
    seed: the same seed gives the same UIDs; None gives random ones.

    Raises PterionError (disk full, no permission, file already there) and then leaves nothing behind;
    ValueError for arrays whose shapes do not fit.
    """
    positions = np.asarray(positions_mm, np.float64)
    _check(hu, positions, spacing_mm, orientation)
    now = dt.datetime.now()
    texts = _Texts(
        patient_name=patient_name,
        patient_id=patient_id,
        patient_sex=patient_sex,
        patient_age=patient_age,
        study_description=study_description,
        series_description=series_description,
        series_number=series_number,
        date=study_date or now.strftime("%Y%m%d"),
        time=study_time or now.strftime("%H%M%S"),
        kernel=kernel,
        kvp=kvp,
        window=window,
        derived_notes=derived_notes,
    )
    shared = _header(texts)
    _place(shared, spacing_mm, orientation, thickness_mm, estimated=spacing_estimated)
    shared.StudyInstanceUID = study_uid or _uid(seed, "study")
    shared.SeriesInstanceUID = _uid(seed, f"series {series_number}")
    shared.FrameOfReferenceUID = frame_of_reference_uid or _uid(seed, "frame of reference")
    shared.Rows, shared.Columns = hu.shape[1:]
    if lossy_source:
        shared.LossyImageCompression = "01"
    intercept = _intercept(hu) if rescale_intercept is None else rescale_intercept
    shared.RescaleIntercept = str(intercept)
    stored = _stored(hu, intercept)
    slices = (
        _slice(shared, stored[i], positions[i], i, _uid(seed, f"series {series_number} slice {i}"))
        for i in range(len(hu))
    )
    names = [f"IM{i + 1:04d}.dcm" for i in range(len(hu))]
    return _write_all(folder, names, slices)


def _check(
    hu: npt.NDArray[np.int16],
    positions: npt.NDArray[np.float64],
    spacing_mm: tuple[float, float],
    orientation: Sequence[float],
) -> None:
    """Raise ValueError naming the first argument that does not fit."""
    if hu.ndim != 3 or 0 in hu.shape or hu.dtype != np.int16:
        raise ValueError(f"hu must be int16 (slices, rows, columns), got {hu.dtype} {hu.shape}")
    if max(hu.shape[1:]) > 65535:
        raise ValueError(f"DICOM holds at most 65535 rows and columns, got {hu.shape[1:]}")
    if positions.shape != (len(hu), 3) or not np.isfinite(positions).all():
        raise ValueError(f"positions_mm must be {len(hu)} finite points, got shape {positions.shape}")
    if len(spacing_mm) != 2 or not all(np.isfinite(value) and value > 0 for value in spacing_mm):
        raise ValueError(f"spacing_mm must be two positive lengths, got {spacing_mm}")
    axes = np.asarray(orientation, np.float64)
    if axes.shape != (6,) or not np.allclose(np.outer(axes, axes)[[0, 1, 2], [3, 4, 5]].sum(), 0, atol=1e-4):
        raise ValueError(f"orientation must be two perpendicular unit vectors, got {tuple(orientation)}")
    if not np.allclose([np.linalg.norm(axes[:3]), np.linalg.norm(axes[3:])], 1, atol=1e-4):
        raise ValueError(f"orientation must be two perpendicular unit vectors, got {tuple(orientation)}")


def _header(texts: _Texts) -> Dataset:
    """The elements that all slices share, without geometry and UIDs."""
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    header.ImageType = ["DERIVED" if texts.derived_notes else "ORIGINAL", "PRIMARY", "AXIAL"]
    header.SOPClassUID = CTImageStorage
    header.StudyDate = header.SeriesDate = header.ContentDate = header.AcquisitionDate = texts.date
    header.StudyTime = header.SeriesTime = header.ContentTime = header.AcquisitionTime = texts.time
    header.AccessionNumber = ""
    header.Modality = "CT"
    header.Manufacturer = "Pterion"
    header.ReferringPhysicianName = ""
    header.StudyDescription = _long_string(texts.study_description)
    header.SeriesDescription = _long_string(texts.series_description)
    if texts.derived_notes:
        header.DerivationDescription = texts.derived_notes
    header.PatientName = texts.patient_name
    header.PatientID = _long_string(texts.patient_id)
    header.PatientBirthDate = ""
    header.PatientSex = texts.patient_sex
    if texts.patient_age:
        header.PatientAge = texts.patient_age
    header.BodyPartExamined = "HEAD"
    header.KVP = None if texts.kvp is None else _decimal(texts.kvp)
    header.SoftwareVersions = "Pterion"
    if texts.kernel:
        header.ConvolutionKernel = texts.kernel
    header.PatientPosition = "HFS"
    header.StudyID = ""
    header.SeriesNumber = texts.series_number
    header.AcquisitionNumber = None
    header.PositionReferenceIndicator = ""
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit = 15
    header.PixelRepresentation = 1
    header.WindowWidth, header.WindowCenter = _decimal(texts.window[0]), _decimal(texts.window[1])
    header.RescaleSlope = "1"
    header.RescaleType = "HU"
    return header


def _place(
    header: Dataset,
    spacing_mm: tuple[float, float],
    orientation: Sequence[float],
    thickness_mm: float | None,
    *,
    estimated: bool,
) -> None:
    """Put the geometry that all slices share into their header."""
    header.PixelSpacing = [_decimal(value) for value in spacing_mm]
    header.ImageOrientationPatient = [_decimal(value) for value in orientation]
    header.SliceThickness = None if thickness_mm is None else _decimal(thickness_mm)
    if estimated:
        header.PixelSpacingCalibrationType = "FIDUCIAL"
        header.PixelSpacingCalibrationDescription = ESTIMATED


def _slice(
    shared: Dataset, stored: npt.NDArray[np.int16], position: npt.NDArray[np.float64], index: int, uid: str
) -> FileDataset:
    """One file's content."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = uid  # type: ignore[assignment]
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationVersionName = "PTERION"
    content = FileDataset("", dict(shared), file_meta=meta, preamble=b"\0" * 128)
    content.SOPInstanceUID = uid
    content.InstanceNumber = index + 1
    content.ImagePositionPatient = [_decimal(value) for value in position]
    content.add_new(0x7FE00010, "OW", stored.astype("<i2", copy=False).tobytes())
    return content


def _write_all(folder: Path, names: list[str], slices: Iterator[FileDataset]) -> list[Path]:
    """Write into a hidden folder beside the goal, then move; undo everything on failure."""
    made = _make(folder)
    moved: list[Path] = []
    work: Path | None = None
    name = folder.name
    try:
        taken = [name for name in names if (folder / name).exists()]
        if taken:
            raise PterionError(
                f"The folder {folder.name} already holds {taken[0]}. Choose an empty folder.",
                code="FILE_EXISTS",
            )
        work = Path(tempfile.mkdtemp(dir=folder, prefix=".pterion-"))
        for name, content in zip(names, slices, strict=True):
            with (work / name).open("wb") as file:
                content.save_as(file, enforce_file_format=True)
                file.flush()
                os.fsync(file.fileno())
        for name in names:
            os.replace(work / name, folder / name)
            moved.append(folder / name)
        work.rmdir()
    except BaseException as error:
        for path in moved:
            path.unlink(missing_ok=True)
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
        for path in made:
            path.rmdir()
        if isinstance(error, OSError):
            raise file_error(error, f"Writing {name} in {folder.name}") from error
        raise
    return moved


def _make(folder: Path) -> list[Path]:
    """Make `folder` and its parents; return those that were made, innermost first."""
    made: list[Path] = []
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        for path in reversed(missing):
            path.mkdir()
            made.insert(0, path)
    except OSError as error:
        for path in made:
            path.rmdir()
        raise file_error(error, f"Making the folder {folder.name}") from error
    return made


def _intercept(hu: npt.NDArray[np.int16]) -> int:
    """-1024 as scanners have it, or 0 where some value would leave int16."""
    return -1024 if int(hu.max()) + 1024 <= _INT16.max else 0


def _stored(hu: npt.NDArray[np.int16], intercept: int) -> npt.NDArray[np.int16]:
    """HU minus the intercept as int16 (slices, rows, columns)."""
    if intercept == 0:
        return hu
    if int(hu.min()) - intercept < _INT16.min or int(hu.max()) - intercept > _INT16.max:
        raise ValueError(f"HU {hu.min()} … {hu.max()} do not fit int16 with rescale intercept {intercept}")
    return (hu - np.int16(intercept)).astype(np.int16, copy=False)


def _uid(seed: str | None, what: str) -> str:
    """A UID: random, or the same for the same seed and role."""
    return str(generate_uid(entropy_srcs=None if seed is None else ["pterion", seed, what]))


def _long_string(text: str) -> str:
    """Text as a Long String takes it: at most 64 characters, no backslash (PS3.5 6.2)."""
    return text.replace("\\", "/")[:64]


def _decimal(value: float) -> str:
    """A Decimal String of at most 16 characters, as exact as it can be (PS3.5 6.2)."""
    text = repr(float(value) + 0.0).removesuffix(".0")
    digits = 16
    while len(text) > 16:
        digits -= 1
        text = f"{float(value):.{digits}g}"
    return text
