"""Pictures and the summary page as files: whole, readable by others, and without anything outside."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.errors import PterionError
from viewer.jobs import export_view, summary
from viewer.jobs.summary import KeyImage, Score, Summary, html

PICTURE = np.random.default_rng(2).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def test_a_png_holds_every_pixel_and_the_disclaimer(tmp_path: Path) -> None:
    export_view.write_png(tmp_path / "view.png", PICTURE)
    with Image.open(tmp_path / "view.png") as image:
        assert np.array_equal(np.asarray(image), PICTURE)
        assert "Research use only" in image.info["Disclaimer"]


def test_a_folder_of_pngs_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    goal = tmp_path / "out"

    def fail_halfway() -> None:
        with export_view.png_folder(goal) as work:
            export_view.write_png(work / export_view.png_name(1), PICTURE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert list(tmp_path.iterdir()) == []
    for count in (3, 2):  # an older export of the same name is replaced
        with export_view.png_folder(goal) as work:
            for number in range(1, count + 1):
                export_view.write_png(work / export_view.png_name(number), PICTURE)
    assert sorted(path.name for path in goal.iterdir()) == ["image-0001.png", "image-0002.png"]


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(PterionError, match=r"already holds notes\.txt"), export_view.png_folder(tmp_path):
        pass
    assert (tmp_path / "notes.txt").read_text("utf-8") == "mine"


def test_an_animation_goes_round_and_keeps_its_pace(tmp_path: Path) -> None:
    grey = [np.full((40, 60, 3), level, np.uint8) for level in (10, 90, 200)]
    export_view.write_gif(tmp_path / "a.gif", [export_view.for_gif(frame) for frame in grey], 120)
    with Image.open(tmp_path / "a.gif") as image:
        assert (image.n_frames, image.info["duration"], image.info["loop"]) == (3, 120, 0)
        for number, level in enumerate((10, 90, 200)):
            image.seek(number)
            assert abs(int(np.asarray(image.convert("L"))[20, 30]) - level) <= 1
    wide = export_view.for_gif(np.zeros((100, 4096, 3), np.uint8))
    assert wide.image.size == (1024, 25)
    with pytest.raises(PterionError, match="needs a picture"):
        export_view.write_gif(tmp_path / "b.gif", [], 100)


PAGE = Summary(
    who=(),
    series="2 · Brain <5 mm>",
    made="made 2026-11-21 14:00",
    measures=(
        ("Length “a & b”", "34.2 mm", "im 21", ""),
        ("ABC/2", "11.4 mL", "im 20", "The pixel size is estimated."),
    ),
    scores=(Score("EDH", 0.06, 0.5, 0.0), Score("SDH", 0.97, 0.5, 11.6)),
    any_score=0.98,
    model_id="v3",
    key_images=(KeyImage(PICTURE, "Image 21 · z +42.5 mm"),),
    more_key_images=2,
)


class Reader(HTMLParser):
    """Collects what a browser would fetch, and the words."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_says_measures_scores_and_key_images_and_needs_nothing_else(tmp_path: Path) -> None:
    summary.write_html(tmp_path / "page.html", html(PAGE))
    reader = Reader()
    reader.feed((tmp_path / "page.html").read_text("utf-8"))
    for words in (
        "Length “a & b”", "34.2 mm", "im 21", "11.4 mL", "pixel size is estimated", "2 · Brain <5 mm>", "0.97",
        "suspected", "11.6 mL", "0.98", "v3", "Image 21", "2 more key images", "Research use only",
        "Patient not shown",
    ):  # fmt: skip
        assert words in reader.words
    assert reader.words.count("below threshold") == 1
    assert all(source.startswith("data:image/png;base64,") for source in reader.sources)
    assert len(reader.sources) == 1


def test_a_page_without_findings_says_so() -> None:
    empty = Summary(
        who=("Doe, Jane", "P-1"), series="Series", made="now", not_scored="The pixel size is unknown."
    )
    page = html(empty)
    assert "Nothing was measured." in page
    assert "The pixel size is unknown." in page
    assert "Doe, Jane<br>P-1" in page


def test_cautions_stand_as_sentences_after_each_other() -> None:
    """Each of them ends with a full stop of its own."""
    cautions = ("The gantry was tilted by 18.50°.", "The gaps between slices differ.")
    page = html(replace(PAGE, cautions=cautions))
    told = "Scored with caution. The gantry was tilted by 18.50°. The gaps between slices differ.</p>"
    assert told in page


def test_more_measures_than_fit_are_counted() -> None:
    many = Summary((), "s", "now", measures=(("Length", "1.0 mm", "im 1", ""),) * 30)
    assert "6 more measures not listed" in html(many)


def test_a_full_disk_leaves_nothing_of_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(PterionError, match=r"Writing view\.png failed: the disk is full"):
        export_view.write_png(tmp_path / "view.png", PICTURE)
    assert list(tmp_path.iterdir()) == []
