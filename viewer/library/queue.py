"""In which order studies are worked on: by choice, by suspicion, or by what the model is least sure of."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from model.labels import ANY, CODES
from viewer.library.work import Status


class Order(StrEnum):
    """What comes first. `CHOICE`: as listed, flagged first. `SUSPICION`: the highest score. `DOUBT`: where the model
    is least sure, and where it and a reader disagree."""

    CHOICE = "choice"
    SUSPICION = "suspicion"
    DOUBT = "doubt"


@dataclass(frozen=True)
class Candidate:
    """A study that could be next.

    scores: of the study by `any` and the subtypes, empty where it was not scored. drawn: subtypes that readers
    annotated. reviewed: somebody has been through it, so that what is not drawn is not there.
    """

    study_uid: str
    status: Status = Status.UNTOUCHED
    scores: Mapping[str, float] | None = None
    drawn: frozenset[str] = frozenset()
    reviewed: bool = False


def entropy(score: float) -> float:
    """Shannon's entropy of a yes or no, in bits: 1 at one half, 0 where it is sure."""
    score = min(max(score, 0.0), 1.0)
    return -sum(p * math.log2(p) for p in (score, 1.0 - score) if p > 0)


def doubt(candidate: Candidate) -> float:
    """How much could be learnt from a study, 0 to 1: the entropy of its least sure score; where a reader has been,
    how far the model is from what they found. Studies without a score count as unknown: 1/2."""
    scores = candidate.scores
    if not scores:
        return 0.5
    named = [(code, scores[code]) for code in (ANY, *CODES) if code in scores]
    if not named:
        return 0.5
    if candidate.drawn or candidate.reviewed:
        found = candidate.drawn | ({ANY} if candidate.drawn else frozenset())
        return max(abs((code in found) - score) for code, score in named)
    return max(entropy(score) for _, score in named)


def suspicion(candidate: Candidate) -> float:
    """The highest score of a study, -1 where there is none."""
    return max((candidate.scores or {}).values(), default=-1.0)


def ordered(candidates: Sequence[Candidate], order: Order) -> tuple[Candidate, ...]:
    """The studies in the order they are worked on; those that are done last, in each part stable."""
    worth = {Order.SUSPICION: suspicion, Order.DOUBT: doubt}.get(order, _chosen)
    return tuple(sorted(candidates, key=lambda each: (_finished(each), -worth(each))))


def _finished(candidate: Candidate) -> bool:
    return candidate.status in (Status.DONE, Status.CLEAN)


def _chosen(candidate: Candidate) -> float:
    """Flagged ones first, then those begun."""
    return {Status.FLAGGED: 2.0, Status.IN_PROGRESS: 1.0}.get(candidate.status, 0.0)
