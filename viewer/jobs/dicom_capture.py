"""The model's answer on one page, as a picture and as a DICOM secondary capture (PS3.3 A.8.5) of the study.

Scores beside their operating points, volumes, and the slices that scored highest with what is suspected on them. The
page names no patient; the DICOM object belongs to its study and carries what the study does.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model.labels import ANY, BY_CODE, BY_VALUE, SCORES
from viewer import __version__
from viewer.jobs.answer import Answer
from viewer.jobs.dicom_out import RESEARCH, Sources, made, own_series, save, with_part

if TYPE_CHECKING:
    from pydicom import Dataset

RGB = npt.NDArray[np.uint8]
SIDE_PX = 1024
TILES = 6
_TILE_PX, _GAP, _LEFT, _TABLE_TOP, _TILES_TOP = 316, 14, 24, 96, 322
_BACK, _TEXT, _QUIET, _AMBER = "#0b0d10", "#e8eaee", "#9aa3b2", "#f2b84b"
_LOW_HU, _HIGH_HU = 0.0, 80.0
"""The brain window."""


def page(answer: Answer) -> RGB:
    """The page, uint8 (1024, 1024, 3)."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (SIDE_PX, SIDE_PX), _BACK)
    draw = ImageDraw.Draw(picture)
    verdict = "Bleed suspected" if answer.bleed_suspected else "No score reaches its operating point"
    _write(draw, (_LEFT, 20), verdict, 26, _AMBER if answer.bleed_suspected else _TEXT, bold=True)
    series = answer.volume.series
    what = f"{series.description or 'Series'} · {len(series.slices)} slices · model {answer.model_id}"
    _write(draw, (_LEFT, 58), _fitted(what, 110), 15, _QUIET)
    _table(draw, answer)
    for number, index in enumerate(tile_slices(answer)):
        row, column = divmod(number, 3)
        corner = (_LEFT + column * (_TILE_PX + _GAP), _TILES_TOP + row * (_TILE_PX + _GAP + 6))
        picture.paste(Image.fromarray(_tile(answer, index)), corner)
        _write(draw, (corner[0] + 8, corner[1] + 6), f"slice {index + 1}", 14, _AMBER)
    _write(draw, (_LEFT, SIDE_PX - 34), f"{RESEARCH}. Pterion {__version__}.", 15, _AMBER, bold=True)
    if answer.cautions:
        _write(
            draw, (_LEFT, _TILES_TOP - 30), _fitted("Caution: " + " ".join(answer.cautions), 125), 14, _AMBER
        )
    return np.asarray(picture)


def tile_slices(answer: Answer) -> tuple[int, ...]:
    """The slices that are shown, up to six: the highest scores, in the order of the stack."""
    column = np.nan_to_num(answer.slice_scores[:, 0], nan=-1.0)
    best = np.argsort(-column, kind="stable")[:TILES]
    return tuple(sorted(int(index) for index in best if column[index] >= 0))


def write_capture(path: Path, answer: Answer) -> "Dataset":
    """Write the page as a secondary capture, whole or not at all; the data set that was written.

    Raises PterionError where the source files lack what DICOM asks for, or the disk refuses.
    """
    from highdicom.sc import SCImage

    with made():
        source = Sources(answer.volume.series).header(0)
        dataset = SCImage.from_ref_dataset(
            ref_dataset=source,
            pixel_array=page(answer),
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            **own_series(5),
            patient_orientation=("L", "P"),
        )
        dataset.SeriesDescription = f"Summary. {RESEARCH}"
        dataset.ImageType = ["DERIVED", "SECONDARY"]
        dataset.BurnedInAnnotation = "NO"  # nothing on the page says who the patient is
        with_part(dataset, source)
    save(path, dataset)
    return dataset


def _table(draw: Any, answer: Answer) -> None:
    """A line a code: score, operating point, verdict, volume."""
    columns = (_LEFT + 26, 300, 410, 540, 740, 860)
    for x, head in zip(columns, ("", "Score", "Operating point", "", "Volume", "Mean HU"), strict=True):
        _write(draw, (x, _TABLE_TOP), head, 14, _QUIET)
    for row, code in enumerate(SCORES):
        y = _TABLE_TOP + 24 + row * 27
        suspected = answer.scores[code] >= answer.thresholds[code]
        ink = _TEXT if suspected else _QUIET
        if code in BY_CODE:
            draw.rounded_rectangle((_LEFT, y + 2, _LEFT + 16, y + 18), 4, fill=BY_CODE[code].colour)
        name = "any hemorrhage" if code == ANY else f"{code} {BY_CODE[code].name}"
        marked = code in answer.mean_hu
        volume = f"{answer.volume_ml[code]:.1f} mL" if marked and code in answer.volume_ml else "–"
        texts = (
            name,
            f"{answer.scores[code]:.2f}",
            f"{answer.thresholds[code]:.2f}",
            "suspected" if suspected else "below",
            volume,
            f"{answer.mean_hu[code]:.0f}" if marked else "–",
        )
        for x, text in zip(columns, texts, strict=True):
            _write(draw, (x, y), text, 16, ink, bold=suspected)


def _tile(answer: Answer, index: int) -> RGB:
    """A slice in the brain window with the outlines of what is suspected on it, uint8 (rows, columns, 3), to scale."""
    from PIL import Image

    hu = answer.volume.hu[index].astype(np.float32)
    grey = np.clip((hu - _LOW_HU) / (_HIGH_HU - _LOW_HU) * 255, 0, 255).astype(np.uint8)
    down_mm, right_mm = answer.volume.spacing_mm
    rows, columns = grey.shape
    scale = _TILE_PX / max(rows * down_mm, columns * right_mm)
    size = (max(round(columns * right_mm * scale), 1), max(round(rows * down_mm * scale), 1))
    shown = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))
    mask = np.asarray(Image.fromarray(answer.masks[index]).resize(size, Image.Resampling.NEAREST))
    coloured = np.repeat(shown[:, :, None], 3, axis=2)
    edge = _edges(mask)
    for value in (BY_CODE[code].value for code in answer.told):
        coloured[edge & (mask == value)] = BY_VALUE[int(value)].rgb
    tile = np.zeros((_TILE_PX, _TILE_PX, 3), np.uint8)
    top, left = (_TILE_PX - size[1]) // 2, (_TILE_PX - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = coloured
    return tile


def _edges(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Marked pixels beside one of another label."""
    padded = np.pad(mask, 1)
    beside = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    differs = np.logical_or.reduce([other != mask for other in beside])
    return np.asarray((mask != 0) & differs)


def _fitted(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}…"


def _write(
    draw: Any, place: tuple[int, int], text: str, pixels: int, colour: str, *, bold: bool = False
) -> None:
    from PIL import ImageFont

    from viewer.resources import assets_dir

    face = "Inter-SemiBold.otf" if bold else "Inter-Regular.otf"
    draw.text(place, text, fill=colour, font=ImageFont.truetype(str(assets_dir() / "fonts" / face), pixels))
