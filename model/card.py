"""The model card: what a version was trained on, what it scores, what it is not for."""

from collections.abc import Mapping, Sequence
from typing import Any

from model.labels import CODES, SCORES

LICENCE = "The weights may be used under the licence of Pterion. They are for research and education only."
DATA = (
    "Simulated head CT made by Pterion's own phantom. Patients of 'Computed Tomography Images for Intracranial "
    "Hemorrhage Detection and Segmentation' 1.0.0, M. Hssayeni et al., PhysioNet 2019 (Data 2020, 5(1), 14), "
    "Creative Commons Attribution 4.0."
)
BANNER = (
    "Research and education only. Not a medical device; not cleared by FDA, CE or any authority. Do not use for "
    "diagnosis, triage or treatment. Trained on few patients and on simulated CT; its accuracy on other patients "
    "is uncertain. Always read the full original images."
)
_NAMES = {
    "ct-ich": "CT-ICH, test patients: never trained on, of the same hospital",
    "phantom-test": "Simulated heads, other seeds: the same simulator and scanners, so an upper bound",
    "phantom-shifted": "Simulated heads, other seeds and scanners that training did not have",
}


def text(model_id: str, info: Mapping[str, Any]) -> str:
    """card.md in full, from model.json's content (thresholds, training, metrics, data)."""
    parts = [
        f"# {model_id}",
        f"> {BANNER}",
        _purpose(),
        _training(info),
        *(_set_section(name, table) for name, table in info.get("metrics", {}).items()),
        _limits(info.get("limits", ())),
        f"## Licence\n\n{info.get('licence', LICENCE)}\n\nData: {info.get('data', DATA)}",
    ]
    return "\n\n".join(parts) + "\n"


def _purpose() -> str:
    return (
        "## What it is for\n\n"
        "It gives suspected intracranial hemorrhage on axial, non-contrast head CT of adults a score per slice "
        "and per study (any, EDH, SDH, SAH, IVH, IPH) and a mask per subtype, as a second look for readers who "
        "annotate or study such images. Scores are calibrated so that 0.5 lies midway between bleeding and not "
        "bleeding cases; they are not probabilities in any clinic.\n\n"
        "Out of scope: diagnosis, triage, children and infants, contrast CT, CT after surgery, other planes "
        "and body parts."
    )


def _training(info: Mapping[str, Any]) -> str:
    training = info.get("training", {})
    settings = training.get("settings", {})
    lines = [
        "## What it was trained on\n",
        (
            f"- {training.get('phantoms', '?')} simulated heads, and {training.get('patients', '?')} patients of "
            f"CT-ICH, {settings.get('real_share', 0):.0%} of the stacks in the second part of training."
        ),
        (
            "- Split by patient once, in advance; calibration, thresholds and gate were chosen on 6 other patients "
            "and on simulated heads, one part of them as another scanner would show them."
        ),
        (
            f"- {training.get('steps', '?')} steps of {settings.get('stacks', 0) * settings.get('slices', 0)} "
            f"slices on one CPU core, {training.get('minutes', settings.get('minutes', 0)):.0f} minutes."
        ),
    ]
    lines += [f"- {note}" for note in training.get("notes", ())]
    thresholds = ", ".join(f"{code} {info['thresholds'][code]:.2f}" for code in SCORES)
    return "\n".join([*lines, f"- Thresholds: {thresholds}."])


def _set_section(name: str, table: Mapping[str, Any]) -> str:
    lines = [
        f"## {_NAMES.get(name, name)}\n",
        (
            f"{table['patients']} patients ({table['patients_bleeding']} bleed), {table['slices']} slices "
            f"({table['slices_bleeding']} bleed). Intervals: 95 %, patients resampled. Ø: not defined here.\n"
        ),
        "| | positives | AUC | sensitivity | specificity |",
        "|---|---|---|---|---|",
    ]
    for level in ("study", "slice"):
        for code in SCORES:
            row = table[level][code]
            numbers = " | ".join(number(row[key]) for key in ("auc", "sensitivity", "specificity"))
            lines.append(f"| {level} {code} | {row['positives']} | {numbers} |")
    masks, baselines, volume = table["masks"], table["baselines"], table["volume_ml"]
    simple = baselines["hu_threshold"]
    lines += [
        "",
        (
            f"- Dice of bleeding: {number(masks['slice_dice'])} over positive slices, "
            f"{number(masks['patient_dice'])} over positive patients."
        ),
        "- Dice by subtype over patients whose masks name it: "
        + ", ".join(f"{code} {number(masks[f'patient_dice_{code}'])}" for code in CODES)
        + ".",
        f"- Marked by mistake in a patient without bleeding: {number(masks['false_ml_in_negatives'])} mL.",
        (
            f"- Volume, found minus true: {_plain(volume['bias'])} mL, limits of agreement "
            f"{' to '.join(_plain(v) for v in volume['limits_of_agreement'])} mL."
        ),
        (
            f"- Beside it: always answering no is right in {_plain(baselines['always_negative']['slice_accuracy'])} of "
            f"slices; a threshold of 50 to 90 HU within the skull has slice AUC {number(simple['slice_auc'])}, "
            f"study AUC {number(simple['study_auc'])}, Dice {number(simple['patient_dice'])}."
        ),
    ]
    return "\n".join(lines)


def _limits(more: Sequence[str]) -> str:
    known = (
        "All patients come from one hospital, as windowed JPEG; sizes in mm and mL there are estimates.",
        (
            "Few of them bleed other than epidurally: the numbers for SDH, SAH and IVH rest on one to three "
            "patients, and the masks of those subtypes on simulation."
        ),
        "Small and thin bleeds are missed most; masks are drawn on a grid of 2.1 mm.",
        (
            "Calcifications, the falx, the tentorium, venous sinuses, beam hardening at the skull base and "
            "partial volume at the vertex may be marked."
        ),
        "Subacute and chronic blood, as dark as brain, is mostly not found.",
        *more,
    )
    return "## Known limits\n\n" + "\n".join(f"- {limit}" for limit in known)


def number(value: Mapping[str, Any]) -> str:
    """A value and its interval as the card writes them, e.g. `0.91 (0.80-0.98)`."""
    low, high = value["interval"]
    if value["value"] is None:
        return "Ø"
    if low is None or high is None:
        return _plain(value["value"])
    return f"{_plain(value['value'])} ({_plain(low)}-{_plain(high)})"


def _plain(value: float | None) -> str:
    return "Ø" if value is None else f"{value:.2f}"
