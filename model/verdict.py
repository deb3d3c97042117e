"""Which of two models to use, in a plain sentence, from how both do on the same patients."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isfinite

from model.compare import LEAST_PATIENTS, MEASURES, Row
from model.deal import ENOUGH_BLEEDING
from model.labels import ANY, CODES, SCORES

Tables = Mapping[str, Mapping[str, Mapping[str, Row]]]
"""{"yours" | "reference": what `model.compare.compare` gives}."""

YOURS, REFERENCE = SETS = ("yours", "reference")
NOT_INFERIOR = 0.05
"""Loss of Dice that an interval may reach down to and still count as not worse."""
KEPT = {"dice": 0.03, "auc": 0.02}
"""Loss on the reference set that is forgetting, even where its interval is wide."""


class Kind(StrEnum):
    """The four things that can be said."""

    BETTER = "better"
    NOT_WORSE = "not worse"
    WORSE = "worse"
    TOO_LITTLE = "too little data to tell"


@dataclass(frozen=True)
class Verdict:
    """kind: what is said. title: it, in a sentence. text: what it rests on."""

    kind: Kind
    title: str
    text: str

    def to_json(self) -> dict[str, str]:
        """As model.json holds it."""
        return {name: str(value) for name, value in asdict(self).items()}


def sound(tables: object) -> bool:
    """Whether something, from a file perhaps, is tables of both sets as `model.compare.compare` gives them."""
    return isinstance(tables, Mapping) and all(
        isinstance(by_measure := tables.get(name), Mapping)
        and isinstance(by_code := by_measure.get(measure), Mapping)
        and _is_row(by_code.get(code))
        for name in SETS
        for measure in MEASURES
        for code in SCORES
    )


def _is_row(row: object) -> bool:
    if not isinstance(row, Mapping) or not isinstance(row.get("n"), int) or "interval" not in row:
        return False
    values = [row.get(key, "") for key in ("before", "after", "difference")]
    if values == [None, None, None]:
        return row["interval"] is None
    interval = row["interval"]
    if interval is not None and not (isinstance(interval, list | tuple) and len(interval) == 2):
        return False
    return all(isinstance(v, int | float) and isfinite(v) for v in (*values, *(interval or ())))


def judge(tables: Tables, bleeding: int, changed: tuple[int, int] = (0, 0)) -> Verdict:
    """The verdict on a candidate. bleeding: patients with a bleed. changed: test patients that got worse, of all."""
    dice = tables[YOURS]["dice"][ANY]
    facts = " ".join(part for part in (_numbers(dice), _sensitivity(tables[YOURS]), _worse(changed)) if part)
    forgotten = _forgotten(tables[REFERENCE])
    if forgotten:
        return Verdict(
            Kind.WORSE,
            "Worse on the reference set: it has forgotten.",
            f"{forgotten} Keep the old one. {facts}".strip(),
        )
    few = _too_few(bleeding, dice)
    if few:
        advice = "Look at a few studies with the candidate before you rely on it."
        return Verdict(
            Kind.TOO_LITTLE, "Too little data to tell.", f"{few} {facts} {advice}".replace("  ", " ")
        )
    low, high = dice["interval"]
    if low > 0:
        return Verdict(Kind.BETTER, "Better on your patients, no worse on the reference set.", facts)
    if high < 0:
        return Verdict(Kind.WORSE, "Worse on your patients.", f"{facts} Keep the old one.")
    if low >= -NOT_INFERIOR:
        return Verdict(Kind.NOT_WORSE, "Not worse on your patients, nor on the reference set.", facts)
    return Verdict(
        Kind.TOO_LITTLE,
        "Too little data to tell.",
        f"{facts} The interval is too wide; annotate more patients.",
    )


def _too_few(bleeding: int, dice: Row) -> str:
    if bleeding < ENOUGH_BLEEDING:
        return f"Patients with a bleed: {bleeding}; at least {ENOUGH_BLEEDING} are needed."
    if dice["interval"] is None:
        return f"Test patients with a bleed: {dice['n']}; at least {LEAST_PATIENTS} are needed."
    return ""


def _forgotten(reference: Mapping[str, Mapping[str, Row]]) -> str:
    """What fell on the reference set, empty where nothing did."""
    for name, words in (("dice", "Dice"), ("auc", "AUC")):
        row = reference[name][ANY]
        if forgotten(name, row):
            return f"{words} on simulated heads {change(row)}."
    return ""


def forgotten(measure: str, row: Row) -> bool:
    """Whether Dice or AUC fell on the reference set: surely (its interval lies below 0), or by much."""
    if row["difference"] is None:
        return False
    surely = row["interval"] is not None and row["interval"][1] < 0 and row["difference"] < -0.01
    return bool(surely or row["difference"] < -KEPT[measure])


def _numbers(dice: Row) -> str:
    if dice["difference"] is None:
        return ""
    return f"Dice on {dice['n']} test patient{'s' * (dice['n'] != 1)} {change(dice)}."


def _sensitivity(table: Mapping[str, Mapping[str, Row]]) -> str:
    """The subtype whose sensitivity changed most, surely."""
    sure = [
        (code, row)
        for code in CODES
        if (row := table["sensitivity"][code])["interval"] is not None
        and (row["interval"][0] > 0 or row["interval"][1] < 0)
    ]
    if not sure:
        return ""
    code, row = max(sure, key=lambda each: abs(each[1]["difference"]))
    specificity = table["specificity"][code]
    beside = f", specificity {_arrow(specificity)}" if specificity["difference"] is not None else ""
    return f"Sensitivity for {code} {_arrow(row)}{beside}."


def _worse(changed: tuple[int, int]) -> str:
    worse, of = changed
    return f"{worse} of {of} patients got worse." if worse else ""


def change(row: Row) -> str:
    """`.64 → .71 (+.07, 95 % +.02 … +.12)`."""
    inside = signed(row["difference"])
    if row["interval"] is not None:
        low, high = row["interval"]
        inside += f", 95 % {signed(low)} … {signed(high)}"
    return f"{_arrow(row)} ({inside})"


def _arrow(row: Row) -> str:
    return f"{short(row['before'])} → {short(row['after'])}"


def short(value: float, digits: int = 2) -> str:
    """A number without the zero before its point, with a true minus."""
    text = f"{abs(value):.{digits}f}"
    text = text[1:] if text.startswith("0.") else text
    return f"−{text}" if value < 0 and any(digit in text for digit in "123456789") else text


def signed(value: float, digits: int = 2) -> str:
    """The same with its sign, a true minus; 0 has none."""
    text = short(abs(value), digits)
    if not any(digit in text for digit in "123456789"):
        return text
    return ("+" if value > 0 else "−") + text
