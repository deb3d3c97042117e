"""Which series of a study the model should score, and what to warn of."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from viewer.dicom.series import Problem, Series, Study
from viewer.dicom.volume import Volume

PREFERRED_GAP_MM = 5.0
THIN_MM, THICK_MM = 2.0, 7.0
TILT_MAX_DEG = 30.0
CHILD_HEAD_MM = 125.0
"""Outer width of the skull below which a head is no adult's (the model has seen few of those)."""
MEASURED_SLICES = 40
UNUSUAL_SHARE = 0.33
"""Share of slices unlike the training data from which on the reader is told."""

_CONTRAST = re.compile(
    r"C\+|\+C\b|\bCE\b|CONTRAST|\bPOST\b|ANGIO|\bCTA\b|\bCTV\b|PERFUSION|VENOUS|ARTERIAL|\bKM\b"
)
_NO_AGENT = re.compile(
    r"[^A-Z]*|NO|N|NONE|NIL|NULL|FALSE|OFF|UNKNOWN|N/A|(NO|NOT|W/?O|WITHOUT|NON)\b.*|(ORAL|RECTAL)[^A-Z]*(ONLY)?"
)
"""What scanners write where nothing was injected."""
_NO_CONTRAST = re.compile(r"\b(W/?O|WITHOUT|NON|NO|OHNE|SANS|NATIV\w*|UN)\b|NON-?CON|UNENHANCED|C-")

_FEW_SLICES = 5
_DERIVED = frozenset(
    {"DERIVED", "SECONDARY", "MPR", "MIP", "PROJECTION IMAGE", "MINIP", "REFORMATTED", "VOLUME"}
)
_HEAD = ("HEAD", "BRAIN", "SKULL")
_SHARP_NAMES = ("BONE", "EDGE", "LUNG", "DETAIL", "SHARP", "ULTRA", "INNER EAR")
_SOFT_NAMES = ("SOFT", "STANDARD", "STND", "BRAIN", "SMOOTH", "HEAD")
_PASSED_ON = (
    Problem.SPACING_ESTIMATED,
    Problem.NO_SPACING,
    Problem.NO_POSITION,
    Problem.GANTRY_TILT,
    Problem.UNEVEN_SPACING,
    Problem.MISSING_SLICES,
    Problem.DUPLICATE_POSITIONS,
    Problem.MIXED_ORIENTATIONS,
    Problem.MIXED_SIZES,
    Problem.MIXED_KERNELS,
    Problem.SINGLE_SLICE,
    Problem.LOSSY_SOURCE,
    Problem.UNREADABLE_FILES,
)
"""Problems of the series that a reader of its scores and volumes must know of."""


@dataclass(frozen=True)
class Caution:
    """A reason to trust scores or volumes less. `code` is one of `Problem`."""

    code: str
    text: str


def sharpness(series: Series) -> int:
    """0 for a soft kernel, 1 for one that is not known, 2 for a bone or lung kernel.

    By the vendors' names: Siemens H30s or Hr64 and Canon FC21 count up with sharpness, GE and Philips use words and
    letters.
    """
    kernel = series.kernel.upper().split("\\")[0].strip()
    if any(name in kernel for name in _SHARP_NAMES) or re.fullmatch(r"Y[A-E]|[DEL]", kernel):
        return 2
    if any(name in kernel for name in _SOFT_NAMES) or re.fullmatch(r"U[ABC]|[ABC]", kernel):
        return 0
    canon = re.match(r"FC(\d+)", kernel)
    if canon:
        return 0 if int(canon[1]) < 30 or 40 <= int(canon[1]) < 50 or 60 <= int(canon[1]) < 70 else 2
    siemens = re.match(r"[A-Z]{1,2}(\d{2})", kernel)
    if siemens:
        return 0 if int(siemens[1]) < 50 else 2
    return 2 if re.search(r"\b(BONE|LUNG)\b", series.description.upper()) else 1


def slice_distance_mm(series: Series) -> float | None:
    """Median distance between slices; where positions are unknown the thickness, None where that is too."""
    return float(np.median(series.gaps_mm)) if series.gaps_mm else series.thickness_mm


def is_axial(series: Series) -> bool:
    """Whether the slice normal points rather up than sideways; unknown orientations count as axial."""
    orientation = series.slices[0].orientation
    if orientation is None:
        return True
    normal = np.cross(orientation[:3], orientation[3:])
    return bool(abs(normal[2]) >= max(abs(normal[0]), abs(normal[1])))


def why_not(series: Series) -> str:
    """Why the model cannot score this series, empty where it can."""
    name = f"The series “{series.description or series.number or 'without a name'}”"
    if series.modality != "CT":
        return f"{name} is {series.modality or 'of unknown modality'}; the model reads CT."
    if not series.showable:
        return f"{name} cannot be read: {' '.join(note.text for note in series.notes) or 'it has no pixels.'}"
    if any(note.problem is Problem.LOCALIZER for note in series.notes):
        return f"{name} is a localizer; the model reads axial slices."
    for note in series.notes:
        if note.problem is Problem.AI_NOT_RUN:
            return f"{name} cannot be scored: {note.text}"
    if not is_axial(series):
        return f"{name} is not axial; the model reads axial slices."
    return ""


def choose_series(study: Study) -> Series:
    """The series to score: original, axial, soft kernel, slices nearest 5 mm, then most slices.

    Raises PterionError (AI_NOT_RUN) that says why none can be.
    """
    reasons = [(series, why_not(series)) for series in study.series]
    able = [series for series, reason in reasons if not reason]
    if not able:
        because = " ".join(dict.fromkeys(reason for _, reason in reasons)) or "It holds no series."
        raise PterionError(
            f"This study has no series that the model can score. {because} Open a study with an axial head CT.",
            code=Problem.AI_NOT_RUN,
        )
    return min(able, key=_rank)


def _rank(series: Series) -> tuple[bool, bool, bool, int, float, int, str]:
    distance = slice_distance_mm(series)
    off = abs(distance - PREFERRED_GAP_MM) if distance else PREFERRED_GAP_MM
    derived = not series.original or not _DERIVED.isdisjoint(part.upper() for part in series.image_type)
    elsewhere = bool(series.body_part) and not any(part in series.body_part.upper() for part in _HEAD)
    return (
        elsewhere,
        len(series.slices) < _FEW_SLICES,
        derived,
        sharpness(series),
        round(off, 1),
        -len(series.slices),
        series.series_uid,
    )


def cautions(
    volume: Volume,
    head_width_mm: float | None,
    *,
    spacing_estimated: bool = False,
    novelty: npt.NDArray[np.float32] | None = None,
) -> tuple[Caution, ...]:
    """What to warn of beside the scores of `volume`: problems of the series, then AI_CAUTION with its reason.

    novelty: (slices,), how unlike the training data each slice looks to the model, 1 at the limit; None where the model
    cannot tell.
    """
    series = volume.series
    found = [Caution(note.problem, note.text) for note in series.notes if note.problem in _PASSED_ON]
    if spacing_estimated:
        found.append(
            Caution(
                Problem.SPACING_ESTIMATED,
                "The files do not say how large a pixel is. It was guessed from the width of the skull, taken for an "
                "adult's: lengths, areas and volumes are estimates.",
            )
        )
    found += [Caution(Problem.AI_CAUTION, text) for text in _model_cautions(volume, head_width_mm)]
    unusual = _unusual(novelty)
    found += [Caution(Problem.AI_CAUTION, unusual)] if unusual else []
    return tuple(dict.fromkeys(found))


def _model_cautions(volume: Volume, head_width_mm: float | None) -> list[str]:
    """Sentences about input unlike that the model was trained on."""
    series, distance = volume.series, slice_distance_mm(volume.series)
    texts = {
        "One slice alone was scored; the model is used to whole heads.": len(series.slices) == 1,
        f"The gantry is tilted by {series.tilt_deg:.1f}°, more than the model was trained on.": series.tilt_deg
        > TILT_MAX_DEG,
        f"The kernel {series.kernel} is a sharp one; the model was trained on soft kernels.": sharpness(
            series
        )
        == 2,
        f"Slices are {distance or 0:.1f} mm apart; the model was trained on about 5 mm.": distance is not None
        and not THIN_MM <= distance <= THICK_MM,
        f"The skull is {head_width_mm or 0:.0f} mm wide, that of a child; the model has seen few.": head_width_mm
        is not None
        and head_width_mm < CHILD_HEAD_MM,
        "No skull was found; this may not be a head.": head_width_mm is None,
        f"{contrast_of(series)}; the model was trained without, and takes bright vessels for blood.": bool(
            contrast_of(series)
        ),
        f"{int(volume.failed.sum())} of {len(volume.failed)} slices could not be read and were not scored.": bool(
            volume.failed.any()
        ),
    }
    return [text for text, holds in texts.items() if holds]


def _unusual(novelty: npt.NDArray[np.float32] | None) -> str:
    """A sentence where many slices look unlike the training data, or a few very much; else empty."""
    if novelty is None or not np.isfinite(novelty).any():
        return ""
    known = novelty[np.isfinite(novelty)]
    beyond = np.flatnonzero(novelty > 1)
    if len(beyond) < max(2, UNUSUAL_SHARE * len(known)):
        return ""
    first, last = int(beyond[0]) + 1, int(beyond[-1]) + 1
    slices = (
        "The slice looks"
        if len(known) == 1
        else f"{len(beyond)} of {len(known)} slices ({first} to {last}) look"
    )
    return f"{slices} unlike what the model was trained on; its scores there may be wrong."


def contrast_of(series: Series) -> str:
    """What says that contrast was given to see vessels by, the header or the description; empty where nothing does."""
    agent = series.contrast.upper()
    if agent and not _NO_AGENT.fullmatch(agent):
        return "The header names a contrast agent"
    description = series.description.upper()
    if _CONTRAST.search(description) and not _NO_CONTRAST.search(description):
        return "The description speaks of contrast"
    return ""


def sampled_slices(volume: Volume) -> npt.NDArray[np.int16]:
    """Some 40 readable slices (slices, rows, columns), evenly spread: enough to measure a skull on."""
    readable = np.flatnonzero(~volume.failed)
    return volume.hu[readable[:: max(len(readable) // MEASURED_SLICES, 1)]]


def skull_width_mm(hu: npt.NDArray[np.int16], spacing_mm: tuple[float, float]) -> float | None:
    """Outer width of the skull over all slices (slices, rows, columns), or None where none is found."""
    from model.preprocess import ADULT_SKULL_MM, estimate_spacing_mm

    try:
        return ADULT_SKULL_MM * spacing_mm[1] / estimate_spacing_mm(hu)
    except PterionError:
        return None
