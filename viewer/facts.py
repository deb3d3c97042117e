"""What the window knows, as values that do not change: the model's answer, what lies under the cursor, notices …"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from viewer.dicom.tags import TagRow


class Mode(StrEnum):
    """What keys and the left button mean."""

    READ = "read"
    ANNOTATE = "annotate"


class Tool(StrEnum):
    """What a left drag or click does in the active viewport."""

    SCROLL = "scroll"
    WINDOW = "window"
    ZOOM = "zoom"
    PAN = "pan"
    POLYGON = "polygon"
    LENGTH = "length"
    ANGLE = "angle"
    BIDIRECTIONAL = "bidirectional"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"
    POLYGON_ROI = "polygon region"
    FREEHAND = "freehand"
    PROBE = "probe"
    ABC2 = "abc2"
    MIDLINE = "midline"
    CROSSHAIR = "crosshair"


@dataclass(frozen=True)
class Notice:
    """Something to tell the user: what, where and what to do. `error` is red, `warning` yellow, `info` quiet.

    discreet: what is shown in the place of `text` while the patient is hidden; empty where `text` names nobody.
    """

    level: str
    title: str
    text: str
    discreet: str = ""


@dataclass(frozen=True)
class Findings:
    """The model's answer for one series, growing while it is scored.

    slice_scores: float32 (slices, 6) in `model.labels.SCORES` order, NaN where not scored yet.
    masks: uint8 (slices, rows, columns) on the source grid, 0 none, 1..5 subtype; shared and filled in place.
    study_scores: the six scores of the study, None until the whole series is scored.
    thresholds: score above which a subtype (or `any`) is called suspected on a slice; study_thresholds: in the study.
    """

    series_uid: str
    model_id: str
    slice_scores: npt.NDArray[np.float32]
    masks: npt.NDArray[np.uint8]
    scored: int
    total: int
    study_scores: dict[str, float] | None = None
    volume_ml: dict[str, float] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    cautions: tuple[str, ...] = ()
    not_run: str = ""
    study_thresholds: dict[str, float] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether the whole series is scored."""
        return self.study_scores is not None


@dataclass(frozen=True)
class Probe:
    """What lies under the cursor."""

    hu: int | None
    patient_mm: tuple[float, float, float] | None
    pixel: tuple[int, int]


@dataclass(frozen=True)
class Retraining:
    """A retraining as the window shows it. train_loss: a value a step. rows: numbers by name, one a validation, each
    with its `step`. comparison: (measure, incumbent, candidate), ready to show. `state` is one of `idle`, `preparing`,
    `running`, `paused`, `stopping`, `comparing`, `candidate`, `failed`."""

    state: str = "idle"
    text: str = ""
    progress: float = 0.0
    seconds_left: float | None = None
    train_loss: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()
    candidate_id: str = ""
    comparison: tuple[tuple[str, str, str], ...] = ()
    rows: tuple[dict[str, float], ...] = ()
    steps: int = 0
    verdict: str = ""


@dataclass(frozen=True)
class ModelEntry:
    """One version of the model, ready to list. `status` is `bundled`, `candidate` or `user`. name: its owner's."""

    id: str
    status: str
    created: str
    current: bool
    summary: str
    name: str = ""


@dataclass(frozen=True)
class TagList:
    """The header of the file behind one slice, or why it cannot be listed."""

    sop_uid: str = ""
    frame: int = 0
    rows: tuple[TagRow, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class CopyOrder:
    """How the open study is to be copied without its patient.

    out: new folder or `.zip`. retain: options of `pterion deidentify`. leave_out: leave out images with text in
    their pixels. blackout: paint over these rectangles in such images, (column, row, width, height) in pixels.
    With neither they stop everything.
    """

    out: Path
    retain: frozenset[str] = frozenset()
    leave_out: bool = False
    blackout: tuple[tuple[int, int, int, int], ...] = ()
