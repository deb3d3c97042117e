"""What stands in the place of identifiers: the same for the same, and no way back without the key."""

import base64
import hashlib
import hmac
import secrets
from datetime import date, timedelta

_SHIFT_DAYS = 3650
STANDARD = "1.2.840.10008."


class Pseudonyms:
    """Names, UIDs and dates derived from the original ones by a keyed hash (HMAC-SHA-256).

    key: text that gives the same pseudonyms in another run; without it they are random, and nobody, ourselves
    included, can link them to the originals afterwards. Whoever has the key can test whether a patient is among
    them, so it is a secret.
    """

    def __init__(self, key: str | None = None) -> None:
        self._key = secrets.token_bytes(32) if key is None else hashlib.sha256(key.encode("utf-8")).digest()
        self._uids: dict[str, str] = {}

    def name(self, patient: str) -> str:
        """A patient's pseudonym: `PT-` and ten letters and digits."""
        return "PT-" + base64.b32encode(self._digest("patient", patient))[:10].decode("ascii")

    def uid(self, uid: str) -> str:
        """The UID that stands for another (2.25 and a UUID, PS3.5 B.2); the standard's own stay as they are."""
        if not uid or uid.startswith(STANDARD):
            return uid
        made = self._uids.get(uid)
        if made is None:
            digest = bytearray(self._digest("uid", uid)[:16])
            digest[6] = digest[6] & 0x0F | 0x80  # a UUID of version 8 (RFC 9562 5.8), variant 10
            digest[8] = digest[8] & 0x3F | 0x80
            made = self._uids[uid] = f"2.25.{int.from_bytes(digest, 'big')}"
        return made

    def days(self, patient: str) -> int:
        """How many days a patient's dates go back, 1 to 3650."""
        return 1 + int.from_bytes(self._digest("days", patient)[:8], "big") % _SHIFT_DAYS

    def _digest(self, what: str, value: str) -> bytes:
        return hmac.digest(self._key, f"{what}\0{value}".encode("utf-8", "surrogateescape"), "sha256")


def shifted(value: str, days: int) -> str:
    """A date (DA) or date-time (DT) that many days earlier; empty where it is no whole date."""
    text = value.strip(" \0")
    plain = text.replace(".", "").replace("-", "")[:8] if len(text) == 10 else text[:8]
    if len(plain) != 8 or not plain.isdigit():
        return ""
    try:
        moved = date(int(plain[:4]), int(plain[4:6]), int(plain[6:])) - timedelta(days)
    except (ValueError, OverflowError):
        return ""
    rest = "" if len(text) == 10 and not text.isdigit() else text[8:]
    return f"{moved:%Y%m%d}{rest}" if moved.year >= 1000 else ""
