"""Jobs of the model: scoring while a series loads, and the training child's words."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from model.predict import Predictor
from viewer.dicom.volume import Volume
from viewer.jobs import retrain
from viewer.jobs.infer import Inference, StudyAnswer
from viewer.jobs.qt import Job


class InferJob(Job):
    """Scores a volume while it loads. Feed it with `look_at` and `slices_arrived`."""

    interval_ms = 60  # each batch paints the views, the strip and the findings anew
    slices_scored = Signal(object)  # tuple[SliceResult, ...]
    scored = Signal(object)  # StudyAnswer

    def __init__(
        self,
        volume: Volume,
        load_predictor: Callable[[], Predictor],
        on_screen: int = 0,
        parent: QObject | None = None,
        head_start_s: float = 0.0,
    ) -> None:
        """As `Inference` has it; on_screen: the slice that the reader sees."""
        super().__init__(parent)
        self._inference = Inference(volume, load_predictor, head_start_s)
        self._inference.look_at(on_screen)
        self.look_at = self._inference.look_at
        self.slices_arrived = self._inference.slices_arrived

    def cancel(self) -> None:
        """Stop within one slice."""
        super().cancel()
        self._inference.cancel()

    def _work(self) -> None:
        self._relay.put(self._inference.run(self._relay.put))

    def _deliver(self, values: tuple[Any, ...]) -> None:
        slices = tuple(value for value in values if not isinstance(value, StudyAnswer))
        if slices:
            self.slices_scored.emit(slices)
        for value in values:
            if isinstance(value, StudyAnswer):
                self.scored.emit(value)


class RetrainJob(Job):
    """Starts a training child, or finds the one that runs, and tells what it reports.

    Cancelling the job leaves the child alone (it outlives the window); `stop_training` asks the child to end.
    """

    started = Signal(object)  # Path of the run's folder
    events = Signal(object)  # tuple[dict, ...], as `model.retrain` wrote them

    def __init__(self, make_run: Callable[[Callable[[], bool]], Path], parent: QObject | None = None) -> None:
        """`make_run(cancelled)` returns the folder of a run that was launched; it works in the job's thread."""
        super().__init__(parent)
        self._make_run = make_run
        self._folder: Path | None = None
        self._stop_wanted = threading.Event()

    def stop_training(self) -> None:
        """Ask the child to end and to keep the best so far. Works before the child runs, too."""
        self._stop_wanted.set()
        if self._folder is not None:
            retrain.stop(self._folder)

    def _work(self) -> None:
        folder = self._make_run(lambda: self._stop.is_set() or self._stop_wanted.is_set())
        self._folder = folder
        if self._stop_wanted.is_set():
            retrain.stop(folder)
        self._relay.put(("folder", folder))
        tail = retrain.Tail(folder)
        while not tail.ended:
            for event in tail.poll():
                self._relay.put(("event", event))
            if self._stop.wait(retrain.POLL_S):
                return

    def _deliver(self, values: tuple[Any, ...]) -> None:
        for kind, value in values:
            if kind == "folder":
                self.started.emit(value)
        found = tuple(value for kind, value in values if kind == "event")
        if found:
            self.events.emit(found)
