"""Write mlpc/data/digits.idx.gz from the copy of the digits that scikit-learn carries.

The file is one IDX array of bytes, (1797, 65): 64 pixels with values 0 to 16, then the label. Run it as

    python tools/embed_digits.py

with mlpc and scikit-learn installed; it holds no time stamp, so that the same zlib makes the same bytes.
"""

import gzip
import pathlib

import numpy as np
from sklearn.datasets import load_digits

from mlpc import idx

TARGET = pathlib.Path(__file__).parents[1] / "mlpc" / "data" / "digits.idx.gz"


def main() -> None:
    digits = load_digits()
    table = np.column_stack([digits.data, digits.target]).astype(np.uint8)
    TARGET.write_bytes(gzip.compress(idx.dumps(table), compresslevel=9, mtime=0))
    print(f"{TARGET}: {table.shape[0]} digits in {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
