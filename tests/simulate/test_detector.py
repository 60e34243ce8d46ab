"""The detector's response and noise against numerical integrals and Poisson statistics."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from stemjax.simulate.detector import FULL_BEAM_ADU, Detector, detect, incident_electrons

INSTANT = Detector(decays=((1.0, 1e-4),), amplifier_us=5e-5, read_noise=0.0, row_noise=0.0)
PLAIN = replace(INSTANT, excess=1.0)
BRIGHT_PA = 1e7  # so many electrons that their noise is less than a grey level in a thousand


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("dwell_us", [0.1, 1.0, 5.0])
def test_all_of_the_signal_arrives_in_the_end(dwell_us: float) -> None:
    assert Detector().kernel(dwell_us, 20_000).sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("dwell_us", [0.1, 0.5, 5.0])
def test_the_kernel_is_an_exponential_behind_a_pole_seen_through_two_boxcars(
    dwell_us: float,
) -> None:
    decay, pole = 0.45, 0.12
    kernel = Detector(decays=((1.0, decay),), amplifier_us=pole).kernel(dwell_us, 12)

    def response(time_us: float, pixel: int) -> float:
        overlap = max(0.0, 1 - abs(time_us / dwell_us - pixel))
        return overlap * (np.exp(-time_us / decay) - np.exp(-time_us / pole)) / (decay - pole)

    def integrated(pixel: int) -> float:
        corners = [max(0, pixel + k) * dwell_us for k in (-1, 0, 1)]
        pairs = pairwise(corners)
        return sum(quad(response, a, b, args=(pixel,))[0] for a, b in pairs if b > a)

    np.testing.assert_allclose(kernel, [integrated(m) for m in range(12)], atol=1e-7)


def test_the_lag_is_causal() -> None:
    impulse = np.zeros(20)
    impulse[7] = 1.0
    lagged = Detector().lagged(impulse, 0.1)
    assert not lagged[:7].any()
    assert (lagged[7:] > 0).all()


def test_fifty_picoamperes_are_31_electrons_in_a_tenth_of_a_microsecond() -> None:
    assert incident_electrons(50.0, 0.1) == pytest.approx(31.2, abs=0.05)


@pytest.mark.parametrize("excess", [1.0, 1.3])
def test_mean_and_variance_are_those_of_amplified_electrons(
    rng: np.random.Generator, excess: float
) -> None:
    detector = replace(INSTANT, excess=excess)
    reading = detect(rng, detector, np.full((256, 256), 0.3), 256, 50.0, 0.1) - detector.dark
    gain = FULL_BEAM_ADU / 31.2075  # electrons of 50 pA in 0.1 us
    assert reading.mean() == pytest.approx(0.3 * FULL_BEAM_ADU, rel=0.01)
    assert reading.var() / reading.mean() == pytest.approx(gain * excess, rel=0.03)


def test_the_lag_takes_variance_and_leaves_the_mean(rng: np.random.Generator) -> None:
    slow = replace(PLAIN, decays=((1.0, 0.5),), amplifier_us=0.01)
    flat = np.full((64, 1024), 0.3)
    lagged, instant = (detect(rng, each, flat, 1024, 50.0, 0.1)[1:] for each in (slow, PLAIN))
    assert lagged.mean() == pytest.approx(instant.mean(), rel=0.01)
    # Of white noise through weights k there is left the sum of k squared.
    assert lagged.var() / instant.var() == pytest.approx(
        (slow.kernel(0.1, 500) ** 2).sum(), rel=0.1
    )


def test_shot_noise_is_streaked_along_the_scan_only(rng: np.random.Generator) -> None:
    detector = replace(Detector(), row_noise=0.0)
    noise = detect(rng, detector, np.full((256, 256), 0.3), 256, 50.0, 0.1).astype(float)
    noise -= noise.mean()
    along = (noise[:, 1:] * noise[:, :-1]).mean() / noise.var()
    across = (noise[1:] * noise[:-1]).mean() / noise.var()
    assert along > 0.5
    assert abs(across) < 0.1


def test_the_tail_of_a_line_runs_on_into_the_next(rng: np.random.Generator) -> None:
    detector = replace(PLAIN, decays=((1.0, 0.5),), amplifier_us=0.01)
    width, flyback = 16, 3
    fraction = np.zeros((2, width + flyback))
    fraction[0, width - 1] = 1.0
    reading = detect(rng, detector, fraction, width, BRIGHT_PA, 0.1) - detector.dark
    tail = FULL_BEAM_ADU * detector.kernel(0.1, flyback + 1 + width)
    assert not reading[0, :-1].any()
    assert reading[0, -1] == pytest.approx(tail[0], abs=15)
    assert tail[flyback + 1] > 1000
    np.testing.assert_allclose(reading[1], tail[flyback + 1 :], atol=15)


def test_without_a_beam_there_is_only_dark_level_and_read_noise(rng: np.random.Generator) -> None:
    frame = detect(rng, Detector(), np.full((128, 128), 0.4), 128, 0.0, 0.1)
    assert frame.mean() == pytest.approx(9500, abs=1)
    assert frame.std() == pytest.approx(20, rel=0.05)


def test_rows_are_offset_by_their_share_of_the_shot_noise(rng: np.random.Generator) -> None:
    detector = replace(PLAIN, row_noise=2.0)
    frame = detect(rng, detector, np.full((512, 64), 0.1), 64, 5000.0, 0.1)
    shot = FULL_BEAM_ADU / 3120.75 * np.sqrt(0.1 * 3120.75)
    assert frame.mean(axis=1).std() == pytest.approx(2 * shot, rel=0.1)
    assert frame.std(axis=1).mean() == pytest.approx(shot, rel=0.1)


@pytest.mark.parametrize(("dark", "expected"), [(60_000.0, 65_535), (-60_000.0, 0)])
def test_readings_beyond_16_bit_are_clipped(
    rng: np.random.Generator, dark: float, expected: int
) -> None:
    frame = detect(rng, replace(PLAIN, dark=dark), np.full((8, 8), 0.5), 8, BRIGHT_PA, 0.1)
    np.testing.assert_array_equal(frame, np.full((8, 8), expected, np.uint16))
