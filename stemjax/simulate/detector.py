"""The detector: electrons with a gain spread, a causal lag along the scan, 16 bit."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt16
from scipy.signal import lfilter

from stemjax.typing import Image

FULL_BEAM_ADU = 40_000.0  # the operator's setting: what an unscattered beam reads above dark


@dataclass(frozen=True)
class Detector:
    """Response of scintillator, photomultiplier, amplifier and converter.

    Attributes:
        decays: (weight, decay time in microseconds) of the scintillator; weights sum to 1.
        amplifier_us: time constant of the amplifier's single pole.
        excess: excess noise of the pulse-height spread, 1 for none.
        dark: level without beam in ADU.
        read_noise: standard deviation per pixel in ADU.
        row_noise: standard deviation of row offsets relative to a row's shot noise.
    """

    decays: tuple[tuple[float, float], ...] = ((0.85, 0.45), (0.13, 2.0), (0.02, 80.0))
    amplifier_us: float = 0.12
    excess: float = 1.3
    dark: float = 9_500.0
    read_noise: float = 20.0
    row_noise: float = 0.1

    def exponentials(self) -> list[tuple[float, float]]:
        """Weights and time constants of the whole response, the amplifier folded in."""
        terms, through_amplifier = [], 0.0
        for weight, decay in self.decays:
            share = weight / (decay - self.amplifier_us)
            terms.append((share * decay, decay))
            through_amplifier -= share * self.amplifier_us
        return [*terms, (through_amplifier, self.amplifier_us)]

    def lagged(self, signal: Float[np.ndarray, " time"], dwell_us: float) -> np.ndarray:
        """Smear a time series of pixels causally.

        Electrons arrive evenly within a pixel and a pixel is the average over its dwell time,
        so an exponential gives weight ``1 - (1-q)/d`` to its own pixel and
        ``(1-q)^2/d q^(m-1)`` to the m-th after it, with ``d = dwell/decay`` and ``q = exp(-d)``.
        """
        total = np.zeros_like(signal)
        for weight, decay in self.exponentials():
            d = dwell_us / decay
            q = np.exp(-d)
            own, next_ = 1 - (1 - q) / d, (1 - q) ** 2 / d
            total += weight * lfilter([own, next_ - own * q], [1, -q], signal)
        return total

    def kernel(self, dwell_us: float, length: int) -> Float[np.ndarray, " length"]:
        """Response to one pixel's electrons, sampled per pixel."""
        impulse = np.zeros(length)
        impulse[0] = 1.0
        return self.lagged(impulse, dwell_us)


def incident_electrons(current_pa: float, dwell_us: float) -> float:
    """Electrons that hit the specimen in one dwell time."""
    return current_pa * dwell_us / 0.1602176634  # pA us per electron


def adu(current_pa: float, fraction: Image, dark: float) -> Image:
    """Noise-free reading of a detected fraction of the beam, in ADU."""
    return dark + (FULL_BEAM_ADU if current_pa > 0 else 0.0) * fraction


def detect(
    rng: np.random.Generator,
    detector: Detector,
    fraction: Float[np.ndarray, "y time"],
    width: int,
    current_pa: float,
    dwell_us: float,
) -> UInt16[np.ndarray, "y x"]:
    """Turn detected fractions of the beam into a recorded frame.

    Args:
        rng: source of randomness.
        detector: the response.
        fraction: of each line, first its columns, then the flyback, in dwell times.
        width: columns to keep.
        current_pa: beam current in picoamperes.
        dwell_us: dwell time in microseconds.
    """
    incident = incident_electrons(current_pa, dwell_us)
    counts = rng.poisson(incident * fraction)
    spread = detector.excess - 1
    pulses = rng.gamma(counts / spread, spread) if spread > 0 else counts.astype(float)
    # The tail of a line runs on through the flyback into the next one: one long time series.
    signal = detector.lagged(pulses.ravel(), dwell_us).reshape(fraction.shape)[:, :width]
    gain = FULL_BEAM_ADU / incident if incident > 0 else 0.0
    shot = gain * np.sqrt(detector.excess * incident * fraction.mean())
    rows = detector.row_noise * shot * rng.standard_normal((len(signal), 1))
    noise = detector.read_noise * rng.standard_normal(signal.shape)
    reading = detector.dark + gain * signal + rows + noise
    return np.clip(np.rint(reading), 0, 65535).astype(np.uint16)
