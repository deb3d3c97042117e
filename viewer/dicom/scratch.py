"""Memory that a thread uses again for the next slice: what is taken fresh costs more than to read or decode it."""

import threading

_KEPT_MAX = 64 << 20
_OURS = threading.local()


def scratch(name: str, size: int) -> memoryview:
    """`size` bytes that belong to this thread until it asks for the same name again. Their content is anything."""
    if size > _KEPT_MAX:
        return memoryview(bytearray(size))
    held: dict[str, bytearray] = _OURS.__dict__.setdefault("held", {})
    memory = held.get(name)
    if memory is None or len(memory) < size:
        memory = held[name] = bytearray(size)
    return memoryview(memory)[:size]
