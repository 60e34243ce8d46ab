"""Least squares of the map over all fields of view of a session, coarse to fine."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, spline_filter

from stemjax.config import Distortion
from stemjax.distortion import curve
from stemjax.distortion.coarse import coarse_line
from stemjax.distortion.lag import Lag, lag_matrix, lag_tails
from stemjax.distortion.map import DistortionMap
from stemjax.typing import Image

LEVELS = (6.0, 3.0, 1.5, 0.7)  # blur of both images in pixels, coarse to fine
BACKGROUND_PX = 24.0  # what varies more slowly is no specimen that both scans agree about
ITERATIONS = 12
FIELD = 4  # parameters of a field of view: dy, dx, contrast, offset
DRIFT_PX = 4.0  # how far a slow scan may plausibly lie from its rapid frames

# The same for all fields of view: spline basis, lag and its tails.
Model = tuple[Float[np.ndarray, "x k"], Float[np.ndarray, "x x"], Float[np.ndarray, "x tails"]]


@dataclass(frozen=True)
class Field:
    """A field of view: its integrated rapid frames and its slow scan, of one shape."""

    rapid: Image
    slow: Image


@dataclass(frozen=True)
class Fit:
    """A fitted map.

    Attributes:
        distortion: the map.
        shifts: (field, yx) place of each undistorted rapid image in its slow scan, in pixels.
        residuals: of each field, rms of what the fit leaves over that of the rapid image.
    """

    distortion: DistortionMap
    shifts: Float[np.ndarray, "field yx"]
    residuals: Float[np.ndarray, " field"]


def fit_map(
    fields: list[Field], lag: Lag, settings: Distortion, slow_dwell_us: float = np.inf
) -> Fit:
    """Fit one smooth map to all fields of view of a session.

    The slow scan is sampled where the curve says the beam was, smeared with the measured lag and
    compared with the rapid image, in the rapid frame's own geometry: there the lag is the same
    everywhere, and it does not pass for a shift.

    Args:
        fields: at least one, of one shape.
        lag: the detector's response.
        settings: of the curve.
        slow_dwell_us: dwell time of the slow scans in microseconds, which lag as well: by a
            tenth or two of a pixel, as a whole. Not corrected by default.
    """
    width = fields[0].rapid.shape[1]
    dy, gain, shift = coarse_line([f.rapid for f in fields], [f.slow for f in fields])
    parameters = np.concatenate(
        [
            curve.start(width, settings.knots, gain, shift + lag.delay_px()),
            np.tile([dy, 0.0, 1.0, 0.0], len(fields)),
        ]
    )
    basis = curve.spline_basis(np.arange(width, dtype=float), width, settings.knots)
    model = (basis, lag_matrix(lag, width), lag_tails(lag, width))
    for blur in LEVELS:
        images = [_prepare(field, blur) for field in fields]
        parameters, normal, costs = _minimise(parameters, images, model)
    parameters[0] -= lag.delay_px() * lag.dwell_us / slow_dwell_us
    common = len(parameters) - FIELD * len(fields)
    own = parameters[common:].reshape(-1, FIELD)
    pixels = fields[0].rapid.size
    variance = sum(costs) / (pixels * len(fields))
    # Neighbouring pixels share blur and lag: fewer are independent than there are.
    independent = max(1.0, 4 * np.pi * LEVELS[-1] ** 2 * (1 + lag.delay_px()))
    covariance = np.linalg.inv(normal)[:common, :common] * variance * independent
    return Fit(
        distortion=_to_map(parameters[:common], covariance, width, -own[:, 0].mean(), settings),
        shifts=own[:, :2] - [own[:, 0].mean(), 0.0],
        residuals=np.sqrt(np.array(costs) / pixels),
    )


def _prepare(field: Field, blur: float) -> tuple[Image, Image]:
    """Unit-variance rapid image and spline coefficients of the slow scan, both band-passed."""
    images = []
    for image in (field.rapid, field.slow):
        image = np.asarray(image, dtype=float)
        image = gaussian_filter(image, blur) - gaussian_filter(image, BACKGROUND_PX)
        images.append(image / image.std())
    coefficients = spline_filter(images[1], order=3, mode="mirror")
    return images[0].astype(np.float32), coefficients.astype(np.float32)


def _minimise(
    parameters: Float[np.ndarray, " p"],
    images: list[tuple[Image, Image]],
    model: Model,
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, "p p"], list[float]]:
    """Levenberg-Marquardt; returns the parameters, normal matrix and cost of each field."""
    damping = 1e-3
    normal, gradient, costs = _normal_equations(parameters, images, model)
    for _ in range(ITERATIONS):
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -gradient)
        trial = _normal_equations(parameters + step, images, model)
        if sum(trial[2]) < sum(costs):
            parameters = parameters + step
            small = sum(costs) - sum(trial[2]) < 1e-6 * sum(costs)
            normal, gradient, costs = trial
            damping = max(damping / 5, 1e-6)
            if small:
                break
        else:
            damping *= 10
    return parameters, normal, costs


def _normal_equations(
    parameters: Float[np.ndarray, " p"],
    images: list[tuple[Image, Image]],
    model: Model,
) -> tuple[Float[np.ndarray, "p p"], Float[np.ndarray, " p"], list[float]]:
    common = len(parameters) - FIELD * len(images)
    normal = np.zeros((len(parameters), len(parameters)))
    gradient = np.zeros(len(parameters))
    costs = []
    for k, (rapid, slow) in enumerate(images):
        mine = slice(common + FIELD * k, common + FIELD * (k + 1))
        local = np.r_[np.arange(common), np.arange(mine.start, mine.stop)]
        h, g, cost = _field_equations(
            *(jnp.asarray(a, jnp.float32) for a in (parameters[local], rapid, slow, *model))
        )
        normal[np.ix_(local, local)] += np.asarray(h)
        gradient[local] += np.asarray(g)
        costs.append(float(cost))
    _add_priors(parameters, normal, gradient, costs, common, len(model[0]))
    return normal, gradient, costs


def _add_priors(
    parameters: Float[np.ndarray, " p"],
    normal: Float[np.ndarray, "p p"],
    gradient: Float[np.ndarray, " p"],
    costs: list[float],
    common: int,
    width: int,
) -> None:
    """Pull weakly towards a straight line, and make the fields' dx average to zero."""
    knots = common - curve.PHYSICAL
    start = curve.start(width, knots, 1.06, 0.0)
    scale = sum(costs) / (len(costs) * width)  # as strong as a line's worth of pixels
    weight = np.zeros(len(parameters))
    weight[:common] = scale / curve.prior_scales(width, knots) ** 2
    weight[common + 1 :: FIELD] = scale / DRIFT_PX**2
    away = parameters.copy()
    away[:common] -= start
    normal += np.diag(weight)
    gradient += weight * away
    tie = np.zeros(len(parameters))
    tie[common + 1 :: FIELD] = 1.0
    stiff = 1e3 * scale
    normal += stiff * np.outer(tie, tie)
    gradient += stiff * tie * (tie @ parameters)


@jax.jit
def _field_equations(
    parameters: Float[Array, " p"],
    rapid: Float[Array, "y x"],
    slow: Float[Array, "y x"],
    basis: Float[Array, "x k"],
    smear: Float[Array, "x x"],
    tails: Float[Array, "x tails"],
) -> tuple[Float[Array, "p p"], Float[Array, " p"], Float[Array, ""]]:
    """Gauss-Newton matrix, gradient and squared residual of one field of view."""
    residual = partial(_residual, rapid=rapid, slow=slow, basis=basis, smear=smear, tails=tails)
    rest = residual(parameters)
    jacobian = jax.jacfwd(residual)(parameters).reshape(rest.size, -1)
    flat = rest.ravel()
    return jacobian.T @ jacobian, jacobian.T @ flat, flat @ flat


def _residual(
    parameters: Float[Array, " p"],
    rapid: Float[Array, "y x"],
    slow: Float[Array, "y x"],
    basis: Float[Array, "x k"],
    smear: Float[Array, "x x"],
    tails: Float[Array, "x tails"],
) -> Float[Array, "y x"]:
    width = rapid.shape[1]
    columns = jnp.arange(width, dtype=parameters.dtype)
    dy, dx, contrast, offset = parameters[-FIELD:]
    place = curve.seen(parameters[:-FIELD], columns, basis, width) + dx
    rows = jnp.arange(len(slow), dtype=parameters.dtype) + dy
    scene = _sample_columns(_sample_columns(slow.T, rows).T, place)
    inside = jnp.clip(jnp.minimum(place, width - 1 - place) / 2, 0.0, 1.0)
    weight = jax.lax.stop_gradient(inside)[None]
    rest = contrast * (scene @ smear) + offset - rapid
    return weight * (rest - (rest @ tails) @ tails.T)


def _sample_columns(
    coefficients: Float[Array, "y x"], place: Float[Array, " n"]
) -> Float[Array, "y n"]:
    """Evaluate a cubic B-spline along the last axis."""
    left = jnp.floor(place)
    t = place - left
    weights = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    index = left.astype(jnp.int32)
    last = coefficients.shape[1] - 1
    taps = (coefficients[:, jnp.clip(index + k, 0, last)] for k in (-1, 0, 1, 2))
    return sum(w[None] * tap for w, tap in zip(weights, taps, strict=True))


def _to_map(
    parameters: Float[np.ndarray, " p"],
    covariance: Float[np.ndarray, "p p"],
    width: int,
    row_shift: float,
    settings: Distortion,
) -> DistortionMap:
    """Invert the curve: for each slow-grid column the rapid column that saw it."""
    columns = np.arange(-width / 2, 1.5 * width, 0.25)
    basis = curve.spline_basis(columns, width, settings.knots)
    args = (jnp.asarray(columns, jnp.float32), jnp.asarray(basis, jnp.float32), width)
    vector = jnp.asarray(parameters, jnp.float32)
    place = np.asarray(curve.seen(vector, *args), float)
    slopes = np.asarray(jax.jacfwd(curve.seen)(vector, *args), float)
    # Beyond the frame the curve is extrapolated; there, and where it folds, keep it increasing.
    rising = np.maximum.accumulate(place + 0.0) + 1e-6 * np.arange(len(place))
    folds = np.abs(rising - place) > 0.05
    grid = np.arange(width, dtype=float)
    inverse = np.interp(grid, rising, columns)
    steepness = np.gradient(rising, columns)
    error = np.sqrt(np.maximum(np.einsum("np,pq,nq->n", slopes, covariance, slopes), 0))
    folded = np.interp(grid, rising, folds.astype(float)) > 0
    return DistortionMap(
        columns=inverse,
        valid=(inverse >= 0) & (inverse <= width - 1) & ~folded,
        row_shift=float(row_shift),
        sigma=np.interp(grid, rising, error / np.maximum(steepness, 0.1)),
    )
