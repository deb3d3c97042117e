"""What the program is made of: everything it needs is listed, with the full text of its licence."""

import re
from pathlib import Path

import pytest

from viewer.licences import Component, components

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def listed() -> dict[str, Component]:
    return {each.name.casefold().replace("_", "-"): each for each in components()}


def test_pterion_comes_first_with_its_licence(listed: dict[str, Component]) -> None:
    first = next(iter(listed.values()))
    assert (first.name, first.licence) == ("Pterion", "Apache-2.0")
    assert first.text == (ROOT / "LICENSE").read_text("utf-8")


def test_everything_the_program_asks_for_is_listed(listed: dict[str, Component]) -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    asked = re.search(r"^dependencies = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    assert asked is not None
    names = re.findall(r'^\s*"([\w.-]+)', asked[1], re.MULTILINE)
    assert len(names) > 15
    assert {name.casefold() for name in names} <= set(listed)


def test_every_component_has_a_licence_and_its_full_text(listed: dict[str, Component]) -> None:
    assert [name for name, each in listed.items() if len(each.text) < 500 or not each.licence] == []
    assert all(len(each.licence.splitlines()) == 1 for each in listed.values())


def test_qt_brings_the_lesser_licence_although_its_package_does_not(listed: dict[str, Component]) -> None:
    text = listed["pyside6-essentials"].text
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in text
    assert "TERMS AND CONDITIONS" in text  # the GPL, which the LGPL refers to


def test_the_typeface_is_listed(listed: dict[str, Component]) -> None:
    assert "SIL OPEN FONT LICENSE" in listed["inter"].text
