"""Fine-tune the bundled model on a reader's annotations, in a process of its own: `run(folder)`.

Always from the bundled weights, so that errors do not add up from candidate to candidate. Batch statistics and the
part along z stay as they are; simulated heads are replayed, with the bundled model's own answers as targets, so that
what it knew is kept.
"""

import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.batches import Case, StackSampler, crop_sample
from model.compare import Metrics, comparison, judge, measure
from model.deal import Counts, Deal, count, deal
from model.errors import Cancelled, PterionError
from model.labels import CODES
from model.registry import verify
from model.run_folder import CANDIDATE, SAMPLES, STOP, EventLog, Request, running_lock
from model.sample import iterate_samples, load_sample, save_sample

if TYPE_CHECKING:
    import torch

    from model.networks.flagship import Flagship

Log = Callable[..., None]

STACK_SLICES = 3
STACKS = 2
"""Stacks of neighbouring slices a step, of the reader's and as many of simulated heads."""
EPOCH_STEPS = 12
"""Steps after which at the latest the network is judged, so that there is soon a curve to see and a best to keep."""
KEPT_LOSS_WEIGHT = 0.5
AVERAGE = 0.95
WARM_UP = 8

_FIRST_SEED = 50_000_000  # far from the seeds that the bundled model was trained on


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
            except OSError as error:
                text = f"The training could not go on ({error.strerror}). Free some space and start it again."
                log("failed", code="DISK", text=text)
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


def retrain(folder: Path, request: Request, log: Log) -> dict[str, Any]:
    """Train and export; the facts of the `candidate` event. Raises Cancelled, PterionError."""
    from model.export import export, load_network
    from model.train import prepare_torch

    def stopped() -> bool:
        return (folder / STOP).exists()

    cases = [crop_sample(sample) for sample in iterate_samples(folder / SAMPLES)]
    counts, dealt = count(cases), deal(cases)
    log(
        "started",
        pid=os.getpid(),
        **vars(counts),
        held_out_patients=dealt.held_out_patients,
        epochs=request.epochs,
        warning=counts.warning,
    )
    prepare_torch(request.threads)
    info = verify(Path(request.base))
    replay, regression = simulated_heads(request, log, stopped)
    start = load_network(Path(request.base))
    network = fine_tune(start, dealt, replay, regression, request, log, stopped)
    log("exporting")
    networks = {"incumbent": load_network(Path(request.incumbent)), "candidate": network}
    sets = {"yours": dealt.apart, "simulated": regression}
    threshold = info.get("mask", {}).get("threshold", 0.5)
    metrics = {
        who: {name: measure(one, group, threshold) for name, group in sets.items()}
        for who, one in networks.items()
    }
    verdict = judge(metrics, counts.bleeding_patients, dealt.held_out_bleeding)
    inherited: dict[str, Any] = {
        key: info[key]
        for key in ("thresholds", "study_thresholds", "calibration", "mask", "licence")
        if key in info
    }
    export(
        network,
        folder / CANDIDATE,
        id=request.candidate_id,
        parent=info["id"],
        info={
            **inherited,
            "training": summary(request, counts, dealt),
            "metrics": metrics,
            "verdict": verdict,
        },
        card=card(request.candidate_id, info["id"], counts, metrics, verdict),
    )
    facts = {
        "id": request.candidate_id,
        "comparison": comparison(metrics),
        "metrics": metrics,
        "verdict": verdict,
    }
    return {**facts, "stopped_early": stopped()}


def summary(request: Request, counts: Counts, dealt: Deal) -> dict[str, Any]:
    """What model.json tells of the training: counts, settings, and digests of what was trained on."""
    return {
        "kind": "retrained",
        "counts": vars(counts),
        "held_out_patients": dealt.held_out_patients,
        "settings": {k: v for k, v in vars(request).items() if k not in ("base", "incumbent", "cache")},
        "training_patients": sorted({case.patient for case in dealt.training}),
        "samples": [_digest(case) for case in dealt.training],
    }


def simulated_heads(request: Request, log: Log, stopped: Callable[[], bool]) -> tuple[list[Case], list[Case]]:
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
    dealt: Deal,
    replay: Sequence[Case],
    regression: Sequence[Case],
    request: Request,
    log: Log,
    stopped: Callable[[], bool],
) -> "Flagship":
    """Train `network`; the running mean of its weights, as fp16 rounds them, after the epoch with the least loss.

    The loss is that on the held-out patients and on the simulated heads. Ends after `request.epochs` or
    `request.minutes`, or when stopped; raises Cancelled where no epoch is done by then.
    """
    import torch

    from model.augment import Augmentation
    from model.export import rounded_to_half
    from model.feed import make_batch
    from model.train import update_average

    teacher, averaged = _copy(network), _copy(network)
    network.context.requires_grad_(False)
    learning = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=request.learning_rate, weight_decay=0.01)
    rng, generator = np.random.default_rng(request.seed), torch.Generator().manual_seed(request.seed)
    samplers = [_sampler(cases) for cases in (dealt.training, replay) if cases]
    epoch_steps = _epoch_steps(dealt.training)
    steps, step, begin = request.epochs * epoch_steps, 0, time.monotonic()
    best, least = None, float("inf")
    for epoch in range(1, request.epochs + 1):
        losses = []
        while step < epoch * epoch_steps and not stopped() and _gone(begin, request) < 1:
            stacks = [sampler.draw(rng) for sampler in samplers for _ in range(STACKS)]
            x, labels, scores = make_batch(stacks, Augmentation(), generator)
            over = max((step + 1) / steps, _gone(begin, request))
            for group in optimiser.param_groups:
                group["lr"] = (
                    request.learning_rate * min(1.0, (step + 1) / WARM_UP) * (0.05 + 0.95 * (1 - over))
                )
            losses.append(_step(network, teacher, optimiser, x, labels, scores))
            update_average(averaged, network, min(AVERAGE, step / (step + 5)))
            step += 1
            left = _seconds_left(begin, step, steps, request)
            log("step", step=step, steps=steps, epoch=epoch, loss=losses[-1], seconds_left=left)
        ended = step < epoch * epoch_steps
        if not losses or (ended and (best is not None or stopped())):
            break
        yours, simulated = mean_loss(averaged, dealt.apart), mean_loss(averaged, regression)
        if best is None or yours + simulated < least:
            best, least = rounded_to_half(averaged), yours + simulated
        log(
            "epoch",
            epoch=epoch,
            epochs=request.epochs,
            train_loss=float(np.mean(losses)),
            validation_loss=yours if dealt.apart else None,
            simulated_loss=simulated,
            dice=measure(averaged, dealt.apart)["dice"] if dealt.apart else None,
        )
        if ended:
            break
    if best is None:
        raise Cancelled
    return best


def _sampler(cases: Sequence[Case]) -> StackSampler:
    """Mostly bleeds; only bleeds where nobody vouches for a slice without one."""
    negatives = any((case.scores[:, 0] == 0).any() for case in cases)
    return StackSampler(cases, count=STACK_SLICES, positive=0.7 if negatives else 1.0)


def _epoch_steps(cases: Sequence[Case]) -> int:
    """Steps after which each reviewed slice was drawn about once, within limits."""
    reviewed = sum(int((case.scores[:, 0] >= 0).sum()) for case in cases)
    return min(max(-(-reviewed // (STACKS * STACK_SLICES)), 4), EPOCH_STEPS)


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


def _gone(begin: float, request: Request) -> float:
    """The share of the time for training that is over."""
    return (time.monotonic() - begin) / (60 * request.minutes)


def _seconds_left(begin: float, step: int, steps: int, request: Request) -> float:
    passed = time.monotonic() - begin
    return round(max(min(passed / step * (steps - step), 60 * request.minutes - passed), 0.0), 1)


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
