"""What a scan finds, on folders made to be wrong in one way each."""

import os
import random
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import SupportsIndex

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

from model.errors import Cancelled, PterionError
from viewer.dicom import scan as scan_module
from viewer.dicom.header import Header, read_header
from viewer.dicom.instance import WANTED, Instance, instances
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, Series, Study
from viewer.dicom.write import write_series

Copy = Callable[..., Path]
HU = np.arange(6 * 4 * 5, dtype=np.int16).reshape(6, 4, 5)


def write(folder: Path, z_mm: list[float], hu: np.ndarray | None = None, **more: object) -> Path:
    """An axial series with slices at these heights; pixels of slice i are 20 * i … 20 * i + 19."""
    hu = np.resize(HU, (len(z_mm), 4, 5)) if hu is None else hu
    arguments: dict[str, object] = {"spacing_mm": (0.5, 0.5), "positions_mm": [(0, 0, z) for z in z_mm]}
    write_series(folder, hu, **(arguments | more))  # type: ignore[arg-type]
    return folder


def only(folder: Path) -> Series:
    (study,) = scan(folder).studies
    (series,) = study.series
    return series


def change(path: Path, **elements: object) -> None:
    """Set (or, with None, delete) elements of a file by keyword."""
    data = pydicom.dcmread(path)
    for keyword, value in elements.items():
        if value is None:
            del data[keyword]
        else:
            setattr(data, keyword, value)
    data.save_as(path)


def text_of(series: Series, problem: Problem) -> str:
    (note,) = [note for note in series.notes if note.problem is problem]
    return note.text


def test_names_folders_and_order_of_files_do_not_matter(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5, 10, 15, 20, 25])
    names = list("zyxwvu")
    random.Random(1).shuffle(names)
    for index, path in enumerate(sorted((tmp_path / "a").iterdir())):
        goal = tmp_path / f"d{index % 3}" / names[index]
        goal.parent.mkdir(exist_ok=True)
        path.rename(goal)
    series = only(tmp_path)
    assert series.z_mm == (0, 5, 10, 15, 20, 25)
    assert [int(one[0, 0]) for one in load_all(series).hu] == [0, 20, 40, 60, 80, 100]
    assert series.problems == frozenset()


def test_one_file_opens_alone(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5])
    series = only(tmp_path / "a" / "IM0002.dcm")
    assert [len(series.slices), series.gaps_mm, series.problems] == [1, (), {Problem.SINGLE_SLICE}]


def test_the_head_is_up_whichever_way_the_rows_run(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5, 10], orientation=(1, 0, 0, 0, -1, 0))
    assert only(tmp_path / "a").z_mm == (0, 5, 10)


def test_a_tilted_stack_gives_its_angle_and_true_gaps(tmp_path: Path) -> None:
    """Slices turned by 20° about x, 5 mm apart on the table: 5·cos 20° along the normal."""
    angle = np.radians(20)
    write(tmp_path / "a", [0, 5, 10, 15], orientation=(1, 0, 0, 0, np.cos(angle), -np.sin(angle)))
    series = only(tmp_path / "a")
    assert series.tilt_deg == pytest.approx(20, abs=1e-6)
    assert series.gaps_mm == pytest.approx([5 * np.cos(angle)] * 3)
    assert [(note.problem, note.badge) for note in series.notes] == [(Problem.GANTRY_TILT, "tilt 20.0°")]


def test_a_coronal_stack_along_its_normal_has_no_tilt(tmp_path: Path) -> None:
    places = [(0, 3 * index, 100) for index in range(4)]
    write(tmp_path / "a", [0] * 4, positions_mm=places, orientation=(1, 0, 0, 0, 0, -1))
    series = only(tmp_path / "a")
    assert (series.tilt_deg, series.gaps_mm) == (0, (3, 3, 3))


@pytest.mark.parametrize(
    ("z_mm", "problems", "badges"),
    [
        ([0, 4, 8, 12, 19, 26, 33], {Problem.UNEVEN_SPACING}, ["gaps 4 / 7 mm"]),
        ([0, 5, 10, 20, 25, 30], {Problem.MISSING_SLICES}, ["1 missing"]),
        ([0, 5, 10, 25, 30, 35], {Problem.MISSING_SLICES}, ["2 missing"]),
        ([0, 2.5, 5, 7.5, 12.5, 17.5, 22.5, 27.5], {Problem.UNEVEN_SPACING}, ["gaps 2.5 / 5 mm"]),
        ([0, 0.6, 1.3, 1.9, 2.5, 3.1, 3.8], set(), []),
        ([0, 5, 10.05, 15.05], set(), []),
        (
            [0, 4, 8, 12, 19, 26, 33, 47, 54, 61],
            {Problem.UNEVEN_SPACING, Problem.MISSING_SLICES},
            ["gaps 4 / 7 mm", "1 missing"],
        ),
    ],
)
def test_gaps_are_judged(
    tmp_path: Path, z_mm: list[float], problems: set[Problem], badges: list[str]
) -> None:
    series = only(write(tmp_path / "a", z_mm))
    assert series.problems == problems
    assert [note.badge for note in series.notes] == badges
    assert series.gaps_mm == pytest.approx(np.diff(z_mm))


def test_missing_slices_are_located(tmp_path: Path) -> None:
    series = only(write(tmp_path / "a", [0, 5, 10, 20, 25, 30]))
    assert text_of(series, Problem.MISSING_SLICES).startswith(
        "1 slice seems to be missing, between slices 3 and 4"
    )


def test_copies_of_files_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5, 10])
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    series = only(tmp_path)
    assert len(series.slices) == 3
    assert text_of(series, Problem.DUPLICATE_POSITIONS).startswith("Left out: 3 files with slices")


def test_an_intact_copy_is_preferred(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5, 10])
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    os.truncate(tmp_path / "a" / "IM0002.dcm", (tmp_path / "a" / "IM0002.dcm").stat().st_size - 10)
    series = only(tmp_path)
    assert series.problems == {Problem.DUPLICATE_POSITIONS}
    assert load_all(series).loaded.all()


def test_slices_that_share_a_uid_by_mistake_are_all_shown(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5, 10])
    for path in (tmp_path / "a").iterdir():
        change(path, SOPInstanceUID="1.2.3")
    series = only(tmp_path)
    assert (series.z_mm, series.problems) == ((0, 5, 10), frozenset())


def test_a_repeated_slice_is_kept_out(tmp_path: Path) -> None:
    series = only(write(tmp_path / "a", [0, 5, 10, 5.001]))
    assert series.z_mm == (0, 5, 10)
    assert [one.instance_number for one in series.slices] == [1, 2, 3]
    assert "1 duplicate" in [note.badge for note in series.notes]


def test_two_images_everywhere_become_two_stacks(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5, 10, 0, 5, 10])
    (study,) = scan(tmp_path).studies
    one, two = study.series
    assert (one.z_mm, two.z_mm) == ((0, 5, 10), (0, 5, 10))
    assert [[s.instance_number for s in stack.slices] for stack in (one, two)] == [[1, 2, 3], [4, 5, 6]]
    assert two.series_uid == f"{one.series_uid}#2"
    assert two.dicom_series_uid == one.series_uid
    assert one.problems == {Problem.DUPLICATE_POSITIONS}


def test_two_kernels_at_the_same_places_become_two_stacks(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5, 10, 0, 5, 10])
    for index, path in enumerate(sorted((tmp_path / "a").iterdir())):
        change(path, ConvolutionKernel="H30s" if index < 3 else "H70h", InstanceNumber=index)
    (study,) = scan(tmp_path).studies
    assert {stack.kernel: len(stack.slices) for stack in study.series} == {"H30s": 3, "H70h": 3}
    assert all(stack.problems == {Problem.MIXED_KERNELS} for stack in study.series)


def test_two_kernels_at_different_places_stay_one_stack(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5, 10, 15])
    change(tmp_path / "a" / "IM0004.dcm", ConvolutionKernel="H70h")
    series = only(tmp_path)
    assert len(series.slices) == 4
    assert series.problems == {Problem.MIXED_KERNELS}


def test_contrast_phases_are_told_apart_by_their_tag(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5, 10, 10, 5, 0])
    for number in (4, 5, 6):
        change(tmp_path / "a" / f"IM000{number}.dcm", ContrastBolusAgent="Iodine")
    (study,) = scan(tmp_path).studies
    assert [[s.instance_number for s in stack.slices] for stack in study.series] == [[1, 2, 3], [6, 5, 4]]


@pytest.mark.parametrize(
    ("elements", "problem"),
    [
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, Problem.MIXED_ORIENTATIONS),
        ({"PixelSpacing": [0.25, 0.25]}, Problem.MIXED_SIZES),
        ({"Rows": 2, "PixelData": bytes(2 * 5 * 2)}, Problem.MIXED_SIZES),
    ],
)
def test_what_cannot_lie_on_one_stack_is_split(
    tmp_path: Path, elements: dict[str, object], problem: Problem
) -> None:
    write(tmp_path / "a", [0, 5, 10, 15, 20])
    for name in ("IM0001.dcm", "IM0002.dcm"):
        change(tmp_path / "a" / name, **elements)
    (study,) = scan(tmp_path).studies
    assert [len(stack.slices) for stack in study.series] == [3, 2]
    assert all(problem in stack.problems for stack in study.series)
    assert all(load_all(stack).loaded.all() for stack in study.series)


def test_a_localizer_in_the_series_stands_apart(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5, 10, 15])
    change(
        tmp_path / "a" / "IM0001.dcm",
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
    )
    (study,) = scan(tmp_path).studies
    assert [(len(stack.slices), stack.problems) for stack in study.series] == [
        (3, frozenset()),
        (1, {Problem.LOCALIZER}),
    ]


def test_without_positions_the_number_sorts_then_the_name(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5, 10, 15])
    for path, number in zip(sorted((tmp_path / "a").iterdir()), (3, 1, 1, None), strict=True):
        change(path, ImagePositionPatient=None, InstanceNumber=number)
    series = only(tmp_path)
    assert [one.path.name for one in series.slices] == [
        "IM0002.dcm",
        "IM0003.dcm",
        "IM0001.dcm",
        "IM0004.dcm",
    ]
    assert (series.gaps_mm, series.z_mm, series.problems) == ((), (), {Problem.NO_POSITION})


def test_file_names_sort_as_numbers(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5])
    for name, path in zip(("10", "9"), sorted((tmp_path / "a").iterdir()), strict=True):
        change(path, ImagePositionPatient=None, InstanceNumber=None)
        path.rename(tmp_path / "a" / name)
    assert [one.path.name for one in only(tmp_path).slices] == ["9", "10"]


def test_one_position_for_all_is_none(tmp_path: Path) -> None:
    series = only(write(tmp_path / "a", [0, 0, 0]))
    assert (len(series.slices), series.gaps_mm) == (3, ())
    assert text_of(series, Problem.NO_POSITION).startswith("All slices claim one position")


@pytest.mark.parametrize("value", [b"NaN", b"1e400", b"right"])
def test_positions_that_are_no_numbers_are_none(tmp_path: Path, value: bytes) -> None:
    write(tmp_path / "a", [0] * 3, positions_mm=[(123456.5, 0, 5 * index) for index in range(3)])
    for path in (tmp_path / "a").iterdir():
        path.write_bytes(path.read_bytes().replace(b"123456.5", value.ljust(8)))
    series = only(tmp_path)
    assert series.problems == {Problem.NO_POSITION}
    assert load_all(series).loaded.all()


def test_without_spacing(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5])
    for path in (tmp_path / "a").iterdir():
        change(path, PixelSpacing=None)
    series = only(tmp_path)
    assert series.problems == {Problem.NO_SPACING}
    assert load_all(series).spacing_mm == (1, 1)


@pytest.mark.parametrize(
    ("elements", "problem", "badge"),
    [
        ({"LossyImageCompression": "01"}, Problem.LOSSY_SOURCE, "lossy"),
        ({"BurnedInAnnotation": "YES"}, Problem.BURNED_IN_TEXT, "burned-in text"),
        ({"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, Problem.AI_NOT_RUN, "not CT"),
    ],
)
def test_warnings_leave_the_series_showable(
    tmp_path: Path, elements: dict[str, object], problem: Problem, badge: str
) -> None:
    write(tmp_path / "a", [0, 5])
    for path in (tmp_path / "a").iterdir():
        change(path, **elements)
    series = only(tmp_path)
    assert [(note.problem, note.badge) for note in series.notes] == [(problem, badge)]
    assert series.showable


@pytest.mark.parametrize(
    ("elements", "problem"),
    [
        ({"PixelData": None}, Problem.NO_PIXELS),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "PixelData": None}, Problem.NOT_AN_IMAGE),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, Problem.NOT_AN_IMAGE),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, Problem.NOT_AN_IMAGE),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Problem.NOT_AN_IMAGE),
        ({"BitsAllocated": 32}, Problem.UNSUPPORTED_SYNTAX),
    ],
)
def test_what_cannot_be_shown_says_so(tmp_path: Path, elements: dict[str, object], problem: Problem) -> None:
    write(tmp_path / "a", [0, 5])
    for path in (tmp_path / "a").iterdir():
        change(path, **elements)
    series = only(tmp_path)
    assert series.problems == {problem}
    assert not series.showable
    assert len(series.slices) == 2
    with pytest.raises(PterionError, match=r"The series cannot be opened\. "):
        load_all(series)


def test_an_unknown_transfer_syntax_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5])
    for path in (tmp_path / "a").iterdir():
        data = pydicom.dcmread(path)
        data.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML
        data.PixelData = encapsulate([b"film"])
        data.save_as(path)
    assert "MPEG2 Main Profile" in text_of(only(tmp_path), Problem.UNSUPPORTED_SYNTAX)


def test_studies_arrive_as_they_are_found_and_replace_each_other(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / name, [0, 5], seed=name)
    seen: list[Study] = []
    result = scan([tmp_path / "a", tmp_path / "b", tmp_path / "c"], on_study=seen.append)
    assert {study.study_uid: study for study in seen} == {study.study_uid: study for study in result.studies}
    assert len(result.studies) == 3


def test_a_path_given_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5])
    (study,) = scan([tmp_path, tmp_path / "a", tmp_path / "a" / "IM0001.dcm"]).studies
    assert study.series[0].problems == frozenset()


def test_cancel_stops_the_scan(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5])
    with pytest.raises(Cancelled):
        scan(tmp_path, cancelled=lambda: True)


def test_windows_and_technique_come_from_the_header(tmp_path: Path) -> None:
    write(tmp_path / "a", [0, 5], window=(175, 50), kvp=120)
    for path in (tmp_path / "a").iterdir():
        change(path, Exposure=300)
    series = only(tmp_path)
    assert series.slices[0].window == (175, 50)
    assert series.technique == "120 kV · 300 mAs"


def test_headers_are_let_go_of_a_few_at_a_time(phantom_series: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 000 of them freed at once held up every thread for 20 ms; what was found stays as it is."""
    headers: list[weakref.ref[Header]] = []
    alive: list[int] = []

    class Watched(list[Instance]):
        def __delitem__(self, which: SupportsIndex | slice) -> None:
            alive.append(sum(one() is not None for one in headers))
            super().__delitem__(which)

    monkeypatch.setattr(scan_module, "_BATCH", 2)
    finds = scan_module._Finds()
    found = Watched()
    for path in sorted(phantom_series.iterdir()):
        (one,) = instances(read_header(path, WANTED))
        headers.append(weakref.ref(one.header))
        finds.add([one])
        found.append(one)
    del one
    before = finds.studies()
    finds._found = {before[0].study_uid: {before[0].series[0].series_uid: found}}
    finds.forget(lambda: None)
    assert alive == [8, 6, 4, 2]
    assert [header() for header in headers] == [None] * 8
    assert before == scan(phantom_series).studies
