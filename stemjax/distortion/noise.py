"""Measure the detector's lag from the noise that it streaks along the scan."""

from dataclasses import dataclass

import dask.array as da
import numpy as np
from jaxtyping import Float
from scipy.fft import irfft, next_fast_len, rfft
from scipy.optimize import least_squares

from stemjax.distortion.lag import Lag
from stemjax.errors import Refused
from stemjax.typing import AnyFrames

Spectrum = Float[np.ndarray, " f"]
OVERLAP = 1.5  # consecutive differences share a frame: their mean scatters as that of fewer
ROUGHEST_PX, FASTEST_PX = 30.0, 0.3  # bounds of the fast decay


@dataclass(frozen=True)
class NoiseSpectrum:
    """Mean power of noise along the scan.

    Attributes:
        power: at 1, 2 ... ``width // 2`` periods per line.
        width: columns of the frames.
        rows: over how many rows of how many differences it is the mean.
    """

    power: Spectrum
    width: int
    rows: int


@dataclass(frozen=True)
class LagFit:
    """A measured response.

    Attributes:
        lag: the response.
        decays_error_us: standard errors of its two decays, in microseconds.
        neighbours: responses one standard error away, each in a direction of its own.
    """

    lag: Lag
    decays_error_us: tuple[float, float]
    neighbours: tuple[Lag, ...]


def noise_spectrum(frames: da.Array | AnyFrames) -> NoiseSpectrum:
    """Power spectrum along the scan of what differs between consecutive frames.

    The specimen cancels in the difference. Row offsets are in the lowest frequency alone, which
    is left out.

    Args:
        frames: (t, y, x), at least two; read one at a time.
    """
    count, height, width = frames.shape
    power = np.zeros(width // 2)
    before = np.asarray(frames[0], dtype=np.float32)
    for k in range(1, count):
        frame = np.asarray(frames[k], dtype=np.float32)
        power += np.mean(np.abs(rfft(frame - before, axis=1, workers=-1)[:, 1:]) ** 2, axis=0)
        before = frame
    return NoiseSpectrum(power / (count - 1) / width, width, height * (count - 1))


def pooled(spectra: list[NoiseSpectrum]) -> NoiseSpectrum:
    """Average spectra of frames of one width."""
    rows = [spectrum.rows for spectrum in spectra]
    power = np.average([spectrum.power for spectrum in spectra], axis=0, weights=rows)
    return NoiseSpectrum(power, spectra[0].width, sum(rows))


def fit_lag(spectrum: NoiseSpectrum, dwell_us: float) -> LagFit:
    """Fit a response acting on white noise, with white noise after it, to a noise spectrum.

    Maximum likelihood for a power spectrum (Whittle); what a line's ends do to the spectrum is
    in the model (Sykulski et al., Biometrika 106, 251 (2019)).

    Args:
        spectrum: of the rapid frames' noise.
        dwell_us: dwell time of the frames in microseconds.

    Raises:
        Refused: there is no noise.
    """
    if not (spectrum.power > 0).all():
        raise Refused(
            "consecutive rapid frames are alike, and without noise the detector's lag cannot be "
            "measured; give the frames as they were recorded"
        )

    def deviance(p: Float[np.ndarray, " 6"]) -> Spectrum:
        ratio = spectrum.power / _expected(p, dwell_us, spectrum.width)
        return np.sign(ratio - 1) * np.sqrt(np.maximum(2 * (ratio - 1 - np.log(ratio)), 0))

    # Logarithms of the fast decay in pixels, of the amplifier's and the slow decay's ratio to
    # it; the slow share; logarithms of the noise's power and of the white part's share.
    low = [np.log(FASTEST_PX), np.log(0.02), np.log(1.5), 0.0, -np.inf, -20.0]
    high = [np.log(ROUGHEST_PX), np.log(0.9), np.log(20.0), 0.5, np.inf, 0.0]
    start = np.array([np.log(4.0), np.log(0.25), np.log(4.0), 0.1, 0.0, -7.0])
    start[4] = np.log(spectrum.power.sum() / _expected(start, dwell_us, spectrum.width).sum())
    scale = [0.1, 0.1, 0.3, 0.03, 0.1, 1.0]
    fit = least_squares(deviance, start, bounds=(low, high), x_scale=scale)
    information = fit.jac.T @ fit.jac * spectrum.rows / OVERLAP
    # A parameter that the spectrum says nothing about is known to its bounds all the same.
    information += np.diag([1.0, 1.0, 1.0, 16.0, 0.0, 0.01])
    covariance = np.linalg.inv(information)
    lag = _lag(fit.x, dwell_us)
    slow = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    errors = np.sqrt([covariance[0, 0], slow @ covariance @ slow])
    values, vectors = np.linalg.eigh(covariance[:4, :4])
    steps = vectors.T * np.sqrt(np.maximum(values, 0))[:, None]
    return LagFit(
        lag=lag,
        decays_error_us=(
            float(errors[0] * lag.decays_us[0]),
            float(errors[1] * lag.decays_us[1]),
        ),
        neighbours=tuple(
            _lag(np.clip(fit.x[:4] + step, low[:4], high[:4]), dwell_us) for step in steps
        ),
    )


def _expected(p: Float[np.ndarray, " 6"], dwell_us: float, width: int) -> Spectrum:
    """Expected periodogram of rows of `width` pixels."""
    kernel = _lag(p, dwell_us).kernel(2 * width)
    size = next_fast_len(2 * len(kernel))
    covariance = irfft(np.abs(rfft(kernel, size)) ** 2, size)[:width]
    covariance[0] += np.exp(p[5])
    near = covariance * (1 - np.arange(width) / width)
    both = np.concatenate([near, [0.0], near[:0:-1]])
    return np.exp(p[4]) * rfft(both).real[2 : width + 2 - width % 2 : 2]


def _lag(p: Float[np.ndarray, " n"], dwell_us: float) -> Lag:
    fast = float(np.exp(p[0]) * dwell_us)
    return Lag(
        decays_us=(fast, fast * float(np.exp(p[2]))),
        weights=(1 - float(p[3]), float(p[3])),
        amplifier_us=fast * float(np.exp(p[1])),
        dwell_us=dwell_us,
    )
