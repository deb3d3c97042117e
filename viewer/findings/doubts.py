"""When a score says less than it seems to: it lies close to where suspicion begins."""

import math
from collections.abc import Mapping, Sequence

CLOSE = 0.35
"""How near (in log odds) a score and its operating point count as close: .42 to .58 around one of .50."""


def log_odds(score: float) -> float:
    """The logit of a score."""
    held = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(held / (1 - held))


def close_calls(
    scores: Mapping[str, float], thresholds: Mapping[str, float], codes: Sequence[str]
) -> tuple[str, ...]:
    """The codes whose score lies close to its operating point, on whichever side."""
    return tuple(
        code
        for code in codes
        if code in scores
        and code in thresholds
        and abs(log_odds(scores[code]) - log_odds(thresholds[code])) < CLOSE
    )
