"""Recipes: those that come with the program, and what is said of wrong ones."""

import json
from pathlib import Path

import pytest

from model.errors import PterionError
from model.networks.kinds import KINDS
from model.recipe import RECIPES, Settings, load_settings


def recipe(folder: Path, text: str) -> Path:
    path = folder / "odd.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_of_ours_loads_by_its_name_and_survives_json(path: Path) -> None:
    settings = load_settings(path.stem)
    assert settings.name == path.stem
    assert isinstance(settings.network, KINDS[settings.kind].config)
    assert Settings.from_table(json.loads(json.dumps(settings.as_table()))) == settings


def test_the_seeds_are_as_they_were_written() -> None:
    multitask, five = load_settings("seed-multitask"), load_settings("seed-b0-five")
    for seed in (multitask, five):
        assert (seed.optimiser, seed.learning_rate, seed.schedule) == ("adam", 1e-4, "constant")
        assert (seed.stacks * seed.slices, seed.epochs, seed.average, seed.painted) == (16, 20, 0, 0)
        assert seed.data.validation == 5
    assert (multitask.augmented, multitask.patience, multitask.sampling) == (False, 0, "every")
    assert (five.augmented, five.patience > 0, five.sampling) == (True, True, "every")
    assert five.augmentation.noise_hu == five.augmentation.gain == five.augmentation.halo == 0
    assert load_settings("seed-b0-oversampled").sampling == "classes"
    assert "EDH" not in load_settings("seed-b0-four").network.codes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "x"\nsteps = 1\ncolour = 3\n', "there is no setting colour; known are "),
        ('name = "x"\nsteps = 1\n[network]\nlayers = 3\n', r"there is no setting network\.layers"),
        ('name = "x"\nsteps = 1\n[augmentation]\nwobble = 3\n', r"no setting augmentation\.wobble"),
        ('name = "x"\nsteps = 1\n[data]\nfolder = "x"\n', r"no setting data\.folder"),
        ('name = "x"\nsteps = 1\n[network]\nkind = "resnet"\n', "no network resnet. Known are: flagship"),
        ('name = "x"\nsteps = "many"\n', "steps must be a whole number, got 'many'"),
        ('name = "x"\nsteps = 1\naugmented = 1\n', "augmented must be true or false, got 1"),
        ('name = "x"\nsteps = 1\n[network]\nwidths = 8\n', r"network\.widths must be a list"),
        ('name = "x"\nsteps = 1\npositive = 1.5\n', "positive must be a share from 0 to 1, got 1.5"),
        ('name = "x"\nsteps = 1\nsampling = "odd"\n', "sampling must be balanced or every or classes"),
        ('name = "x"\n', "either steps or epochs must be above 0"),
        ('name = "x"\nsteps = 1\nepochs = 1\n', "either steps or epochs"),
        ("steps = 1\n", "its name is missing"),
        ('name = "../x"\nsteps = 1\n', "'../x' is not a model id"),
        ('name = "x"\nsteps = 1\nnetwork = 3\n', "network must be a table"),
        ("name = \n", "Invalid value"),
    ],
)
def test_a_wrong_recipe_is_refused_by_what_is_wrong(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(PterionError, match=rf"odd\.toml is not a training recipe: .*{said}"):
        load_settings(recipe(tmp_path, text))


def test_a_recipe_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(PterionError, match=r"flagship, retrain, seed-b0-five, seed-b0-four"):
        load_settings(tmp_path / "absent.toml")
    with pytest.raises(PterionError, match=r"flagship, retrain, seed-b0-five"):
        load_settings("absent")


def test_a_whole_number_serves_as_a_float(tmp_path: Path) -> None:
    settings = load_settings(recipe(tmp_path, 'name = "x"\nsteps = 1\nclip = 1\nfrom = "y"\n'))
    assert (settings.clip, type(settings.clip), settings.start_from) == (1.0, float, "y")
