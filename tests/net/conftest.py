import importlib
import os

import pytest


@pytest.fixture(scope="session")
def torch():
    """PyTorch, which MLPC_REQUIRE_TORCH=1 does not allow to be missing."""
    if os.environ.get("MLPC_REQUIRE_TORCH") == "1":
        return importlib.import_module("torch")
    return pytest.importorskip("torch")
