"""How unlike its training data a slice looks to a version: the distance of its embedding from those it was made with.

Mahalanobis distance over the leading directions of the embeddings, and what they leave over as one more direction (Lee
et al., NeurIPS 2018; the left-over after Hoffmann, Kernel PCA for novelty detection, 2007). The distance is given in
units of the one that `SHARE` of the slices it was fitted on keep within: above 1 a slice is unusual.
`python -m model.novelty VERSION FOLDER …` fits a version on samples and keeps the result in its model.json.
"""

import base64
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.errors import ModelFileError
from model.registry import INFO, verify
from model.sample import Sample, load_sample

Floats = npt.NDArray[np.float32]

KEY = "novelty"
SHARE = 99.0
DIRECTIONS = 24
LEAST_SLICES = 200


@dataclass(frozen=True, eq=False)
class Novelty:
    """mean: (E,) of the embeddings. directions: (k, E), unit vectors. spread: (k,), deviation along each. rest: mean
    length of what they leave over. limit: the distance that `SHARE` of the slices keep within."""

    mean: Floats
    directions: Floats
    spread: Floats
    rest: float
    limit: float

    def of(self, embeddings: Floats) -> Floats:
        """How unusual (n,) embeddings (n, E) are, 1 at the limit."""
        return np.asarray(self.raw(embeddings) / self.limit, np.float32)

    def raw(self, embeddings: Floats) -> Floats:
        """The distance itself."""
        centred = embeddings - self.mean
        along = centred @ self.directions.T
        left = np.linalg.norm(centred - along @ self.directions, axis=1) / max(self.rest, 1e-6)
        return np.asarray(np.sqrt(np.square(along / self.spread).sum(1) + np.square(left)), np.float32)

    def to_json(self) -> dict[str, Any]:
        """As model.json holds it."""
        return {
            "mean": _packed(self.mean),
            "directions": _packed(self.directions.ravel()),
            "spread": _packed(self.spread),
            "rest": round(self.rest, 6),
            "limit": round(self.limit, 4),
        }


def novelty_from(info: dict[str, Any]) -> Novelty | None:
    """The one that a version's model.json holds, None where it has none or it is damaged."""
    table = info.get(KEY)
    if table is None:
        return None
    try:
        mean, spread = _unpacked(table["mean"]), _unpacked(table["spread"])
        directions = _unpacked(table["directions"]).reshape(len(spread), len(mean))
        found = Novelty(mean, directions, spread, float(table["rest"]), float(table["limit"]))
    except (KeyError, TypeError, ValueError):
        return None
    values = (found.mean, found.directions, found.spread, np.array([found.rest, found.limit]))
    sound = all(np.isfinite(part).all() for part in values) and (spread > 0).all() and found.limit > 0
    return found if sound else None


def fit(embeddings: Floats) -> Novelty:
    """From embeddings (n, E) of slices that the version knows. Raises ValueError for fewer than `LEAST_SLICES`."""
    if len(embeddings) < LEAST_SLICES:
        raise ValueError(f"{LEAST_SLICES} slices are needed to say what is usual, got {len(embeddings)}")
    mean = embeddings.mean(0, dtype=np.float64)
    centred = embeddings - mean
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    kept = min(DIRECTIONS, len(values) - 1)
    spread = np.maximum(values[:kept] / np.sqrt(len(embeddings)), 1e-4)
    along = centred @ directions[:kept].T
    rest = float(np.linalg.norm(centred - along @ directions[:kept], axis=1).mean())
    wide = Novelty(_half(mean), _half(directions[:kept]), _half(spread), max(rest, 1e-6), 1.0)
    return Novelty(
        wide.mean, wide.directions, wide.spread, wide.rest, float(np.percentile(wide.raw(embeddings), SHARE))
    )


def attach(folder: Path, samples: Iterable[Sample]) -> Novelty:
    """Fit a version on samples and keep the result in its model.json, whole or not at all.

    Raises ModelFileError where the version is not sound or cannot be written, ValueError for too few slices.
    """
    info = verify(folder)
    found = fit(np.concatenate(list(embeddings_of(folder, samples))))
    text = json.dumps({**info, KEY: found.to_json()}, indent=1, allow_nan=False) + "\n"
    partial = folder / f".{INFO}.partial"
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, folder / INFO)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ModelFileError(
            f"{INFO} of the model {folder.name} cannot be written ({error.strerror})."
        ) from error
    return found


def embeddings_of(folder: Path, samples: Iterable[Sample]) -> Iterable[Floats]:
    """The embeddings (slices, E) of every sample, as the version makes them."""
    from model.predict import Predictor, VolumeSource

    predictor = Predictor(folder)
    for sample in samples:
        hu, z_mm = sample.hu, tuple(map(float, sample.z_mm))
        source = VolumeSource(len(hu), sample.spacing_mm, z_mm, lambda index, hu=hu: hu[index])  # type: ignore[misc]
        yield predictor.score(source, ()).embeddings


def _half(values: npt.NDArray[np.floating[Any]]) -> Floats:
    """As precise as they are kept."""
    return np.asarray(values, np.float16).astype(np.float32)


def _packed(values: Floats) -> str:
    return base64.b64encode(values.astype("<f2").tobytes()).decode()


def _unpacked(text: str) -> Floats:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f2").astype(np.float32)


if __name__ == "__main__":
    version, *folders = map(Path, sys.argv[1:])
    paths = [path for folder in folders for path in sorted(folder.glob("*.npz"))]
    print(f"limit {attach(version, map(load_sample, paths)).limit:.2f}, {len(paths)} heads")
