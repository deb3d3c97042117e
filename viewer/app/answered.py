"""An answer of the model as a value: before there is any, as it ends, kept in the library and found again."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from model.labels import CODES, SCORES
from model.registry import Version, study_thresholds
from viewer.dicom.volume import Volume
from viewer.library.store import Library
from viewer.session import Findings

if TYPE_CHECKING:
    from viewer.jobs.infer import StudyAnswer
    from viewer.library.records import StoredFindings


def nothing(volume: Volume, model_id: str, *, not_run: str = "") -> Findings:
    """What there is before the first slice is scored; `not_run` says why none will be."""
    count = len(volume.hu)
    scores = np.full((count, len(SCORES)), np.nan, np.float32)
    masks = np.zeros(volume.hu.shape, np.uint8)
    return Findings(volume.series.series_uid, model_id, scores, masks, 0, count, not_run=not_run)


def whole(findings: Findings, answer: "StudyAnswer") -> Findings:
    """Findings with the answer for the whole study, once every slice is scored."""
    return replace(
        findings,
        slice_scores=answer.slice_scores,
        scored=int(np.isfinite(answer.slice_scores[:, 0]).sum()),
        study_scores=answer.scores,
        volume_ml=answer.volume_ml,
        thresholds=answer.thresholds,
        study_thresholds=answer.study_thresholds,
        seconds=answer.seconds,
        cautions=tuple(caution.text for caution in answer.cautions),
    )


def with_thresholds(findings: Findings, version: Version) -> Findings:
    """Findings with the operating points of the version that made them."""
    info = version.info
    return replace(findings, thresholds=dict(info["thresholds"]), study_thresholds=study_thresholds(info))


def keep(library: Library, findings: Findings, study_uid: str) -> None:
    """Write findings to the library. Raises PterionError where that fails."""
    library.save_findings(
        findings.series_uid,
        findings.model_id,
        study_scores=findings.study_scores or {},
        slice_scores=findings.slice_scores,
        masks=findings.masks,
        volume_ml=findings.volume_ml,
        cautions=findings.cautions,
        seconds=findings.seconds,
        study_uid=study_uid,
    )


def restored(stored: "StoredFindings", version: Version) -> Findings:
    """Findings as they were when they were saved."""
    findings = Findings(
        stored.series_uid,
        stored.model_id,
        stored.slice_scores,
        stored.masks,
        len(stored.masks),
        len(stored.masks),
        stored.study_scores,
        {code: stored.volume_ml[code] for code in CODES if code in stored.volume_ml},
        seconds=stored.seconds,
        cautions=stored.cautions,
    )
    return with_thresholds(findings, version)
