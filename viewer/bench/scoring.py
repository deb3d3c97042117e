"""The numbers of scoring without a window, and of what leaves the program."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from model.errors import PterionError
from viewer.bench.rows import Promise

Answer = dict[str, float]
STUDIES, WORKERS = 12, 2

PROMISES = (
    Promise(
        "E.studies_a_minute",
        "studies a minute",
        30,
        "studies of 40 slices scored by two processes, from their start to the end of the last of 12",
        least=True,
    ),
    Promise(
        "E.seg_40", "s", 1.0, "a DICOM segmentation of two subtypes on 40 slices written, highdicom loaded"
    ),
    Promise("E.sr_40", "s", None, "the DICOM report that names its segments"),
)
PROBES: tuple[tuple[str, tuple[str, ...], tuple[int, float] | str | None], ...] = (
    ("score_many", ("E.studies_a_minute",), (40, 5.0)),
    ("objects", ("E.seg_40", "E.sr_40"), (40, 5.0)),
)


def score_many(folder: Path) -> Answer:
    """Score the same study many times over in a crew."""
    from viewer.app import default_registry
    from viewer.dicom.scan import scan
    from viewer.jobs.crew import Model, score_all
    from viewer.jobs.study_score import Task

    (study,) = scan([folder]).studies
    version = default_registry().current()
    start = time.perf_counter()
    entries = list(score_all([Task(study)] * STUDIES, Model(version.path, version.id), WORKERS))
    minutes = (time.perf_counter() - start) / 60
    failed = [entry["error"]["text"] for entry in entries if entry.get("error")]
    if failed:
        raise PterionError(failed[0])
    return {"E.studies_a_minute": STUDIES / minutes}


def objects(folder: Path) -> Answer:
    """Write the segmentation and the report of an answer, twice: the first loads highdicom."""
    from model.labels import SCORES
    from viewer.dicom.load import load_all
    from viewer.dicom.scan import scan
    from viewer.jobs.answer import Answer as Findings
    from viewer.jobs.dicom_findings import write_findings
    from viewer.jobs.dicom_segmentation import segments_of, write_segmentation

    (study,) = scan([folder]).studies
    volume = load_all(study.series[0])
    masks = np.zeros(volume.hu.shape, np.uint8)
    masks[:, 100:180, 120:300] = 2
    masks[:, 250:300, 250:320] = 5
    scores, points = dict.fromkeys(SCORES, 0.8), dict.fromkeys(SCORES, 0.5)
    slices = np.full((len(masks), len(SCORES)), 0.8, np.float32)
    answer = Findings(volume, "bench", masks, scores, points, slices, {"SDH": 60.0, "IPH": 15.0})
    taken = {}
    with TemporaryDirectory() as place:
        for _ in range(2):
            start = time.perf_counter()
            made = write_segmentation(Path(place) / "seg.dcm", study.series[0], segments_of(masks, "bench"))
            written = time.perf_counter()
            write_findings(Path(place) / "sr.dcm", answer, made)
            taken = {"E.seg_40": written - start, "E.sr_40": time.perf_counter() - written}
    return taken


CHILD: dict[str, Callable[[Path], Answer]] = {"score_many": score_many, "objects": objects}
