"""Files and folders → studies and series with their problems, from headers only."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from model.errors import Cancelled, PterionError
from viewer.dicom import instance as tags
from viewer.dicom.header import NotDicomError, read_header
from viewer.dicom.instance import WANTED, Instance, instances
from viewer.dicom.notes import plural, unreadable
from viewer.dicom.series import ScanResult, Series, Study
from viewer.dicom.sources import Progress, Sources
from viewer.dicom.stack import series_of
from viewer.dicom.stencil import Stencils
from viewer.dicom.walk import DamagedError
from viewer.dicom.zips import Password

_DICOMDIR = "1.2.840.10008.1.3.10"
_THREADS = 4
_BATCH = 16
_SLOW_SECONDS = 0.002
_STRANGER = "it is no DICOM file, whatever its name says"
_DICOM_NAMES = (".dcm", ".dicom", ".ima")
_TELL_SECONDS = 0.3

_Read = list[Instance] | tuple[str, str] | None
"""What one file gave: its slices, (name, what is wrong with it), or None where it is no DICOM image file."""


def scan(
    paths: Path | Iterable[Path],
    *,
    on_study: Callable[[Study], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    password: Password | None = None,
    on_progress: Progress | None = None,
) -> ScanResult:
    """Find the studies in folders (searched to the bottom), files, ZIP archives and DICOMDIRs, whatever their names.

    on_study: called on this thread with every study as soon as something of it is known, and again, with the
    same UID, when more of it is found. cancelled: asked between files; True raises Cancelled.
    password: asked for protected archives, on this thread. on_progress: told how far unpacking, or copying from a
    slow disc, is. What is unpacked or copied stays until the process ends.
    Raises PterionError where a path does not exist or cannot be read, or where nothing is DICOM.
    """
    roots = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    finds = _Finds()
    tell_at = time.monotonic() + _TELL_SECONDS
    sources = Sources(roots, password, damaged=finds.damaged)
    sources.cancelled = cancelled or sources.cancelled
    sources.progress = on_progress or sources.progress
    for read in _reads(sources.files(), cancelled):
        finds.add(read)
        if on_study is not None and (began := time.monotonic()) > tell_at:
            for study in finds.fresh_studies():
                on_study(study)
            ended = time.monotonic()
            tell_at = ended + max(_TELL_SECONDS, 5 * (ended - began))
    studies = finds.studies()
    if on_study is not None:
        for study in finds.fresh_studies():
            on_study(study)
    if not studies:
        raise _nothing(roots, finds)
    notes = (unreadable(finds.damaged),) if finds.damaged else ()
    return ScanResult(studies=studies, notes=notes)


class _Finds:
    """What is known so far, by study and series UID in the order of discovery."""

    def __init__(self) -> None:
        self.damaged: list[tuple[str, str]] = []
        self.files = 0
        self._found: dict[str, dict[str, list[Instance]]] = {}
        self._series: dict[tuple[str, str], tuple[Series, ...]] = {}
        self._changed: set[str] = set()

    def add(self, read: _Read) -> None:
        """Take what one file gave."""
        self.files += 1
        if isinstance(read, tuple):
            self.damaged.append(read)
        for item in read if isinstance(read, list) else ():
            study, series = item.header.text(tags.STUDY_UID), item.header.text(tags.SERIES_UID)
            self._found.setdefault(study, {}).setdefault(series, []).append(item)
            self._series.pop((study, series), None)
            self._changed.add(study)

    def fresh_studies(self) -> tuple[Study, ...]:
        """Studies that changed since this was asked last."""
        fresh = tuple(self._study(uid) for uid in self._found if uid in self._changed)
        self._changed.clear()
        return fresh

    def studies(self) -> tuple[Study, ...]:
        """All studies."""
        return tuple(map(self._study, self._found))

    def _study(self, uid: str) -> Study:
        """One study with its series in the order of their numbers, derived stacks behind their own series."""
        series: list[Series] = []
        for series_uid, found in self._found[uid].items():
            key = (uid, series_uid)
            if key not in self._series:
                self._series[key] = series_of(found)
            series += self._series[key]
        series.sort(key=lambda one: (one.number is None, one.number or 0, one.series_uid))
        header = next(iter(self._found[uid].values()))[0].header
        return Study(
            study_uid=uid,
            patient_name=header.decoded(tags.PATIENT_NAME).rstrip("^= "),
            patient_id=header.decoded(tags.PATIENT_ID),
            sex=header.text(tags.PATIENT_SEX),
            age=header.text(tags.PATIENT_AGE),
            date=header.text(tags.STUDY_DATE),
            time=header.text(tags.STUDY_TIME),
            description=header.decoded(tags.STUDY_DESCRIPTION),
            series=tuple(series),
            accession_number=header.decoded(tags.ACCESSION),
        )


def _reads(paths: Iterator[Path], cancelled: Callable[[], bool] | None) -> Iterator[_Read]:
    """The headers of files in order: read on this thread while the disk is quick, else by a few threads ahead of it.

    The walk holds the interpreter, so threads gain nothing but the time that a slow disk keeps them waiting.
    """
    stencils = Stencils()
    batches = iter(lambda: list(islice(paths, _BATCH)), [])
    for batch in batches:
        began = time.perf_counter()
        reads = [_read(path, stencils) for path in batch]
        slow = time.perf_counter() - began > _SLOW_SECONDS * len(batch)
        yield from reads
        if cancelled is not None and cancelled():
            raise Cancelled
        if slow:
            yield from _read_ahead(batches, stencils, cancelled)


def _read_ahead(
    batches: Iterator[list[Path]], stencils: Stencils, cancelled: Callable[[], bool] | None
) -> Iterator[_Read]:
    """The same by threads that are kept a few batches ahead."""

    def read_batch(batch: list[Path]) -> list[_Read]:
        return [_read(path, stencils) for path in batch]

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="scan") as pool:
        waiting: list[Future[list[_Read]]] = []
        try:
            for batch in batches:
                waiting.append(pool.submit(read_batch, batch))
                if len(waiting) > 2 * _THREADS:
                    yield from waiting.pop(0).result()
                if cancelled is not None and cancelled():
                    raise Cancelled
            for future in waiting:
                yield from future.result()
                if cancelled is not None and cancelled():
                    raise Cancelled
        finally:
            pool.shutdown(cancel_futures=True)


def _read(path: Path, stencils: Stencils) -> _Read:
    """One file's slices, or what is wrong with it."""
    try:
        header = read_header(path, WANTED, stencils)
        if header.text(tags.MEDIA_CLASS) == _DICOMDIR or tags.FILE_SET in header.elements:
            return None
        if not header.text(tags.SERIES_UID) or not header.text(tags.STUDY_UID):
            return (path.name, "it ends within its header" if header.cut else "it names no study and series")
        return instances(header)
    except NotDicomError:
        return (path.name, _STRANGER) if path.suffix.lower() in _DICOM_NAMES else None
    except DamagedError as error:
        return (path.name, str(error))
    except OSError as error:
        return (path.name, (error.strerror or "it cannot be opened").lower())


def _nothing(roots: Sequence[Path], finds: _Finds) -> PterionError:
    """Why there is no study to show."""
    where = ", ".join(root.name or str(root) for root in roots[:3]) or "No path"
    damaged = [(name, reason) for name, reason in finds.damaged if reason != _STRANGER]
    if damaged:
        return PterionError(f"{where}: {unreadable(damaged).text}", code="UNREADABLE_FILES")
    if finds.files == 1 and len(roots) == 1 and roots[0].is_file():
        return PterionError(
            f"{where} is not a DICOM image. Open a CT series or its folder.", code="NOT_DICOM"
        )
    return PterionError(
        f"{where} holds no DICOM images ({plural(finds.files, 'file')} looked at). Open the folder of a CT series.",
        code="NO_DICOM",
    )
