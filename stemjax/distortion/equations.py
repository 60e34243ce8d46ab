"""Least squares of a field of view, column by column, in JAX.

The slow scan, sampled where the beam is thought to have been, smeared with the detector's lag,
is compared with the rapid image in the rapid frame's own geometry. A parameter moves whole
columns, so that with ``D`` the scene's derivative along the scan and ``M`` the smear, the
Gauss-Newton matrix of all columns' places is ``(D D^T) * (M M^T)``, element by element: three
matrix products of a frame's size whatever the number of parameters.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

LOCAL = 3  # parameters of a field of view: dx, dy, contrast
BANDS = 32  # bands of rows of a field, whose gradients are taken for independent
CLIP = 3.0  # a residual counts for no more than this many standard deviations


class Equations(NamedTuple):
    """Of each field of view: for the curve, the afterglow, and its own :data:`LOCAL`."""

    normal: Float[Array, "field p p"]
    scores: Float[Array, "field band p"]  # gradients of each band of rows
    cost: Float[Array, " field"]
    power: Float[Array, " field"]  # squared rapid image, weighed like the residuals


@partial(jax.jit, static_argnames="step")
def equations(
    place: Float[Array, " x"],
    slopes: Float[Array, "x p"],
    glow: Float[Array, ""],
    own: Float[Array, "field 3"],
    rapid: Float[Array, "field x y"],
    slow: Float[Array, "field x y"],
    smear: Float[Array, "x x"],
    weight: Float[Array, " x"],
    tails: Float[Array, "x tails"],
    after: Float[Array, "x x"],
    step: int,
) -> Equations:
    """Set up the equations of all fields of view.

    Args:
        place: slow-grid column seen by each rapid column.
        slopes: its derivative by the curve's parameters.
        glow: share of the detector's afterglow in the slow scans.
        own: each field's displacement (x, y) and contrast.
        rapid: images.
        slow: spline coefficients of the slow scans.
        smear: how a column of the scene spreads over the columns of the rapid image.
        weight: of the rapid image's columns.
        tails: orthonormal; what of the weighted columns along a line is not compared.
        after: what afterglow adds to a slow scan, as a matrix.
        step: use every `step`-th row.
    """
    slopes = jnp.column_stack([slopes, jnp.ones_like(place)])  # dx moves all columns
    smear = smear * weight[None]
    smear = smear - (smear @ tails) @ tails.T
    overlap = smear @ smear.T

    def one(each: tuple[Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        image = weight[:, None] * each[1][:, ::step]
        image = image - tails @ (tails.T @ image)
        return _field(place, slopes, smear, overlap, after, step, glow, each[0], image, each[2])

    return Equations(*jax.lax.map(one, (own, rapid, slow)))


def _field(
    place: Float[Array, " x"],
    slopes: Float[Array, "x p"],
    smear: Float[Array, "x x"],
    overlap: Float[Array, "x x"],
    after: Float[Array, "x x"],
    step: int,
    glow: Float[Array, ""],
    own: Float[Array, " 3"],
    rapid: Float[Array, "x y"],
    slow: Float[Array, "x height"],
) -> tuple[Array, Array, Array, Array]:
    dx, dy, contrast = own
    rows, rows_slope, inside = _moved_rows(slow, dy, step)
    late = after @ rows
    rows = rows - glow * late
    rows_slope = rows_slope - glow * (after @ rows_slope)
    late, _ = _sample(late, place + dx)
    scene, along = _sample(rows, place + dx)
    across, _ = _sample(rows_slope, place + dx)
    rapid = rapid * inside[None]
    power = (rapid**2).sum()
    rest = contrast * (smear.T @ scene) - rapid
    sigma = jnp.sqrt(jnp.mean(rest**2))
    rest = jnp.clip(rest, -CLIP * sigma, CLIP * sigma)
    back = smear @ rest
    along = contrast * along
    local = jnp.stack([-contrast * late, contrast * across, scene])
    spread = jnp.stack([overlap @ each for each in local])
    mixed = jnp.einsum("xy,axy->xa", along, spread)
    shared = slopes.T @ ((along @ along.T) * overlap) @ slopes
    crossed = slopes.T @ mixed
    inner = jnp.einsum("axy,bxy->ab", local, spread)
    normal = jnp.block([[shared, crossed], [crossed.T, inner]])
    by_row = jnp.concatenate([slopes.T @ (along * back), jnp.einsum("axy,xy->ay", local, back)])
    count = by_row.shape[1] // BANDS * BANDS
    bands = by_row[:, :count].reshape(len(by_row), BANDS, -1).sum(axis=2).T
    bands = bands.at[-1].add(by_row[:, count:].sum(axis=1))
    common = slopes.shape[1] - 1  # put the afterglow, common to all, before dx
    order = jnp.array([*range(common), common + 1, common, common + 2, common + 3])
    return normal[order][:, order], bands[:, order], (rest**2).sum(), power


def _moved_rows(
    coefficients: Float[Array, "x height"], dy: Float[Array, ""], step: int
) -> tuple[Float[Array, "x y"], Float[Array, "x y"], Float[Array, " y"]]:
    """Sample rows at ``y + dy``, and their derivative; last, which rows are in the slow scan."""
    height = coefficients.shape[1]
    whole = jnp.floor(dy)
    weights, derivatives = _weights(dy - whole)
    first = whole.astype(jnp.int32)
    taps = [jnp.roll(coefficients, -first - k, axis=1)[:, ::step] for k in (-1, 0, 1, 2)]
    place = jnp.arange(height, dtype=dy.dtype)[::step] + dy
    inside = ((place >= 1) & (place <= height - 3)).astype(dy.dtype)
    moved = sum(w * tap for w, tap in zip(weights, taps, strict=True))
    slope = sum(w * tap for w, tap in zip(derivatives, taps, strict=True))
    return moved * inside[None], slope * inside[None], inside


def _sample(
    coefficients: Float[Array, "x y"], place: Float[Array, " n"]
) -> tuple[Float[Array, "n y"], Float[Array, "n y"]]:
    """Evaluate cubic B-splines and their derivatives at some columns."""
    left = jnp.floor(place)
    weights, derivatives = _weights(place - left)
    index = left.astype(jnp.int32)
    last = len(coefficients) - 1
    taps = [coefficients[jnp.clip(index + k, 0, last)] for k in (-1, 0, 1, 2)]
    values = sum(w[:, None] * tap for w, tap in zip(weights, taps, strict=True))
    slope = sum(w[:, None] * tap for w, tap in zip(derivatives, taps, strict=True))
    return values, slope


def _weights(t: Float[Array, "..."]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Cubic B-splines of the four neighbours of a place, and their derivatives."""
    values = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    derivatives = (
        -((1 - t) ** 2) / 2,
        (3 * t**2 - 4 * t) / 2,
        (-3 * t**2 + 2 * t + 1) / 2,
        t**2 / 2,
    )
    return values, derivatives
