"""The training of a retraining: `model.train` on a reader's cases and replayed heads; paused, resumed, made smaller."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from model import checkpoint
from model.batches import Case
from model.blend import best_between
from model.calibration import Calibration
from model.corpus import Pool
from model.deal import TRAIN, Deal
from model.errors import Cancelled, PterionError
from model.examples import Examples
from model.export import load_network
from model.gather import Run
from model.networks.flagship import Flagship, FlagshipConfig
from model.recipe import Settings, load_settings
from model.replay import Heads
from model.run_folder import TRAINING, Control, Request
from model.team import Team, join
from model.train import Trainer
from model.watch import SCORE, Watch

Log = Callable[..., None]

VALIDATIONS = 6
PATIENCE, SLACK = 5, 0.02
"""Half-way, while the learning rate is high, the score dips: two validations say little, five a lot."""
TIMED_STEPS = 3
LEAST_STEPS, MOST_STEPS = 24, 200
TIMES_SEEN = 20
"""How often each annotated slice is drawn in a training that has the time."""
FIXED_STEPS = 120
"""Steps at most where no validation patient can end the training."""
WITH_JUDGING = 1.6
"""Time of a whole run in that of its steps: validations and the comparison come on top."""


@dataclass(frozen=True)
class Tuned:
    """What a training came to. steps: done. ended: why, where early. notes: what was changed on the way.

    share: how far its weights lie from those that it started from to those at its end.
    """

    network: Flagship
    settings: Settings
    steps: int
    seconds: float
    device: str
    ended: str
    notes: tuple[str, ...]
    share: float = 1.0


def settings_of(request: Request, network: Mapping[str, Any], dealt: Deal, *, judged: bool) -> Settings:
    """The recipe `retrain` with this run's network, seed, threads; steps where they are asked for.

    judged: whether validation patients may end it.
    """
    recipe = load_settings("retrain")
    steps = request.steps or recipe.steps
    every = max(steps // VALIDATIONS, 1)
    negatives = any((case.scores[:, 0] == 0).any() for case in dealt.training)
    return replace(
        recipe,
        seed=request.seed,
        threads=request.threads,
        steps=steps,
        validate_every=every,
        checkpoint_every=every,
        learning_rate=request.learning_rate or recipe.learning_rate,
        real_positive=recipe.real_positive if negatives else 1.0,
        apart=False,  # one machine has the whole step, and Dice is steadier over all of it
        network=FlagshipConfig.from_table(network),
        patience=PATIENCE if judged else 0,
        slack=SLACK,
        watched=SCORE,
    )


def steps_for(settings: Settings, reviewed: int, seconds_a_step: float, minutes: float) -> int:
    """Steps that see each of `reviewed` slices often enough, and that the minutes allow."""
    drawn = settings.stacks * settings.slices * settings.real_share
    wanted = round(TIMES_SEEN * reviewed / drawn)
    most = MOST_STEPS if settings.patience else FIXED_STEPS
    allowed = int(60 * minutes / max(seconds_a_step, 1e-3))
    return max(min(wanted, most, allowed), LEAST_STEPS)


def memory_mb(device: torch.device) -> float:
    """What this process takes: of a GPU's memory, else of main memory at its peak."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device)) / 2**20
    try:
        import resource
        import sys
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (2**20 if sys.platform == "darwin" else 2**10)


class Training:
    """One training in a run's folder: built anew whenever it has to become smaller."""

    def __init__(
        self,
        folder: Path,
        request: Request,
        dealt: Deal,
        heads: Heads,
        calibration: Calibration,
        log: Log,
        control: Control,
        *,
        judged: bool,
    ) -> None:
        self._folder, self._request, self._dealt, self._log, self._control = (
            folder,
            request,
            dealt,
            log,
            control,
        )
        self._watch = Watch(dealt.validation if judged else (), heads.watched, calibration)
        self._pool = Pool(list(heads.replay), list(dealt.training), self._watch.sets, [])
        self._examples = Examples(folder, dealt, calibration)
        self._run = Run((), folder / TRAINING, device=request.device, weights=Path(request.base), resume=True)
        self._notes: list[str] = []
        self._looked = False

    def run(self, settings: Settings) -> Tuned:
        """Train to the end, or to where it is stopped. Raises Cancelled where nothing is worth keeping by then."""
        known = self._run.out / checkpoint.RUN
        if known.exists():
            settings = checkpoint.read_run(self._run.out)[0]
        while True:
            try:
                with join(self._run.device) as team:
                    return self._once(settings, team)
            except (MemoryError, RuntimeError) as error:
                settings = self._smaller(settings, error)

    def probe(self, settings: Settings) -> dict[str, Any]:
        """What a training would take: device, seconds a step, memory, steps and minutes. Raises PterionError."""
        while True:
            try:
                with join(self._run.device) as team:
                    trainer = Trainer(settings, self._run, team, self._pool, self._measure)
                    seconds, memory = trainer.timed(TIMED_STEPS), memory_mb(team.device)
                    steps = steps_for(settings, self._reviewed, seconds, self._request.minutes)
                    return {
                        "device": str(team.device),
                        "seconds_a_step": round(seconds, 3),
                        "memory_mb": round(memory),
                        "steps": steps,
                        "seconds": round(steps * seconds * WITH_JUDGING),
                    }
            except (MemoryError, RuntimeError) as error:
                settings = self._smaller(settings, error)

    @property
    def _reviewed(self) -> int:
        """Slices to train on that somebody vouches for."""
        return sum(int((case.scores[:, 0] >= 0).sum()) for case in self._dealt.training)

    def _once(self, settings: Settings, team: Team) -> Tuned:
        trainer = Trainer(settings, self._run, team, self._pool, self._measure)
        if not (self._run.out / checkpoint.RUN).exists() and not self._request.steps:
            settings = self._timed(settings, trainer, team)
            trainer = Trainer(settings, self._run, team, self._pool, self._measure)
        trainer.begin(self._facts(), self._tell)
        self._look_before(team)
        self._log(
            "training",
            steps=trainer.steps,
            done=trainer.progress.step,
            device=str(team.device),
            stacks=settings.stacks,
            fixed=not settings.patience,
        )
        try:
            trainer.run(self._tell, self._control.stopped)
        except Cancelled:
            if self._control.abandoned() or not trainer.progress.rows:
                raise
            trainer.progress.ended = "stopped by the reader"
        network = trainer.result.cpu()
        assert isinstance(network, Flagship)
        progress = trainer.progress
        return Tuned(
            network,
            settings,
            progress.step,
            round(progress.seconds, 1),
            str(team.device),
            progress.ended,
            tuple(self._notes),
        )

    def blended(self, tuned: Tuned) -> Tuned:
        """What lies between the bundled weights and those that a training came to, where that scores better.

        Raises Cancelled.
        """
        start = load_network(Path(self._request.base))
        network, share = best_between(
            start, tuned.network, lambda between: self._watch.score(between, self._control.abandoned)
        )
        return replace(tuned, network=network, share=share)

    def _look_before(self, team: Team) -> None:
        """Note what the network that it starts from says of the watched heads and of the examples."""
        if self._looked:
            return
        start = load_network(Path(self._request.base)).to(team.device)
        self._watch.begin(start, self._control.stopped)
        self._examples.before(start)
        self._looked = True

    def _timed(self, settings: Settings, trainer: Trainer, team: Team) -> Settings:
        seconds, memory = trainer.timed(TIMED_STEPS), memory_mb(team.device)
        steps = steps_for(settings, self._reviewed, seconds, self._request.minutes)
        every = max(steps // VALIDATIONS, 4)
        self._log("timed", seconds_a_step=round(seconds, 3), memory_mb=round(memory), steps=steps)
        return replace(settings, steps=steps, validate_every=every, checkpoint_every=every)

    def _facts(self) -> dict[str, Any]:
        return {
            "fold": None,
            "data": [],
            "patients": {part: self._dealt.patients(part) for part in (TRAIN,)},
            "slices": sum(len(case.hu) for case in self._dealt.training),
        }

    def _tell(self, event: dict[str, Any]) -> None:
        """The trainer's events as the window knows them."""
        kind = event["event"]
        if kind == "validation":
            named = {key: value for key, value in event.items() if key != "event" and np.isfinite(value)}
            self._log("epoch", **named)
        elif kind in ("step", "resumed"):
            self._log(kind, **{key: value for key, value in event.items() if key != "event"})

    def _measure(self, network: nn.Module, _: Mapping[str, Sequence[Case]]) -> dict[str, float]:
        """What is said of a network on the way."""
        assert isinstance(network, Flagship)
        numbers = self._watch.numbers(network, self._control.stopped)
        self._examples.after(network)
        self._log("examples")
        return numbers

    def _smaller(self, settings: Settings, error: MemoryError | RuntimeError) -> Settings:
        """Settings that need less, told to the reader. Raises the error where it is another one, or PterionError."""
        reason = trouble(error)
        if not reason:
            raise error
        on_gpu = self._run.device != "cpu" and torch.cuda.is_available()
        if reason == "memory" and settings.stacks > 2:
            smaller = replace(settings, stacks=settings.stacks // 2)
            text = f"The memory was full. The training goes on with {smaller.stacks} stacks a step."
        elif reason == "memory" and settings.slices > 1:
            smaller = replace(settings, slices=1)
            text = "The memory was full. The training goes on with single slices."
        elif on_gpu or reason == "device":
            smaller = load_settings("retrain")
            smaller = replace(settings, stacks=smaller.stacks, slices=smaller.slices)
            self._run = replace(self._run, device="cpu")
            why = "The GPU has too little memory" if reason == "memory" else "The GPU stopped answering"
            text = f"{why}. The training goes on on the processor, which takes longer."
        else:
            raise PterionError(
                "This computer has too little free memory to train. Close other programs and start it again.",
                code="MEMORY",
            ) from error
        self._notes.append(text)
        self._log("smaller", text=text)
        if (self._run.out / checkpoint.RUN).exists():
            before, content = checkpoint.read_run(self._run.out)
            facts = {key: value for key, value in content.items() if key not in ("format", "recipe")}
            smaller = replace(smaller, steps=before.steps, validate_every=before.validate_every)
            checkpoint.write_run(self._run.out, smaller, facts)
        return smaller


def trouble(error: MemoryError | RuntimeError) -> str:
    """`memory` where an error says that it is full, `device` where a GPU is gone, else empty."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return "memory"
    gone = ("cuda", "cudnn", "cublas", "nvml", "device-side", "no longer available")
    return "device" if any(word in text for word in gone) else ""


def as_table(settings: Settings) -> dict[str, Any]:
    """The settings for model.json, without what only a run of many recipes needs."""
    return {key: value for key, value in asdict(settings).items() if key not in ("network", "data")}
