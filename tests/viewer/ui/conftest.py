"""A session with a small open series, for tests of the widgets."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from viewer.dicom.series import Note, Series, SliceHeader, Study
from viewer.dicom.volume import Volume
from viewer.session import Findings, Session

VolumeMaker = Callable[..., Volume]
FindingsMaker = Callable[..., Findings]


@pytest.fixture
def make_volume() -> VolumeMaker:
    """Volume of `count` slices of `shape`, 5 mm apart, slice i filled with 10 × i HU; everything loaded."""

    def make(
        count: int = 6,
        shape: tuple[int, int] = (64, 64),
        spacing_mm: tuple[float, float] = (1.0, 1.0),
        notes: tuple[Note, ...] = (),
        series_uid: str = "1.2.3",
        orientation: tuple[float, ...] | None = (1, 0, 0, 0, 1, 0),
    ) -> Volume:
        rows, columns = shape
        slices = tuple(
            SliceHeader(
                path=Path(f"IM{i:04d}"),
                sop_uid=f"{series_uid}.{i}",
                frame=0,
                instance_number=i + 1,
                position_mm=(-32.0, -32.0, 5.0 * i) if orientation else None,
                orientation=orientation,  # type: ignore[arg-type]
                spacing_mm=spacing_mm,
                rows=rows,
                columns=columns,
                window=(100.0, 35.0),
            )
            for i in range(count)
        )
        series = Series(
            study_uid="1.2",
            series_uid=series_uid,
            number=2,
            modality="CT",
            description="Brain 5.0 mm",
            slices=slices,
            gaps_mm=(5.0,) * (count - 1),
            z_mm=tuple(5.0 * i for i in range(count)),
            tilt_deg=0.0,
            thickness_mm=5.0,
            transfer_syntax="1.2.840.10008.1.2.1",
            kernel="H30",
            technique="120 kV · 300 mAs",
            notes=notes,
        )
        hu = np.arange(count, dtype=np.int16)[:, None, None] * 10 + np.zeros((count, rows, columns), np.int16)
        return Volume(series, hu, np.ones(count, bool), np.zeros(count, bool), spacing_mm)

    return make


@pytest.fixture
def make_findings() -> FindingsMaker:
    """Findings of a volume: SDH .97 with a mask of rows 20..29, columns 40..49 in the given slices."""

    def make(volume: Volume, slices: tuple[int, ...] = (2, 3), *, done: bool = True) -> Findings:
        count = len(volume.hu)
        masks = np.zeros(volume.hu.shape, np.uint8)
        scores = np.full((count, 6), 0.01, np.float32)
        for index in slices:
            masks[index, 20:30, 40:50] = 2
            scores[index, [0, 2]] = 0.97
        study = {"any": 0.98, "EDH": 0.06, "SDH": 0.97, "SAH": 0.02, "IVH": 0.01, "IPH": 0.1}
        return Findings(
            series_uid=volume.series.series_uid,
            model_id="test-1",
            slice_scores=scores,
            masks=masks,
            scored=count if done else 1,
            total=count,
            study_scores=study if done else None,
            volume_ml={"SDH": 11.6} if done else {},
            thresholds={"SDH": 0.5},
        )

    return make


@pytest.fixture
def session(qapp: object) -> Session:
    """A session with nothing open."""
    return Session()


@pytest.fixture
def open_session(session: Session, make_volume: VolumeMaker) -> Session:
    """A session with one study and its series of six slices open."""
    volume = make_volume()
    study = Study(
        study_uid="1.2",
        patient_name="Doe^Jane",
        patient_id="ANON-0042",
        sex="F",
        age="071Y",
        date="20261119",
        time="031200",
        description="CT head w/o contrast",
        series=(volume.series, make_volume(series_uid="1.2.4").series),
    )
    session.set_studies((study,))
    session.set_study(study)
    session.set_volume(volume)
    return session
