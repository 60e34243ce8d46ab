"""BM3D, whose package is optional."""

from types import ModuleType

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from stemjax.evaluate import bm3d
from stemjax.evaluate.baselines import BASELINES
from tests.handmade import canvas, references, view

SIGMA = 800.0
SIZE = 48
SCENE = view(canvas(0, SIZE)).astype(float)
WHITE = np.random.default_rng(1).normal(0, SIGMA, (12, SIZE, SIZE))


@pytest.fixture
def package() -> ModuleType:
    """Skip where it is not installed."""
    why = "bm3d is optional, as its licence allows non-commercial use only"
    return pytest.importorskip("bm3d", reason=why)


def rms(image: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(image**2)))


def test_the_spectrum_of_white_noise_is_its_variance_times_the_pixels() -> None:
    spectrum = bm3d.noise_spectrum(SCENE[:, :40] + WHITE[:, :, :40])
    assert spectrum.shape == (SIZE, 40)
    np.testing.assert_allclose(spectrum, SIGMA**2 * SIZE * 40, rtol=0.35)
    np.testing.assert_allclose(spectrum.mean(), SIGMA**2 * SIZE * 40, rtol=0.08)


def test_the_spectrum_of_streaks_is_that_of_their_fourier_transform() -> None:
    streaks = gaussian_filter(WHITE, (0, 0, 1.0), mode="wrap")
    expected = np.mean(np.abs(np.fft.fft2(streaks)) ** 2, axis=(0, 1))
    spectrum = bm3d.noise_spectrum(SCENE + streaks)
    np.testing.assert_allclose(spectrum.mean(), expected.mean(), rtol=0.08)
    assert spectrum[0, 0] > 100 * spectrum[0, SIZE // 2]
    assert np.ptp(spectrum, axis=0).max() == 0


def test_a_flat_spectrum_and_a_deviation_mean_the_same_noise(package: ModuleType) -> None:
    noisy = SCENE + WHITE[0]
    spectrum = np.full(noisy.shape, SIGMA**2 * noisy.size)
    by_spectrum, by_deviation = bm3d.denoise(noisy, spectrum), bm3d.denoise(noisy, SIGMA)
    assert rms(by_spectrum - by_deviation) < 0.2 * SIGMA
    assert rms(by_spectrum - SCENE) < 0.5 * SIGMA
    assert rms(bm3d.denoise(noisy, 0.1 * spectrum) - by_spectrum) > 0.3 * SIGMA


def test_a_known_spectrum_removes_streaks_that_pass_for_structure(package: ModuleType) -> None:
    streaks = 3 * gaussian_filter(WHITE, (0, 0, 2.0), mode="wrap")
    noisy = SCENE + streaks
    known = bm3d.denoise(noisy[0], bm3d.noise_spectrum(noisy))
    white = bm3d.denoise(noisy[0], float(streaks.std()))
    assert rms(known - SCENE) < 0.8 * rms(white - SCENE)


@pytest.mark.parametrize("name", ["bm3d", "bm3d-spectrum"])
def test_frames_come_out_with_less_noise_and_blank_ones_as_they_are(
    package: ModuleType, name: str
) -> None:
    frames = (SCENE + WHITE[:3]).astype(np.float32)
    chosen = BASELINES[name](references(frames, truth=[SCENE] * 3))
    found = chosen(frames[:1])
    assert found.shape == (1, SIZE, SIZE)
    assert rms((found - SCENE)[:, 8:-8, 8:-8]) < 0.6 * SIGMA
    blank = np.full((1, SIZE, SIZE), 20_000.0, np.float32)
    np.testing.assert_allclose(BASELINES[name](references(blank))(blank), blank, rtol=1e-4)
    np.testing.assert_allclose(chosen(blank), blank, rtol=1e-4)
