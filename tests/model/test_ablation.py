"""Variants of a recipe: what each leaves out, and that a stopped series of runs goes on where it was."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from model import corpus
from model.ablation import PANEL, TABLE, VARIANTS, Ablation, Variant, ablate, table
from model.augment import Augmentation
from model.errors import Cancelled, PterionError
from model.networks.b0 import B0Config
from model.networks.flagship import FlagshipConfig
from model.recipe import Settings, load_settings

TINY = Settings(
    name="tiny",
    steps=2,
    stacks=1,
    slices=2,
    sequence_steps=2,
    sequence_series=1,
    network=FlagshipConfig(
        widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1, 1), expansion=1, decoder=(8, 8, 8, 8), pooled=4
    ),
)


def named(name: str) -> Variant:
    return next(variant for variant in VARIANTS if variant.name == name)


@pytest.fixture
def ablation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_heads: Callable[..., Path]) -> Ablation:
    """Heads, of which `b` is held back (HELD_BACK 2), and twelve patients, half of them bleeding."""
    monkeypatch.setattr(corpus, "HELD_BACK", 2)
    heads = write_heads(tmp_path / "heads", {"b": 5, "c": 1})
    patients = write_heads(tmp_path / "patients", {f"p{n}": n % 2 * 5 for n in range(12)}, "clinic")
    return Ablation(TINY, [heads], patients, tmp_path / "out", fold=0)


def test_every_variant_is_a_recipe_of_its_own_that_differs_as_it_says() -> None:
    whole = load_settings("ablation")
    recipes = {variant.name: variant.of(whole) for variant in VARIANTS}
    assert len({recipe.name for recipe in recipes.values()}) == len(VARIANTS)
    assert recipes["all"].as_table() == {**whole.as_table(), "name": "ablation-all"}
    assert (recipes["patients"].painted, recipes["patients"].transplants) == (0, False)
    assert (recipes["painted"].painted, recipes["painted"].real_share) == (whole.painted, 1)
    assert recipes["few"].real_share < whole.real_share < recipes["many"].real_share
    look, plain = whole.augmentation, recipes["plain"].augmentation
    assert (plain.rotation_deg, plain.zoom) == (look.rotation_deg, look.zoom)
    assert plain == Augmentation(
        **{name: 0.0 for name in vars(look) if name not in ("rotation_deg", "zoom", "stretch", "shift_px")},
        **{name: getattr(look, name) for name in ("rotation_deg", "zoom", "stretch", "shift_px")},
    )


def test_variants_learn_from_what_they_name_and_are_judged_alike(ablation: Ablation) -> None:
    chosen = [named("heads"), named("patients")]
    panels = ablate(ablation, chosen)
    assert list(panels) == ["heads", "patients"]
    for name, panel in panels.items():
        assert panel == json.loads((ablation.out / name / PANEL).read_text())
        assert 0 <= panel["rows"]["as it is"]["slice_auc_any"] <= 1
    facts = {name: json.loads((ablation.out / name / "run.json").read_text()) for name in panels}
    assert facts["heads"]["patients"]["real"] == facts["patients"]["patients"]["simulated"] == 0
    assert facts["heads"]["patients"]["simulated"] == 1
    assert (ablation.out / TABLE).read_text() == table(panels)
    assert table(panels).count("\n| ") == 2
    events: list[object] = []
    assert ablate(ablation, chosen, events.append) == panels
    assert events == []  # all was there


def test_a_stopped_series_goes_on_with_the_variant_it_was_at(ablation: Ablation) -> None:
    seen: list[int] = []
    with pytest.raises(Cancelled):
        ablate(ablation, [named("all")], lambda event: seen.append(event.get("step", 0)), lambda: 1 in seen)
    assert not (ablation.out / "all" / PANEL).exists()
    events: list[dict[str, object]] = []
    ablate(ablation, [named("all")], events.append)
    assert [event["step"] for event in events if event["event"] == "resumed"] == [1]
    assert (ablation.out / "all" / PANEL).exists()


def test_heads_are_asked_for_before_anything_is_trained(ablation: Ablation) -> None:
    without = Ablation(TINY, [], ablation.patients, ablation.out, fold=0)
    with pytest.raises(PterionError, match="--heads"):
        ablate(without, [named("heads")])
    assert not ablation.out.exists()


def test_stopped_before_it_is_judged_a_variant_is_judged_the_next_time(ablation: Ablation) -> None:
    events: list[dict[str, object]] = []
    with pytest.raises(Cancelled):
        ablate(
            ablation,
            [named("all")],
            events.append,
            lambda: any(event["event"] == "finished" for event in events),
        )
    assert not (ablation.out / "all" / PANEL).exists()
    trained = len(events)
    assert list(ablate(ablation, [named("all")], events.append)) == ["all"]
    assert not any(event["event"] == "step" for event in events[trained:])


def test_a_network_that_becomes_no_version_cannot_be_judged(ablation: Ablation) -> None:
    slicewise = replace(TINY, kind="b0", network=B0Config(size=32, width=0.25, dense=8))
    with pytest.raises(PterionError, match="Name a recipe of a flagship"):
        ablate(replace(ablation, settings=slicewise), [named("heads")])
