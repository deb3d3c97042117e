"""Two studies whose series share a UID, as careless copies do, keep their own findings; damaged ones are said."""

import zlib
from pathlib import Path

import numpy as np
import pytest

from viewer.library.errors import LibraryError
from viewer.library.store import Library


def save(library: Library, study_uid: str, score: float, model_id: str = "toy-1") -> None:
    library.save_findings(
        "9",
        model_id,
        study_scores={"any": score},
        slice_scores=np.full((2, 6), score, np.float32),
        masks=np.zeros((2, 4, 4), np.uint8),
        volume_ml={},
        study_uid=study_uid,
    )


def test_each_study_has_its_own(tmp_path: Path) -> None:
    library = Library(tmp_path)
    save(library, "1", 0.1)
    save(library, "2", 0.9)
    first, second = library.load_findings("9", "toy-1", "1"), library.load_findings("9", "toy-1", "2")
    assert first is not None
    assert second is not None
    assert (first.study_scores["any"], second.study_scores["any"]) == (0.1, 0.9)
    assert first.series_uid == "9"
    assert library.load_findings("9", "toy-1", "3") is None
    assert library.latest_findings("9", "3") is None
    assert {(s.study_uid, s.series_uid) for s in library.study_scores("toy-1")} == {("1", "9"), ("2", "9")}
    library.close()


def test_the_latest_of_any_model_is_found(tmp_path: Path) -> None:
    library = Library(tmp_path)
    save(library, "1", 0.1, "toy-1")
    save(library, "1", 0.4, "toy-2")
    latest = library.latest_findings("9", "1")
    assert latest is not None
    assert latest.model_id == "toy-2"
    library.close()


@pytest.mark.parametrize("masks", [b"no zlib", zlib.compress(bytes(5))])
def test_damaged_findings_are_said(tmp_path: Path, masks: bytes) -> None:
    library = Library(tmp_path)
    save(library, "1", 0.5)
    with library.writing() as connection:
        connection.execute("UPDATE findings SET masks = ?", (masks,))
    for load in (lambda: library.load_findings("9", "toy-1", "1"), lambda: library.latest_findings("9")):
        with pytest.raises(LibraryError, match="damaged"):
            load()
    library.close()
