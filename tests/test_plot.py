"""Learning curves: what is drawn, in colours and lines that can be told apart."""

import subprocess
import sys

import numpy as np
import pytest

import mlpc
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
    assert 100 // line.get_markevery() <= 16


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


def test_confusion_counts_samples():
    figure = plot.confusion_matrix([0, 0, 0, 1, 2], [0, 0, 1, 1, 0])
    (axes,) = figure.axes
    shown = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts[:5]}
    assert shown == {(0, 0): "2", (0, 1): "1", (1, 1): "1", (2, 0): "1"} | {(0, 2): "66.7 %"}
    assert axes.get_title(loc="left") == "2 of 5 are wrong"


@pytest.mark.parametrize(
    ("y", "predicted", "message"),
    [
        ([0, 1], [0], "predicted: expected 2 labels"),
        ([0.5], [0], "y: expected integers"),
        ([0], [-1], "predicted: expected integers of at least 0"),
        ([[0]], [0], "y: expected"),
    ],
)
def test_labels_of_a_confusion_matrix_are_checked(y, predicted, message):
    with pytest.raises(ValueError, match=message):
        plot.confusion_matrix(y, predicted)


def test_gallery_shows_the_pictures_that_came():
    x = np.arange(32.0).reshape(2, 16)
    figure = plot.digit_gallery(x, [3, 0], [[0.6, 0.4], [0.9, 0.1]], columns=1)
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), x[1].reshape(4, 4))
    assert [axes.get_title() for axes in figure.axes] == ["true 3: 0 at 60 %", "true 0: 0 at 90 %"]
    assert figure.axes[0].title.get_color() != figure.axes[1].title.get_color()


def test_first_layer_shows_weights_on_one_scale():
    net = mlpc.MLP([16, 40, 2], seed=0)
    figure = plot.first_layer(net, count=10)
    images = [axes.images[0] for axes in figure.axes[:10]]
    np.testing.assert_array_equal(images[3].get_array(), net.layers[0].weight[3].reshape(4, 4))
    assert len({image.get_clim() for image in images}) == 1
    low, high = images[0].get_clim()
    assert low == -high


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.first_layer(np.zeros((2, 15))), "net: expected rows of square pictures"),
        (lambda: plot.digit_gallery(np.zeros((0, 16)), [], []), "x: expected rows of square pictures"),
        (lambda: plot.digit_gallery(np.zeros((2, 16)), [0], np.eye(2)), "y: expected a label for each of 2"),
        (lambda: plot.digit_gallery(np.zeros((2, 16)), [0, 1], np.eye(3)), "proba: expected"),
        (lambda: plot.digit_gallery(np.zeros((1, 16)), [0], [[1.0]], columns=0), "columns: expected at least 1"),
        (lambda: plot.histograms({}), "networks: expected one at least"),
        (lambda: plot.histograms({"net": [[]]}), "networks: expected one at least"),
    ],
)
def test_pictures_say_what_they_want(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_histograms_hold_shares():
    figure = plot.histograms({"a": [[0, 0, 0, 1.0], [1.0, 2.0]], "b": [[3.0, 4.0]]}, "gradient")
    heights = [sum(patch.get_height() for patch in axes.patches) for axes in figure.axes]
    assert heights == pytest.approx([1, 1, 1])
    assert "75 % zeros" in figure.axes[0].texts[0].get_text()
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim() != figure.axes[2].get_xlim()
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "gradient", "gradient"]


def test_a_notebook_gets_a_png():
    assert plot.histograms({"a": [[0.0, 1.0]]})._repr_png_().startswith(b"\x89PNG")
