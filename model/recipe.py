"""A training recipe: every setting of a run, read from TOML, checked, and kept with what it made."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from model.augment import Augmentation
from model.corpus import VALIDATION_ONE_IN
from model.errors import PterionError
from model.networks.flagship import FlagshipConfig
from model.networks.kinds import KINDS, kind_named
from model.pointer import check_id

RECIPES = Path(__file__).parent / "recipes"
"""The recipes that come with the program."""


@dataclass(frozen=True)
class DataSettings:
    """What a run adds to its folders, and what it keeps from training.

    phantom: simulated heads to make. validation: one patient in so many is for validation (0: none).
    """

    phantom: int = 0
    validation: int = VALIDATION_ONE_IN


@dataclass(frozen=True)
class Settings:
    """One training run. Schedules count steps, so that a run may be stopped and go on.

    kind: the network, by its name in `model.networks.kinds`. steps or epochs: length of the main part; an epoch
    is as many slices as there are to train on. stacks, slices: stacks a batch, slices a stack.
    sampling: `balanced` draws `positive` of the phantoms' stacks and `real_positive` of the patients' around a
    bleed; `every` takes every slice once an epoch;
    `classes` draws slices without bleeding and of each subtype equally often. real_share: share of balanced
    stacks from patients, once `real_from` of the steps is gone; phantoms before. painted: share of the patients'
    stacks without bleeding that get a simulated bleed, and with `transplants` a real one of another patient. mimicked:
    share of all stacks that get what is mistaken for blood.
    optimiser: `adamw` or `adam`. schedule: learning_rate after `warm_up` steps `cosine` falls, `constant` stays.
    clip: largest norm of the gradient (0: any). average: decay of the weights' running mean, which is what is
    kept (0: the weights themselves).
    validate_every, checkpoint_every: steps. patience: validations without a better `watched` number after which
    the run ends and its best weights are kept (0: it never ends early, and the last are kept). slack: how far below
    the best number is still as good, so that later weights are kept where few patients tell.
    sequence_steps, sequence_series: of the flagship's part along z, trained last on the embeddings of so many
    augmented series, patients and phantoms in turn.
    workers: processes that make batches ahead (0: the training process itself). precision: `bf16` where the
    processor computes in it (a GPU always does), or `float32`. start_from: model whose weights it starts with, `from`
    in TOML ("": from scratch). frozen: batch statistics and the part along z stay as they are there.
    kept: weight of staying near the network that it starts from, on simulated stacks and where nobody read (0: none).
    apart: whether the loss of fine-tuning is the mean over stacks, which is the same on any number of machines.
    """

    name: str
    kind: str = "flagship"
    seed: int = 0
    steps: int = 0
    epochs: int = 0
    stacks: int = 4
    slices: int = 4
    sampling: str = "balanced"
    positive: float = 0.55
    real_positive: float = 0.55
    real_share: float = 0.25
    real_from: float = 0.35
    painted: float = 0.6
    transplants: bool = False
    mimicked: float = 0.0
    augmented: bool = True
    optimiser: str = "adamw"
    schedule: str = "cosine"
    learning_rate: float = 3e-3
    warm_up: int = 60
    weight_decay: float = 0.02
    clip: float = 2.0
    average: float = 0.997
    validate_every: int = 300
    checkpoint_every: int = 100
    patience: int = 0
    slack: float = 0.0
    watched: str = "loss"
    sequence_steps: int = 1500
    sequence_series: int = 160
    threads: int = 1
    workers: int = 0
    precision: str = "float32"
    start_from: str = ""
    frozen: bool = False
    kept: float = 0.0
    apart: bool = False
    network: Any = field(default_factory=FlagshipConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)
    data: DataSettings = field(default_factory=DataSettings)

    def __post_init__(self) -> None:
        """Raise ValueError naming the first setting that makes no sense, ModelFileError for a name that is no id."""
        check_id(self.name)
        if not isinstance(self.network, KINDS[self.kind].config):
            raise ValueError(f"network must be settings of a {self.kind}")
        if (self.steps > 0) == (self.epochs > 0) or min(self.steps, self.epochs) < 0:
            raise ValueError("either steps or epochs must be above 0")
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be {' or '.join(allowed)}, got {getattr(self, name)!r}")
        for name in ("stacks", "slices", "validate_every", "checkpoint_every", "threads", "warm_up"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("positive", "real_positive", "real_share", "real_from", "painted", "mimicked"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share from 0 to 1, got {getattr(self, name)}")
        if not 0 <= self.average < 1 or not self.learning_rate > 0:
            raise ValueError("average must be from 0 to below 1, and learning_rate above 0")
        if self.kept < 0 or (self.kept and self.kind != "flagship"):
            raise ValueError(f"kept must not be negative, and only a flagship can be kept, got {self.kept}")
        if min(self.workers, self.patience, self.slack, self.data.phantom, self.data.validation) < 0:
            raise ValueError(
                "workers, patience, slack, data.phantom and data.validation must not be negative"
            )

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Settings":
        """From JSON or TOML. Raises PterionError or ValueError naming a setting that is unknown or of a wrong type."""
        if not isinstance(table.get("network", {}), Mapping):
            raise ValueError("network must be a table")
        network = dict(table.get("network", {}))
        kind = kind_named(str(network.pop("kind", table.get("kind", "flagship"))))
        content = {
            _FROM.get(name, name): value for name, value in table.items() if name not in ("network", "kind")
        }
        parts = {
            name: _build(part, content.pop(name, {}), f"{name}.")
            for name, part in (("augmentation", Augmentation), ("data", DataSettings))
        }
        parts["network"] = _build(kind.config, network, "network.")
        return cls(**_checked(cls, content, ""), kind=kind.name, **parts)

    def as_table(self) -> dict[str, Any]:
        """For JSON; `from_table` gives the same settings back."""
        return asdict(self)


_FROM = {"from": "start_from"}
_CHOICES = {
    "precision": ("float32", "bf16"),
    "sampling": ("balanced", "every", "classes"),
    "optimiser": ("adamw", "adam"),
    "schedule": ("cosine", "constant"),
}


def load_settings(recipe: Path | str) -> Settings:
    """Settings of a TOML file, or of a recipe of ours by name. Raises PterionError naming what is wrong with it."""
    path = Path(recipe)
    ours = RECIPES / f"{recipe}.toml"
    if not path.suffix and not path.is_file() and ours.is_file():
        path = ours
    try:
        return Settings.from_table(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise PterionError(
            f"The recipe {path.name} cannot be read ({error.strerror}). Name a TOML file or one of: {known}."
        ) from error
    except (ValueError, TypeError, PterionError) as error:
        raise PterionError(f"{path.name} is not a training recipe: {error}. Correct it.") from error


def _build(part: type[Any], table: object, where: str) -> Any:
    if not isinstance(table, Mapping):
        raise ValueError(f"{where.rstrip('.')} must be a table")
    return part(**_checked(part, table, where))


def _checked(part: type[Any], table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The table's values as the fields of `part` want them."""
    hints = get_type_hints(part)
    known = {f.name: hints[f.name] for f in fields(part) if not is_dataclass(hints[f.name])}
    values = {}
    for name, value in table.items():
        if name not in known:
            raise ValueError(f"there is no setting {where}{name}; known are {', '.join(sorted(known))}")
        values[name] = _converted(value, known[name], where + name)
    for each in fields(part):
        if each.name == "name" and "name" not in values:
            raise ValueError("its name is missing")
    return values


def _converted(value: object, kind: Any, name: str) -> Any:
    """`value` as `kind`: a whole number serves as a float, a list as a tuple; nothing else is converted."""
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        return tuple(_converted(each, get_args(kind)[0], name) for each in value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        wanted = getattr(kind, "__name__", str(kind))
        raise ValueError(f"{name} must be {_WORDS.get(wanted, wanted)}, got {value!r}")
    return value


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "tuple": "a list",
}
