import importlib
import os

import pytest


@pytest.fixture(scope="session")
def torch():
    """PyTorch, which MLPC_REQUIRE_TORCH=1 does not allow to be missing."""
    required = os.environ.get("MLPC_REQUIRE_TORCH") == "1"
    torch = importlib.import_module("torch") if required else pytest.importorskip("torch")
    torch.set_num_threads(1)  # its threads cost more than they bring to networks this small
    return torch
