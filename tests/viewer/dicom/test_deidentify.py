"""De-identification: nothing that identifies is left in any byte, and what is needed stays."""

import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from model.errors import Cancelled, PterionError
from viewer.dicom.cleaning import Cleaner, Identity
from viewer.dicom.deidentify import REPORT, BurnedIn, Choices, deidentify
from viewer.dicom.load import load_all
from viewer.dicom.profile import DATE_VRS, Action, Retain, action_for, table
from viewer.dicom.pseudonyms import Pseudonyms, shifted
from viewer.dicom.quiet import quiet
from viewer.dicom.scan import scan

CopySeries = Callable[[str], Path]
SECRETS = (
    *("Müller", "Jürgen", "MRN-77812-X", "ACC-2024-991", "Dr^Ordering", "Ordering", "Sekretär", "19560704"),
    *("Sankt Example Hospital", "Elm Street", "+49 30 1234567", "GantryNo17", "CT-ROOM-5", "Klinikum"),
)


def fill(dataset: Dataset, number: int = 0) -> None:
    """Put identifiers wherever real files have them, and where they should not be."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Müller^Jürgen"
    dataset.PatientID = "MRN-77812-X"
    dataset.PatientBirthDate = "19560704"
    dataset.PatientSex = "M"
    dataset.PatientAge = "068Y"
    dataset.PatientAddress = "Elm Street 7"
    dataset.PatientTelephoneNumbers = "+49 30 1234567"
    dataset.AccessionNumber = "ACC-2024-991"
    dataset.ReferringPhysicianName = "Dr^Ordering"
    dataset.OperatorsName = "Sekretär^Anna"
    dataset.InstitutionName = "Sankt Example Hospital"
    dataset.StationName = "CT-ROOM-5"
    dataset.GantryID = "GantryNo17"
    dataset.StudyDate, dataset.StudyTime = "20240229", "101500"
    dataset.SeriesDate, dataset.AcquisitionDate = "20240301", "20240301"
    dataset.AcquisitionDateTime = "20240301101530.5"
    dataset.StudyDescription = "CT head for Müller"
    dataset.ImageComments = "Jürgen was restless"
    dataset.ConvolutionKernel = "H30s"
    dataset.FilterType = "for Müller"  # the profile keeps it: only the search finds the name
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", b"patient MRN-77812-X")
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = f"1.3.12.2.1107.5.1.4.{number}.555"
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = (
        "121322",
        "DCM",
        "Source of Müller",
    )
    reference.PurposeOfReferenceCodeSequence = Sequence([purpose])
    dataset.SourceImageSequence = Sequence([reference])
    request = Dataset()
    request.RequestedProcedureID = "RP-MRN-77812-X"
    dataset.RequestAttributesSequence = Sequence([request])
    dataset.add_new(0x60003000, "OW", b"\x01\x00")
    dataset.add_new(0x60004000, "LT", "overlay for Müller")


@pytest.fixture
def named_series(write_series_copy: CopySeries) -> Path:
    folder = write_series_copy("Müller_Jürgen")
    for number, path in enumerate(sorted(folder.iterdir())):
        dataset = pydicom.dcmread(path)
        fill(dataset, number)
        dataset.preamble = b"MRN-77812-X".ljust(128, b"\0")
        dataset.file_meta.SourceApplicationEntityTitle = "Klinikum"
        with quiet():
            dataset.save_as(path)
    return folder


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def datasets(folder: Path) -> list[Dataset]:
    return [pydicom.dcmread(path) for path in files(folder)]


def uids(folder: Path) -> set[str]:
    found: set[str] = set()

    def take(_dataset: Dataset, element: Any) -> None:
        if element.VR == "UI":
            values = [element.value] if isinstance(element.value, str) else list(element.value or ())
            found.update(str(value) for value in values)

    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".json":
            dataset = pydicom.dcmread(path)
            dataset.walk(take)
            found.add(str(dataset.file_meta.MediaStorageSOPInstanceUID))
    return {uid for uid in found if not uid.startswith("1.2.840.10008.")}


def test_no_identifier_is_left_in_any_byte(named_series: Path, tmp_path: Path) -> None:
    originals = uids(named_series)
    deidentify([named_series], tmp_path / "out")
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    names = "".join(str(path.relative_to(tmp_path)) for path in (tmp_path / "out").rglob("*"))
    for secret in SECRETS:
        for encoding in ("utf-8", "latin-1", "utf-16-le"):
            assert secret.encode(encoding) not in everything, secret
        assert secret not in names
    for uid in originals:
        assert uid.encode() not in everything


def test_pixels_and_geometry_stay(named_series: Path, tmp_path: Path) -> None:
    deidentify([named_series], tmp_path / "out")
    before, after = (scan(path).studies[0].series[0] for path in (named_series, tmp_path / "out"))
    assert (load_all(before).hu == load_all(after).hu).all()
    assert (before.gaps_mm, before.z_mm, before.kernel) == (after.gaps_mm, after.z_mm, after.kernel)
    assert before.slices[0].spacing_mm == after.slices[0].spacing_mm


def test_originals_do_not_change(named_series: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in named_series.iterdir()}
    deidentify([named_series], tmp_path / "out")
    assert {path: path.read_bytes() for path in named_series.iterdir()} == before


def test_study_stays_together_under_new_uids(named_series: Path, tmp_path: Path) -> None:
    deidentify([named_series], tmp_path / "out")
    found = datasets(tmp_path / "out")
    assert len(found) == 8
    assert len({one.StudyInstanceUID for one in found}) == len({one.SeriesInstanceUID for one in found}) == 1
    assert len({one.SOPInstanceUID for one in found}) == 8
    assert all(one.SOPInstanceUID == one.file_meta.MediaStorageSOPInstanceUID for one in found)
    assert all(re.fullmatch(r"2\.25\.[1-9]\d{0,38}", one.SOPInstanceUID) for one in found)
    assert len({one.FrameOfReferenceUID for one in found}) == 1


def test_patient_gets_one_pseudonym(named_series: Path, tmp_path: Path) -> None:
    deidentify([named_series], tmp_path / "out")
    (name,) = {str(one.PatientName) for one in datasets(tmp_path / "out")}
    assert re.fullmatch(r"PT-[A-Z2-7]{10}", name)
    assert {one.PatientID for one in datasets(tmp_path / "out")} == {name}
    assert [path.name for path in (tmp_path / "out").iterdir() if path.is_dir()] == [name]


def test_references_stay_true(named_series: Path, tmp_path: Path) -> None:
    paths = sorted(named_series.iterdir())
    first, second = pydicom.dcmread(paths[0]), pydicom.dcmread(paths[1])
    first.SourceImageSequence[0].ReferencedSOPInstanceUID = second.SOPInstanceUID
    first.save_as(paths[0])
    deidentify([named_series], tmp_path / "out")
    found = {one.InstanceNumber: one for one in datasets(tmp_path / "out")}
    reference = found[first.InstanceNumber].SourceImageSequence[0].ReferencedSOPInstanceUID
    assert reference == found[second.InstanceNumber].SOPInstanceUID


def test_files_say_what_was_done(named_series: Path, tmp_path: Path) -> None:
    deidentify([named_series], tmp_path / "out", Choices(frozenset({Retain.DATES, Retain.PATIENT})))
    one = datasets(tmp_path / "out")[0]
    assert one.PatientIdentityRemoved == "YES"
    assert [item.CodeValue for item in one.DeidentificationMethodCodeSequence] == [
        "113100",
        "113107",
        "113108",
    ]
    assert one.LongitudinalTemporalInformationModified == "MODIFIED"


def test_basic_profile_keeps_no_date(named_series: Path, tmp_path: Path) -> None:
    deidentify([named_series], tmp_path / "out")
    for one in datasets(tmp_path / "out"):
        dates = [element for element in one.iterall() if element.VR in DATE_VRS]
        assert all(not element.value for element in dates)
        assert one.LongitudinalTemporalInformationModified == "REMOVED"
        assert "PatientAge" not in one


def test_dates_are_shifted_together(named_series: Path, tmp_path: Path) -> None:
    deidentify([named_series], tmp_path / "out", Choices(frozenset({Retain.DATES})))
    one = datasets(tmp_path / "out")[0]
    study, series = (np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in (one.StudyDate, one.SeriesDate))
    assert (series - study).astype(int) == 1  # 29 February to 1 March 2024
    moved = (np.datetime64("2024-02-29") - study).astype(int)
    assert 1 <= moved <= 3650
    assert one.AcquisitionDateTime == f"{one.SeriesDate}101530.5"
    assert one.StudyTime == "101500"
    assert not one.PatientBirthDate


def test_characteristics_are_kept_on_demand_and_great_age_is_cut(named_series: Path, tmp_path: Path) -> None:
    for path in named_series.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientAge = "097Y"
        dataset.save_as(path)
    report = deidentify([named_series], tmp_path / "out", Choices(frozenset({Retain.PATIENT})))
    assert {one.PatientAge for one in datasets(tmp_path / "out")} == {"090Y"}
    assert {one.PatientSex for one in datasets(tmp_path / "out")} == {"M"}
    assert "8 ages above 89 years are given as 90." in report["notices"]


def test_uids_device_and_institution_are_kept_on_demand(named_series: Path, tmp_path: Path) -> None:
    retain = frozenset({Retain.UIDS, Retain.DEVICE, Retain.INSTITUTION})
    deidentify([named_series], tmp_path / "out", Choices(retain))
    one = datasets(tmp_path / "out")[0]
    assert uids(tmp_path / "out") == uids(named_series)
    assert (one.StationName, one.GantryID, one.InstitutionName) == (
        "CT-ROOM-5",
        "GantryNo17",
        "Sankt Example Hospital",
    )


def test_same_key_gives_the_same_pseudonyms_and_no_key_others(named_series: Path, tmp_path: Path) -> None:
    for name, key in (("a", "secret"), ("b", "secret"), ("c", None), ("d", None)):
        deidentify([named_series], tmp_path / name, Choices(key=key))
    a, b, c, d = ([one.SOPInstanceUID for one in datasets(tmp_path / name)] for name in "abcd")
    assert a == b
    assert len({a[0], c[0], d[0]}) == 3


def test_report_tells_what_changed_and_names_nobody(named_series: Path, tmp_path: Path) -> None:
    report = deidentify([named_series], tmp_path / "out")
    text = (tmp_path / "out" / REPORT).read_text("utf-8")
    assert json.loads(text) == report
    assert (report["patients"], report["studies"], report["series"], report["files"]) == (1, 1, 1, 8)
    changed = {(one["tag"], one["action"]): one["count"] for one in report["changes"]}
    assert changed["(0010,0010)", "pseudonym"] == 8
    assert changed["(0008,0018)", "UID mapped"] == 8
    assert changed["(0018,1160)", "replaced"] == 8
    assert changed["(0029,1010)", "removed"] == 8
    assert not any(secret in text for secret in SECRETS)


def test_zip_holds_the_same_as_the_folder(named_series: Path, tmp_path: Path) -> None:
    deidentify([named_series], tmp_path / "out", Choices(key="k"))
    deidentify([named_series], tmp_path / "out.zip", Choices(key="k"))
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    plain = {
        p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in (tmp_path / "out").rglob("*.*")
    }
    assert {name: data for name, data in packed.items() if name.endswith(".dcm")} == {
        name: data for name, data in plain.items() if name.endswith(".dcm")
    }
    assert len(scan(tmp_path / "out.zip").studies[0].series[0].slices) == 8


def test_never_in_place(named_series: Path) -> None:
    with pytest.raises(PterionError, match="exists already"):
        deidentify([named_series], named_series)
    with pytest.raises(PterionError, match="lies within the originals"):
        deidentify([named_series], named_series / "clean")
    assert len(list(named_series.iterdir())) == 8


def test_nothing_is_written_where_one_file_fails(
    named_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = max(named_series.iterdir())
    data = last.read_bytes()
    last.write_bytes(data[:-20] + b" MRN-77812-X        ")  # in the pixels, where no rule looks
    with pytest.raises(PterionError, match="would still hold an identifier") as caught:
        deidentify([named_series], tmp_path / "out")
    assert caught.value.code == "IDENTIFIER_LEFT"
    assert [path.name for path in tmp_path.iterdir()] == [named_series.name]


def test_full_disk_leaves_nothing(
    named_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("viewer.dicom.deidentify._write", full)
    with pytest.raises(PterionError, match="the disk is full"):
        deidentify([named_series], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == [named_series.name]


def test_cancelling_leaves_nothing(named_series: Path, tmp_path: Path) -> None:
    asked = iter([False] * 10 + [True] * 10)
    with pytest.raises(Cancelled):
        deidentify([named_series], tmp_path / "out", cancelled=lambda: next(asked))
    assert [path.name for path in tmp_path.iterdir()] == [named_series.name]


def test_two_patients_get_two_pseudonyms_and_shifts(named_series: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(named_series, other)
    for path in other.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientID, dataset.PatientName = "MRN-2", "Other^One"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.9.8.7.6.1", "1.9.8.7.6.2"
        dataset.SOPInstanceUID = f"1.9.8.7.6.3.{dataset.InstanceNumber}"
        with quiet():
            dataset.save_as(path)
    report = deidentify([named_series, other], tmp_path / "out", Choices(frozenset({Retain.DATES}), key="k"))
    assert (report["patients"], report["studies"]) == (2, 2)
    assert len({one.StudyDate for one in datasets(tmp_path / "out")}) == 2


def test_reports_and_other_files_are_left_out(named_series: Path, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(next(named_series.iterdir()))
    del dataset.PixelData
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.save_as(named_series / "report")
    (named_series / "letter Müller.txt").write_text("Müller")
    report = deidentify([named_series], tmp_path / "out")
    assert report["left_out"] == [{"reason": "no image (reports and documents hold free text)", "files": 1}]
    assert report["files"] == len(files(tmp_path / "out")) == 8


def errors_of(validator: str, path: Path) -> set[str]:
    said = subprocess.run([validator, str(path)], capture_output=True, text=True, check=False)
    return {line for line in (said.stderr + said.stdout).splitlines() if line.startswith("Error")}


@pytest.fixture
def validator() -> str:
    found = shutil.which("dciodvfy")
    if found is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    return found


@pytest.mark.parametrize("retain", [frozenset(), frozenset(Retain)])
def test_output_passes_the_validator(
    named_series: Path, tmp_path: Path, validator: str, retain: frozenset[Retain]
) -> None:
    deidentify([named_series], tmp_path / "out", Choices(retain))
    for path in files(tmp_path / "out")[:2]:
        assert errors_of(validator, path) == set()


@pytest.mark.parametrize("name", ["liver_1frame.dcm"])
def test_objects_of_other_kinds_are_no_worse_than_before(tmp_path: Path, validator: str, name: str) -> None:
    original = pydicom.data.get_testdata_file(name, download=False)
    if original is None:
        pytest.skip("this pydicom comes without the file")
    deidentify([Path(original)], tmp_path / "out")
    (made,) = files(tmp_path / "out")
    assert errors_of(validator, made) <= errors_of(validator, Path(original))


# -------------------------------------------------------------------------------------------------------- burned in


def burn(folder: Path, **values: str) -> Path:
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        for keyword, value in ({"BurnedInAnnotation": "YES"} | values).items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    return folder


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"BurnedInAnnotation": "", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {"BurnedInAnnotation": "", "ImageType": "DERIVED\\SECONDARY\\SCREEN SAVE"},
    ],
)
def test_burned_in_text_is_refused(named_series: Path, tmp_path: Path, values: dict[str, str]) -> None:
    with pytest.raises(PterionError, match="text burned into its pixels") as caught:
        deidentify([burn(named_series, **values)], tmp_path / "out")
    assert caught.value.code == "BURNED_IN"
    assert not (tmp_path / "out").exists()


def test_burned_in_text_is_left_out_on_demand(
    named_series: Path, tmp_path: Path, write_series_copy: CopySeries
) -> None:
    clean = write_series_copy("clean")
    report = deidentify([burn(named_series), clean], tmp_path / "out", Choices(burned_in=BurnedIn.LEAVE_OUT))
    assert report["files"] == 8
    assert report["left_out"] == [{"reason": "text burned into the pixels", "files": 8}]


@pytest.mark.parametrize("syntax", ["explicit", "RLE", "JPEG lossless", "HTJ2K", "big endian"])
def test_burned_in_text_is_blacked_out(
    named_series: Path, tmp_path: Path, syntax: str, recode: Callable[..., None]
) -> None:
    if syntax != "explicit":
        for path in named_series.iterdir():
            recode(path, syntax)
    before = load_all(scan(burn(named_series)).studies[0].series[0]).hu
    choices = Choices(burned_in=BurnedIn.BLACKOUT, rectangles=((10, 20, 30, 5), (90, 120, 50, 50)))
    report = deidentify([named_series], tmp_path / "out", choices)
    after = load_all(scan(tmp_path / "out").studies[0].series[0]).hu
    painted = np.zeros(before.shape[1:], bool)
    painted[20:25, 10:40] = painted[120:, 90:] = True
    assert (after[:, painted] == -1000).all()
    assert (after[:, ~painted] == before[:, ~painted]).all()
    assert report["blacked_out"] == 8
    assert {one.BurnedInAnnotation for one in datasets(tmp_path / "out")} == {"NO"}
    for one in datasets(tmp_path / "out"):
        assert "113101" in [item.CodeValue for item in one.DeidentificationMethodCodeSequence]


def test_a_modality_lut_is_not_applied_to_what_is_blacked_out(
    named_series: Path, tmp_path: Path, recode: Callable[..., None]
) -> None:
    """The table stays in the header, so the pixels must stay as they were stored: 1000 above the table's values."""
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [4096, 0, 16], "HU"
    table.LUTData = np.maximum(np.arange(4096) - 1000, 0).astype("<u2").tobytes()
    for path in named_series.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.ModalityLUTSequence = Sequence([table])
        dataset.save_as(path)
        recode(path, "RLE")
    before = load_all(scan(burn(named_series)).studies[0].series[0]).hu
    choices = Choices(burned_in=BurnedIn.BLACKOUT, rectangles=((0, 0, 96, 64),))
    deidentify([named_series], tmp_path / "out", choices)
    after = load_all(scan(tmp_path / "out").studies[0].series[0]).hu
    assert before[:, 64:].max() > 0
    assert (after[:, 64:] == before[:, 64:]).all()


def test_rectangle_outside_is_refused(named_series: Path, tmp_path: Path) -> None:
    choices = Choices(burned_in=BurnedIn.BLACKOUT, rectangles=((200, 0, 5, 5),))
    with pytest.raises(PterionError, match="lies outside the image of 96 × 128 pixels"):
        deidentify([burn(named_series)], tmp_path / "out", choices)


def test_blacking_out_needs_rectangles() -> None:
    with pytest.raises(PterionError, match="needs the rectangles"):
        Choices(burned_in=BurnedIn.BLACKOUT)
    with pytest.raises(PterionError, match="rectangles need blacking out"):
        Choices(rectangles=((0, 0, 1, 1),))


def test_overlay_within_pixels_is_burned_in(named_series: Path, tmp_path: Path) -> None:
    for path in named_series.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.add_new(0x60000102, "US", 12)
        dataset.save_as(path)
    with pytest.raises(PterionError, match="burned into its pixels"):
        deidentify([named_series], tmp_path / "out")


# ------------------------------------------------------------------------------------------------------------ rules


@pytest.mark.parametrize(
    ("keyword", "action"),
    [
        ("PatientName", Action.PSEUDONYM),
        ("PatientBirthDate", Action.EMPTY),
        ("StudyDate", Action.EMPTY),
        ("AcquisitionDate", Action.REMOVE),
        ("StudyDescription", Action.REMOVE),
        ("InstitutionName", Action.REMOVE),
        ("SOPInstanceUID", Action.UID),
        ("SOPClassUID", Action.KEEP),
        ("SourceImageSequence", Action.KEEP),
        ("RequestAttributesSequence", Action.REMOVE),
        ("PixelSpacing", Action.KEEP),
        ("ConvolutionKernel", Action.KEEP),
        ("Manufacturer", Action.KEEP),
        ("ImageComments", Action.REMOVE),
    ],
)
def test_rule(keyword: str, action: Action) -> None:
    tag = pydicom.datadict.tag_for_keyword(keyword)
    assert tag is not None
    vr = pydicom.datadict.dictionary_VR(tag)
    assert action_for(tag, vr, (), strict=False, known=True) is action


def test_enhanced_objects_keep_a_dummy_where_a_value_is_demanded() -> None:
    date_time, serial = 0x0008002A, 0x00181000
    assert action_for(date_time, "DT", (), strict=True, known=True) is Action.DUMMY
    assert action_for(serial, "LO", (), strict=True, known=True) is Action.DUMMY
    assert action_for(date_time, "DT", (), strict=False, known=True) is Action.REMOVE


@pytest.mark.parametrize("tag", [0x00091001, 0x50003000, 0x60100022, 0x60004000])
def test_private_curve_and_overlay_elements_go(tag: int) -> None:
    assert action_for(tag, "LO", frozenset(Retain), strict=False, known=True) is Action.REMOVE


def test_table_is_the_standard_s() -> None:
    assert len(table()) > 600
    assert (table()[0x00100020], table()[0x00080018], table()[0x00081030]) == ("Z/D", "U", "X")


def test_unlisted_names_dates_and_free_text_go() -> None:
    assert action_for(0x00280010, "PN", (), strict=False, known=True) is Action.EMPTY
    assert action_for(0x00280010, "DA", (), strict=False, known=True) is Action.REMOVE
    assert action_for(0x00280010, "LT", (), strict=False, known=True) is Action.REMOVE
    assert action_for(0x00280010, "LO", (), strict=False, known=False) is Action.REMOVE


@pytest.mark.parametrize(
    ("value", "days", "moved"),
    [
        ("20240301", 1, "20240229"),
        ("20240301101530.123456+0100", 366, "20230301101530.123456+0100"),
        ("2024.03.01", 1, "20240229"),
        ("202403", 1, ""),
        ("00000000", 1, ""),
        ("10000101", 3650, ""),
        ("", 5, ""),
        ("20240301\0", 1, "20240229"),
    ],
)
def test_shift(value: str, days: int, moved: str) -> None:
    assert shifted(value, days) == moved


@given(st.text(max_size=30), st.text(max_size=64))
def test_pseudonyms_are_stable_and_valid(key: str, value: str) -> None:
    one, other = Pseudonyms(key), Pseudonyms(key)
    assert one.name(value) == other.name(value)
    uid = one.uid(f"1.2.{len(value)}")
    assert uid == other.uid(f"1.2.{len(value)}")
    assert len(uid) <= 64
    assert 1 <= one.days(value) == other.days(value) <= 3650
    assert one.uid("1.2.840.10008.1.2.1") == "1.2.840.10008.1.2.1"


@given(st.recursive(st.text("ab", max_size=3), lambda inner: st.lists(inner, max_size=3), max_leaves=12))
def test_names_go_at_any_depth(shape: Any) -> None:
    def build(value: Any) -> Dataset:
        made = Dataset()
        made.Manufacturer = "for Zacharias only"
        made.PersonName = "Zacharias^A"
        if isinstance(value, list):
            made.SourceImageSequence = Sequence([build(inner) for inner in value])
        return made

    dataset, identity = build(shape), Identity()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    identity.gather(dataset, ())
    Cleaner(Pseudonyms("k"), frozenset()).clean(dataset, identity)
    assert "Zacharias" not in str(dataset)
