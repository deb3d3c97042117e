"""Files as scanners write them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest

from viewer.dicom.load import load_all
from viewer.dicom.scan import scan
from viewer.dicom.series import Problem


def test_the_tilted_head_is_exact(shared_data: Path) -> None:
    (study,) = scan(shared_data / "head-ct-dicom" / "ge-tilted-uneven").studies
    volume = load_all(study.series[0])
    assert volume.loaded.all()
    for index, one in enumerate(volume.series.slices):
        data = pydicom.dcmread(one.path)
        hu = data.pixel_array * float(data.RescaleSlope) + float(data.RescaleIntercept)
        assert (volume.hu[index] == hu).all()
        assert volume.patient_mm(index, 0.5, 0.5) == tuple(data.ImagePositionPatient)
    assert list(volume.series.z_mm) == sorted(volume.series.z_mm)
    assert volume.reformattable


def test_the_tilted_head_has_its_gaps_and_its_tilt(shared_data: Path) -> None:
    """Thirteen gaps of 4 mm, thirteen of 7 and one of 1.08; the tag says 18.5 as well, but is not asked."""
    (study,) = scan(shared_data / "head-ct-dicom" / "ge-tilted-uneven").studies
    series = study.series[0]
    rounded = Counter(round(gap, 2) for gap in series.gaps_mm)
    assert rounded == {4.0: 13, 7.0: 13, 1.08: 1}
    assert series.gaps_mm == pytest.approx(
        [min((4, 7, 1.08), key=lambda g: abs(g - gap)) for gap in series.gaps_mm], abs=0.01
    )
    assert series.tilt_deg == pytest.approx(18.5, abs=0.01)
    assert series.problems == {Problem.GANTRY_TILT, Problem.UNEVEN_SPACING}
    texts = " ".join(note.text for note in series.notes)
    assert "13 × 4.00 mm, 13 × 7.00 mm, 1 × 1.08 mm" in texts
    assert "tilted by 18.50°" in texts


def test_the_philips_phantom_falls_into_its_series(shared_data: Path) -> None:
    result = scan(shared_data / "head-ct-dicom" / "philips-phantom")
    (study,) = result.studies
    found = {(one.number, one.series_uid.partition("#")[2]): one for one in study.series}
    assert {key: len(one.slices) for key, one in found.items()} == {
        (100, ""): 1,
        (201, ""): 28,
        (202, ""): 140,
        (401, ""): 3,
        (401, "2"): 3,
    }
    assert found[201, ""].gaps_mm == pytest.approx([5.0] * 27)
    assert found[202, ""].gaps_mm == pytest.approx([1.0] * 139, abs=0.011)
    assert found[201, ""].notes == found[202, ""].notes == ()
    assert found[100, ""].problems == found[401, ""].problems == {Problem.LOCALIZER}
    assert found[401, "2"].problems == {Problem.NOT_AN_IMAGE}
    assert found[201, ""].slices[0].window == (80, 40)
    assert result.notes == ()


def test_everything_that_can_be_shown_is_what_pydicom_reads(shared_data: Path) -> None:
    (study,) = scan(shared_data / "head-ct-dicom" / "philips-phantom").studies
    for series in (one for one in study.series if one.showable):
        volume = load_all(series)
        for index in (0, len(volume.hu) // 2, len(volume.hu) - 1):
            data = pydicom.dcmread(series.slices[index].path)
            expected = data.pixel_array.astype(np.int64) + int(data.RescaleIntercept)
            assert (volume.hu[index] == expected).all()
