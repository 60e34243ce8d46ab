"""The curve x(j): which slow-grid column the j-th column of a rapid frame shows.

Physical terms (gain, shift, an exponential from the line start: Sang & LeBeau, Ultramicroscopy
161, 3 (2016)) plus a spline for the rest. Everything is a function of one flat vector.
"""

import numpy as np
from jaxtyping import Float
from scipy.interpolate import BSpline

from stemjax.typing import Columns

PHYSICAL = 4  # shift, gain, amplitude, log decay
Vector = Float[np.ndarray, " p"]


def spline_basis(columns: Columns, width: int, knots: int) -> Float[np.ndarray, "x knots"]:
    """Cubic B-splines over a line, denser at its start, constant beyond the frame's edges."""
    if knots == 0:
        return np.zeros((len(columns), 0))
    inner = (width - 1) * np.linspace(0, 1, max(knots - 2, 2)) ** 1.5
    padded = np.concatenate([[inner[0]] * 3, inner, [inner[-1]] * 3])
    basis = BSpline.design_matrix(np.clip(columns, 0, width - 1), padded, 3).toarray()
    return basis[:, :knots]


def start(width: int, knots: int, gain: float, shift: float) -> Vector:
    """Parameters of a straight line."""
    return np.concatenate([[shift, gain, 0.0, np.log(0.15 * width)], np.zeros(knots)])


def seen(parameters: Vector, columns: Columns, width: int) -> Columns:
    """Slow-grid column seen by each rapid column, in pixels."""
    return _terms(parameters, columns, width) @ _amplitudes(parameters) + (width - 1) / 2


def slopes(parameters: Vector, columns: Columns, width: int) -> Float[np.ndarray, "x p"]:
    """Derivative of :func:`seen` by each parameter."""
    terms = _terms(parameters, columns, width)
    by_log_decay = parameters[2] * terms[:, 2] * np.maximum(columns, 0) / np.exp(parameters[3])
    return np.column_stack([terms[:, :3], by_log_decay, terms[:, 3:]])


def prior_scales(width: int, knots: int) -> Vector:
    """How far each parameter may plausibly be from its start, as a standard deviation."""
    unit = width / 512
    return np.concatenate([[30 * unit, 0.2, 20 * unit, 0.7], np.full(knots, 2 * unit)])


def _terms(parameters: Vector, columns: Columns, width: int) -> Float[np.ndarray, "x terms"]:
    bend = np.exp(-np.maximum(columns, 0) / np.exp(parameters[3]))
    basis = spline_basis(columns, width, len(parameters) - PHYSICAL)
    return np.column_stack([np.ones_like(columns), columns - (width - 1) / 2, bend, basis])


def _amplitudes(parameters: Vector) -> Float[np.ndarray, " terms"]:
    return np.concatenate([parameters[:3], parameters[PHYSICAL:]])
