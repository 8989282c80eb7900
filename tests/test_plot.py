"""Pictures: what is drawn, in colours and lines that can be told apart."""

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


def test_four_trainings_have_colours_and_markers_of_their_own_in_one_pair_of_panels():
    figure = plot.learning_curves({str(number): full() for number in range(4)})
    assert len(figure.axes) == 2 and texts(figure) == ["training", "validation", "0", "1", "2", "3"]
    lines = figure.axes[0].lines[::2]
    assert len({line.get_color() for line in lines}) == len({line.get_marker() for line in lines}) == 4


@pytest.mark.parametrize("count", [5, 9, 18])
def test_more_trainings_have_panels_of_their_own_with_the_others_behind(count):
    scaled = {
        str(n): history(2, loss=[n + 1, 1.0], accuracy=[0.1, 0.9], val_loss=[n + 2, 2.0], val_accuracy=[0.2, 0.8])
        for n in range(count)
    }
    figure = plot.learning_curves(scaled)
    losses, accuracies = figure.axes[::2], figure.axes[1::2]
    assert [axes.get_title() for axes in losses] == list(scaled) and len(accuracies) == count
    assert texts(figure) == ["training", "validation", "validation of the others"]
    for group in (losses, accuracies):
        assert len({axes.get_ylim() for axes in group}) == len({axes.get_xlim() for axes in group}) == 1
    for n, axes in enumerate(losses):
        *behind, training, validation = axes.lines
        assert [line.get_ydata()[0] for line in behind] == [other + 2 for other in range(count) if other != n]
        assert len({line.get_color() for line in behind}) == 1
        assert (training.get_linestyle(), training.get_ydata()[0]) == ("--", n + 1)
        assert (validation.get_linestyle(), validation.get_ydata()[0]) == ("-", n + 2)
        assert training.get_color() == validation.get_color() != behind[0].get_color()
    assert figure.get_size_inches()[0] <= 10  # a notebook need not make it smaller


def test_without_validation_the_others_training_stands_behind():
    figure = plot.learning_curves({str(n): {"loss": [n + 2.0, 1.0]} for n in range(5)})
    assert [axes.get_title() for axes in figure.axes] == ["0", "1", "2", "3", "4"]
    assert [line.get_ydata()[0] for line in figure.axes[1].lines if line.get_ydata().size] == [2, 4, 5, 6, 3]
    assert texts(figure) == ["training", "of the others"]


def test_one_history_needs_no_name():
    figure = plot.learning_curves(full())
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    assert texts(figure) == ["training", "validation"]
    columns = {"loss": np.array([2.0, 1.0]), "val_loss": [None, None]}
    assert list(plot.learning_curves(columns).axes[0].lines[0].get_ydata()) == [2.0, 1.0]


@pytest.mark.parametrize("count", [1, 6])
def test_one_epoch_is_a_dot_at_1(count):
    figure = plot.learning_curves({str(n): full(1) for n in range(count)})
    figure.canvas.draw()
    assert all(list(axes.get_xticks()) == [1] for axes in figure.axes)
    assert all(line.get_marker() != "None" for axes in figure.axes for line in axes.lines)
    training, validation = figure.axes[0].lines[-2:]
    assert training.get_markerfacecolor() != validation.get_markerfacecolor()


def test_epochs_are_whole_numbers():
    axes = plot.learning_curves({"a": full(2)}).axes[0]
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1, 2]


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


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
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


def test_range_tests_stand_together_up_to_four_and_apart_above():
    def tests(count):
        rates, loss = np.array([0.1, 1.0, 10.0]), np.array([3.0, 2.0, 2.5])
        return {f"net {n}": mlpc.LRRange(rates, loss + n, loss + n, 1.0 + n) for n in range(count)}

    together = plot.lr_range(tests(4))
    assert len(together.axes) == 1
    assert texts(together) == [f"net {n}: steepest at lr = {n + 1}" for n in range(4)]
    marks = [line for line in together.axes[0].lines if line.get_linestyle() == "None"]
    assert len({line.get_color() for line in marks}) == len({line.get_marker() for line in marks}) == 4

    apart = plot.lr_range(tests(12))
    assert [axes.get_title() for axes in apart.axes] == [f"net {n}: lr {n + 1}" for n in range(12)]
    assert len({axes.get_ylim() for axes in apart.axes}) == len({axes.get_xlim() for axes in apart.axes}) == 1
    assert {axes.get_xscale() for axes in apart.axes} == {"log"}
    *behind, batches, mean, mark = apart.axes[3].lines
    assert [line.get_ydata()[0] for line in behind] == [3.0 + n for n in range(12) if n != 3]
    assert mark.get_xdata()[0] == 4.0 and batches.get_ydata()[0] == mean.get_ydata()[0] == 6.0
    assert mean.get_color() != behind[0].get_color()
    assert len(texts(apart)) == 1
    with pytest.raises(ValueError, match="results: expected at least one range test"):
        plot.lr_range({})


SEARCH = {
    "variant": ["a"] * 5 + ["b"] * 3,
    "lr": [0.3, 0.3, 0.1, 1.0, 3.0, 0.1, 0.3, 1.0],
    "seed": [0, 1, 0, 0, 0, 0, 0, 0],
    "val_loss": [0.2, 0.4, 0.5, 0.6, None, 3.0, 2.0, 1.0],
    "error": [""] * 4 + ["diverged"] + [""] * 3,
}


@pytest.mark.parametrize(
    "made",
    [
        lambda: SEARCH,
        lambda: [dict(zip(SEARCH, row, strict=True)) for row in zip(*SEARCH.values(), strict=True)],
        lambda: pytest.importorskip("pandas").DataFrame(SEARCH),
    ],
)
def test_a_search_shows_each_variants_mean_cost_and_its_optimum(made):
    figure = plot.rate_search(made())
    a, b = figure.axes
    assert a.get_title() == "a: lr 0.3" and b.get_title() == "b: lr 1, at the edge"
    assert a.get_xscale() == a.get_yscale() == "log"
    assert (a.get_xlim(), a.get_ylim()) == (b.get_xlim(), b.get_ylim())
    seeds, means, ring, lost = a.lines
    assert sorted(seeds.get_xdata()) == [0.1, 0.3, 0.3, 1.0, 3.0]
    np.testing.assert_allclose(means.get_xdata(), [0.1, 0.3, 1.0, 3.0])
    np.testing.assert_allclose(means.get_ydata(), [0.5, 0.3, 0.6, np.nan])
    np.testing.assert_allclose([ring.get_xdata()[0], ring.get_ydata()[0]], [0.3, 0.3])
    assert ring.get_markerfacecolor() == "none" and ring.get_markersize() > means.get_markersize()
    assert list(lost.get_xdata()) == [3.0] and lost.get_transform() == a.get_xaxis_transform()
    assert 0.9 < lost.get_ydata()[0] <= 1  # at the upper edge
    assert len(b.lines) == 3
    assert texts(figure) == ["one seed", "mean of the seeds", "best: the rate in the title", "diverged"]


def test_a_rate_at_which_one_seed_diverged_is_never_the_best():
    rows = [{"variant": "a", "lr": lr, "val_loss": cost} for lr, cost in ((0.1, 0.5), (0.3, 0.1), (0.3, np.inf))]
    rows.append({"variant": "b", "lr": 0.1, "val_loss": np.nan})
    a, b = plot.rate_search(rows).axes
    assert a.get_title() == "a: lr 0.1, at the edge" and b.get_title() == "b: diverged"
    assert list(a.lines[-1].get_xdata()) == [0.3] and list(b.lines[-1].get_xdata()) == [0.1]


def test_bad_costs_do_not_press_good_ones_flat():
    rows = [{"variant": "a", "lr": 0.1 * n, "val_loss": cost} for n, cost in enumerate((0.2, 0.1, 0.2, 1e9), 1)]
    low, high = plot.rate_search(rows).axes[0].get_ylim()
    assert 0.05 < low < 0.1 and 0.2 < high < 10


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([{"variant": "a", "lr": 0.1}], "records: expected variant, lr and val_loss of each run, but 'val_loss'"),
        ({"lr": [0.1], "val_loss": [1.0]}, "records: expected variant, lr and val_loss of each run, but 'variant'"),
        ([{"variant": "a", "lr": 0.1, "val_loss": np.nan}], "records: expected a run at least with a val_loss"),
        ([], "records: expected a run at least with a val_loss"),
    ],
)
def test_what_is_no_search_is_told(records, said):
    with pytest.raises(ValueError, match=said):
        plot.rate_search(records)


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
    assert figure.axes[-1].get_ylabel() == "weight"


def test_first_layer_takes_a_layer_and_a_label():
    net = mlpc.MLP([16, 5, 2], seed=0)
    figure = plot.first_layer(net.layers[0], label="ink")
    assert figure.axes[-1].get_ylabel() == "ink"
    np.testing.assert_array_equal(figure.axes[4].images[0].get_array(), net.layers[0].weight[4].reshape(4, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.first_layer(np.zeros((2, 15))), "net: expected rows of square pictures"),
        (lambda: plot.digit_gallery(np.zeros((0, 16)), [], []), "x: expected rows of square pictures"),
        (lambda: plot.digit_gallery(np.zeros((2, 16)), [0], np.eye(2)), "y: expected a label for each of 2"),
        (lambda: plot.digit_gallery(np.zeros((2, 16)), [0, 1], np.eye(3)), "proba: expected"),
        (lambda: plot.digit_gallery(np.zeros((1, 16)), [0], [[1.0]], columns=0), "columns: expected an integer >= 1"),
        (lambda: plot.histograms({}), "networks: expected one at least"),
        (lambda: plot.histograms({"net": [[]]}), "networks: expected one at least"),
    ],
)
def test_pictures_say_what_they_want(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.learning_curves([full()]), "histories: expected a History, or a mapping .*, got list"),
        (lambda: plot.lr_range([]), "results: expected an LRRange, or a mapping of names to some, got list"),
        (lambda: plot.histograms(3), "networks: expected an mlpc.MLP, or a list of arrays, got <class 'int'>"),
        (lambda: plot.histograms({"a": mlpc.course.MLP(4, [3])}), "networks: expected .*, got <class 'mlpc.course"),
    ],
)
def test_pictures_say_of_what_they_can_be(call, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        call()


def area(axes):
    (patch,) = axes.patches
    values, edges, _ = patch.get_data()
    return (values * np.diff(np.log10(edges) if axes.get_xscale() == "log" else edges)).sum()


def test_histograms_are_densities_on_the_same_axes():
    rng = np.random.default_rng(0)
    narrow, wide = 0.5 + 0.02 * rng.normal(size=5000), np.maximum(rng.normal(size=5000), 0)
    figure = plot.histograms({"sigmoid": [narrow, narrow], "relu": [wide]})
    assert [axes.get_title() for axes in figure.axes] == ["sigmoid, layer 1", "sigmoid, layer 2", "relu, layer 1"]
    assert [area(axes) for axes in figure.axes] == pytest.approx([1, 1, 1])
    assert len({axes.get_xlim() for axes in figure.axes}) == len({axes.get_ylim() for axes in figure.axes}) == 1
    assert {axes.get_xscale() for axes in figure.axes} == {"linear"}
    values, edges, _ = figure.axes[0].patches[0].get_data()
    assert (values > 0).sum() > 20 and edges[0] > 0.4 and edges[-1] < 0.6  # a shape, no bar
    assert figure.get_supxlabel() == "activation"
    figure.canvas.draw()
    assert "49 % zeros" in figure.axes[2].texts[0].get_text() and "zeros" not in figure.axes[0].texts[0].get_text()
    numbers = [any(tick.label1.get_visible() for tick in axes.xaxis.get_major_ticks()) for axes in figure.axes]
    assert numbers == [False, True, True]  # the lowest ones of their columns


def test_layers_that_differ_by_orders_of_magnitude_are_drawn_by_magnitude():
    rng = np.random.default_rng(0)
    layers = [scale * rng.normal(size=2000) for scale in (1e-6, 1e-2)]
    layers[0][:500] = 0
    figure = plot.histograms({"net": [*layers, [0.0, 0.0]]}, "gradient")
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    assert [area(axes) for axes in figure.axes[:2]] == pytest.approx([1, 1])
    assert figure.get_supxlabel() == "|gradient|"
    edges = figure.axes[0].patches[0].get_data().edges
    assert edges[0] > 0 and 2e-6 < edges[-1] < 5e-6
    assert "25 % zeros" in figure.axes[0].texts[0].get_text()
    assert "100 % zeros" in figure.axes[2].texts[0].get_text() and not figure.axes[2].patches


def test_histograms_of_a_network_are_those_of_its_activations():
    nets = {name: mlpc.MLP(sizes, "tanh") for name, sizes in {"a": [4, 8, 6, 3], "b": [4, 3]}.items()}
    with pytest.raises(RuntimeError, match="forward"):
        plot.histograms(nets["a"])
    for net in nets.values():
        net.forward(np.eye(4))
    assert [axes.get_title() for axes in plot.histograms(nets["a"]).axes] == ["layer 1", "layer 2"]
    titles = [axes.get_title() for axes in plot.histograms(nets).axes]
    assert titles == ["a, layer 1", "a, layer 2", "b, layer 1"]
    hidden, logits = [layer.output for layer in nets["a"].layers[1::2]], nets["b"].layers[0].output
    by_hand = plot.histograms({"a": hidden, "b": [logits]})
    for one, other in zip(plot.histograms(nets).axes, by_hand.axes, strict=True):
        assert np.array_equal(one.patches[0].get_data().values, other.patches[0].get_data().values)
    assert [axes.get_title() for axes in plot.histograms(hidden).axes] == ["layer 1", "layer 2"]


def test_a_layer_of_equal_values_does_not_press_the_others_flat():
    rng = np.random.default_rng(0)
    figure = plot.histograms({"net": [0.5 + 1e-6 * rng.normal(size=1000), rng.uniform(size=1000)]})
    assert figure.axes[0].get_yscale() == "log"


def test_a_notebook_gets_a_png():
    assert plot.histograms({"a": [[0.0, 1.0]]})._repr_png_().startswith(b"\x89PNG")
