"""What a flagship says of validation cases, as calibration wants it."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import chain

import numpy as np
import numpy.typing as npt

from model.batches import Case
from model.calibration import MASK_THRESHOLDS, PARTS, Calibration, Rows, fit
from model.errors import PterionError
from model.evaluation.cases import study_truth
from model.labels import NOT_REVIEWED
from model.metrics import Numbers
from model.networks.flagship import Flagship

PAINTED = "painted"
"""Source of validation patients with painted bleeds."""


def fit_scores(network: Flagship, cases: Sequence[Case]) -> Calibration:
    """Calibration, thresholds and gate of a network, chosen on validation cases alone. Raises PterionError without any.

    In the mask's threshold patients as scanned, painted ones and simulated heads have the same say.
    """
    import torch
    from torch.nn import functional

    from model.augment import network_input

    if not cases:
        raise PterionError("There are no validation cases to set thresholds on. Add CT-ICH or more phantoms.")
    network.eval()
    found: dict[str, list[tuple[Numbers, Case]]] = {part: [] for part in PARTS}
    dices: dict[str, list[Numbers]] = {}
    with torch.no_grad():
        for case in cases:
            masks, provisional, embeddings = network.series(
                network_input(torch.from_numpy(case.hu.astype(np.float32)))
            )
            slices, study = network.sequence(embeddings[None], torch.from_numpy(case.gaps_mm)[None])
            for part, logits in zip(PARTS, (provisional, slices[0], study), strict=True):
                found[part].append((logits.double().numpy(), case))
            if (case.scores[:, 0] == 1).any():
                background = torch.softmax(masks.float(), 1)[:, :1]
                bleeding = (
                    1 - functional.interpolate(background, case.labels.shape[1:], mode="bilinear")[:, 0]
                )
                kind = "patients" if is_real(case) else case.source
                dices.setdefault(kind, []).append(dice_curve(case.labels, bleeding.numpy()))
    return fit(
        {part: _rows(part, answers) for part, answers in found.items()},
        [np.stack(curves) for curves in dices.values()],
    )


def is_real(case: Case) -> bool:
    """Whether a case is a patient as scanned."""
    return case.source not in ("phantom", PAINTED)


def painted_cases(cases: Sequence[Case], copies: int, seed: int) -> list[Case]:
    """Copies of the patients without bleeding, with simulated bleeds painted in: for subtypes that few patients have.

    They keep the patient's name, so that what is left out with a patient is left out with all copies.
    """
    from model.painting import paint_case

    made = []
    for case in cases:
        if not is_real(case) or case.scores.any():
            continue
        digest = int(sha256(case.patient.encode()).hexdigest()[:8], 16)
        for number in range(copies):
            painted = paint_case(case, np.random.default_rng([seed, digest, number]))
            if painted is not case:
                made.append(replace(painted, source=PAINTED))
    return made


def dice_curve(labels: npt.NDArray[np.uint8], bleeding: npt.NDArray[np.float32]) -> Numbers:
    """Dice of all bleeding of one case at each of MASK_THRESHOLDS; labels and bleeding (Z, n, n)."""
    read = labels != NOT_REVIEWED
    truth = (labels > 0) & read
    curve = []
    for threshold in MASK_THRESHOLDS:
        drawn = (bleeding >= threshold) & read
        total = truth.sum() + drawn.sum()
        curve.append(2 * (truth & drawn).sum() / total if total else np.nan)
    return np.array(curve, np.float64)


def _rows(part: str, answers: Sequence[tuple[Numbers, Case]]) -> Rows:
    truths = [study_truth(c.scores)[None] if part == "study" else c.scores for _, c in answers]
    return Rows(
        np.concatenate([logits for logits, _ in answers]),
        np.concatenate(truths),
        tuple(chain.from_iterable([c.patient] * len(logits) for logits, c in answers)),
        np.concatenate([np.full(len(logits), is_real(c)) for logits, c in answers]),
        np.concatenate([np.full(len(logits), c.source == PAINTED) for logits, c in answers]),
    )
