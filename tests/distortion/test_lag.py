"""The detector's lag: its kernel, and what it does to lines of rapid and slow scans."""

import json

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.signal import lfilter
from scipy.stats import exponnorm

from stemjax.distortion.lag import (
    STRUCTURE_PX,
    Lag,
    lag_from_json,
    lag_matrix,
    lag_tails,
    late_matrix,
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


@pytest.mark.parametrize("decay_px", [0.01, 4.0, 12.0])
def test_structure_is_displaced_as_an_exponential_moves_a_gaussians_peak(decay_px: float) -> None:
    decay_us = 0.1 * decay_px
    one = Lag((decay_us, 2 * decay_us), (1.0, 0.0), amplifier_us=1e-5, dwell_us=0.1)
    moved = exponnorm(decay_px / STRUCTURE_PX, scale=STRUCTURE_PX)
    peak = minimize_scalar(lambda x: -moved.pdf(x), bounds=(0, decay_px + 1), method="bounded").x
    assert one.displacement_px() == pytest.approx(peak, abs=0.03)


def test_a_tail_hardly_displaces_structure() -> None:
    fast, tailed = (Lag((0.45, 9.0), (1 - w, w), 0.1, 0.1) for w in (0.0, 0.4))
    assert tailed.delay_px() > fast.delay_px() + 20
    assert 0 < tailed.displacement_px() - fast.displacement_px() < 1


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


def test_afterglow_is_a_causal_average_less_what_is_in_time() -> None:
    # A decay of 12 pixels, followed in steps of a hundredth of a pixel.
    line = np.random.default_rng(2).standard_normal((60, 3))
    fine = np.repeat(line, 100, axis=0)
    level, states = line[0].copy(), []  # what was before the line looked like its first pixel
    for arrived in fine:
        level += (arrived - level) * (1 - np.exp(-0.01 / 12))
        states.append(level.copy())
    expected = np.array(states).reshape(60, 100, 3).mean(axis=1) - line
    np.testing.assert_allclose(late_matrix(60, 5.0, 60.0) @ line, expected, atol=2e-3)


def test_an_even_slow_scan_has_no_afterglow() -> None:
    even = np.full((50, 2), 7.0)
    np.testing.assert_allclose(late_matrix(50, 5.0, 100.0) @ even, 0, atol=1e-12)


def test_an_infinitely_slow_scan_has_no_afterglow() -> None:
    np.testing.assert_array_equal(late_matrix(50, np.inf, 100.0), np.zeros((50, 50)))


def test_a_response_survives_its_record() -> None:
    again = lag_from_json(json.loads(json.dumps(TWO.to_json())))
    assert again == TWO
