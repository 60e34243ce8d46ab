"""The curve x(j): which slow-grid column the j-th column of a rapid frame shows.

Physical terms (gain, shift, an exponential from the line start: Sang & LeBeau, Ultramicroscopy
161, 3 (2016)) plus a spline for the rest. Everything is a JAX function of one flat vector.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.interpolate import BSpline

PHYSICAL = 4  # shift, gain, amplitude, log decay


def spline_basis(
    columns: Float[np.ndarray, " n"], width: int, knots: int
) -> Float[np.ndarray, "n knots"]:
    """Cubic B-splines over a line, denser at its start, constant beyond the frame's edges."""
    if knots == 0:
        return np.zeros((len(columns), 0))
    inner = (width - 1) * np.linspace(0, 1, max(knots - 2, 2)) ** 1.5
    padded = np.concatenate([[inner[0]] * 3, inner, [inner[-1]] * 3])
    basis = BSpline.design_matrix(np.clip(columns, 0, width - 1), padded, 3).toarray()
    return basis[:, :knots]


def start(width: int, knots: int, gain: float, shift: float) -> Float[np.ndarray, " p"]:
    """Parameters of a straight line."""
    return np.concatenate([[shift, gain, 0.0, np.log(0.15 * width)], np.zeros(knots)])


def seen(
    parameters: Float[Array, " p"],
    columns: Float[Array, " n"],
    basis: Float[Array, "n k"],
    width: int,
) -> Float[Array, " n"]:
    """Slow-grid column seen by each rapid column, in pixels."""
    shift, gain, amplitude, log_decay = parameters[:PHYSICAL]
    centre = (width - 1) / 2
    bend = amplitude * jnp.exp(-jnp.maximum(columns, 0.0) / jnp.exp(log_decay))
    return centre + gain * (columns - centre) + shift + bend + basis @ parameters[PHYSICAL:]


def prior_scales(width: int, knots: int) -> Float[np.ndarray, " p"]:
    """How far each parameter may plausibly be from its start, as a standard deviation."""
    unit = width / 512
    return np.concatenate([[30 * unit, 0.2, 20 * unit, 0.7], np.full(knots, 2 * unit)])
