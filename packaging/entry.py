"""Where a built Pterion starts."""

import sys

from viewer.__main__ import start

if __name__ == "__main__":
    sys.exit(start())
