"""Power spectra: up to which detail a frame follows the slow scan, and the lag's streak.

Images are taken off their mean and put under a Hann window, or what the frame's edges cut off
would spread over all frequencies. Frequencies are in 1/um, spectra start at zero frequency (no
``fftshift``), and frames need not be square.
"""

import numpy as np
from jaxtyping import Complex, Float, Int
from scipy.fft import fft2, fftfreq, rfftfreq
from scipy.ndimage import gaussian_filter1d

from stemjax.typing import AnyImage, Image

Spectrum = Complex[np.ndarray, "y x"]
Curve = Float[np.ndarray, " k"]

LEAKAGE = 2  # frequency steps over which the window spreads a line, to either side
BAND, FEWEST_ROWS = 1 / 8, 4  # of the vertical Nyquist frequency: half height of the profile
SMOOTHING, FEWEST_STEPS = 1 / 64, 2.0  # of the horizontal one: smoothing of profiles (sigma)
HOLD = 4  # sigmas of the smoothing over which profiles must stay apart
PARTED_DB = 3.0
STREAK_BAND = 1 / 4, 3 / 4  # of the vertical Nyquist frequency
COLUMN = 1  # frequency steps of kx that the streak is looked for in, to either side of zero
SMALLEST = 32  # pixels; in fewer no ring is wider than the streak


def windowed_transform(image: AnyImage) -> Spectrum:
    """Fourier transform of an image less its mean, under a Hann window of unit mean square."""
    values = image.astype(float)
    values -= values.flat[0]  # a blank image shall be exactly zero, whatever its mean rounds to
    values -= values.mean()
    rows, columns = (np.hanning(n + 2)[1:-1] for n in values.shape)
    values *= rows[:, None] / np.sqrt(np.mean(rows**2))
    values *= columns / np.sqrt(np.mean(columns**2))
    return fft2(values)


def power_spectrum(image: AnyImage) -> Image:
    """Power spectrum under a Hann window.

    Normalised such that white noise shows its variance as mean power at every frequency, however
    large the image.
    """
    transform = windowed_transform(image)
    return (transform.real**2 + transform.imag**2) / transform.size


def rings(shape: tuple[int, int]) -> Int[np.ndarray, "y x"]:
    """Number the rings of a spectrum's elements, one frequency step of the shorter axis apart."""
    ky, kx = np.meshgrid(*(fftfreq(n) for n in shape), indexing="ij", sparse=True)
    return np.rint(np.hypot(ky, kx) * min(shape)).astype(int)


def horizontal_profile(image: AnyImage, pixel_size_nm: float) -> tuple[Curve, Curve]:
    """Line profile along kx of the logarithm of the power spectrum, as Ihara et al. (2022) plot.

    One row of a spectrum is hardly more than noise: the logarithm is averaged over the rows with
    ``|ky|`` up to an eighth of the Nyquist frequency (at least four rows on either side).

    Returns:
        Frequencies in 1/um from zero to Nyquist, and the profile in dB. A blank image, whose
        power is zero, lies at the smallest positive number, about -3077 dB.
    """
    power = power_spectrum(image)
    height, width = power.shape
    reach = min(max(FEWEST_ROWS, round(BAND * height / 2)), (height - 1) // 2)
    band = power[np.arange(-reach, reach + 1), : width // 2 + 1]
    level = 10 * np.log10(np.maximum(band, np.finfo(float).tiny)).mean(axis=0)
    return rfftfreq(width, pixel_size_nm / 1000), level


def follows(per_um: Curve, profile: Curve, reference: Curve) -> float:
    """Frequency in 1/um up to which a frame's profile follows the slow scan's.

    Contrasts differ, and a fit to a noisy frame makes it weak: the median difference is taken
    off first, each frequency counting by the slow scan's power. The profiles part where they first
    differ by more than 3 dB and stay apart for four sigmas of the smoothing: no single noisy
    frequency decides. Smoothed over a 64th of the Nyquist frequency (at least two steps), two
    profiles of noise alone differ by 1 dB (standard deviation) at 256 pixels, by 0.5 dB at 512.

    It compares powers, not what they come from: noise as strong as the structure that the frame
    lost passes for it (:mod:`~stemjax.evaluate.correlation` tells them apart). And at high
    frequencies the slow scan is noise itself. A perfect restoration has none and parts from it
    there, by 3 dB where structure and noise of the slow scan are equally strong: that, and not
    Nyquist, is the most a restoration can be expected to reach.

    Args:
        per_um: frequencies of both profiles, as from :func:`horizontal_profile`.
        profile: of the frame, in dB.
        reference: of the slow scan, in dB.

    Returns:
        Zero where they differ from the start or the frame is blank, the Nyquist frequency where
        they never part, NaN for images that are too narrow (less than 18 pixels).
    """
    sigma = max(FEWEST_STEPS, SMOOTHING * len(per_um))
    hold = round(HOLD * sigma)
    if len(per_um) < LEAKAGE + hold:
        return np.nan
    if np.ptp(profile) == 0:  # of a blank frame
        return 0.0
    difference = profile[LEAKAGE:] - reference[LEAKAGE:]
    weight = 10 ** ((reference - reference[LEAKAGE:].max()) / 10)
    order = np.argsort(difference)
    share = np.cumsum(weight[LEAKAGE:][order])
    difference -= difference[order[np.searchsorted(share, share[-1] / 2)]]
    parted = np.abs(gaussian_filter1d(difference, sigma)) > PARTED_DB
    held = np.lib.stride_tricks.sliding_window_view(parted, hold).all(axis=1)
    if not held.any():
        return float(per_um[-1])
    first = int(held.argmax())
    return float(per_um[LEAKAGE + first]) if first else 0.0


def streak_db(image: AnyImage) -> float:
    """Strength in dB of the vertical streak in the spectrum that a lag along x leaves.

    A late detector smears shot noise along x, which gathers its power at kx = 0; row offsets do
    likewise. That power, within one frequency step of kx = 0, is put in relation to the mean power
    on the same ring elsewhere: white noise gives 0 dB at any size. A line of the specimen along x
    has power at kx = 0 as well, but at low ky: only ky from a quarter to three quarters of Nyquist
    counts (beyond, interpolation has taken power away), and of it the median, divided by ln 2,
    which is the median of a spectrum's power relative to its mean. In an image without any noise
    a long sharp line exactly along x still shows: compare with the slow scan's value.

    Returns:
        NaN for a blank image and for less than 32 pixels along an axis.
    """
    if min(image.shape) < SMALLEST:
        return np.nan
    power = power_spectrum(image)
    height, width = power.shape
    ring = rings((height, width))
    kx = np.abs(np.rint(fftfreq(width) * width))
    ky = np.abs(fftfreq(height)) * 2
    beside = kx > COLUMN + LEAKAGE
    counted = ring[:, beside].ravel()
    total = np.bincount(counted, power[:, beside].ravel(), minlength=ring.max() + 1)
    mean = total / np.maximum(np.bincount(counted, minlength=ring.max() + 1), 1)
    at_zero = np.ix_((ky >= STREAK_BAND[0]) & (ky <= STREAK_BAND[1]), kx <= COLUMN)
    expected = mean[ring[at_zero]]
    if not expected.all():
        return np.nan
    ratio = np.median(power[at_zero] / expected) / np.log(2)
    return float(10 * np.log10(ratio)) if ratio > 0 else np.nan
