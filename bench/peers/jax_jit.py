"""JAX at its best on a CPU: the whole epoch is one compiled function, a scan over the batches.

A sparse matrix is made an array, once, outside the clock.
"""

import functools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import jax
import jax.numpy as jnp
import numpy as np

ACTIVATIONS = {"hardtanh": jax.nn.hard_tanh, "gelu": functools.partial(jax.nn.gelu, approximate=False)}


def logits(task, weights, x):
    activation = ACTIVATIONS.get(task.activation) or getattr(jax.nn, task.activation)
    for weight, bias in weights[:-1]:
        x = activation(x @ weight + bias)
    weight, bias = weights[-1]
    return x @ weight + bias


def cross_entropy(task, weights, x, y):
    return -jax.nn.log_softmax(logits(task, weights, x))[jnp.arange(len(y)), y].sum()


def mse(task, weights, x, y):
    return ((logits(task, weights, x) - y) ** 2).sum()


def on_device(weights):
    return [(jnp.asarray(weight.T), jnp.asarray(bias)) for weight, bias in weights]


def sgd(task):
    def update(weights, gradients, state):
        return jax.tree.map(lambda weight, gradient: weight - task.lr * gradient, weights, gradients), state

    return update, lambda weights: ()


def adam(task):
    def update(weights, gradients, state):
        step, means, squares = state
        step += 1
        means = jax.tree.map(lambda m, g: common.BETA1 * m + (1 - common.BETA1) * g, means, gradients)
        squares = jax.tree.map(lambda v, g: common.BETA2 * v + (1 - common.BETA2) * g * g, squares, gradients)
        dtype = means[0][0].dtype
        rate = (task.lr / (1 - common.BETA1**step)).astype(dtype)
        correction = ((1 - common.BETA2**step) ** -0.5).astype(dtype)
        weights = jax.tree.map(
            lambda w, m, v: w - rate * m / (jnp.sqrt(v) * correction + common.EPS), weights, means, squares
        )
        return weights, (step, means, squares)

    def state(weights):
        return jnp.zeros((), int), jax.tree.map(jnp.zeros_like, weights), jax.tree.map(jnp.zeros_like, weights)

    return update, state


def epochs(task, variant, x, y, weights):
    jax.config.update("jax_enable_x64", task.dtype == "float64")  # else float64 becomes float32
    update, new_state = {"sgd": sgd, "adam": adam}[task.optimizer](task)
    loss_sum = functools.partial({"cross_entropy": cross_entropy, "mse": mse}[task.loss], task)

    def batch_of(x, rows):
        return x[rows].astype(task.dtype) * task.scale if task.scale else x[rows]

    def step(carry, x, y):
        weights, state = carry
        loss, gradients = jax.value_and_grad(loss_sum)(weights, x, y)
        gradients = jax.tree.map(lambda gradient: gradient / len(y), gradients)
        return update(weights, gradients, state), loss

    def epoch(carry, x, y, order):
        full = len(order) // task.batch * task.batch
        batches, rest = order[:full].reshape(-1, task.batch), order[full:]
        carry, losses = jax.lax.scan(lambda carry, rows: step(carry, batch_of(x, rows), y[rows]), carry, batches)
        total = losses.sum()
        if len(rest):
            carry, loss = step(carry, batch_of(x, rest), y[rest])
            total += loss
        return carry, total / len(order)

    x = jnp.asarray(x.toarray() if task.is_sparse else x)
    y, weights = jnp.asarray(y, "int32" if task.loss == "cross_entropy" else task.dtype), on_device(weights)
    carry = weights, new_state(weights)
    compiled = jax.jit(epoch, donate_argnums=0).lower(carry, x, y, jnp.zeros(len(y), "int32")).compile()

    def train(order):
        nonlocal carry
        carry, loss = compiled(carry, x, y, jnp.asarray(order, "int32"))
        return loss.block_until_ready()

    return train


def inference(task, variant, weights):
    jax.config.update("jax_enable_x64", task.dtype == "float64")
    weights = on_device(weights)
    compiled = jax.jit(lambda x: logits(task, weights, x))
    return lambda x: np.asarray(compiled(x))


common.serve(epochs=epochs, inference=inference)
