"""Networks as modules of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlpc.exchange.packages import package
from mlpc.layers import Activation, BatchNorm, Dropout, Layer, LayerNorm, Linear
from mlpc.network import Network

if TYPE_CHECKING:
    import torch

__all__ = ["to_torch"]


def to_torch(net: Network) -> torch.nn.Sequential:
    """The network as a torch.nn.Sequential, with a copy of its parameters, in its dtype and its mode.

    Its modules are those of `layers`, one for one, so that both have the same state dict.  It gives logits or
    predictions, as `forward` does; PyTorch's losses take these as mlpc's do.  Softplus switches to the identity only
    where no number of either dtype can tell them apart.  In train mode PyTorch draws masks of its own.

    Returns
    -------
    torch.nn.Sequential
        On the CPU.  Nothing of it is shared with the network.

    Raises
    ------
    ImportError
        Where PyTorch is not installed.

    Examples
    --------
    >>> import mlpc
    >>> net = mlpc.MLP([3, 4, 2], mlpc.layers.LeakyReLU(0.2), norm="layer")
    >>> net.to_torch()
    Sequential(
      (0): Linear(in_features=3, out_features=4, bias=True)
      (1): LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)
      (2): LeakyReLU(negative_slope=0.2)
      (3): Linear(in_features=4, out_features=2, bias=True)
    )
    """
    pytorch = package("torch", "to_torch")
    dtype = getattr(pytorch, net.dtype.name)
    module: torch.nn.Sequential = pytorch.nn.Sequential(*(_module(pytorch.nn, part, dtype) for part in net.layers))
    module.load_state_dict({key: pytorch.from_numpy(array) for key, array in net.state_dict().items()})
    return module.train(net.training)


def _module(nn: Any, part: Layer, dtype: Any) -> Any:
    """What PyTorch has for a layer, before it has the layer's numbers."""
    match part:
        case Linear():
            # Without initial values, which would be drawn from the stream of torch.manual_seed.
            return nn.utils.skip_init(nn.Linear, part.n_in, part.n_out, dtype=dtype)
        case Activation():
            settings = {"threshold": 40} if part.name == "softplus" else part.settings
            return getattr(nn, type(part).__name__)(**settings)
        case Dropout():
            return nn.Dropout(part.p)
        case BatchNorm():
            return nn.BatchNorm1d(part.n_in, part.eps, part.momentum, dtype=dtype)
        case LayerNorm():
            return nn.LayerNorm(part.n_in, part.eps, dtype=dtype)
    raise TypeError(f"expected a layer of mlpc.layers, got {part!r}")
