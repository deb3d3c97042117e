"""Answers what a reader asks to be exported: pictures are painted here, one a turn of the event loop; encoded, and
written whole or not at all, in a thread."""

from collections.abc import Callable
from contextlib import ExitStack

from PySide6.QtCore import QObject, QSize
from PySide6.QtGui import QGuiApplication

from model.errors import PterionError
from viewer.app.summing_up import summary_of, write_pdf
from viewer.app.tasks import Tasks
from viewer.dicom.series import Problem
from viewer.exporting import ExportKind, ExportOrder
from viewer.jobs import export_view
from viewer.session import Session
from viewer.ui.picturing import Studio

GIF_DELAY_MS = 100
GIF_SIDE_PX = 640
BURNED_IN = " The image itself may carry burned-in text."
STILL_READING = "The series is still being read. Wait until it is loaded, then export it."


class Exporting(QObject):
    """Exports of one window, one at a time. `view_size`: size of a viewport, by its number."""

    def __init__(self, session: Session, view_size: Callable[[int], QSize], parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._view_size = view_size
        self._tasks = Tasks(session, self)
        self._studio: Studio | None = None
        self._stopped = False
        session.exports.requested.connect(self.export)
        session.exports.cancel_requested.connect(self._stop)

    def export(self, order: ExportOrder) -> None:
        """Make what is asked, if a series is open and no other export runs."""
        session = self._session
        if session.volume is None:
            session.notice("info", "Nothing to export", "Open a series first.")
            return
        if session.exports.progress:
            session.notice("info", "Still exporting", "Wait until the export before is done, or cancel it.")
            return
        self._stopped = False
        makers: dict[ExportKind, Callable[[ExportOrder], None]] = {
            ExportKind.VIEW_PNG: self._view,
            ExportKind.CLIPBOARD: self._clipboard,
            ExportKind.SERIES_PNG: self._series,
            ExportKind.SERIES_GIF: self._series,
            ExportKind.SUMMARY_HTML: self._summary,
            ExportKind.SUMMARY_PDF: self._summary,
        }
        rest = self._findings if order.kind.of_findings else self._dicom
        makers.get(order.kind, rest)(order)

    # pictures

    def _new_studio(self, order: ExportOrder, size: QSize | None = None) -> Studio:
        number = self._session.active_view
        return Studio(self._session, number, size or self._view_size(number), patient=order.patient)

    def _view(self, order: ExportOrder) -> None:
        assert order.out is not None
        studio, path = self._new_studio(order), order.out
        picture = studio.pixels(2.0)
        studio.close()
        self._write(order, lambda: export_view.write_png(path, picture))

    def _clipboard(self, order: ExportOrder) -> None:
        studio = self._new_studio(order)
        QGuiApplication.clipboard().setImage(studio.image(2.0))
        studio.close()
        self._session.notice("info", "Copied", f"The view is on the clipboard. {self._privacy(order)}")

    def _series(self, order: ExportOrder) -> None:
        """Paint slice after slice; each next one when the one before is encoded, so that memory stays bounded."""
        volume = self._session.panes.volume(self._session.active_view)
        if volume is None or not (volume.loaded | volume.failed).all():
            self._session.notice("info", "Not exported yet", STILL_READING)
            return
        size = QSize(GIF_SIDE_PX, GIF_SIDE_PX) if order.kind is ExportKind.SERIES_GIF else None
        self._studio = self._new_studio(order, size)
        self._session.exports.set_progress("Exporting…")
        sink = _Gif(order) if order.kind is ExportKind.SERIES_GIF else _Folder(order)
        self._tasks.ask("", sink.begin, lambda _: self._next(order, sink, 0), self._failed)

    def _next(self, order: ExportOrder, sink: "_Sink", stop: int) -> None:
        studio = self._studio
        if studio is None or self._stopped:
            self._tasks.ask("", sink.give_up, self._ended, self._failed)
            return
        if stop == studio.count:
            self._tasks.ask("", sink.end, lambda _: self._told(order, stop), self._failed)
            return
        studio.go_to(stop)
        picture = studio.pixels()
        self._session.exports.set_progress(f"Exporting {stop + 1} of {studio.count}")

        def failed(error: PterionError) -> None:
            self._tasks.ask("", sink.give_up)
            self._failed(error)

        self._tasks.ask(
            "", lambda: sink.add(stop, picture), lambda _: self._next(order, sink, stop + 1), failed
        )

    # summary and DICOM

    def _summary(self, order: ExportOrder) -> None:
        from viewer.jobs.summary import html, write_html

        assert order.out is not None
        path, summary = order.out, summary_of(self._session, patient=order.patient)
        if order.kind is ExportKind.SUMMARY_HTML:
            self._write(order, lambda: write_html(path, html(summary)))
        else:
            self._write(order, lambda: write_pdf(path, summary))

    def _dicom(self, order: ExportOrder) -> None:
        from viewer.jobs import dicom_out

        assert order.out is not None
        session, path = self._session, order.out
        volume, document = session.volume, session.document
        assert volume is not None
        makers = {
            ExportKind.KEY_OBJECTS: lambda: dicom_out.write_key_objects(path, volume, document),
            ExportKind.PRESENTATION: lambda: dicom_out.write_presentation(
                path, volume, document, session.windows[session.active_view], session.view
            ),
            ExportKind.MEASURES_SR: lambda: dicom_out.write_measures(path, volume, document),
        }
        self._write(order, makers[order.kind])

    def _findings(self, order: ExportOrder) -> None:
        """What the model said, as a snapshot: a later answer changes nothing of what is being written."""
        from viewer.jobs import findings_out
        from viewer.jobs.answer import Answer

        assert order.out is not None
        path, volume, findings = order.out, self._session.volume, self._session.findings
        if volume is None or findings is None or findings.study_scores is None:
            text = findings.not_run if findings is not None else ""
            self._session.notice("info", "No findings to export", text or "The series is not scored yet.")
            return
        scores, thresholds = findings.study_scores, findings.thresholds | findings.study_thresholds
        writers = {
            ExportKind.FINDINGS_SEG: findings_out.write_seg,
            ExportKind.FINDINGS_SR: findings_out.write_sr,
            ExportKind.FINDINGS_SC: findings_out.write_sc,
            ExportKind.FINDINGS_NRRD: findings_out.write_nrrd,
            ExportKind.FINDINGS_NIFTI: findings_out.write_nifti,
        }
        write = writers[order.kind]

        def work() -> None:
            answer = Answer(
                volume,
                findings.model_id,
                findings.masks,
                scores,
                thresholds,
                findings.slice_scores,
                findings.volume_ml,
                findings.cautions,
            )
            write(path, answer)

        self._write(order, work)

    # within

    def _write(self, order: ExportOrder, task: Callable[[], None]) -> None:
        self._session.exports.set_progress("Exporting…")
        self._tasks.ask("", task, lambda _: self._told(order), self._failed)

    def _told(self, order: ExportOrder, count: int = 0) -> None:
        self._ended()
        assert order.out is not None
        what = f"{count} images are in “{order.out.name}”." if count else f"“{order.out.name}” is written."
        discreet = (
            f"{count} images are written." if count else "The file is written."
        )  # its name may name someone
        privacy = self._privacy(order)
        self._session.notice("info", "Exported", f"{what} {privacy}", f"{discreet} {privacy}")

    def _privacy(self, order: ExportOrder) -> str:
        """What of the patient is in it, and the research notice."""
        volume = self._session.volume
        named = order.patient or order.kind.is_dicom
        text = "It names the patient." if named else "It does not name the patient."
        burned = volume is not None and Problem.BURNED_IN_TEXT in volume.series.problems
        return f"{text}{BURNED_IN if burned and not order.kind.is_dicom else ''} Research use only."

    def _failed(self, error: PterionError) -> None:
        self._ended()
        self._session.notice("error", "Not exported", str(error))

    def _ended(self, _: object = None) -> None:
        if self._studio is not None:
            self._studio.close()
            self._studio = None
        self._session.exports.set_progress("")

    def _stop(self) -> None:
        self._stopped = True

    def shutdown(self) -> None:
        """Stop; what is not finished leaves nothing behind."""
        self._stopped = True
        self._tasks.shutdown()


class _Sink:
    """Where the pictures of a series go. Its methods run in the thread, in order."""

    def __init__(self, order: ExportOrder) -> None:
        assert order.out is not None
        self.out = order.out

    def begin(self) -> None:
        """Before the first picture."""

    def add(self, number: int, picture: export_view.RGB) -> None:
        """One picture more, counted from 0."""
        raise NotImplementedError

    def end(self) -> None:
        """After the last picture: make it whole."""

    def give_up(self) -> None:
        """Leave nothing behind."""


class _Folder(_Sink):
    def __init__(self, order: ExportOrder) -> None:
        super().__init__(order)
        self._stack = ExitStack()
        self._work = self.out

    def begin(self) -> None:
        self._work = self._stack.enter_context(export_view.png_folder(self.out))

    def add(self, number: int, picture: export_view.RGB) -> None:
        export_view.write_png(self._work / export_view.png_name(number + 1), picture)

    def end(self) -> None:
        self._stack.close()

    def give_up(self) -> None:
        try:
            self._stack.__exit__(_GivenUp, _GivenUp(), None)
        except _GivenUp:
            pass


class _GivenUp(Exception):
    """The export was cancelled, or a picture failed."""


class _Gif(_Sink):
    def __init__(self, order: ExportOrder) -> None:
        super().__init__(order)
        self._frames: list[export_view.Palette] = []

    def add(self, _number: int, picture: export_view.RGB) -> None:
        self._frames.append(export_view.for_gif(picture))

    def end(self) -> None:
        export_view.write_gif(self.out, self._frames, GIF_DELAY_MS)

    def give_up(self) -> None:
        self._frames.clear()
