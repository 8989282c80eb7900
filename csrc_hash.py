"""One number for the C sources, so that a stale build is noticed: setup.py compiles it in, the tests compare it."""

import hashlib
from pathlib import Path

SUFFIXES = {".c", ".h", ".inc", ".def"}


def sources(root: Path) -> list[Path]:
    """Every C file under ``root / "csrc"``, relative to ``root``, sorted."""
    found = (path.relative_to(root) for path in (root / "csrc").rglob("*") if path.suffix in SUFFIXES)
    return sorted(found, key=lambda path: path.as_posix())


def csrc_hash(root: Path) -> str:
    """SHA-256 over names and bytes of the sources."""
    digest = hashlib.sha256()
    for path in sources(root):
        data = (root / path).read_bytes()
        digest.update(f"{path.as_posix()} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()
