"""The probes of the bench as they run: children with the real window and the bundled model, on a short series."""

from pathlib import Path

from viewer.bench import run

SHORT = (12, 5.0)


def test_the_window_comes_up_without_a_slow_library(tmp_path: Path) -> None:
    answer = run.run_probe("window", tmp_path, None)
    assert answer["A.window_imports"] == 0
    assert answer["A.window_up"] > 0


def test_a_series_opens_slice_by_slice(tmp_path: Path) -> None:
    answer = run.run_probe("open", tmp_path, SHORT)
    assert answer["A.first_slice"] > 0
    assert answer["A.all_slices"] > 0


def test_scrolling_is_timed(tmp_path: Path) -> None:
    assert run.run_probe("scroll", tmp_path, SHORT)["A.scroll_p99"] > 0


def test_the_slice_on_screen_is_scored_before_the_rest(tmp_path: Path) -> None:
    answer = run.run_probe("score", tmp_path, SHORT)
    assert 0 < answer["A.score_first"] < answer["A.score_40"]


def test_the_gui_ticks_while_it_scores(tmp_path: Path) -> None:
    assert run.run_probe("late", tmp_path, (24, 5.0))["A.gui_late_p99"] >= 0
