"""pydicom without its warnings: they quote values, which may be the patient's, and what matters we say ourselves."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.RLock()  # a file that is read may need another look at itself


@contextmanager
def quiet() -> Iterator[None]:
    """No warning leaves the block. One thread at a time: the filters of `warnings` belong to the process."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
