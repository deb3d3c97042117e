"""From a picture of a training to its slice in the viewer."""

from PySide6.QtCore import QObject, QTimer

from viewer.app.tasks import Tasks
from viewer.dicom.volume import Volume
from viewer.jobs.places import Place, find_place
from viewer.library.store import Library
from viewer.session import Session

FAILED = "The slice could not be opened"


class Visiting(QObject):
    """Goes to the slice that is asked for: in the open series, from the worklist, or from where its files were."""

    def __init__(self, session: Session, library: Library, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._library, self._tasks = session, library, tasks
        self._wanted: Place | None = None
        session.learning.slice_requested.connect(self.go)

    def go(self, name: str) -> None:
        """Open the slice of this name, or say where it is missing."""
        self._tasks.ask(FAILED, lambda: find_place(self._library, name), self._found)

    def _found(self, place: Place | None) -> None:
        volume = self._session.volume
        if place is None:
            self._refuse("Its series is no longer in the library.")
        elif volume is not None and volume.series.key == place.key:
            self._land(volume, place)
        elif self._listed(place):
            self._ask_for(place)
        elif place.folders:
            self._wanted = place
            self._session.request_open(*place.folders)
        else:
            self._refuse(
                "Its files are no longer where they were. Open the folder or the disc that holds them."
            )

    def scanned(self) -> None:
        """Files were looked through. Whatever is opened then by itself, its series is to be opened after it."""
        QTimer.singleShot(0, self, self._look)

    def _look(self) -> None:
        if self._wanted is None:
            return
        if self._listed(self._wanted):
            self._ask_for(self._wanted)
        else:
            self._refuse("Its folder holds another series now.")

    def opened(self, volume: Volume) -> None:
        """A series was opened; if it is that one, go to the slice."""
        if self._wanted is not None and volume.series.key == self._wanted.key:
            self._land(volume, self._wanted)

    def _listed(self, place: Place) -> bool:
        return any(series.key == place.key for study in self._session.studies for series in study.series)

    def _ask_for(self, place: Place) -> None:
        self._wanted = place
        self._session.series_requested.emit(place.key[1])

    def _land(self, volume: Volume, place: Place) -> None:
        self._wanted = None
        index = place.index_in(volume)
        if index is None:
            self._refuse("The series no longer holds it.")
        else:
            self._session.set_slice_index(index)

    def _refuse(self, why: str) -> None:
        self._wanted = None
        self._session.notice("error", FAILED, why)
