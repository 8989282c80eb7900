"""The network that an estimator has: its numbers are shown, copied, pickled, and asked."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mlpc.arguments import Array
from mlpc.estimators.frozen import Frozen
from mlpc.estimators.inputs import Inputs
from mlpc.estimators.networks import linear_layers, threads
from mlpc.estimators.shown import Shown
from mlpc.estimators.validation import validated_rows
from mlpc.net import MLP

__all__ = ["Owner"]


class Owner(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """An estimator as the owner of a network, which is trained elsewhere."""

    coefs_, intercepts_, network_ = Shown(), Shown(), Shown()
    _frozen: Frozen

    def _make_network(self, sizes: list[int], dtype: np.dtype[Any], seed: int) -> MLP:
        """One of the estimator's parameters."""
        raise NotImplementedError

    def _adopt(self, net: MLP) -> MLP:
        """Make it the estimator's: `coefs_` and `intercepts_` are its parameters themselves."""
        linear = linear_layers(net)
        weights, biases = [layer.weight.T for layer in linear], [layer.bias for layer in linear]
        self.__dict__.update(network_=net, coefs_=weights, intercepts_=biases)
        self._own = self._weights_and_biases()
        if "_frozen" not in self.__dict__ or self._frozen.net is not net:
            self._frozen = Frozen(net)
        return net

    def _weights_and_biases(self) -> list[Any]:
        return [*vars(self)["coefs_"], *vars(self)["intercepts_"]]

    def _network(self) -> MLP:
        """The network, with what was written to, or put in the place of, `coefs_` and `intercepts_`."""
        given, own = self._weights_and_biases(), self.__dict__.get("_own")
        net: MLP | None = self.__dict__.get("network_")
        if net is not None and own is not None and len(own) == len(given) and all(map(operator.is_, given, own)):
            return net
        weights, biases = [[np.asarray(each) for each in vars(self)[name]] for name in ("coefs_", "intercepts_")]
        sizes = [len(weights[0]), *(weight.shape[1] for weight in weights)]
        if net is None or list(net.sizes) != sizes:
            net = self._make_network(sizes, weights[0].dtype, 0).eval()
        for layer, weight, bias in zip(linear_layers(net), weights, biases, strict=True):
            layer.weight, layer.bias = weight.T, bias
        return self._adopt(net)

    def __copy__(self) -> Any:
        """It has the same network, and with it what answers for it."""
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.__dict__.pop("_trains", None)
        return made

    def __sklearn_is_fitted__(self) -> bool:
        return "coefs_" in self.__dict__

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        left_out = ["_trains"]
        if "network_" in state:
            self._network()
            left_out += _MADE
        return {name: value for name, value in state.items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            self._adopt(self.network_)

    def _predicted(self, X: Any, output: str) -> Array:
        """What the network says of X: its "prediction" or its "probabilities"; from any number of threads at once."""
        predictor = self._answering().predictor()
        rows = validated_rows(self, X, predictor.dtype)
        if self.n_threads is None or len(rows) == 1:  # which takes one thread
            return predictor._predict(rows, output, None)
        with threads(self.n_threads):
            return predictor._predict(rows, output, None)

    def _answering(self) -> Frozen:
        """What answers for the network, with what was put in the place of its weights."""
        frozen: Frozen | None = self.__dict__.get("_frozen")
        if frozen is None or frozen.watched:
            if "coefs_" not in self.__dict__:
                check_is_fitted(self)
            self._network()
            frozen = self._frozen
        return frozen

    def transform(self, X: Any) -> Any:
        """What the last hidden layer makes of X: features that the network has learnt.

        Parameters
        ----------
        X : array-like or sparse matrix, (n, n_features)

        Returns
        -------
        ndarray, (n, units of the last hidden layer)

        Raises
        ------
        ValueError
            Where there is no hidden layer.

        Examples
        --------
        >>> import mlpc
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> mlpc.MLPClassifier((20, 5), solver="lbfgs", random_state=1).fit(X, y).transform(X).shape
        (150, 5)
        """
        check_is_fitted(self)
        if self.n_layers_ < 3:
            raise ValueError("transform: expected a network with a hidden layer, got one without")
        frozen = self._answering()
        X = Inputs(validated_rows(self, X, frozen.net.dtype), frozen.net.dtype)
        with threads(self.n_threads):
            return np.concatenate([frozen.hidden(rows) for rows in X.pieces()])

    @property
    def _n_features_out(self) -> int:
        return int(self._answering().net.sizes[-2])


_MADE = ("coefs_", "intercepts_", "_own", "_frozen")  # of the network, whenever there is one
