"""DICOM files of known content, made with pydicom and imagecodecs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLSLossless,
    RLELossless,
)

SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "RLE": RLELossless,
    "JPEG lossless": JPEGLossless,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
    "HTJ2K": HTJ2KLossless,
}
COMPRESSED = ("RLE", "JPEG lossless", "JPEG-LS", "JPEG 2000", "HTJ2K")

Recode = Callable[..., None]


def codestream(name: str, stored: npt.NDArray[Any]) -> bytes:
    """One frame of unsigned integers compressed without loss."""
    if name == "JPEG lossless":
        return bytes(imagecodecs.ljpeg_encode(stored, bitspersample=16))
    if name == "JPEG-LS":
        return bytes(imagecodecs.jpegls_encode(stored, level=0))
    if name == "JPEG 2000":
        return bytes(imagecodecs.jpeg2k_encode(stored, level=0, codecformat="J2K", reversible=True))
    if name == "HTJ2K":
        return bytes(imagecodecs.htj2k_encode(stored, reversible=True))
    high, low = (stored >> 8).astype(np.uint8), (stored & 255).astype(np.uint8)
    planes = [
        b"".join(bytes(imagecodecs.packbits_encode(row.tobytes())) for row in plane) for plane in (high, low)
    ]
    planes = [plane + b"\0" * (len(plane) % 2) for plane in planes]
    head = np.array([2, 64, 64 + len(planes[0])] + [0] * 13, "<u4").tobytes()
    return head + b"".join(planes)


@pytest.fixture
def recode() -> Recode:
    """Rewrite a file in another transfer syntax (a name of SYNTAXES), its elements changed by keyword."""

    def change(path: Path, name: str = "explicit", *, fragments: int = 1, **elements: object) -> None:
        data = pydicom.dcmread(path)
        data.PixelData = data.PixelData
        for keyword, value in elements.items():
            if value is None:
                del data[keyword]
            else:
                setattr(data, keyword, value)
        data.file_meta.TransferSyntaxUID = SYNTAXES[name]
        big = name == "big endian"
        if name in COMPRESSED:
            stored = np.frombuffer(data.PixelData, "<u2").reshape(data.Rows, data.Columns)
            data.PixelData = encapsulate([codestream(name, stored)], fragments_per_frame=fragments)
            data["PixelData"].VR = "OB"
            data["PixelData"].is_undefined_length = True
        elif big:
            data.PixelData = np.frombuffer(data.PixelData, "<u2").astype(">u2").tobytes()
        list(data.iterall())  # decode what is still raw, whose bytes would be written as they are
        pydicom.dcmwrite(
            path, data, implicit_vr=name == "implicit", little_endian=not big, enforce_file_format=True
        )

    return change
