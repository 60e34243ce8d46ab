"""Photon transfer measured behind the lag, and blank frames drawn from it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import toeplitz
from scipy.ndimage import gaussian_filter

from stemjax.distortion.lag import Lag
from stemjax.evaluate.noise import Noise, _lagged_white, blank_frames, measure_noise
from stemjax.simulate.detector import FULL_BEAM_ADU, Detector, detect, incident_electrons

LAG = Lag(decays_us=(0.4, 1.6), weights=(0.85, 0.15), amplifier_us=0.1, dwell_us=0.1)
DECAYS = {"decays": ((0.85, 0.4), (0.15, 1.6)), "amplifier_us": 0.1}
DETECTOR = Detector(excess=1.3, dark=9_500.0, read_noise=25.0, row_noise=0.1, **DECAYS)
PA = 50.0
GAIN = 1.3 * FULL_BEAM_ADU / incident_electrons(PA, 0.1)
FLYBACK = 80  # pixels
SHAPE = (192, 192)
KNOWN = Noise(gain=500.0, dark=9_000.0, read=0.0, rows=0.0, lag=LAG)


def specimen(seed: int = 0) -> np.ndarray:
    """Draw detected fractions of the beam, of smooth structure."""
    smooth = gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), 8.0)
    return np.clip(0.4 + 0.15 * smooth / smooth.std(), 0.05, 0.8)


def recorded(
    fractions: list[np.ndarray], seed: int = 0, detector: Detector = DETECTOR
) -> tuple[np.ndarray, np.ndarray]:
    """Record a frame of each specimen; beside them their mean, as often."""
    rng = np.random.default_rng(seed)
    lines = [np.pad(each, ((0, 0), (0, FLYBACK)), mode="edge") for each in fractions]
    frames = [detect(rng, detector, line, SHAPE[1], PA, 0.1) for line in lines]
    return np.stack(frames), np.stack([np.mean(frames, axis=0)] * len(frames))


def covariance(frames: np.ndarray, dy: int, dx: int) -> float:
    """Mean product of pixels so many rows and columns apart, about the mean of all."""
    away = frames - frames.mean()
    height, width = frames.shape[1:]
    return float(np.mean(away[:, dy:, dx:] * away[:, : height - dy, : width - dx]))


def lagged(dx: int) -> float:
    """Give what the lag leaves of white noise's variance, between pixels so far apart."""
    kernel = LAG.kernel(2000)
    return float(kernel[dx:] @ kernel[: len(kernel) - dx])


@pytest.fixture(scope="module")
def measured() -> Noise:
    """Measure the noise of ten frames."""
    frames, still = recorded([specimen()] * 10)
    return measure_noise(frames, list(still), LAG, 10)


def test_gain_and_dark_level_are_the_detectors(measured: Noise) -> None:
    assert measured.gain == pytest.approx(GAIN, rel=0.06)
    assert measured.dark == pytest.approx(9_500, abs=600)


def test_read_noise_and_row_offsets_are_the_detectors(measured: Noise) -> None:
    assert measured.read == pytest.approx(25, rel=0.25)
    assert measured.rows == pytest.approx(0.1, rel=0.1)


def test_the_lags_share_of_variance_is_that_of_the_covariance() -> None:
    full = toeplitz([lagged(apart) for apart in range(100)])
    about_mean, _, of_mean = _lagged_white(LAG, 100)
    assert (about_mean, of_mean) == pytest.approx((full[0, 0] - full.mean(), full.mean()), rel=1e-3)


def test_signal_lags_further_than_its_noise_and_both_are_matched() -> None:
    stripes = 0.4 + 0.25 * np.sin(2 * np.pi * np.arange(SHAPE[1]) / 48) * np.ones((SHAPE[0], 1))
    frames, still = recorded([stripes] * 20)
    noise = measure_noise(frames, list(still), LAG, 20)
    assert noise.gain == pytest.approx(GAIN, rel=0.08)


def test_loud_read_noise_is_not_taken_for_shot_noise() -> None:
    frames, still = recorded([specimen()] * 10, detector=replace(DETECTOR, read_noise=500.0))
    noise = measure_noise(frames, list(still), LAG, 10)
    assert noise.read == pytest.approx(500, rel=0.02)
    assert noise.dark == pytest.approx(9_500, abs=800)


def test_the_stills_share_of_the_noise_is_accounted_for() -> None:
    frames, two = recorded([specimen()] * 2)
    many = recorded([specimen()] * 40, seed=1)[1][:2]
    own = measure_noise(frames, list(two), LAG, 2)
    other = measure_noise(frames, list(many), LAG, 1_000_000)
    shot = [noise.gain * (two.mean() - noise.dark) for noise in (own, other)]
    assert shot[1] == pytest.approx(shot[0] * (1 + 1 / 40), rel=0.02)
    assert own.rows == pytest.approx(other.rows, rel=0.1)


def test_what_moves_is_no_noise(measured: Noise) -> None:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    places = [y + x / 2 - 120 - 3 * k for k in range(10)]
    scenes = [specimen() * (1 - 0.6 * np.exp(-(place**2) / 50)) for place in places]
    frames, still = recorded(scenes)
    noise = measure_noise(frames, list(still), LAG, 10)
    shot = noise.gain * (still.mean() - noise.dark)
    assert np.var(frames - still) > 1.3 * shot * lagged(0)
    assert shot == pytest.approx(measured.gain * (still.mean() - measured.dark), rel=0.03)
    assert noise.dark == pytest.approx(9_500, abs=1_000)


def test_frames_that_the_still_does_not_show_are_left_out(measured: Noise) -> None:
    frames, still = recorded([specimen()] * 10)
    odd = np.concatenate([frames[:1] // 2, frames])
    assert measure_noise(odd, [None, *still], LAG, 10) == measured


def test_without_contrast_the_dark_level_is_left_open_and_the_variance_holds() -> None:
    flat = np.full(SHAPE, 0.4)
    frames, still = recorded([flat] * 6)
    noise = measure_noise(frames, list(still), LAG, 6)
    assert noise.dark == 0
    assert noise.gain * still.mean() == pytest.approx(GAIN * 0.4 * FULL_BEAM_ADU, rel=0.04)


def test_the_dark_level_is_not_above_what_frames_show() -> None:
    """Noise that grows faster than shot noise would put it far too high."""
    rng = np.random.default_rng(4)
    still = 12_000 + 20_000 * specimen()
    lag = replace(LAG, decays_us=(1e-4, 1e-3), amplifier_us=1e-5)
    frames = still + 200 * ((still - 12_000) / 8_000) ** 3 * rng.standard_normal((6, *SHAPE))
    noise = measure_noise(frames, [still] * 6, lag, 1_000_000)
    blocks = still[13:-13, 12:-12][:160, :160].reshape(10, 16, 10, 16).mean(axis=(1, 3))
    assert noise.dark == pytest.approx(blocks.min(), abs=1)
    assert noise.read == 0


@pytest.mark.parametrize(("known", "integrated"), [(False, 10), (True, 1)])
def test_without_a_mean_of_frames_there_is_no_measuring(known: bool, integrated: int) -> None:
    frames, still = recorded([specimen()] * 2)
    images = [image if known else None for image in still]
    with pytest.raises(ValueError, match="mean of several frames"):
        measure_noise(frames, images, LAG, integrated)
    with pytest.raises(ValueError, match="no shot noise"):
        measure_noise(still, list(still), LAG, 2)


def test_blank_frames_have_the_mean_and_the_covariance_of_lagged_shot_noise() -> None:
    frames = blank_frames(KNOWN, 21_000.0, (256, 200), 12, seed=0)
    assert (frames.dtype, frames.shape) == (np.uint16, (12, 256, 200))
    assert frames.mean() == pytest.approx(21_000, abs=20)
    power = 500 * 12_000
    for dx in (0, 1, 3, 8, 20):
        expected = power * lagged(dx)
        assert covariance(frames, 0, dx) == pytest.approx(expected, abs=0.02 * power * lagged(0))
    assert abs(covariance(frames, 1, 0)) < 0.02 * power * lagged(0)


def test_shot_noise_is_that_of_few_electrons() -> None:
    """Their number is a Poisson number: its third moment equals its second."""
    sharp = replace(LAG, decays_us=(1e-4, 1e-3), amplifier_us=1e-5)
    frames = blank_frames(replace(KNOWN, lag=sharp), 9_000 + 500 * 3.0, (256, 256), 4, seed=1)
    electrons = (frames.astype(float) - 9_000) / 500
    away = electrons - electrons.mean()
    assert np.mean(away**2) == pytest.approx(3, rel=0.02)
    assert np.mean(away**3) == pytest.approx(3, rel=0.06)


def test_the_lag_comes_after_the_electrons() -> None:
    """The third moment of few electrons tells before from after."""
    noise = replace(KNOWN, gain=4_000.0)
    frames = blank_frames(noise, 9_000 + 4_000 * 0.5, (256, 256), 8, seed=1)
    away, kernel = frames.astype(float) - 11_000, LAG.kernel()
    skew = np.mean(away[..., :-6] ** 2 * away[..., 6:])
    assert skew == pytest.approx(4_000**3 * 0.5 * (kernel[:-6] ** 2 @ kernel[6:]), rel=0.15)


def test_the_tail_of_a_row_runs_on_into_the_next() -> None:
    frames = blank_frames(KNOWN, 21_000.0, (2_000, 40), 2, seed=2).astype(float) - 21_000
    across = np.mean(frames[:, :-1, -1] * frames[:, 1:, 0])
    assert across == pytest.approx(500 * 12_000 * lagged(1), rel=0.1)
    assert np.var(frames[:, :, 0]) == pytest.approx(np.var(frames[:, :, 20]), rel=0.1)


def test_row_offsets_follow_the_shot_noise() -> None:
    noise = replace(KNOWN, rows=0.2)
    for level in (12_000.0, 21_000.0):
        frames = blank_frames(noise, level, (400, 256), 4, seed=3)
        plain = blank_frames(KNOWN, level, (400, 256), 4, seed=3)
        offsets = frames.mean(axis=2) - plain.mean(axis=2)
        expected = 0.2 * np.sqrt(500 * (level - 9_000))
        assert offsets.std() == pytest.approx(expected, rel=0.1)


def test_without_electrons_there_is_read_noise_alone() -> None:
    noise = replace(KNOWN, read=12.0, rows=0.2)
    frames = blank_frames(noise, noise.dark, (128, 128), 3, seed=4).astype(float)
    assert frames.mean() == pytest.approx(9_000, abs=0.3)
    assert frames.std() == pytest.approx(12, rel=0.02)
    assert abs(covariance(frames, 0, 1)) < 3
    with pytest.raises(ValueError, match="lam < 0"):
        blank_frames(noise, 8_000.0, (8, 8), 1, seed=4)


def test_blank_frames_saturate_and_can_be_drawn_again() -> None:
    bright = blank_frames(KNOWN, 65_400.0, (64, 64), 2, seed=5)
    assert bright.max() == 65_535
    np.testing.assert_array_equal(bright, blank_frames(KNOWN, 65_400.0, (64, 64), 2, seed=5))
    others = *bright[1:], *blank_frames(KNOWN, 65_400.0, (64, 64), 1, seed=6)
    assert all((bright[0] != other).any() for other in others)


def test_blank_frames_are_as_noisy_as_the_frames_they_were_measured_on(measured: Noise) -> None:
    frames, still = recorded([specimen()] * 10)
    beside = (frames - still) * np.sqrt(10 / 9)
    blank = blank_frames(measured, float(still.mean()), SHAPE, 10, seed=7)
    for dy, dx in ((0, 0), (0, 2), (0, 6), (1, 0)):
        expected = covariance(beside, dy, dx)
        assert covariance(blank, dy, dx) == pytest.approx(expected, abs=0.05 * np.var(beside))
