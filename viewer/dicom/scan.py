"""Files and folders → studies and series with their problems, from headers only."""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from model.errors import Cancelled, PterionError
from viewer.dicom import instance as tags
from viewer.dicom.header import Header, NotDicomError, read_header
from viewer.dicom.instance import WANTED, Instance, instances
from viewer.dicom.notes import plural, unreadable
from viewer.dicom.series import ScanResult, Series, Stamp, Study, stamp_of
from viewer.dicom.sources import Progress, Sources
from viewer.dicom.stack import series_of
from viewer.dicom.stencil import Stencils
from viewer.dicom.waiting import waits_of_thread
from viewer.dicom.walk import DamagedError
from viewer.dicom.zips import Password

_DICOMDIR = "1.2.840.10008.1.3.10"
_THREADS = 4
_BATCH = 16
_PAD = b" \0"
_SLOW_SECONDS = 0.002
_BELONGING = (tags.STUDY_UID, tags.SERIES_UID, tags.PATIENT_ID, tags.PATIENT_NAME)
_STRANGER = "it is no DICOM file, whatever its name says"
_DICOM_NAMES = (".dcm", ".dicom", ".ima")
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_APPLE_DOUBLE = "._"
"""Begins the names of files that macOS puts beside others on foreign disks and in archives."""
_TELL_SECONDS = 0.3

_Patient = tuple[bytes, bytes]
_Read = list[Instance] | tuple[str, str] | None
"""What one file gave: its slices, (name, what is wrong with it), or None where it is no DICOM image file."""


class Known(Protocol):
    """What earlier scans found."""

    def unchanged_studies(self, files: Mapping[Path, Stamp]) -> Sequence[tuple[Study, Mapping[Path, Stamp]]]:
        """The studies all of whose files are among these, as they were, each with its files."""


def scan(
    paths: Path | Iterable[Path],
    *,
    on_study: Callable[[Study], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    password: Password | None = None,
    on_progress: Progress | None = None,
    known: Known | None = None,
) -> ScanResult:
    """Find the studies in folders (searched to the bottom), files, ZIP archives and DICOMDIRs, whatever their names.

    on_study: called on this thread with every study as soon as something of it is known, and again, with the
    same UID, when more of it is found. cancelled: asked between files; True raises Cancelled.
    password: asked for protected archives, on this thread. on_progress: told how far unpacking, or copying from a
    slow disc, is. What is unpacked or copied stays until the process ends.
    known: what earlier scans found: studies whose files have not changed are told at once and not read again.
    Raises PterionError where a path does not exist or cannot be read, or where nothing is DICOM.
    """
    roots = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    finds = _Finds()
    sources = Sources(roots, password, damaged=finds.damaged)
    sources.cancelled = cancelled or sources.cancelled
    sources.progress = on_progress or sources.progress
    teller = _Teller(finds, on_study)
    files = sources.files()
    if known is not None:
        files = iter(finds.recognise(_stamped(files, cancelled), known))
        teller.tell()
    for read in _reads(files, cancelled):
        finds.add(read)
        teller.tell_now_and_then()
    for read in _reads(iter(finds.take_outdated()), cancelled):
        finds.add(read)
    studies = finds.studies()
    teller.tell()
    finds.forget(sources.cancelled)
    if not studies:
        raise _nothing(roots, finds)
    notes = (unreadable(finds.damaged),) if finds.damaged else ()
    return ScanResult(studies=studies, notes=notes, files=finds.files_of_studies())


def _stamped(paths: Iterator[Path], cancelled: Callable[[], bool] | None) -> dict[Path, Stamp]:
    """All files with their stamps. Raises Cancelled."""
    stamped = {}
    for number, path in enumerate(paths):
        stamped[path] = stamp_of(path) or (0, 0)
        if number % _BATCH == 0 and cancelled is not None and cancelled():
            raise Cancelled
    return stamped


class _Teller:
    """Tells of studies as they are found, not too often: telling takes a sixth of the time at most."""

    def __init__(self, finds: "_Finds", on_study: Callable[[Study], None] | None) -> None:
        self._finds, self._on_study = finds, on_study
        self._next = time.monotonic() + _TELL_SECONDS

    def tell_now_and_then(self) -> None:
        """Tell what changed, if it is time."""
        if self._on_study is not None and (began := time.monotonic()) > self._next:
            self.tell()
            ended = time.monotonic()
            self._next = ended + max(_TELL_SECONDS, 5 * (ended - began))

    def tell(self) -> None:
        """Tell what changed since the last time."""
        if self._on_study is not None:
            for study in self._finds.fresh_studies():
                self._on_study(study)


class _Finds:
    """What is known so far, by study and series UID in the order of discovery."""

    def __init__(self) -> None:
        self.damaged: list[tuple[str, str]] = []
        self.files = 0
        self._found: dict[str, dict[str, list[Instance]]] = {}
        self._series: dict[tuple[str, str], tuple[Series, ...]] = {}
        self._changed: set[str] = set()
        self._stamps: Mapping[Path, Stamp] = {}
        self._known: dict[str, tuple[Study, Mapping[Path, Stamp]]] = {}
        self._outdated: list[Path] = []
        self._files: dict[str, dict[Path, Stamp]] = {}
        self._patients: dict[str, list[_Patient]] = {}
        self._places: dict[tuple[bytes | None, ...], tuple[str, str]] = {}
        self._owners: dict[str, str] = {}

    def recognise(self, stamps: Mapping[Path, Stamp], known: Known) -> list[Path]:
        """Take the studies that are known; the files that have to be read."""
        self._stamps = stamps
        self._known = {study.study_uid: (study, files) for study, files in known.unchanged_studies(stamps)}
        self._changed |= set(self._known)
        for study, _ in self._known.values():
            self._owners |= {series.dicom_series_uid: study.study_uid for series in study.series}
        taken = {path for _, files in self._known.values() for path in files}
        self.files += len(taken)
        return [path for path in stamps if path not in taken]

    def take_outdated(self) -> list[Path]:
        """Files of studies that were known but have got more files: they are to be read after all."""
        outdated, self._outdated = self._outdated, []
        return outdated

    def files_of_studies(self) -> dict[str, Mapping[Path, Stamp]]:
        """By study, its files, if stamps were given."""
        return {uid: files for uid, (_, files) in self._known.items()} | self._files

    def add(self, read: _Read) -> None:
        """Take what one file gave."""
        self.files += 1
        if isinstance(read, tuple):
            self.damaged.append(read)
        elif read:
            header = read[0].header
            named = tuple(map(header.elements.get, _BELONGING))
            if named not in self._places:
                self._places[named] = self._study_of(header), header.text(tags.SERIES_UID)
            study, series = self._places[named]
            if self._stamps:
                self._stamp(study, header.path)
            self._found.setdefault(study, {}).setdefault(series, []).extend(read)
            self._series.pop((study, series), None)
            self._changed.add(study)

    def _study_of(self, header: Header) -> str:
        """The study of a file: its UID, with `#2`, `#3` … where it is another patient's before."""
        uid, patient = header.text(tags.STUDY_UID), _patient_of(header)
        patients = self._patients.setdefault(uid, [])
        number = next((i for i, other in enumerate(patients) if _may_be_one(patient, other)), len(patients))
        if number == len(patients):
            patients.append(patient)
        return f"{uid}#{number + 1}" if number else uid

    def _stamp(self, uid: str, path: Path) -> None:
        """Note that a file belongs to a study, which is therefore not what was known."""
        self._files.setdefault(uid, {})[path] = self._stamps.get(path, (0, 0))
        if uid in self._known:
            _, files = self._known.pop(uid)
            self._outdated += files

    def fresh_studies(self) -> tuple[Study, ...]:
        """Studies that changed since this was asked last."""
        fresh = tuple(self._known[uid][0] for uid in self._known if uid in self._changed)
        fresh += tuple(self._study(uid) for uid in self._found if uid in self._changed)
        self._changed.clear()
        return fresh

    def studies(self) -> tuple[Study, ...]:
        """All studies."""
        return (*(study for study, _ in self._known.values()), *map(self._study, self._found))

    def forget(self, between: Callable[[], object]) -> None:
        """Let go of the headers a few at a time: freed at once they would hold up every thread, 20 000 for 20 ms.

        between: called after each few, when others may have their turn.
        """
        for series in self._found.values():
            for found in series.values():
                while found:
                    del found[-_BATCH:]
                    between()
        self._found.clear()

    def _study(self, uid: str) -> Study:
        """One study with its series in the order of their numbers, derived stacks behind their own series."""
        series: list[Series] = []
        for series_uid, found in self._found[uid].items():
            key = (uid, series_uid)
            if key not in self._series:
                self._series[key] = tuple(self._named_apart(one, uid) for one in series_of(found))
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

    def _named_apart(self, series: Series, study_uid: str) -> Series:
        """A series of a study under a name that no other study's series has: its UID, mostly."""
        uid, _, part = series.series_uid.partition("#")
        if self._owners.setdefault(uid, study_uid) != study_uid:
            uid = f"{uid}#{zlib.crc32(study_uid.encode('latin-1', 'replace')):08x}"
        return replace(series, study_uid=study_uid, series_uid=f"{uid}#{part}" if part else uid)


def _patient_of(header: Header) -> _Patient:
    """PatientID and PatientName as far as they tell patients apart."""
    elements = header.elements
    name = elements.get(tags.PATIENT_NAME, b"").split(b"=")[0]
    return elements.get(tags.PATIENT_ID, b"").strip(_PAD), name.strip(b" \0^").upper()


def _may_be_one(one: _Patient, other: _Patient) -> bool:
    """Whether two files may be of one patient: by identifier where both have one, else by name."""
    if one == other:
        return True
    for a, b in zip(one, other, strict=True):
        if a and b:
            return a == b
    return True


def _reads(paths: Iterator[Path], cancelled: Callable[[], bool] | None) -> Iterator[_Read]:
    """The headers of files in order: read on this thread while the disk is quick, else by a few threads ahead of it.

    The walk holds the interpreter, so threads gain nothing but the time that a slow disk keeps them waiting.
    """
    stencils = Stencils()
    batches = iter(lambda: list(islice(paths, _BATCH)), [])
    for batch in batches:
        began, waits = time.perf_counter(), waits_of_thread()
        reads = [_read(path, stencils) for path in batch]
        slow = time.perf_counter() - began > _SLOW_SECONDS * len(batch)
        if waits is not None and (waits_of_thread() or 0) - waits < len(batch) / 2:
            slow = False  # it was the processor that was busy, and threads would only get in each other's way
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
        elements = header.elements
        if tags.FILE_SET in elements or header.text(tags.MEDIA_CLASS) == _DICOMDIR:
            return None
        if not (
            elements.get(tags.SERIES_UID, b"").strip(_PAD) and elements.get(tags.STUDY_UID, b"").strip(_PAD)
        ):
            return (path.name, "it ends within its header" if header.cut else "it names no study and series")
        return instances(header)
    except NotDicomError:
        return _stranger(path)
    except DamagedError as error:
        return (path.name, str(error))
    except OSError as error:
        return (path.name, (error.strerror or "it cannot be opened").lower())


def _stranger(path: Path) -> _Read:
    """What is wrong with a file that is no DICOM, if its name says that it is."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if path.name.startswith(_APPLE_DOUBLE):
        return None
    if suffixes and suffixes[-1] in _DICOM_NAMES:
        return path.name, _STRANGER
    packed = len(suffixes) == 2 and suffixes[0] in _DICOM_NAMES and suffixes[1] in _PACKED
    return (path.name, "it is compressed as a whole; unpack it first") if packed else None


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
