"""The detector's lag: its kernel, the correlation of its noise, and the fit to that."""

import json

import dask.array as da
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import toeplitz
from scipy.signal import lfilter

from stemjax.distortion.lag import (
    Lag,
    _without_row_means,
    fit_lag,
    lag_from_json,
    lag_matrix,
    lag_tails,
    noise_correlation,
)
from stemjax.simulate.detector import Detector

TWO = Lag(decays_us=(0.4, 1.6), weights=(0.85, 0.15), amplifier_us=0.1, dwell_us=0.1)
DETECTOR = Detector(decays=((0.85, 0.4), (0.15, 1.6)), amplifier_us=0.1)


def test_the_kernel_is_two_exponentials_behind_a_pole_seen_through_boxcars() -> None:
    kernel = TWO.kernel(10)

    def response(time_us: float, pixel: int) -> float:
        overlap = max(0.0, 1 - abs(time_us / 0.1 - pixel))
        exponentials = sum(
            w / (d - 0.1) * (np.exp(-time_us / d) - np.exp(-time_us / 0.1))
            for w, d in zip(TWO.weights, TWO.decays_us, strict=True)
        )
        return overlap * exponentials

    for m in (0, 1, 2, 5, 9):
        halves = [(max(0, m - 1) * 0.1, m * 0.1), (m * 0.1, (m + 1) * 0.1)]
        expected = sum(quad(response, a, b, args=(m,))[0] for a, b in halves if b > a)
        assert kernel[m] == pytest.approx(expected, abs=1e-8)


def test_fit_and_simulation_mean_the_same_by_a_response() -> None:
    np.testing.assert_allclose(TWO.kernel(256), DETECTOR.kernel(0.1, 256), atol=1e-12)


def test_the_kernel_sums_to_one_and_delays_by_its_mean_time() -> None:
    assert TWO.kernel().sum() == pytest.approx(1, abs=1e-5)
    mean_us = 0.85 * 0.4 + 0.15 * 1.6 + 0.1  # delays of filters in a row add up
    assert TWO.delay_px() == pytest.approx(mean_us / 0.1, rel=1e-3)
    assert TWO.to_json()["delay_px"] == pytest.approx(6.8, rel=1e-3)


def lagged_noise(rng: np.random.Generator, frames: int, rows: int, width: int) -> np.ndarray:
    """Draw white noise behind the detector, each row from the middle of a long line."""
    white = rng.standard_normal((frames, rows, width + 250))
    return DETECTOR.lagged(white.ravel(), 0.1).reshape(white.shape)[:, :, 250:]


def test_the_correlation_of_filtered_noise_is_that_of_its_kernel() -> None:
    rng = np.random.default_rng(0)
    kernel = np.array([0.5, 0.3, 0.15, 0.05])
    white = rng.standard_normal((4, 64, 4096 + 3))
    frames = sum(k * white[:, :, 3 - m : 4099 - m] for m, k in enumerate(kernel))
    expected = np.correlate(kernel, kernel, "full")[3:] / (kernel @ kernel)
    measured = noise_correlation(frames, reach=6)
    np.testing.assert_allclose(measured, [*expected, 0, 0, 0], atol=0.01)
    assert measured[0] == 1


def test_specimen_and_row_offsets_cancel() -> None:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((5, 32, 64))
    specimen = 50 * rng.standard_normal((32, 64)).cumsum(axis=1)
    rows = 20 * rng.standard_normal((5, 32, 1))
    np.testing.assert_allclose(
        noise_correlation(noise + specimen + rows), noise_correlation(noise), atol=1e-9
    )


def test_lazily_read_counts_give_the_same_correlation() -> None:
    frames = np.random.default_rng(2).integers(0, 65536, (3, 16, 64), dtype=np.uint16)
    lazy = da.from_array(frames, chunks=(1, 16, 64))
    expected = noise_correlation(frames.astype(float))
    np.testing.assert_allclose(noise_correlation(lazy), expected)


def test_row_means_take_from_the_correlation_what_projection_takes() -> None:
    covariance = 0.9 ** np.arange(40.0)
    project = np.eye(40) - 1 / 40
    left = project @ toeplitz(covariance) @ project
    expected = [np.diagonal(left, m).mean() for m in range(11)]
    np.testing.assert_allclose(
        _without_row_means(covariance, 10), np.array(expected) / expected[0], rtol=1e-9
    )


@pytest.mark.parametrize("width", [128, 512])
def test_a_correlation_without_noise_gives_the_response_back(width: int) -> None:
    kernel = TWO.kernel(width)
    full = np.correlate(TWO.kernel(1024), TWO.kernel(1024), "full")[1023:][:width]
    assert full[0] == pytest.approx(kernel @ kernel, rel=1e-3)
    project = np.eye(width) - 1 / width
    left = project @ toeplitz(full) @ project
    correlation = np.array([np.diagonal(left, m).mean() for m in range(49)])
    fit = fit_lag(correlation / correlation[0], 0.1, width)
    assert fit.decays_us == pytest.approx(TWO.decays_us, rel=0.02)
    assert fit.weights == pytest.approx(TWO.weights, abs=0.01)
    assert fit.amplifier_us == pytest.approx(TWO.amplifier_us, rel=0.02)


def test_decays_are_recovered_from_noise() -> None:
    rng = np.random.default_rng(3)
    # Ten million pixels, as 40 frames of 512 x 512 have, in pieces.
    pieces = [noise_correlation(lagged_noise(rng, 5, 128, 512)) for _ in range(40)]
    fit = fit_lag(np.mean(pieces, axis=0), 0.1, 512)
    assert fit.decays_us[0] == pytest.approx(0.4, rel=0.15)
    assert fit.decays_us[1] == pytest.approx(1.6, rel=0.15)
    assert fit.amplifier_us == pytest.approx(0.1, rel=0.15)
    assert fit.delay_px() == pytest.approx(6.8, rel=0.1)


def test_narrow_frames_do_not_lengthen_the_lag() -> None:
    rng = np.random.default_rng(4)
    pieces = [noise_correlation(lagged_noise(rng, 10, 256, 128)) for _ in range(20)]
    fit = fit_lag(np.mean(pieces, axis=0), 0.1, 128)
    assert fit.decays_us[0] == pytest.approx(0.4, rel=0.15)
    assert fit.delay_px() == pytest.approx(6.8, rel=0.25)


def test_the_lag_of_a_line_is_its_convolution() -> None:
    line = np.random.default_rng(0).standard_normal((3, 300))
    kernel = TWO.kernel(300)
    # What was before the line looked like its first pixel.
    held = np.concatenate([np.repeat(line[:, :1], 2000, axis=1), line], axis=1)
    expected = lfilter(kernel, [kernel.sum()], held, axis=1)[:, 2000:]
    np.testing.assert_allclose(line @ lag_matrix(TWO, 300), expected, atol=1e-4)


def test_what_came_before_a_line_leaves_nothing_but_the_tails() -> None:
    rng = np.random.default_rng(1)
    line = rng.standard_normal((4, 200))
    history = 5 * rng.standard_normal((4, 2000)).cumsum(axis=1)
    lagged = lfilter(TWO.kernel(2200), [1.0], np.concatenate([history, line], axis=1), axis=1)
    rest = lagged[:, 2000:] - line @ lag_matrix(TWO, 200)
    tails = lag_tails(TWO, 200)
    np.testing.assert_allclose(tails.T @ tails, np.eye(tails.shape[1]), atol=1e-12)
    assert np.abs(rest).max() > 10
    np.testing.assert_allclose(rest - rest @ tails @ tails.T, 0, atol=0.01)


@pytest.mark.parametrize("width", [40, 400])
def test_an_even_line_does_not_lag(width: int) -> None:
    even = np.full((1, width), 3.0)
    np.testing.assert_allclose(even @ lag_matrix(TWO, width), even, atol=1e-9)


def test_a_response_survives_its_record() -> None:
    again = lag_from_json(json.loads(json.dumps(TWO.to_json())))
    assert again == TWO
