"""The file that ``--plot`` names."""

import os
from pathlib import Path

from mlpc import plot

__all__ = ["picture_of"]


def picture_of(name: str) -> Path:
    """The file that a picture of that name goes to; what cannot be is told before anything is trained for it."""
    plot.require_matplotlib()
    from matplotlib.backend_bases import FigureCanvasBase

    path = Path(name)
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"--plot: expected a file in a folder that exists, got {name!r}")
    if not path.suffix:
        path = path.with_name(f"{path.name.rstrip('.')}.png")  # as matplotlib would do it
    kinds = [f".{kind}" for kind in FigureCanvasBase.get_supported_filetypes()]
    if path.suffix.lower() not in kinds:
        raise ValueError(f"--plot: expected a name that ends in one of {', '.join(kinds)}, got {name!r}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"--plot: expected a file that may be written, got {str(path)!r}")
    return path
