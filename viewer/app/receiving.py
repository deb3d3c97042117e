"""Other systems' segmentations and reports in the open study: read in a thread, shown as overlay and list."""

import colorsys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject

from model.errors import PterionError
from viewer.app.tasks import Tasks
from viewer.dicom.overlaid import OverlaidSegment, overlay
from viewer.dicom.report import Report, read_report
from viewer.dicom.segmentation import read_segmentation
from viewer.dicom.volume import Volume
from viewer.receiving import ReceivedSegment, ReceivedSegmentation
from viewer.session import Session

MOST_SEGMENTS = 255


class Receiving(QObject):
    """Answers what is asked of `session.receiving`."""

    def __init__(self, session: Session, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._tasks = session, tasks
        session.receiving.requested.connect(self.receive)
        session.volume_changed.connect(lambda _: session.receiving.set_overlay(None))

    def receive(self, series_uid: str) -> None:
        """Show what a series of the open study holds: a segmentation on the open series, or a report."""
        study = self._session.study
        series = next((s for s in study.series if s.series_uid == series_uid), None) if study else None
        if series is None or not series.slices:
            return
        path = series.slices[0].path
        title = series.description or f"Series {series.number or ''}".strip()
        if series.modality == "SEG":
            self._segmentation(path, title)
        else:
            self._tasks.ask(
                "The report could not be read",
                lambda: _report(path),
                self._session.receiving.reported.emit,
                self._failed,
            )

    def _segmentation(self, path: Path, title: str) -> None:
        volume = self._session.volume
        if volume is None:
            self._session.notice(
                "info", "Nothing to lay it on", "Open the series that it was drawn on first."
            )
            return

        def show(found: ReceivedSegmentation) -> None:
            if self._session.volume is volume:
                self._session.receiving.set_overlay(found)
                if found.astray:
                    text = (
                        f"{found.astray} of its masks lie on no slice of the open series and are not shown."
                    )
                    self._session.notice("warning", "A part of the segmentation lies elsewhere", text)

        self._tasks.ask("", lambda: received(path, title, volume), show, self._failed)

    def _failed(self, error: PterionError) -> None:
        discreet = "What is wrong names a file, which may name the patient. Show the patient to read it."
        self._session.notice("error", "It could not be read", str(error), discreet)


def received(path: Path, title: str, volume: Volume) -> ReceivedSegmentation:
    """A segmentation on a volume. Raises PterionError where it cannot be read, or lies elsewhere."""
    laid = overlay(read_segmentation(path), volume.series)
    parts = [part for part in laid.segments if part.masks]
    if len(parts) > MOST_SEGMENTS:
        raise PterionError(
            f"{path.name} marks {len(parts)} segments on this series, more than the {MOST_SEGMENTS} that can be shown."
        )
    if not parts:
        raise PterionError(f"{path.name} marks nothing on this series.")
    labels = np.zeros(volume.hu.shape, np.uint8)
    overlapping = False
    for value, part in enumerate(parts, start=1):
        for index, mask in part.masks.items():
            overlapping = overlapping or bool(labels[index][mask].any())
            labels[index][mask] = value
    segments = tuple(_described(part, value, volume) for value, part in enumerate(parts, start=1))
    return ReceivedSegmentation(f"{title} · {laid.kind.lower()}", labels, segments, overlapping, laid.astray)


def _described(part: OverlaidSegment, value: int, volume: Volume) -> ReceivedSegment:
    weights = volume.thickness_weights_mm()
    known = weights.any() and volume.series.slices[0].spacing_mm is not None
    pixel_mm2 = volume.spacing_mm[0] * volume.spacing_mm[1]
    ml = sum(float(mask.sum() * weights[index]) for index, mask in part.masks.items()) * pixel_mm2 / 1000
    kind, name = part.segment.algorithm
    algorithm = " · ".join(word for word in (kind.lower(), name) if word)
    rgb = part.segment.rgb or _colour(value)
    ends = (min(part.masks), max(part.masks))
    return ReceivedSegment(value, part.name, rgb, ends, ml if known else None, algorithm)


def _colour(value: int) -> tuple[int, int, int]:
    """A colour for a segment without one: hues apart by the golden ratio, so that neighbours differ."""
    red, green, blue = colorsys.hsv_to_rgb(value * 0.618 % 1, 0.65, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


def _report(path: Path) -> Report:
    report = read_report(path)
    return replace(report, title=report.title or "Report")
