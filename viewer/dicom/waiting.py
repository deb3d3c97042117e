"""Whether a thread was slow because of the disk or because others had the processor."""

import sys

if sys.platform == "linux":
    import resource


def waits_of_thread() -> int | None:
    """How often this thread has waited for a disk, a network or a lock so far; None where the system does not tell."""
    if sys.platform == "linux":
        return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    return None
