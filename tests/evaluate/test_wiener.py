"""Wiener deconvolution, against spectra and errors that are known in closed form."""

import numpy as np
import pytest
from scipy.fft import fft, fft2, fftfreq, ifft, ifft2
from scipy.ndimage import gaussian_filter

from stemjax.distortion.lag import Lag
from stemjax.evaluate.wiener import PAD, mean_power, noise_power, respond, wiener_response

LAG = Lag(decays_us=(0.4, 1.0), weights=(0.8, 0.2), amplifier_us=0.1, dwell_us=0.1)
NONE = Lag(decays_us=(1e-4, 1e-3), weights=(0.9, 0.1), amplifier_us=1e-5, dwell_us=0.1)
SIZE, WIDTH_PX, CONTRAST = 192, 2.5, 1_000.0
BEFORE, AFTER = 600.0, 60.0  # deviation of the noise that lags, of that which does not
INSIDE = np.s_[:, 24:-24, 24:-24]


def lagged(frames: np.ndarray, lag: Lag = LAG) -> np.ndarray:
    """Let frames lag that are periodic along x."""
    kernel = np.zeros(frames.shape[-1])
    np.add.at(kernel, np.arange(256) % len(kernel), lag.kernel())
    return ifft(fft(frames) * fft(kernel / kernel.sum())).real


def structure(seed: int) -> np.ndarray:
    """Draw a Gaussian process, periodic, and known by its spectrum."""
    white = np.random.default_rng(seed).standard_normal((1, SIZE, SIZE))
    return CONTRAST * ifft2(fft2(white) * shape()).real


def shape() -> np.ndarray:
    """Root of the structure's spectrum, of unit variance."""
    ky, kx = fftfreq(SIZE)[:, None], fftfreq(SIZE)
    root = np.exp(-0.5 * (2 * np.pi * WIDTH_PX) ** 2 * (ky**2 + kx**2))
    return root / np.sqrt(np.mean(root**2))


def recorded(scene: np.ndarray, seed: int, count: int = 6) -> np.ndarray:
    """Record frames of a scene: noise, lag, noise."""
    rng = np.random.default_rng(seed)
    noisy = scene + BEFORE * rng.standard_normal((count, SIZE, SIZE))
    return lagged(noisy) + AFTER * rng.standard_normal(noisy.shape) + 20_000


def error(frames: np.ndarray, scene: np.ndarray) -> float:
    """Mean square error."""
    return float(np.mean((frames - 20_000 - scene)[INSIDE] ** 2))


def test_power_of_white_noise_is_its_variance_at_every_frequency() -> None:
    frames = 7 * np.random.default_rng(0).standard_normal((20, 48, 64)) + 1e4
    power = gaussian_filter(mean_power(frames), 3, mode="wrap")
    np.testing.assert_allclose(power[8:-8, 8:-8], 49, rtol=0.15)


def test_noise_is_told_from_the_structure_under_it() -> None:
    found = noise_power(mean_power(recorded(structure(1), 2, count=20)))
    response = fft(LAG.kernel(SIZE) / LAG.kernel(SIZE).sum())
    expected = BEFORE**2 * np.abs(response) ** 2 + AFTER**2
    np.testing.assert_allclose(found[8:-8], expected[8:-8], rtol=0.2)
    # Structure has hundreds of times the noise's power where both have most.
    assert found[0] < 1.2 * expected[0]


@pytest.mark.parametrize("late", [0.0, 3.0])
def test_what_lagged_is_back_where_the_map_takes_it_from(late: float) -> None:
    point = np.zeros((1, SIZE, SIZE))
    point[0, 90, 100] = 1.0
    blob = 1e4 * gaussian_filter(point, 2.0)
    response = wiener_response(lagged(blob), LAG, late, 1.0)
    restored = respond(lagged(blob), response)
    np.testing.assert_allclose(restored, np.roll(blob, int(late), axis=2), atol=0.02 * blob.max())


def test_the_error_is_hardly_larger_than_any_linear_filter_must_leave() -> None:
    scene = structure(3)
    frames = recorded(scene, 4)
    restored = respond(frames, wiener_response(frames, LAG, 0.0, 1.0))
    power = (CONTRAST * shape()) ** 2
    response = fft(LAG.kernel(SIZE) / LAG.kernel(SIZE).sum())
    noise = BEFORE**2 + AFTER**2 / np.abs(response) ** 2
    least = np.mean(power * noise / (power + noise))
    assert 0.9 * least < error(restored, scene) < 1.15 * least
    blurred = gaussian_filter(frames, (0, 2, 2))
    assert error(restored, scene) < 0.5 * error(blurred, scene)


def test_white_noise_alone_is_removed() -> None:
    frames = np.random.default_rng(5).normal(500, 10, (6, SIZE, SIZE))
    restored = respond(frames, wiener_response(frames, NONE, 0.0, 1.0))
    assert restored.std() < 2
    np.testing.assert_allclose(restored.mean(), 500, atol=0.5)


@pytest.mark.parametrize(("snr", "strength"), [(0.5, 1.0), (2.0, 1.0), (2.0, 3.0)])
def test_white_structure_under_white_noise_is_scaled_by_its_share_of_the_power(
    snr: float, strength: float
) -> None:
    """Structure of low frequencies along y only, as high ones are taken for noise."""
    rng = np.random.default_rng(6)
    rows = np.abs(fftfreq(256)) < 0.125
    scene = ifft2(fft2(rng.standard_normal((12, 256, 128)), axes=(1, 2)) * rows[:, None]).real
    frames = np.sqrt(snr) * scene + rng.standard_normal(scene.shape)
    response = wiener_response(frames, NONE, 0.0, strength)
    middle = np.abs(fftfreq(256 + 2 * PAD)) < 0.08
    middle[0] = False
    gain = np.abs(response[middle][:, 10:-10])
    np.testing.assert_allclose(gain.mean(), snr / (snr + strength), rtol=0.05)


def test_the_measured_noise_is_the_best_strength() -> None:
    scene = structure(7)
    frames = recorded(scene, 8)
    errors = {
        s: error(respond(frames, wiener_response(frames, LAG, 0.0, s)), scene)
        for s in (0.2, 1.0, 5.0)
    }
    assert errors[1.0] < min(errors[0.2], errors[5.0])


def test_frames_without_anything_stay_as_they_are() -> None:
    blank = np.full((2, 32, 40), 7.0)
    restored = respond(blank, wiener_response(blank, LAG, 0.0, 1.0))
    np.testing.assert_allclose(restored, blank, rtol=1e-6)


def test_the_right_edge_does_not_run_on_into_the_left_one() -> None:
    bright = np.zeros((1, 96, 96))
    bright[..., 70:] = 1_000.0
    noisy = bright + np.random.default_rng(9).normal(0, 10, (6, 96, 96))
    restored = respond(bright, wiener_response(noisy, LAG, 0.0, 1.0))
    assert np.abs(restored[..., :40]).max() < 30
