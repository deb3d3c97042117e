"""A lock on an open file, which the system releases when the process that holds it ends, however it ends."""

import sys
from typing import IO

LOCKED_BYTE = 4096
"""Beyond the text of a lock file, so that others can read it while Windows locks it."""

if sys.platform == "win32":
    import msvcrt

    def try_lock(file: IO[str]) -> bool:
        """Whether the lock is ours now; False where another process has it."""
        file.seek(LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def unlock(file: IO[str]) -> None:
        """Give the lock back."""
        file.seek(LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def try_lock(file: IO[str]) -> bool:
        """Whether the lock is ours now; False where another process has it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def unlock(file: IO[str]) -> None:
        """Give the lock back."""
        fcntl.flock(file, fcntl.LOCK_UN)
