"""The detector's lag: a causal response in time, and what it does to scans."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import orth, toeplitz
from scipy.ndimage import gaussian_filter1d

from stemjax.typing import Json

KERNEL = 256  # pixels after which a kernel has died out
STRUCTURE_PX = 8.0  # standard deviation of structure whose displacement is asked for


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

    def displacement_px(self) -> float:
        """Pixels by which the lag displaces structure as wide as dislocations are.

        A long tail moves the mean much further, but it is a haze beside the structure, and less
        well known.
        """
        blob = gaussian_filter1d(np.pad(self.kernel(), KERNEL), STRUCTURE_PX)
        peak = int(np.argmax(blob))
        before, there, after = blob[peak - 1 : peak + 2]
        return peak - KERNEL + float((before - after) / (before - 2 * there + after) / 2)

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


def late_matrix(width: int, slow_dwell_us: float, afterglow_us: float) -> Float[np.ndarray, "x x"]:
    """Say what afterglow does to a slow scan: the matrix gives what is late less what is in time.

    To a rapid frame the detector's slowest decay is background, but at the slow scan's dwell
    time it reaches over tens of columns only.

    Args:
        width: columns of the scan.
        slow_dwell_us: its dwell time; infinite: nothing is late.
        afterglow_us: decay time.
    """
    if not np.isfinite(slow_dwell_us):
        return np.zeros((width, width))
    kernel = _response(afterglow_us / slow_dwell_us, width)
    matrix = toeplitz(kernel, np.zeros(width))
    matrix[:, 0] += 1 - matrix.sum(axis=1)
    return matrix - np.eye(width)


def _response(decay_px: float, length: int) -> Float[np.ndarray, " length"]:
    """Pixel response of an exponential to electrons that arrive evenly within a pixel."""
    d = 1 / max(decay_px, 1e-3)
    q = np.exp(-d)
    after = (1 - q) ** 2 / d * q ** np.arange(length - 1)
    return np.concatenate([[1 - (1 - q) / d], after])
