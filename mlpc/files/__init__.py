"""Files of arrays and plain values: .npz by NumPy alone, .safetensors by its package.

A file is there as a whole or not at all, and what is read is believed only once it was checked.  Of plain values there
is one text in each file, JSON with sorted keys under the name "mlpc":

- "kind": "network", "run" or "table";
- "format": the version of this description, 1;
- "arithmetic", "library": the versions of what wrote it, `mlpc.ARITHMETIC` and `mlpc.__version__`;
- "values": integers, texts and truth values by name;
- "digest": SHA-256, in hexadecimal, over all arrays and the text of all of the above.
"""

from mlpc.files.archive import FORMAT, Content, pack, read
from mlpc.files.atomic import check_folder, write_atomically
from mlpc.files.suffix import file_path, named_path

__all__ = ["FORMAT", "Content", "check_folder", "file_path", "named_path", "pack", "read", "write_atomically"]
