"""RSNA 2019's own pseudonyms: several public sets are parts of it, and a patient must have one name in all of them.

In that set a patient is `ID_` and 8 hexadecimal digits, an image `ID_` and 9.
"""

import re
from hashlib import sha256

CORRUPT_IMAGES = frozenset({"ID_6431af929"})
"""Images whose pixels are cut short in the published set."""

_OWN = re.compile(r"ID_[0-9a-f]{8,10}")
_PATIENT = re.compile(r"(ID_[0-9a-f]{8})(?![0-9a-f])")


def rsna_patient(text: str, otherwise: str) -> str:
    """The pseudonym `rsna-ID_…` where `text` begins with a patient's ID, else `otherwise`."""
    found = _PATIENT.match(text)
    return f"rsna-{found[1]}" if found else otherwise


def is_rsna_id(text: str) -> bool:
    """Whether `text` is one of the set's pseudonyms, of a patient, image, series or study."""
    return _OWN.fullmatch(text) is not None


def digest(text: str, salt: str) -> str:
    """A pseudonym: the same for the same text and salt, and of no use to anyone without the salt."""
    return sha256(f"{salt}\0{text}".encode("utf-8", "surrogateescape")).hexdigest()[:20]
