"""Everything about annotations beside drawing and keeping them: work, exchange, other windows."""

from PySide6.QtCore import QObject

from viewer.app.exchanging import Exchanging
from viewer.app.keeping import Keeping
from viewer.app.noticing import Noticing
from viewer.app.tasks import Tasks
from viewer.app.working import Working
from viewer.dicom.volume import Volume
from viewer.session import Session
from viewer.ui.desk import AnnotationDesk


class Annotating(QObject):
    """The parts, as one. `tasks` are finished before the program ends, `chores` may be dropped."""

    def __init__(
        self,
        session: Session,
        keeping: Keeping,
        desk: AnnotationDesk,
        tasks: Tasks,
        chores: Tasks,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.working = Working(session, keeping, desk, tasks, self)
        self.exchanging = Exchanging(session, keeping, desk, chores, self)
        self.noticing = Noticing(session, keeping, desk, chores, self)

    def begin(self) -> None:
        """Learn who reads, and look at what others do."""
        self.working.begin()
        self.noticing.begin()

    def opening(self, volume: Volume) -> None:
        """A series opens: choose its reading, before its annotations are read."""
        self.working.opening(volume)

    def shutdown(self) -> None:
        """Book the time that was spent; a library on its way to a folder leaves nothing there."""
        self.exchanging.shutdown()
        self.noticing.shutdown()
        self.working.shutdown()
