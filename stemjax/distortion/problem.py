"""The least-squares problem of a session at one level of blur: data, priors, equations.

All parameters are one vector: the curve's, the afterglow's share, then for each field of view its
displacement (x, y) in pixels and its contrast.
"""

from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from stemjax.distortion import curve
from stemjax.distortion.equations import LOCAL, equations
from stemjax.distortion.lag import Lag, lag_matrix, lag_tails, late_matrix
from stemjax.distortion.scans import Field, prepare

RAMP_PX = 2.0  # over which a column that enters the slow scan gains its weight
BACKGROUND_PX = 48.0  # wavelength from which what differs is background, not specimen
USUAL_GAIN = 1.06
DRIFT_PX = 4.0  # how far a slow scan may plausibly lie from its rapid frames
AFTERGLOW_US = 100.0  # slow scintillator components decay in 20 to 500 us
AFTERGLOW = (0.02, 0.02)  # plausible share of the detector's slowest decay, and its spread
Vector = Float[np.ndarray, " q"]
Matrix = Float[np.ndarray, "q q"]


@dataclass(frozen=True)
class Problem:
    """Scans of a session's fields of view at one level of blur.

    Attributes:
        rapid: band-passed images, transposed.
        slow: spline coefficients of the slow scans, likewise.
        lag: the detector's response.
        knots: of the curve's spline.
        slow_dwell_us: dwell time of the slow scans; infinite: they do not lag.
        blur: standard deviation in pixels.
        afterglow_us: the detector's slowest decay.
    """

    rapid: Float[Array, "field x y"]
    slow: Float[Array, "field x y"]
    lag: Lag
    knots: int
    slow_dwell_us: float
    blur: float
    afterglow_us: float = AFTERGLOW_US

    @property
    def width(self) -> int:
        """Columns of a scan."""
        return self.rapid.shape[1]

    @property
    def common(self) -> int:
        """Parameters that all fields of view share."""
        return curve.PHYSICAL + self.knots + 1

    @property
    def step(self) -> int:
        """Blurred rows are alike: how many of them are passed over for each that is used."""
        return max(1, round(self.blur))

    @property
    def correlated(self) -> float:
        """Pixels that blur and lag make into one independent one."""
        return max(1.0, 4 * np.pi * self.blur**2 * (1 + self.lag.delay_px()) / self.step)

    @cached_property
    def responses(
        self,
    ) -> tuple[Float[np.ndarray, "x x"], Float[np.ndarray, "x n"], Float[np.ndarray, "x x"]]:
        """Smear of the lag; what along a line is not compared, tails and background; afterglow."""
        waves = np.arange(1 + round(2 * self.width / BACKGROUND_PX))
        columns = np.arange(self.width)[:, None] + 0.5
        background = np.cos(np.pi * columns * waves / self.width)
        ignored = np.column_stack([lag_tails(self.lag, self.width), background])
        late = late_matrix(self.width, self.slow_dwell_us, self.afterglow_us)
        return lag_matrix(self.lag, self.width), ignored, late

    def indices(self) -> list[Int[np.ndarray, " p"]]:
        """Which parameters belong to each field of view: the common ones and its own."""
        shared = np.arange(self.common)
        first = self.common + LOCAL * np.arange(len(self.rapid))
        return [np.concatenate([shared, k + np.arange(LOCAL)]) for k in first]

    def priors(self) -> tuple[Vector, Vector]:
        """Usual value of each parameter, and how far it may plausibly be from it."""
        fields = len(self.rapid)
        usual = np.append(curve.start(self.width, self.knots, USUAL_GAIN, 0.0), AFTERGLOW[0])
        scale = np.append(curve.prior_scales(self.width, self.knots), AFTERGLOW[1])
        own_scale = np.tile([DRIFT_PX, np.inf, np.inf], fields)
        return (
            np.concatenate([usual, np.zeros(LOCAL * fields)]),
            np.concatenate([scale, own_scale]),
        )


@dataclass(frozen=True)
class Evaluated:
    """The fields' equations at some parameters.

    Attributes:
        parameters: the vector.
        normals: Gauss-Newton matrix of each field, for the parameters that belong to it.
        scores: gradient of each field and band of rows, likewise.
        costs: squared residuals of each field.
        powers: squared rapid image of each field, weighed like the residuals.
    """

    parameters: Vector
    normals: Float[np.ndarray, "field p p"]
    scores: Float[np.ndarray, "field band p"]
    costs: Float[np.ndarray, " field"]
    powers: Float[np.ndarray, " field"]


@dataclass(frozen=True)
class Combined:
    """The equations of all parameters, priors included; `noise` and `prior` weigh the latter."""

    normal: Matrix
    gradient: Vector
    cost: float
    noise: float
    prior: Vector


def pose(fields: list[Field], lag: Lag, knots: int, slow_dwell_us: float, blur: float) -> Problem:
    """Make the scans ready for one level of blur."""
    rapid, slow = (jnp.asarray(stack) for stack in prepare(fields, blur))
    return Problem(rapid, slow, lag, knots, slow_dwell_us, blur)


def evaluate(problem: Problem, parameters: Vector) -> Evaluated:
    """Set up the equations of all fields of view at `parameters`."""
    width, common = problem.width, problem.common
    columns = np.arange(width, dtype=float)
    bent = parameters[: common - 1]
    place = curve.seen(bent, columns, width)
    weight = np.clip(np.minimum(place, width - 1 - place) / RAMP_PX, 0, 1)
    smear, ignored, late = problem.responses
    arrays = (
        place,
        curve.slopes(bent, columns, width),
        parameters[common - 1],
        parameters[common:].reshape(-1, LOCAL),
        problem.rapid,
        problem.slow,
        smear,
        weight,
        _orthonormal(weight[:, None] * ignored),
        late,
    )
    made = equations(*(jnp.asarray(a, jnp.float32) for a in arrays), problem.step)
    return Evaluated(parameters, *(np.asarray(a, np.float64) for a in made))


def _orthonormal(columns: Float[np.ndarray, "x n"]) -> Float[np.ndarray, "x n"]:
    """Basis of the columns' span, with zeros for what it lacks: one shape, compiled once."""
    basis, strength, _ = np.linalg.svd(columns, full_matrices=False)
    return basis * (strength > 1e-9 * strength[0])


def combine(problem: Problem, fields: Evaluated, noise: float | None = None) -> Combined:
    """Add up the fields' equations, the priors', and what ties the fields together.

    Args:
        problem: the session.
        fields: equations.
        noise: cost of an independent pixel, by which the priors are weighed; by default what
            the residuals say.
    """
    parameters, common = fields.parameters, problem.common
    if noise is None:
        pixels = problem.rapid.size / problem.step
        noise = float(fields.costs.sum() / pixels * problem.correlated)
    usual, scale = problem.priors()
    prior = noise / scale**2
    away = parameters - usual
    normal, gradient = np.diag(prior), prior * away
    for k, index in enumerate(problem.indices()):
        normal[np.ix_(index, index)] += fields.normals[k]
        gradient[index] += fields.scores[k].sum(axis=0)
    # Only the fields' displacements beside each other can be seen: their mean is the map's.
    tie = np.zeros(len(parameters))
    tie[common::LOCAL] = np.sqrt(1e3 * np.diag(normal)[common::LOCAL].mean())
    return Combined(
        normal=normal + np.outer(tie, tie),
        gradient=gradient + tie * (tie @ parameters),
        cost=float(fields.costs.sum() + prior @ away**2 + (tie @ parameters) ** 2),
        noise=noise,
        prior=prior,
    )
