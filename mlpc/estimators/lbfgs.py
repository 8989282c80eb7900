"""SciPy's L-BFGS over an estimator's objective."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from mlpc.arguments import Array
from mlpc.estimators.epochs import Part
from mlpc.estimators.objective import Objective

__all__ = ["minimize"]


def minimize(
    objective: Objective, part: Part, *, max_iter: int, max_fun: int, tol: float, verbose: bool
) -> tuple[int, float]:
    """Minimise the objective of all rows; iterations, and the value in the end.

    Parameters
    ----------
    objective : Objective
        Of a network in float64, since differences of values decide; its parameters are those found afterwards.
    part : Part
    max_iter, max_fun : int
        The most iterations, and the most evaluations.
    tol : float
        Where no derivative is larger, it ends.
    verbose : bool
        Whether each iteration prints its value.

    Warns
    -----
    ConvergenceWarning
        Where it ended before it converged.
    """
    net, done = objective.net, 0

    def value(point: Array) -> tuple[float, Array]:
        net.parameters[:] = point
        return objective.of_all(part.x, part.y, part.weights), net.gradients.copy()

    def tell(intermediate_result: Any) -> None:
        nonlocal done
        done += 1
        if verbose:
            print(f"Iteration {done}, loss = {intermediate_result.fun:.8f}")

    options = {"maxfun": max_fun, "maxiter": max_iter, "gtol": tol}
    result = importlib.import_module("scipy.optimize").minimize(
        value, net.parameters.copy(), method="L-BFGS-B", jac=True, options=options, callback=tell
    )
    net.parameters[:] = result.x
    iterations = min(int(result.nit), max_iter)
    if result.status != 0:
        _warn(result, iterations, max_iter)
    return iterations, float(result.fun)


def _warn(result: Any, iterations: int, max_iter: int) -> None:
    """In scikit-learn's words."""
    text = f"lbfgs failed to converge after {iterations} iteration(s) (status={result.status}):\n{result.message}\n"
    if iterations == max_iter:
        text += f"\nIncrease the number of iterations to improve the convergence (max_iter={max_iter})."
    text += (
        "\nYou might also want to scale the data as shown in:\n"
        "    https://scikit-learn.org/stable/modules/preprocessing.html"
    )
    warnings.warn(text, ConvergenceWarning, stacklevel=6)
