"""Versions that move: named, packed, taken in where they are sound, held against each other."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.errors import ModelFileError
from model.packed import pack, unpacked
from model.registry import Registry
from model.side_by_side import side_by_side


@pytest.fixture
def registry(tiny_version: Path, tmp_path: Path) -> Registry:
    return Registry(tiny_version.parent, tmp_path / "models")


def copy_of(folder: Path, into: Path, version_id: str, **more: object) -> Path:
    target = shutil.copytree(folder, into / version_id)
    info = json.loads((target / "model.json").read_text())
    (target / "model.json").write_text(json.dumps({**info, "id": version_id, **more}))
    return target


def test_a_packed_version_is_taken_in_elsewhere(
    registry: Registry, tiny_version: Path, tmp_path: Path
) -> None:
    pack(copy_of(tiny_version, tmp_path, "mine-1"), tmp_path / "mine-1.zip")
    version = registry.import_version(tmp_path / "mine-1.zip")
    assert (version.id, version.status) == ("mine-1", "candidate")
    assert registry.current().id == "tiny-1"
    assert version.size == sum(path.stat().st_size for path in version.path.iterdir())
    with pytest.raises(ModelFileError, match="is there already"):
        registry.import_version(tmp_path / "mine-1.zip")
    with pytest.raises(ModelFileError, match="exists already"):
        pack(version.path, tmp_path / "mine-1.zip")


def test_a_folder_that_training_wrote_is_taken_in(
    registry: Registry, tiny_version: Path, tmp_path: Path
) -> None:
    assert registry.import_version(copy_of(tiny_version, tmp_path, "big-1")).id == "big-1"


def members(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"model.json": b"{}"},
        {"a/model.json": b"{}", "b/model.json": b"{}"},
        {"../model.json": b"{}"},
        {"a/weights.pkl": b"x"},
        {"a/b/model.json": b"{}"},
        {"/etc/model.json": b"{}"},
    ],
)
def test_other_archives_are_refused(registry: Registry, tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ModelFileError):
        registry.import_version(members(tmp_path / "odd.zip", **files))
    assert [version.id for version in registry.versions()] == ["tiny-1"]


def test_a_bomb_is_not_unpacked(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/model.json", b"0" * 50_000_000)
    with pytest.raises(ModelFileError, match="larger than any model's"):
        registry.import_version(path)


def test_a_tampered_archive_is_refused(registry: Registry, tiny_version: Path, tmp_path: Path) -> None:
    pack(copy_of(tiny_version, tmp_path, "mine-1"), tmp_path / "good.zip")
    with zipfile.ZipFile(tmp_path / "good.zip") as good:
        files = {name: good.read(name) for name in good.namelist()}
    files["mine-1/card.md"] += b"changed"
    with pytest.raises(ModelFileError, match="checksum differs"):
        registry.import_version(members(tmp_path / "bad.zip", **files))


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_any_bytes_are_a_model_or_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.zip"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"any\.zip"), unpacked(path):
        pass


def test_a_name_stands_beside_the_id_and_goes_with_the_version(
    registry: Registry, tiny_version: Path, tmp_path: Path
) -> None:
    registry.add_candidate(copy_of(tiny_version, tmp_path, "mine-1"))
    assert registry.rename("mine-1", "  My clinic ").name == "My clinic"
    assert registry.get("mine-1").id == "mine-1"
    registry.promote("mine-1")
    assert registry.current().name == "My clinic"
    registry.roll_back()
    for name in ("a" * 61, "two\nlines"):
        with pytest.raises(ModelFileError, match="one line"):
            registry.rename("mine-1", name)
    assert registry.rename("mine-1", "").name == ""
    registry.rename("mine-1", "again")
    registry.discard("mine-1")
    registry.add_candidate(tmp_path / "mine-1")
    assert registry.get("mine-1").name == ""
    with pytest.raises(ModelFileError, match="There is no model"):
        registry.rename("mine-9", "x")


def test_one_can_go_back_to_any(registry: Registry, tiny_version: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        registry.add_candidate(copy_of(tiny_version, tmp_path, f"mine-{number}"))
        registry.promote(f"mine-{number}")
    assert registry.roll_back("tiny-1").id == "tiny-1"
    assert registry.roll_back().id == "mine-2"
    with pytest.raises(ModelFileError):
        registry.roll_back("mine-9")
    assert registry.current().id == "mine-2"


def table(before: float, after: float) -> dict:
    row = {"before": before, "after": after, "difference": after - before, "interval": None, "n": 2}
    return {"yours": {"dice": {"any": row}}, "reference": {"dice": {"any": row}}}


def test_versions_are_held_against_each_other_only_on_the_same_cases(
    registry: Registry, tiny_version: Path, tmp_path: Path
) -> None:
    for number, values in ((1, (0.4, 0.5)), (2, (0.45, 0.6))):
        facts = {"metrics": table(*values), "incumbent": "tiny-1"}
        registry.add_candidate(copy_of(tiny_version, tmp_path, f"mine-{number}", **facts))
    bundled, one, two = (registry.get(version_id) for version_id in ("tiny-1", "mine-1", "mine-2"))
    judged = side_by_side(one, bundled)
    assert [(row["set"], row["values"]) for row in judged] == [
        ("yours", [0.5, 0.4]),
        ("reference", [0.5, 0.4]),
    ]
    assert side_by_side(bundled, one)[0]["values"] == [0.4, 0.5]
    assert [(row["set"], row["values"]) for row in side_by_side(one, two)] == [("reference", [0.5, 0.6])]
    assert side_by_side(bundled, bundled) == []
