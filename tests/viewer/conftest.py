"""The whole program, started by a test and ended after it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from model.registry import Registry
from viewer.app import Application


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
