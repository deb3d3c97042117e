"""Training a network from samples: one straight line. Stopped and resumed, it ends where it would have ended."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch import nn

from model import checkpoint
from model.batches import Case
from model.checkpoint import Progress
from model.corpus import Pool
from model.distil import fine_tuning_loss
from model.errors import Cancelled, PterionError
from model.export import load_network
from model.feed import Feed
from model.gather import Run, gather
from model.networks.b0 import B0
from model.networks.base import Batch, Kind
from model.networks.flagship import Flagship
from model.networks.imagenet import load_imagenet
from model.networks.kinds import kind_named
from model.recipe import Settings
from model.registry import WEIGHTS
from model.run_report import write_report
from model.sequence import fit_sequence
from model.team import Team, join

Event = dict[str, Any]
Tell = Callable[[Event], None]
Stop = Callable[[], bool]
Measure = Callable[[nn.Module, Mapping[str, Sequence[Case]]], dict[str, float]]
"""What is said of a network on named sets of cases: numbers by name."""


def train(
    settings: Settings, run: Run, on_event: Tell | None = None, cancelled: Stop | None = None
) -> nn.Module:
    """Train as the recipe says; the finished network, on the CPU, which `run.out` then holds as well.

    Raises Cancelled when `cancelled` answers true, after a checkpoint; PterionError where the data do not
    validate, where there is nothing to train on, or where `out` holds something else than this run.
    """
    with join(run.device) as team:
        tell = on_event if on_event and team.first else lambda _: None
        prepare_torch(settings.threads)
        if (run.out / checkpoint.RUN).exists() and not run.resume:
            raise PterionError(
                f"{run.out.name} holds a run already. Add --resume to go on with it, or name another."
            )
        pool, facts = gather(settings, run, team, tell, cancelled)
        trainer = Trainer(settings, run, team, pool)
        trainer.begin(facts, tell)
        trainer.run(tell, cancelled or (lambda: False))
        if team.first:
            trainer.finish(facts, tell, cancelled or (lambda: False))
        team.wait()
        return trainer.result.cpu()


class Trainer:
    """The state of a run: the network, its running mean, the best so far, the optimiser, how far it is."""

    def __init__(
        self, settings: Settings, run: Run, team: Team, pool: Pool, measure: Measure | None = None
    ) -> None:
        """measure: what it says of a network on the way (default: what its kind does)."""
        self.settings, self._out, self._team, self._pool = settings, run.out, team, pool
        self._kind: Kind = kind_named(settings.kind)
        self._measure = measure or self._kind.validate
        torch.manual_seed(settings.seed)
        self._network = channels_last(self._kind.build(settings.network)).to(team.device)
        self._origin = start_from(self._network, settings, run.weights)
        self._teacher = deepcopy(self._network).eval().requires_grad_(False) if settings.kept else None
        if settings.frozen and isinstance(self._network, Flagship):
            self._network.context.requires_grad_(False)
        self._averaged = deepcopy(self._network).eval()
        self._best = deepcopy(self._averaged) if settings.patience else None
        self._shared = team.share(self._network)
        self._optimiser = make_optimiser(self._network, settings)
        self._feed = Feed(pool, settings)
        self.progress = Progress()

    @property
    def result(self) -> nn.Module:
        """The network that is kept."""
        return self._averaged if self._best is None else self._best

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self._feed.steps

    def take(self, network: nn.Module) -> None:
        """Start from the weights of another network of the same sizes; the teacher stays."""
        for mine in (self._network, self._averaged):
            mine.load_state_dict(network.state_dict())

    def timed(self, count: int) -> float:
        """Seconds of one of `count` real steps. They change the network: make another trainer to train with."""
        batches = self._feed.batches(0)
        self._step(0, next(batches))  # the first also plans the convolutions
        started = monotonic()
        for step in range(1, 1 + count):
            self._step(step, next(batches))
        return (monotonic() - started) / count

    def begin(self, facts: dict[str, Any], tell: Tell) -> None:
        """Start in an empty folder, or go on with the run that the folder holds."""
        facts["weights"] = self._origin
        exists = (self._out / checkpoint.RUN).exists()
        self._team.wait()  # until everybody has looked
        if exists:
            _require_same_run(self._out, self.settings, facts)
        elif self._team.first:
            self._out.mkdir(parents=True, exist_ok=True)
            checkpoint.write_run(self._out, self.settings, facts)
        if exists and any((self._out / name).exists() for name in (checkpoint.NEWEST, checkpoint.BEFORE)):
            self.progress, name = checkpoint.load_checkpoint(self._out, self._networks, self._optimiser)
            tell({"event": "resumed", "step": self.progress.step, "checkpoint": name})
        self._team.wait()

    def run(self, tell: Tell, stop: Stop) -> None:
        """The main part, step by step."""
        settings, progress, steps = self.settings, self.progress, self._feed.steps
        batches = self._feed.batches(progress.step, self._team.rank, self._team.size)
        while progress.step < steps and not progress.ended:
            if self._team.any(stop()):
                self._keep()
                raise Cancelled
            started = monotonic()
            set_learning_rate(self._optimiser, settings, progress.step, progress.step / steps)
            loss = self._step(progress.step, next(batches))
            progress.losses.append(loss)
            progress.step += 1
            update_average(
                self._averaged, self._network, min(settings.average, progress.step / (progress.step + 10))
            )
            progress.seconds += monotonic() - started
            if progress.step % settings.validate_every == 0 or progress.step == steps:
                self._validate(tell)
            if progress.step % settings.checkpoint_every == 0 or progress.step == steps or progress.ended:
                self._keep()
            left = progress.seconds / progress.step * (steps - progress.step)
            tell({"event": "step", "step": progress.step, "steps": steps, "loss": loss, "seconds_left": left})

    def finish(self, facts: dict[str, Any], tell: Tell, stop: Stop) -> None:
        """Train what is trained last, and write the finished network and the report."""
        if isinstance(self.result, Flagship) and not self.settings.frozen:
            facts["sequence"] = fit_sequence(
                self.result, self._pool.training, self.settings, stop, self._feed.donors
            )
            tell({"event": "sequence", **facts["sequence"]})
        checkpoint.save_network(self._out / checkpoint.FINISHED, self.result)
        write_report(self._out, self.settings, facts, self.progress, self.result)
        tell({"event": "finished", "steps": self.progress.step, "ended": self.progress.ended})

    @property
    def _networks(self) -> dict[str, nn.Module]:
        networks = {"network": self._network, "averaged": self._averaged}
        return networks if self._best is None else {**networks, "best": self._best}

    def _step(self, step: int, batch: Batch) -> float:
        """One step on its batch; the mean loss. A batch whose loss is not finite changes nothing."""
        batch = Batch(*self._team.here(*(part for part in batch if part is not None)))
        # Dropout too must be a function of the step alone.
        torch.manual_seed(
            int(np.random.default_rng([self.settings.seed, step, self._team.rank]).integers(2**31))
        )
        self._network.train(not self.settings.frozen)  # frozen: batch statistics stay; there is no dropout
        with self._team.autocast(self.settings.precision):
            loss = self._loss(batch)
        value = self._team.mean(float(loss.detach()))
        self._optimiser.zero_grad(set_to_none=True)
        if not math.isfinite(value):
            return float("nan")
        torch.autograd.backward(loss)
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self._network.parameters(), self.settings.clip)
        self._optimiser.step()
        return value

    def _loss(self, batch: Batch) -> torch.Tensor:
        if self._teacher is None:
            return self._kind.loss(self._shared, batch)
        return fine_tuning_loss(
            self._shared, self._teacher, batch, self.settings.kept, apart=self.settings.apart
        )

    def _validate(self, tell: Tell) -> None:
        """Add a row to the curves; note the best weights, and whether it is time to end. The first one decides."""
        progress = self.progress
        numbers = self._measure(self._averaged, self._pool.validation) if self._team.first else {}
        row = {
            "step": progress.step,
            "seconds": round(progress.seconds, 1),
            "loss": float(np.nanmean(progress.losses)),
        }
        progress.rows.append({**row, **numbers})
        progress.losses = []
        tell({"event": "validation", **progress.rows[-1]})
        watched = self._team.told(self._watched(numbers))
        if self._best is None or math.isnan(watched):
            return
        if progress.best is None or watched > progress.best - self.settings.slack:
            progress.best, progress.waited = max(watched, progress.best or watched), 0
            self._best.load_state_dict(self._averaged.state_dict())
        else:
            progress.waited += 1
            if progress.waited >= self.settings.patience:
                progress.ended = f"no better {self.settings.watched} in {progress.waited} validations"

    def _watched(self, numbers: dict[str, float]) -> float:
        """The watched number, the larger the better: of patients where there are any, else of simulated heads."""
        ending = f"_{self.settings.watched}"
        found = {
            name: value for name, value in numbers.items() if name.endswith(ending) and math.isfinite(value)
        }
        real = [value for name, value in found.items() if not name.startswith(("phantom_", "shifted_"))]
        values = real or list(found.values())
        return float(np.mean(values)) * (-1 if self.settings.watched == "loss" else 1) if values else math.nan

    def _keep(self) -> None:
        if self._team.first:
            checkpoint.save_checkpoint(self._out, self._networks, self._optimiser, self.progress)
            write_report(self._out, self.settings, {}, self.progress, None)


def prepare_torch(threads: int) -> None:
    """Settings without which training on shared cores crawls. OMP_WAIT_POLICY=PASSIVE belongs in the environment."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def channels_last(network: nn.Module) -> nn.Module:
    """The same network with its weights laid out as convolutions on a CPU like them best."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def make_optimiser(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """Adam or AdamW; only weights of convolutions and linear layers decay."""
    decaying = [p for p in network.parameters() if p.ndim >= 2]
    rest = [p for p in network.parameters() if p.ndim < 2]
    groups = [
        {"params": decaying, "weight_decay": settings.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    if settings.optimiser == "adam":
        return torch.optim.Adam(groups, lr=settings.learning_rate)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))


def set_learning_rate(optimiser: torch.optim.Optimizer, settings: Settings, step: int, gone: float) -> None:
    """Linear warm-up, then, where it falls, half a cosine down to 1 %; `gone` is the share of the run that is over."""
    cosine = settings.schedule == "cosine"
    fall = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(gone, 1.0))) if cosine else 1.0
    for group in optimiser.param_groups:
        group["lr"] = settings.learning_rate * min(1.0, (step + 1) / settings.warm_up) * fall


@torch.no_grad()
def update_average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """Running mean of weights and batch statistics."""
    for mean, now in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - decay)
        else:
            mean.copy_(now)


def start_from(network: nn.Module, settings: Settings, weights: Path | None) -> str:
    """Fill `network` from `weights`, a file of ImageNet weights, a version or a run; where they come from, in words."""
    if weights is None:
        if settings.start_from:
            raise PterionError(
                f"{settings.name} starts from {settings.start_from}. Name its folder with --weights."
            )
        return "from scratch"
    if isinstance(network, B0) and weights.is_file():
        return f"from ImageNet weights, {weights.name}, sha256 {load_imagenet(network, weights)}"
    if not weights.is_dir():
        raise PterionError(
            f"{weights.name} is no folder of a model. Name a version, a run, or for a B0 a weights file."
        )
    version = (weights / "model.json").exists()
    other = load_network(weights) if version else checkpoint.load_run(weights)[1]
    state = other.state_dict()
    if isinstance(network, Flagship) and network.detail is not None:  # drawn finer than what it starts from
        fresh = {name: value for name, value in network.state_dict().items() if name.startswith("detail.")}
        state = fresh | state
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise PterionError(
            f"The weights of {weights.name} are of a network of other sizes. Give the recipe its sizes."
        ) from error
    file = weights / (WEIGHTS if version else checkpoint.FINISHED)
    return f"from {weights.name}, sha256 {sha256(file.read_bytes()).hexdigest()}"


def _require_same_run(folder: Path, settings: Settings, facts: dict[str, Any]) -> None:
    """Raise PterionError where the run in `folder` has another recipe, fold or other data."""
    before, content = checkpoint.read_run(folder)
    now, then = settings.as_table(), before.as_table()
    changed = [name for name in now if now[name] != then.get(name) and name != "threads"]
    changed += [name for name in ("fold", "data", "weights") if facts[name] != content.get(name)]
    if changed:
        raise PterionError(
            f"{folder.name} was begun with another {', '.join(changed)}. Go on with the same, or name another folder."
        )
