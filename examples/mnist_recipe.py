"""How far a plain multilayer perceptron gets on MNIST: two recipes, without other images than those of the data set.

"dropout" drops a fifth of the pixels and half of the hidden units: Srivastava et al., "Dropout: A Simple Way to Prevent
Neural Networks from Overfitting", 2014.  "batch norm" normalises what the hidden units get, drops fewer of them, and
adds noise to the pixels.  Both are trained by AdamW, at a learning rate that falls to 0 along a straight line.

    python examples/mnist_recipe.py                                  # both recipes, 3 seeds each: hours on a slow CPU
    python examples/mnist_recipe.py --recipes dropout --seeds 1 --epochs 5
    python examples/mnist_recipe.py --hold-out                       # as settings were chosen: without the test images

Every training writes where it is into a file of --folder after each epoch, and goes on from there when the program is
run again.
"""

import argparse
import os
import statistics

import mlpc

RECIPES = {
    "dropout": {
        "network": {"dropout": 0.5, "input_dropout": 0.2},
        "lr": 0.001,
        "fit": {"epochs": 60, "batch_size": 100},
    },
    "batch norm": {
        "network": {"norm": "batch", "dropout": [0.3, 0.5]},
        "lr": 0.002,
        "fit": {"epochs": 40, "batch_size": 100, "input_noise": 0.3},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--seeds", type=int, default=3, help="how many networks of each recipe (default: 3)")
    parser.add_argument("--epochs", type=int, help="of each training (default: the recipe's)")
    parser.add_argument("--units", type=int, default=800, help="of each of the two hidden layers (default: 800)")
    parser.add_argument("--data", choices=["mnist", "digits"], default="mnist")
    parser.add_argument("--hold-out", action="store_true", help="test on the last sixth of the training images")
    parser.add_argument("--folder", default="mnist_recipe", help="of the files from which a training goes on")
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)

    (x, y), test = getattr(mlpc.datasets, f"load_{options.data}")()
    if options.hold_out:
        kept = len(x) - len(x) // 6
        (x, y), test = (x[:kept], y[:kept]), (x[kept:], y[kept:])
    print(f"{len(x):,} images to train on, {len(test[0]):,} to test with", flush=True)
    for name in options.recipes:
        accuracies = []
        for seed in range(options.seeds):
            path = os.path.join(options.folder, f"{name.replace(' ', '-')}-{seed}.npz")
            net = train(name, x, y, options.units, options.epochs, seed, path)
            accuracies.append(net.evaluate(*test)[1])
            seconds = statistics.median(net.history["seconds"])
            print(f"{name}, seed {seed}: accuracy {accuracies[-1]:.4f}, {seconds:.1f} s an epoch", flush=True)
        print(f"{name}: mean accuracy {statistics.mean(accuracies):.4f} of {len(accuracies)} networks", flush=True)


def train(name: str, x, y, units: int, epochs: int | None, seed: int, path: str) -> mlpc.MLP:
    recipe = RECIPES[name]
    settings = recipe["fit"] | ({} if epochs is None else {"epochs": epochs})
    net = mlpc.MLP([x.shape[1], units, units, 10], "relu", seed=seed, **recipe["network"])
    schedule = mlpc.schedules.Polynomial(recipe["lr"], epochs=settings["epochs"])
    optimizer = mlpc.optim.AdamW(net, schedule, weight_decay=0.01)
    net.fit(x, y, optimizer=optimizer, resume=path, **settings)
    return net


if __name__ == "__main__":
    main()
