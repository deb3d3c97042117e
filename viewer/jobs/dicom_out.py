"""Measures, key images and the view as DICOM objects of the study: a structured report (TID 1500), key object
selections, presentation states. Made by highdicom, written whole or not at all.

They refer to the source images by UID and carry the patient and the study that these belong to.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import PterionError
from viewer import __version__
from viewer.annotation.document import Document
from viewer.dicom.files import file_error, whole_file
from viewer.dicom.quiet import quiet
from viewer.dicom.series import Series
from viewer.dicom.volume import Volume
from viewer.imaging.placement import ViewState
from viewer.imaging.windows import Window
from viewer.measures.mark import Mark, MarkKind
from viewer.measures.readings import index_of

if TYPE_CHECKING:
    from pydicom import Dataset

MANUFACTURER, MODEL = "Pterion", "Pterion"
RESEARCH = "Research use only, not for diagnosis"
SERIES_NUMBER = 9000
"""Of the series that is made; high, so that it comes after the scanner's own."""


_MAY_BE_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "PositionReferenceIndicator",
)
"""Elements of type 2 of patient, study and frame of reference (PS3.5 7.4.3): there, and empty where unknown."""


def new_uid() -> str:
    """A UID of its own (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


def uid_of(name: str) -> str:
    """The UID that belongs to a name for ever."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'pterion/{name}').int}"


def own_series(number: int = 0) -> dict[str, Any]:
    """What highdicom is told of an object that is a series of its own, the `number`-th of those made here."""
    return {
        "series_instance_uid": new_uid(),
        "series_number": SERIES_NUMBER + number,
        "sop_instance_uid": new_uid(),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
    }


def own_images(number: int) -> dict[str, Any]:
    """The same of an object that says which program made it, and what for (PS3.3 C.7.5.2, 10.9)."""
    return own_series(number) | {
        "manufacturer_model_name": MODEL,
        "software_versions": __version__,
        "device_serial_number": uid_of("device")[-16:],
        "content_label": "PTERION",
        "content_description": RESEARCH,
    }


def with_part(dataset: "Dataset", source: "Dataset") -> "Dataset":
    """Say the part of the body where the source does."""
    part = str(source.get("BodyPartExamined", ""))
    if part:
        dataset.BodyPartExamined = part
    return dataset


def coded(code: tuple[str, str, str]) -> Any:
    """A coded concept of (value, scheme, meaning)."""
    from highdicom.sr import CodedConcept

    return CodedConcept(*code)


def _completed(header: "Dataset") -> "Dataset":
    """A header with what objects of the study repeat of it, in a form that the standard allows."""
    for name in _MAY_BE_EMPTY:
        if name not in header:
            setattr(header, name, "")
    if (
        "DeidentificationMethod" in header and not header.DeidentificationMethod
    ):  # type 1C: there is no empty one
        if header.get("PatientIdentityRemoved") == "YES":
            header.DeidentificationMethod = "not stated"
        else:
            del header.DeidentificationMethod
    return header


class Sources:
    """The headers of a series' slices, each file read once."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._read: dict[Path, Dataset] = {}

    def header(self, index: int) -> "Dataset":
        """The header of the file that holds a slice."""
        from pydicom import dcmread

        place = self._series.slices[index]
        if place.path not in self._read:
            try:
                header = dcmread(place.path, stop_before_pixels=True)
            except OSError as error:
                raise file_error(error, f"Reading {place.path.name}") from error
            self._read[place.path] = _completed(header)
        return self._read[place.path]

    def frame(self, index: int) -> int | None:
        """The number of a slice's frame in its file, from 1; None where the file holds one slice."""
        many = "NumberOfFrames" in self.header(index)
        return self._series.slices[index].frame + 1 if many else None

    def reference(self, index: int) -> tuple[str, str, list[int] | None]:
        """How an object refers to a slice: class and UID of its file, and its frame where that has several."""
        header, frame = self.header(index), self.frame(index)
        return str(header.SOPClassUID), str(header.SOPInstanceUID), None if frame is None else [frame]

    def headers(self, indices: Iterable[int]) -> "list[Dataset]":
        """The headers of the files that hold slices, each once."""
        found = {id(header): header for header in map(self.header, indices)}
        return list(found.values())


@contextmanager
def made() -> Iterator[None]:
    """Turn what highdicom refuses into a sentence: a source that lacks what DICOM asks for. Nothing of the patient
    is in it."""
    with quiet():
        try:
            yield
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise PterionError(
                "The headers of the source images lack what a DICOM object needs to refer to them "
                f"({type(error).__name__}). Export a picture or a summary instead.",
                code="DICOM_OUT",
            ) from error


def save(path: Path, dataset: "Dataset") -> None:
    """Write a DICOM file. Raises PterionError where the operating system refuses."""
    with whole_file(path) as file:
        dataset.save_as(file, enforce_file_format=True)


def observer() -> Any:
    """The program as the device that observed (TID 1004); who reads is not known to it."""
    from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext
    from pydicom.sr.codedict import codes

    device = DeviceObserverIdentifyingAttributes(
        uid=uid_of("device"), name=MODEL, manufacturer_name=MANUFACTURER, model_name=f"{MODEL} {__version__}"
    )
    return ObserverContext(codes.DCM.Device, device)


def write_key_objects(path: Path, volume: Volume, document: Document) -> None:
    """Write the key images of a series as a key object selection (PS3.3 A.35.4), their notes as its description.

    Raises PterionError without key images.
    """
    marked = _key_images(volume, document)
    if not marked:
        raise PterionError("No image is marked as key image. Press K on the images that matter, then export.")
    with made():
        dataset = _key_object(Sources(volume.series), marked)
    save(path, dataset)


def _key_images(volume: Volume, document: Document) -> list[tuple[int, Mark]]:
    found = (
        (index_of(volume, mark.sop_uid, mark.frame), mark)
        for mark in document.marks
        if mark.kind is MarkKind.KEY_IMAGE
    )
    return sorted(((index, mark) for index, mark in found if index is not None), key=lambda pair: pair[0])


def _key_object(sources: Sources, marked: list[tuple[int, Mark]]) -> "Dataset":
    from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
    from pydicom.sr.codedict import codes

    headers = sources.headers(index for index, _ in marked)
    frames: dict[str, list[int]] = {}
    for index, _ in marked:
        frame = sources.frame(index)
        if frame is not None:
            frames.setdefault(str(sources.header(index).SOPInstanceUID), []).append(frame)
    notes = [f"Image {index + 1}: {mark.note}" for index, mark in marked if mark.note]
    content = KeyObjectSelection(
        document_title=codes.DCM.OfInterest,
        referenced_objects=headers,
        observer_device_context=observer(),
        description=". ".join([*notes, RESEARCH]),
    )
    dataset = KeyObjectSelectionDocument(
        evidence=headers,
        content=content,
        **own_series(),
    )
    for item in dataset.ContentSequence:
        referred = item.get("ReferencedSOPSequence", [None])[0]
        if referred is not None and referred.ReferencedSOPInstanceUID in frames:  # highdicom names no frames
            referred.ReferencedFrameNumber = frames[referred.ReferencedSOPInstanceUID]
    dataset.SeriesDescription = f"Key images. {RESEARCH}"
    return dataset


def write_presentation(
    path: Path, volume: Volume, document: Document, window: Window, view: ViewState
) -> None:
    """Write how the slices are looked at as a grayscale softcopy presentation state: window, inversion, flips and
    turns, and the measures on source slices as graphics (PS3.3 A.33.1)."""
    from viewer.jobs.dicom_graphics import presentation_state

    with made():
        dataset = presentation_state(Sources(volume.series), volume, document, window, view)
    save(path, dataset)


def write_measures(path: Path, volume: Volume, document: Document) -> None:
    """Write the measures of a series as a structured report after TID 1500 (PS3.16).

    Raises PterionError without measures.
    """
    from viewer.jobs.dicom_report import measurement_report

    if not document.measures:
        raise PterionError("Nothing is measured on this series. Measure first, then export.")
    with made():
        dataset = measurement_report(Sources(volume.series), volume, document)
    save(path, dataset)
