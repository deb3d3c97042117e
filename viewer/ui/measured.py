"""What was measured on the series that are shown, and what those are called in a list."""

from viewer.dicom.volume import Volume
from viewer.measures import text
from viewer.measures.readings import Reading, Readings
from viewer.session import Session
from viewer.ui.study_text import day


def readings_of(session: Session, cache: Readings) -> list[tuple[Volume, list[Reading]]]:
    """The series that are shown and measured, the open one first: the readings of each, slice by slice."""
    found = []
    for volume, document in session.measured() if session.volume is not None else ():
        readings = text.in_order([cache.of(measure, volume) for measure in document.measures])
        if readings:
            found.append((volume, readings))
    return found


def series_name(session: Session, volume: Volume, *, dated: bool) -> str:
    """What a series beside the open one is called in a list: `Prior of 2025-01-01 · series 3`, or without its day."""
    uid, opened = volume.series.study_uid, session.volume
    number = f"series {volume.series.number}" if volume.series.number is not None else "another series"
    if opened is None or opened.series.study_uid == uid:
        return number[0].upper() + number[1:]
    study = next((study for study in session.studies if study.study_uid == uid), None)
    kind = "Prior" if session.prior is not None and session.prior.study_uid == uid else "Another study"
    if study is None or not study.date or not dated:
        return f"{kind} · {number}"
    return f"{kind} of {day(study.date)} · {number}"
