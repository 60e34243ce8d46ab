"""The spectrum of streaked noise, and the lag that is read from it."""

from itertools import pairwise

import dask.array as da
import numpy as np
import pytest
from scipy.linalg import toeplitz

from stemjax.distortion.lag import Lag
from stemjax.distortion.noise import (
    LagFit,
    NoiseSpectrum,
    _expected,
    fit_lag,
    noise_spectrum,
    pooled,
)
from stemjax.errors import Refused
from stemjax.simulate.detector import Detector

TWO = Lag(decays_us=(0.4, 1.6), weights=(0.85, 0.15), amplifier_us=0.1, dwell_us=0.1)
DETECTOR = Detector(decays=((0.85, 0.4), (0.15, 1.6)), amplifier_us=0.1)


def parameters(lag: Lag, power: float = 1.0, white: float = 1e-9) -> np.ndarray:
    """Give a response, and how much noise there is behind and after it, as the fit has them."""
    fast = lag.decays_us[0]
    ratios = [fast / lag.dwell_us, lag.amplifier_us / fast, lag.decays_us[1] / fast]
    return np.array([*np.log(ratios), lag.weights[1], np.log(power), np.log(white)])


def lagged_noise(rng: np.random.Generator, frames: int, rows: int, width: int) -> np.ndarray:
    """Draw white noise behind the detector, each row from the middle of a long line."""
    white = rng.standard_normal((frames, rows, width + 250))
    return DETECTOR.lagged(white.ravel(), 0.1).reshape(white.shape)[:, :, 250:]


def lagged_spectrum(seed: int, pieces: int, width: int = 512) -> NoiseSpectrum:
    """Measure the spectrum of lagged noise, of a third of a million pixels a piece."""
    rng = np.random.default_rng(seed)
    return pooled(
        [noise_spectrum(lagged_noise(rng, 5, 65536 // width, width)) for _ in range(pieces)]
    )


@pytest.mark.parametrize("width", [20, 21])
def test_the_spectrum_is_the_mean_power_of_differences(width: int) -> None:
    frames = np.random.default_rng(0).standard_normal((4, 6, width))
    waves = np.exp(-2j * np.pi * np.outer(np.arange(1, width // 2 + 1), np.arange(width)) / width)
    power = [
        np.abs(waves @ (after - before)) ** 2 / width
        for one, two in pairwise(frames)
        for before, after in zip(one, two, strict=True)
    ]
    spectrum = noise_spectrum(frames)
    np.testing.assert_allclose(spectrum.power, np.mean(power, axis=0), rtol=1e-4)
    assert (spectrum.width, spectrum.rows) == (width, 18)


def test_specimen_and_row_offsets_cancel() -> None:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((5, 32, 64))
    specimen = 50 * rng.standard_normal((32, 64)).cumsum(axis=1)
    rows = 20 * rng.standard_normal((5, 32, 1))
    both = noise_spectrum(noise + specimen + rows).power
    np.testing.assert_allclose(both, noise_spectrum(noise).power, rtol=1e-3)


def test_lazily_read_counts_give_the_same_spectrum() -> None:
    frames = np.random.default_rng(2).integers(0, 65536, (3, 16, 64), dtype=np.uint16)
    lazy = da.from_array(frames, chunks=(1, 16, 64))
    expected = noise_spectrum(frames.astype(float))
    np.testing.assert_allclose(noise_spectrum(lazy).power, expected.power, rtol=1e-5)


def test_fields_of_view_count_by_their_rows() -> None:
    one = NoiseSpectrum(np.array([1.0, 5.0]), width=4, rows=100)
    two = NoiseSpectrum(np.array([4.0, 8.0]), width=4, rows=50)
    both = pooled([one, two])
    np.testing.assert_allclose(both.power, [2.0, 6.0])
    assert (both.width, both.rows) == (4, 150)


@pytest.mark.parametrize("width", [40, 41, 300])
def test_the_expected_spectrum_is_that_of_the_covariance(width: int) -> None:
    kernel = TWO.kernel(2000)
    covariance = np.correlate(kernel, kernel, "full")[1999:][:width]
    covariance[0] += 0.05
    waves = np.exp(-2j * np.pi * np.outer(np.arange(1, width // 2 + 1), np.arange(width)) / width)
    expected = np.einsum("kx,xz,kz->k", waves, toeplitz(covariance), waves.conj()).real / width
    found = _expected(parameters(TWO, 3.0, 0.05), 0.1, width)
    np.testing.assert_allclose(found, 3 * expected, rtol=5e-3)


def test_simulated_noise_has_the_expected_spectrum() -> None:
    spectrum = lagged_spectrum(0, pieces=20, width=128)
    expected = 2 * _expected(parameters(TWO), 0.1, 128)  # two frames differ by twice the noise
    # Means of so many chi-squared numbers; consecutive differences share a frame.
    error = np.sqrt(1.5 / spectrum.rows)
    away = (spectrum.power / expected - 1) / error
    assert np.abs(away).max() < 4.5
    assert 0.6 < away.std() < 1.4


@pytest.mark.parametrize("width", [128, 512])
def test_a_spectrum_without_scatter_gives_the_response_back(width: int) -> None:
    power = _expected(parameters(TWO, 40.0, 1e-3), 0.1, width)
    lag = fit_lag(NoiseSpectrum(power, width, rows=100_000), 0.1).lag
    assert lag.decays_us == pytest.approx(TWO.decays_us, rel=1e-2)
    assert lag.weights == pytest.approx(TWO.weights, abs=3e-3)
    assert lag.amplifier_us == pytest.approx(TWO.amplifier_us, rel=1e-2)


@pytest.fixture(scope="module")
def measured() -> list[LagFit]:
    """Measure the lag a few times, each from three million pixels, as 12 frames of 512 have."""
    return [fit_lag(lagged_spectrum(seed, pieces=10), 0.1) for seed in range(8)]


def test_decays_are_recovered_from_noise(measured: list[LagFit]) -> None:
    for fit in measured:
        fast, slow = fit.lag.decays_us
        assert fast == pytest.approx(0.4, rel=0.05)
        assert abs(slow - 1.6) < 3 * fit.decays_error_us[1]
        assert fit.lag.amplifier_us == pytest.approx(0.1, rel=0.05)
        assert fit.lag.delay_px() == pytest.approx(6.8, rel=0.2)


def test_errors_of_the_decays_are_honest(measured: list[LagFit]) -> None:
    away = [np.subtract(fit.lag.decays_us, (0.4, 1.6)) / fit.decays_error_us for fit in measured]
    assert (np.sqrt(np.mean(np.square(away), axis=0)) < 2).all()
    assert (np.sqrt(np.mean(np.square(away), axis=0)) > 0.4).all()


def test_more_noise_tells_the_decays_better() -> None:
    few = fit_lag(NoiseSpectrum(_expected(parameters(TWO), 0.1, 512), 512, rows=10_000), 0.1)
    many = fit_lag(NoiseSpectrum(_expected(parameters(TWO), 0.1, 512), 512, rows=1_000_000), 0.1)
    ratio = np.divide(few.decays_error_us, many.decays_error_us)
    assert (ratio > 4).all()
    assert (ratio < 10.5).all()


def test_narrow_frames_do_not_lengthen_the_lag() -> None:
    lag = fit_lag(lagged_spectrum(4, pieces=20, width=128), 0.1).lag
    assert lag.decays_us[0] == pytest.approx(0.4, rel=0.05)
    assert lag.delay_px() == pytest.approx(6.8, rel=0.2)


def test_the_converters_own_noise_does_not_shorten_the_lag() -> None:
    rng = np.random.default_rng(5)
    frames = lagged_noise(rng, 40, 128, 512)
    frames += 0.3 * frames.std() * rng.standard_normal(frames.shape)
    lag = fit_lag(noise_spectrum(frames), 0.1).lag
    assert lag.decays_us[0] == pytest.approx(0.4, rel=0.1)
    assert lag.delay_px() == pytest.approx(6.8, rel=0.2)


def test_a_lag_of_less_than_a_pixel_is_found() -> None:
    # The same detector, at the dwell time of an ordinary scan.
    rng = np.random.default_rng(6)
    frames = DETECTOR.lagged(rng.standard_normal(2_000_000), 1.0).reshape(40, -1, 250)
    lag = fit_lag(noise_spectrum(frames), 1.0).lag
    assert lag.delay_px() == pytest.approx(0.68, abs=0.1)


def logarithms(lag: Lag) -> np.ndarray:
    """Take the four parameters of a response."""
    return parameters(lag)[:4]


def test_neighbours_add_up_to_the_errors() -> None:
    fit = fit_lag(lagged_spectrum(0, pieces=20), 0.1)
    away = np.array([logarithms(each) - logarithms(fit.lag) for each in fit.neighbours])
    # Each step is one standard error in a direction of its own: together they are the covariance.
    assert len(away) == 4
    gram = away @ away.T
    np.testing.assert_allclose(gram - np.diag(np.diag(gram)), 0, atol=1e-3 * gram.max())
    errors = np.divide(fit.decays_error_us, fit.lag.decays_us)
    assert np.linalg.norm(away[:, 0]) == pytest.approx(errors[0], rel=0.01)
    assert np.linalg.norm(away[:, 0] + away[:, 2]) == pytest.approx(errors[1], rel=0.01)
    assert len({lag.decays_us for lag in (fit.lag, *fit.neighbours)}) == 5


def test_frames_without_noise_are_refused() -> None:
    frames = np.tile(np.random.default_rng(0).standard_normal((1, 16, 64)), (3, 1, 1))
    with pytest.raises(Refused, match="consecutive rapid frames are alike"):
        fit_lag(noise_spectrum(frames), 0.1)
