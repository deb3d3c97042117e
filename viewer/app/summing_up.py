"""The summary page of the open series: gathered from the session, and printed as a PDF of one page."""

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QSize, QSizeF
from PySide6.QtGui import QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument

from model.labels import ANY, CODES
from viewer.dicom.files import whole_file
from viewer.imaging.windows import Window
from viewer.jobs.summary import KEY_IMAGES_MAX, KeyImage, Score, Summary, html
from viewer.measures import text
from viewer.measures.mark import Mark, MarkKind
from viewer.measures.readings import Readings
from viewer.session import Session
from viewer.ui import regions
from viewer.ui.captions import RESEARCH
from viewer.ui.marking import marked_slices
from viewer.ui.measured import readings_of, series_name
from viewer.ui.picturing import Studio
from viewer.ui.study_text import caption, details, person

PICTURE_PX = 420
PAGE_MM, MARGIN_MM = (210.0, 297.0), 14.0
_PX_PER_MM = 96 / 25.4
_SIZES = ((12.0, 205), (11.0, 190), (10.0, 170), (9.0, 150), (8.0, 120), (7.0, 90), (6.0, 70))
"""Text and key images (px), the largest that fit are taken."""


def summary_of(session: Session, *, patient: bool) -> Summary:
    """What the page of the open series says; `patient`: who and when, too. A series must be open."""
    volume, study = session.volume, session.study
    assert volume is not None
    found = readings_of(session, Readings())
    measures = tuple(
        (
            " ".join((text.NAMES[r.measure.kind], f"“{r.measure.label}”" if r.measure.label else "")).strip(),
            text.result_text(r),
            text.place_text(r)
            if shown is volume
            else f"{series_name(session, shown, dated=patient)}, {text.place_text(r)}",
            " ".join(r.cautions),
        )
        for shown, readings in found
        for r in readings
    )
    who: tuple[str, ...] = ()
    if patient and study is not None:
        who = tuple(line for line in (person(study), study.patient_id, details(study)) if line)
    findings = session.findings
    scored = findings is not None and findings.done
    return Summary(
        who=who,
        series=f"Series {caption(volume.series)}".rstrip(),
        made=f"made {datetime.now().astimezone():%Y-%m-%d %H:%M}",
        measures=measures,
        scores=_scores(session) if scored else (),
        any_score=findings.study_scores[ANY] if findings is not None and findings.study_scores else None,
        model_id=findings.model_id if findings is not None and scored else "",
        not_scored=findings.not_run if findings is not None else "",
        cautions=findings.cautions if findings is not None else (),
        key_images=_key_images(session),
        more_key_images=max(_marked(session) - KEY_IMAGES_MAX, 0),
    )


def _scores(session: Session) -> tuple[Score, ...]:
    findings = session.findings
    assert findings is not None
    scores = regions.study_scores(findings)
    return tuple(
        Score(code, scores[code], regions.study_threshold(findings, code), findings.volume_ml.get(code))
        for code in CODES
    )


def _key_images(session: Session) -> tuple[KeyImage, ...]:
    """The key images through the windows they were marked in; the patient's name is on the page, not on them."""
    marked = [(i, mark) for i, mark in marked_slices(session) if mark.kind is MarkKind.KEY_IMAGE]
    if not marked or session.volume is None:
        return ()
    number = next((n for n in range(len(session.panes)) if session.panes.shows_open(n)), session.active_view)
    studio = Studio(session, number, QSize(PICTURE_PX, PICTURE_PX), patient=False)
    try:
        return tuple(_key_image(studio, session, index, mark) for index, mark in marked[:KEY_IMAGES_MAX])
    finally:
        studio.close()


def _marked(session: Session) -> int:
    """How many key images there are."""
    return sum(mark.kind is MarkKind.KEY_IMAGE for _, mark in marked_slices(session))


def _key_image(studio: Studio, session: Session, index: int, mark: Mark) -> KeyImage:
    studio.go_to_slice(index)
    if mark.window is not None:
        studio.set_window(Window("", *mark.window))
    assert session.volume is not None
    z_mm = session.volume.series.z_mm
    place = f" · z {z_mm[index]:+.1f} mm".replace("-", "\N{MINUS SIGN}") if index < len(z_mm) else ""
    words = f"Image {index + 1}{place}" + (f" · {mark.note}" if mark.note else "")
    return KeyImage(studio.pixels(), words)


def write_pdf(path: Path, summary: Summary) -> None:
    """Print the page on one A4 sheet, smaller where it would not fit.

    Raises PterionError where it cannot be written.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle("Summary of measures")
    writer.setCreator(f"Pterion. {RESEARCH}")
    margins = QMarginsF(MARGIN_MM, MARGIN_MM, MARGIN_MM, MARGIN_MM)
    page = QPageSize(QPageSize.PageSizeId.A4)
    writer.setPageLayout(
        QPageLayout(page, QPageLayout.Orientation.Portrait, margins, QPageLayout.Unit.Millimeter)
    )
    document = _fitting(summary)
    painter = QPainter(writer)
    scale = writer.logicalDpiX() / 96
    painter.scale(scale, scale)
    document.drawContents(painter)
    painter.end()
    buffer.close()
    data: QByteArray = buffer.data()
    with whole_file(path) as file:
        file.write(data.data())


def _fitting(summary: Summary) -> QTextDocument:
    """The page laid out, as large as it fits on one sheet."""
    width, height = ((side - 2 * MARGIN_MM) * _PX_PER_MM for side in PAGE_MM)
    document = QTextDocument()
    for text_px, image_px in _SIZES:
        document = QTextDocument()
        document.setDocumentMargin(0)
        document.setHtml(html(summary, text_px=text_px, image_px=image_px))
        document.setTextWidth(width)
        if document.size().height() <= height:
            break
    document.setPageSize(QSizeF(width, max(height, document.size().height())))
    return document
