"""The journal of one library put into another, edit by edit, so that who did what when comes along."""

from collections.abc import Sequence

from viewer.annotation.document import Document
from viewer.library import documents
from viewer.library.merge import apply_json, difference
from viewer.library.records import JournalEntry
from viewer.library.store import Library


def everything(document: Document) -> str:
    """A whole document as JSON text; `document_from` takes it back."""
    return difference(Document(document.study_uid, document.series_uid), document).to_json()[1]


def document_from(study_uid: str, series_uid: str, text: str) -> Document:
    """The document that `everything` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    return apply_json(Document(study_uid, series_uid), text)


def add_history(
    library: Library, study_uid: str, series_uid: str, entries: Sequence[JournalEntry], reading: str = ""
) -> bool:
    """Put every edit of a series into a library that has none of it, all or none; False where it has some already.

    Raises ValueError, KeyError or TypeError where an edit is damaged, LibraryError as the library does.
    """
    with library.writing() as connection:
        key = documents.key_of(connection, study_uid, series_uid, reading)
        if documents.version(connection, key)[0]:
            return False
        before = Document(study_uid, series_uid)
        for entry in entries:
            after = apply_json(before, entry.after)
            documents.write(
                connection,
                after,
                difference(before, after),
                time=entry.time,
                reader=entry.reader,
                action=entry.action,
                key=key,
            )
            before = after
    return True
