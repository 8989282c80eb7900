"""Pictures, drawn with matplotlib (the extra ``plot``), which is imported when the first one is asked for."""

from mlpc.plot.confusion import confusion_matrix
from mlpc.plot.curves import learning_curves
from mlpc.plot.digits import digit_gallery, first_layer
from mlpc.plot.distributions import histograms
from mlpc.plot.figure import require_matplotlib
from mlpc.plot.rates import lr_range, rate_search

__all__ = [
    "confusion_matrix",
    "digit_gallery",
    "first_layer",
    "histograms",
    "learning_curves",
    "lr_range",
    "rate_search",
    "require_matplotlib",
]
