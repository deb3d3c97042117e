"""What each source of training and each change of appearance adds: one recipe in short, each time without something.

Every variant is a run of its own below `out`, judged on the fold it never saw, as it is and as other scanners would
show it. Stopped, it goes on where it was; a variant that is finished is not trained again.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from model.augment import Augmentation
from model.checkpoint import FINISHED, RUN, write_whole
from model.errors import Cancelled, PterionError
from model.gather import Run
from model.recipe import Settings
from model.sample import Sample

Tell = Callable[[dict[str, Any]], None]
Stop = Callable[[], bool]

PANEL, TABLE = "panel.json", "ablation.md"
_COLUMNS = ("slice_auc_any", "study_auc_any", "dice_any")


@dataclass(frozen=True)
class Variant:
    """One way to train.

    words: what it is. heads, patients: whether it learns from them. changes: of the recipe. plain: the look of
    what it is shown is not varied, only its pose.
    """

    name: str
    words: str
    heads: bool = True
    patients: bool = True
    changes: Mapping[str, Any] = field(default_factory=dict)
    plain: bool = False

    def of(self, settings: Settings) -> Settings:
        """The recipe, changed."""
        look = _without_looks(settings.augmentation) if self.plain else settings.augmentation
        name = f"{settings.name}-{self.name}"
        return replace(settings, name=name, augmentation=look, **self.changes)


_NOTHING_PAINTED: dict[str, Any] = {"painted": 0.0, "transplants": False}
_PATIENTS_ALONE: dict[str, Any] = {"real_share": 1.0, "real_from": 0.0}

VARIANTS = (
    Variant("all", "simulated heads and patients, with painted and transplanted bleeds"),
    Variant("heads", "simulated heads alone", patients=False),
    Variant("patients", "patients alone", heads=False, changes=_PATIENTS_ALONE | _NOTHING_PAINTED),
    Variant(
        "painted", "patients alone, with painted and transplanted bleeds", False, changes=_PATIENTS_ALONE
    ),
    Variant("unpainted", "heads and patients, nothing painted", changes=_NOTHING_PAINTED),
    Variant("untransplanted", "no bleed of one patient in another", changes={"transplants": False}),
    Variant("plain", "gain, noise, kernel, window and bone's halo as they come", plain=True),
    Variant("few", "a sixth of the stacks from patients", changes={"real_share": 1 / 6}),
    Variant("many", "two thirds of the stacks from patients", changes={"real_share": 2 / 3}),
)


@dataclass(frozen=True)
class Ablation:
    """What is given to all variants alike.

    heads: folders of simulated heads. patients: a folder of patients, CT-ICH as it is or a data set. out: where the
    runs go. fold: of the patients, kept from every run and judged. unseen: simulated heads of other scanners, which
    are judged too.
    """

    settings: Settings
    heads: Sequence[Path]
    patients: Path
    out: Path
    fold: int = 4
    unseen: Iterable[Sample] = ()


def ablate(
    ablation: Ablation,
    variants: Sequence[Variant] = VARIANTS,
    tell: Tell = lambda _: None,
    stop: Stop = lambda: False,
) -> dict[str, dict[str, Any]]:
    """Train and judge every variant; the panel of each by name, which `ablation.out` then holds with a table.

    Raises Cancelled once `stop` answers true, after a checkpoint, and PterionError where the data cannot be used.
    """
    if not ablation.heads and any(not v.patients for v in variants):
        raise PterionError("There are no simulated heads. Name their folders with --heads.")
    panels: dict[str, dict[str, Any]] = {}
    for variant in variants:
        file = ablation.out / variant.name / PANEL
        if not file.exists():
            tell({"event": "variant", "name": variant.name, "words": variant.words})
            _make(ablation, variant, file, tell, stop)
        panels[variant.name] = json.loads(file.read_text(encoding="utf-8"))
        write_whole(ablation.out / TABLE, table(panels).encode())
    return panels


def table(panels: Mapping[str, Mapping[str, Any]]) -> str:
    """The panels of variants as Markdown, a row each."""
    words = {variant.name: variant.words for variant in VARIANTS}
    lines = [
        "| trained on | slice AUC | study AUC | Dice | the same as other scanners | | | criterion |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, panel in panels.items():
        rows = (panel["rows"]["as it is"], panel["shifted"])
        cells = [_number(row[key]) for row in rows for key in _COLUMNS]
        lines.append(f"| {words.get(name, name)} | {' | '.join(cells)} | {_number(panel['criterion'])} |")
    return "\n".join(lines) + "\n"


def _make(ablation: Ablation, variant: Variant, file: Path, tell: Tell, stop: Stop) -> None:
    """Train, bundle and judge one variant, as far as that is not done."""
    from model.bundle import bundle_run
    from model.evaluation.data import open_cases
    from model.evaluation.panel import shifted_panel
    from model.evaluation.scorers import VersionScorer
    from model.train import train

    folder = file.parent
    run = Run(
        [*(ablation.heads if variant.heads else ()), *([ablation.patients] if variant.patients else ())],
        folder,
        fold=ablation.fold,
        resume=(folder / RUN).exists(),
        cache=ablation.out / "prepared",
    )
    settings = variant.of(ablation.settings)
    if not (folder / FINISHED).exists():
        train(settings, run, tell, stop)
    if stop():
        raise Cancelled
    version = bundle_run(run, tell)
    if version is None:
        raise PterionError(f"A {settings.kind} cannot be judged so. Name a recipe of a flagship.")
    panel = shifted_panel(
        VersionScorer(version, settings.threads),
        open_cases(ablation.patients, ablation.fold),
        {"simulated, unseen scanners": ablation.unseen},
        cancelled=stop,
    )
    write_whole(file, (json.dumps(panel, indent=1) + "\n").encode())


def _without_looks(augmentation: Augmentation) -> Augmentation:
    names = ("rotation_deg", "zoom", "stretch", "shift_px")
    off = Augmentation(**dict.fromkeys(Augmentation.__dataclass_fields__, 0.0))
    return replace(off, **{name: getattr(augmentation, name) for name in names})


def _number(value: float | None) -> str:
    return "Ø" if value is None else f"{value:.3f}"
