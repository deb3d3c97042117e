"""Slices written element by element, so that each may be wrong in its own way."""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
)

SHAPE = (8, 10)
STUDY, SERIES = "1.2.3", "1.2.3.4"


def slice_of(number: int = 1, z_mm: float = 0.0, **elements: object) -> Dataset:
    """A CT slice of 8 × 10 pixels of 1 mm, all of 10 × `number` HU; elements by keyword, None leaves one out."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    values: dict[str, object] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"{SERIES}.{number}",
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "Modality": "CT",
        "PatientName": "Ugly^One",
        "PatientID": "U1",
        "InstanceNumber": number,
        "SeriesNumber": 1,
        "FrameOfReferenceUID": "1.2.9",
        "ImagePositionPatient": [-5, -4, z_mm],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [1, 1],
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "Rows": SHAPE[0],
        "Columns": SHAPE[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "PixelData": np.full(SHAPE, 1024 + 10 * number, "<u2").tobytes(),
    }
    for keyword, value in (values | elements).items():
        if value is not None:
            setattr(made, keyword, value)
    return made


def save(dataset: Dataset, path: Path) -> Path:
    """Write a slice as a file with preamble and meta information."""
    path.parent.mkdir(parents=True, exist_ok=True)
    syntax = dataset.file_meta.TransferSyntaxUID
    pydicom.dcmwrite(
        path, dataset, implicit_vr=syntax.is_implicit_VR, little_endian=True, enforce_file_format=True
    )
    return path


def stack(folder: Path, count: int = 4, gap_mm: float = 5.0, **elements: object) -> list[Path]:
    """`count` slices, all with these elements; slice i holds 10 (i + 1) HU."""
    return [save(slice_of(i + 1, gap_mm * i, **elements), folder / f"{i + 1:03d}.dcm") for i in range(count)]


def compressed(dataset: Dataset, codestream: bytes, syntax: Any) -> Dataset:
    """A slice with one compressed frame in the place of its pixels."""
    dataset.PixelData = encapsulate([codestream])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def stored(dataset: Dataset) -> npt.NDArray[np.uint16]:
    """The uncompressed pixels of a slice."""
    return np.frombuffer(dataset.PixelData, "<u2").reshape(SHAPE)


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """An element in explicit little endian, its value as it is, of odd length if so."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    long = vr in (b"OB", b"OW", b"SQ", b"UN", b"UT")
    return head + (b"\0\0" + struct.pack("<I", len(value)) if long else struct.pack("<H", len(value))) + value


def replaced(path: Path, tag: int, vr: bytes, value: bytes) -> None:
    """Put other bytes in the place of an element (of a short VR) that a file has."""
    data = path.read_bytes()
    at = data.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF), 132)
    (length,) = struct.unpack_from("<H", data, at + 6)
    path.write_bytes(data[:at] + element(tag, vr, value) + data[at + 8 + length :])


def inserted(path: Path, before: int, data: bytes) -> None:
    """Put bytes before an element that a file has."""
    whole = path.read_bytes()
    at = whole.index(struct.pack("<HH", before >> 16, before & 0xFFFF), 132)
    path.write_bytes(whole[:at] + data + whole[at:])


def said_syntax(path: Path, uid: str) -> None:
    """Let a file name another transfer syntax than it is written in."""
    data = path.read_bytes()
    at = data.index(b"\2\0\x10\0UI")
    (length,) = struct.unpack_from("<H", data, at + 6)
    value = uid.encode("ascii") + b"\0" * (len(uid) % 2)
    head = data[:140] + struct.pack("<I", struct.unpack_from("<I", data, 140)[0] + len(value) - length)
    path.write_bytes(head + data[144:at] + element(0x00020010, b"UI", value) + data[at + 8 + length :])


# ---------------------------------------------------------------------------------------------------------- folders


def each(change: Callable[[Path], None], **elements: object) -> Callable[[Path], None]:
    """A stack, every file of which is changed."""

    def build(folder: Path) -> None:
        for path in stack(folder, **elements):
            change(path)

    return build


def varied(*elements: dict[str, object], gap_mm: float = 5.0) -> Callable[[Path], None]:
    """A stack whose slices differ in these elements."""

    def build(folder: Path) -> None:
        for i, own in enumerate(elements):
            save(slice_of(i + 1, gap_mm * i, **own), folder / f"{i + 1:03d}.dcm")

    return build


def one(**elements: object) -> Callable[[Path], None]:
    """A single slice."""
    return lambda folder: save(slice_of(**elements), folder / "one.dcm")


def same(**elements: object) -> Callable[[Path], object]:
    """A stack, all of whose slices have these elements."""
    return lambda folder: stack(folder, **elements)


def nested(path: Path) -> None:
    """Sequences of undefined length, one in the other, that hold a position of their own."""
    begin = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    inner = element(0x00200032, b"DS", b"9\\9\\99 ")
    inserted(path, 0x00100010, begin + begin + inner + end + end)


def without_meta(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[data.index(b"\x08\0\x16\0UI") :])


def without_syntax(path: Path) -> None:
    data = path.read_bytes()
    at = data.index(b"\x08\0\x16\0UI")
    path.write_bytes(data[:132] + element(0x00020003, b"UI", b"1.2.3.4\0") + data[at:])


def wrapped(path: Path) -> None:
    """Uncompressed pixels in an item, as compressed ones would be."""
    data = path.read_bytes()
    at = data.index(b"\xe0\x7f\x10\0OW")
    pixels = data[at + 12 :]
    items = b"\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0" + struct.pack("<I", len(pixels)) + pixels
    head = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff"
    path.write_bytes(data[:at] + head + items + b"\xfe\xff\xdd\xe0\0\0\0\0")


def jpeg_ls(syntax: str = JPEGLSLossless, **elements: object) -> Callable[[Path], None]:
    """JPEG-LS, named as any syntax."""

    def build(folder: Path) -> None:
        for i in range(4):
            made = slice_of(i + 1, 5.0 * i)
            frame = bytes(imagecodecs.jpegls_encode(stored(made)))
            for keyword, value in elements.items():
                setattr(made, keyword, value)
            path = save(compressed(made, frame, JPEGLSLossless), folder / f"{i}.dcm")
            said_syntax(path, syntax)

    return build


def implicit_named_explicit(folder: Path) -> None:
    for i in range(4):
        made = slice_of(i + 1, 5.0 * i)
        made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        said_syntax(save(made, folder / f"{i}.dcm"), "1.2.840.10008.1.2.1")


def mixed_syntaxes(folder: Path) -> None:
    for i in range(4):
        made = slice_of(i + 1, 5.0 * i)
        if i == 0:
            frame = imagecodecs.jpeg2k_encode(stored(made), level=0, codecformat="J2K", reversible=True)
            made = compressed(made, bytes(frame), JPEG2000Lossless)
        elif i == 1:
            made = compressed(made, bytes(imagecodecs.jpegls_encode(stored(made))), JPEGLSLossless)
        elif i == 2:
            made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        save(made, folder / f"{i}.dcm")


def with_icon(folder: Path) -> None:
    """A picture of 2 × 2 pixels before the one that counts."""
    icon = Dataset()
    icon.Rows = icon.Columns = 2
    icon.BitsAllocated, icon.PixelData = 8, b"\1\2\3\4"
    stack(folder, IconImageSequence=Sequence([icon]))


def with_localizer(same_kind: bool) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        stack(folder, ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])
        kind = "AXIAL" if same_kind else "LOCALIZER"
        look = {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1], "ImageType": ["ORIGINAL", "PRIMARY", kind]}
        save(slice_of(9, **look), folder / "scout.dcm")

    return build


def phases(**tag: bool) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        for time in range(3):
            for i in range(4):
                own = {"TemporalPositionIdentifier": time + 1} if tag.get("named") else {}
                save(slice_of(4 * time + i + 1, 5.0 * i, **own), folder / f"{time}-{i}.dcm")

    return build


def strange_neighbours(folder: Path) -> None:
    """A pipe, links to nowhere, to itself and to an endless device, and files of nothing."""
    stack(folder)
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.dcm")
        (folder / "dangling.dcm").symlink_to(folder / "nowhere")
        (folder / "loop").symlink_to(folder)
        (folder / "endless.dcm").symlink_to("/dev/zero")
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "zeros.dcm").write_bytes(bytes(1000))


def cut_everywhere(folder: Path) -> None:
    data = save(slice_of(), folder / "whole").read_bytes()
    (folder / "whole").unlink()
    for length in range(0, len(data), 7):
        (folder / f"{length:05d}.dcm").write_bytes(data[:length])


def modality_lut(folder: Path) -> None:
    """Stored 0 … 79 by a table for 1 … 8: what lies beyond gets its ends (PS3.3 C.11.1.1.1)."""
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [8, 1, 16], "HU"
    table.LUTData = np.arange(100, 108, dtype="<u2").tobytes()
    table["LUTData"].VR = "OW"
    pixels = np.arange(80, dtype="<u2").tobytes()
    stack(folder, RescaleSlope=None, RescaleIntercept=None, PixelData=pixels, ModalityLUTSequence=[table])


def rescanned(folder: Path) -> None:
    """A second scan at the same places of the table, in a frame of reference of its own."""
    stack(folder)
    stack(folder / "again", 3, FrameOfReferenceUID="1.2.8", SOPInstanceUID="1.5")
