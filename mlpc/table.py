"""A table of text: how summaries, histories and checks print."""

import html
from collections.abc import Sequence

__all__ = ["Table"]


class Table:
    """Rows of cells under a header, the first column flush left, all others flush right.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences
        One cell per column: text, int (with separators), float (4 significant digits) or None (empty).
    footer : str
        A line below, or nothing.

    Examples
    --------
    >>> print(Table(["layer", "parameters"], [["Linear", 1234], ["ReLU", None]], "1 hidden layer"))
    layer   parameters
    ------------------
    Linear       1,234
    ReLU
    ------------------
    1 hidden layer
    """

    def __init__(self, header: Sequence[str], rows: Sequence[Sequence[object]], footer: str = "") -> None:
        self.header = list(header)
        self.rows = [list(row) for row in rows]
        self.footer = footer

    def __str__(self) -> str:
        lines = [self.header, *([_text(cell) for cell in row] for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.header))]
        adjusted = ([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines)
        texts = ["  ".join(line).rstrip() for line in adjusted]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join([texts[0], rule, *texts[1:], *([rule, self.footer] if self.footer else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The same for a notebook."""
        head = _html_row("th", self.header)
        body = "".join(_html_row("td", [_text(cell) for cell in row]) for row in self.rows)
        caption = f'<caption style="caption-side: bottom">{html.escape(self.footer)}</caption>' if self.footer else ""
        return f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(tag: str, cells: Sequence[str]) -> str:
    sides = ["left", *["right"] * (len(cells) - 1)]
    texts = [
        f'<{tag} style="text-align: {side}">{html.escape(cell)}</{tag}>'
        for side, cell in zip(sides, cells, strict=True)
    ]
    return f"<tr>{''.join(texts)}</tr>"


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.4g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
