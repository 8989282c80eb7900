"""Networks as C: a file and its header that compute what the network does, to the bit, and need nothing else.

A network's text is that of the kernels: what it needs of their files, which are links in the folder `kernels`, and of
`layers.inc` is pasted, so that there is one text of the arithmetic.
"""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np

from mlpc.arguments import pair
from mlpc.exchange.c_source.names import checked_name, source_path
from mlpc.exchange.c_source.program import program_of
from mlpc.exchange.c_source.quantized import quantized
from mlpc.exchange.c_source.report import CSource
from mlpc.exchange.c_source.source import Source
from mlpc.files import check_folder, write_atomically
from mlpc.network import N, Network

__all__ = ["CSource", "quantized", "to_c"]


def to_c(
    self: Network,
    path: str | os.PathLike[str],
    name: str | None = None,
    *,
    dtype: Literal["int8"] | None = None,
    workspace: bool = False,
    data: tuple[Any, Any] | None = None,
) -> CSource:
    """Write the network as C: a file that needs no library but C's, and its header beside it.

    What they compute is what the network computes in eval mode, to the bit, on every machine and by every compiler: the
    file is refused where that cannot be, as with ``-ffast-math``.  It is C99, and C++17; it allocates nothing, keeps
    nothing between calls, and all weights are constants.  `docs/c.md` has the contract, and examples.

    Parameters
    ----------
    path : str or os.PathLike
        Of the file of C; its name ends in .c.  The header has the same name with .h.  Both replace what was there.
    name : str, optional
        What the functions' names begin with; left out, the name of the file.  Letters, digits and single underscores.
    dtype : {"int8"}, optional
        With "int8" weights are bytes with a scale for each output, and the results are those of
        ``mlpc.exchange.c_source.quantized(net)``.  Left out, numbers of the network's dtype.
    workspace : bool
        Whether what lies between the layers is in memory that the caller hands to each function, as its last argument,
        instead of on the stack.
    data : tuple (x, y), optional
        With "int8", the loss and the accuracy of these rows are reported, before and after.

    Returns
    -------
    CSource
        The files, and what they take; it prints well.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not one of the above, the network cannot `predict`, or a number of it is not finite;
        nothing is written then.
    InUseError
        Where another thread computes with the network.
    OSError
        Where a file cannot be written.

    Notes
    -----
    With NAME for the name and `real` for float or double, the header declares

    - ``void NAME_forward(const real *x, real *z)``: the outputs that ``net.forward`` gives for a row;
    - ``int NAME_predict(const real *x)``: the class (cross_entropy), or 0 or 1 (bce_with_logits); -1 where an output is
      NaN.  With several outputs of bce_with_logits, ``void NAME_predict(const real *x, int *y)``; for poisson,
      ``void NAME_predict(const real *x, real *y)``, the rates.  Other networks of regression have none;
    - ``void NAME_probabilities(const real *x, real *p)``, of a classifier.

    Examples
    --------
    >>> import mlpc, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(mlpc.MLP([64, 32, 10]).to_c(f"{folder}/digits.c").flash)
    9640
    """
    text = source_path(path)
    name = checked_name(name, text)
    if dtype not in (None, "int8"):
        raise ValueError(f"dtype: expected None or 'int8', got {dtype!r}")
    if not isinstance(workspace, bool):
        raise TypeError(f"workspace: expected True or False, got {workspace!r}")
    if data is not None and dtype is None:
        raise ValueError("data: expected None without dtype='int8', since nothing is lost then")
    net = _snapshot(self)
    net._predict(np.zeros((0, net.sizes[0]), net.dtype), "prediction", net.criterion.predicts_as, None)  # may refuse
    evaluations = () if data is None else _evaluations(net, *pair("data", data))
    header = f"{text[:-2]}.h"
    source = Source(net, program_of(net, dtype == "int8"), name, os.path.basename(header), workspace)
    code, declarations = source.code().encode(), source.header().encode()
    check_folder(text)
    check_folder(header)
    write_atomically(text, code)  # first: where the disk is full, neither file changes
    write_atomically(header, declarations)
    arrays = source.numbers * net.dtype.itemsize
    stack, of_caller = (0, arrays) if workspace else (arrays, 0)
    return CSource(text, header, name, source.flash, 0, stack, of_caller, *evaluations)


def _snapshot(net: N) -> N:
    """A copy in eval mode, none of whose numbers another thread was writing."""
    twin = net.copy().eval()
    twin.parameters[:], twin._statistics[:] = net._copy_numbers()
    return twin


def _evaluations(net: Any, x: Any, y: Any) -> tuple[Any, Any]:
    return net.evaluate(x, y), quantized(net).evaluate(x, y)
