"""One data set without its patient: the rules of `profile` applied to every element, nested ones included."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viewer.dicom.profile import CLASS_TAGS, CODES, Action, Retain, action_for, kept_on_demand
from viewer.dicom.pseudonyms import STANDARD, Pseudonyms, shifted

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_AGE = 0x00101010
_OLDEST = 89
_DEPTH_MAX = 24
_UID_LIKE = re.compile(rb"[0-9]+(?:\.[0-9]+){2,}")
_TEXTS = frozenset({"LO", "SH", "LT", "ST", "UT", "UC", "UR", "PN", "AE"})
_IDENTIFIERS = (
    *("PatientID", "OtherPatientIDs", "AccessionNumber", "AdmissionID", "ServiceEpisodeID", "PatientAddress"),
    *("PatientTelephoneNumbers", "MedicalRecordLocator", "MilitaryRank", "PatientInsurancePlanCodeSequence"),
    *("RequestedProcedureID", "ScheduledProcedureStepID", "PerformedProcedureStepID", "PatientBirthDate"),
    *("FillerOrderNumberImagingServiceRequest", "PlacerOrderNumberImagingServiceRequest", "StudyID"),
)
_INSTITUTIONS = ("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName")
_DEVICES = ("StationName", "DeviceSerialNumber", "StationAETitle", "GantryID", "DetectorID")
_WORD, _STRONG, _DATE, _SHORT_UID = 3, 6, 8, 9
_DUMMIES: dict[str, Any] = {
    **dict.fromkeys(("LO", "SH", "LT", "ST", "UT", "UC", "CS", "AE", "PN"), "REMOVED"),
    **dict.fromkeys(("FD", "FL", "SL", "SS", "UL", "US", "SV", "UV"), 0),
    **dict.fromkeys(("OB", "OW"), b"\0\0"),
    **dict.fromkeys(("DS", "IS"), "0"),
    "DA": "19000101",
    "TM": "000000",
    "DT": "19000101000000",
    "AS": "000Y",
    "UR": "urn:removed",
}
_DEMANDED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "AccessionNumber", "StudyID", "ReferringPhysicianName"),
)  # type 2 of every image: there, and empty
_HARMLESS = frozenset(
    {"removed", "anonymous", "anonymized", "none", "unknown", "the", "and", "mrs", "der", "von"}
)


@dataclass
class Identity:
    """Words and UIDs that must not be found in any output, gathered from the originals.

    words: casefolded, of three letters or more. strings: whole values of six or more, as they were.
    uids: those of the objects themselves and of what they refer to.
    """

    words: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)

    def gather(self, dataset: "Dataset", retain: Collection[Retain]) -> None:
        """Take what identifies from an original data set and all that is nested in it."""
        wanted = list(_IDENTIFIERS)
        wanted += _INSTITUTIONS if Retain.INSTITUTION not in retain else ()
        wanted += _DEVICES if Retain.DEVICE not in retain else ()
        for element in _every(dataset):
            if element.VR == "PN":
                for name in _values(element.value):
                    self._add(name, names=True)
            elif element.VR == "UI":
                if not (
                    Retain.UIDS in retain or element.tag in CLASS_TAGS or kept_on_demand(element.tag, retain)
                ):
                    self.uids.update(uid for uid in _values(element.value) if not uid.startswith(STANDARD))
            elif element.keyword in wanted and element.VR != "SQ":
                for value in _values(element.value):
                    self._add(value, names=False)

    def _add(self, value: str, *, names: bool) -> None:
        text = value.strip()
        plain = (text.isalpha() and not names) or (text.isdigit() and len(text) <= _DATE)
        if len(text) >= _STRONG and not plain and text.casefold() not in _HARMLESS:
            self.strings.add(text)
        words = re.split(r"[\^=\s,.;]+", text) if names else [text]
        folded = {word.casefold() for word in words if len(word) >= _WORD}
        self.words.update(folded - _HARMLESS)

    def named_in(self, value: str) -> bool:
        """Whether a text holds one of the words, as a word of its own."""
        folded = value.casefold()
        return any(
            word in folded and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded) for word in self.words
        )

    def found_in(self, data: bytes) -> str:
        """What of the strings and UIDs is left in a file's bytes, empty if nothing."""
        for text in self.strings:
            encoded = {text.encode("utf-8", "surrogateescape"), text.encode("latin-1", "replace")}
            if any(_holds(data, wanted) for wanted in encoded if b"?" not in wanted):
                return "an identifier"
        tokens = {token.decode("ascii") for token in _UID_LIKE.findall(data)}
        return "an original UID" if any(uid in self.uids for uid in tokens if len(uid) > _SHORT_UID) else ""


def _holds(data: bytes, wanted: bytes) -> bool:
    """Whether bytes hold others, not as a part of a longer word or number."""
    at = data.find(wanted)
    while at >= 0:
        before, after = data[at - 1 : at] if at else b"", data[at + len(wanted) : at + len(wanted) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        at = data.find(wanted, at + 1)
    return False


@dataclass(frozen=True)
class _Subject:
    """Whose data set it is, what must not be left, and whether its definition is strict (see `action_for`)."""

    patient: str
    identity: Identity
    strict: bool


@dataclass
class Cleaner:
    """Applies the profile to data sets and counts what it did.

    changes: (tag, action) → how often. aged: how many ages above 89 were cut to 90 years.
    """

    pseudonyms: Pseudonyms
    retain: frozenset[Retain]
    changes: Counter[tuple[int, str]] = field(default_factory=Counter)
    aged: int = 0

    def clean(self, dataset: "Dataset", identity: Identity, *, pixels_cleaned: bool = False) -> None:
        """Change `dataset` in place by the rules; kept texts that name the patient are replaced.

        identity: the patient's. pixels_cleaned: text in the pixels was blacked out before; pixels are not touched.
        """
        strict = "SharedFunctionalGroupsSequence" in dataset or "PerFrameFunctionalGroupsSequence" in dataset
        self._clean(dataset, _Subject(patient_key(dataset), identity, strict), 0)
        self._mark(dataset, pixels_cleaned=pixels_cleaned)

    def _clean(self, dataset: "Dataset", subject: _Subject, depth: int) -> None:
        from pydicom.datadict import dictionary_has_tag

        for tag in [int(tag) for tag in dataset.keys()]:  # noqa: SIM118  a Dataset iterates over its elements
            if tag in _PIXELS:
                continue
            try:
                element = dataset[tag]
                vr = str(element.VR)
            except Exception:  # noqa: BLE001  a value that pydicom cannot read (many kinds) is none to keep
                del dataset[tag]
                self.changes[tag, Action.REMOVE] += 1
                continue
            known = dictionary_has_tag(tag) and vr != "UN"
            action = action_for(tag, vr, self.retain, strict=subject.strict, known=known)
            if vr == "SQ" and action is Action.KEEP:
                action = self._clean_items(element.value, subject, depth)
            elif action is Action.KEEP:
                action = self._look_into(element, subject.identity)
            self._apply(dataset, element, action, subject.patient)

    def _clean_items(self, items: Iterable["Dataset"], subject: _Subject, depth: int) -> Action:
        """Clean what is nested; what is nested too deep to be looked at is removed."""
        if depth >= _DEPTH_MAX:
            return Action.REMOVE
        for item in items:
            self._clean(item, subject, depth + 1)
        return Action.KEEP

    def _look_into(self, element: Any, identity: Identity) -> Action:
        """Replace a kept text that names the patient; cut ages that few people reach."""
        values = _values(element.value)
        if element.VR in _TEXTS and any(map(identity.named_in, values)):
            return Action.DUMMY
        if int(element.tag) == _AGE and values and _years(values[0]) > _OLDEST:
            element.value = "090Y"
            self.aged += 1
        return Action.KEEP

    def _apply(self, dataset: "Dataset", element: Any, action: Action, patient: str) -> None:
        """Carry out an action on an element of a data set."""
        if action is Action.KEEP:
            return
        tag, vr = int(element.tag), str(element.VR)
        if action is Action.REMOVE:
            del dataset[tag]
        elif action is Action.EMPTY:
            element.value = [] if vr == "SQ" else None
        elif action is Action.PSEUDONYM:
            element.value = self.pseudonyms.name(patient)
        elif action is Action.UID:
            made = [self.pseudonyms.uid(value) for value in _values(element.value)]
            if made == _values(element.value):
                return
            element.value = made if len(made) > 1 else made[0] if made else ""
        elif action is Action.SHIFT:
            if not _values(element.value):
                return
            days = self.pseudonyms.days(patient)
            moved = [shifted(value, days) for value in _values(element.value)]
            element.value = moved if len(moved) > 1 else moved[0]
        else:
            element.value = _DUMMIES.get(vr, "")
        self.changes[tag, action] += 1

    def _mark(self, dataset: "Dataset", *, pixels_cleaned: bool) -> None:
        """Say in the data set what was done to it (PS3.15 E.1, PS3.3 C.12.1)."""
        from pydicom.dataset import Dataset
        from pydicom.sequence import Sequence

        names = ["basic", *(["pixels"] if pixels_cleaned else []), *sorted(self.retain)]
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = [f"PS3.15 E {CODES[name][0]}" for name in names]
        items = []
        for name in names:
            item = Dataset()
            item.CodeValue, item.CodeMeaning = CODES[name]
            item.CodingSchemeDesignator = "DCM"
            items.append(item)
        dataset.DeidentificationMethodCodeSequence = Sequence(items)
        dates = "MODIFIED" if Retain.DATES in self.retain else "REMOVED"
        dataset.LongitudinalTemporalInformationModified = dates
        for keyword in _DEMANDED:
            if keyword not in dataset:
                setattr(dataset, keyword, "")


def patient_key(dataset: "Dataset") -> str:
    """What tells patients apart: identifier and its issuer, else name and birth date, else the study."""
    identifier = _text(dataset, "PatientID")
    if identifier:
        return f"{identifier}\0{_text(dataset, 'IssuerOfPatientID')}"
    name = _text(dataset, "PatientName")
    return f"{name}\0{_text(dataset, 'PatientBirthDate')}\0" if name else _text(dataset, "StudyInstanceUID")


def _text(dataset: "Dataset", keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip()


def _years(age: str) -> int:
    """Years of an age string (AS), 0 for months, weeks, days and nonsense."""
    return int(age[:3]) if len(age) == 4 and age[3] == "Y" and age[:3].isdigit() else 0


def _values(value: Any) -> list[str]:
    """An element's values as texts."""
    if value is None or isinstance(value, bytes):
        return []
    many = isinstance(value, list | tuple) or type(value).__name__ == "MultiValue"
    return [str(one) for one in (value if many else [value]) if str(one)]


def _every(dataset: "Dataset") -> Iterator[Any]:
    """Every element that can be read, nested ones included, pixels left out."""
    for tag in [int(tag) for tag in dataset.keys()]:  # noqa: SIM118
        if tag in _PIXELS:
            continue
        try:
            element = dataset[tag]
        except Exception:  # noqa: BLE001  pydicom raises many kinds; `clean` removes what cannot be read
            continue
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from _every(item)
