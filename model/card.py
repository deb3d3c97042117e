"""The model card: what a version was trained on, what it scores, what it is not for."""

from collections.abc import Mapping, Sequence
from typing import Any

from model.labels import CODES, SCORES
from model.preprocess import MASK_SIZE, PIXEL_MM, SIZE
from model.registry import study_thresholds

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
    "ct-ich-fold-4": "CT-ICH, fold 4: patients never trained on, of the same hospital",
    "phantom-test": "Simulated heads of other seeds, and of scanners that training never had: an upper bound",
    "phantom-shifted": "Simulated heads, other seeds and scanners that training did not have",
}


def text(model_id: str, info: Mapping[str, Any], reports: Mapping[str, Any] | None = None) -> str:
    """card.md in full, from model.json's content (thresholds, training, data) and the reports by name of their set."""
    parts = [
        f"# {model_id}",
        f"> {BANNER}",
        _purpose(),
        _training(info),
        *(_set_section(name, table) for name, table in (reports or {}).items()),
        _limits(
            info.get("limits", ()), SIZE * PIXEL_MM / info.get("preprocess", {}).get("mask_size", MASK_SIZE)
        ),
        f"## Licence\n\n{info.get('licence', LICENCE)}\n\nData: {info.get('data', DATA)}",
    ]
    return "\n\n".join(parts) + "\n"


def _purpose() -> str:
    return (
        "## What it is for\n\n"
        "It gives suspected intracranial hemorrhage on axial, non-contrast head CT of adults a score per slice "
        "and per study (any, EDH, SDH, SAH, IVH, IPH) and a mask per subtype, as a second look for readers who "
        "annotate or study such images. Scores are calibrated on validation patients, about half of whom bleed; "
        "they are not probabilities in any clinic.\n\n"
        "Out of scope: diagnosis, triage, children and infants, contrast CT, CT after surgery, other planes "
        "and body parts."
    )


def _training(info: Mapping[str, Any]) -> str:
    training = info.get("training", {})
    settings = training.get("settings", {})
    slices = settings.get("stacks", 0) * settings.get("slices", 0)
    lines = [
        "## What it was trained on\n",
        (
            f"- {training.get('phantoms', '?')} simulated heads, and {training.get('patients', '?')} patients of "
            f"CT-ICH, {settings.get('real_share', 0):.0%} of the stacks once patients took part."
        ),
        (
            "- Split by patient, in advance; calibration, thresholds and gate were chosen on other patients, on those "
            "without bleeding with bleeds painted in, and on simulated heads that were kept from training."
        ),
        (
            f"- {settings.get('steps') or training.get('steps', '?')} steps of {slices} slices, "
            f"{training.get('started', 'from scratch')}."
        ),
    ]
    lines += [f"- {note}" for note in training.get("notes", ())]
    return "\n".join([*lines, "", *_operating_points(info)])


def _operating_points(info: Mapping[str, Any]) -> list[str]:
    """The thresholds, and the bleeding validation cases that each rests on."""
    rests: Mapping[str, Any] = info.get("calibrated_on", {})
    lines = [
        "Thresholds, and the bleeding validation cases (patients, painted studies or slices, heads) they rest on:\n",
        "| threshold of | score from | patients | painted | simulated heads |",
        "|---|---|---|---|---|",
    ]
    tables = (
        ("study", study_thresholds(info), rests.get("study", {})),
        ("slice", info["thresholds"], rests),
    )
    for level, table, counts in tables:
        for code in SCORES:
            cells = (counts.get(code, {}).get(key, "?") for key in ("patients", "painted", "heads"))
            lines.append(f"| {level} {code} | {table[code]:.2f} | " + " | ".join(map(str, cells)) + " |")
    return lines


def _set_section(name: str, table: Mapping[str, Any]) -> str:
    data, ours = table["data"], table["systems"][table["model"]]
    others = [other for other in table["systems"] if other != table["model"]]
    lines = [
        f"## {_NAMES.get(name, name)}\n",
        (
            f"{data['patients']} patients, {data['studies_bleeding']} of {data['studies']} studies bleed, "
            f"{data['slices']} slices, {data['slices_bleeding']} of them with bleeding. Intervals: 95 %, patients "
            "resampled. n: studies, slices, patients or lesions that bleed. Ø: not defined here, or not answered.\n"
        ),
        "| | n | this model | " + " | ".join(others) + " |",
        "|---" * (3 + len(others)) + "|",
    ]
    for key, words in _MEASURES:
        cells = [table["systems"][system]["measures"][key] for system in (table["model"], *others)]
        lines.append(f"| {words} | {cells[0]['n']} | " + " | ".join(number(cell) for cell in cells) + " |")
    lines += ["", *_thresholds(ours["operating"]), "", *_facts(ours, data)]
    if table.get("shifted"):
        lines += ["", *_shifted(table["shifted"])]
    return "\n".join(lines)


_MEASURES = (
    *((f"study_auc_{code}", f"study AUC, {code}") for code in SCORES),
    *((f"slice_auc_{code}", f"slice AUC, {code}") for code in SCORES),
    ("slice_ap_any", "slice average precision, any"),
    ("slice_log_loss", "slice log loss (RSNA 2019)"),
    ("dice_any", "Dice of bleeding, over patients"),
    *((f"dice_{code}", f"Dice, {code}") for code in CODES),
    ("surface_dice_any", "surface Dice at 2 mm"),
    ("hausdorff95_mm_any", "95th percentile of surface distance, mm"),
    ("lesion_sensitivity", "lesions touched by a mark"),
    ("false_marks", "false marks a study"),
    ("false_ml_any", "marked where nothing bleeds, mL"),
    ("slice_ece_any", "calibration error, slices"),
    ("study_ece_any", "calibration error, studies"),
)


def _thresholds(operating: Mapping[str, Any]) -> list[str]:
    """Sensitivity and specificity at the thresholds, Wilson's intervals."""
    lines = ["| at the threshold | bleed | do not | sensitivity | specificity |", "|---|---|---|---|---|"]
    for level in ("study", "slice"):
        for code in SCORES:
            row = operating[level][code]
            lines.append(
                f"| {level} {code} | {row['positives']} | {row['negatives']} | {number(row['sensitivity'])} | "
                f"{number(row['specificity'])} |"
            )
    return lines


def _facts(ours: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    volume, confusion = ours["volume"], ours["confusion"]
    lines = [
        (
            f"- Always answering no is right in {_plain(data['slice_accuracy_of_never'])} of the slices; the best "
            f"constant scores have a log loss of {_plain(data['slice_log_loss_of_prior'])}."
        )
    ]
    if volume:
        lines.append(
            f"- Volume, found minus true: {_plain(volume['bias_ml'])} mL, limits of agreement "
            f"{' to '.join(_plain(v) for v in volume['limits_ml'])} mL; concordance {_plain(volume['concordance'])}."
        )
    if confusion:
        lines.append(
            f"- Of bleeding that was found, {_plain(confusion['wrong_share'])} carries another subtype than the truth."
        )
    return lines


def _shifted(panel: Mapping[str, Any]) -> list[str]:
    """The same patients as other scanners would show them."""
    lines = [
        "| as another scanner would show it | slice AUC, any | study AUC, any | Dice |",
        "|---|---|---|---|",
    ]
    rows = [
        *panel["rows"].items(),
        ("mean of the shifted", panel["shifted"]),
        ("mean of both", panel["combined"]),
    ]
    for name, row in rows:
        cells = " | ".join(_plain(row[key]) for key in ("slice_auc_any", "study_auc_any", "dice_any"))
        lines.append(f"| {name} | {cells} |")
    return lines


def _limits(more: Sequence[str], mask_pixel_mm: float) -> str:
    known = (
        "All patients come from one hospital, as windowed JPEG; sizes in mm and mL there are estimates.",
        (
            "Few of them bleed other than epidurally: the numbers for SDH, SAH and IVH rest on one to three "
            "patients, and the masks of those subtypes on simulation."
        ),
        f"Small and thin bleeds are missed most; masks are drawn on a grid of {mask_pixel_mm:.3g} mm.",
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
