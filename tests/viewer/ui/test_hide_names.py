"""Hide patient: names of files may name the patient, so no notice, badge or slice says them while it holds."""

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from viewer.dicom.notes import unreadable
from viewer.dicom.series import Problem
from viewer.library import index
from viewer.session import Session
from viewer.ui import captions
from viewer.ui.notices import Notices
from viewer.ui.study_text import tooltip

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

NOTE = unreadable([("DOE_JANE_01.dcm", "it is cut short"), ("DOE_JANE_02.dcm", "permission denied")])


def test_the_sentence_without_names_says_as_much() -> None:
    assert "DOE_JANE_01.dcm: it is cut short" in NOTE.told(hidden=False)
    assert NOTE.told(hidden=True) == "2 files cannot be read. Copy or export the series again."
    assert NOTE.problem is Problem.UNREADABLE_FILES


def test_notices_hide_what_they_said_and_say_it_again(open_session: Session, qtbot: QtBot) -> None:
    """Those that are there already, too."""
    notices = Notices(open_session)
    qtbot.addWidget(notices)
    open_session.notice("warning", "Some files could not be read", NOTE.text, NOTE.discreet)
    open_session.notice("info", "Saved", "All is well.")
    quiet, card = notices.cards
    assert "DOE_JANE" in card.text.text()
    open_session.set_patient_hidden(True)
    assert card.text.text() == NOTE.discreet
    assert quiet.text.text() == "All is well."
    open_session.set_patient_hidden(False)
    assert card.text.text() == NOTE.text
    open_session.set_patient_hidden(True)
    open_session.notice("error", "Nothing could be opened", "DOE.zip is damaged.", "It names files.")
    assert notices.cards[0].text.text() == "It names files."


def test_tooltips_of_thumbnails_name_no_file(open_session: Session) -> None:
    assert open_session.study is not None
    series = replace(open_session.study.series[0], notes=(NOTE,))
    assert "DOE_JANE" in tooltip(series, hidden=False)
    assert "DOE_JANE" not in tooltip(series, hidden=True)
    assert "2 files cannot be read" in tooltip(series, hidden=True)


def test_a_slice_that_failed_says_so_without_a_name() -> None:
    assert captions.failed_text(2, "") == "Slice 3 cannot be read. Copy the series again from its source."


def test_the_library_keeps_both_sentences(open_session: Session) -> None:
    study = open_session.study
    assert study is not None
    noted = replace(study, series=(replace(study.series[0], notes=(NOTE,)),))
    assert index.unpack(index.pack(noted)).series[0].notes == (NOTE,)
