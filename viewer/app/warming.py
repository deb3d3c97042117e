"""Imports that the first series needs, done while the reader still chooses it.

Some of these libraries take a tenth of a second, in which the other threads hardly run. So they come neither before
the window is up nor when a series is opened, but between the two.
"""

import importlib
from collections.abc import Callable

from model.predict import load_runtime
from viewer.annotation.geometry import load_repair
from viewer.dicom.guard import load_reader
from viewer.dicom.pixels import load_decoders


def warm(readable: Callable[[], None] = lambda: None) -> None:
    """Import what reads headers and pixels, then call `readable`, then import what scores and mends outlines.

    Call it from a worker thread.
    """
    importlib.import_module("numpy.ma")  # medians ask for it
    load_reader()
    load_decoders()
    readable()
    load_runtime()
    load_repair()
