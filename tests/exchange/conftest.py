"""Makes c_networks.py, and what tests/bits has, importable: pytest's import mode leaves sys.path alone."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "bits")]
