"""Networks for tables: columns by name, numbers and categories, in a file that takes raw rows.

`TableModel` trains one and predicts with it; `read_table` reads a table from a file.
"""

from mlpc.tables.evaluation import Evaluation
from mlpc.tables.model import TableModel
from mlpc.tables.reading import read_table

__all__ = ["Evaluation", "TableModel", "read_table"]
