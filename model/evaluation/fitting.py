"""What a flagship says of validation cases, as calibration wants it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain

import numpy as np
import numpy.typing as npt

from model.batches import Case
from model.calibration import MASK_THRESHOLDS, Calibration, Rows, fit
from model.errors import PterionError
from model.evaluation.cases import study_truth
from model.labels import NOT_REVIEWED, SCORES
from model.metrics import Numbers
from model.networks.flagship import Flagship
from model.preprocess import PIXEL_MM
from model.scoring import PARTS, log_volume

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
    likely: list[Likely] = []
    with torch.no_grad():
        for case in cases:
            masks, provisional, embeddings = network.series(
                network_input(torch.from_numpy(case.hu.astype(np.float32)))
            )
            slices, study = network.sequence(embeddings[None], torch.from_numpy(case.gaps_mm)[None])
            for part, logits in zip(PARTS, (provisional, slices[0], study), strict=True):
                found[part].append((logits.double().numpy(), case))
            shares = torch.softmax(masks.float(), 1)
            shares = functional.interpolate(shares, case.labels.shape[1:], mode="bilinear")
            bleeding = (1 - shares[:, 0]).numpy()
            likely.append(Likely.of(bleeding, shares[:, 1:].argmax(1).numpy() + 1, case.gaps_mm))
            if (case.scores[:, 0] == 1).any():
                kind = "patients" if is_real(case) else case.source
                dices.setdefault(kind, []).append(dice_curve(case.labels, bleeding))

    def drawn(threshold: float, shown: npt.NDArray[np.bool_]) -> Numbers:
        parts = np.split(shown, np.cumsum([len(one.gaps_mm) for one in likely])[:-1])
        return np.stack([one.log_volume(threshold, part) for one, part in zip(likely, parts, strict=True)])

    return fit(
        {part: _rows(part, answers) for part, answers in found.items()},
        [np.stack(curves) for curves in dices.values()],
        drawn,
    )


@dataclass(frozen=True)
class Likely:
    """What a network may draw of one case, without the volume.

    index: (n,), slices of the pixels that any of MASK_THRESHOLDS would draw. bleeding: (n,), their probability;
    subtype: (n,), 1..5. gaps_mm: (Z,).
    """

    index: npt.NDArray[np.intp]
    bleeding: npt.NDArray[np.float32]
    subtype: npt.NDArray[np.uint8]
    gaps_mm: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls,
        bleeding: npt.NDArray[np.float32],
        subtype: npt.NDArray[np.integer],
        gaps_mm: npt.NDArray[np.float32],
    ) -> "Likely":
        """From volumes (Z, N, N)."""
        where = np.nonzero(bleeding >= MASK_THRESHOLDS[0])
        return cls(where[0], bleeding[where], subtype[where].astype(np.uint8), gaps_mm)

    def log_volume(self, threshold: float, shown: npt.NDArray[np.bool_]) -> Numbers:
        """What the study's score weighs of it (6,), with masks on the slices `shown` (Z,) alone."""
        chosen = (self.bleeding >= threshold) & shown[self.index]
        mm2 = np.zeros((len(self.gaps_mm), len(SCORES)))
        for column in (np.zeros_like(self.subtype), self.subtype):  # of `any`, then of the subtype
            np.add.at(mm2, (self.index[chosen], column[chosen]), PIXEL_MM**2)
        return log_volume(mm2, self.gaps_mm)


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
        None
        if part == "study"
        else np.repeat(np.arange(len(answers)), [len(logits) for logits, _ in answers]),
    )
