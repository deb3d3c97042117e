"""A stencil finds exactly what the walk finds, or nothing."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.dicom.header import DamagedError, Header, NotDicomError, read_header
from viewer.dicom.instance import WANTED
from viewer.dicom.stencil import Stencils

Recode = Callable[..., None]


def found(path: Path, stencils: Stencils | None = None) -> Header | str:
    """A header, or what is wrong with the file."""
    try:
        return read_header(path, WANTED, stencils)
    except (DamagedError, NotDicomError) as error:
        return f"{type(error).__name__}: {error}"


def both_ways(paths: Sequence[Path]) -> Stencils:
    """Assert that files read one after another with stencils give what each gives alone."""
    stencils = Stencils()
    for path in paths:
        assert found(path, stencils) == found(path)
    return stencils


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big endian", "deflated", "JPEG-LS"])
def test_a_series_is_read_the_same(
    write_series_copy: Callable[[str], Path], recode: Recode, syntax: str
) -> None:
    folder = write_series_copy("series")
    for number, path in enumerate(sorted(folder.iterdir())):
        recode(path, syntax, InstanceNumber=3**number, SliceLocation=f"{number / 7:.9g}")
    stencils = both_ways(sorted(folder.iterdir()))
    assert stencils.hits == (0 if syntax in ("big endian", "deflated") else 6)


def test_values_of_any_length_are_learnt(write_series_copy: Callable[[str], Path], recode: Recode) -> None:
    folder = write_series_copy("series")
    for number, path in enumerate(sorted(folder.iterdir())):
        recode(path, WindowCenter=10**number, ImageComments="x" * number)
    stencils = both_ways(sorted(folder.iterdir()) * 2)
    assert stencils.hits == 12  # the third and fourth files teach that both vary


def test_sequences_and_private_elements_are_part_of_it(write_series_copy: Callable[[str], Path]) -> None:
    folder = write_series_copy("series")
    for number, path in enumerate(sorted(folder.iterdir())):
        data = pydicom.dcmread(path)
        inner = pydicom.Dataset()
        inner.Rows, inner.PixelSpacing, inner.ImageComments = 7, [9, 9], "y" * (number % 3)
        data.ReferencedStudySequence = [inner]
        element = data["ReferencedStudySequence"]
        element.is_undefined_length = number > 1
        inner.is_undefined_length_sequence_item = number > 2
        data.private_block(0x0019, "PTERION TEST", create=True).add_new(1, "OB", bytes(2 * number))
        data.save_as(path)
    both_ways(sorted(folder.iterdir()) * 2)


def test_files_of_all_kinds_one_after_another() -> None:
    folder = Path(pydicom.data.__file__).parent
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix == ".dcm")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both_ways([path for path in paths for _ in range(3)])


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_the_same(
    tmp_path_factory: pytest.TempPathFactory, phantom_series: Path, data: st.DataObject
) -> None:
    stencils = Stencils()
    for path in sorted(phantom_series.iterdir()):
        read_header(path, WANTED, stencils)
    whole = bytearray((phantom_series / "IM0004.dcm").read_bytes())
    offset = read_header(phantom_series / "IM0004.dcm", WANTED).pixel_offset or 0
    for place in data.draw(st.lists(st.integers(128, offset), max_size=3)):
        whole[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(whole), offset + 5, offset, offset - 1, offset - 200, 300]))
    path = tmp_path_factory.mktemp("damaged") / "a.dcm"
    path.write_bytes(whole[:end])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, alone = found(path, stencils), found(path)
    if isinstance(ours, Header) and isinstance(alone, Header):
        assert replace(ours, elements={}) == replace(alone, elements={})
        assert ours.elements == alone.elements
    else:
        assert ours == alone
