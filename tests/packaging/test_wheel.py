"""What a wheel carries, and where the program finds it."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from model.errors import PterionError
from viewer import __version__, resources

ROOT = Path(__file__).resolve().parents[2]


def test_every_package_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    folders = {path.parent for wing in ("model", "viewer") for path in (ROOT / wing).rglob("*.py")}
    names = [".".join(folder.relative_to(ROOT).parts) for folder in folders]
    assert sorted([*names, "viewer._assets"]) == listed


def test_a_wheel_carries_the_assets_and_finds_them(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
    ]
    source = tmp_path / "source"
    for name in ("viewer", "model", "assets"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    subprocess.run([*build, str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"pterion-{__version__}-")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    assets = {
        path.relative_to(source / "assets") for path in (source / "assets").rglob("*") if path.is_file()
    }
    packed = tmp_path / "installed" / "viewer" / "_assets"
    assert {path.relative_to(packed) for path in packed.rglob("*") if path.is_file()} == assets
    recipes = {path.name for path in (source / "model" / "recipes").iterdir()}
    assert {path.name for path in (tmp_path / "installed" / "model" / "recipes").iterdir()} == recipes
    ask = "from viewer import resources; print(resources.assets_dir())"
    said = subprocess.run(
        [sys.executable, "-S", "-c", ask],
        cwd=tmp_path / "installed",
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(said.stdout.strip()) == packed


def test_a_checkout_reads_its_own_assets() -> None:
    assert resources.assets_dir() == ROOT / "assets"


def test_a_frozen_build_reads_what_it_unpacked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.txt").touch()
    assert resources.asset("a.txt") == tmp_path / "assets" / "a.txt"


def test_a_missing_asset_is_named() -> None:
    with pytest.raises(PterionError, match=r"models/none is missing.*Install it again"):
        resources.asset("models/none")


def test_data_folder_is_made_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PTERION_DATA", str(tmp_path / "a" / "b"))
    assert resources.data_dir() == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()


def test_a_data_folder_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PTERION_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(PterionError, match=r"cannot be made.*PTERION_DATA"):
        resources.data_dir()
