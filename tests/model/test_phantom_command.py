"""`python -m model.phantom`: samples as files."""

from pathlib import Path

import numpy as np
import pytest

from model.phantom import __main__ as command
from model.phantom.generate import generate
from model.phantom.write import sample_path, write_one
from model.sample import load_sample

SMALL = ["--size", "48", "--slices", "3"]


def test_it_writes_what_generate_gives_and_skips_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(tmp_path / "out"), "--count", "2", "--first-seed", "7", *SMALL]) == 0
    assert "2/2 heads" in capsys.readouterr().out
    files = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in files] == ["phantom-0000007.npz", "phantom-0000008.npz"]
    made = generate(8, size=48, slices=3)
    assert np.array_equal(load_sample(files[1]).hu, made.hu)
    before = [path.stat().st_mtime_ns for path in files]
    assert command.main([str(tmp_path / "out"), "--count", "2", "--first-seed", "7", *SMALL]) == 0
    assert [path.stat().st_mtime_ns for path in files] == before


def test_shifted_scanners_are_another_family(tmp_path: Path) -> None:
    for family in ("usual", "shifted"):
        write_one(tmp_path / family, 48, 3, 5.0, family, 1)
    usual, shifted = (load_sample(sample_path(tmp_path / family, 1)) for family in ("usual", "shifted"))
    assert np.array_equal(usual.z_mm, shifted.z_mm)
    assert usual.provenance["scanner"] != shifted.provenance["scanner"]


def test_sizes_that_make_no_picture_end_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(tmp_path), "--count", "1", "--size", "4"]) == 1
    assert "Choose larger numbers" in capsys.readouterr().err


def test_usage_errors_end_with_2(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main([str(tmp_path)])
    assert stop.value.code == 2
