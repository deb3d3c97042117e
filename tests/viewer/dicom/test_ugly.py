"""Inputs that no scanner should write and some do: never a crash, never a wrong picture, always a sentence.

Every case says what the first series must hold. A slice that loads shows its own number, ten HU a slice, unless the
case says otherwise; a slice that does not load shows air and says why.
"""

import json
import runpy
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    EnhancedCTImageStorage,
    JPEG2000Lossless,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
)

from model.errors import PterionError
from viewer.dicom.load import allocate, load_slice
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, Series
from viewer.dicom.tags import read_tags
from viewer.jobs.index import index_paths

ugly = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("ugly.py"))))
each, one, same, varied = ugly.each, ugly.one, ugly.same, ugly.varied
POSITION, ORIENTATION, SPACING, SERIES_UID = 0x00200032, 0x00200037, 0x00280030, 0x0020000E
INSTANCE, SERIES_NUMBER, ROWS, SLOPE, INTERCEPT = 0x00200013, 0x00200011, 0x00280010, 0x00281053, 0x00281052
COLOUR = {"SamplesPerPixel": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": bytes(240)}
EIGHT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
P = Problem


@dataclass(frozen=True)
class Case:
    """What to write into a folder, and what has to be found in it.

    series: how many slices each series has. z_mm, problems, hu: of the first series; hu by slice, `None` where it
    cannot be loaded, by default its own number. words: said in a note, or in the error where there is no series.
    """

    build: Callable[[Path], object]
    series: tuple[int, ...] = (4,)
    problems: tuple[Problem, ...] = ()
    words: str = ""
    z_mm: tuple[float, ...] | None = (0, 5, 10, 15)
    hu: tuple[int | None, ...] = (10, 20, 30, 40)
    damaged: tuple[str, ...] = field(default=())


LUT_BROKEN = [Dataset()]

CASES = {
    # ---- how elements are written
    "as it should be": Case(same()),
    "position as LO": Case(
        each(lambda path: path.write_bytes(path.read_bytes().replace(b"\x20\0\x32\0DS", b"\x20\0\x32\0LO")))
    ),
    "position as FD": Case(
        each(lambda path: ugly.replaced(path, POSITION, b"FD", struct.pack("<3d", 0, 0, 5))),
        problems=(P.NO_POSITION,),
        z_mm=(),
        words="sorted by their number",
    ),
    "value of odd length": Case(
        each(lambda path: ugly.replaced(path, SPACING, b"DS", b"1\\1.0")),
    ),
    "nested sequences of undefined length": Case(each(ugly.nested)),
    "group length that lies": Case(
        each(
            lambda path: ugly.inserted(path, 0x0020000D, ugly.element(0x00200000, b"UL", b"\xff\xff\xff\x7f"))
        )
    ),
    "neither preamble nor meta information": Case(each(ugly.without_meta)),
    "meta information without syntax": Case(each(ugly.without_syntax)),
    "explicit named implicit": Case(each(lambda path: ugly.said_syntax(path, "1.2.840.10008.1.2"))),
    "implicit named explicit": Case(ugly.implicit_named_explicit),
    "element twice": Case(
        each(lambda path: ugly.inserted(path, ORIENTATION, ugly.element(POSITION, b"DS", b"0\\0\\7 "))),
        problems=(P.NO_POSITION,),
        z_mm=(),
        words="All slices claim one position",
    ),
    "bytes behind the pixels": Case(
        each(lambda path: path.write_bytes(path.read_bytes() + b"garbage!" * 40))
    ),
    "padding behind the pixels": Case(
        each(
            lambda path: path.write_bytes(path.read_bytes() + b"\xfc\xff\xfc\xffOB\0\0\x08\0\0\0" + bytes(8))
        )
    ),
    "cut anywhere": Case(
        ugly.cut_everywhere,
        series=(3,),
        problems=(P.NO_PIXELS, P.UNREADABLE_FILES),
        words="it ends within its header",
        z_mm=(),
        damaged=("00007.dcm: it is no DICOM file",),
    ),
    "strange neighbours": Case(ugly.strange_neighbours, damaged=("empty.dcm", "zeros.dcm")),
    # ---- numbers that are none
    "position NaN": Case(
        each(lambda path: ugly.replaced(path, POSITION, b"DS", b"0\\0\\nan ")),
        problems=(P.NO_POSITION,),
        z_mm=(),
    ),
    "one position NaN": Case(
        varied({}, {}, {}, {"ImagePositionPatient": None}),
        series=(3, 1),
        problems=(P.NO_POSITION,),
        z_mm=(0, 5, 10),
        hu=(10, 20, 30),
        words="do not say where they lie stand apart: it is shown as 2 stacks, this is number 1",
    ),
    "spacing of zero": Case(same(PixelSpacing=[0, 0]), problems=(P.NO_SPACING,)),
    "spacing below zero": Case(same(PixelSpacing=[-1, 1]), problems=(P.NO_SPACING,)),
    "one spacing for two": Case(
        each(lambda path: ugly.replaced(path, SPACING, b"DS", b"1 ")), problems=(P.NO_SPACING,)
    ),
    "spacing on the detector only": Case(
        same(PixelSpacing=None, ImagerPixelSpacing=[0.5, 0.5]), problems=(P.NO_SPACING,)
    ),
    "instance number that is a word": Case(each(lambda path: ugly.replaced(path, INSTANCE, b"IS", b"abc "))),
    "instance number without end": Case(each(lambda path: ugly.replaced(path, INSTANCE, b"IS", b"1e400 "))),
    "series number without end": Case(each(lambda path: ugly.replaced(path, SERIES_NUMBER, b"IS", b"inf "))),
    "slope with a comma": Case(
        each(lambda path: ugly.replaced(path, SLOPE, b"DS", b"1,0 ")),
        problems=(P.UNSUPPORTED_SYNTAX,),
        words="a rescale slope that is no number",
        z_mm=(),
    ),
    "slope beyond all bounds": Case(
        same(RescaleSlope="1e300"), problems=(P.UNSUPPORTED_SYNTAX,), words="rescale slope 1e+300", z_mm=()
    ),
    "intercept that is a word": Case(
        each(lambda path: ugly.replaced(path, INTERCEPT, b"DS", b"-10x4 ")),
        problems=(P.UNSUPPORTED_SYNTAX,),
        words="a rescale intercept that is no number",
        z_mm=(),
    ),
    "intercept NaN": Case(
        each(lambda path: ugly.replaced(path, INTERCEPT, b"DS", b"nan ")),
        problems=(P.UNSUPPORTED_SYNTAX,),
        words="rescale intercept nan",
        z_mm=(),
    ),
    # ---- how pixels are stored
    "rows and columns beyond all bounds": Case(
        same(Rows=65535, Columns=65535),
        problems=(P.NO_PIXELS, P.UNREADABLE_FILES),
        words="it claims 65535 × 65535 pixels",
        z_mm=(),
    ),
    "rows and columns of another frame": Case(
        ugly.jpeg_ls(Rows=8000, Columns=8000), hu=(None,) * 4, words=""
    ),
    "pixels before their size": Case(
        each(
            lambda path: path.write_bytes(
                (lambda data, at, end: data[:at] + data[end:] + data[at:end])(
                    path.read_bytes(),
                    path.read_bytes().index(b"\x28\0\x10\0US"),
                    path.read_bytes().index(b"\xe0\x7f\x10\0OW"),
                )
            )
        ),
        problems=(P.UNSUPPORTED_SYNTAX,),
        words="no rows and columns",
        z_mm=(),
    ),
    "no bits stored": Case(
        same(BitsStored=0), problems=(P.UNSUPPORTED_SYNTAX,), words="0 of 16 bits", z_mm=()
    ),
    "one bit a pixel": Case(
        same(BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=bytes(10)),
        problems=(P.UNSUPPORTED_SYNTAX,),
        words="1 of 1 bits",
        z_mm=(),
    ),
    "32 bits a pixel": Case(
        same(BitsAllocated=32, BitsStored=32, HighBit=31, PixelData=bytes(320)),
        problems=(P.UNSUPPORTED_SYNTAX,),
        words="32 of 32 bits",
        z_mm=(),
    ),
    "no frames": Case(same(NumberOfFrames=0)),
    "frames below zero": Case(same(NumberOfFrames=-3)),
    "a billion frames": Case(
        same(NumberOfFrames=10**9), problems=(P.UNSUPPORTED_SYNTAX,), words="1e+09 frames", z_mm=()
    ),
    "frames without end": Case(
        each(lambda path: ugly.inserted(path, ROWS, ugly.element(0x00280008, b"IS", b"inf "))),
        problems=(P.UNSUPPORTED_SYNTAX,),
        words="inf frames",
        z_mm=(),
    ),
    "too few pixels": Case(
        same(PixelData=bytes(140)), problems=(P.UNREADABLE_FILES,), words="fewer pixels", hu=(None,) * 4
    ),
    "more pixels than the header says": Case(
        same(PixelData=np.full((9, 10), 1034, "<u2").tobytes()), hu=(10, 10, 10, 10)
    ),
    "uncompressed pixels wrapped in items": Case(
        each(ugly.wrapped),
        problems=(P.UNREADABLE_FILES,),
        words="wrapped as if they were compressed",
        hu=(None,) * 4,
    ),
    "uncompressed pixels named JPEG": Case(
        each(lambda path: ugly.said_syntax(path, "1.2.840.10008.1.2.4.70")),
        problems=(P.UNREADABLE_FILES,),
        words="not encapsulated",
        hu=(None,) * 4,
    ),
    "JPEG-LS named uncompressed": Case(
        ugly.jpeg_ls("1.2.840.10008.1.2.1"), problems=(P.UNREADABLE_FILES,), words="wrapped", hu=(None,) * 4
    ),
    "JPEG-LS named JPEG 2000": Case(ugly.jpeg_ls(JPEG2000Lossless), hu=(None,) * 4),
    "JPEG-LS named RLE": Case(ugly.jpeg_ls("1.2.840.10008.1.2.5"), hu=(None,) * 4),
    "four syntaxes": Case(ugly.mixed_syntaxes),
    "pixels as OB": Case(
        each(
            lambda path: path.write_bytes(path.read_bytes().replace(b"\xe0\x7f\x10\0OW", b"\xe0\x7f\x10\0OB"))
        )
    ),
    "an icon first": Case(ugly.with_icon),
    "padding that looks dense": Case(
        same(PixelPaddingValue=63536, PixelData=np.full((8, 10), 63536, "<u2").tobytes()), hu=(-1024,) * 4
    ),
    "padding of a range": Case(
        same(
            PixelPaddingValue=60000,
            PixelPaddingRangeLimit=65535,
            PixelData=np.full((8, 10), 63000, "<u2").tobytes(),
        ),
        hu=(-1024,) * 4,
    ),
    # ---- what values mean
    "slopes that differ": Case(
        varied(*({"RescaleSlope": i, "RescaleIntercept": -1024 * i} for i in (1, 2, 3, 4))),
        hu=(10, 40, 90, 160),
    ),
    "no rescale": Case(
        same(RescaleSlope=None, RescaleIntercept=None),
        problems=(P.AI_NOT_RUN,),
        words="does not say how the values become HU",
        hu=(1034, 1044, 1054, 1064),
    ),
    "no rescale in one slice": Case(
        varied({}, {}, {"RescaleSlope": None, "RescaleIntercept": None}, {}),
        problems=(P.AI_NOT_RUN,),
        words="how the values of 1 slice become HU",
        hu=(10, 20, 1054, 40),
    ),
    "mg/mL of iodine": Case(same(RescaleType="MGML"), problems=(P.AI_NOT_RUN,), words="are MGML, no HU"),
    "HU by a table": Case(ugly.modality_lut, hu=(100,) * 4),
    "a table that is none": Case(
        same(ModalityLUTSequence=LUT_BROKEN),
        problems=(P.UNSUPPORTED_SYNTAX,),
        words="a Modality LUT that is broken",
        z_mm=(),
    ),
    "PET": Case(
        same(SOPClassUID=PositronEmissionTomographyImageStorage, Modality="PT"),
        problems=(P.AI_NOT_RUN,),
        words="PT, not CT",
    ),
    "MR": Case(same(SOPClassUID=MRImageStorage, Modality="MR"), problems=(P.AI_NOT_RUN,), words="MR, not CT"),
    "radiotherapy dose": Case(
        same(SOPClassUID="1.2.840.10008.5.1.4.1.1.481.2", Modality="RTDOSE"),
        problems=(P.NOT_AN_IMAGE,),
        words="RT Dose",
        z_mm=(),
    ),
    "structured report": Case(
        one(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.22", Modality="SR", PixelData=None, Rows=None),
        series=(1,),
        problems=(P.NOT_AN_IMAGE,),
        words="Enhanced SR",
        z_mm=(),
    ),
    "PDF": Case(
        one(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", PixelData=None, EncapsulatedDocument=b"%PDF-1.4"),
        series=(1,),
        problems=(P.NOT_AN_IMAGE,),
        words="Encapsulated PDF",
        z_mm=(),
    ),
    "colour": Case(
        one(SOPClassUID=SecondaryCaptureImageStorage, PhotometricInterpretation="RGB", **COLOUR),
        series=(1,),
        problems=(P.NOT_AN_IMAGE,),
        words="a colour picture",
        z_mm=(),
    ),
    "palette colour": Case(
        one(PhotometricInterpretation="PALETTE COLOR", PixelData=bytes(80), **EIGHT),
        series=(1,),
        problems=(P.NOT_AN_IMAGE,),
        words="a colour picture",
        z_mm=(),
    ),
    "frames of a grey secondary capture": Case(
        one(
            SOPClassUID="1.2.840.10008.5.1.4.1.1.7.3",
            ImagePositionPatient=None,
            ImageOrientationPatient=None,
            NumberOfFrames=3,
            PixelData=np.repeat(np.arange(1025, 1028, dtype="<u2"), 80).tobytes(),
        ),
        series=(3,),
        problems=(P.NO_POSITION,),
        z_mm=(),
        hu=(1, 2, 3),
    ),
    # ---- where slices lie
    "one position for all": Case(same(gap_mm=0.0), problems=(P.NO_POSITION,), z_mm=()),
    "from the head down": Case(same(gap_mm=-5.0), z_mm=(-15, -10, -5, 0), hu=(40, 30, 20, 10)),
    "a localizer in the series": Case(ugly.with_localizer(same_kind=False), series=(4, 1)),
    "a localizer that does not say so": Case(
        ugly.with_localizer(same_kind=True), series=(4, 1), problems=(P.MIXED_ORIENTATIONS,)
    ),
    "three phases": Case(ugly.phases(named=True), series=(4, 4, 4), problems=(P.DUPLICATE_POSITIONS,)),
    "three phases without a name": Case(ugly.phases(), series=(4, 4, 4), problems=(P.DUPLICATE_POSITIONS,)),
    "decubitus": Case(same(PatientPosition="HFDR", ImageOrientationPatient=[0, -1, 0, 1, 0, 0])),
    "a tilt in the tag and no orientation": Case(
        same(GantryDetectorTilt=20, ImageOrientationPatient=None), problems=(P.NO_POSITION,), z_mm=()
    ),
    "rows and columns that are not perpendicular": Case(
        same(ImageOrientationPatient=[1, 0, 0, 0.5, 0.866, 0]), problems=(P.NO_POSITION,), z_mm=()
    ),
    "directions of no length": Case(
        same(ImageOrientationPatient=[0] * 6), problems=(P.NO_POSITION,), z_mm=()
    ),
    "every other slice turned over": Case(
        varied(*({"ImageOrientationPatient": [s, 0, 0, 0, s, 0]} for s in (1, -1, 1, -1))),
        series=(2, 2),
        problems=(P.MIXED_ORIENTATIONS,),
        z_mm=(0, 10),
        hu=(10, 30),
    ),
    "a slice pushed aside": Case(
        varied({}, {}, {"ImagePositionPatient": [-2, -4, 10]}, {}),
        problems=(P.UNEVEN_SPACING,),
        words="shifted against each other",
    ),
    "two frames of reference": Case(
        varied(*({"FrameOfReferenceUID": f"1.2.9.{i // 2}"} for i in range(4))),
        series=(2, 2),
        problems=(P.MIXED_ORIENTATIONS,),
        words="mixes 2 frames of reference, whose positions cannot be compared",
        z_mm=(0, 5),
        hu=(10, 20),
    ),
    "two frames of reference, the second where the first is": Case(
        lambda folder: (
            ugly.stack(folder),
            ugly.stack(folder / "b", 3, FrameOfReferenceUID="1.2.8", SOPInstanceUID="1.5"),
        ),
        series=(4, 3),
        problems=(P.MIXED_ORIENTATIONS,),
    ),
    "a frame of reference for every slice": Case(
        varied(*({"FrameOfReferenceUID": f"1.2.9.{i}"} for i in range(4)))
    ),
    # ---- names
    "one SOP UID for all": Case(same(SOPInstanceUID="1.2.3.4.77")),
    "no SOP UID": Case(each(lambda path: ugly.replaced(path, 0x00080018, b"UI", b""))),
    "UIDs padded with blanks and zeros": Case(
        varied({}, {"SeriesInstanceUID": "1.2.3.4 "}, {}, {"SeriesInstanceUID": "1.2.3.4 "})
    ),
    "no series": Case(same(SeriesInstanceUID=""), series=(), words="it names no study and series"),
    "names in a broken character set": Case(
        each(
            lambda path: path.write_bytes(path.read_bytes().replace(b"Ugly^One", b"\x1b$B\xff\xfe^On")),
            SpecificCharacterSet="ISO 2022 IR 87",
        )
    ),
    "names in no character set": Case(
        each(
            lambda path: path.write_bytes(
                path.read_bytes()
                .replace(b"Ugly^One", b"\xe4\xf6\xfcy^\xdfne")
                .replace(b"ISO_IR 100", b"KLINGON 99")
            ),
            SpecificCharacterSet="ISO_IR 100",
        )
    ),
    # ---- many frames
    "enhanced without functional groups": Case(
        one(SOPClassUID=EnhancedCTImageStorage, NumberOfFrames=3, PixelData=bytes(480)),
        series=(1,),
        problems=(P.UNSUPPORTED_SYNTAX,),
        words="0 functional groups for 3 frames",
        z_mm=(),
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom, which is made to write what is wrong
@pytest.mark.parametrize("name", CASES)
def test_ugly(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    case.build(tmp_path)
    for path in tmp_path.iterdir():
        if path.is_file():
            tags_or_sentence(path)
    if not case.series:
        with pytest.raises(PterionError, match=case.words):
            scan(tmp_path)
        return
    found = scan(tmp_path)
    (study,) = found.studies
    first = study.series[0]
    assert tuple(len(series.slices) for series in study.series) == case.series
    assert first.problems == set(case.problems)
    assert case.words in " ".join(note.text for note in first.notes)
    assert case.z_mm is None or first.z_mm == pytest.approx(case.z_mm)
    for words in case.damaged:
        assert any(words in note.text for note in found.notes) or len(found.notes) == 1
    assert bool(found.notes) == bool(case.damaged)
    assert len({(place.sop_uid, place.frame) for place in first.slices}) == len(first.slices)
    json.dumps(index_paths([tmp_path]), allow_nan=False)
    if first.showable:
        assert loaded(first) == case.hu


def tags_or_sentence(path: Path) -> None:
    """The header of any file can be listed, or it is said why not."""
    try:
        said = "." if read_tags(path) else ""
    except PterionError as error:
        said = str(error)
    assert said.endswith(".")


def loaded(series: Series) -> tuple[int | None, ...]:
    """The first pixel of each slice, None where it cannot be loaded."""
    try:
        volume = allocate(series)
    except PterionError:
        return (None,) * len(series.slices)
    said = [load_slice(volume, index) for index in range(len(series.slices))]
    assert all(text is None or text.endswith(".") for text in said)
    return tuple(int(hu[0, 0]) if text is None else None for hu, text in zip(volume.hu, said, strict=True))
