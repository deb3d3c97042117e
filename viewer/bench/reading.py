"""What reading promises: every transfer syntax beside SimpleITK, headers beside pydicom, a folder of 20 000 files.

The series is a simulated head with the noise of a thin slice, which decides how well, and how slowly, it compresses.

Every probe is a process of its own with its imports done before the clock starts; ours and the peer's take turns, so
that a busy machine slows both, and medians are compared. `load`: from a folder's path to the whole volume in HU; ours
tells all that a scan finds, SimpleITK finds and sorts the files of the series. `headers`: from the path to sorted
series with their problems, beside a bare loop over `dcmread` in the same process. `open_fast`: from the action of
opening to the paint of the first slice, and the process's peak of memory above the idle window until all slices are
there. `open_late` and `index_late`: how late a 5 ms timer of the window fires, from the action until nothing is left
to do: scanning, loading, thumbnails, scoring beside it, and what the library notes. `index`: the scan alone, studies
told as they are found. `library_open`: opening the database, asking each file whether it changed, unpacking study and
thumbnail.
"""

import io
import os
import struct
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from viewer.bench.rows import Promise

EVERY_SYNTAX = "every syntax"
"""In place of the folder of one syntax: the folder that holds them all."""
SLICES, DISTINCT, SIDE = 300, 60, 512
INDEXED, A_SERIES = 20_000, 200
_NOISE_HU = 5.0
TURNS = 5
_RLE, _JPEG_LOSSLESS, _JPEG_LS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"
_JPEG_2000, _HTJ2K = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201"
_EXPLICIT, _DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
_PEER = "SimpleITK series reader"

SYNTAXES = {
    "uncompressed": (_EXPLICIT, 4.0),
    "rle": (_RLE, 4.0),
    "jpeg_lossless": (_JPEG_LOSSLESS, 2.0),
    "htj2k": (_HTJ2K, 2.0),
    "deflated": (_DEFLATED, 2.0),
    "jpeg_ls": (_JPEG_LS, 1.5),
    "jpeg_2000": (_JPEG_2000, 1.1),
}
"""Transfer syntax, and how many times as fast as the peer it has to be."""

PROMISES = (
    *(
        Promise(
            f"B.load_{name}", "s", None, f"300 slices, {name.replace('_', ' ')}: path to HU", _PEER, times
        )
        for name, (_, times) in SYNTAXES.items()
    ),
    Promise("B.scan", "s", None, "300 headers: folder to sorted series", "pydicom stop_before_pixels", 5.0),
    Promise("B.first_slice", "s", 0.25, "300 slices opened in the window: the first on screen"),
    Promise("B.load_memory", "× volume", 1.6, "peak above the idle window while they load"),
    Promise("B.gui_late_p99", "ms", 16, "a 5 ms timer of the window while series of every syntax are opened"),
    Promise("B.index_20000", "s", INDEXED / 1500, "20 000 files indexed (1 500 a second)"),
    Promise("B.index_late_p99", "ms", 16, "a 5 ms timer of the window meanwhile"),
    Promise("B.library_open", "ms", 50, "a known study of 300 slices, from the library to its thumbnails"),
)

PROBES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    *((probe, (f"B.load_{name}",), name) for name in SYNTAXES for probe in ("load", "load_simpleitk")),
    ("headers", ("B.scan",), "uncompressed"),
    ("open_fast", ("B.first_slice", "B.load_memory"), "uncompressed"),
    ("open_late", ("B.gui_late_p99",), EVERY_SYNTAX),
    ("index", ("B.index_20000",), "indexed"),
    ("index_late", ("B.index_late_p99",), "indexed"),
    ("library_open", ("B.library_open",), "uncompressed"),
)
"""Probe, the rows that it fills, and the folder that it reads."""


@cache
def head_hu() -> npt.NDArray[np.int16]:
    """HU (60, 512, 512) of a simulated head, twice as fine as it was simulated, with noise at the finer grid."""
    from model.phantom import generate

    coarse = generate(5, size=SIDE // 2, slices=30, thickness_mm=5.0).hu
    random = np.random.default_rng(1)
    noise = [_grain(random) for _ in range(8)]
    places = np.linspace(0, len(coarse) - 1, DISTINCT)
    hu = np.empty((DISTINCT, SIDE, SIDE), np.int16)
    for index, place in enumerate(places):
        below = min(int(place), len(coarse) - 2)
        share = place - below
        plane = coarse[below] * (1 - share) + coarse[below + 1] * share
        hu[index] = np.clip(np.rint(_twice(plane) + noise[index % len(noise)]), -1024, 3071)
    return hu


def _grain(random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Noise (512, 512) whose neighbours are alike, as reconstruction leaves it."""
    white = random.normal(size=(SIDE + 1, SIDE + 1))
    grain = white[:-1, :-1] + 0.6 * (white[1:, :-1] + white[:-1, 1:]) + 0.36 * white[1:, 1:]
    return np.asarray(_NOISE_HU * grain / grain.std())


def _twice(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A plane at twice as many rows and columns, linear in between."""
    size = len(plane)
    at = np.clip(np.arange(2 * size) / 2 - 0.25, 0, size - 1)
    below = np.minimum(at.astype(int), size - 2)
    share = at - below
    rows = plane[below] * (1 - share)[:, None] + plane[below + 1] * share[:, None]
    return np.asarray(rows[:, below] * (1 - share) + rows[:, below + 1] * share)


def prepare(name: str, work: Path) -> Path:
    """The folder of a probe, written when it is asked for first, down to the disk: writing back is not measured."""
    if name == EVERY_SYNTAX:
        for syntax in SYNTAXES:
            prepare(syntax, work)
        return work
    folder = work / name
    if not folder.exists():
        if name == "indexed":
            write_indexed(folder, INDEXED, A_SERIES)
        else:
            write(folder, SYNTAXES[name][0], SLICES, head_hu())
        settle()
    return folder


def settle() -> None:
    """Wait until the system has written what it still keeps in memory."""
    if sys.platform != "win32":
        os.sync()


def write(folder: Path, syntax: str, slices: int, hu: npt.NDArray[np.int16]) -> None:
    """An axial series of 0.5 mm slices, 12 bits stored in 16, in a transfer syntax; the planes of `hu` repeat."""
    import pydicom
    from pydicom.encaps import encapsulate

    from viewer.dicom.write import write_series

    positions = np.zeros((slices, 3))
    positions[:, 2] = 0.5 * np.arange(slices)
    planes = np.broadcast_to(hu[:1, :1, :1], (slices, *hu.shape[1:]))
    paths = write_series(
        folder,
        planes,
        spacing_mm=(0.45, 0.45),
        positions_mm=positions,
        rescale_intercept=-1024,
        patient_id="BENCH",
    )
    coded: dict[int, bytes] = {}
    for index, path in enumerate(paths):
        which = index * len(hu) // slices
        if which not in coded:
            coded[which] = encode((hu[which].astype(np.int32) + 1024).astype("<u2"), syntax)
        data = pydicom.dcmread(path)
        data.BitsStored, data.HighBit, data.PixelRepresentation = 12, 11, 0
        data.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
        plain = syntax in (_EXPLICIT, _DEFLATED)
        data.PixelData = coded[which] if plain else encapsulate([coded[which]])
        data["PixelData"].VR = "OW" if plain else "OB"
        data["PixelData"].is_undefined_length = not plain
        if syntax == _DEFLATED:
            _save_deflated(data, path)
        else:
            data.save_as(path)


def _save_deflated(data: Any, path: Path) -> None:
    """As pydicom saves it, but deflated by libdeflate, which does not take half a minute for 300 files."""
    import imagecodecs
    import pydicom

    from viewer.dicom.header import data_set_start

    plain = io.BytesIO()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    pydicom.dcmwrite(plain, data)
    content = plain.getvalue()
    meta = pydicom.filebase.DicomBytesIO()
    meta.write(bytes(128) + b"DICM")
    data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    pydicom.filewriter.write_file_meta_info(meta, data.file_meta)
    deflated = bytes(imagecodecs.deflate_encode(content[data_set_start(content) :], level=6, raw=True))
    path.write_bytes(meta.getvalue() + deflated + b"\0" * (len(deflated) % 2))


def encode(stored: npt.NDArray[np.uint16], syntax: str) -> bytes:
    """One frame of 12 bits in a transfer syntax, without loss."""
    import imagecodecs

    if syntax == _JPEG_LOSSLESS:
        return bytes(imagecodecs.jpeg8_encode(stored, lossless=True, predictor=1))
    if syntax == _JPEG_LS:
        return bytes(imagecodecs.jpegls_encode(stored, level=0))
    if syntax == _JPEG_2000:
        return bytes(
            imagecodecs.jpeg2k_encode(stored, level=0, codecformat="J2K", reversible=True, bitspersample=12)
        )
    if syntax == _HTJ2K:
        return bytes(imagecodecs.htj2k_encode(stored, reversible=True))
    if syntax != _RLE:
        return stored.tobytes()
    high, low = (stored >> 8).astype(np.uint8), (stored & 255).astype(np.uint8)
    planes = [
        b"".join(bytes(imagecodecs.packbits_encode(row.tobytes())) for row in plane) for plane in (high, low)
    ]
    planes = [plane + b"\0" * (len(plane) % 2) for plane in planes]
    return struct.pack("<16I", 2, 64, 64 + len(planes[0]), *[0] * 13) + b"".join(planes)


def write_indexed(folder: Path, files: int, a_series: int) -> None:
    """Many small files: series of `a_series` slices, each with UIDs of its own; one template, changed in place."""
    from viewer.dicom.write import write_series

    (path,) = write_series(
        folder / "template", np.zeros((1, 16, 16), np.int16), spacing_mm=(1, 1), positions_mm=[(0, 0, 1000.0)]
    )
    import pydicom

    data = pydicom.dcmread(path)
    series, number = "2.25.111111", "2.25.222222"
    data.SeriesInstanceUID, data.SOPInstanceUID, data.StudyInstanceUID = series, number, "2.25.333333"
    data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID(number)
    data.InstanceNumber = 4444
    data.ImagePositionPatient = [0, 0, 5555]
    data.save_as(path)
    template = path.read_bytes()
    path.unlink()
    path.parent.rmdir()
    for index in range(files):
        which, place = divmod(index, a_series)
        parent = folder / f"{which:04d}"
        if place == 0:
            parent.mkdir(parents=True)
        changed = template.replace(b"2.25.111111", b"2.25.1%05d" % which)
        changed = changed.replace(b"2.25.222222", b"2.25.%06d" % (200_000 + index))
        changed = changed.replace(b"2.25.333333", b"2.25.3%05d" % (which // 5))
        changed = changed.replace(b"4444", b"%4d" % place, 1).replace(b"5555", b"%4d" % place, 1)
        (parent / f"{place:05d}").write_bytes(changed)


def load(folder: Path) -> dict[str, float]:
    """From the path to the volume in HU."""
    from viewer.dicom.load import load_all
    from viewer.dicom.scan import scan

    start = time.perf_counter()
    (study,) = scan([folder]).studies
    volume = load_all(study.series[0])
    seconds = time.perf_counter() - start
    if not volume.loaded.all():
        raise PterionError("not every slice was read")
    return {f"B.load_{folder.name}": seconds}


def load_simpleitk(folder: Path) -> dict[str, float]:
    """The same with SimpleITK: its list of the files of a series, then its reader."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    start = time.perf_counter()
    reader = SimpleITK.ImageSeriesReader()
    names = reader.GetGDCMSeriesFileNames(str(folder))
    reader.SetFileNames(names)
    image = reader.Execute()
    SimpleITK.GetArrayViewFromImage(image)
    seconds = time.perf_counter() - start
    if len(names) != sum(1 for _ in folder.iterdir()):
        raise PterionError("SimpleITK did not find every slice")
    return {"peer": seconds}


def headers(folder: Path) -> dict[str, float]:
    """From the path to the sorted series with its problems, and pydicom's reader on each file, sorting nothing.

    Both take turns in one process: each lasts some hundredths of a second, and one process may run at twice the speed
    of another.
    """
    from pydicom import dcmread

    from viewer.dicom.scan import scan

    ours, theirs = [], []
    for _ in range(TURNS):
        start = time.perf_counter()
        scan([folder])
        between = time.perf_counter()
        for path in folder.iterdir():
            dcmread(path, stop_before_pixels=True)
        ours.append(between - start)
        theirs.append(time.perf_counter() - between)
    return {"B.scan": median(ours), "peer": median(theirs)}


def index(folder: Path) -> dict[str, float]:
    """A large folder, told of while it is found."""
    from viewer.dicom.scan import scan

    start = time.perf_counter()
    found = scan([folder], on_study=lambda _: None)
    seconds = time.perf_counter() - start
    if sum(len(series.slices) for study in found.studies for series in study.series) != INDEXED:
        raise PterionError("not every file was found")
    return {"B.index_20000": seconds}


def library_open(folder: Path) -> dict[str, float]:
    """A study that was scanned before: its files are asked whether they changed, not read."""
    from viewer.dicom.scan import scan
    from viewer.library.store import Library

    with TemporaryDirectory() as place:
        library = Library(Path(place))
        result = scan([folder], known=library)
        (study,) = result.studies
        (series,) = study.series
        library.index_studies(result.studies, result.files)
        library.save_thumbnail(study.study_uid, series.series_uid, np.zeros((220, 220), np.uint8))
        library.close()
        start = time.perf_counter()
        library = Library(Path(place))
        known = library.indexed_study(study.study_uid)
        pictures = library.thumbnails([series.series_uid])
        seconds = time.perf_counter() - start
        library.close()
    if known != study or not pictures:
        raise PterionError("the library did not know the study")
    return {"B.library_open": 1e3 * seconds}


CHILD: dict[str, Callable[[Path], dict[str, Any]]] = {
    "load": load,
    "load_simpleitk": load_simpleitk,
    "headers": headers,
    "index": index,
    "library_open": library_open,
}
"""The probes that need no window."""
