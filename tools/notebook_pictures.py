"""docs/notebooks.png: some pictures of the executed notebooks, side by side, as README.md shows them.

``python tools/notebook_pictures.py`` after ``make notebooks DATA=mnist``. Each picture is found by the text that its
cell begins with or ends in.
"""

import base64
import io
from pathlib import Path

import nbformat
from matplotlib import image
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parent.parent
CLASSIFICATION = "pw03_mlp_mnist_classification"
PICTURES = [
    (CLASSIFICATION, "mlpc.plot.rate_search(tuned)"),
    (CLASSIFICATION, "mlpc.plot.digit_gallery("),
    ("pw03_backprop", "graph_of(*network_by_hand()"),
    (CLASSIFICATION, "mlpc.plot.first_layer(best"),
]


def picture(stem, text):
    """The last picture that a cell with this text put out."""
    notebook = nbformat.read(ROOT / "notebooks" / "solutions" / f"{stem}.ipynb", as_version=4)
    found = [
        output.data["image/png"]
        for cell in notebook.cells
        if cell.cell_type == "code" and text in cell.source
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    if not found:
        raise SystemExit(f"{stem}: expected a picture of a cell with {text!r}, got none")
    return image.imread(io.BytesIO(base64.b64decode(found[-1])))


def main():
    figure = Figure(figsize=(14, 8.6), layout="constrained", dpi=90)
    for axes, (stem, text) in zip(figure.subplots(2, 2).ravel(), PICTURES, strict=True):
        axes.imshow(picture(stem, text), interpolation="lanczos")
        axes.set_axis_off()
    target = ROOT / "docs" / "notebooks.png"
    figure.savefig(target)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1000} KB")


if __name__ == "__main__":
    main()
