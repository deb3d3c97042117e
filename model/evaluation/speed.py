"""How fast a version answers, in a new process: `python -m model.evaluation.speed FOLDER SAMPLE THREADS STARTED`.

STARTED is the parent's `time.monotonic()` when it started the process. Prints one JSON object.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from model.errors import PterionError
from model.sample import Sample, load_sample, save_sample

TIMEOUT_S = 300


def measure_speed(folder: Path, sample: Sample, threads: int = 2) -> dict[str, Any]:
    """Seconds to the first slice and to the last, and memory, of a new process that scores `sample`.

    cold_start_s: from the start of the process to its first answer. first_slice_s: of that, the scoring.
    study_s: all slices, with the model loaded. peak_mb: of the process; beyond_runtime_mb: of that, what was not
    there before the model was loaded; None on Windows. Raises PterionError where the process fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "sample.npz"
        save_sample(sample, path)
        checkout = str(Path(__file__).resolve().parents[2])
        search = os.pathsep.join(filter(None, (checkout, os.environ.get("PYTHONPATH"))))
        started = str(time.monotonic())
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__, str(folder), str(path), str(threads), started],
            env={**os.environ, "PYTHONPATH": search},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PterionError(f"The speed of {folder.name} could not be measured: {reason}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def main(argv: list[str]) -> int:
    """Score the sample and print what it took."""
    folder, path, threads, started = argv
    from model.predict import Predictor, SliceResult, VolumeSource

    sample = load_sample(Path(path))
    before = _peak_mb()
    predictor = Predictor(Path(folder), threads=int(threads))
    arrivals: list[float] = []

    def take(_: SliceResult) -> None:
        arrivals.append(time.monotonic())

    source = VolumeSource(
        len(sample.hu), sample.spacing_mm, tuple(map(float, sample.z_mm)), lambda z: sample.hu[z]
    )
    begin = time.monotonic()
    predictor.score(source, range(len(sample.hu)), take)
    end, after = time.monotonic(), _peak_mb()
    print(
        json.dumps(
            {
                "threads": int(threads),
                "slices": len(sample.hu),
                "cold_start_s": round(arrivals[0] - float(started), 4),
                "first_slice_s": round(arrivals[0] - begin, 4),
                "study_s": round(end - begin, 4),
                "peak_mb": after,
                "beyond_runtime_mb": None if after is None or before is None else round(after - before, 1),
            }
        )
    )
    return 0


def _peak_mb() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
