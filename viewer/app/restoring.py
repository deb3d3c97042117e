"""The session that is found again at the next start: what was open, and how everything was shown.

It is kept a second after each change, so a killed process loses no more; a whole session or none, in one transaction
of the library. While one is restored nothing is kept, and a session that twice ended the process is left alone.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QRect, QTimer

from viewer.app.hanging import Hanging
from viewer.app.opening import Opening
from viewer.app.tasks import Tasks
from viewer.dicom.cache import origin
from viewer.dicom.series import Series, Study, stamp_of
from viewer.dicom.volume import Volume
from viewer.imaging.arrangement import Arrangement, from_json, to_json, without
from viewer.imaging.pane import SeriesKey
from viewer.jobs.prior import same_patient
from viewer.library.store import Library
from viewer.session import Session
from viewer.ui.placing import Box, Placing, box_of, fitted
from viewer.ui.reading import ReadingArea

SETTING, FORMAT = "session", 1
KEPT_AFTER_MS = 1000
MOST_SOURCES = 40
MOST_ATTEMPTS = 2


@dataclass(frozen=True)
class Kept:
    """A session as it is kept. sources: what was opened. prints: of each series that hung, what its files were like.

    attempts: how often restoring it was begun and never finished. outside: the viewports in windows of their own, by
    number, and where those were.
    """

    sources: tuple[Path, ...]
    opened: SeriesKey
    arrangement: Arrangement
    hidden: bool = False
    overlay: bool = True
    fps: int = 12
    prints: tuple[tuple[SeriesKey, str], ...] = ()
    attempts: int = 0
    outside: tuple[tuple[int, Box], ...] = ()


def kept_json(kept: Kept) -> dict[str, Any]:
    """A session as values that JSON can hold."""
    return {
        "format": FORMAT,
        "sources": [str(path) for path in kept.sources],
        "opened": kept.opened,
        "arrangement": to_json(kept.arrangement),
        "hidden": kept.hidden,
        "overlay": kept.overlay,
        "fps": kept.fps,
        "prints": [[*series, print_] for series, print_ in kept.prints],
        "attempts": kept.attempts,
        "outside": [[number, *box] for number, box in kept.outside],
    }


def kept_from(values: Mapping[str, Any]) -> Kept:
    """What `kept_json` wrote. Raises ValueError for anything else."""
    try:
        if values["format"] != FORMAT:
            raise ValueError(f"format {FORMAT} is needed, got {values['format']!r}")
        study_uid, series_uid = values["opened"]
        return Kept(
            tuple(Path(str(path)) for path in values["sources"]),
            (str(study_uid), str(series_uid)),
            from_json(values["arrangement"]),
            bool(values["hidden"]),
            bool(values["overlay"]),
            int(values["fps"]),
            tuple(((str(a), str(b)), str(print_)) for a, b, print_ in values["prints"]),
            int(values["attempts"]),
            tuple(_outside(*each) for each in values.get("outside", ())),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a session: {error}") from error


def _outside(number: object, *box: object) -> tuple[int, Box]:
    """A viewport and its place. Raises ValueError for a place without a size."""
    left, top, width, height = (int(str(value)) for value in box)
    if min(width, height) < 1:
        raise ValueError(f"a window needs a size, got {width} × {height}")
    return int(str(number)), (left, top, width, height)


def print_of(series: Series) -> str:
    """What tells the files of a series from others: their names for slices, sizes and times. Touches the disk."""
    stamps = {path: stamp_of(path) for path in {origin(header.path) for header in series.slices}}
    digest = hashlib.sha256()
    for header in series.slices:
        digest.update(repr((header.sop_uid, header.frame, stamps[origin(header.path)])).encode())
    return digest.hexdigest()


class Restoring(QObject):
    """Keeps the session of the window; shows it again when the program starts."""

    def __init__(
        self,
        session: Session,
        library: Library,
        tasks: Tasks,
        opening: Opening,
        hanging: Hanging,
        reading: ReadingArea,
        placing: Placing,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session, self._panes = session, session.panes
        self._library, self._tasks = library, tasks
        self._opening, self._hanging = opening, hanging
        self._reading, self._cine, self._placing = reading, reading.interaction.cine, placing
        self._asked: tuple[Path, ...] = ()
        self._sources: tuple[Path, ...] = ()
        self._wanted: Kept | None = None  # what is being restored
        self._prints: dict[SeriesKey, tuple[Series, str]] = {}  # touched by the thread of `tasks` alone
        self._watching = self._finished = False
        self._due = QTimer(self, singleShot=True, interval=KEPT_AFTER_MS)
        self._due.timeout.connect(self._keep)
        session.open_requested.connect(self._remember_asked)
        opening.first = self._first

    # keeping

    def watch(self) -> None:
        """Keep the session from now on."""
        if self._watching:
            return
        self._watching = True
        session, panes = self._session, self._panes
        for signal in (
            panes.changed,
            panes.layout_changed,
            panes.links_changed,
            panes.guides_changed,
            session.active_view_changed,
            session.maximised_view_changed,
            session.overlay_changed,
            session.patient_hidden_changed,
            session.volume_changed,
            session.study_opened,
            self._cine.changed,
            self._reading.outside_changed,
        ):
            signal.connect(self._changed)

    def _changed(self, *_: object) -> None:
        if not (self._finished or self._due.isActive()) and self._wanted is None:
            self._due.start()

    def _snapshot(self) -> Kept | None:
        session = self._session
        if session.series is None or not self._sources:
            return None
        return Kept(
            self._sources,
            session.series.key,
            self._panes.arrangement(session.maximised_view),
            session.patient_hidden,
            session.overlay,
            self._cine.fps,
            outside=tuple((n, box_of(window.geometry())) for n, window in self._reading.outside.items()),
        )

    def _keep(self) -> None:
        """Have the session kept as it is now."""
        kept = self._snapshot()
        if kept is None or self._wanted is not None:
            return
        hung = self._hung()
        self._tasks.ask("", lambda: self._write(kept, hung), failed=lambda _: None)

    def _hung(self) -> tuple[Series, ...]:
        """The series that are shown, the open one first."""
        shown = (self._panes.volume(number) for number in range(len(self._panes)))
        opened = self._session.series
        first = (opened,) if opened is not None else ()
        hung = (*first, *(volume.series for volume in shown if volume is not None))
        return tuple({series.key: series for series in hung}.values())

    def _write(self, kept: Kept, hung: Iterable[Series]) -> None:
        """Off the GUI thread: note what the files are like, and write everything at once."""
        prints = tuple((series.key, self._print(series)) for series in hung)
        self._library.set_setting(SETTING, kept_json(replace(kept, prints=prints)))

    def _print(self, series: Series) -> str:
        known = self._prints.get(series.key)
        if known is None or known[0] != series:
            known = self._prints[series.key] = (series, print_of(series))
        return known[1]

    def finish(self) -> None:
        """Keep what has changed since it was kept last; the tasks write it before they end."""
        if self._wanted is not None:  # the reader ended the program meanwhile: that is no failure
            kept = kept_json(replace(self._wanted, attempts=0))
            self._tasks.ask("", lambda: self._library.set_setting(SETTING, kept), failed=lambda _: None)
        self._finished = True  # windows that close now are no change of the session
        if self._due.isActive():
            self._due.stop()
            self._keep()

    # restoring

    def begin(self) -> None:
        """Show again what was shown when the program ended, unless the reader prefers to start with nothing."""
        if not self._session.preferences.restore_session:
            self.watch()
            return
        self._tasks.ask("", self._read, self._take, failed=lambda _: self.watch())

    def _read(self) -> tuple[Kept | None, tuple[Path, ...], str]:
        """Off the GUI thread: what is kept, which of its sources are gone, and why nothing can be restored."""
        values = self._library.setting(SETTING)
        if values is None:
            return None, (), ""
        try:
            kept = kept_from(values if isinstance(values, dict) else {})
        except ValueError:
            return None, (), "What was kept of it is damaged. Open your studies again; nothing drawn is lost."
        if kept.attempts >= MOST_ATTEMPTS:
            return (
                None,
                (),
                "Twice the program ended while it was restored, so it is left alone. Open it again.",
            )
        gone = tuple(path for path in kept.sources if not path.exists())
        if len(gone) == len(kept.sources):
            return (
                None,
                gone,
                "Its files are gone. Nothing drawn is lost: it shows when they are opened again.",
            )
        self._library.set_setting(SETTING, kept_json(replace(kept, attempts=kept.attempts + 1)))
        return kept, gone, ""

    def _take(self, answer: tuple[Kept | None, tuple[Path, ...], str]) -> None:
        kept, gone, why = answer
        session = self._session
        if why:
            session.notice("warning", "The last session was not restored", why)
        if kept is None or session.volume is not None or self._asked:
            self.watch()
            return
        session.set_patient_hidden(kept.hidden or session.patient_hidden)
        if gone:
            names = ", ".join(path.name for path in gone[:3]) + (" …" if len(gone) > 3 else "")
            text = f"No longer there: {names}. Everything else is shown again; nothing drawn is lost."
            discreet = (
                f"{len(gone)} of {len(kept.sources)} are no longer there. Everything else is shown again."
            )
            session.notice("warning", "Part of the last session is gone", text, discreet)
        there = tuple(path for path in kept.sources if path not in gone)
        self.watch()
        session.request_open(*there)
        self._wanted = kept

    def _remember_asked(self, paths: tuple[Path, ...]) -> None:
        """The reader opens something: what was to be restored is not waited for any longer."""
        self._asked = tuple(path.absolute() for path in paths)
        self._wanted = None

    def scanned(self) -> None:
        """What was asked for last holds studies."""
        fresh = tuple(path for path in self._sources if path not in self._asked)
        self._sources = (*fresh, *self._asked)[-MOST_SOURCES:]

    def _first(self, studies: tuple[Study, ...]) -> tuple[Study, Series] | None:
        """The series that was open, where it is among those found."""
        if self._wanted is None:
            return None
        for study in studies:
            for series in study.series:
                if series.key == self._wanted.opened and series.showable:
                    return study, series
        self._give_up(studies)
        return None

    def _give_up(self, studies: tuple[Study, ...]) -> None:
        """The series that was open is gone: another one is shown, as it would be at any other time."""
        self._wanted = None
        if studies:
            text = "The series that was open is no longer there. Another one is shown; nothing drawn is lost."
            self._session.notice("warning", "Part of the last session is gone", text)

    def opened(self, volume: Volume) -> None:
        """The series that was open is open again: show everything as it was."""
        kept, self._wanted = self._wanted, None
        if kept is None or volume.series.key != kept.opened:
            return
        found = {series.key: series for study in self._session.studies for series in study.series}
        there = {key for key, series in found.items() if series.showable}
        lost = kept.arrangement.series - there
        if lost:
            count = f"{len(lost)} series" if len(lost) > 1 else "A series"
            text = f"{count} that hung beside the open one cannot be shown. The open one hangs there now."
            self._session.notice("warning", "Part of the last session is gone", text)
        arrangement = without(kept.arrangement, frozenset(lost))
        self._tell_mixed(kept.opened[0], {study_uid for study_uid, _ in arrangement.series})
        self._session.arrange(arrangement)
        for number, box in kept.outside:
            if 0 <= number < len(self._panes):
                self._reading.move_outside(number, fitted(QRect(*box), self._placing.screens()))
        self._hanging.load_awaited()
        self._session.set_overlay(kept.overlay)
        self._cine.set_fps(kept.fps)
        before = dict(kept.prints)
        hung = [found[key] for key in (kept.opened, *arrangement.series) if key in found and key in before]
        self._tasks.ask("", self._compare(hung, before), self._tell_changed, failed=lambda _: None)
        self._due.start()

    def _tell_mixed(self, opened_uid: str, study_uids: set[str]) -> None:
        """The reader allowed another patient's series beside the open one; who sits down today is to know of it."""
        studies = {study.study_uid: study for study in self._session.studies}
        others = (studies[uid] for uid in study_uids - {opened_uid})
        if not all(same_patient(studies[opened_uid], other) for other in others):
            text = "As in the last session, a series of another patient hangs beside the open one."
            self._session.notice("warning", "Another patient", text)

    def _compare(self, hung: list[Series], before: Mapping[SeriesKey, str]) -> Callable[[], list[Series]]:
        return lambda: [series for series in hung if self._print(series) != before[series.key]]

    def _tell_changed(self, changed: list[Series]) -> None:
        if changed:
            which = ", ".join(str(series.number) if series.number is not None else "?" for series in changed)
            text = f"Series {which}: the files are not those of the last session. They are shown as they are now."
            self._session.notice("warning", "Files have changed", text)
