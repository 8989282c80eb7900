"""``python -m mlpc``: the command line, which is in `mlpc.cli`."""

import sys

from mlpc.cli import main

if __name__ == "__main__":
    sys.exit(main())
