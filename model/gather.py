"""The cases of a run: every folder read, checked and prepared before the first step; simulated heads made if asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.batches import Case
from model.corpus import Pool, deal_cases
from model.errors import Cancelled, PterionError
from model.networks.kinds import kind_named
from model.prepared import Source, open_source, prepare
from model.recipe import Settings
from model.team import Team

Tell = Callable[[dict[str, Any]], None]
Stop = Callable[[], bool]

_FIRST_SEED = 70_000_000  # far from the seeds of every other set of simulated heads


@dataclass(frozen=True)
class Run:
    """What one run is given besides its recipe.

    folders: samples and CT-ICH. out: the run's own folder. fold: the fold it must not see. resume: go on with
    what `out` holds. device: cpu, cuda, cuda:1 … (default: a GPU where there is one). weights: what to start
    from, a file of ImageNet weights or the folder of a version or a run. cache: where prepared samples are kept
    (default: in `out`).
    """

    folders: Sequence[Path]
    out: Path
    fold: int | None = None
    resume: bool = False
    device: str | None = None
    weights: Path | None = None
    cache: Path | None = None

    @property
    def prepared(self) -> Path:
        """Where samples are kept as the network sees them."""
        return self.cache or self.out / "prepared"


def gather(
    settings: Settings, run: Run, team: Team, tell: Tell, cancelled: Stop | None = None
) -> tuple[Pool, dict[str, Any]]:
    """What there is to train on and to validate on, and the facts of it that a run must keep to.

    Raises PterionError for the first folder or sample that does not validate and where nothing is left to train on.
    """
    stop = cancelled or (lambda: False)
    places = run_folders(settings, run)
    if settings.data.phantom and team.first:
        _make_heads(settings, places[-1], tell, stop)
    team.wait()
    sources = [open_source(place) for place in places]  # all are looked at before the first is read
    cases: list[Case] = []
    for now_first in (True, False):  # the first prepares, the others then find it there
        if now_first == team.first:
            cases = prepared_cases(settings, sources, run.prepared, tell, stop)
        team.wait()
    pool = deal_cases(cases, run.fold, settings.data.validation)
    if not pool.training:
        raise PterionError("There is no sample to train on. Name folders that hold samples or CT-ICH.")
    return pool, _facts(sources, pool, run.fold)


def run_folders(settings: Settings, run: Run) -> list[Path]:
    """The folders that a run learns from, that of its own simulated heads included."""
    return [*run.folders, *([run.prepared / "phantoms"] if settings.data.phantom else [])]


def prepared_cases(
    settings: Settings,
    sources: Sequence[Source],
    cache: Path,
    tell: Tell = lambda _: None,
    stop: Stop = lambda: False,
) -> list[Case]:
    """Every sample of the sources as the recipe's network sees it."""
    view = kind_named(settings.kind).view(settings.network)
    cases: list[Case] = []
    for source in sources:
        cases += prepare(source, view, cache, _preparing(source, tell), stop)
    return cases


def _facts(sources: Sequence[Source], pool: Pool, fold: int | None) -> dict[str, Any]:
    """What run.json and the report tell of the data; no name of a folder's place."""
    return {
        "fold": fold,
        "data": [{"name": s.name, "samples": s.count, "digest": s.digest} for s in sources],
        "patients": {
            "simulated": len({case.patient for case in pool.simulated}),
            "real": len({case.patient for case in pool.real}),
            **{f"validation {name}": len(cases) for name, cases in pool.validation.items()},
            "kept for the test": len(pool.tested),
        },
        "slices": sum(len(case.hu) for case in pool.training),
    }


def _make_heads(settings: Settings, folder: Path, tell: Tell, stop: Stop) -> None:
    from model.phantom import generate
    from model.phantom.write import sample_path
    from model.sample import save_sample

    for number in range(settings.data.phantom):
        if stop():
            raise Cancelled
        path = sample_path(folder, _FIRST_SEED + number)
        if not path.exists():
            save_sample(generate(_FIRST_SEED + number, threads=settings.threads), path)
        tell(
            {
                "event": "preparing",
                "name": "simulated heads",
                "done": number + 1,
                "total": settings.data.phantom,
            }
        )


def _preparing(source: Source, tell: Tell) -> Callable[[int, int], None]:
    return lambda done, total: tell({"event": "preparing", "name": source.name, "done": done, "total": total})
