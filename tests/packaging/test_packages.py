"""What goes into packages: what is left out, licences, Debian packages of small folders, sums, and a smoke test that
notices what is broken."""

import gzip
import hashlib
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from packaging.version import Version

from viewer import __version__

ROOT = Path(__file__).resolve().parents[2]

Script = Callable[[str], ModuleType]


# ---------------------------------------------------------------------------------------------------- what is inside


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("torch/lib/libtorch_cpu.so", False),
        ("torch/test/test_nn.py", True),
        ("torch/bin/test_jit", True),
        ("torch/bin/torch_shm_manager", False),
        ("torch/_dynamo/config.py", False),
        ("torch/ao/quantization/observer.py", True),
        ("torch\\include\\ATen\\ATen.h", True),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", False),
        ("PySide6/Qt/plugins/platforms/libqoffscreen.so", False),
        ("PySide6/Qt/plugins/platformthemes/libqgtk3.so", True),
        ("PySide6/Qt/lib/libQt6Network.so.6", True),
        ("libgtk-3.so.0", True),
        ("libglib-2.0.so.0", False),
        ("model/recipes/flagship.toml", False),
        ("assets/models/flagship-3/weights.safetensors", False),
    ],
)
def test_what_is_left_out(contents: ModuleType, path: str, out: bool) -> None:
    assert contents.left_out(path) is out


def test_the_reader_has_no_training_and_reads_all_the_same(contents: ModuleType) -> None:
    full, reader = contents.FLAVOURS["full"], contents.FLAVOURS["reader"]
    assert not contents.module_left_out("torch.nn", full)
    assert contents.module_left_out("torch.nn", reader)
    assert contents.distribution_left_out("scikit_learn", full)
    assert contents.distribution_left_out("Protobuf", reader)
    assert not contents.distribution_left_out("protobuf", full)
    for name in (
        "onnxruntime",
        "scipy.ndimage",
        "highdicom.seg",
        "PySide6.QtWidgets",
        "viewer.app",
        "model.predict",
    ):
        assert not contents.module_left_out(name, reader), name
    assert (full.folder, reader.folder) == ("pterion", "pterion-reader")


def imported_when_reading() -> list[str]:
    """Modules that a reader's work loads: scoring, drawing, exporting."""
    code = (
        "import sys, viewer.app, viewer.jobs.headless, viewer.jobs.outputs, model.predict\n"
        "import highdicom, onnxruntime, scipy.ndimage, skimage.graph, shapely, nibabel, imagecodecs\n"
        "from viewer.dicom.pixels import load_decoders; load_decoders()\n"
        "print(*sorted(sys.modules), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_nothing_that_reading_imports_is_left_out(contents: ModuleType) -> None:
    reader = contents.FLAVOURS["reader"]
    # Read only where they are there: by numpy's own tests of strings, by interactive Python.
    loaded = [name for name in imported_when_reading() if contents.module_left_out(name, reader)]
    optional = {
        "readline",
        "curses",
        "_pytest",
        "setuptools",
        "pygments",
        "charset_normalizer",
        "sklearn",
        "yaml",
    }
    assert [name for name in loaded if name.split(".")[0] not in optional] == []


def test_decoders_are_those_that_are_asked_for(contents: ModuleType) -> None:
    asked = {"jpeg2k", "jpegls", "jpeg8", "jpegsof3", "deflate", "png"}
    assert asked <= set(contents.DECODERS)
    for name in contents.DECODERS:
        importlib.import_module(f"imagecodecs._{name}")


def test_what_advisories_were_about_is_mended_in_the_locked_versions() -> None:
    lock = dict(line.split("==") for line in (ROOT / "packaging" / "lock.txt").read_text("utf-8").split())
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "packaging" / "advisories.md").read_text("utf-8").splitlines()
        if re.match(r"\| [a-z]", line)
    ]
    assert len(rows) > 10
    for name, locked, _, _, mended in rows:
        assert locked == lock[name], f"{name}: review it again"
        assert Version(locked) >= Version(mended), name


def test_the_version_is_said_in_one_place(contents: ModuleType) -> None:
    assert contents.version(ROOT) == __version__
    for name in ("pyproject.toml", "packaging/pterion.spec", "packaging/windows/pterion.iss"):
        text = (ROOT / name).read_text("utf-8")
        assert f'"{__version__}"' not in text, name


# ------------------------------------------------------------------------------------------------------------ licences


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [
        ("MIT", False),
        ("LGPL-3.0-only", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("GPL-3.0-or-later", True),
        ("GNU General Public License v2 (GPLv2)", True),
        ("AGPL-3.0", True),
        ("Apache-2.0 OR GPL-2.0", False),
        ("BSD-3-Clause AND GPL-3.0", True),
        ("MPL-2.0 AND MIT", False),
    ],
)
def test_copyleft_is_told_from_what_may_be_shipped(licence: str, forbidden: bool, script: Script) -> None:
    assert script("licensing").copyleft(licence) is forbidden


def test_nothing_in_a_package_is_copyleft_beyond_the_lgpl(script: Script, contents: ModuleType) -> None:
    licensing = script("licensing")
    table = licensing.licences(contents.FLAVOURS["full"])
    assert {"torch", "pyside6-essentials", "onnxruntime", "numpy"} <= set(table)
    assert licensing.offending(table) == []
    assert licensing.offending({"good": ("1", "MIT"), "bad": ("1", "GPL-3.0"), "mute": ("1", "unknown")}) == [
        "bad",
        "mute",
    ]


# ------------------------------------------------------------------------------------------------------ Debian package


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A built folder as small as can be: a script that is asked for and a library."""
    folder = tmp_path / "dist" / "pterion"
    (folder / "_internal").mkdir(parents=True)
    (folder / "pterion").write_text("#!/bin/sh\necho Pterion\n", "utf-8")
    (folder / "pterion").chmod(0o755)
    (folder / "_internal" / "lib.so").write_bytes(b"\x7fELF GLIBC_2.9 GLIBC_2.34 GLIBC_2.4 ")
    return folder


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg-deb on this machine")
def test_a_debian_package_holds_command_menu_icon_and_type(
    built: Path, tmp_path: Path, script: Script
) -> None:
    package = script("deb").pack(built, tmp_path / "out")
    assert package.name.startswith(f"pterion_{__version__}_")
    fields = subprocess.run(["dpkg-deb", "-f", package], capture_output=True, text=True, check=True).stdout
    assert "Depends: libc6 (>= 2.34), libgl1, libegl1" in fields
    assert "Conflicts: pterion-reader" in fields
    root = tmp_path / "root"
    subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    said = subprocess.run([root / "opt/pterion/pterion"], capture_output=True, text=True, check=True).stdout
    assert said == "Pterion\n"
    assert (root / "usr/bin").joinpath("pterion").readlink() == Path("../../opt/pterion/pterion")
    assert (root / "usr/bin/pterion").resolve() == (root / "opt/pterion/pterion").resolve()
    desktop = (root / "usr/share/applications/pterion.desktop").read_text("utf-8")
    assert "Exec=pterion view %F" in desktop
    assert {"application/dicom", "inode/directory"} <= set(
        desktop.split("MimeType=")[1].split("\n")[0].split(";")
    )
    assert 'offset="128"' in (root / "usr/share/mime/packages/pterion.xml").read_text("utf-8")
    assert (root / "usr/share/icons/hicolor/scalable/apps/pterion.svg").is_file()
    changes = gzip.decompress((root / "usr/share/doc/pterion/changelog.gz").read_bytes())
    assert changes == (ROOT / "CHANGELOG.md").read_bytes()
    modes = {
        path.stat().st_mode & 0o777 for path in root.rglob("*") if path.is_file() and not path.is_symlink()
    }
    assert modes == {0o644, 0o755}


# --------------------------------------------------------------------------------------------------- release and smoke


def test_sums_are_those_of_the_files(tmp_path: Path, script: Script) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_bytes(b"a page")
    (tmp_path / "pterion.whl").write_bytes(b"a wheel")
    script("release").sums(tmp_path)
    lines = (tmp_path / "SHA256SUMS").read_text("utf-8").splitlines()
    assert lines == [
        f"{hashlib.sha256(b'a wheel').hexdigest()}  pterion.whl",
        f"{hashlib.sha256(b'a page').hexdigest()}  site/index.html",
    ]


def program(tmp_path: Path, body: str) -> list[str]:
    """A program that is not Pterion."""
    path = tmp_path / "program.py"
    path.write_text(body, "utf-8")
    return [sys.executable, str(path)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise SystemExit(3)", "ended with 3"),
        ("print('Some other program 1.0')", "does not say that it is for research"),
        (
            "import sys\nprint('Research use only', file=sys.stdout)\nprint('Traceback', file=sys.stderr)",
            "met a fault",
        ),
        ("import sys\nprint('Research use only' if '--version' in sys.argv else 'no JSON')", "no JSON"),
    ],
)
def test_the_smoke_test_notices(body: str, said: str, tmp_path: Path, script: Script) -> None:
    smoke = script("smoke")
    with pytest.raises(smoke.SmokeError, match=said):
        smoke.smoke(program(tmp_path, body))


def test_the_smoke_test_says_what_is_missing(capsys: pytest.CaptureFixture[str], script: Script) -> None:
    assert script("smoke").main(["/nowhere/pterion"]) == 1
    assert "/nowhere/pterion" in capsys.readouterr().err
