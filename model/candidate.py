"""From a fine-tuned network to a version: operating points set anew, what is usual to it, its card, its manifest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from model.batches import Case
from model.calibration import MASK_THRESHOLDS, THRESHOLD_RANGE, Calibration
from model.compare import Answered, Raw, ask, mean_dice, read
from model.deal import PARTS as SPLIT
from model.deal import Counts, Deal
from model.errors import Cancelled
from model.labels import CODES, SCORES
from model.registry import study_thresholds
from model.scoring import read_weights
from model.verdict import REFERENCE, YOURS, Tables, Verdict, change

if TYPE_CHECKING:
    from model.networks.flagship import Flagship

LEAST_BLEEDING = 2
"""Bleeding validation patients from which on the mask threshold is set anew."""
GOOD_ENOUGH = 0.005
"""Dice that is no difference."""
LEAST_NEGATIVES = 20
"""Slices without a subtype from which on its operating point is set anew."""
_NAMES = {
    "dice": "Dice",
    "auc": "slice AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "volume_bias_ml": "volume bias, mL",
    "calibration_error": "calibration error",
}
_SETS = {YOURS: "your test patients", REFERENCE: "simulated heads"}


def calibration_of(info: Mapping[str, Any]) -> Calibration:
    """The calibration, thresholds and mask threshold of a version's model.json."""
    mask = info.get("mask", {})
    return Calibration(
        weights=read_weights(info),
        thresholds={code: float(info["thresholds"][code]) for code in SCORES},
        study_thresholds=study_thresholds(info),
        mask_threshold=float(mask.get("threshold", 0.5)),
        slice_gate=float(mask.get("slice_gate", 0.0)),
    )


@dataclass(frozen=True)
class Recalibrated:
    """codes: scores whose operating point was set anew."""

    calibration: Calibration
    codes: tuple[str, ...]


def recalibrate(
    parent: Calibration,
    before: "Flagship",
    after: "Flagship",
    validation: Sequence[Case],
    heads: Sequence[Case],
    stop: Callable[[], bool] = lambda: False,
) -> Recalibrated:
    """Operating points of `after` at which as many slices without a bleed stay unflagged as with `before` at its own.

    So they do not depend on how many of the reader's slices bleed. The mask threshold is the one with the best Dice
    on the reader's validation patients, as long as the simulated `heads` lose nothing by it. Neither model was
    trained on these cases.
    """
    cases = [*validation, *heads]
    if not cases:
        return Recalibrated(parent, ())
    said = [_asked(network, cases, stop) for network in (before, after)]
    sides = [[read(raw, case, parent) for raw, case in zip(side, cases, strict=True)] for side in said]
    thresholds, codes = dict(parent.thresholds), []
    for column, code in enumerate(SCORES):
        quiet = [_quiet(side, column) for side in sides]
        if len(quiet[0]) < LEAST_NEGATIVES:
            continue
        share = float((quiet[0] < parent.thresholds[code]).mean())
        found = float(np.quantile(quiet[1], share)) if share < 1 else float(quiet[1].max()) + 1e-3
        # A threshold between two scores that no negative lies between serves as well: then the parent's stays.
        if (quiet[1] < parent.thresholds[code]).mean() != share:
            thresholds[code] = float(np.clip(found, *THRESHOLD_RANGE))
            codes.append(code)
    mask = mask_threshold(parent, list(zip(said[1], cases, strict=True)), len(validation))
    gate = min(parent.slice_gate, thresholds[SCORES[0]])
    chosen = replace(parent, thresholds=thresholds, mask_threshold=mask, slice_gate=gate)
    return Recalibrated(chosen, (*codes, *(("mask",) if mask != parent.mask_threshold else ())))


def _asked(network: "Flagship", cases: Sequence[Case], stop: Callable[[], bool]) -> list[Raw]:
    found = []
    for case in cases:
        if stop():
            raise Cancelled
        found.append(ask(network, case))
    return found


def mask_threshold(parent: Calibration, said: Sequence[tuple[Raw, Case]], patients: int) -> float:
    """The mask threshold with the best Dice on the first `patients` cases; of equals the one nearest to the parent's.

    The parent's stays where fewer than `LEAST_BLEEDING` patients bleed among them, and no threshold is taken at which
    the other cases, simulated heads, lose Dice against the parent's.
    """
    mine, heads = said[:patients], said[patients:]
    if len({case.patient for _, case in mine if (case.scores[:, 0] == 1).any()}) < LEAST_BLEEDING:
        return parent.mask_threshold

    def at(threshold: float, group: Sequence[tuple[Raw, Case]]) -> float:
        calibration = replace(parent, mask_threshold=threshold)
        return mean_dice([read(raw, case, calibration) for raw, case in group])

    kept = at(parent.mask_threshold, heads)
    values = {
        threshold: at(threshold, mine)
        for threshold in sorted({*MASK_THRESHOLDS, parent.mask_threshold})
        if not at(threshold, heads) < kept - GOOD_ENOUGH
    }
    best = max(values.values())
    good = [threshold for threshold, value in values.items() if value >= best - GOOD_ENOUGH]
    return min(good, key=lambda threshold: (abs(threshold - parent.mask_threshold), threshold))


def _quiet(answered: Sequence[Answered], column: int) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Scores of the slices that are known not to show a subtype."""
    return np.concatenate([one.scores[one.truth[:, column] == 0, column] for one in answered])


def usual(network: "Flagship", cases: Sequence[Case]) -> dict[str, Any] | None:
    """What is usual to the network, as model.json holds it (`model.novelty`); None for too few slices."""
    import torch

    from model.augment import network_input
    from model.novelty import LEAST_SLICES, fit

    found = [
        network.series(network_input(torch.from_numpy(case.hu.astype(np.float32))))[2].numpy()
        for case in cases
    ]
    embeddings = np.concatenate(found) if found else np.zeros((0, 1), np.float32)
    return fit(embeddings).to_json() if len(embeddings) >= LEAST_SLICES else None


def manifest(dealt: Deal, provenance: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """What was annotated, by sample: patient, part, digest of pixels and labels, series, version of its document.

    provenance: of each patient's samples, in the order of the cases. Everything is a digest, recognisable only to
    who has the library.
    """
    rows = []
    for part, cases in zip(SPLIT, (dealt.training, dealt.validation, dealt.test), strict=True):
        for case, told in zip(cases, of_cases(cases, provenance), strict=True):
            rows.append(
                {
                    "patient": case.patient,
                    "part": part,
                    "slices": int((case.scores[:, 0] >= 0).sum()),
                    "sha256": digest(case),
                    **{key: told[key] for key in ("series", "document_version") if key in told},
                }
            )
    return rows


def of_cases(
    cases: Sequence[Case], provenance: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Mapping[str, Any]]:
    """The provenance of each case, from that of each patient's samples; a patient's cases are all there, or none."""
    left = {patient: iter(known) for patient, known in provenance.items()}
    return [next(left.get(case.patient, iter(())), {}) for case in cases]


def digest(case: Case) -> str:
    """Pixels and labels in short."""
    return sha256(case.hu.tobytes() + case.labels.tobytes() + case.scores.tobytes()).hexdigest()[:20]


def card(
    candidate_id: str,
    parent: str,
    incumbent: str,
    counts: Counts,
    tables: Tables,
    verdict: Verdict,
    notes: Sequence[str],
) -> str:
    """The text of card.md."""
    subtypes = ", ".join(f"{code} {counts.subtypes[code]}" for code in CODES)
    parts = [
        f"# {candidate_id}",
        "> Research use only. Not for diagnosis. Trained on few patients; look at its answers before you rely on them.",
        (
            f"The bundled model {parent}, fine-tuned on this computer on {counts.slices} annotated slices of "
            f"{counts.patients} patients ({counts.bleeding_patients} with a bleed; slices by subtype: {subtypes}; "
            f"{counts.negatives} slices reviewed without a bleed)."
        ),
        f"**{verdict.title}** {verdict.text}".strip(),
        *(f"- {note}" for note in notes),
    ]
    for name, words in _SETS.items():
        rows = [
            f"| {_NAMES[measure]}, {code} | {row['n']} | {change(row)} |"
            for measure, by_code in tables[name].items()
            for code, row in by_code.items()
            if row["difference"] is not None
        ]
        if rows:
            head = f"| on {words} | patients | {incumbent} → {candidate_id} |\n|---|---|---|"
            parts.append("\n".join([head, *rows]))
    return "\n\n".join(parts) + "\n"
