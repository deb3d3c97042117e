"""Fine-tune the bundled model on a reader's annotations, in a process of its own: `run(folder)`.

Always from the bundled weights, so that errors do not add up from candidate to candidate. Batch statistics and the
part along z stay as they are; simulated heads are replayed, with the bundled model's own answers as targets, so that
what it knew is kept.
"""

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.batches import Case, StackSampler, crop_sample
from model.compare import ENOUGH_BLEEDING, Metrics, comparison, judge, measure
from model.errors import Cancelled, PterionError
from model.labels import CODES, SUBTYPES
from model.run_folder import CANDIDATE, SAMPLES, STOP, EventLog, Request, running_lock
from model.sample import Sample, iterate_samples, load_sample, save_sample

if TYPE_CHECKING:
    import torch

    from model.networks.flagship import Flagship

STACK_SLICES = 3
STACKS = 2
"""Stacks of neighbouring slices a step, of the reader's and as many of simulated heads."""
HELD_OUT_ONE_IN = 4
KEPT_LOSS_WEIGHT = 0.5
AVERAGE = 0.95

_FIRST_SEED = 50_000_000  # far from the seeds that the bundled model was trained on


@dataclass(frozen=True)
class Counts:
    """What there is to learn from. slices: those a reader vouches for. subtypes: slices that show each."""

    patients: int
    bleeding_patients: int
    slices: int
    bleeding_slices: int
    subtypes: dict[str, int]

    @property
    def warning(self) -> str:
        """A sentence where there is too little to judge by, else empty."""
        if self.bleeding_patients >= ENOUGH_BLEEDING:
            return ""
        return (
            f"Only {self.bleeding_patients} of these patients show a bleed: too few to tell whether the model gets "
            f"better. Annotate at least {ENOUGH_BLEEDING}."
        )


def count(samples: Iterable[Sample | Case]) -> Counts:
    """Count what a reader vouches for. Raises PterionError where there is nothing to learn from."""
    patients: dict[str, bool] = {}
    slices = bleeding = 0
    subtypes = dict.fromkeys(CODES, 0)
    for sample in samples:
        known = sample.scores[:, 0] >= 0
        present = sample.scores == 1
        slices += int(known.sum())
        bleeding += int(present[:, 0].sum())
        for subtype in SUBTYPES:
            subtypes[subtype.code] += int(present[:, subtype.value].sum())
        if known.any():
            patients[sample.patient] = patients.get(sample.patient, False) or bool(present[:, 0].any())
    if slices == 0:
        raise PterionError(
            "There is no annotated slice to learn from. Draw polygons, or mark slices as reviewed, and try again.",
            code="NOTHING_TO_LEARN",
        )
    return Counts(len(patients), sum(patients.values()), slices, bleeding, subtypes)


def held_out(patients: dict[str, bool]) -> frozenset[str]:
    """The patients to compare on and never to train on, from {pseudonym: bleeds}: about one in four.

    Chosen by a digest of the name, so that a patient stays on its side as others are added. With two or more
    bleeding patients at least one is held out and one is not; a single patient is trained on.
    """
    chosen: set[str] = set()
    for bleeds in (True, False):
        group = sorted(
            (p for p, b in patients.items() if b is bleeds), key=lambda p: sha256(p.encode()).digest()
        )
        drawn = [p for p in group if _drawn(p)]
        if bleeds and len(group) > 1:
            drawn = (drawn or group[:1])[: len(group) - 1]
        elif bleeds or len(group) < 2:
            drawn = []
        chosen.update(drawn)
    return frozenset(chosen)


def _drawn(patient: str) -> bool:
    return sha256(patient.encode()).digest()[-1] % HELD_OUT_ONE_IN == 0


def main(argv: Sequence[str]) -> int:
    """The training child: `argv` holds the run's folder. Returns the exit code."""
    return run(Path(argv[0]))


def run(folder: Path) -> int:
    """Train as `folder` asks, report to its events, leave `candidate/` there. Returns 0, or 1 where it failed."""
    log = EventLog(folder)
    try:
        with running_lock(folder.parent, folder.name):
            try:
                _lower_priority()
                with log.heartbeat():
                    outcome = retrain(folder, Request.read(folder), log)
                log("candidate", **outcome)
            except Cancelled:
                log("cancelled")
            except PterionError as error:
                log("failed", code=str(error.code), text=str(error))
                return 1
            except Exception:
                traceback.print_exc()
                log(
                    "failed",
                    code="INTERNAL_ERROR",
                    text=f"The training met a fault; {folder.name}/log.txt has it.",
                )
                raise
            finally:
                _remove_samples(folder)
    except PterionError as error:  # another training runs
        _remove_samples(folder)
        log("failed", code=str(error.code), text=str(error))
        return 1
    return 0


def retrain(folder: Path, request: Request, log: Callable[..., None]) -> dict[str, Any]:
    """Train and export; the facts of the `candidate` event. Raises Cancelled, PterionError."""
    from model.export import export, load_network, rounded_to_half
    from model.registry import verify
    from model.train import prepare_torch

    def stopped() -> bool:
        return (folder / STOP).exists()

    cases = [crop_sample(sample) for sample in iterate_samples(folder / SAMPLES)]
    counts = count(cases)
    bleeds = {
        p: any((c.scores[:, 0] == 1).any() for c in cases if c.patient == p)
        for p in {c.patient for c in cases}
    }
    kept_apart = held_out(bleeds)
    training = [case for case in cases if case.patient not in kept_apart]
    apart = [case for case in cases if case.patient in kept_apart]
    log(
        "started",
        pid=os.getpid(),
        patients=counts.patients,
        bleeding_patients=counts.bleeding_patients,
        slices=counts.slices,
        subtypes=counts.subtypes,
        held_out_patients=len(kept_apart),
        epochs=request.epochs,
        warning=counts.warning,
    )
    prepare_torch(request.threads)
    replay, regression = simulated_heads(request, log, stopped)
    info = verify(Path(request.base))
    network = fine_tune(
        load_network(Path(request.base)), training, apart, replay, regression, request, log, stopped
    )
    log("exporting")
    incumbent = load_network(Path(request.incumbent))
    sets = {"yours": apart, "simulated": regression}
    metrics = {
        "incumbent": {name: measure(incumbent, group) for name, group in sets.items()},
        "candidate": {name: measure(rounded_to_half(network), group) for name, group in sets.items()},
    }
    verdict = judge(metrics, counts.bleeding_patients, sum(bleeds[p] for p in kept_apart))
    summary = {
        "kind": "retrained",
        "counts": vars(counts),
        "held_out_patients": len(kept_apart),
        "settings": {k: v for k, v in vars(request).items() if k not in ("base", "incumbent", "cache")},
        "training_patients": sorted({case.patient for case in training}),
        "samples": [_digest(case) for case in training],
    }
    inherited: dict[str, Any] = {
        key: info[key] for key in ("thresholds", "calibration", "mask", "licence") if key in info
    }
    export(
        network,
        folder / CANDIDATE,
        id=request.candidate_id,
        parent=info["id"],
        info={**inherited, "training": summary, "metrics": metrics, "verdict": verdict},
        card=card(request.candidate_id, info["id"], counts, metrics, verdict),
    )
    return {
        "id": request.candidate_id,
        "comparison": comparison(metrics),
        "metrics": metrics,
        "verdict": verdict,
        "stopped_early": stopped(),
    }


def simulated_heads(
    request: Request, log: Callable[..., None], stopped: Callable[[], bool]
) -> tuple[list[Case], list[Case]]:
    """Cases to replay and cases to compare on, read from the cache or made now. Raises Cancelled."""
    from model.phantom import VERSION, generate

    cases: list[Case] = []
    total = request.replay + request.regression
    for number in range(total):
        if stopped():
            raise Cancelled
        kinds = [(code,) for code in CODES] + [()]
        name = f"phantom-v{VERSION}-{request.size}-{request.slices}-{number}.npz"
        path = Path(request.cache) / name
        try:
            sample = load_sample(path)
        except PterionError:
            sample = generate(
                _FIRST_SEED + number,
                size=request.size,
                slices=request.slices,
                lesions=kinds[number % len(kinds)],
                threads=request.threads,
            )
            save_sample(sample, path)
        cases.append(crop_sample(sample))
        log("preparing", done=number + 1, total=total)
    return cases[: request.replay], cases[request.replay :]


def fine_tune(
    network: "Flagship",
    training: Sequence[Case],
    apart: Sequence[Case],
    replay: Sequence[Case],
    regression: Sequence[Case],
    request: Request,
    log: Callable[..., None],
    stopped: Callable[[], bool],
) -> "Flagship":
    """Train `network` and return its running mean of the epoch with the least loss on what it was not trained on.

    Ends after `request.epochs` or `request.minutes`, or when stopped; raises Cancelled where no epoch is done by then.
    """
    import torch

    from model.augment import Augmentation
    from model.export import rounded_to_half
    from model.train import make_batch, update_average

    teacher, averaged = _copy(network), _copy(network)
    network.context.requires_grad_(False)
    optimiser = torch.optim.AdamW(
        [p for p in network.parameters() if p.requires_grad], lr=request.learning_rate, weight_decay=0.01
    )
    rng, generator = np.random.default_rng(request.seed), torch.Generator().manual_seed(request.seed)
    yours = StackSampler(training, count=STACK_SLICES, positive=0.7)
    theirs = StackSampler(replay, count=STACK_SLICES, positive=0.7) if replay else None
    reviewed = sum(int((case.scores[:, 0] >= 0).sum()) for case in training)
    steps = min(max(-(-reviewed // (STACKS * STACK_SLICES)), 4), 60)
    begin, step, best, least = time.monotonic(), 0, None, float("inf")
    for epoch in range(request.epochs):
        losses = []
        for _ in range(steps):
            gone = (time.monotonic() - begin) / (60 * request.minutes)
            if stopped() or gone >= 1:
                break
            stacks = [yours.draw(rng) for _ in range(STACKS)] + [
                theirs.draw(rng) for _ in range(STACKS) if theirs
            ]
            x, labels, scores = make_batch(stacks, Augmentation(), generator)
            share = max(step / (request.epochs * steps), gone)
            for group in optimiser.param_groups:
                group["lr"] = request.learning_rate * min(1.0, (step + 1) / 8) * (0.05 + 0.95 * (1 - share))
            losses.append(_step(network, teacher, optimiser, x, labels, scores))
            update_average(averaged, network, min(AVERAGE, step / (step + 5)))
            step += 1
            left = _seconds_left(begin, step, request.epochs * steps, request.minutes)
            log(
                "step",
                step=step,
                steps=request.epochs * steps,
                epoch=epoch + 1,
                loss=losses[-1],
                seconds_left=left,
            )
        ended = stopped() or (time.monotonic() - begin) >= 60 * request.minutes
        if losses and not (ended and best is not None and len(losses) < steps // 2):
            averaged.eval()
            on_yours, on_simulated = mean_loss(averaged, apart), mean_loss(averaged, regression)
            judged = (on_yours if apart else 0.0) + on_simulated
            if best is None or judged < least:
                best, least = rounded_to_half(averaged), judged
            log(
                "epoch",
                epoch=epoch + 1,
                epochs=request.epochs,
                train_loss=float(np.mean(losses)),
                validation_loss=on_yours if apart else None,
                simulated_loss=on_simulated,
                dice=measure(averaged, apart)["dice"] if apart else None,
            )
        if ended:
            break
    if best is None:
        raise Cancelled
    return best


def _step(
    network: "Flagship",
    teacher: "Flagship",
    optimiser: "torch.optim.Optimizer",
    x: "torch.Tensor",
    labels: "torch.Tensor",
    scores: "torch.Tensor",
) -> float:
    """One step on stacks (B, S, 3, N, N), the reader's first; the loss. The simulated ones also follow the teacher."""
    import torch
    from torch.nn import functional

    from model.losses import network_loss

    network.eval()  # batch statistics stay as they are; there is no dropout
    mask_logits, slice_logits, _ = network(x)
    loss = network_loss(mask_logits, slice_logits, labels, scores)
    first = STACKS * x.shape[1]
    if len(mask_logits) > first:
        with torch.no_grad():
            target_masks, target_scores, _ = teacher(x[STACKS:])
        kept = functional.kl_div(
            functional.log_softmax(mask_logits[first:], 1),
            functional.log_softmax(target_masks, 1),
            log_target=True,
            reduction="none",
        )
        kept = kept.sum(1).mean() + 0.1 * functional.mse_loss(
            slice_logits[first:].sigmoid(), target_scores.sigmoid()
        )
        loss = loss + KEPT_LOSS_WEIGHT * kept
    optimiser.zero_grad(set_to_none=True)
    if torch.isfinite(loss):
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    return float(loss.detach())


def mean_loss(network: "Flagship", cases: Sequence[Case]) -> float:
    """Mean of the training loss over the cases, without changes to them; 0 where there are none."""
    import torch

    from model.augment import network_input
    from model.losses import network_loss

    losses = []
    with torch.no_grad():
        for case in cases:
            masks, logits, _ = network.series(network_input(torch.from_numpy(case.hu.astype(np.float32))))
            labels, scores = torch.from_numpy(case.labels), torch.from_numpy(case.scores)
            losses.append(float(network_loss(masks, logits, labels, scores)))
    return float(np.mean(losses)) if losses else 0.0


def card(candidate_id: str, parent: str, counts: Counts, metrics: Metrics, verdict: str) -> str:
    """The text of card.md."""
    rows = "\n".join(f"| {name} | {before} | {after} |" for name, before, after in comparison(metrics))
    return (
        f"# {candidate_id}\n\nThe bundled model {parent}, fine-tuned on this computer on {counts.slices} annotated "
        f"slices of {counts.patients} patients ({counts.bleeding_patients} with a bleed). Research use only.\n\n"
        f"{verdict}\n\n| measure | model in use then | this one |\n|---|---|---|\n{rows}\n"
    )


def _copy(network: "Flagship") -> "Flagship":
    from model.networks.flagship import Flagship

    copy = Flagship(network.config)
    copy.load_state_dict(network.state_dict())
    return copy.eval()


def _seconds_left(begin: float, step: int, steps: int, minutes: float) -> float:
    passed = time.monotonic() - begin
    return round(max(min(passed / step * (steps - step), 60 * minutes - passed), 0.0), 1)


def _digest(case: Case) -> str:
    """What was trained on, recognisable only to who has it."""
    return sha256(case.hu.tobytes() + case.labels.tobytes()).hexdigest()[:20]


def _lower_priority() -> None:
    if sys.platform != "win32":
        os.nice(10)


def _remove_samples(folder: Path) -> None:
    """The samples hold patients' pixels and can be made again from the library."""
    for path in (folder / SAMPLES).glob("*.npz"):
        path.unlink(missing_ok=True)
