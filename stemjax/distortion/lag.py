"""The detector's lag, measured from the noise that it streaks along the scan."""

from dataclasses import dataclass

import dask.array as da
import numpy as np
from jaxtyping import Float
from scipy.linalg import orth, toeplitz
from scipy.optimize import least_squares

from stemjax.typing import AnyFrames, Json

REACH = 48  # pixels over which the noise correlation is fitted
KERNEL = 256  # pixels after which a kernel has died out


@dataclass(frozen=True)
class Lag:
    """A causal response: two exponential decays behind an amplifier of one pole.

    Attributes:
        decays_us: decay times in microseconds, the faster first.
        weights: their shares, which sum to 1.
        amplifier_us: time constant of the amplifier in microseconds.
        dwell_us: dwell time of the frames it was measured on.
    """

    decays_us: tuple[float, float]
    weights: tuple[float, float]
    amplifier_us: float
    dwell_us: float

    def kernel(self, length: int = KERNEL) -> Float[np.ndarray, " length"]:
        """Response to one pixel's electrons, per pixel; sums to 1 but for the cut tail."""
        total = np.zeros(length)
        amplifier = self.amplifier_us / self.dwell_us
        for weight, decay_us in zip(self.weights, self.decays_us, strict=True):
            decay = decay_us / self.dwell_us
            # An exponential behind a pole is the difference of two exponentials.
            share = weight / (decay - amplifier)
            total += share * decay * _response(decay, length)
            total -= share * amplifier * _response(amplifier, length)
        return total

    def delay_px(self) -> float:
        """Mean delay of the signal in pixels, by which lagged content is displaced."""
        kernel = self.kernel()
        return float(kernel @ np.arange(len(kernel)) / kernel.sum())

    def to_json(self) -> Json:
        """Give the response as plain JSON values."""
        return {
            "decays_us": [round(d, 4) for d in self.decays_us],
            "weights": [round(w, 4) for w in self.weights],
            "amplifier_us": round(self.amplifier_us, 4),
            "dwell_us": self.dwell_us,
            "delay_px": round(self.delay_px(), 4),
        }


def lag_from_json(content: Json) -> Lag:
    """Take a response out of a session's record."""
    return Lag(
        decays_us=tuple(content["decays_us"]),
        weights=tuple(content["weights"]),
        amplifier_us=content["amplifier_us"],
        dwell_us=content["dwell_us"],
    )


def noise_correlation(
    frames: da.Array | AnyFrames, reach: int = REACH
) -> Float[np.ndarray, " {reach}+1"]:
    """Autocorrelation along the scan of what differs between consecutive frames.

    The specimen cancels in the difference. A row's mean is taken off, and with it row offsets.

    Args:
        frames: (t, y, x), at least two.
        reach: largest distance in pixels.

    Returns:
        Correlation at distances 0 to `reach`, 1 at distance 0.
    """
    total = np.zeros(reach + 1)
    before = np.asarray(frames[0], dtype=float)
    for k in range(1, len(frames)):
        frame = np.asarray(frames[k], dtype=float)
        noise = frame - before
        noise -= noise.mean(axis=1, keepdims=True)
        for m in range(reach + 1):
            total[m] += np.mean(noise[:, m:] * noise[:, : noise.shape[1] - m])
        before = frame
    return total / total[0]


def fit_lag(correlation: Float[np.ndarray, " n"], dwell_us: float, width: int) -> Lag:
    """Fit a response, acting on white noise, to a measured noise correlation.

    Args:
        correlation: as from :func:`noise_correlation`.
        dwell_us: dwell time in microseconds.
        width: columns of the frames that it was measured on.
    """
    reach = len(correlation) - 1

    def model(p: Float[np.ndarray, " 4"]) -> Float[np.ndarray, " n"]:
        kernel = _lag(p, dwell_us).kernel(max(width, KERNEL))
        full = np.correlate(kernel, kernel, "full")[len(kernel) - 1 :][:width]
        return _without_row_means(full, reach)

    # Logarithms of the fast decay in pixels, of the amplifier's and the slow decay's ratio to
    # it, then the slow share.
    low = [np.log(0.3), np.log(0.02), np.log(1.5), 0.0]
    high = [np.log(reach / 3), np.log(0.9), np.log(12.0), 0.5]
    start = [np.log(4.0), np.log(0.2), np.log(4.0), 0.1]
    fit = least_squares(lambda p: model(p) - correlation, start, bounds=(low, high))
    return _lag(fit.x, dwell_us)


def lag_matrix(lag: Lag, width: int) -> Float[np.ndarray, "x x"]:
    """Express the lag along a line as a matrix: the lagged frame is ``frame @ matrix``.

    What a line's first pixels see of the line before is taken to be like their own signal;
    :func:`lag_tails` says in which way that may be wrong.
    """
    kernel = lag.kernel(max(width, KERNEL))
    matrix = toeplitz(np.zeros(width), kernel[:width])
    np.fill_diagonal(matrix, kernel[0])
    matrix[0] += 1 - matrix.sum(axis=0)
    return matrix


def lag_tails(lag: Lag, width: int) -> Float[np.ndarray, "x tails"]:
    """Give an orthonormal basis of all that the line before can leave in a line.

    The beam flies back meanwhile and nobody knows over what, but whatever it was, it fades with
    the response's own three decays.
    """
    decays = np.array([*lag.decays_us, lag.amplifier_us]) / lag.dwell_us
    return orth(np.exp(-np.arange(width)[:, None] / decays))


def _without_row_means(
    covariance: Float[np.ndarray, " width"], reach: int
) -> Float[np.ndarray, " n"]:
    """Expected correlation of rows of stationary noise once each has lost its mean.

    To leave that to a free offset would let the slow decay trade with it.
    """
    width = len(covariance)
    total = np.cumsum(covariance)
    with_mean = (total + total[::-1] - covariance[0]) / width  # of each pixel with its row's mean
    upto = np.concatenate([[0.0], np.cumsum(with_mean)])
    near = np.arange(reach + 1)
    means = (upto[width - near] + upto[width] - upto[near]) / (width - near)
    left = covariance[near] - means + with_mean.mean()
    return left / left[0]


def _lag(p: Float[np.ndarray, " 4"], dwell_us: float) -> Lag:
    fast = float(np.exp(p[0]) * dwell_us)
    return Lag(
        decays_us=(fast, fast * float(np.exp(p[2]))),
        weights=(1 - float(p[3]), float(p[3])),
        amplifier_us=fast * float(np.exp(p[1])),
        dwell_us=dwell_us,
    )


def _response(decay_px: float, length: int) -> Float[np.ndarray, " length"]:
    """Pixel response of an exponential to electrons that arrive evenly within a pixel."""
    d = 1 / max(decay_px, 1e-3)
    q = np.exp(-d)
    after = (1 - q) ** 2 / d * q ** np.arange(length - 1)
    return np.concatenate([[1 - (1 - q) / d], after])
