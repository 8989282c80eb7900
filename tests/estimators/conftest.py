"""What all tests of estimators have in common."""

import pytest

import mlpc


@pytest.fixture(autouse=True)
def one_thread_of_others():
    """BLAS, as SciPy and scikit-learn use it, would let its threads wait for CPUs that other tests have."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits({"blas": 1, "openmp": 1}):
        yield


@pytest.fixture
def three_threads():
    """What mlpc may use, however few CPUs there are."""
    before = mlpc.get_num_threads()
    mlpc.set_num_threads(3)
    yield
    mlpc.set_num_threads(before)
