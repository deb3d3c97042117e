"""Training the flagship from samples: one straight line, resumable, with its settings kept beside the weights."""

import json
import math
import os
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from model.augment import Augmentation, augment, network_input
from model.batches import Case, Stack, StackSampler
from model.corpus import CasePool
from model.errors import Cancelled, PterionError
from model.losses import network_loss, score_loss
from model.networks.flagship import Flagship, FlagshipConfig
from model.painting import paint
from model.validation import validate

Event = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """One training run.

    minutes: wall time of the main part; learning rate and data mix follow the share of it that is gone.
    stacks, slices: stacks a batch, slices a stack. positive: share of stacks around a bleed.
    real_share: share of stacks from patients, once `real_from` of the time is gone; phantoms before.
    painted: share of the patients' stacks without bleeding that get a simulated bleed.
    learning_rate falls along a cosine after `warm_up` steps. average: decay of the weights' running mean,
    which is what gets saved. validate_every: epochs. sequence_steps, sequence_series: of the part along z,
    trained last on the embeddings of so many augmented series, patients and phantoms in turn.
    """

    name: str
    seed: int = 0
    minutes: float = 60.0
    stacks: int = 4
    slices: int = 4
    positive: float = 0.55
    real_share: float = 0.25
    real_from: float = 0.35
    painted: float = 0.6
    learning_rate: float = 3e-3
    warm_up: int = 60
    weight_decay: float = 0.02
    average: float = 0.997
    epoch_steps: int = 100
    validate_every: int = 3
    sequence_steps: int = 1500
    sequence_series: int = 160
    threads: int = 1
    network: FlagshipConfig = field(default_factory=FlagshipConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)


def load_settings(path: Path) -> Settings:
    """Settings of a TOML recipe. Raises PterionError naming what is wrong with it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        network = FlagshipConfig.from_table(table.pop("network", {}))
        augmentation = Augmentation(**table.pop("augmentation", {}))
        return Settings(network=network, augmentation=augmentation, **table)
    except (OSError, ValueError, TypeError) as error:
        raise PterionError(f"{path.name} is not a training recipe ({error}). Correct it.") from error


def train(
    settings: Settings,
    folders: Sequence[Path],
    out: Path,
    on_event: Callable[[Event], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Flagship:
    """Train on the samples of `folders` (phantom .npz, CT-ICH) and return the averaged network, sequence included.

    `out` keeps checkpoint.pt after every epoch; a run that finds one goes on from it. Raises Cancelled when
    `cancelled` answers true, and PterionError where there is nothing to train on.
    """
    tell, stop = on_event or (lambda _: None), cancelled or (lambda: False)
    prepare_torch(settings.threads)
    torch.manual_seed(settings.seed)
    out.mkdir(parents=True, exist_ok=True)
    network, averaged = channels_last(Flagship(settings.network)), channels_last(Flagship(settings.network))
    averaged.load_state_dict(network.state_dict())
    averaged.eval()
    optimiser = make_optimiser(network, settings)
    state = {"step": 0, "seconds": 0.0}
    if (out / "checkpoint.pt").exists():
        state = load_checkpoint(out / "checkpoint.pt", network, averaged, optimiser)
    pool = CasePool(folders)
    rng = np.random.default_rng([settings.seed, int(state["step"])])
    while state["seconds"] < settings.minutes * 60:
        started = monotonic()
        pool.refresh()
        batches = draw_batches(pool, settings, state["seconds"] / (settings.minutes * 60), rng)
        losses = []
        for hu, labels, scores in batches:
            if stop():
                raise Cancelled
            gone = (state["seconds"] + monotonic() - started) / (settings.minutes * 60)
            set_learning_rate(optimiser, settings, int(state["step"]), gone)
            losses.append(train_step(network, optimiser, hu, labels, scores))
            state["step"] += 1
            update_average(averaged, network, min(settings.average, state["step"] / (state["step"] + 10)))
        state["seconds"] += monotonic() - started
        save_checkpoint(out / "checkpoint.pt", settings, network, averaged, optimiser, state)
        tell({"event": "epoch", **state, "loss": float(np.mean(losses)), "cases": len(pool.simulated)})
        epoch = int(state["step"]) // settings.epoch_steps
        if epoch % settings.validate_every == 0:
            tell({"event": "validation", **validate(averaged, pool.validation)})
    tell({"event": "sequence", **fit_sequence(averaged, pool.training, settings, stop)})
    save_checkpoint(out / "final.pt", settings, averaged, averaged, optimiser, state)
    return averaged


def prepare_torch(threads: int) -> None:
    """Settings without which training on shared cores crawls. OMP_WAIT_POLICY=PASSIVE belongs in the environment."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def channels_last(network: Flagship) -> Flagship:
    """The same network with its weights laid out as convolutions on a CPU like them best."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def make_optimiser(network: nn.Module, settings: Settings) -> torch.optim.AdamW:
    """AdamW; only weights of convolutions and linear layers decay."""
    decaying = [p for p in network.parameters() if p.ndim >= 2]
    rest = [p for p in network.parameters() if p.ndim < 2]
    groups = [
        {"params": decaying, "weight_decay": settings.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))


def set_learning_rate(optimiser: torch.optim.Optimizer, settings: Settings, step: int, gone: float) -> None:
    """Linear warm-up, then half a cosine down to 1 % over the run; `gone` is the share of it that is over."""
    fall = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(gone, 1.0)))
    for group in optimiser.param_groups:
        group["lr"] = settings.learning_rate * min(1.0, (step + 1) / settings.warm_up) * fall


def draw_batches(
    pool: CasePool, settings: Settings, gone: float, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """An epoch of augmented batches: hu (B, S, N, N), labels (B * S, N, N), scores (B * S, 6)."""
    simulated, real = (
        StackSampler(cases, count=settings.slices, positive=settings.positive) if cases else None
        for cases in (pool.simulated, pool.real)
    )
    if simulated is None and real is None:
        raise PterionError("There is no sample to train on. Name folders that hold samples or CT-ICH.")
    share = settings.real_share if gone >= settings.real_from else 0.0
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    for _ in range(settings.epoch_steps):
        stacks = []
        for _ in range(settings.stacks):
            sampler = real if real is not None and (simulated is None or rng.random() < share) else simulated
            assert sampler is not None
            stack = sampler.draw(rng)
            if sampler is real and not stack.scores.any() and rng.random() < settings.painted:
                stack = paint(stack, rng)
            stacks.append(stack)
        yield make_batch(stacks, settings.augmentation, generator)


def make_batch(
    stacks: Sequence[Stack], augmentation: Augmentation, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Augmented input (B, S, 3, N, N), labels uint8 (B * S, N, N) and scores int8 (B * S, 6) of equal stacks."""
    hu = torch.from_numpy(np.stack([s.hu for s in stacks]))
    labels = torch.from_numpy(np.stack([s.labels for s in stacks]))
    hu, labels = augment(hu, labels, augmentation, generator)
    scores = torch.from_numpy(np.concatenate([s.scores for s in stacks]))
    return network_input(hu), labels.flatten(0, 1), scores


def train_step(
    network: Flagship, optimiser: torch.optim.Optimizer, x: Tensor, labels: Tensor, scores: Tensor
) -> float:
    """One step on a batch of `make_batch`; the loss. A batch whose loss is not finite changes nothing."""
    network.train()
    mask_logits, slice_logits, _ = network(x)
    loss = network_loss(mask_logits, slice_logits, labels, scores)
    optimiser.zero_grad(set_to_none=True)
    if not torch.isfinite(loss):
        return float("nan")
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    optimiser.step()
    return float(loss.detach())


@torch.no_grad()
def update_average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """Running mean of weights and batch statistics."""
    for mean, now in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - decay)
        else:
            mean.copy_(now)


def fit_sequence(
    network: Flagship,
    cases: Sequence[Case],
    settings: Settings,
    cancelled: Callable[[], bool] = lambda: False,
) -> Event:
    """Train the part along z on embeddings of augmented whole series; the rest of `network` stays as it is."""
    network.eval()
    generator = torch.Generator().manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    groups = [
        g
        for g in ([c for c in cases if c.source == "phantom"], [c for c in cases if c.source != "phantom"])
        if g
    ]
    series = []
    for number in range(settings.sequence_series if groups else 0):
        if cancelled():
            raise Cancelled
        group = groups[number % len(groups)]
        case = group[rng.integers(len(group))]
        whole = Stack(case.hu.astype(np.float32), case.labels, case.scores)
        if case.source != "phantom" and not case.scores.any() and rng.random() < settings.painted:
            whole = paint(whole, rng)
        x, _, scores = make_batch([whole], settings.augmentation, generator)
        series.append((network.series(x[0])[2], torch.from_numpy(case.gaps_mm), scores))
    optimiser = torch.optim.AdamW(network.context.parameters(), lr=1e-3, weight_decay=0.05)
    losses = []
    for step in range(settings.sequence_steps if series else 0):
        optimiser.param_groups[0]["lr"] = 1e-3 * (1 - step / settings.sequence_steps)
        embeddings, gaps, scores = series[rng.integers(len(series))]
        slice_logits, study_logits = network.sequence(embeddings[None], gaps[None])
        loss = score_loss(slice_logits[0], scores) + score_loss(study_logits, study_scores(scores)[None])
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(float(loss.detach()))
    return {"loss": float(np.mean(losses[-200:])) if losses else None, "series": len(series)}


def study_scores(scores: Tensor) -> Tensor:
    """Scores int8 (6,) of a study from those of its slices (Z, 6): present anywhere, else unknown, else absent."""
    present, unknown = (scores == 1).any(0), (scores == -1).any(0)
    return torch.where(present, 1, torch.where(unknown, -1, 0)).to(torch.int8)


def save_checkpoint(
    path: Path,
    settings: Settings,
    network: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
    state: dict[str, float],
) -> None:
    """Everything needed to go on, written whole or not at all."""
    temporary = path.with_suffix(".part")
    content = {
        "settings": json.dumps(asdict(settings)),
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
        "state": state,
    }
    with temporary.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load_checkpoint(
    path: Path, network: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer
) -> dict[str, float]:
    """Fill the three from `path`; the state. Raises PterionError when it does not fit them."""
    try:
        content = torch.load(path, weights_only=True)
        network.load_state_dict(content["network"])
        averaged.load_state_dict(content["averaged"])
        optimiser.load_state_dict(content["optimiser"])
        state: dict[str, float] = content["state"]
    except (RuntimeError, KeyError, ValueError, OSError) as error:
        raise PterionError(
            f"{path.name} does not fit this recipe ({error}). Choose an empty folder."
        ) from error
    return state
