"""What tests of the viewer share: the whole program started and ended, an empty library, heads of three slices."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from model.registry import Registry
from viewer.app import Application
from viewer.dicom.scan import scan
from viewer.dicom.series import Study
from viewer.dicom.write import write_series
from viewer.library.store import Library

WriteHead = Callable[[Path, str], None]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """No model; a module whose tests need one has its own."""
    return Registry(tmp_path / "no-models", tmp_path / "models")


@pytest.fixture
def start(qtbot: QtBot, registry: Registry, tmp_path: Path) -> Iterator[Callable[..., Application]]:
    """Starts the program on paths, its library below `tmp_path`; its `notices` are what it told the reader."""
    running: list[Application] = []

    def make(*paths: Path, **options: Any) -> Application:
        made = Application(paths, **({"library_dir": tmp_path / "library", "registry": registry} | options))
        made.notices = []  # type: ignore[attr-defined]
        made.session.noticed.connect(made.notices.append)  # type: ignore[attr-defined]
        running.append(made)
        return made

    yield make
    for made in running:
        made.shutdown()
        made.window.close()
        made.window.deleteLater()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty one, closed at the end."""
    opened = Library(tmp_path / "library")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def write_small_head(phantom_hu: np.ndarray) -> WriteHead:
    """Writes the three slices of `phantom_hu` with the bleed on two, 5 mm apart, as a series of a patient."""

    def write(folder: Path, patient: str) -> None:
        positions = np.array([(0.0, 0.0, 5.0 * index) for index in range(3)])
        write_series(
            folder, phantom_hu[2:5], spacing_mm=(1.75, 1.75), positions_mm=positions, patient_id=patient
        )

    return write


@pytest.fixture(scope="session")
def small_heads(tmp_path_factory: pytest.TempPathFactory, write_small_head: WriteHead) -> tuple[Study, ...]:
    """Three of them, of the patients a, b and c. Do not write to their files."""
    folder = tmp_path_factory.mktemp("heads")
    for name in "abc":
        write_small_head(folder / name, name)
    return scan([folder]).studies
