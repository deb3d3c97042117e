"""One phantom as a file: what a worker process of `python -m model.phantom` does."""

from pathlib import Path

from model.phantom.generate import PhantomSettings, generate
from model.phantom.settings import SHIFTED, ScannerSettings
from model.sample import save_sample

SCANNERS = {"usual": ScannerSettings(), "shifted": SHIFTED}
"""Families of scanners by name."""


def sample_path(folder: Path, seed: int) -> Path:
    """Where the sample of `seed` is kept."""
    return folder / f"phantom-{seed:07d}.npz"


def write_one(folder: Path, size: int, slices: int, thickness_mm: float, scanners: str, seed: int) -> int:
    """Write the sample of `seed`, whole or not at all; returns the seed."""
    settings = PhantomSettings(scanners=SCANNERS[scanners])
    sample = generate(seed, size=size, slices=slices, thickness_mm=thickness_mm, settings=settings)
    save_sample(sample, sample_path(folder, seed))
    return seed
