"""One door for every import: what a file is stands in it, not in its name alone."""

from collections.abc import Mapping
from pathlib import Path

from viewer.annotation.export import NOTE_NAME
from viewer.dicom.files import file_error
from viewer.dicom.series import Series
from viewer.interchange.coco import read_coco
from viewer.interchange.dicom_in import read_dicom
from viewer.interchange.drawn import ExchangeError, Found, Imported, imported
from viewer.interchange.labelme import json_of, read_labelme
from viewer.interchange.masks import read_export, read_npz
from viewer.interchange.tracings import read_tracings
from viewer.interchange.volumes import read_nifti, read_nrrd

KINDS = (
    "DICOM SEG and RTSTRUCT, NIfTI, NRRD and .seg.nrrd, COCO, labelme, NPZ, masks.json beside PNG, and the table of "
    "polygons Results_*.csv"
)


def read_annotations(
    path: Path, series: Series, spacing_mm: tuple[float, float], mapping: Mapping[str, str] | None = None
) -> Imported:
    """What a file or folder holds for the open series, as annotations to add: all of it, or none.

    spacing_mm: that of the volume. mapping: see `drawn.imported`. Raises NamesWantedError for names nobody knows, and
    PterionError where the file is damaged, of no known kind, or belongs to another series, grid or frame of reference.
    """
    return imported(path, _found(path, series, spacing_mm), series, mapping or {})


def _found(path: Path, series: Series, spacing_mm: tuple[float, float]) -> Found:
    name = path.name.casefold()
    try:
        if path.is_dir():
            return read_export(path, series) if (path / NOTE_NAME).is_file() else read_labelme(path, series)
        with path.open("rb") as file:
            head = file.read(256)
    except OSError as error:
        raise file_error(error, f"Reading {path.name}") from error
    if name == NOTE_NAME:
        return read_export(path.parent, series)
    if head[128:132] == b"DICM":
        return read_dicom(path, series, spacing_mm)
    if head.startswith(b"NRRD000"):
        return read_nrrd(path, series, spacing_mm)
    if name.endswith((".nii", ".nii.gz")):
        return read_nifti(path, series, spacing_mm)
    if head.startswith(b"PK\x03\x04") and name.endswith(".npz"):
        return read_npz(path, series)
    if name.endswith(".csv"):
        return read_tracings(path, series)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        content = json_of(path)
        if isinstance(content, dict) and "images" in content and "annotations" in content:
            return read_coco(path, content, series)
        if isinstance(content, dict) and "shapes" in content:
            return read_labelme(path, series)
    raise ExchangeError(f"{path.name} is none of what can be imported: {KINDS}.")
