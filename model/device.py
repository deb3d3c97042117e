"""Which device a version runs on: processor, NVIDIA card or Apple chip; and what to do where one does not work."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from model.errors import ModelFileError

Loaded = TypeVar("Loaded")

CPU = "cpu"
PROVIDERS = {
    CPU: "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
"""Devices and what ONNX Runtime calls them."""
NAMES = {CPU: "the processor", "cuda": "the NVIDIA card (CUDA)", "coreml": "the Apple chip (Core ML)"}
_FASTEST_FIRST = ("cuda", "coreml")


def available() -> tuple[str, ...]:
    """The devices that the installed ONNX Runtime was built for, the fastest first."""
    import onnxruntime

    built = onnxruntime.get_available_providers()
    return (*(device for device in _FASTEST_FIRST if PROVIDERS[device] in built), CPU)


def open_on(device: str, load: Callable[[Sequence[str]], Loaded]) -> tuple[Loaded, str, str]:
    """What `load` makes with the providers of a device; the device that it runs on; and a sentence where that is
    another one than asked for.

    device: `auto` takes the fastest that works, without a word. Raises ModelFileError where even the processor
    cannot load it.
    """
    there = available()
    wanted = there[0] if device == "auto" else device
    if wanted not in PROVIDERS:
        raise ValueError(f"a device is auto or one of {', '.join(PROVIDERS)}, got {device!r}")
    if wanted == CPU:
        return load((PROVIDERS[CPU],)), CPU, ""
    if wanted not in there:
        return load((PROVIDERS[CPU],)), CPU, _instead(wanted, "this installation has no support for it")
    try:
        return load((PROVIDERS[wanted], PROVIDERS[CPU])), wanted, ""
    except ModelFileError:
        loaded = load((PROVIDERS[CPU],))
        return loaded, CPU, "" if device == "auto" else _instead(wanted, "it could not load the model")


def _instead(wanted: str, why: str) -> str:
    return f"The model runs on {NAMES[CPU]}, not on {NAMES[wanted]}: {why}."
