"""From a picture of a training to its slice: in the open series, in another folder, and where it is gone."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from model.examples import place_of
from viewer.annotation.document import Annotation, Document
from viewer.app import Application
from viewer.corpora.annotations import document_samples, salt_of
from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.write import write_series
from viewer.jobs.places import find_place
from viewer.library.store import Library
from viewer.session import Notice

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
WAIT_MS = 60_000
SQUARE = ((30.0, 60.0), (42.0, 60.0), (42.0, 70.0), (30.0, 70.0))


@pytest.fixture
def elsewhere(tmp_path: Path, phantom_hu: np.ndarray) -> Path:
    """A folder of two series of one study; the longer one is what opens by itself."""
    for name, count in (("short", 4), ("long", 8)):
        write_series(
            tmp_path / "elsewhere" / name,
            phantom_hu[:count],
            spacing_mm=(1.75, 1.75),
            positions_mm=np.array([(0.0, 0.0, 5.0 * index) for index in range(count)]),
            patient_id="P-1",
            study_uid="1.2.826.0.1.3680043.8.498.77",
            thickness_mm=5.0,
        )
    return tmp_path / "elsewhere"


def places(library_dir: Path, folder: Path, drawn: int) -> dict[str, tuple[str, ...]]:
    """By series, the names that a training has for its slices, once slice `drawn` of each is annotated."""
    library, found = Library(library_dir), {}
    for study in scan([folder]).studies:
        library.remember_study(study)
        for series in study.series:
            shape = Annotation("a", series.slices[drawn].sop_uid, 0, "IPH", SQUARE)
            document = Document(series.study_uid, series.series_uid, (shape,))
            (sample,) = document_samples(document, load_all(series), "p", salt_of(library))
            count = len(sample.hu)
            found[series.series_uid] = tuple(place_of(sample.provenance, i) for i in range(count))
    library.close()
    return found


@pytest.fixture
def opened(
    qtbot: QtBot, start: Callable[..., Application], phantom_series: Path
) -> Callable[[], Application]:
    """Opens the phantom series in a window with a library of its own and no model."""

    def make() -> Application:
        made = start(phantom_series)
        session = made.session
        qtbot.waitUntil(lambda: session.volume is not None and session.volume.loaded.all(), timeout=WAIT_MS)
        qtbot.waitUntil(lambda: not made.opening.busy, timeout=WAIT_MS)
        made.notices.clear()  # type: ignore[attr-defined]
        return made

    return make


def test_a_slice_of_the_open_series_is_gone_to(
    opened: Callable[[], Application], qtbot: QtBot, tmp_path: Path, phantom_series: Path
) -> None:
    (names,) = places(tmp_path / "library", phantom_series, 2).values()  # slices 1, 2 and 3
    session = opened().session
    assert session.slice_index not in (1, 3)
    for name, index in zip(names, (1, 2, 3), strict=True):
        session.learning.slice_requested.emit(name)
        qtbot.waitUntil(lambda index=index: session.slice_index == index, timeout=WAIT_MS)


def test_a_series_that_is_not_open_is_opened_at_the_slice(
    opened: Callable[[], Application], qtbot: QtBot, tmp_path: Path, elsewhere: Path
) -> None:
    """From its folder, though another series of it opens by itself; then from the worklist."""
    found = places(tmp_path / "library", elsewhere, 0)
    session = opened().session
    for series_uid, names in sorted(found.items()):
        session.learning.slice_requested.emit(names[0])

        def there(uid: str = series_uid) -> bool:
            series = session.series
            return series is not None and series.series_uid == uid and session.slice_index == 0

        qtbot.waitUntil(there, timeout=WAIT_MS)
    assert len(session.studies) == 2


def test_what_is_gone_is_said(
    opened: Callable[[], Application], qtbot: QtBot, tmp_path: Path, elsewhere: Path
) -> None:
    found = places(tmp_path / "library", elsewhere, 0)
    application = opened()
    learning, said = application.session.learning, application.notices  # type: ignore[attr-defined]
    learning.slice_requested.emit("0" * 20 + "/" + "1" * 20 + ":0")
    qtbot.waitUntil(lambda: len(said) == 1, timeout=WAIT_MS)
    shutil.rmtree(elsewhere)
    learning.slice_requested.emit(next(iter(found.values()))[0])
    qtbot.waitUntil(lambda: len(said) == 2, timeout=WAIT_MS)
    notices: list[Notice] = said
    assert [notice.title for notice in notices] == ["The slice could not be opened"] * 2
    assert "no longer in the library" in notices[0].text
    assert "Open the folder or the disc" in notices[1].text


def test_a_name_means_one_series_and_one_slice(tmp_path: Path, phantom_series: Path) -> None:
    (names,) = places(tmp_path / "library", phantom_series, 2).values()
    volume = load_all(scan([phantom_series]).studies[0].series[0])
    library = Library(tmp_path / "library")
    place = find_place(library, names[0])
    assert place is not None
    assert (place.key, place.patient, place.index_in(volume)) == (volume.series.key, "PHANTOM-1", 1)
    other = find_place(library, names[0].partition("/")[0] + "/nothing:0")
    assert other is not None
    assert other.index_in(volume) is None
    assert find_place(library, "") is None
    library.close()
