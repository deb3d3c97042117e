"""Devices: which is taken, what happens where one is missing or does not load, and what is said."""

import runpy
from collections.abc import Sequence
from pathlib import Path

import pytest

from model import device
from model.errors import ModelFileError
from model.predict import Predictor

make = runpy.run_path(str(Path(__file__).parent.parent / "toy_version.py"))["make"]


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that was built for CUDA."""
    monkeypatch.setattr(device, "available", lambda: ("cuda", "cpu"))


def test_the_processor_is_always_there() -> None:
    assert device.available()[-1] == "cpu"


def test_auto_takes_the_fastest_without_a_word(cards: None) -> None:
    assert device.open_on("auto", tuple) == (("CUDAExecutionProvider", "CPUExecutionProvider"), "cuda", "")


def test_a_missing_device_is_told_of() -> None:
    loaded, used, notice = (
        device.open_on("coreml", tuple) if "coreml" not in device.available() else ((), "", "")
    )
    assert (loaded, used) == (("CPUExecutionProvider",), "cpu")
    assert notice.startswith("The model runs on the processor, not on the Apple chip")


@pytest.mark.parametrize(("wanted", "told"), [("auto", False), ("cuda", True)])
def test_where_the_card_does_not_load_the_processor_answers(cards: None, wanted: str, told: bool) -> None:
    def load(providers: Sequence[str]) -> str:
        if "CUDAExecutionProvider" in providers:
            raise ModelFileError("out of memory")
        return "loaded"

    loaded, used, notice = device.open_on(wanted, load)
    assert (loaded, used, bool(notice)) == ("loaded", "cpu", told)


def test_a_model_that_does_not_load_at_all_is_an_error(cards: None) -> None:
    def load(_: Sequence[str]) -> str:
        raise ModelFileError("damaged")

    with pytest.raises(ModelFileError, match="damaged"):
        device.open_on("cuda", load)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ValueError, match="abacus"):
        device.open_on("abacus", tuple)


def test_a_predictor_says_where_it_runs(tmp_path: Path) -> None:
    predictor = Predictor(make(tmp_path), device="cpu")
    assert (predictor.device, predictor.device_notice) == ("cpu", "")
