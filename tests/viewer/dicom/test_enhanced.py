"""Enhanced multi-frame CT: every frame has its own place."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import EnhancedCTImageStorage, JPEG2000Lossless, JPEGLSLossless

from viewer.dicom.load import allocate, load_all, load_slice
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, Series
from viewer.dicom.write import write_series

Make = Callable[..., Path]
ORDER = (2, 0, 3, 1)


def item(**elements: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def only(path: Path) -> Series:
    (study,) = scan(path).studies
    (series,) = study.series
    return series


@pytest.fixture
def hu() -> npt.NDArray[np.int16]:
    """HU (4, 6, 8); slice i holds 48 i … 48 i + 47."""
    return np.arange(4 * 6 * 8, dtype=np.int16).reshape(4, 6, 8)


@pytest.fixture
def make(tmp_path: Path, hu: npt.NDArray[np.int16]) -> Make:
    """An Enhanced CT file whose frames are shuffled by ORDER; frame k is rescaled with intercept -1024 + k."""

    def write(**elements: object) -> Path:
        write_series(tmp_path / "source", hu, spacing_mm=(0.5, 0.4), positions_mm=[(0, 0, 0)] * 4)
        data = pydicom.dcmread(tmp_path / "source" / "IM0001.dcm")
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
        for keyword in (
            "ImagePositionPatient",
            "ImageOrientationPatient",
            "PixelSpacing",
            "RescaleIntercept",
        ):
            del data[keyword]
        del data.RescaleSlope
        data.NumberOfFrames = 4
        data.SharedFunctionalGroupsSequence = [
            item(
                PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.4], SliceThickness=3)],
                PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            )
        ]
        data.PerFrameFunctionalGroupsSequence = [
            item(
                PlanePositionSequence=[item(ImagePositionPatient=[-10, -20, 3 * place])],
                PixelValueTransformationSequence=[item(RescaleIntercept=-1024 + k, RescaleSlope=1)],
                FrameVOILUTSequence=[item(WindowWidth=80 + k, WindowCenter=40)],
            )
            for k, place in enumerate(ORDER)
        ]
        frames = [(hu[place] + 1024 - k).astype("<i2") for k, place in enumerate(ORDER)]
        data.PixelData = b"".join(frame.tobytes() for frame in frames)
        for keyword, value in elements.items():
            setattr(data, keyword, value)
        data.save_as(tmp_path / "enhanced.dcm")
        return tmp_path / "enhanced.dcm"

    return write


def test_shuffled_frames_are_sorted_by_place(make: Make, hu: npt.NDArray[np.int16]) -> None:
    series = only(make())
    assert series.z_mm == (0, 3, 6, 9)
    assert [one.frame for one in series.slices] == [1, 3, 0, 2]
    assert [one.window for one in series.slices] == [(81, 40), (83, 40), (80, 40), (82, 40)]
    volume = load_all(series)
    assert (volume.hu == hu).all()
    assert volume.spacing_mm == (0.5, 0.4)
    assert (series.thickness_mm, series.problems) == (3, frozenset())


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("fragments", [1, 2])
def test_compressed_frames(make: Make, hu: npt.NDArray[np.int16], table: bool, fragments: int) -> None:
    import imagecodecs

    path = make()
    data = pydicom.dcmread(path)
    frames = [(hu[place] + 1024 - k).astype(np.uint16) for k, place in enumerate(ORDER)]
    streams = [bytes(imagecodecs.jpegls_encode(frame)) for frame in frames]
    data.PixelData = encapsulate(streams, has_bot=table, fragments_per_frame=fragments)
    data.file_meta.TransferSyntaxUID = JPEGLSLossless
    data.save_as(path)
    assert (load_all(only(path)).hu == hu).all()


@pytest.mark.parametrize("fragments", [2, 5])
@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
def test_frames_in_uneven_fragments_without_a_table(
    make: Make, hu: npt.NDArray[np.int16], fragments: int, syntax: str
) -> None:
    """Each frame is cut into other pieces than the next, one of them within its last marker."""
    import imagecodecs

    path = make()
    data = pydicom.dcmread(path)
    pieces: list[bytes] = []
    for k, place in enumerate(ORDER):
        frame = (hu[place] + 1024 - k).astype(np.uint16)
        stream = (
            bytes(imagecodecs.jpegls_encode(frame))
            if syntax == JPEGLSLossless
            else bytes(imagecodecs.jpeg2k_encode(frame, level=0, codecformat="J2K", reversible=True))
        )
        stream += b"\0" * (len(stream) % 2)
        cuts = sorted({2 * (i * len(stream) // (2 * fragments)) for i in range(1, fragments - k % 2)})
        ends = (
            [*cuts, len(stream) - 2 + stream.endswith(b"\0"), len(stream)] if k == 2 else [*cuts, len(stream)]
        )
        pieces += [stream[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    items = b"".join(b"\xfe\xff\0\xe0" + struct.pack("<I", len(piece)) + piece for piece in [b"", *pieces])
    data.PixelData = items
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = syntax
    data.save_as(path)
    assert (load_all(only(path)).hu == hu).all()


def test_a_frame_without_its_end_makes_fragments_ambiguous(make: Make, hu: npt.NDArray[np.int16]) -> None:
    import imagecodecs

    path = make()
    data = pydicom.dcmread(path)
    frames = [(hu[place] + 1024 - k).astype(np.uint16) for k, place in enumerate(ORDER)]
    streams = [bytes(imagecodecs.jpegls_encode(frame)) for frame in frames]
    streams[1] = streams[1][:-6]
    data.PixelData = encapsulate(streams, has_bot=False, fragments_per_frame=2)
    data.file_meta.TransferSyntaxUID = JPEGLSLossless
    data.save_as(path)
    text = load_slice(allocate(only(path)), 0)
    assert text is not None
    assert "which compressed pixels belong to which frame is not said" in text


def test_too_few_functional_groups_are_refused(make: Make) -> None:
    series = only(make(NumberOfFrames=5))
    assert series.problems == {Problem.UNSUPPORTED_SYNTAX}
    assert "4 functional groups for 5 frames" in series.notes[0].text


@pytest.mark.parametrize(
    ("keyword", "value", "said"),
    [
        ("RescaleSlope", "0", "rescale slope 0"),
        ("RescaleSlope", "1e300", "rescale slope 1e+300"),
        ("RescaleIntercept", "-1e9", "rescale intercept -1e+09"),
    ],
)
def test_frames_whose_rescale_gives_no_hu_are_refused(
    make: Make, keyword: str, value: str, said: str
) -> None:
    path = make()
    data = pydicom.dcmread(path)
    setattr(data.PerFrameFunctionalGroupsSequence[2].PixelValueTransformationSequence[0], keyword, value)
    data.save_as(path)
    series = only(path)
    assert series.problems == {Problem.UNSUPPORTED_SYNTAX}
    assert said in series.notes[0].text


def test_a_frame_of_no_size_and_no_window_says_so(make: Make) -> None:
    path = make()
    data = pydicom.dcmread(path)
    data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness = "1e300"
    data.PerFrameFunctionalGroupsSequence[0].FrameVOILUTSequence[0].WindowWidth = "1e300"
    data.save_as(path)
    series = only(path)
    assert series.thickness_mm is None
    windows = {place.frame: place.window for place in series.slices}
    assert windows[0] != (1e300, 40)
    assert windows[1] == (81, 40)


def test_a_file_that_ends_in_its_frames(make: Make) -> None:
    path = make()
    content = path.read_bytes()
    path.write_bytes(content[:-50])
    series = only(path)
    assert series.problems == {Problem.UNREADABLE_FILES}
    assert load_all(series).failed.tolist() == [
        False,
        True,
        False,
        False,
    ]  # the last frame is the second slice
