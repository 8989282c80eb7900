"""Estimators beside scikit-learn's: fit, predict and one row of predict, on tables as its users have them.

Both are in this process, take turns, and have one thread each: that of BLAS, and that of mlpc.
"""

import sys
import time
import warnings

import figures
import numpy as np
import threadpoolctl

import mlpc

EPOCHS = 50  # of one fit; both go through all of them
SECONDS = 0.1  # of fits, or of predictions, in a round
CALLS = ("fit", "predict", "one row")


def data_sets(full: bool) -> dict[str, tuple]:
    """By name: the class, X and y."""
    from sklearn import datasets, preprocessing

    def scaled(load):
        X, y = load(return_X_y=True)
        return preprocessing.scale(X), y

    words, topics = datasets.make_multilabel_classification(2000, 2000, length=80, sparse=True, random_state=0)
    sets = {
        "iris": ("MLPClassifier", *scaled(datasets.load_iris)),
        "wine": ("MLPClassifier", *scaled(datasets.load_wine)),
        "breast cancer": ("MLPClassifier", *scaled(datasets.load_breast_cancer)),
        "digits": ("MLPClassifier", *scaled(datasets.load_digits)),
        "imbalanced": ("MLPClassifier", *datasets.make_classification(2000, 20, weights=[0.95], random_state=0)),
        "multi-label": ("MLPClassifier", *datasets.make_multilabel_classification(1000, 30, random_state=0)),
        "words, sparse": ("MLPClassifier", words.astype(float), topics[:, 0]),
        "diabetes": ("MLPRegressor", *scaled(datasets.load_diabetes)),
        "friedman": ("MLPRegressor", *datasets.make_friedman1(1500, random_state=0)),
        "5 outputs": ("MLPRegressor", *datasets.make_regression(1000, 20, n_targets=5, random_state=0)),
        "few and wide": ("MLPRegressor", *datasets.make_regression(150, 200, random_state=0)),
    }
    if full:
        sets["20,000 rows"] = ("MLPClassifier", *datasets.make_classification(20_000, 50, random_state=0))
    return sets


def section(full: bool, rounds: int) -> dict:
    rows = []
    with threadpoolctl.threadpool_limits(1):
        for name, (kind, X, y) in data_sets(full).items():
            for dtype in ("float64", "float32") if full else ("float64",):
                rows.append({"set": name, "dtype": dtype, **measure(kind, X.astype(dtype), y, rounds)})
            print(f"measured {name}", file=sys.stderr)
    return {"epochs": EPOCHS, "rows": rows}


def measure(kind: str, X, y, rounds: int) -> dict:
    from sklearn import neural_network

    settings = {"max_iter": EPOCHS, "n_iter_no_change": EPOCHS, "random_state": 0}
    theirs = getattr(neural_network, kind)(**settings)
    ours = getattr(mlpc, kind)(**settings, n_threads=1)
    models, seconds = {"sklearn": theirs, "mlpc": ours}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of epochs that do not suffice
        for round_ in range(rounds + 1):  # the first one warms up
            for name, model in models.items():
                calls = {"fit": lambda m=model: m.fit(X, y), "predict": lambda m=model: m.predict(X)}
                calls["one row"] = lambda m=model: m.predict(X[:1])
                for call in CALLS:
                    taken = _seconds(calls[call])
                    if round_:
                        seconds.setdefault(call, {}).setdefault(name, []).append(taken)
    # A training that is another one proves nothing.
    void = not np.allclose(theirs.loss_curve_, ours.loss_curve_, rtol=1e-6 if X.dtype == np.float64 else 1e-2)
    return {
        "rows": X.shape[0],
        "columns": X.shape[1],
        "void": void,
        "results": {call: {name: figures.summary(times) for name, times in of.items()} for call, of in seconds.items()},
    }


def _seconds(call) -> float:
    """Of one call, over as many as take long enough to tell."""
    start, count = time.perf_counter(), 0
    while not count or time.perf_counter() - start < SECONDS:
        call()
        count += 1
    return (time.perf_counter() - start) / count


def table(report: dict) -> str:
    header = ["set", "rows x columns", "dtype"]
    header += [f"{call}: {who}" for call in CALLS for who in ("mlpc", "scikit-learn")]
    lines = []
    for row in report["rows"]:
        line = [row["set"], f"{row['rows']:,} x {row['columns']}", row["dtype"]]
        for call in CALLS:
            ours, theirs = row["results"][call]["mlpc"], row["results"][call]["sklearn"]
            line += [figures.cell(ours), "void: another training" if row["void"] else figures.cell(theirs, ours)]
        lines.append(line)
    return f"{report['epochs']} epochs of Adam, one hidden layer of 100\n\n" + figures.markdown(header, lines)
