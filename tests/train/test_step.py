"""One step of training, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from stemjax.config import Train
from stemjax.train.step import loss, make_evaluation, make_step, optimiser


class Line(nnx.Module):
    """A straight line in the place of the network."""

    def __init__(self, slope: float, offset: float) -> None:
        self.slope = nnx.Param(jnp.float32(slope))
        self.offset = nnx.Param(jnp.float32(offset))

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.slope.get_value() * x + self.offset.get_value()


def images() -> tuple[np.ndarray, np.ndarray]:
    """Make a batch and what the line 2 x + 1 makes of it."""
    x = np.random.default_rng(2).standard_normal((3, 4, 5, 1)).astype(np.float32)
    return x, 2 * x + 1


def split(line: Line) -> tuple[nnx.GraphDef, dict]:
    """Split as the training loop does."""
    graph, state = nnx.split(line)
    return graph, nnx.to_pure_dict(state)


def test_the_loss_is_the_mean_squared_error() -> None:
    x, y = images()
    expected = np.mean((x.astype(float) - y) ** 2)
    assert float(loss(jnp.asarray(x), jnp.asarray(y))) == pytest.approx(expected, rel=1e-6)


def test_a_step_goes_down_the_gradient() -> None:
    x, y = images()
    graph, parameters = split(Line(0.5, -1.0))
    transformation = optax.sgd(0.1)
    batch = jnp.asarray(x), jnp.asarray(y)
    evaluate = make_evaluation(graph)
    before = float(evaluate(parameters, *batch))
    state = transformation.init(parameters)
    after, state, value = make_step(graph, transformation)(parameters, state, *batch)
    error = (0.5 * x - 1.0) - y
    assert before == float(value) == pytest.approx(np.mean(error**2), rel=1e-5)
    assert float(after["slope"]) == pytest.approx(0.5 - 0.1 * np.mean(2 * error * x), rel=1e-5)
    assert float(after["offset"]) == pytest.approx(-1.0 - 0.1 * np.mean(2 * error), rel=1e-5)
    assert float(evaluate(after, *batch)) < before


def adam(gradients: list[float], rate: float, b2: float) -> list[float]:
    """Steps of Kingma & Ba's algorithm 1 in NumPy."""
    first = second = 0.0
    steps = []
    for k, gradient in enumerate(gradients, start=1):
        first = 0.9 * first + 0.1 * gradient
        second = b2 * second + (1 - b2) * gradient**2
        steps.append(-rate * first / (1 - 0.9**k) / (np.sqrt(second / (1 - b2**k)) + 1e-8))
    return steps


def updates(settings: Train, gradients: list[float]) -> np.ndarray:
    """Steps of the optimiser that the settings ask for."""
    transformation = optimiser(settings, len(gradients))
    state, made = transformation.init(jnp.float32(0.0)), []
    for gradient in gradients:
        with jax.numpy_dtype_promotion("standard"):
            update, state = transformation.update(jnp.float32(gradient), state)
        made.append(float(update))
    return np.array(made)


def test_the_papers_schedule_is_adam_with_one_learning_rate() -> None:
    gradients = [0.1, 5.0, -0.2, 0.05]
    made = updates(Train(learning_rate=0.01, schedule="constant"), gradients)
    np.testing.assert_allclose(made, adam(gradients, 0.01, 0.999), rtol=1e-4)


def test_a_gradient_beyond_bounds_is_shortened() -> None:
    """One wild batch then moves the parameters no further than others."""
    made = updates(Train(learning_rate=0.01), [0.1, 5.0, -0.2, 0.05, 0.01])
    rates = [0.0, 1.0, 0.5 * (1 + np.cos(np.pi / 4)), 0.5, 0.5 * (1 + np.cos(3 * np.pi / 4))]
    expected = adam([0.1, 0.3, -0.2, 0.05, 0.01], 0.01, 0.99) * np.array(rates)
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize(("steps", "warm_up"), [(40, 2), (10, 1), (8000, 200)])
def test_the_learning_rate_rises_to_its_peak_and_falls_to_zero(steps: int, warm_up: int) -> None:
    """Where the gradient is always 1, Adam's steps are as long as its learning rate."""
    transformation = optimiser(Train(learning_rate=0.01), steps)

    def advance(state: optax.OptState, _: None) -> tuple[optax.OptState, jax.Array]:
        with jax.numpy_dtype_promotion("standard"):
            update, state = transformation.update(jnp.float32(1.0), state)
        return state, -update

    start = transformation.init(jnp.float32(0.0))
    _, rates = jax.lax.scan(advance, start, None, length=steps + 1)
    k = np.arange(steps + 1)
    rising = 0.01 * k / warm_up
    falling = 0.005 * (1 + np.cos(np.pi * (k - warm_up) / (steps - warm_up)))
    np.testing.assert_allclose(rates, np.where(k < warm_up, rising, falling), atol=2e-6)
    assert float(rates[0]) == 0.0
    assert float(rates[warm_up]) == pytest.approx(0.01, rel=1e-4)
    assert float(rates[steps]) == pytest.approx(0.0, abs=1e-9)
