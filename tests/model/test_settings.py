"""Settings of a run that make no sense are refused by name, whoever makes them."""

from typing import Any

import pytest

from model.networks.b0 import B0Config
from model.recipe import DataSettings, Settings


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": B0Config()}, "network must be settings of a flagship"),
        ({"epochs": 2}, "either steps or epochs"),
        ({"sampling": "now and then"}, "sampling must be balanced or every or classes"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
        ({"painted": 1.5}, "painted must be a share"),
        ({"average": 1.0}, "average must be from 0 to below 1"),
        ({"learning_rate": 0.0}, "learning_rate above 0"),
        ({"workers": -1}, "workers, patience"),
        ({"slack": -0.1}, "patience, slack"),
        ({"data": DataSettings(phantom=-3)}, "must not be negative"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings(**{"name": "x", "steps": 5} | changes)


@pytest.mark.parametrize(
    ("table", "said"),
    [({"augmentation": 3}, "augmentation must be a table"), ({"network": "b0"}, "network must be a table")],
)
def test_a_part_that_is_no_table_is_named(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings.from_table({"name": "x", "steps": 5, **table})
