"""One probe in a process of its own: `python -m viewer.bench.child PROBE [FOLDER] STARTED`.

Prints one JSON object: rows by name, or `peer` with the peer's value. STARTED is the parent's `time.monotonic()`
when it started this process.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from model.errors import PterionError
from viewer.bench import annotating, inference, keeping, packaged, quality, reading, scoring, teaching

Answer = dict[str, float]


def read(folder: Path) -> Answer:
    """Scan and load a series without a window."""
    from viewer.dicom.load import load_all
    from viewer.dicom.scan import scan

    start = time.perf_counter()
    (study,) = scan([folder]).studies
    volume = load_all(study.series[0])
    seconds = time.perf_counter() - start
    if not volume.loaded.all():
        raise PterionError("not every slice was read")
    return {"A.read_all": seconds}


def simpleitk(folder: Path) -> Answer:
    """The same with SimpleITK's series reader."""
    import SimpleITK

    start = time.perf_counter()
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    SimpleITK.GetArrayFromImage(reader.Execute())
    return {"peer": time.perf_counter() - start}


def pydicom(folder: Path) -> Answer:
    """The same with pydicom: headers and pixels, sorted by position, in HU."""
    from pydicom import dcmread

    start = time.perf_counter()
    files = [dcmread(path) for path in folder.iterdir()]
    files.sort(key=lambda file: float(file.ImagePositionPatient[2]))
    hu = np.empty((len(files), files[0].Rows, files[0].Columns), np.int16)
    for index, file in enumerate(files):
        hu[index] = file.pixel_array * int(file.RescaleSlope) + int(file.RescaleIntercept)
    return {"peer": time.perf_counter() - start}


def score(folder: Path) -> Answer:
    """Score a loaded volume with a loaded model: the slice in the middle first, then all."""
    from model.predict import Predictor, SliceResult
    from viewer.cli.work import registry
    from viewer.dicom.load import load_all
    from viewer.dicom.scan import scan
    from viewer.jobs.score import source_of

    volume = load_all(scan([folder]).studies[0].series[0])
    predictor = Predictor(registry().current().path, threads=2)
    middle = len(volume.hu) // 2
    order = sorted(range(len(volume.hu)), key=lambda index: abs(index - middle))
    arrivals: list[tuple[int, float]] = []

    def take(answer: SliceResult) -> None:
        arrivals.append((answer.index, time.perf_counter() - start))

    start = time.perf_counter()
    predictor.score(source_of(volume, volume.spacing_mm), order, take, lambda: False)
    seconds = time.perf_counter() - start
    first, first_seconds = arrivals[0]
    if first != middle:
        raise PterionError(f"slice {first} came first instead of {middle}")
    return {"A.score_40": seconds, "A.score_first": first_seconds}


PROBES: dict[str, Callable[[Path], Answer]] = {
    "read": read,
    "simpleitk": simpleitk,
    "pydicom": pydicom,
    "score": score,
    "answers": quality.answers,
    **reading.CHILD,
    **annotating.CHILD,
    **keeping.CHILD,
    **inference.CHILD,
    **scoring.CHILD,
    **teaching.CHILD,
    **packaged.CHILD,
}


def main(argv: list[str]) -> int:
    """Run the probe that `argv` names and print what it measured."""
    probe, *folder, started = argv
    if probe in PROBES:
        answer = PROBES[probe](Path(*folder))
    else:
        from viewer.bench import reading_room, reading_screen, screen

        on_screen = {
            "open": screen.open_series,
            "scroll": screen.scroll,
            "late": screen.late,
            "open_fast": reading_screen.open_fast,
            "open_late": reading_screen.open_late,
            "index_late": reading_screen.index_late,
            **reading_room.ON_SCREEN,
            **inference.ON_SCREEN,
            **teaching.ON_SCREEN,
        }
        answer = screen.window(float(started)) if probe == "window" else on_screen[probe](Path(folder[0]))
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
