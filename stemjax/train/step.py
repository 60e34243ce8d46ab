"""One step of training, and the optimiser behind it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array
from jaxtyping import Float, PyTree

from stemjax.config import Train

CLIP = 0.3  # norm of the gradient of all parameters, to which a longer one is shortened

Batch = Float[Array, "batch y x channels"]
Step = Callable[[PyTree, PyTree, Batch, Batch], tuple[PyTree, PyTree, Float[Array, ""]]]


def optimiser(settings: Train, steps: int) -> optax.GradientTransformation:
    """Adam (Kingma & Ba, 2015): constant, or what learns more in as many steps.

    That is a short warm-up, a cosine to zero, gradients of at most :data:`CLIP` and a shorter
    memory for their size.

    Args:
        settings: learning rate and schedule.
        steps: of the whole training.
    """
    if settings.schedule == "constant":
        return optax.adam(settings.learning_rate)
    warm_up = min(max(steps // 20, 1), 200)
    rate = optax.warmup_cosine_decay_schedule(
        0.0, settings.learning_rate, warm_up, max(steps, warm_up + 1)
    )
    return optax.chain(optax.clip_by_global_norm(CLIP), optax.adam(rate, b2=0.99))


def loss(prediction: Batch, target: Batch) -> Float[Array, ""]:
    """Mean squared error."""
    return jnp.mean((prediction - target) ** 2)


def make_step(graph: nnx.GraphDef, transformation: optax.GradientTransformation) -> Step:
    """Compile a training step: parameters, optimiser state and a batch in, the next ones out."""

    def objective(parameters: PyTree, rapid: Batch, target: Batch) -> Float[Array, ""]:
        return loss(nnx.merge(graph, parameters)(rapid), target)

    def step(
        parameters: PyTree, state: PyTree, rapid: Batch, target: Batch
    ) -> tuple[PyTree, PyTree, Float[Array, ""]]:
        value, gradient = jax.value_and_grad(objective)(parameters, rapid, target)
        with jax.numpy_dtype_promotion("standard"):  # optax counts steps in integers
            updates, state = transformation.update(gradient, state, parameters)
        return optax.apply_updates(parameters, updates), state, value

    return jax.jit(step, donate_argnums=(0, 1))


def make_evaluation(graph: nnx.GraphDef) -> Callable[[PyTree, Batch, Batch], Float[Array, ""]]:
    """Compile the loss of a batch without learning from it."""
    return jax.jit(
        lambda parameters, rapid, target: loss(nnx.merge(graph, parameters)(rapid), target)
    )
