"""Series that hold several stacks at the same place: each slice goes to its own stack, whatever the order of files."""

import runpy
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage

from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem, Series

ugly = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("ugly.py"))))
SHUFFLED = (5, 0, 3, 6, 1, 7, 2, 4)
"""An order of eight frames in which no phase keeps its rank: at 5 mm the second comes first, at 0 mm last."""


def items(**elements: object) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def stacks(folder: Path) -> tuple[Series, ...]:
    (study,) = scan(folder).studies
    return study.series


def found(folder: Path) -> list[tuple[tuple[float, ...], list[int]]]:
    """Heights and HU of each stack."""
    return [(series.z_mm, load_all(series).hu[:, 0, 0].tolist()) for series in stacks(folder)]


def write(folder: Path, slices: Sequence[tuple[float, int, Mapping[str, object]]]) -> None:
    """Slices of (height, HU, elements); instance numbers say nothing."""
    for number, (z_mm, hu, elements) in enumerate(slices):
        pixels = np.full((8, 10), 1024 + hu, "<u2").tobytes()
        own = {"InstanceNumber": number * 7 % 11, "PixelData": pixels, **elements}
        ugly.save(ugly.slice_of(number + 1, z_mm, **own), folder / f"{number:03d}.dcm")


@pytest.mark.parametrize(
    ("keyword", "values", "name"),
    [
        ("KVP", (80, 140), "tube voltage"),
        ("TriggerTime", (0, 450), "trigger time"),
        ("TemporalPositionIdentifier", (2, 10), "temporal position"),
        ("ContrastBolusAgent", ("", "IOMERON"), "contrast agent"),
        ("AcquisitionNumber", (1, 2), "acquisition"),
        ("ImageType", (["DERIVED", "AXIAL", "VMI50"], ["DERIVED", "AXIAL", "VMI70"]), "image type"),
    ],
)
def test_an_element_tells_two_phases_apart(
    tmp_path: Path, keyword: str, values: tuple[object, object], name: str
) -> None:
    """Slices of both phases lie mixed, and by their numbers no phase could be found."""
    slices = [(5.0 * i, 100 * k + i, {keyword: value}) for i in range(4) for k, value in enumerate(values)]
    write(tmp_path, [slices[n] for n in SHUFFLED])
    assert sorted(found(tmp_path)) == [((0, 5, 10, 15), [0, 1, 2, 3]), ((0, 5, 10, 15), [100, 101, 102, 103])]
    assert all(series.problems == {Problem.DUPLICATE_POSITIONS} for series in stacks(tmp_path))
    texts = sorted(series.notes[0].text for series in stacks(tmp_path))
    assert all(name in text and "lie over each other: it is shown as 2 stacks" in text for text in texts)


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    count=st.integers(2, 4),
    slices=st.integers(3, 5),
    missing=st.integers(0, 20),
    keyword=st.sampled_from(["KVP", "AcquisitionNumber", "ConvolutionKernel", "SliceThickness"]),
    order=st.randoms(use_true_random=False),
)
def test_no_stack_mixes_phases_whatever_is_missing_and_in_whatever_order(
    count: int, slices: int, missing: int, keyword: str, order: Random
) -> None:
    """Slice i of phase k holds 100 k + i; one slice may be missing."""
    every = [(5.0 * i, 100 * k + i, {keyword: str(k + 1)}) for k in range(count) for i in range(slices)]
    kept = [one for number, one in enumerate(every) if number != missing]
    order.shuffle(kept)
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), kept)
        stacked = found(Path(name))
    assert sorted(hu for _, hu in stacked) == [
        [hu for number, (_, hu, _) in enumerate(every) if hu // 100 == k and number != missing]
        for k in range(count)
    ]
    assert all(z_mm == tuple(5.0 * (value % 100) for value in hu) for z_mm, hu in stacked)


def test_phases_are_numbered_and_named_in_the_order_of_their_values(tmp_path: Path) -> None:
    """Where instance numbers tell nothing, the tenth comes behind the second."""
    names = [{"TemporalPositionIdentifier": n, "InstanceNumber": 1} for n in (10, 2, 1)]
    write(tmp_path, [(5.0 * i, 0, name) for i in range(2) for name in names])
    assert [series.notes[0].text.partition(": ")[2] for series in stacks(tmp_path)] == [
        f"it is shown as 3 stacks, this is number {k} (temporal position {n})."
        for k, n in ((1, 1), (2, 2), (3, 10))
    ]


def test_kernels_with_phases_are_four_stacks(tmp_path: Path) -> None:
    slices = [
        (5.0 * i, 100 * kernel + 10 * kv + i, {"ConvolutionKernel": f"H{kernel}", "KVP": 80 + kv})
        for i in range(3)
        for kernel in (3, 7)
        for kv in (0, 1)
    ]
    write(tmp_path, slices)
    levels = sorted(hu for _, hu in found(tmp_path))
    assert levels == [[n, n + 1, n + 2] for n in (300, 310, 700, 710)]
    both = {Problem.DUPLICATE_POSITIONS, Problem.MIXED_KERNELS}
    assert all(series.problems == both for series in stacks(tmp_path))


@pytest.mark.parametrize("first_mm", [0.0, 0.5])
def test_thick_and_thin_slices_of_one_scan_are_two_stacks(tmp_path: Path, first_mm: float) -> None:
    """Eleven slices of 1 mm; three of 5 mm lie at the places of some, or between them."""
    thin = [(float(i), i, {"SliceThickness": 1}) for i in range(11)]
    thick = [(first_mm + 4 * i, 500 + i, {"SliceThickness": 5}) for i in range(3)]
    write(tmp_path, thick + thin)
    assert found(tmp_path) == [
        (tuple(float(i) for i in range(11)), list(range(11))),
        ((first_mm, first_mm + 4, first_mm + 8), [500, 501, 502]),
    ]


def test_kernels_between_each_other_are_two_stacks(tmp_path: Path) -> None:
    soft = [(2.0 * i, i, {"ConvolutionKernel": "H30"}) for i in range(6)]
    sharp = [(2.0 * i + 1, 100 + i, {"ConvolutionKernel": "H70"}) for i in range(6)]
    write(tmp_path, soft + sharp)
    assert [hu for _, hu in found(tmp_path)] == [[0, 1, 2, 3, 4, 5], [100, 101, 102, 103, 104, 105]]
    assert all(series.problems == {Problem.MIXED_KERNELS} for series in stacks(tmp_path))


def test_a_missing_slice_hides_no_phase(tmp_path: Path) -> None:
    """Three phases of four slices that only their numbers tell apart; the second slice of the second is not there."""
    slices = [(5.0 * i, 100 * k + i, {"InstanceNumber": 4 * k + i}) for k in range(3) for i in range(4)]
    del slices[5]
    write(tmp_path, slices)
    assert found(tmp_path) == [
        ((0, 5, 10, 15), [0, 1, 2, 3]),
        ((0, 5, 10, 15), [200, 201, 202, 203]),
        ((0, 10, 15), [100, 102, 103]),
    ]
    assert Problem.MISSING_SLICES in stacks(tmp_path)[2].problems


def test_a_scan_that_changed_its_step_on_the_way_stays_one_stack(tmp_path: Path) -> None:
    """Five slices of 5 mm, then five of 10 mm, which begin where the others end: that place is there twice."""
    low = [(5.0 * i, i, {"SliceThickness": 5, "AcquisitionNumber": 1}) for i in range(5)]
    high = [(20.0 + 10 * i, 100 + i, {"SliceThickness": 10, "AcquisitionNumber": 2}) for i in range(5)]
    write(tmp_path, low + high)
    (series,) = stacks(tmp_path)
    assert series.z_mm == (0, 5, 10, 15, 20, 30, 40, 50, 60)
    assert series.problems == {Problem.DUPLICATE_POSITIONS, Problem.UNEVEN_SPACING}
    assert "1 duplicate" in [note.badge for note in series.notes]


def enhanced(folder: Path, frames: Sequence[tuple[float, int, Mapping[str, object]]]) -> None:
    """One Enhanced CT file with frames of (height, HU, functional groups)."""
    made = ugly.slice_of(
        SOPClassUID=EnhancedCTImageStorage, NumberOfFrames=len(frames), ImagePositionPatient=None
    )
    del made.ImageOrientationPatient, made.PixelSpacing, made.RescaleSlope, made.RescaleIntercept
    across = items(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    made.SharedFunctionalGroupsSequence = [
        items(
            PixelMeasuresSequence=[items(PixelSpacing=[1, 1], SliceThickness=5)],
            PixelValueTransformationSequence=[items(RescaleSlope=1, RescaleIntercept=-1024)],
            CTExposureSequence=[items(ExposureInmAs=250)],
        )
    ]
    made.PerFrameFunctionalGroupsSequence = [
        items(
            PlanePositionSequence=[items(ImagePositionPatient=[-5, -4, z_mm])],
            **{"PlaneOrientationSequence": [across], **groups},
        )
        for z_mm, _, groups in frames
    ]
    made.PixelData = b"".join(np.full((8, 10), 1024 + hu, "<u2").tobytes() for _, hu, _ in frames)
    ugly.save(made, folder / "enhanced.dcm")


@pytest.mark.parametrize(
    ("sequence", "keyword", "values", "problem"),
    [
        ("FrameContentSequence", "TemporalPositionIndex", (1, 2), Problem.DUPLICATE_POSITIONS),
        ("FrameContentSequence", "StackID", ("1", "2"), Problem.DUPLICATE_POSITIONS),
        ("CTXRayDetailsSequence", "KVP", (80, 140), Problem.DUPLICATE_POSITIONS),
        ("CTReconstructionSequence", "ConvolutionKernel", ("Br36", "Hr68"), Problem.MIXED_KERNELS),
    ],
)
def test_shuffled_frames_of_two_phases_are_told_apart(
    tmp_path: Path, sequence: str, keyword: str, values: tuple[object, object], problem: Problem
) -> None:
    frames = [
        (5.0 * i, 100 * k + i, {sequence: [items(**{keyword: value})]})
        for k, value in enumerate(values)
        for i in range(4)
    ]
    enhanced(tmp_path, [frames[n] for n in SHUFFLED])
    assert found(tmp_path) == [
        ((0, 5, 10, 15), [100 * k, 100 * k + 1, 100 * k + 2, 100 * k + 3]) for k in (0, 1)
    ]
    assert all(series.problems == {problem} for series in stacks(tmp_path))


def test_a_frame_says_what_a_file_of_its_own_would(tmp_path: Path) -> None:
    kind = {"CTImageFrameTypeSequence": [items(FrameType=["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"])]}
    along = {"PlaneOrientationSequence": [items(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])]}
    kernel = {"CTReconstructionSequence": [items(ConvolutionKernel="Br36")]}
    tube = {"CTXRayDetailsSequence": [items(KVP=120)]}
    enhanced(tmp_path, [*((5.0 * i, i, kernel | tube) for i in range(3)), (0.0, 99, kind | along)])
    head, scout = stacks(tmp_path)
    assert (head.kernel, head.technique, head.thickness_mm) == ("Br36", "120 kV · 250 mAs", 5)
    assert (head.z_mm, head.problems) == ((0, 5, 10), frozenset())
    assert len(scout.slices) == 1
    assert scout.problems == {Problem.LOCALIZER}
