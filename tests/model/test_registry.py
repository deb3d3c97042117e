"""Versions on disk: what is refused, what survives, and what answers when something is wrong."""

import json
import os
import runpy
import shutil
from pathlib import Path

import pytest

from model.errors import ModelFileError
from model.registry import Registry, check_id, read_info

TOY = runpy.run_path(str(Path(__file__).parent.parent / "toy_version.py"))
make, seal = TOY["make"], TOY["seal"]


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the versions `bundled-1`, `new-1` and `new-2`."""
    folder = tmp_path_factory.mktemp("toys")
    for name in ("bundled-1", "new-1", "new-2"):
        make(folder, name)
    return folder


@pytest.fixture
def registry(toys: Path, tmp_path: Path) -> Registry:
    shutil.copytree(toys / "bundled-1", tmp_path / "bundled" / "bundled-1")
    return Registry(tmp_path / "bundled", tmp_path / "user")


@pytest.fixture
def candidate(toys: Path, tmp_path: Path) -> Path:
    """A sound candidate of this test's own, which it may damage."""
    return Path(shutil.copytree(toys / "new-1", tmp_path / "incoming" / "new-1"))


def test_bundled_answers_first(registry: Registry) -> None:
    version = registry.current()
    assert (version.id, version.status, version.notice) == ("bundled-1", "bundled", "")


def test_reading_writes_nothing(registry: Registry, tmp_path: Path) -> None:
    registry.versions()
    registry.current()
    assert not (tmp_path / "user").exists()


def test_candidate_is_promoted_and_rolled_back(registry: Registry, toys: Path) -> None:
    assert registry.add_candidate(toys / "new-1").status == "candidate"
    assert registry.current().id == "bundled-1"
    assert registry.promote("new-1").status == "user"
    registry.add_candidate(toys / "new-2")
    registry.promote("new-2")
    assert registry.current().id == "new-2"
    assert registry.roll_back().id == "new-1"
    assert registry.roll_back().id == "bundled-1"
    assert registry.roll_back().id == "bundled-1"
    assert [(v.id, v.status) for v in registry.versions()] == [
        ("bundled-1", "bundled"),
        ("new-1", "user"),
        ("new-2", "user"),
    ]


def test_another_window_sees_the_promotion(registry: Registry, toys: Path, tmp_path: Path) -> None:
    registry.add_candidate(toys / "new-1")
    registry.promote("new-1")
    assert Registry(tmp_path / "bundled", tmp_path / "user").current().id == "new-1"


def test_promoting_twice_is_one_step(registry: Registry, toys: Path) -> None:
    registry.add_candidate(toys / "new-1")
    registry.promote("new-1")
    registry.promote("new-1")
    assert registry.roll_back().id == "bundled-1"


def test_roll_back_skips_a_discarded_version(registry: Registry, toys: Path) -> None:
    for name in ("new-1", "new-2"):
        registry.add_candidate(toys / name)
        registry.promote(name)
    registry.discard("new-1")
    assert registry.roll_back().id == "bundled-1"


def test_update_of_the_program_brings_its_model(registry: Registry, toys: Path, tmp_path: Path) -> None:
    registry.add_candidate(toys / "new-1")
    registry.promote("new-1")
    registry.promote("bundled-1")
    make(tmp_path / "newer", "bundled-2")
    assert Registry(tmp_path / "newer", tmp_path / "user").current().id == "bundled-2"


@pytest.mark.parametrize(
    "bad", ["", "..", "a/b", "a\\b", "../x", "a..b", ".x", "x.", "x" * 65, "a b", "a\n", None, 3]
)
def test_ids_that_are_no_folder_names(bad: object) -> None:
    with pytest.raises(ModelFileError, match="is not a model id"):
        check_id(bad)


@pytest.mark.parametrize("method", ["get", "promote", "discard"])
def test_traversal_is_refused(registry: Registry, tmp_path: Path, method: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    with pytest.raises(ModelFileError, match="is not a model id"):
        getattr(registry, method)("../victim")
    assert victim.is_dir()


def test_traversal_in_current_json_falls_back(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "current.json").write_text(
        json.dumps({"format": 1, "current": "../bundled/bundled-1", "history": [], "promoted": []})
    )
    assert "cannot be read" in registry.current().notice


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', '{"format": 1, "current": 3}', "\x00"])
def test_damaged_current_json_falls_back(registry: Registry, tmp_path: Path, text: str) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "current.json").write_text(text)
    version = registry.current()
    assert version.id == "bundled-1"
    assert "current.json" in version.notice
    assert "bundled-1 answers instead" in version.notice


@pytest.mark.parametrize("name", ["encode.onnx", "weights.safetensors", "card.md"])
def test_tampered_current_falls_back_and_says_so(
    registry: Registry, toys: Path, tmp_path: Path, name: str
) -> None:
    path = registry.add_candidate(toys / "new-1").path
    registry.promote("new-1")
    content = bytearray((path / name).read_bytes())
    content[-1] ^= 1
    (path / name).write_bytes(content)
    version = Registry(tmp_path / "bundled", tmp_path / "user").current()
    assert version.id == "bundled-1"
    assert name in version.notice
    assert "checksum differs" in version.notice


def test_missing_current_falls_back_and_says_so(registry: Registry, toys: Path) -> None:
    path = registry.add_candidate(toys / "new-1").path
    registry.promote("new-1")
    shutil.rmtree(path)
    assert "There is no model new-1" in registry.current().notice


def test_missing_file_in_current(registry: Registry, toys: Path) -> None:
    path = registry.add_candidate(toys / "new-1").path
    (path / "decode.onnx").unlink()
    with pytest.raises(ModelFileError, match=r"decode\.onnx"):
        registry.get("new-1")


def test_no_bundled_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="Install Pterion again") as caught:
        Registry(tmp_path / "none", tmp_path / "user").current()
    assert caught.value.code == "NO_MODEL"


def test_pickle_is_refused(registry: Registry, candidate: Path, tmp_path: Path) -> None:
    (candidate / "weights.pt").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelFileError, match=r"weights\.pt"):
        registry.add_candidate(candidate)
    seal(candidate, {k: v for k, v in read_info(candidate).items() if k != "files"})
    with pytest.raises(ModelFileError, match="no part of a model"):
        registry.add_candidate(candidate)
    assert not (tmp_path / "user").exists()


@pytest.mark.skipif(os.name != "posix", reason="symbolic links need rights on Windows")
def test_link_is_refused(registry: Registry, candidate: Path, toys: Path) -> None:
    (candidate / "card.md").unlink()
    (candidate / "card.md").symlink_to(toys / "new-1" / "card.md")
    with pytest.raises(ModelFileError, match=r"card\.md"):
        registry.add_candidate(candidate)


def test_unlisted_path_is_refused(registry: Registry, candidate: Path) -> None:
    info = read_info(candidate)
    info["files"]["../../secret"] = "0" * 64
    (candidate / "model.json").write_text(json.dumps(info))
    with pytest.raises(ModelFileError, match="no part of a model"):
        registry.add_candidate(candidate)


@pytest.mark.parametrize("name", ["encode.onnx", "decode.onnx", "sequence.onnx", "weights.safetensors"])
def test_unloadable_file_is_refused(registry: Registry, candidate: Path, tmp_path: Path, name: str) -> None:
    (candidate / name).write_bytes(b"not a model")
    seal(candidate, read_info(candidate))
    with pytest.raises(ModelFileError, match=name.replace(".", r"\.")):
        registry.add_candidate(candidate)
    assert list((tmp_path / "user" / "versions").iterdir()) == []


def test_wrong_part_is_refused(registry: Registry, candidate: Path) -> None:
    shutil.copyfile(candidate / "encode.onnx", candidate / "decode.onnx")
    seal(candidate, read_info(candidate))
    with pytest.raises(ModelFileError, match="mask_logits"):
        registry.add_candidate(candidate)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": 2}, "format 2"),
        ({"id": "../x"}, "not a model id"),
        ({"files": {}}, "does not list its files"),
        ({"thresholds": {"any": 0.5}}, "threshold"),
        ({"thresholds": dict.fromkeys(("any", "EDH", "SDH", "SAH", "IVH", "IPH"), 2)}, "threshold"),
    ],
)
def test_unsound_info_is_refused(candidate: Path, change: dict[str, object], text: str) -> None:
    info = {**read_info(candidate), **change}
    (candidate / "model.json").write_text(json.dumps(info))
    with pytest.raises(ModelFileError, match=text):
        read_info(candidate)


def test_same_id_twice_is_refused(registry: Registry, toys: Path) -> None:
    registry.add_candidate(toys / "new-1")
    for folder in (toys / "new-1", toys / "bundled-1"):
        with pytest.raises(ModelFileError, match="there already"):
            registry.add_candidate(folder)


def test_full_disk_leaves_nothing(
    registry: Registry, toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("model.registry.os.fsync", full)
    with pytest.raises(ModelFileError, match="No space left"):
        registry.add_candidate(toys / "new-1")
    assert list((tmp_path / "user" / "versions").iterdir()) == []


def test_failed_promotion_keeps_the_old_choice(
    registry: Registry, toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add_candidate(toys / "new-1")
    registry.promote("new-1")
    registry.add_candidate(toys / "new-2")

    def full(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("model.registry.os.replace", full)
    with pytest.raises(ModelFileError, match="No space left"):
        registry.promote("new-2")
    monkeypatch.undo()
    assert registry.current().id == "new-1"
    assert sorted(path.name for path in (tmp_path / "user").iterdir()) == ["current.json", "versions"]


def test_abandoned_copies_go(registry: Registry, toys: Path, tmp_path: Path) -> None:
    abandoned = tmp_path / "user" / "versions" / ".adding-1"
    abandoned.mkdir(parents=True)
    os.utime(abandoned, (0, 0))
    registry.add_candidate(toys / "new-1")
    assert not abandoned.exists()


def test_current_and_bundled_cannot_be_discarded(registry: Registry, toys: Path) -> None:
    registry.add_candidate(toys / "new-1")
    registry.promote("new-1")
    with pytest.raises(ModelFileError, match="in use"):
        registry.discard("new-1")
    with pytest.raises(ModelFileError, match="came with the program"):
        registry.discard("bundled-1")
    with pytest.raises(ModelFileError, match="not there"):
        registry.discard("new-2")
    registry.roll_back()
    registry.discard("new-1")
    assert [v.id for v in registry.versions()] == ["bundled-1"]
