"""Annotations in other programs' formats. Each file is read back as an import and compared, pixel by pixel, before it
appears where it was asked for."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from model.labels import CODES
from viewer.annotation.document import Annotation, Document
from viewer.annotation.export import export_masks
from viewer.annotation.raster import slice_labels
from viewer.dicom.files import file_error
from viewer.dicom.nifti import write_nifti
from viewer.dicom.nrrd import write_seg_nrrd
from viewer.dicom.volume import Volume
from viewer.interchange.coco import write_coco
from viewer.interchange.drawn import ExchangeError
from viewer.interchange.labelme import write_labelme
from viewer.interchange.reading import read_annotations
from viewer.jobs.agreement import slice_mask, subtype_masks


class Form(StrEnum):
    """What annotations are written as."""

    PNG = "PNG masks"
    NPZ = "NPZ masks"
    NIFTI = "NIfTI label map"
    NRRD = "NRRD segmentation"
    DICOM_SEG = "DICOM segmentation"
    COCO = "COCO"
    LABELME = "labelme"


FOLDERS = frozenset({Form.PNG, Form.NPZ, Form.LABELME})
"""Written as a folder of files; the others are one file."""
ONE_LABEL = frozenset({Form.PNG, Form.NPZ, Form.NIFTI})
"""Hold one subtype a pixel: where two overlap, the one drawn later is written."""
ENDINGS = {
    Form.NIFTI: (".nii.gz", ".nii"),
    Form.NRRD: (".seg.nrrd", ".nrrd"),
    Form.DICOM_SEG: (".dcm",),
    Form.COCO: (".json",),
}


def write_annotations(form: Form, out: Path, document: Document, volume: Volume) -> tuple[Path, ...]:
    """Write the annotations of a series to the file or (`FOLDERS`) into the folder `out`; the paths written.

    Raises PterionError where there is nothing to write, the format cannot hold the series, the disk refuses, or what
    was written does not read back the same. Then nothing of it stays, and what was there before is untouched.
    """
    lost = {(a.sop_uid, a.frame) for a in document.annotations} - {
        (place.sop_uid, place.frame) for place in volume.series.slices
    }
    if not document.annotations or lost:
        why = (
            f"{len(lost)} annotated slices are not part of the open series. Open the series with all its files"
            if lost
            else "There are no annotations in this series to export. Draw or accept some first"
        )
        raise ExchangeError(f"{why}. Nothing was exported.")
    with _aside(out, folder=form in FOLDERS) as aside:
        _MAKERS[form](aside, document, volume)
        _compare(form, aside, document, volume)
        return _put(aside, out, folder=form in FOLDERS)


@contextmanager
def _aside(out: Path, *, folder: bool) -> Iterator[Path]:
    """A place beside `out` to write to, which goes when the block ends."""
    try:
        home = out if folder else out.parent
        home.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".pterion-export-", dir=home))
    except OSError as error:
        raise file_error(error, f"Writing {out.name}") from error
    try:
        yield work if folder else work / out.name
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _put(aside: Path, out: Path, *, folder: bool) -> tuple[Path, ...]:
    """Move what was written where it belongs; files of the same name are replaced, on an error put back."""
    home = out if folder else out.parent
    names = sorted(path.name for path in aside.iterdir()) if folder else [out.name]
    source = aside if folder else aside.parent
    kept = source / ".earlier"
    moved: list[tuple[Path, Path]] = []
    try:
        kept.mkdir()
        for name in names:
            if (home / name).exists():
                os.replace(home / name, kept / name)
                moved.append((kept / name, home / name))
            os.replace(source / name, home / name)
            moved.append((home / name, source / name))
    except OSError as error:
        for here, there in reversed(moved):
            os.replace(here, there)
        raise file_error(error, f"Writing {out.name}") from error
    return tuple(home / name for name in names)


def _png(out: Path, document: Document, volume: Volume) -> None:
    export_masks(document, volume.series.slices, out)


def _npz(out: Path, document: Document, volume: Volume) -> None:
    export_masks(document, volume.series.slices, out, "npz")


def label_maps(document: Document, volume: Volume) -> npt.NDArray[np.uint8]:
    """Label maps uint8 (slices, rows, columns) of a series; where two subtypes overlap, the one drawn later."""
    return np.stack(
        [
            slice_labels(document, place.sop_uid, (place.rows, place.columns), place.frame)
            for place in volume.series.slices
        ]
    )


def _nifti(out: Path, document: Document, volume: Volume) -> None:
    write_nifti(out, label_maps(document, volume), volume.series, volume.spacing_mm)


def _masks(document: Document, volume: Volume) -> dict[str, npt.NDArray[np.bool_]]:
    drawn = {annotation.subtype for annotation in document.annotations}
    return {code: subtype_masks(document, volume.series.slices, code) for code in CODES if code in drawn}


def _nrrd(out: Path, document: Document, volume: Volume) -> None:
    write_seg_nrrd(out, _masks(document, volume), volume.series, volume.spacing_mm)


def _dicom_seg(out: Path, document: Document, volume: Volume) -> None:
    from viewer.jobs.dicom_segmentation import DrawnSegment, write_segmentation

    segments = []
    for code, mask in _masks(document, volume).items():
        kind, model_id = drawn_by([a for a in document.annotations if a.subtype == code])
        segments.append(DrawnSegment(code, mask, kind, model_id))
    write_segmentation(out, volume.series, segments)


def drawn_by(annotations: list[Annotation]) -> tuple[str, str]:
    """DICOM's word for how annotations came to be, and the models behind them: MANUAL where no model was, AUTOMATIC
    where nobody changed what one made, else SEMIAUTOMATIC."""
    models = sorted({a.model_id for a in annotations if a.source in ("model", "model edited") and a.model_id})
    if not models:
        return "MANUAL", ""
    untouched = all(a.source == "model" for a in annotations)
    return ("AUTOMATIC" if untouched else "SEMIAUTOMATIC"), " ".join(models)


def _coco(out: Path, document: Document, volume: Volume) -> None:
    write_coco(out, document, volume.series)


def _labelme(out: Path, document: Document, volume: Volume) -> None:
    write_labelme(out, document, volume.series)


_MAKERS: dict[Form, Callable[[Path, Document, Volume], None]] = {
    Form.PNG: _png,
    Form.NPZ: _npz,
    Form.NIFTI: _nifti,
    Form.NRRD: _nrrd,
    Form.DICOM_SEG: _dicom_seg,
    Form.COCO: _coco,
    Form.LABELME: _labelme,
}


def _compare(form: Form, out: Path, document: Document, volume: Volume) -> None:
    """Read what was written as an import would. Raises ExchangeError where a pixel differs."""
    series = volume.series
    try:
        found = read_annotations(out, series, volume.spacing_mm)
    except PterionError as error:
        raise ExchangeError(f"{_differs(form)} ({error})") from error
    again = Document(document.study_uid, document.series_uid, found.annotations, found.clean)
    for place in series.slices:
        here = document.on_slice(place.sop_uid, place.frame)
        there = again.on_slice(place.sop_uid, place.frame)
        if not here and not there:
            continue
        if form in ONE_LABEL:
            size = (place.rows, place.columns)
            one, other = (slice_labels(d, place.sop_uid, size, place.frame) for d in (document, again))
            same = np.array_equal(one, other)
        else:
            codes = {annotation.subtype for annotation in (*here, *there)}
            same = all(
                np.array_equal(slice_mask(document, place, code), slice_mask(again, place, code))
                for code in codes
            )
        if not same:
            raise ExchangeError(_differs(form))


def _differs(form: Form) -> str:
    return (
        f"The {form} did not read back as it was written, so nothing was exported. Check the disk, or choose another "
        "format."
    )
