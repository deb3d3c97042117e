"""What the library knows of studies that were opened before, so that they are there at once."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from viewer.app.tasks import Tasks
from viewer.dicom.cache import origin
from viewer.dicom.series import ScanResult, Series, Stamp, Study
from viewer.library.errors import LibraryError
from viewer.library.store import Library

Picture = npt.NDArray[np.uint8]


class Knowing:
    """Lets scans and thumbnails ask the library first. What the library cannot say is read from the files again."""

    def __init__(self, library: Library, tasks: Tasks) -> None:
        self._library, self._tasks = library, tasks
        self._recognised: frozenset[str] = frozenset()
        self._held = False
        self._waiting: list[Callable[[], object]] = []

    def hold(self) -> None:
        """Put off what is to be kept: it is work in Python, which slows down whoever loads and shows a series."""
        self._held = True

    def release(self) -> None:
        """Have the library keep what was put off, in order."""
        self._held = False
        waiting, self._waiting = self._waiting, []
        for task in waiting:
            self._ask(task)

    def unchanged_studies(self, files: Mapping[Path, Stamp]) -> Sequence[tuple[Study, Mapping[Path, Stamp]]]:
        """The known studies all of whose files are among these, as they were. May be called from any thread."""
        try:
            found = self._library.unchanged_studies(files)
        except LibraryError:
            return ()
        self._recognised |= {study.study_uid for study, _ in found}
        return found

    def keep(self, result: ScanResult) -> None:
        """Have the library keep what a scan found; what was unpacked or copied goes with this process."""
        self._recognised &= result.files.keys()
        recognised = self._recognised

        def keep_fresh() -> None:
            for study in result.studies:
                files = result.files.get(study.study_uid, {})
                if study.study_uid not in recognised and all(origin(path) == path for path in files):
                    self._library.index_studies([study], result.files)

        self._ask(keep_fresh)

    def picture(self, series: Series) -> Picture | None:
        """The thumbnail of a series whose files have not changed, if it is kept. May be called from any thread."""
        if series.study_uid not in self._recognised:
            return None
        try:
            name = _name(series)
            return self._library.thumbnails([name]).get(name)
        except LibraryError:
            return None

    def keep_picture(self, series: Series, grey: Picture) -> None:
        """Have the library keep a thumbnail that was made."""
        self._ask(lambda: self._library.save_thumbnail(series.study_uid, _name(series), grey))

    def _ask(self, task: Callable[[], object]) -> None:
        """Have the library do something that is no loss if it fails."""
        if self._held:
            self._waiting.append(task)
        else:
            self._tasks.ask("", task, failed=lambda _: None)


def _name(series: Series) -> str:
    """What its thumbnail is kept under: careless copies of other studies may share the series UID."""
    return "/".join(series.key)
