"""Wiener deconvolution: of all linear filters, the one that undoes lag and noise best.

The lag is the same at every place in a frame as it was recorded, so the filter acts there, before
the frame is undistorted. It knows the spectra of structure and noise alone (Wiener, 1949).
"""

import numpy as np
from jaxtyping import Complex, Float, Shaped
from scipy.fft import fft, fft2, fftfreq, ifft2
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from stemjax.distortion.lag import Lag
from stemjax.evaluate.spectra import power_spectrum
from stemjax.typing import AnyFrames, Frames, Image

Response = Complex[np.ndarray, "ky kx"]

PAD = 64  # pixels by which frames are continued; the lag has faded there
NOISE_BAND = 0.25, 0.4  # periods per pixel along y, between which frames show noise alone
NOISE_BINS, POWER_BINS = 2.0, 4.0  # over which power is smoothed, as standard deviation
FAINT = 0.2  # of the noise's power: structure of less is not told from the noise's own scatter


def mean_power(frames: Frames) -> Image:
    """Mean power spectrum of frames, normalised as :mod:`stemjax.evaluate.spectra` does."""
    total = np.zeros(frames.shape[1:])
    for frame in frames:
        total += power_spectrum(frame)
    return total / len(frames)


def noise_power(power: Image) -> Float[np.ndarray, " x"]:
    """Take the noise's power, by its frequency along x, out of that of frames.

    Rows do not share their noise, so its power is the same at all frequencies along y. It is read
    where structure, which is several pixels wide, has none any more, and where moving a frame
    by part of a pixel takes nothing away yet.
    """
    frequency = np.abs(fftfreq(len(power)))
    rows = power[(frequency > NOISE_BAND[0]) & (frequency < NOISE_BAND[1])]
    return gaussian_filter1d(rows.mean(axis=0), NOISE_BINS, mode="wrap")


def wiener_response(frames: Frames, lag: Lag, late: float, strength: float) -> Response:
    """Measure the filter that suits an acquisition: Wiener's gain over the response of the lag.

    With power ``S`` of the lagged structure, ``N`` of the noise and the lag's response ``H`` it is
    ``S / (S + strength N) / H``. Electrons lag as structure does, so most of ``N`` has ``|H|^2``
    in it and little is amplified.

    Args:
        frames: (t, y, x), raw.
        lag: the detector's response.
        late: pixels by which the map takes the lag back, which is not to be done twice.
        strength: factor on the noise's power; 1 minimises the mean square error.

    Returns:
        Response at the frequencies of frames with `PAD` more pixels on all sides.
    """
    power = mean_power(_continued(frames))
    width = power.shape[1]
    noise = noise_power(power)
    structure = gaussian_filter(power - noise, POWER_BINS, mode="wrap")
    structure[structure < FAINT * noise] = 0
    total = structure + strength * noise
    gain = np.divide(structure, total, out=np.zeros_like(total), where=total > 0)
    gain[0, 0] = 1  # brightness stays
    delay = np.exp(-2j * np.pi * fftfreq(width) * late)
    kernel = lag.kernel()
    return gain * delay / fft(kernel / kernel.sum(), width)


def respond(frames: AnyFrames, response: Response) -> Frames:
    """Apply a response of :func:`wiener_response` to raw frames."""
    result = np.empty(frames.shape, np.float32)
    for k, frame in enumerate(_continued(frames)):
        result[k] = ifft2(fft2(frame.astype(float)) * response).real[PAD:-PAD, PAD:-PAD]
    return result


def _continued(frames: AnyFrames) -> Shaped[np.ndarray, "t ky kx"]:
    """Continue frames by reflection, so that their left edge does not run on into the right."""
    return np.pad(frames, ((0, 0), (PAD, PAD), (PAD, PAD)), mode="reflect")
