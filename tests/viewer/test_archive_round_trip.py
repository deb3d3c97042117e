"""What leaves the program is stored by an archive (Orthanc) and comes back the same."""

import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.labels import SCORES
from viewer.app.receiving import received
from viewer.dicom.load import load_all
from viewer.dicom.overlaid import overlay
from viewer.dicom.report import read_report
from viewer.dicom.scan import scan
from viewer.dicom.segmentation import read_segmentation
from viewer.dicom.volume import Volume
from viewer.dicom.write import write_series
from viewer.jobs.answer import Answer
from viewer.jobs.dicom_capture import write_capture
from viewer.jobs.dicom_findings import write_findings
from viewer.jobs.dicom_segmentation import segments_of, write_segmentation

PATIENCE_S = 60
SHAPE = (5, 24, 32)
TILTED = [(-8.0, -6.0 - 1.5 * i, z) for i, z in enumerate((0.0, 5.0, 10.0, 17.0, 24.0))]


class Archive:
    """An Orthanc of the test's own, asked over HTTP."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            self.port, dicom_port = one.getsockname()[1], other.getsockname()[1]
        folder.mkdir()
        settings = {
            "StorageDirectory": str(folder),
            "IndexDirectory": str(folder),
            "HttpPort": self.port,
            "DicomPort": dicom_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "Plugins": [],
        }
        (folder / "orthanc.json").write_text(json.dumps(settings), "utf-8")
        self._process = subprocess.Popen(
            [str(shutil.which("Orthanc")), str(folder / "orthanc.json")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def begin(self) -> None:
        """Wait until it says that it answers."""
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if "Orthanc has started" in line:
                return
        pytest.fail("Orthanc has ended: " + "".join(said))

    def ask(self, what: str, content: bytes | None = None) -> bytes:
        """GET, or POST where there is content."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.port}/{what}", content, timeout=PATIENCE_S
        ) as answer:
            return bytes(answer.read())

    def store(self, path: Path) -> str:
        """Hand a file in. Returns what the archive calls it."""
        told: dict[str, Any] = json.loads(self.ask("instances", path.read_bytes()))
        assert told["Status"] == "Success"
        return str(told["ID"])

    def fetch(self, name: str, path: Path) -> Path:
        """Take a file out."""
        path.write_bytes(self.ask(f"instances/{name}/file"))
        return path

    def end(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    if shutil.which("Orthanc") is None:
        pytest.skip("Orthanc is not installed")
    made = Archive(tmp_path_factory.mktemp("archive") / "storage")
    try:
        made.begin()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Volume:
    folder = tmp_path_factory.mktemp("head") / "ct"
    hu = np.random.default_rng(3).integers(20, 80, SHAPE).astype(np.int16)
    write_series(
        folder, hu, spacing_mm=(0.8, 0.5), positions_mm=TILTED, thickness_mm=5.0,
        patient_name="Müller^Jürgen", patient_id="P-1",
    )  # fmt: skip
    return load_all(scan([folder]).studies[0].series[0])


def labels() -> np.ndarray:
    masks = np.zeros(SHAPE, np.uint8)
    masks[1:4, 2:9, 3:20] = 2
    masks[3, 15:22, 25:31] = 5
    return masks


def answer_of(volume: Volume) -> Answer:
    scores = dict.fromkeys(SCORES, 0.75)
    slices = np.full((SHAPE[0], len(SCORES)), 0.5, np.float32)
    return Answer(volume, "toy-1", labels(), scores, dict.fromkeys(SCORES, 0.5), slices, {"SDH": 1.25})


def test_a_segmentation_comes_back_from_an_archive(tmp_path: Path, archive: Archive, volume: Volume) -> None:
    write_segmentation(tmp_path / "seg.dcm", volume.series, segments_of(labels(), "toy-1"))
    back = archive.fetch(archive.store(tmp_path / "seg.dcm"), tmp_path / "back.dcm")
    laid = overlay(read_segmentation(back), volume.series)
    assert laid.astray == 0
    drawn = np.zeros(SHAPE, np.uint8)
    for part, value in zip(laid.segments, (2, 5), strict=True):
        for index, mask in part.masks.items():
            drawn[index][mask] = value
    np.testing.assert_array_equal(drawn, labels())
    assert [segment.name for segment in received(back, "Back", volume).segments] == ["SDH", "IPH"]


def test_a_report_and_a_summary_lie_in_the_study_of_their_images(
    tmp_path: Path, archive: Archive, volume: Volume
) -> None:
    (image,) = {archive.store(one.path) for one in volume.series.slices[:1]}
    answer = answer_of(volume)
    write_findings(tmp_path / "sr.dcm", answer)
    write_capture(tmp_path / "sc.dcm", answer)
    report, page = archive.store(tmp_path / "sr.dcm"), archive.store(tmp_path / "sc.dcm")
    studies = {json.loads(archive.ask(f"instances/{one}/study"))["ID"] for one in (image, report, page)}
    assert len(studies) == 1
    said = read_report(archive.fetch(report, tmp_path / "back.dcm"))
    assert ("Volume", "1.25 mL") in [(line.name, line.value) for line in said.lines]
    assert [line.images for line in said.lines] == [
        line.images for line in read_report(tmp_path / "sr.dcm").lines
    ]
    assert archive.ask(f"instances/{page}/preview")[:4] == b"\x89PNG"  # the archive can show it
