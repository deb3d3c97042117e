"""Fine-tune the bundled model on a reader's annotations, in a process of its own: `run(folder)`.

Always from the bundled weights, so that errors do not add up from candidate to candidate. Batch statistics and the
part along z stay as they are; simulated heads are replayed, with the bundled model's own answers as targets, so that
what it knew is kept. A run that is killed goes on from its last checkpoint when it is started again.
"""

import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.batches import Case, crop_sample
from model.deal import ENOUGH_BLEEDING, TEST, TRAIN, VALIDATION, Deal, Split, Tally, deal
from model.errors import Cancelled, PterionError
from model.registry import CASES, LOG, verify
from model.replay import Heads, simulated_heads
from model.run_folder import CANDIDATE, SAMPLES, TRAINING, Control, EventLog, Request, running_lock
from model.sample import iterate_samples

if TYPE_CHECKING:
    from model.fine_tune import Tuned

Log = Callable[..., None]


def main(argv: Sequence[str]) -> int:
    """The training child: `argv` holds the run's folder. Returns the exit code."""
    return run(Path(argv[0]))


def run(folder: Path) -> int:
    """Train as `folder` asks, report to its events, leave `candidate/` there. Returns 0, or 1 where it failed."""
    log = EventLog(folder)
    try:
        with running_lock(folder.parent, folder.name):
            try:
                request = Request.read(folder)
                _stand_back(request.nice)
                with log.heartbeat():
                    event, facts = work(folder, request, log)
                _remove_work(folder)
                log(event, **facts)
            except Cancelled:
                _remove_work(folder)
                log("cancelled")
            except PterionError as error:
                _remove_work(folder)
                log("failed", code=str(error.code), text=str(error))
                return 1
            except OSError as error:
                text = f"The training could not go on ({error.strerror}). Free some space and start it again."
                _remove_work(folder)
                log("failed", code="DISK", text=text)
                return 1
            except Exception:
                traceback.print_exc()
                _remove_work(folder)
                text = f"The training met a fault; {folder.name}/log.txt has it."
                log("failed", code="INTERNAL_ERROR", text=text)
                raise
    except PterionError as error:  # another training runs
        log("failed", code=str(error.code), text=str(error))
        return 1
    return 0


def work(folder: Path, request: Request, log: EventLog) -> tuple[str, dict[str, Any]]:
    """The last event and its facts. Raises Cancelled, PterionError."""
    from model.train import prepare_torch

    control = Control(folder, log)
    cases: list[Case] = []
    told: dict[str, list[dict[str, Any]]] = {}
    tally = Tally()
    for sample in iterate_samples(folder / SAMPLES):
        cases.append(crop_sample(sample))
        told.setdefault(sample.patient, []).append(sample.provenance)
        tally.add(sample)
    if tally.counts.refusal:
        raise PterionError(tally.counts.refusal, code="NOTHING_TO_LEARN")
    dealt = deal(cases, Split(request.split).extended(tally.bleeds))
    prepare_torch(request.threads)
    if request.probe:
        return "probed", _probe(folder, request, dealt, log, control)
    log(
        "started",
        pid=os.getpid(),
        **vars(tally.counts),
        parts={part: dealt.patients(part) for part in (TRAIN, VALIDATION, TEST)},
        warning=tally.counts.warning,
    )
    return "candidate", retrain(folder, request, (dealt, tally, told), log, control)


def retrain(
    folder: Path, request: Request, given: tuple[Deal, Tally, dict[str, Any]], log: EventLog, control: Control
) -> dict[str, Any]:
    """Train, compare, export; the facts of the `candidate` event. given: cases, their counts, their provenance."""
    from model.candidate import calibration_of
    from model.fine_tune import Training, settings_of

    dealt, tally, _ = given
    info = verify(Path(request.base))
    heads = simulated_heads(request, log, control.stopped)
    judged = tally.counts.bleeding_patients >= ENOUGH_BLEEDING and any(
        (case.scores[:, 0] == 1).any() for case in dealt.validation
    )
    settings = settings_of(request, info["network"], dealt, judged=judged)
    training = Training(folder, request, dealt, heads, calibration_of(info), log, control, judged=judged)
    tuned = training.run(settings)
    log("comparing", step=tuned.steps, ended=tuned.ended)
    return _finish(folder, request, given, heads, training.blended(tuned), log, control)


def _finish(
    folder: Path,
    request: Request,
    given: tuple[Deal, Tally, dict[str, Any]],
    heads: Heads,
    tuned: "Tuned",
    log: EventLog,
    control: Control,
) -> dict[str, Any]:
    """Set operating points, compare with the model in use, write the candidate."""
    from model.candidate import calibration_of, card, manifest, of_cases, recalibrate, usual
    from model.compare import answers, by_patient, compare, per_case, worst
    from model.examples import save_worst
    from model.export import export, load_network
    from model.novelty import KEY
    from model.verdict import REFERENCE, YOURS, judge

    dealt, tally, told = given
    info, other = verify(Path(request.base)), verify(Path(request.incumbent))
    start, incumbent = load_network(Path(request.base)), load_network(Path(request.incumbent))
    parent, stop = calibration_of(info), control.abandoned
    renewed = recalibrate(parent, start, tuned.network, dealt.validation, heads.watched, stop)
    test, unfair = _never_seen(dealt.test, other)
    sets: dict[str, Sequence[Case]] = {YOURS: test, REFERENCE: heads.reference}
    points = calibration_of(other), renewed.calibration
    found = {
        name: [answers(n, group, c, stop) for n, c in zip((incumbent, tuned.network), points, strict=True)]
        for name, group in sets.items()
    }
    thresholds = points[0].thresholds, points[1].thresholds
    tables = {name: compare(before, after, thresholds) for name, (before, after) in found.items()}
    old, new = found[YOURS]
    dices = by_patient(old), by_patient(new)
    changed = sum(dices[1][p] < dices[0][p] - 0.02 for p in dices[1]), len(dices[1])
    verdict = judge(tables, tally.counts.bleeding_patients, changed)
    save_worst(folder, test, old, new, worst(old, new), of_cases(test, told))
    notes = [*tally.counts.warnings, *tuned.notes, *unfair, *request.left_out]
    notes += _about(tuned, info["id"])
    novelty = usual(tuned.network, [*heads.replay, *dealt.training, *dealt.validation])
    content: dict[str, Any] = {
        **{key: info[key] for key in ("calibration", "licence", "data") if key in info},
        **renewed.calibration.info(),
        **({KEY: novelty} if novelty is not None else {}),
        "training": {
            **_training(request, dealt, tally, tuned),
            "recalibrated": list(renewed.codes),
            "manifest": manifest(dealt, told),
            "notes": notes,
        },
        "incumbent": other["id"],
        "metrics": tables,
        "verdict": verdict.to_json(),
    }
    text = card(request.candidate_id, info["id"], other["id"], tally.counts, tables, verdict, notes)
    cases = {name: per_case(sides[0], sides[1]) for name, sides in found.items()}
    if control.abandoned():
        raise Cancelled
    shutil.rmtree(folder / CANDIDATE, ignore_errors=True)  # of a run that was killed while it was compared
    export(
        tuned.network,
        folder / CANDIDATE,
        id=request.candidate_id,
        parent=info["id"],
        info=content,
        card=text,
        extra={CASES: json.dumps(cases, indent=1), LOG: log.read()},
    )
    return {
        "id": request.candidate_id,
        "incumbent": other["id"],
        "metrics": tables,
        "verdict": verdict.to_json(),
        "changed": list(changed),
        "notes": notes,
        "seconds": tuned.seconds,
    }


def _about(tuned: "Tuned", base: str) -> list[str]:
    """A sentence where the training ended early, and one where its end was not what is kept."""
    found = []
    if tuned.ended and tuned.steps < tuned.settings.steps:
        found.append(
            f"The training ended after {tuned.steps} of {tuned.settings.steps} steps: {tuned.ended}."
        )
    if tuned.share < 1:
        found.append(
            f"Its weights lie {100 * tuned.share:.0f} % of the way from {base} to the end of the training, where "
            "validation patients and simulated heads do best."
        )
    return found


def _training(request: Request, dealt: Deal, tally: Tally, tuned: "Tuned") -> dict[str, Any]:
    """How a candidate was trained, and on whom, as model.json holds it."""
    from model.fine_tune import as_table

    return {
        "kind": "retrained",
        "counts": vars(tally.counts),
        "parts": {part: dealt.patients(part) for part in (TRAIN, VALIDATION, TEST)},
        "settings": {**as_table(tuned.settings), "subtypes": list(request.subtypes)},
        "seed": request.seed,
        "code": request.code,
        "device": tuned.device,
        "steps": tuned.steps,
        "share": tuned.share,
        "seconds": tuned.seconds,
        "training_patients": sorted({case.patient for case in (*dealt.training, *dealt.validation)}),
    }


def _never_seen(test: Sequence[Case], incumbent: dict[str, Any]) -> tuple[list[Case], list[str]]:
    """Test cases that the model in use was not trained on either, and a sentence where some were left out."""
    known = set(incumbent.get("training", {}).get("training_patients", ()))
    kept = [case for case in test if case.patient not in known]
    gone = {case.patient for case in test} - {case.patient for case in kept}
    if not gone:
        return kept, []
    return kept, [
        f"Test patients left out of the comparison, because {incumbent['id']} was trained on them: {len(gone)}."
    ]


def _probe(folder: Path, request: Request, dealt: Deal, log: EventLog, control: Control) -> dict[str, Any]:
    """Time three real steps: what a training would take. Nothing is kept."""
    from model.candidate import calibration_of
    from model.fine_tune import Training, settings_of

    info = verify(Path(request.base))
    settings = settings_of(request, info["network"], dealt, judged=False)
    heads = simulated_heads(request, log, control.stopped)
    training = Training(folder, request, dealt, heads, calibration_of(info), log, control, judged=False)
    return training.probe(settings)


def _stand_back(nice: int) -> None:
    """Let other work go first. Where Linux groups processes by session, nice alone does nothing between groups."""
    if sys.platform == "win32" or not nice:
        return
    os.nice(nice)
    try:
        Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")
    except OSError:
        pass  # no such groups here: nice does it all


def _remove_work(folder: Path) -> None:
    """The samples hold patients' pixels and can be made again from the library; checkpoints are only to go on from."""
    for path in (folder / SAMPLES).glob("*.npz"):
        with suppress(OSError):  # the folder's last word counts more; they go with it
            path.unlink()
    shutil.rmtree(folder / TRAINING, ignore_errors=True)
