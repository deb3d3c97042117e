"""Rows ready to show: the work queue, versions, agreement."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from viewer.jobs.agreement import SubtypeAgreement
from viewer.library.queue import Candidate, Order, doubt, ordered, suspicion
from viewer.library.records import StoredScores, StudyRow
from viewer.library.work import SeriesWork, Status
from viewer.ui.study_text import day
from viewer.working import QueueEntry


def queue_of(
    studies: Iterable[StudyRow],
    work: Iterable[SeriesWork],
    scores: Iterable[StoredScores],
    drawn: Mapping[str, frozenset[str]],
    order: Order,
) -> tuple[QueueEntry, ...]:
    """Every study of the library in the order it is to be worked on.

    drawn: subtypes with annotations by series. A study has the status of the series that was worked on most.
    """
    worked: dict[str, list[SeriesWork]] = {}
    for each in work:
        worked.setdefault(each.study_uid, []).append(each)
    scored = {each.study_uid: each for each in reversed(tuple(scores)) if each.study_uid}
    entries, candidates = {}, []
    for study in studies:
        mine = max(worked.get(study.study_uid, ()), key=lambda each: each.seconds, default=None)
        status = mine.status if mine is not None else Status.UNTOUCHED
        here = frozenset().union(
            *(drawn.get(each.series_uid, frozenset()) for each in worked.get(study.study_uid, ()))
        )
        found = scored.get(study.study_uid)
        candidate = Candidate(
            study.study_uid,
            status,
            found.scores if found is not None else None,
            here,
            status in (Status.DONE, Status.CLEAN),
        )
        candidates.append(candidate)
        first = study.series[0].series_uid if study.series else ""
        entries[study.study_uid] = QueueEntry(
            study.study_uid,
            mine.series_uid if mine is not None else first,
            " · ".join(part for part in (study.patient_id or study.patient_name, day(study.date)) if part),
            status,
            ", ".join(mine.readers) if mine is not None else "",
            mine.seconds if mine is not None else 0.0,
            reason_of(candidate, order),
            mine.comment if mine is not None else "",
        )
    return tuple(entries[each.study_uid] for each in ordered(candidates, order))


def blinded(entry: QueueEntry, reader: str) -> QueueEntry:
    """A study as somebody sees it who reads it blinded: without what others said of it."""
    return replace(entry, status=Status.IN_PROGRESS, readers=reader, comment="", seconds=0.0)


def reason_of(candidate: Candidate, order: Order) -> str:
    """Why a study stands where it does."""
    if order is Order.CHOICE:
        return ""
    if not candidate.scores:
        return "not scored"
    if order is Order.SUSPICION:
        code = max(candidate.scores, key=lambda name: candidate.scores[name] if candidate.scores else 0.0)
        return f"{code} {_short(suspicion(candidate))}"
    what = "differs by" if candidate.drawn or candidate.reviewed else "unsure"
    return f"{what} {_short(doubt(candidate))}"


def _short(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def sources_of(after: str) -> str:
    """Where the annotations that an edit touched came from: `manual`, `model flagship-3` …"""
    found: dict[str, None] = {}
    for body in json.loads(after).get("annotations", {}).values():
        if body is not None:
            found[f"{body['source']} {body['model_id']}".strip()] = None
    return ", ".join(found)


def agreement_row(row: SubtypeAgreement) -> tuple[str, ...]:
    """Subtype, Dice, HD95, the two volumes, their difference, kappa, slices: as text."""
    one, other, both = row.slices
    return (
        row.code,
        _number(row.dice, 2),
        _number(row.hd95_mm, 1),
        _number(row.volume_ml[0], 1),
        _number(row.volume_ml[1], 1),
        _number(row.difference_ml, 1, signed=True),
        _number(row.kappa, 2),
        f"{one} / {other} / {both}",
    )


def _number(value: float, decimals: int, *, signed: bool = False) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:{'+' if signed else ''}.{decimals}f}".replace("-", "−")
