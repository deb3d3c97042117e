"""De-identification against PS3.15 Table E.1-1, tag by tag: a list written from the standard, not from our library.

One file holds every element of the list, at its top and within a sequence, with a value that is found again if any of
it is left; so do private elements, overlays, the preamble and the file meta information.
"""

from pathlib import Path

import pydicom
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from viewer.dicom.deidentify import Choices, Retain, deidentify
from viewer.dicom.write import write_series

LEAK = "LEAK"


def listed(keywords: str) -> list[str]:
    """Keywords, one from the other by blanks."""
    return keywords.split()


REMOVED = listed(
    """
    AcquisitionComments AcquisitionProtocolDescription ActualHumanPerformersSequence AdditionalPatientHistory
    AdmissionID AdmittingDate AdmittingDiagnosesCodeSequence AdmittingDiagnosesDescription AdmittingTime
    Allergies Arbitrary AuthorObserverSequence BranchOfService CassetteID CommentsOnThePerformedProcedureStep
    ConfidentialityConstraintOnPatientDataDescription ContributionDescription CountryOfResidence
    CurrentPatientLocation CustodialOrganizationSequence DerivationDescription DigitalSignaturesSequence
    DischargeDiagnosisDescription DistributionAddress DistributionName EthnicGroup FrameComments GeneratorID
    HumanPerformerName HumanPerformerOrganization IconImageSequence IdentifyingComments ImageComments
    ImagePresentationComments ImagingServiceRequestComments Impressions InsurancePlanIdentification
    IntendedRecipientsOfResultsIdentificationSequence InterpretationApproverSequence InterpretationAuthor
    InterpretationDiagnosisDescription InterpretationIDIssuer InterpretationRecorder InterpretationText
    InterpretationTranscriber IssuerOfAdmissionID IssuerOfPatientID LastMenstrualDate MAC MedicalAlerts
    MedicalRecordLocator MilitaryRank ModifiedAttributesSequence ModifiedImageDescription ModifyingDeviceID
    NameOfPhysiciansReadingStudy NamesOfIntendedRecipientsOfResults Occupation OrderCallbackPhoneNumber
    OrderEnteredBy OrderEntererLocation OriginalAttributesSequence OtherPatientIDs OtherPatientIDsSequence
    OtherPatientNames ParticipantSequence PatientAddress PatientAge PatientBirthName PatientBirthTime
    PatientComments PatientInstitutionResidence PatientInsurancePlanCodeSequence PatientMotherBirthName
    PatientPrimaryLanguageCodeSequence PatientReligiousPreference PatientSize PatientState
    PatientTelephoneNumbers PatientWeight PerformedLocation PerformedProcedureStepDescription
    PerformedProcedureStepID PerformedProcedureStepStartDate PerformedProcedureStepStartTime
    PerformedStationAETitle PerformedStationGeographicLocationCodeSequence PerformedStationName
    PerformingPhysicianName PersonAddress PersonTelephoneNumbers PhysicianApprovingInterpretation
    PhysiciansOfRecord PlateID PregnancyStatus PreMedication ReasonForStudy ReasonForTheImagingServiceRequest
    ReferencedPatientAliasSequence ReferencedPatientSequence ReferringPhysicianAddress
    ReferringPhysicianIdentificationSequence ReferringPhysicianTelephoneNumbers RegionOfResidence
    RequestAttributesSequence RequestedContrastAgent RequestedProcedureComments RequestedProcedureID
    RequestingPhysician RequestingService ResponsibleOrganization ResponsiblePerson ResultsComments
    ScheduledHumanPerformersSequence ScheduledPatientInstitutionResidence ScheduledPerformingPhysicianName
    ScheduledProcedureStepDescription ScheduledProcedureStepStartDate ScheduledStationAETitle
    ScheduledStationName SeriesDescription ServiceEpisodeDescription ServiceEpisodeID SmokingStatus
    SpecialNeeds StudyComments StudyDescription TextComments TextString TimezoneOffsetFromUTC TopicAuthor
    TopicKeywords TopicSubject TopicTitle VisitComments
    """
)
"""Code X: the element goes."""
GONE_OR_EMPTY = listed(
    """
    AccessionNumber AcquisitionDate AcquisitionDateTime AcquisitionTime ConsultingPhysicianName
    ContentCreatorName ContentDate ContentTime ContrastBolusAgent DetectorID DeviceSerialNumber
    FillerOrderNumberImagingServiceRequest GantryID InstitutionAddress InstitutionalDepartmentName
    InstitutionCodeSequence InstitutionName OperatorsName PatientBirthDate PatientSex
    PlacerOrderNumberImagingServiceRequest ProtocolName ReferringPhysicianName RequestedProcedureDescription
    ReviewerName SeriesDate SeriesTime StationName StudyDate StudyID StudyTime
    VerifyingObserverIdentificationCodeSequence VerifyingObserverName VerifyingOrganization
    """
)
"""Codes Z, D and their mixtures with X: the value goes; the element may stay, empty or with a dummy."""
MAPPED = listed(
    """
    ConcatenationUID DeviceUID DigitalSignatureUID DimensionOrganizationUID FrameOfReferenceUID
    InstanceCreatorUID IrradiationEventUID PaletteColorLookupTableUID ReferencedFrameOfReferenceUID
    ReferencedSOPInstanceUID SeriesInstanceUID SOPInstanceUID StudyInstanceUID
    SynchronizationFrameOfReferenceUID TrackingUID TransactionUID
    """
)
"""Code U: another UID, the same one for the same."""
KEPT = listed(
    """
    BitsAllocated BitsStored BodyPartExamined Columns ConvolutionKernel HighBit ImageOrientationPatient
    ImagePositionPatient ImageType InstanceNumber KVP Manufacturer Modality PatientPosition
    PhotometricInterpretation PixelRepresentation PixelSpacing RescaleIntercept RescaleSlope RescaleType Rows
    SamplesPerPixel SliceThickness SOPClassUID WindowCenter WindowWidth
    """
)
"""Not in the table: pictures, their geometry and how they were made."""
DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
UID_ROOT = "1.3.6.1.4.1.99999.7"


def sentinel(keyword: str) -> object:
    """A value of an element's kind that cannot be taken for another's."""
    number = int(tag_for_keyword(keyword) or 0) % 9973
    vr = dictionary_VR(keyword)
    if vr == "SQ":
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "C1", "99L", f"{LEAK} {number}"
        item.PatientComments = f"{LEAK} {number}"
        return Sequence([item])
    made: dict[str, object] = {
        "UI": f"{UID_ROOT}.{number}",
        "DA": "19571119",
        "TM": "135746.123457",
        "DT": "19571119135746.123457",
        "AS": "067Y",
        "DS": "87.654321",
        "US": 57,
        "CS": f"{LEAK}{number}",
        "OB": f"{LEAK}{number}.".encode().ljust(12, b"."),
        "PN": f"{LEAK}{number}^Zacharias",
    }
    return made.get(vr, f"{LEAK}{number}")


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """A file with every element of the lists at its top and again within Source Image Sequence."""
    import numpy as np

    hu = np.zeros((1, 8, 8), np.int16)
    folder = tmp_path / "rich"
    (path,) = write_series(folder, hu, spacing_mm=(0.5, 0.5), positions_mm=[(1, 2, 3)], thickness_mm=2.0)
    data = pydicom.dcmread(path)
    inner = Dataset()
    for keyword in REMOVED + GONE_OR_EMPTY + MAPPED:
        setattr(data, keyword, sentinel(keyword))
        setattr(inner, keyword, sentinel(keyword))
    data.PatientName, data.PatientID = f"{LEAK}^Zacharias", f"{LEAK}-4711"
    data.StationAETitle = f"{LEAK}AE"
    data.ConvolutionKernel, data.KVP, data.RescaleType = "H30", 120, "HU"
    data.BodyPartExamined, data.PatientPosition, data.Manufacturer = "HEAD", "HFS", "Maker"
    private = inner.private_block(0x0029, "MAKER", create=True)
    private.add_new(1, "LO", f"{LEAK} private")
    data.SourceImageSequence = Sequence([inner])
    data.private_block(0x0009, "MAKER", create=True).add_new(2, "PN", f"{LEAK}^Private")
    data.add_new(0x60004000, "LT", f"{LEAK} overlay comment")
    data.add_new(0x60000022, "LO", f"{LEAK} overlay")
    data.preamble = f"{LEAK} preamble".encode().ljust(128, b"\0")
    data.file_meta.SourceApplicationEntityTitle = f"{LEAK} AE"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.save_as(path)
    assert path.read_bytes().count(LEAK.encode()) > 250
    return folder


def made(folder: Path, out: Path, *retain: Retain) -> tuple[pydicom.Dataset, pydicom.Dataset, bytes]:
    """The file before and after, and its new bytes."""
    deidentify([folder], out, Choices(frozenset(retain), key="k"))
    (path,) = out.rglob("*.dcm")
    (original,) = folder.iterdir()
    return pydicom.dcmread(original), pydicom.dcmread(path), path.read_bytes()


def test_the_lists_are_long_and_apart() -> None:
    lists = [REMOVED, GONE_OR_EMPTY, MAPPED, KEPT]
    assert sum(map(len, lists)) == len(set().union(*lists)) > 180
    assert all(tag_for_keyword(keyword) for keywords in lists for keyword in keywords)


def test_nothing_of_any_element_is_left_in_the_bytes(rich: Path, tmp_path: Path) -> None:
    _, _, data = made(rich, tmp_path / "out")
    for left in (LEAK, "Zacharias", "19571119", "135746", "067Y", "87.654321", UID_ROOT, "MAKER"):
        assert left.encode() not in data, left


def test_every_element_of_the_table_at_every_depth(rich: Path, tmp_path: Path) -> None:
    before, after, _ = made(rich, tmp_path / "out")
    (inner,) = after.SourceImageSequence
    for dataset in (after, inner):
        assert [keyword for keyword in REMOVED if keyword in dataset] == []
        left = [keyword for keyword in GONE_OR_EMPTY if dataset.get(keyword) == before.get(keyword)]
        assert left == []
        for keyword in MAPPED:
            assert dataset[keyword].value.startswith("2.25."), keyword
    assert inner.FrameOfReferenceUID == after.FrameOfReferenceUID
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
    assert after.PatientName == after.PatientID
    assert str(after.PatientID).startswith("PT-")
    assert not [element.tag for element in after.iterall() if element.tag.is_private]
    for keyword in KEPT:
        assert after[keyword].value == before[keyword].value, keyword
    assert after.PixelData == before.PixelData
    assert (
        after.PatientIdentityRemoved,
        after.BurnedInAnnotation if "BurnedInAnnotation" in after else "",
    ) in {
        ("YES", ""),
        ("YES", "NO"),
    }


def test_what_is_retained_on_demand_and_nothing_else(rich: Path, tmp_path: Path) -> None:
    """Dates of one patient move by one number of days; times stay; birth and everything else goes as before."""
    from datetime import date

    before, after, data = made(rich, tmp_path / "out", Retain.DATES, Retain.UIDS, Retain.PATIENT)
    moved = {
        (date.fromisoformat(before[keyword].value) - date.fromisoformat(after[keyword].value)).days
        for keyword in DATES
    }
    assert len(moved) == 1
    assert 1 <= moved.pop() <= 3650
    assert after.StudyTime == before.StudyTime
    assert not after.PatientBirthDate
    assert all(after[keyword].value == before[keyword].value for keyword in MAPPED)
    assert (after.PatientAge, after.PatientSize) == (before.PatientAge, before.PatientSize)
    dated = {"TM", "DA", "DT"}
    stayed = {keyword for keyword in REMOVED if keyword in after and dictionary_VR(keyword) not in dated}
    assert stayed <= {
        "PatientAge",
        "PatientSize",
        "PatientWeight",
        "EthnicGroup",
        "SmokingStatus",
        "PregnancyStatus",
        "Allergies",
        "PatientState",
        "PreMedication",
        "SpecialNeeds",
        "TimezoneOffsetFromUTC",
        "DigitalSignatureUID",
    }
    for left in (LEAK + "-4711", "Zacharias", "19571119", "MAKER"):
        assert left.encode() not in data, left


def test_a_retained_device_keeps_no_title_that_names_the_hospital(rich: Path, tmp_path: Path) -> None:
    before, after, _ = made(rich, tmp_path / "out", Retain.DEVICE)
    for keyword in ("StationName", "DeviceSerialNumber", "GantryID", "DetectorID", "DeviceUID"):
        assert after[keyword].value == before[keyword].value, keyword
    for keyword in (
        "PerformedStationAETitle",
        "ScheduledStationAETitle",
        "InstitutionName",
        "StationAETitle",
    ):
        assert not after.get(keyword), keyword


def test_the_report_counts_what_changed(rich: Path, tmp_path: Path) -> None:
    report = deidentify([rich], tmp_path / "out")
    told = {change["tag"]: change for change in report["changes"]}
    for keyword in REMOVED:
        tag = int(tag_for_keyword(keyword) or 0)
        assert told[f"({tag >> 16:04X},{tag & 0xFFFF:04X})"]["action"] == "removed", keyword
    assert LEAK not in str(report)
    assert told["(0010,0010)"]["action"] == "pseudonym"
