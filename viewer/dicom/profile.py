"""Which elements identify a patient and what becomes of them: PS3.15 E, Basic Application Confidentiality Profile.

The table (E.1-1) comes from `dicom-anonymizer`, which takes it over from each edition of the standard. What the
table leaves to the implementer is decided here, always for less information.
"""

import functools
from collections.abc import Collection
from enum import StrEnum

EDITION = "2026c"


class Action(StrEnum):
    """What becomes of an element."""

    KEEP = "kept"
    REMOVE = "removed"
    EMPTY = "emptied"
    DUMMY = "replaced"
    UID = "UID mapped"
    SHIFT = "date shifted"
    PSEUDONYM = "pseudonym"


class Retain(StrEnum):
    """Options of PS3.15 E.3 that keep more than the Basic Profile does."""

    DATES = "dates"
    UIDS = "uids"
    PATIENT = "patient"
    DEVICE = "device"
    INSTITUTION = "institution"


CODES = {
    "basic": ("113100", "Basic Application Confidentiality Profile"),
    "pixels": ("113101", "Clean Pixel Data Option"),
    Retain.DATES: ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    Retain.PATIENT: ("113108", "Retain Patient Characteristics Option"),
    Retain.DEVICE: ("113109", "Retain Device Identity Option"),
    Retain.UIDS: ("113110", "Retain UIDs Option"),
    Retain.INSTITUTION: ("113112", "Retain Institution Identity Option"),
}
"""Code value and meaning of the profile and its options (PS3.16 CID 7050)."""

DATE_VRS = frozenset({"DA", "TM", "DT"})
_FREE_TEXT = frozenset({"LT", "ST", "UT", "UR"})
_PATIENT_NAME, _PATIENT_ID = 0x00100010, 0x00100020
_BIRTH = frozenset({0x00100030, 0x00100032, 0x00100034})
CLASS_TAGS = frozenset(
    {0x00080016, 0x0008001A, 0x0008001B, 0x00081150, 0x0008115A, 0x00020002, 0x00020010, 0x00400541}
)  # what kind of object, never which one
_CODE_TEXTS = frozenset({0x00080119, 0x00080120})  # LongCodeValue, URNCodeValue

PATIENT_TAGS = frozenset(
    {0x00100040, 0x00101010, 0x00101020, 0x00101030, 0x00102160, 0x001021A0, 0x001021C0, 0x00102203}
)  # sex, age, size, weight, ethnic group, smoking, pregnancy, neutered: all that E.1-1 keeps uncleaned
DEVICE_TAGS = frozenset(
    {0x00081010, 0x00181000, 0x00181002, 0x00181004, 0x00181005, 0x00181007, 0x00181008, 0x00181009}
    | {0x0018100B, 0x0018700A, 0x00189371, 0x00189373, 0x00400010, 0x00400242, 0x00500020, 0x3010002D}
)  # application entity titles are to be cleaned, which nobody can do: they often name the hospital
INSTITUTION_TAGS = frozenset({0x00080080, 0x00080081, 0x00080082, 0x00081040, 0x00081041})
_TIMEZONE = 0x00080201
_KEPT_BY = (
    (Retain.PATIENT, PATIENT_TAGS),
    (Retain.DEVICE, DEVICE_TAGS),
    (Retain.INSTITUTION, INSTITUTION_TAGS),
)


def action_for(tag: int, vr: str, retain: Collection[Retain], *, strict: bool, known: bool) -> Action:
    """What becomes of an element.

    strict: the object's definition may demand the element (Enhanced multi-frame), so that what the table leaves
    open (X/Z, X/D) is emptied or replaced; else it is removed. known: the standard's dictionary has the tag.
    """
    group = tag >> 16
    if group % 2 or group in range(0x5000, 0x5100) or group in range(0x6000, 0x6100) or not known:
        return Action.REMOVE  # private, curves and overlays with their texts, and what nobody can judge
    if tag in (_PATIENT_NAME, _PATIENT_ID):
        return Action.PSEUDONYM
    if tag in CLASS_TAGS or kept_on_demand(tag, retain):
        return Action.KEEP
    if vr == "UI":
        return Action.KEEP if Retain.UIDS in retain else _listed_uid(tag)
    if Retain.DATES in retain and tag not in _BIRTH and (vr in DATE_VRS or tag == _TIMEZONE):
        return Action.KEEP if vr not in ("DA", "DT") else Action.SHIFT
    return _by_table(tag, vr, strict=strict)


def kept_on_demand(tag: int, retain: Collection[Retain]) -> bool:
    """Whether one of the options about patient, device or institution keeps the element as it is."""
    return any(option in retain and tag in tags for option, tags in _KEPT_BY)


def _listed_uid(tag: int) -> Action:
    """UIDs are mapped, listed or not; some are to be removed."""
    return Action.REMOVE if table().get(tag) == "X" else Action.UID


def _by_table(tag: int, vr: str, *, strict: bool) -> Action:
    """The Basic Profile without options."""
    code = table().get(tag)
    if code is None:
        if vr in DATE_VRS or (vr in _FREE_TEXT and tag not in _CODE_TEXTS):
            return Action.REMOVE
        return Action.EMPTY if vr == "PN" else Action.KEEP
    if code == "X":
        return Action.REMOVE
    if code == "X/Z/U*":
        return Action.KEEP  # a sequence of references; what is in it has its own rules
    if "X" in code and not strict:
        return Action.REMOVE
    if code == "Z" or vr == "SQ" or (code in ("Z/D", "X/Z") and not strict) or code == "X/Z":
        return Action.EMPTY
    return Action.DUMMY


@functools.cache
def table() -> dict[int, str]:
    """Tag → `X`, `Z`, `D`, `U`, `X/Z` …; repeating groups (50xx, 60xx) are not in it."""
    from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector

    lists = dicom_anonymization_database_selector(f"dicomfields_{EDITION}")
    codes = {
        "D_TAGS": "D",
        "Z_TAGS": "Z",
        "X_TAGS": "X",
        "U_TAGS": "U",
        "Z_D_TAGS": "Z/D",
        "X_Z_TAGS": "X/Z",
        "X_D_TAGS": "X/D",
        "X_Z_D_TAGS": "X/Z/D",
        "X_Z_U_STAR_TAGS": "X/Z/U*",
    }
    return {
        tag[0] << 16 | tag[1]: code for name, code in codes.items() for tag in lists[name] if len(tag) == 2
    }
