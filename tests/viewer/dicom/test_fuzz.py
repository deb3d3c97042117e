"""Hostile bytes: whatever is in a file, reading it ends soon, in little memory, with slices or with a sentence.

Seeds are real files in many syntaxes; each example damages one, at random or where it hurts: lengths, VRs, sizes,
offsets, codestream headers. The short run is part of the suite, the long one (60 s) of its slow set.
"""

import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian

from model.errors import PterionError
from viewer.dicom.header import DamagedError, NotDicomError, read_header
from viewer.dicom.instance import WANTED
from viewer.dicom.load import allocate, load_slice
from viewer.dicom.scan import scan
from viewer.dicom.tags import read_tags

resource = pytest.importorskip("resource", reason="peak memory is only told on Unix")

SECONDS_MAX = 5.0
"""A file that takes longer hangs the window's worker, even on a busy machine."""
MEMORY_MAX = 600 << 20
"""Growth of the peak resident memory (bytes) over a run; the seeds hold 32 KB each."""
SYNTAXES = (
    "explicit",
    "implicit",
    "big endian",
    "deflated",
    "RLE",
    "JPEG lossless",
    "JPEG-LS",
    "JPEG 2000",
    "HTJ2K",
)
LENGTHS = (0, 1, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
TOKENS = (
    b"SQ",
    b"UN",
    b"OW",
    b"DS",
    b"\xfe\xff\x00\xe0",
    b"\xfe\xff\x0d\xe0",
    b"\xfe\xff\xdd\xe0",
    b"\xe0\x7f\x10\x00",
)


@dataclass(frozen=True)
class Seed:
    """A good file, and where its pixels begin."""

    name: str
    data: bytes
    pixels: int

    @classmethod
    def of(cls, path: Path) -> "Seed":
        """The seed that a file is."""
        return cls(path.name, path.read_bytes(), read_header(path, WANTED).pixel_offset or 0)


def with_table(folder: Path, seed: Seed) -> Path:
    """A file whose values become HU by a Modality LUT."""
    data = pydicom.dcmread(pydicom.filebase.DicomBytesIO(seed.data))
    table = pydicom.Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [4096, 0, 16], "HU"
    table.LUTData = (np.arange(4096, dtype="<u2")).tobytes()
    table["LUTData"].VR = "OW"
    data.ModalityLUTSequence = [table]
    data.PixelData = np.full((128, 96), 35, "<u2").tobytes()
    data.save_as(folder / "modality-lut")
    return folder / "modality-lut"


def enhanced(folder: Path, hu: np.ndarray, codestream: Callable[..., bytes]) -> Path:
    """Two frames of an Enhanced CT, each in two fragments and without a table."""
    from pydicom.dataset import Dataset
    from pydicom.encaps import encapsulate

    def group(**elements: object) -> Dataset:
        made = Dataset()
        for keyword, value in elements.items():
            setattr(made, keyword, value)
        return made

    data = group(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1", SOPInstanceUID="1.2.3.6", StudyInstanceUID="1.2.3",
        SeriesInstanceUID="1.2.3.7", Modality="CT", Rows=128, Columns=96, SamplesPerPixel=1, NumberOfFrames=2,
        PhotometricInterpretation="MONOCHROME2", PixelRepresentation=0, BitsAllocated=16, BitsStored=16, HighBit=15,
        SharedFunctionalGroupsSequence=[
            group(
                PixelMeasuresSequence=[group(PixelSpacing=[1, 1])],
                PlaneOrientationSequence=[group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
                PixelValueTransformationSequence=[group(RescaleSlope=1, RescaleIntercept=-1024)],
            )
        ],
        PerFrameFunctionalGroupsSequence=[
            group(PlanePositionSequence=[group(ImagePositionPatient=[0, 0, z])]) for z in (0, 5)
        ],
    )  # fmt: skip
    frames = [codestream("JPEG-LS", (frame.astype(np.int32) + 1024).astype(np.uint16)) for frame in hu]
    data.PixelData = encapsulate(frames, has_bot=False, fragments_per_frame=2)
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.80"
    pydicom.dcmwrite(
        folder / "enhanced", data, implicit_vr=False, little_endian=True, enforce_file_format=True
    )
    return folder / "enhanced"


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory, phantom_hu: np.ndarray) -> list[Seed]:
    import runpy

    codestream: Callable[..., bytes] = runpy.run_path(str(Path(__file__).with_name("conftest.py")))[
        "codestream"
    ]
    syntaxes = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["SYNTAXES"]
    folder = tmp_path_factory.mktemp("seeds")
    plain = [made(folder, name, syntaxes[name], phantom_hu[4], codestream) for name in SYNTAXES]
    return [
        *plain,
        *map(Seed.of, (enhanced(folder, phantom_hu[4:6], codestream), with_table(folder, plain[0]))),
    ]


def made(folder: Path, name: str, syntax: str, hu: np.ndarray, codestream: Callable[..., bytes]) -> Seed:
    """One slice of the phantom in a transfer syntax, with a nested sequence and a private element."""
    from pydicom.dataset import Dataset
    from pydicom.encaps import encapsulate
    from pydicom.sequence import Sequence

    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4.5"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.Modality = "1.2.3", "1.2.3.4", "CT"
    data.PatientName, data.InstanceNumber = "Fuzz^One", "1"
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.RescaleSlope, data.RescaleIntercept = [1.75, 1.75], "1", "-1024"
    data.Rows, data.Columns, data.SamplesPerPixel = *hu.shape, 1
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3.9"
    data.SourceImageSequence = Sequence([inner])
    data.private_block(0x29, "MAKER", create=True).add_new(1, "OB", b"\1\2\3\4")
    stored = (hu.astype(np.int32) + 1024).astype("<u2")
    big = name == "big endian"
    if name in ("explicit", "implicit", "deflated", "big endian"):
        data.PixelData = stored.astype(">u2" if big else "<u2").tobytes()
        data["PixelData"].VR = "OW"
    else:
        data.PixelData = encapsulate([codestream(name, stored)])
        data["PixelData"].VR = "OB"
        data["PixelData"].is_undefined_length = True
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    path = folder / name.replace(" ", "-")
    pydicom.dcmwrite(
        path, data, implicit_vr=name == "implicit", little_endian=not big, enforce_file_format=True
    )
    header = read_header(path, WANTED)
    raw = path.read_bytes()
    return Seed(
        name, raw, header.pixel_offset if header.pixel_offset and name != "deflated" else len(raw) // 2
    )


def damaged(seed: Seed, random: Random) -> bytes:
    """A seed's bytes after one to six faults, most of them in the header or where the pixels begin."""
    data = bytearray(seed.data)
    for _ in range(random.randint(1, 6)):
        if len(data) < 8:
            break
        near = min(seed.pixels + 128, len(data))
        at = (
            random.randrange(132, near)
            if random.random() < 0.7 and near > 132
            else random.randrange(len(data))
        )
        kind = random.randrange(8)
        if kind == 0:
            data[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            data[at] = random.choice((0, 1, 127, 128, 255))
        elif kind == 2:
            data[at : at + 2] = struct.pack("<H", random.choice(LENGTHS) & 0xFFFF)
        elif kind == 3:
            data[at : at + 4] = struct.pack("<I", random.choice(LENGTHS))
        elif kind == 4:
            token = random.choice(TOKENS)
            data[at : at + len(token)] = token
        elif kind == 5:
            del data[at : at + random.choice((1, 2, 4, 8, 1000))]
        elif kind == 6:
            data[at:at] = data[at : at + random.choice((2, 8, 64))]
        else:
            del data[at:]
    return bytes(data)


def read_all(path: Path) -> None:
    """Everything that the window and the command line do with a file; only PterionError may come out."""
    try:
        read_header(path, WANTED)
    except (NotDicomError, DamagedError):
        pass
    try:
        read_tags(path)
    except PterionError:
        pass
    try:
        found = scan(path)
    except PterionError:
        return
    for study in found.studies:
        for series in study.series:
            if series.showable:
                read_slices(series)


def read_slices(series: object) -> None:
    """Load the slices of a series, a few if a damaged header claims thousands of frames."""
    try:
        volume = allocate(series)  # type: ignore[arg-type]
    except PterionError:
        return
    for index in range(min(len(volume.hu), 3)):
        said = load_slice(volume, index)
        assert bool(volume.loaded[index]) != bool(said)


def peak_bytes() -> int:
    """Peak resident memory of the process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(seeds: list[Seed], folder: Path, seconds: float, start: int) -> int:
    """Read damaged files for a while; how many. Fails with the seed of the first that crashes, hangs or swells."""
    end, number = time.monotonic() + seconds, start
    before = peak_bytes()
    path = folder / "fuzzed"
    while time.monotonic() < end:
        random = Random(number)
        seed = random.choice(seeds)
        path.write_bytes(damaged(seed, random))
        begun = time.process_time()
        try:
            read_all(path)
        except Exception as error:
            raise AssertionError(
                f"example {number} ({seed.name}): {type(error).__name__}: {error}"
            ) from error
        spent = time.process_time() - begun
        assert spent < SECONDS_MAX, f"example {number} ({seed.name}) took {spent:.1f} s"
        grown = peak_bytes() - before
        assert grown < MEMORY_MAX, f"example {number} ({seed.name}) took {grown >> 20} MB"
        number += 1
    return number - start


def test_seeds_are_read(seeds: list[Seed], tmp_path: Path) -> None:
    for seed in seeds:
        (tmp_path / "good").write_bytes(seed.data)
        (series,) = scan(tmp_path / "good").studies[0].series
        volume = allocate(series)
        assert load_slice(volume, 0) is None, seed.name
        assert volume.hu[0, 64, 48] == 35, seed.name


def test_damaged_files_do_no_harm(seeds: list[Seed], tmp_path: Path) -> None:
    assert run(seeds, tmp_path, 3.0, 0) > 20


@pytest.mark.slow
def test_damaged_files_do_no_harm_for_a_minute(seeds: list[Seed], tmp_path: Path) -> None:
    first = int(os.environ.get("PTERION_FUZZ_START", "1000000"))
    assert run(seeds, tmp_path, 60.0, first) > 500


@pytest.mark.parametrize("depth", [40, 400, 4000])
def test_sequences_nested_without_end(seeds: list[Seed], tmp_path: Path, depth: int) -> None:
    seed = next(one for one in seeds if one.name == "explicit")
    nested = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * depth
    at = seed.data.index(b"\x08\0\x12\x21SQ")  # Source Image Sequence
    (tmp_path / "deep").write_bytes(seed.data[:at] + nested + seed.data[at:])
    read_all(tmp_path / "deep")


def test_ten_million_frames_in_a_small_file(seeds: list[Seed], tmp_path: Path) -> None:
    data = pydicom.dcmread(pydicom.filebase.DicomBytesIO(seeds[0].data))
    data.NumberOfFrames = 10_000_000
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.save_as(tmp_path / "many")
    before, begun = peak_bytes(), time.process_time()
    read_all(tmp_path / "many")
    assert time.process_time() - begun < SECONDS_MAX
    assert peak_bytes() - before < MEMORY_MAX


@pytest.mark.slow
def test_deflated_bomb(seeds: list[Seed], tmp_path: Path) -> None:
    import zlib

    seed = next(one for one in seeds if one.name == "deflated")
    start = 144 + int.from_bytes(seed.data[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(bytes(1 << 20)) + b"".join(packer.compress(bytes(1 << 24)) for _ in range(80))
    (tmp_path / "bomb").write_bytes(seed.data[:start] + bomb + packer.flush())
    before = peak_bytes()
    read_all(tmp_path / "bomb")
    assert peak_bytes() - before < 1536 << 20
