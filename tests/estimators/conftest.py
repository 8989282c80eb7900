"""What all tests of estimators have in common."""

import pytest


@pytest.fixture(autouse=True)
def one_thread_of_others():
    """BLAS, as SciPy and scikit-learn use it, would let its threads wait for CPUs that other tests have."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1):
        yield
