"""The set-up script: what it decides, on a machine that the test makes up."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARALLEL = ["-n", "3", "--dist", "worksteal", "--durations", "10"]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with its `.venv` in an empty folder."""
    spec = importlib.util.spec_from_file_location("start_under_test", ROOT / "packaging" / "start.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    venv = tmp_path / ".venv"
    monkeypatch.setattr(module, "VENV", venv)
    monkeypatch.setattr(module, "PYTHON", venv / "bin" / "python")
    monkeypatch.setattr(module, "UNFINISHED", venv / "pterion-installing")
    return module


@pytest.fixture
def calls(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that the script would run; making an environment leaves its Python there."""
    made: list[list[str]] = []

    def call(words: list[str]) -> int:
        made.append(words)
        if "venv" in words:
            start.PYTHON.parent.mkdir(parents=True, exist_ok=True)
            start.PYTHON.symlink_to(sys.executable)
        return 0

    monkeypatch.setattr(start.subprocess, "call", call)
    monkeypatch.setattr(start, "cuda_torch", lambda: False)
    return made


def keep(ran: list[list[str]]) -> Callable[[list[str]], int]:
    """A stand-in that runs nothing, remembers the command and succeeds."""

    def call(words: list[str]) -> int:
        ran.append(words)
        return 0

    return call


def test_an_install_is_ready_afterwards_and_not_before(start: ModuleType, calls: list[list[str]]) -> None:
    assert not start.is_ready("run")
    start.install("run")
    assert start.is_ready("run")
    assert not start.is_ready("test")


def test_installing_for_tests_serves_for_running_too(start: ModuleType, calls: list[list[str]]) -> None:
    start.install("test")
    assert start.is_ready("test") and start.is_ready("run")


def test_an_install_uses_the_locks_and_no_index_of_its_own(start: ModuleType, calls: list[list[str]]) -> None:
    start.install("test")
    venv, packages, project = calls
    assert venv[1:3] == ["-m", "venv"]
    assert [Path(word).name for word in packages if word.endswith(".txt")] == ["lock.txt", "lock-test.txt"]
    assert project[-4:] == ["--no-build-isolation", "--quiet", "-e", str(ROOT)]
    assert not [word for words in calls for word in words if "index" in word or "find-links" in word]


def test_an_interrupted_install_is_made_anew(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(words: list[str]) -> int:
        (start.VENV / "half.py").write_text("half of a package", "utf-8")
        raise KeyboardInterrupt

    monkeypatch.setattr(start.subprocess, "call", killed)
    with pytest.raises(KeyboardInterrupt):
        start.install("run")
    assert not start.is_ready("run")

    def works(words: list[str]) -> int:
        start.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        start.PYTHON.touch()
        return 0

    monkeypatch.setattr(start, "cuda_torch", lambda: False)
    monkeypatch.setattr(start.subprocess, "call", works)
    start.install("run")
    assert start.is_ready("run")
    assert not (start.VENV / "half.py").exists()


def test_a_changed_lock_is_installed_again(
    start: ModuleType, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    start.install("run")
    for name in ("lock.txt", "lock-test.txt"):
        (tmp_path / name).write_text("numpy==1.0\n", "utf-8")
    monkeypatch.setattr(start, "HERE", tmp_path)
    assert not start.is_ready("run")


def test_an_environment_without_its_python_is_not_ready(start: ModuleType, calls: list[list[str]]) -> None:
    start.install("run")
    start.PYTHON.unlink()
    start.PYTHON.symlink_to(start.VENV / "gone")
    assert not start.is_ready("run")


def test_pip_failing_is_said_and_leaves_nothing_ready(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start.subprocess, "call", lambda words: 1)
    with pytest.raises(start.SetUpError, match="virtual environment could not be made"):
        start.install("run")
    assert not start.is_ready("run")


def test_the_size_is_said_before_the_download(
    start: ModuleType,
    calls: list[list[str]],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []

    def command(words: list[str], failure: str) -> None:
        said.append(capfd.readouterr().out)

    monkeypatch.setattr(start, "command", command)
    start.install("run")
    assert "500 MB" in said[1]  # 0 is the environment, 1 the packages


def test_a_cuda_build_of_torch_is_announced(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    report = (
        '{"install": [{"metadata": {"requires_dist": ["filelock", "nvidia-cudnn-cu13==9; x == \\"y\\""]}}]}'
    )
    monkeypatch.setattr(start.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=report))
    monkeypatch.setattr(start.sys, "platform", "linux")
    assert "CUDA" in start.download_text("run")
    monkeypatch.setattr(start.sys, "platform", "darwin")
    assert "CUDA" not in start.download_text("run")


@pytest.mark.parametrize("version", [(3, 10, 4), (3, 13, 0)])
def test_another_python_is_asked_for_where_this_one_does_not_fit(
    start: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: tuple[int, int, int],
) -> None:
    monkeypatch.setattr(start.sys, "version_info", version)
    monkeypatch.setattr(start.shutil, "which", lambda *_, **__: None)
    assert start.main([]) == 1
    assert "Python 3.11 or 3.12" in capsys.readouterr().err


def test_a_python_that_is_found_but_does_not_run_is_passed_over(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(words: list[str], **_: object) -> SimpleNamespace:
        works = words[0] == "/bin/python3.11"
        return SimpleNamespace(returncode=0 if works else 127, stdout="/real/python3.11\n" if works else "")

    monkeypatch.setattr(start.shutil, "which", lambda name, **_: f"/bin/{name}" if name != "py" else None)
    monkeypatch.setattr(start.subprocess, "run", run)
    assert start.other_python() == "/real/python3.11"


def test_without_a_display_the_headless_commands_are_named(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(start.sys, "platform", "linux")
    monkeypatch.setattr(start, "install_system_packages", lambda kind: None)
    monkeypatch.setattr(start, "is_ready", lambda kind: True)
    assert start.main([]) == 1
    said = capsys.readouterr().err
    assert "no display" in said and "pterion score PATH" in said.replace(str(start.VENV / "bin") + os.sep, "")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([], ["-P", "-m", "viewer", "view", "--demo"]),
        (["head", "--library", "mine"], ["-P", "-m", "viewer", "view", "head", "--library", "mine"]),
        (["test"], ["-m", "pytest", *PARALLEL]),
        (["test", "--"], ["-m", "pytest", *PARALLEL]),
        (["test", "--", "-k", "tilt"], ["-m", "pytest", *PARALLEL, "-k", "tilt"]),
    ],
)
def test_arguments_reach_the_program(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, given: list[str], wanted: list[str]
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(start, "install_system_packages", lambda kind: None)
    monkeypatch.setattr(start, "is_ready", lambda kind: True)
    monkeypatch.setattr(start, "has_display", lambda: True)
    monkeypatch.setattr(start.os, "chdir", lambda path: None)
    monkeypatch.setattr(start.os, "cpu_count", lambda: 3)
    monkeypatch.setattr(start, "run", keep(ran))
    assert start.main(given) == 0
    assert [words[1:] for words in ran] == [wanted]


def test_missing_libraries_are_installed_by_the_names_debian_has(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    present = {"libGL.so.1"}
    ran: list[list[str]] = []

    def call(words: list[str]) -> int:
        ran.append(words)
        present.update(start.LIBRARIES)
        return 0

    monkeypatch.setattr(start, "loads", lambda library: library in present)
    monkeypatch.setattr(start.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=""))
    monkeypatch.setattr(start.subprocess, "call", call)
    monkeypatch.setattr(start.shutil, "which", lambda name, **_: f"/bin/{name}")
    monkeypatch.setattr(start.os, "geteuid", lambda: 0)
    monkeypatch.setattr(start.sys, "platform", "linux")
    start.install_system_packages("run")
    assert "libgl1" not in ran[-1] and {"libegl1", "libxcb-cursor0"} <= set(ran[-1])
    assert ran[-1][:4] == ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    assert "installing with apt-get" in capsys.readouterr().out


def test_a_user_installs_through_sudo(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(start.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(start.shutil, "which", lambda name, **_: f"/bin/{name}")
    monkeypatch.setattr(start.sys, "stdin", SimpleNamespace(isatty=lambda: False))
    monkeypatch.setattr(start.subprocess, "call", keep(ran))
    start.apt_install(["libgl1"], "Pterion needs")
    assert ran[-1][:3] == ["sudo", "-n", "env"]


@pytest.mark.parametrize("there", [set(), {"apt-get"}])
def test_where_nothing_can_be_installed_the_packages_are_named(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, there: set[str]
) -> None:
    monkeypatch.setattr(start.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(start.shutil, "which", lambda name, **_: name if name in there else None)
    with pytest.raises(start.SetUpError, match="libgl1 libegl1"):
        start.apt_install(["libgl1", "libegl1"], "Pterion needs")


def test_locks_pin_versions_without_addresses_or_hashes() -> None:
    for name in ("lock.txt", "lock-test.txt"):
        for line in (ROOT / "packaging" / name).read_text("utf-8").splitlines():
            package, _, version = line.partition("==")
            assert package and version and not set(" @/+#") & set(line), line


def test_help_names_both_commands() -> None:
    script = ROOT / "packaging" / "start.py"
    said = subprocess.run(
        [sys.executable, str(script), "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "start.py [PATH ...]" in said and "start.py test" in said
