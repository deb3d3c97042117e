"""What the findings mean to a reader: suspected subtypes, slice ranges, one short status. No Qt, no window."""

import re

import numpy as np

from model.labels import ANY, CODES, SCORES
from viewer.findings.region import Region
from viewer.session import Findings
from viewer.suspecting import Evidence

DEFAULT_THRESHOLD = 0.5
NOT_SCORED = "not scored"
BLEED = "bleed"
_STATUS = re.compile(r"^(any|bleed|EDH|SDH|SAH|IVH|IPH) (1\.00|\.\d\d)$")


def threshold(findings: Findings, code: str) -> float:
    """Score from which on `code` counts as suspected on a slice."""
    return findings.thresholds.get(code, DEFAULT_THRESHOLD)


def study_threshold(findings: Findings, code: str) -> float:
    """Score from which on a subtype (or `any`) is called suspected in the study."""
    return findings.study_thresholds.get(code, threshold(findings, code))


def study_scores(findings: Findings) -> dict[str, float]:
    """The six scores of the study; while it is being scored, the highest slice score so far (0 before the first)."""
    if findings.study_scores is not None:
        return findings.study_scores
    filled = np.nan_to_num(findings.slice_scores, nan=0.0)
    highest = filled.max(axis=0) if len(filled) else np.zeros(len(SCORES))
    return {code: float(highest[i]) for i, code in enumerate(SCORES)}


def suspected(findings: Findings) -> tuple[str, ...]:
    """Suspected subtypes, highest score first."""
    scores = study_scores(findings)
    over = [code for code in CODES if scores[code] >= study_threshold(findings, code)]
    return tuple(sorted(over, key=lambda code: -scores[code]))


def bleed_suspected(findings: Findings) -> bool:
    """Whether the score for any hemorrhage is above its threshold, whatever the subtypes say."""
    return study_scores(findings)[ANY] >= study_threshold(findings, ANY)


def told(findings: Findings) -> tuple[str, ...]:
    """Subtypes whose masks belong to what is said: the suspected; all where a bleed is suspected, but no subtype."""
    return suspected(findings) or (CODES if bleed_suspected(findings) else ())


def regions(findings: Findings, pixel_mm2: float, weights_mm: np.ndarray | None) -> tuple[Region, ...]:
    """Runs of neighbouring suspected slices of every suspected subtype, in the order of `suspected`; of `any` where
    a bleed is suspected, but no subtype. What the list shows until the regions are measured.

    pixel_mm2: area of a pixel; weights_mm: length along the normal each slice stands for (None: unknown).
    """
    found: list[Region] = []
    for code in suspected(findings) or ((ANY,) if bleed_suspected(findings) else ()):
        column = np.nan_to_num(findings.slice_scores[:, SCORES.index(code)], nan=0.0)
        over = np.flatnonzero(column >= threshold(findings, code))
        runs = np.split(over, np.flatnonzero(np.diff(over) > 1) + 1)
        found += [_region(findings, code, column, run, pixel_mm2, weights_mm) for run in runs if run.size]
    return tuple(found)


def _region(
    findings: Findings,
    code: str,
    column: np.ndarray,
    run: np.ndarray,
    pixel_mm2: float,
    weights_mm: np.ndarray | None,
) -> Region:
    peak = int(run[np.argmax(column[run])])
    volume = None
    if weights_mm is not None:
        value = SCORES.index(code)
        drawn = (findings.masks[i] if code == ANY else findings.masks[i] == value for i in run)
        areas = [np.count_nonzero(mask) * pixel_mm2 for mask in drawn]
        volume = float(np.dot(areas, weights_mm[run])) / 1000
    return Region(code, int(run[0]), int(run[-1]), peak, float(column[peak]), volume_ml=volume)


def short(score: float) -> str:
    """A score in two digits as the worklist shows it: `.97`, `1.00`."""
    text = f"{score:.2f}"
    return text.removeprefix("0")


def status(findings: Findings) -> str:
    """The worklist's word for a study: `scoring 12/38`, `SDH .97`, `bleed .70` where only the subtype is open, or
    `any .04` where nothing is suspected."""
    if findings.not_run:
        return NOT_SCORED
    if not findings.done:
        return f"scoring {findings.scored}/{findings.total}"
    scores = study_scores(findings)
    found = suspected(findings)
    if found:
        return f"{found[0]} {short(scores[found[0]])}"
    if bleed_suspected(findings):
        return f"{BLEED} {short(scores[ANY])}"
    return f"{ANY} {short(scores[ANY])}"


def parse_status(text: str) -> tuple[str, float] | None:
    """Code and score of a scored study's status, None for any other text."""
    match = _STATUS.match(text)
    return (match[1], float(match[2])) if match else None


def suspicion(text: str) -> tuple[int, float]:
    """Sort key of a status, most suspicious first: suspected, then unsuspected, then being scored, then the rest."""
    parsed = parse_status(text)
    if parsed is None:
        return (2, 0.0) if text.startswith("scoring") else (3, 0.0)
    return (1 if parsed[0] == ANY else 0, -parsed[1])


def because(found: Evidence, shown_index: int) -> str:
    """What is said beside an evidence map while slice `shown_index` is on screen."""
    if found.index != shown_index or found.state == "looking":
        return "Looking for what the score rests on…"
    if found.state != "shown":
        return found.state
    was, calm = short(found.score), short(found.calmed)
    if found.score - found.calmed < 0.02:
        return (
            f"{found.code} on slice {found.index + 1} scores {was} by this slice and its neighbours; no bright place "
            "makes it so."
        )
    return (
        f"What {found.code} on slice {found.index + 1} rests on: {was} by this slice and its neighbours, {calm} with "
        "all that is bright darkened to brain."
    )
