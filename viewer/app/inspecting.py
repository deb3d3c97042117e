"""The tags of the slice on screen: read off the GUI thread, shown if the slice is still there."""

from PySide6.QtCore import QObject

from model.errors import PterionError
from viewer.app.tasks import Tasks
from viewer.dicom.series import SliceHeader
from viewer.dicom.tags import TagRow, read_tags
from viewer.session import Session, TagList


class Inspecting(QObject):
    """Answers `session.tags_requested`."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._tasks = Tasks(session, self)
        self._wanted: SliceHeader | None = None
        session.tags_requested.connect(self.read)

    def read(self, index: int) -> None:
        """Read the header of the file behind a slice of the open series."""
        volume = self._session.volume
        if volume is None:
            return
        place = self._wanted = volume.series.slices[index]

        def show(rows: tuple[TagRow, ...]) -> None:
            self._show(place, TagList(place.sop_uid, place.frame, rows))

        def say(error: PterionError) -> None:
            self._show(place, TagList(place.sop_uid, place.frame, error=str(error)))

        self._tasks.ask("", lambda: read_tags(place.path, place.frame), show, say)

    def shutdown(self) -> None:
        """End the thread."""
        self._tasks.shutdown()

    def _show(self, place: SliceHeader, tags: TagList) -> None:
        if place is self._wanted:
            self._session.set_tags(tags)
