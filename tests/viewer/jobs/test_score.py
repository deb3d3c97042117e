"""Choosing a series, measuring it, and the JSON of `pterion score`, with the toy model on the small phantom."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from model.errors import PterionError
from model.labels import SCORES
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Note, Problem, Series, Study
from viewer.dicom.write import write_series
from viewer.jobs import headless, score
from viewer.jobs.choose import cautions, choose_series, sharpness, skull_width_mm
from viewer.jobs.masks import write_masks
from viewer.jobs.outputs import Outputs


def study(*series: Series) -> Study:
    return Study("1.2", "", "", "", "", "", "", "", series)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("H30s", 0), ("J40s\\3", 0), ("Hr38f", 0), ("H60s", 2), ("Hr64", 2), ("STANDARD", 0), ("SOFT", 0),
        ("BONE", 2), ("BONEPLUS", 2), ("DETAIL", 2), ("UB", 0), ("B", 0), ("YB", 2), ("D", 2), ("FC21", 0),
        ("FC30", 2), ("FC81", 2), ("FC64", 0), ("", 1), ("XYZ", 1),
    ],
)  # fmt: skip
def test_kernels(make_series, kernel: str, expected: int) -> None:
    assert sharpness(make_series(kernel=kernel)) == expected


def test_description_tells_where_the_kernel_does_not(make_series) -> None:
    assert sharpness(make_series(kernel="", description="HEAD BONE 5mm")) == 2


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({}, {"image_type": ("DERIVED", "SECONDARY", "MPR")}),
        ({"gap_mm": 2.5}, {"original": False}),
        ({"kernel": "H60s"}, {"body_part": "NECK"}),
        ({"body_part": "HEAD"}, {"body_part": "CSPINE"}),
        ({}, {"kernel": "H60s"}),
        ({"kernel": ""}, {"kernel": "H60s"}),
        ({"gap_mm": 4.0}, {"gap_mm": 1.0}),
        ({"count": 30}, {"count": 28}),
        ({"gap_mm": 1.0}, {"count": 1}),
        ({"gap_mm": 1.0}, {"kernel": "H60s"}),
        (
            {"image_type": ("ORIGINAL", "PRIMARY", "AXIAL"), "kernel": "H60s"},
            {"image_type": ("DERIVED", "PRIMARY")},
        ),
    ],
)
def test_better_series_is_chosen(make_series, better: dict, worse: dict) -> None:
    first = make_series(**{"count": 20, "series_uid": "good", **better})
    second = make_series(**{"count": 20, "series_uid": "bad", **worse})
    assert choose_series(study(first, second)).series_uid == "good"
    assert choose_series(study(second, first)).series_uid == "good"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"modality": "MR"}, "is MR; the model reads CT"),
        ({"notes": (Note(Problem.LOCALIZER, "localizer", "It is one."),)}, "is a localizer"),
        ({"notes": (Note(Problem.NO_PIXELS, "no pixels", "It has no pixels."),)}, "It has no pixels"),
    ],
)
def test_study_without_a_series_to_score_says_why(make_series, changes: dict, text: str) -> None:
    with pytest.raises(PterionError, match=text) as caught:
        choose_series(study(make_series(**changes)))
    assert caught.value.code == "AI_NOT_RUN"


def test_sagittal_series_is_not_scored(make_series) -> None:
    axial = make_series()
    slices = tuple(dataclasses.replace(s, orientation=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0)) for s in axial.slices)
    with pytest.raises(PterionError, match="not axial"):
        choose_series(study(dataclasses.replace(axial, slices=slices)))


def codes(volume, width: float | None = 150.0, **more: bool) -> list[str]:
    return [caution.code for caution in cautions(volume, width, **more)]


@pytest.mark.parametrize(
    ("count", "changes", "width", "text"),
    [
        (1, {"gaps_mm": ()}, 150.0, "One slice alone"),
        (5, {"tilt_deg": 31.0}, 150.0, "tilted by 31.0"),
        (5, {"kernel": "H60s"}, 150.0, "sharp"),
        (5, {"gap_mm": 1.0}, 150.0, "1.0 mm apart"),
        (5, {"gap_mm": 7.5}, 150.0, "7.5 mm apart"),
        (5, {}, 110.0, "110 mm wide"),
        (5, {}, None, "No skull"),
    ],
)
def test_unusual_input_is_flagged(make_series, make_volume, count, changes, width, text) -> None:
    found = cautions(make_volume(*[0] * count, series=make_series(count, **changes)), width)
    assert [c.code for c in found] == ["AI_CAUTION"]
    assert text in found[0].text


def test_usual_input_is_not_flagged(make_series, make_volume) -> None:
    for gap_mm, tilt_deg in ((2.0, 0.0), (5.0, 18.5), (7.0, 30.0)):
        series = make_series(gap_mm=gap_mm, tilt_deg=tilt_deg)
        assert codes(make_volume(0, 0, 0, 0, 0, series=series)) == []


def test_problems_of_the_series_are_passed_on(make_series, make_volume) -> None:
    notes = (
        Note(Problem.GANTRY_TILT, "tilt 18.5°", "The gantry is tilted."),
        Note(Problem.SPACING_ESTIMATED, "spacing guessed", "Guessed."),
        Note(Problem.BURNED_IN_TEXT, "text", "Text."),
    )
    assert codes(make_volume(0, 0, series=make_series(2, notes=notes))) == [
        "GANTRY_TILT",
        "SPACING_ESTIMATED",
    ]


def test_guessed_spacing_and_unread_slices_are_flagged(make_volume) -> None:
    volume = make_volume(0, 0, 0)
    volume.failed[1] = True
    assert codes(volume, spacing_estimated=True) == ["SPACING_ESTIMATED", "AI_CAUTION"]


def test_skull_width(phantom_hu: np.ndarray) -> None:
    # the phantom's skull spans 80 columns of 1.75 mm
    assert skull_width_mm(phantom_hu, (1.75, 1.75)) == pytest.approx(140.0, abs=0.1)
    assert skull_width_mm(np.zeros((2, 64, 64), np.int16), (1.0, 1.0)) is None


def test_volume_is_area_times_half_the_gaps(make_series, make_volume) -> None:
    series = make_series(3, gaps_mm=(4.0, 6.0), spacing_mm=(2.0, 0.5))
    areas = np.zeros((3, 6), np.int64)
    areas[:, 1] = (10, 20, 30)
    # lengths: the only gap 4, (4 + 6) / 2 = 5, the only gap 6; a pixel is 1 mm²
    ml = score.volumes_ml(areas, make_volume(0, 0, 0, series=series), (2.0, 0.5))
    assert ml == pytest.approx({"EDH": 0.32, "SDH": 0, "SAH": 0, "IVH": 0, "IPH": 0})


def test_single_slice_stands_for_its_thickness(make_series, make_volume) -> None:
    areas = np.zeros((1, 6), np.int64)
    areas[0, 5] = 100
    thick = make_volume(0, series=make_series(1, gaps_mm=(), thickness_mm=8.0))
    assert score.volumes_ml(areas, thick, (1.0, 1.0)) == pytest.approx(
        {"EDH": 0, "SDH": 0, "SAH": 0, "IVH": 0, "IPH": 0.8}
    )
    unknown = make_volume(0, series=make_series(1, gaps_mm=(), thickness_mm=None))
    assert score.volumes_ml(areas, unknown, (1.0, 1.0)) is None


def test_areas_by_label() -> None:
    assert score.areas_px(np.array([[0, 0], [2, 5]], np.uint8)).tolist() == [2, 0, 1, 0, 0, 1]


def test_json_of_the_phantom(phantom_series: Path, registry) -> None:
    said: list[str] = []
    report = headless.score_paths([phantom_series], registry=registry, threads=1, on_progress=said.append)
    assert not headless.failed(report)
    assert json.loads(json.dumps(report)) == report
    (entry,) = report["studies"]
    assert set(entry) == {
        "study_uid", "series_uid", "model", "seconds", "study", "volume_ml", "slices", "cautions", "caution_texts",
    }  # fmt: skip
    assert entry["model"] == "toy-1"
    assert entry["seconds"] > 0
    assert list(entry["study"]) == list(SCORES)
    assert list(entry["volume_ml"]) == list(SCORES[1:])
    assert [s["index"] for s in entry["slices"]] == list(range(8))
    assert [s["z_mm"] for s in entry["slices"]] == [5.0 * i for i in range(8)]
    assert len({s["sop_uid"] for s in entry["slices"]}) == 8
    assert all(0 <= value <= 1 for s in entry["slices"] for value in s["scores"].values())
    assert entry["cautions"] == []
    assert said[-1] == "study 1 of 1: slice 8 of 8"


def test_volume_in_json_follows_the_mask(phantom_series: Path, registry, tmp_path: Path) -> None:
    report = headless.score_paths(
        [phantom_series], registry=registry, outputs=Outputs(masks=tmp_path / "out"), threads=1
    )
    (entry,) = report["studies"]
    with np.load(entry["masks"]) as file:
        assert sorted(file) == sorted(s["sop_uid"] for s in entry["slices"])
        masks = [file[s["sop_uid"]] for s in entry["slices"]]
    assert all(mask.dtype == np.uint8 and mask.shape == (128, 96) for mask in masks)
    pixels = sum(int((mask == 1).sum()) for mask in masks)
    assert pixels > 0
    assert entry["volume_ml"]["EDH"] == pytest.approx(pixels * 1.75**2 * 5 / 1000, abs=1e-3)


def write_head(folder: Path, hu: np.ndarray, **more: object) -> None:
    values: dict[str, object] = {
        "spacing_mm": (1.75, 1.75),
        "positions_mm": np.array([(0.0, 0.0, 5.0 * index) for index in range(len(hu))]),
        "thickness_mm": 5.0,
        **more,
    }
    write_series(folder, hu, **values)  # type: ignore[arg-type]


def test_one_slice_alone_is_scored_and_flagged(phantom_hu: np.ndarray, tmp_path: Path, registry) -> None:
    write_head(tmp_path / "one", phantom_hu[3:4])
    (entry,) = headless.score_paths([tmp_path / "one"], registry=registry, threads=1)["studies"]
    assert "error" not in entry
    assert "AI_CAUTION" in entry["cautions"]
    assert len(entry["slices"]) == 1


def test_bad_study_does_not_stop_the_rest(phantom_hu: np.ndarray, tmp_path: Path, registry) -> None:
    write_head(tmp_path / "in" / "a", phantom_hu)
    write_head(tmp_path / "in" / "b", phantom_hu)
    for path in (tmp_path / "in" / "b").iterdir():
        content = path.read_bytes()
        path.write_bytes(content[: len(content) - 5000])
    report = headless.score_paths([tmp_path / "in"], registry=registry, threads=1)
    assert headless.failed(report)
    good, bad = sorted(report["studies"], key=lambda entry: "error" in entry)
    assert "error" not in good
    assert good["study"] is not None
    assert set(bad["error"]) == {"code", "text"}
    assert bad["study"] is None
    assert bad["slices"] == []


def test_fault_in_one_study_is_told_and_the_rest_goes_on(
    phantom_hu: np.ndarray,
    tmp_path: Path,
    registry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("a", "b"):
        write_head(tmp_path / "in" / name, phantom_hu)
    calls: list[Series] = []

    def load(series: Series, **more: object) -> object:
        calls.append(series)
        if len(calls) == 1:
            raise ZeroDivisionError
        return load_all(series)

    monkeypatch.setattr(score, "load_all", load)
    report = headless.score_paths([tmp_path / "in"], registry=registry, threads=1)
    assert [entry.get("error", {}).get("code") for entry in report["studies"]] == ["INTERNAL_ERROR", None]
    assert "ZeroDivisionError" in caplog.text


def test_series_can_be_named(phantom_hu: np.ndarray, tmp_path: Path, registry) -> None:
    for name, uid in (("a", "1.2.826.1"), ("b", "1.2.826.2")):
        write_head(
            tmp_path / "in" / name, phantom_hu, study_uid=uid, kernel="H60s" if name == "a" else "H30s"
        )
    uids = {s.series[0].kernel: s.series[0].series_uid for s in scan([tmp_path / "in"]).studies}
    report = headless.score_paths([tmp_path / "in"], registry=registry, series_uid=uids["H60s"], threads=1)
    (entry,) = report["studies"]
    assert entry["series_uid"] == uids["H60s"]
    assert "AI_CAUTION" in entry["cautions"]


def test_what_cannot_be_scored_at_all(phantom_series: Path, tmp_path: Path, registry) -> None:
    (tmp_path / "empty").mkdir()
    empty = headless.score_paths([tmp_path / "empty"], registry=registry)
    missing = headless.score_paths([phantom_series], registry=registry, series_uid="1.2.3")
    model = headless.score_paths([phantom_series], registry=registry, model_id="none")
    assert [report["studies"] for report in (empty, missing, model)] == [[], [], []]
    assert all(headless.failed(report) for report in (empty, missing, model))
    assert missing["error"]["code"] == "NO_SUCH_SERIES"
    assert model["error"]["code"] == "MODEL_FILE"


def test_multi_frame_masks_have_their_frame_in_the_key(make_series, tmp_path: Path) -> None:
    series = make_series(2)
    frames = tuple(dataclasses.replace(s, sop_uid="1.9", frame=i) for i, s in enumerate(series.slices))
    path = write_masks(
        tmp_path,
        dataclasses.replace(series, slices=frames),
        np.ones((2, 64, 48), np.uint8),
        "npz",
        (2.0, 2.0),
    )
    with np.load(path) as file:
        assert sorted(file) == ["1.9:0", "1.9:1"]


def test_scores_stay_where_masks_cannot_be_written(phantom_hu: np.ndarray, tmp_path: Path, registry) -> None:
    heights = (0.0, 5.0, 12.0, 16.0)
    write_head(tmp_path / "in", phantom_hu[2:6], positions_mm=np.array([(0.0, 0.0, z) for z in heights]))
    report = headless.score_paths(
        [tmp_path / "in"],
        registry=registry,
        outputs=Outputs(masks=tmp_path / "out", mask_format="nifti"),
        threads=1,
    )
    (entry,) = report["studies"]
    assert headless.failed(report)
    assert entry["error"]["code"] == "UNEVEN_SPACING"
    assert len(entry["slices"]) == 4
    assert entry["study"] is not None
    assert list((tmp_path / "out").iterdir()) == []


def test_nifti_has_the_masks_in_its_axes(phantom_series: Path, tmp_path: Path, registry) -> None:
    import gzip

    folders = {}
    for form in ("npz", "nifti"):
        report = headless.score_paths(
            [phantom_series],
            registry=registry,
            outputs=Outputs(masks=tmp_path / form, mask_format=form),
            threads=1,
        )
        folders[form] = report["studies"][0]
    with np.load(folders["npz"]["masks"]) as file:
        masks = np.stack([file[s["sop_uid"]] for s in folders["npz"]["slices"]])
    content = gzip.decompress(Path(folders["nifti"]["masks"]).read_bytes())
    # NIfTI: header and extension flag of 352 bytes, then the column index runs fastest
    np.testing.assert_array_equal(np.frombuffer(content[352:], np.uint8).reshape(8, 128, 96), masks)


def test_hostile_uid_stays_in_the_folder(make_series, tmp_path: Path) -> None:
    masks = np.zeros((5, 64, 48), np.uint8)
    path = write_masks(tmp_path / "out", make_series(series_uid="../../x/y"), masks, "npz", (2.0, 2.0))
    assert path.parent == tmp_path / "out"


def test_full_disk_leaves_no_half_file(make_series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("viewer.dicom.files.os.fsync", full)
    with pytest.raises(PterionError, match="the disk is full"):
        write_masks(tmp_path, make_series(), np.zeros((5, 64, 48), np.uint8), "npz", (2.0, 2.0))
    assert list(tmp_path.iterdir()) == []


def test_ge_head_is_scored_with_its_problems_named(shared_data: Path, registry) -> None:
    report = headless.score_paths(
        [shared_data / "head-ct-dicom" / "ge-tilted-uneven"], registry=registry, threads=1
    )
    entry = max(report["studies"], key=lambda e: len(e["slices"]))
    assert "error" not in entry
    assert {"GANTRY_TILT", "UNEVEN_SPACING"} <= set(entry["cautions"])
