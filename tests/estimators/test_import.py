"""Estimators need scikit-learn; the package does not."""

import subprocess
import sys

import pytest

WITHOUT = "import sys; sys.modules['sklearn'] = None; import mlpc; "


def said(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_package_does_not_import_scikit_learn():
    assert said("import mlpc, sys; print([name for name in ('sklearn', 'scipy') if name in sys.modules])") == "[]"


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "from_sklearn", "estimators"])
def test_without_scikit_learn_the_error_says_what_to_install(name):
    assert said(WITHOUT + f"mlpc.{name}") == (
        "ImportError: mlpc.MLPClassifier and mlpc.MLPRegressor need scikit-learn: pip install scikit-learn"
    )


def test_with_an_old_scikit_learn_the_error_says_which_is_wanted():
    old = "import sys, types; sys.modules['sklearn'] = types.SimpleNamespace(__version__='1.5.2'); import mlpc; "
    assert said(old + "mlpc.MLPClassifier").endswith(
        "need scikit-learn 1.6 or later, got 1.5.2: pip install --upgrade scikit-learn"
    )


def test_completion_shows_them():
    assert said(WITHOUT + "print('MLPClassifier' in dir(mlpc))") == "True"


def test_a_file_with_an_estimator_needs_it(tmp_path):
    path = str(tmp_path / "model.npz")
    fitted = "mlpc.MLPRegressor(solver='lbfgs').fit([[1], [2]], [1, 2])"
    assert said(f"import mlpc; {fitted}.save({path!r}); print('written')") == "written"
    assert said(WITHOUT + f"mlpc.load({path!r})").endswith("need scikit-learn: pip install scikit-learn")
