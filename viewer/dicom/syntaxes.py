"""Transfer syntaxes that the loader reads (PS3.5 A), by how it reads them."""

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

NATIVE = frozenset(
    map(
        str,
        (
            ImplicitVRLittleEndian,
            ExplicitVRLittleEndian,
            ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian,
        ),
    )
)
BIG_ENDIAN = str(ExplicitVRBigEndian)
DEFLATED = str(DeflatedExplicitVRLittleEndian)
RLE = str(RLELossless)
JPEG_LOSSLESS = frozenset(map(str, (JPEGLossless, JPEGLosslessSV1)))
JPEG_LOSSY = frozenset(map(str, (JPEGBaseline8Bit, JPEGExtended12Bit)))
JPEG_LS = frozenset(map(str, (JPEGLSLossless, JPEGLSNearLossless)))
JPEG_2000 = frozenset(map(str, (JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)))
SUPPORTED = NATIVE | {RLE} | JPEG_LOSSLESS | JPEG_LOSSY | JPEG_LS | JPEG_2000
LOSSY = JPEG_LOSSY | {str(JPEGLSNearLossless)}
"""Syntaxes that always lose; those that may (JPEG 2000, HTJ2K) say so in LossyImageCompression."""
