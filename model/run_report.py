"""What a run says of itself: curves.csv, curves.svg, report.json and, in words, report.md."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from model.checkpoint import Progress, write_whole
from model.curves import as_csv, as_svg
from model.recipe import Settings

NOTICE = "Research use only. Not for diagnosis."


def write_report(
    folder: Path, settings: Settings, facts: Mapping[str, Any], progress: Progress, network: nn.Module | None
) -> None:
    """Write the curves so far and, once there is a finished `network`, the report."""
    _write(folder / "curves.csv", as_csv(progress.rows))
    _write(folder / "curves.svg", as_svg(progress.rows, settings.name))
    if network is None:
        return
    content = {
        "name": settings.name,
        "notice": NOTICE,
        "network": {"kind": settings.kind, "weights": sum(p.numel() for p in network.parameters())},
        "steps": progress.step,
        "ended_early": progress.ended or None,
        "seconds": round(progress.seconds, 1),
        "torch": torch.__version__,
        "last": progress.rows[-1] if progress.rows else {},
        "recipe": settings.as_table(),
        **facts,
    }
    _write(folder / "report.json", json.dumps(content, indent=1) + "\n")
    _write(folder / "report.md", _words(content))


def _words(content: Mapping[str, Any]) -> str:
    patients = "\n".join(f"| {name} | {count} |" for name, count in content["patients"].items())
    numbers = "\n".join(
        f"| {name} | {value:.4g} |"
        for name, value in content["last"].items()
        if isinstance(value, int | float)
    )
    early = f" It ended early: {content['ended_early']}." if content["ended_early"] else ""
    fold = (
        "No fold was kept from it" if content["fold"] is None else f"Fold {content['fold']} was kept from it"
    )
    return (
        f"# {content['name']}\n\n> {content['notice']}\n\n"
        f"A {content['network']['kind']} of {content['network']['weights']:,} weights, started {content['weights']}: "
        f"{content['steps']} steps in {content['seconds'] / 60:.1f} minutes.{early} {fold}.\n\n"
        f"| patients | |\n|---|---|\n{patients}\n\n{content['slices']} slices to train on.\n\n"
        f"| last validation | |\n|---|---|\n{numbers}\n\n![curves](curves.svg)\n"
    )


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.part")
    write_whole(temporary, text.encode())
    os.replace(temporary, path)
