"""Learning curves: what is drawn, in colours and lines that can be told apart."""

import subprocess
import sys

import numpy as np
import pytest

from mlpc import plot
from mlpc.history import History

matplotlib = pytest.importorskip("matplotlib")


def history(epochs=3, **columns):
    result = History()
    for epoch in range(epochs):
        result.append(**{name: values[epoch] for name, values in columns.items()})
    return result


def full(epochs=3):
    falling = [1 / (epoch + 1) for epoch in range(epochs)]
    rising = [1 - value / 2 for value in falling]
    return history(epochs, loss=falling, accuracy=rising, val_loss=falling, val_accuracy=rising, seconds=falling)


def texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_two_panels_with_dashed_training_and_solid_validation():
    figure = plot.learning_curves({"small": full(), "large": full(5)})
    loss, accuracy = figure.axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    assert loss.get_xlabel() == accuracy.get_xlabel() == "epoch"
    assert loss.get_shared_x_axes().joined(loss, accuracy)
    assert texts(figure) == ["training", "validation", "small", "large"]
    for axes in figure.axes:
        assert [line.get_linestyle() for line in axes.lines] == ["--", "-", "--", "-"]
        assert [len(line.get_xdata()) for line in axes.lines] == [3, 3, 5, 5]
        assert axes.lines[0].get_xdata()[0] == 1  # epochs are counted from 1


def test_seven_trainings_have_colours_and_markers_of_their_own():
    figure = plot.learning_curves({str(number): full() for number in range(7)})
    assert texts(figure) == ["training", "validation", " ", *map(str, range(7))]  # the blank completes the column
    lines = figure.axes[0].lines[::2]
    assert len({line.get_color() for line in lines}) == len({line.get_marker() for line in lines}) == 7


def test_long_trainings_have_few_markers():
    line = plot.learning_curves({"long": full(100)}).axes[0].lines[0]
    assert 100 // line.get_markevery() <= 2 * plot.MARKS


def test_the_loss_is_logarithmic_unless_it_is_not_positive():
    assert plot.learning_curves({"a": full()}).axes[0].get_yscale() == "log"
    assert plot.learning_curves({"a": history(2, loss=[0.5, -0.5])}).axes[0].get_yscale() == "linear"


def test_the_accuracys_axis_shows_where_curves_end():
    columns = {"loss": [1.0, 0.5, 0.2], "accuracy": [0.1, 0.9, 0.96], "val_accuracy": [0.2, 0.9, 0.95]}
    bottom, top = plot.learning_curves({"a": history(**columns)}).axes[1].get_ylim()
    assert 0.7 < bottom < 0.8 and top > 0.96
    columns["accuracy"] = [0.5, 0.3, 0.1]
    assert plot.learning_curves({"a": history(**columns)}).axes[1].get_ylim()[0] < 0.1


def test_without_accuracy_or_validation():
    figure = plot.learning_curves({"regression": history(2, loss=[2.0, 1.0])})
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss"]


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_it_can_be_saved(tmp_path, suffix):
    path = tmp_path / f"curves.{suffix}"
    plot.learning_curves({"a": full()}).savefig(path)
    assert path.stat().st_size > 1000


@pytest.mark.parametrize("histories", [{}, {"untrained": History()}])
def test_nothing_to_draw(histories):
    with pytest.raises(ValueError, match="histories: expected at least one with an epoch"):
        plot.learning_curves(histories)


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'mlpc\[plot\]'"):
        plot.learning_curves({"a": full()})


def test_matplotlib_is_imported_when_it_is_used():
    code = "import sys, mlpc.plot; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_seeds_are_drawn_as_their_mean_in_a_band():
    from mlpc.plot import learning_curves

    runs = [{"loss": [1.0, 0.5], "accuracy": [0.5, 0.9]}, {"loss": [3.0, 1.5], "accuracy": [0.6, 0.8]}]
    axes = learning_curves({"net": runs}).axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [2.0, 1.0])
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (0.5, 3.0)


def test_a_range_test_is_marked_where_the_loss_falls_fastest():
    import mlpc

    result = mlpc.LRRange(np.array([0.1, 1.0, 10.0]), np.array([3.0, 2.0, 2.5]), np.array([3.0, 2.0, 2.5]), 1.0)
    axes = mlpc.plot.lr_range({"net": result}).axes[0]
    marked = [line for line in axes.lines if line.get_marker() == "o"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in marked] == [(1.0, 2.0)]
    assert axes.get_xlabel() == "learning rate"


def test_a_notebook_gets_a_figures_picture():
    from mlpc.plot import learning_curves

    assert learning_curves({"net": {"loss": [1.0, 0.5]}})._repr_png_().startswith(b"\x89PNG")
