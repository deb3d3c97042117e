"""Imports that the first series needs, done while the reader still chooses it.

Some of these libraries take a tenth of a second, in which the other threads hardly run. So they come neither before
the window is up nor when a series is opened, but between the two.
"""

import importlib

from model.predict import load_runtime
from viewer.annotation.geometry import load_repair
from viewer.dicom.pixels import load_decoders

_NEEDED = ("numpy.ma", "pydicom")  # for medians; for the windows that a file names, and its tags


def warm() -> None:
    """Import the decoders, the model's runtime, and what crossed outlines need; call it from a worker thread."""
    for name in _NEEDED:
        importlib.import_module(name)
    load_decoders()
    load_runtime()
    load_repair()
