"""A grid of 100 small models on 1,500 rows: scikit-learn's search, in processes and in threads, and `mlpc.sweep`.

Both searches take turns, with as many workers, each of which has one thread.  `sweep` trains networks of the same sizes
by the same steps, without the conventions around them, in threads.
"""

import time
import warnings

import figures
import numpy as np

import mlpc

ROWS, TRAINED, COLUMNS, HIDDEN, EPOCHS, BATCH = 1500, 1200, 20, 32, 20, 200
RATES, DECAYS = list(np.geomspace(1e-4, 1e-1, 10)), list(np.geomspace(1e-6, 1e-1, 10))
WORKERS = 2
BACKENDS = {"processes": "loky", "threads": "threading"}


def measure(rounds: int) -> dict:
    X, y = _data()
    seconds, scores = {}, {}
    for round_ in range(rounds + 1):  # the first one starts the processes, which import both
        for where, backend in BACKENDS.items():
            for who in ("sklearn", "mlpc") if round_ else ("mlpc",):
                start = time.perf_counter()
                scores[where, who] = _searched(who, backend, X, y)
                if round_:
                    seconds.setdefault(where, {}).setdefault(who, []).append(time.perf_counter() - start)
        taken = _swept(X, y)
        if round_ and taken is not None:
            seconds.setdefault("sweep", {}).setdefault("mlpc", []).append(taken)
    # The mean accuracy of the same trainings: a row that rounding moves across the border is 1 of 300.
    void = {where: bool(abs(np.mean(scores[where, "mlpc"] - scores[where, "sklearn"])) > 0.002) for where in BACKENDS}
    results = {where: {who: figures.summary(times) for who, times in of.items()} for where, of in seconds.items()}
    return {"models": len(RATES) * len(DECAYS), "workers": WORKERS, "void": void, "results": results}


def _data() -> tuple:
    from sklearn import datasets

    return datasets.make_classification(ROWS, COLUMNS, n_informative=8, random_state=0)


def _searched(who: str, backend: str, X, y):
    """The score of each model, on the rows that were held back."""
    import joblib
    from sklearn import model_selection, neural_network

    kind = neural_network.MLPClassifier if who == "sklearn" else mlpc.MLPClassifier
    own = {} if who == "sklearn" else {"n_threads": 1}
    model = kind((HIDDEN,), max_iter=EPOCHS, n_iter_no_change=EPOCHS, batch_size=BATCH, random_state=0, **own)
    held = model_selection.PredefinedSplit(np.where(np.arange(ROWS) < TRAINED, -1, 0))
    grid = {"learning_rate_init": RATES, "alpha": DECAYS}
    with warnings.catch_warnings(), joblib.parallel_config(backend, n_jobs=WORKERS):
        warnings.simplefilter("ignore")  # of epochs that do not suffice; workers print theirs otherwise
        search = model_selection.GridSearchCV(model, grid, cv=held, refit=False, error_score="raise").fit(X, y)
    return search.cv_results_["mean_test_score"]


def _swept(X, y) -> float | None:
    """Seconds; None without pandas."""
    sizes = [COLUMNS, HIDDEN, 2]
    variant = {"sizes": sizes, "optimizer": "adam", "weight_decay": DECAYS, "lr": RATES, "dtype": "float64"}
    data, held = (X[:TRAINED], y[:TRAINED]), (X[TRAINED:], y[TRAINED:])
    start = time.perf_counter()
    try:
        table = mlpc.sweep(
            {"grid": variant}, data, validation_data=held, epochs=EPOCHS, batch_size=BATCH, jobs=WORKERS, progress=False
        )
    except ImportError:
        return None
    assert len(table) == len(RATES) * len(DECAYS)
    return time.perf_counter() - start


def table(report: dict) -> str:
    lines = []
    for where in report["results"]:
        of, void = report["results"][where], report["void"].get(where)
        theirs = "void: other scores" if void else figures.cell(of["sklearn"], of["mlpc"]) if "sklearn" in of else ""
        name = f"`GridSearchCV` in {where}" if where in BACKENDS else "`mlpc.sweep` in threads"
        lines.append([name, figures.cell(of["mlpc"]), theirs])
    title = (
        f"A grid of {report['models']} models {COLUMNS}-{HIDDEN}-2, {EPOCHS} epochs of Adam on {TRAINED:,} rows, the "
        f"score of {ROWS - TRAINED}; {report['workers']} workers\n\n"
    )
    return title + figures.markdown(["", "mlpc", "scikit-learn"], lines)
