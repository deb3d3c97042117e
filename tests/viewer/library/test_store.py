"""What is saved is found again, exactly."""

import itertools
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.annotation.document import Annotation, Document
from viewer.dicom.series import Series, SliceHeader, Study
from viewer.library.errors import LibraryError
from viewer.library.store import Library

TRIANGLE = ((0.1, 0.2), (10.0 / 3.0, 1e-17), (5.0, 7.25))


def annotation(uid: str, sop_uid: str = "a", **fields: object) -> Annotation:
    return Annotation(uid, sop_uid, 0, "SDH", TRIANGLE, **fields)  # type: ignore[arg-type]


def document(*uids: str, reviewed: str = "") -> Document:
    return Document("study", "series", tuple(annotation(uid) for uid in uids), frozenset(reviewed))


def save(library: Library, new: Document, previous: Document | None = None) -> int:
    return library.save_document(new, action="edit", reader="R", previous=previous).seq


def test_a_series_never_seen_is_an_empty_document(library: Library) -> None:
    assert library.load_document("study", "series") == Document("study", "series")
    assert library.version("series") == 0
    assert library.annotated_series() == ()


def test_every_field_survives_a_restart_bit_by_bit(library: Library) -> None:
    full = Document(
        "study",
        "series",
        (
            annotation(
                "2", source="model edited", model_id="m é", reviewed=False, holes=(TRIANGLE, TRIANGLE)
            ),
            replace(annotation("1"), frame=3, subtype="IPH"),
        ),
        frozenset({"c", "d"}),
    )
    save(library, full)
    library.close()
    again = Library(library.path.parent)
    assert again.load_document("study", "series") == full
    assert again.replay("study", "series") == full
    assert again.annotated_series() == (("study", "series"),)


def test_a_reviewed_slice_alone_counts_as_annotated(library: Library) -> None:
    save(library, document(reviewed="x"))
    assert library.annotated_series() == (("study", "series"),)
    save(library, document())
    assert library.annotated_series() == ()


def test_the_journal_tells_who_did_what_and_holds_only_what_changed(library: Library) -> None:
    first, second = document("1"), document("1", "2")
    library.save_document(first, action="draw SDH", reader="Dr A")
    library.save_document(second, action="draw SDH", reader="Dr B", previous=first)
    one, two = library.journal("series")
    assert (one.reader, one.action, two.reader, two.seq) == ("Dr A", "draw SDH", "Dr B", one.seq + 1)
    assert '"1"' not in two.after
    assert two.before == '{"annotations":{"2":null}}'
    assert library.replay("study", "series", up_to=one.seq) == first
    assert library.version("series") == two.seq


def test_an_equal_document_writes_nothing(library: Library) -> None:
    seq = save(library, document("1"))
    assert save(library, document("1"), document("1")) == seq
    assert len(library.journal("series")) == 1


def test_the_journal_cannot_be_changed(library: Library) -> None:
    save(library, document("1"))
    connection = sqlite3.connect(library.path)
    for statement in ("DELETE FROM journal", "UPDATE journal SET reader = 'nobody'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_the_order_of_drawing_is_kept_when_a_deletion_is_undone(library: Library) -> None:
    save(library, document("1", "2", "3"))
    save(library, document("2", "3"), document("1", "2", "3"))
    save(library, document("1", "2", "3"), document("2", "3"))
    again = Library(library.path.parent)
    assert again.load_document("study", "series") == document("1", "2", "3")
    assert again.replay("study", "series") == document("1", "2", "3")


def test_series_do_not_mix_even_with_equal_uids(library: Library) -> None:
    save(library, document("1", "2"))
    library.save_document(
        Document("study", "other", (annotation("1", "z"),)), action="import", reader="R", previous=Document()
    )
    again = Library(library.path.parent)
    assert again.load_document("study", "series") == document("1", "2")
    assert len(again.load_document("study", "other").annotations) == 1


uids = st.lists(st.sampled_from("123456"), unique=True, max_size=6)
states = st.builds(
    lambda chosen, kinds, marks: Document(
        "study",
        "series",
        tuple(replace(annotation(uid), subtype=kind) for uid, kind in zip(chosen, kinds, strict=False)),
        frozenset(marks),
    ),
    uids,
    st.lists(st.sampled_from(["SDH", "EDH"]), min_size=6, max_size=6),
    st.sets(st.sampled_from("xyz")),
)


@given(st.lists(states, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_journal_replay_equals_the_stored_state(
    tmp_path_factory: pytest.TempPathFactory, history: list[Document]
) -> None:
    library = Library(tmp_path_factory.mktemp("library"))
    start = library.load_document("study", "series")
    for before, after in itertools.pairwise([start, *history]):
        assert library.save_document(after, action="edit", reader="R", previous=before).document == after
        assert library.replay("study", "series") == after
    library.close()
    again = Library(library.path.parent)
    assert again.load_document("study", "series") == history[-1]
    again.close()


def test_threads_share_a_library(library: Library) -> None:
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            mine = Document("study", name)
            for number in range(10):
                more = replace(mine, annotations=(*mine.annotations, annotation(f"{name}{number}")))
                save(library, more, mine)
                mine = more
                assert library.load_document("study", name) == mine
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(library.annotated_series()) == 4


# studies


def study(uid: str, folder: Path) -> Study:
    header = SliceHeader(folder / "1.dcm", "a", 0, 1, None, None, None, 512, 256, None)
    series = Series(
        "s" + uid, "e" + uid, 2, "CT", "Brain 5.0", (header,), (), (0.0,), 0.0, 5.0, "", "", "", ()
    )
    return Study(uid, "DOE^JANE", "id", "F", "070Y", "20261119", "031200", "CT head", (series,))


def test_a_study_is_remembered_with_its_series_and_files(library: Library, tmp_path: Path) -> None:
    library.remember_study(study("1", tmp_path))
    [found] = library.studies()
    assert (found.study_uid, found.patient_name, found.date, found.description) == (
        "1",
        "DOE^JANE",
        "20261119",
        "CT head",
    )
    [series] = found.series
    assert (series.series_uid, series.number, series.slices, series.rows, series.columns) == (
        "e1",
        2,
        1,
        512,
        256,
    )
    assert series.files == (tmp_path / "1.dcm",)


def test_a_study_seen_again_is_updated(library: Library, tmp_path: Path) -> None:
    library.remember_study(study("1", tmp_path))
    library.remember_study(study("1", tmp_path / "moved"))
    [found] = library.studies()
    assert found.series[0].files == (tmp_path / "moved" / "1.dcm",)


# findings


def findings(library: Library, model_id: str, score: float) -> None:
    masks = np.zeros((3, 4, 5), np.uint8)
    masks[1, 2, 3] = 2
    library.save_findings(
        "e1",
        model_id,
        study_scores={"any": np.float32(score)},
        slice_scores=np.full((3, 6), score, np.float32),
        masks=masks,
        volume_ml={"SDH": 1.5},
        cautions=("AI_CAUTION",),
        seconds=3.25,
    )


def test_findings_come_back_as_they_were_and_can_be_written_into(library: Library) -> None:
    findings(library, "m1", 0.5)
    found = library.load_findings("e1", "m1")
    assert found is not None
    assert (found.study_scores, found.volume_ml) == ({"any": 0.5}, {"SDH": 1.5})
    assert (found.cautions, found.seconds) == (("AI_CAUTION",), 3.25)
    assert found.slice_scores.dtype == np.float32
    assert np.array_equal(found.slice_scores, np.full((3, 6), 0.5, np.float32))
    assert found.masks.shape == (3, 4, 5)
    assert found.masks.sum() == 2
    found.masks[0] = 1
    found.slice_scores[0] = 1
    assert library.load_findings("e1", "m2") is None
    assert library.load_findings("e2", "m1") is None


def test_the_worklist_gets_the_latest_scores_of_each_series(library: Library, tmp_path: Path) -> None:
    findings(library, "m1", 0.25)
    findings(library, "m2", 0.75)
    assert [(s.study_uid, s.model_id, s.scores) for s in library.study_scores()] == [
        ("", "m2", {"any": 0.75})
    ]
    library.remember_study(study("1", tmp_path))
    [scores] = library.study_scores("m1")
    assert (scores.study_uid, scores.series_uid, scores.scores) == ("s1"[1:], "e1", {"any": 0.25})
    findings(library, "m1", 0.125)
    assert [s.scores for s in library.study_scores("m1")] == [{"any": 0.125}]


# settings and closing


def test_settings_are_kept(library: Library) -> None:
    assert library.setting("window", "none") == "none"
    library.set_setting("window", {"width": 80, "names": ["brain"]})
    library.set_setting("window", {"width": 90})
    assert Library(library.path.parent).setting("window") == {"width": 90}


def test_a_closed_library_says_so(library: Library) -> None:
    library.close()
    library.close()
    with pytest.raises(LibraryError, match="closed"):
        library.studies()
