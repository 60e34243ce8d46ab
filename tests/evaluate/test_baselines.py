"""Filters, and the choice of their strength."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from stemjax.evaluate.baselines import BASELINES, gaussian, nlm, strongest
from stemjax.evaluate.references import References
from tests.handmade import canvas, view

NOISY = view(canvas(0)) + np.random.default_rng(0).normal(0, 2_000, (64, 64))


def references(**known: np.ndarray) -> References:
    """Make two frames, of which only the last and only its inside tell the right strength."""
    frames = np.stack([np.zeros((64, 64)), NOISY])
    return References(
        index=np.array([0, 1]),
        rapid=frames,
        dcfi=[None, known.get("dcfi")],
        slow=[None, known.get("slow")],
        truth=[None, known.get("truth")],
        inside=(slice(8, 56), slice(8, 56)),
        geometry="rapid" if "dcfi" in known else "slow",
    )


@pytest.mark.parametrize("kind", ["slow", "truth", "dcfi"])
@pytest.mark.parametrize("sigma", BASELINES["gaussian"][1])
def test_the_strength_that_comes_closest_is_chosen(kind: str, sigma: float) -> None:
    """Contrast and brightness do not count, nor what lies outside."""
    blurred = gaussian_filter(NOISY, sigma)
    target = 0.3 * blurred + 50
    target[:8], target[:, 56:] = NOISY[:8], NOISY[:, 56:]
    chosen = strongest(BASELINES["gaussian"], references(**{kind: target}))
    np.testing.assert_array_equal(chosen(NOISY), blurred)


def test_the_slow_scan_decides_where_there_is_a_truth_as_well() -> None:
    slow, truth = gaussian_filter(NOISY, 3.0), gaussian_filter(NOISY, 0.7)
    chosen = strongest(BASELINES["gaussian"], references(slow=slow, truth=truth))
    np.testing.assert_array_equal(chosen(NOISY), slow)


def test_without_anything_to_compare_with_the_middle_strength_is_taken() -> None:
    chosen = strongest(BASELINES["gaussian"], references())
    np.testing.assert_array_equal(chosen(NOISY), gaussian(NOISY, 1.5))


def test_non_local_means_keeps_an_edge_and_removes_the_noise() -> None:
    rng = np.random.default_rng(1)
    step = np.where(np.arange(40) < 20, 100.0, 300.0) * np.ones((40, 1))
    filtered = nlm(step + rng.normal(0, 10, (40, 40)), 0.1)
    assert np.abs(filtered - step)[:, 10:30].max() < 15
    assert np.std((filtered - step)[5:35, 5:15]) < 4


def test_non_local_means_follows_the_contrast() -> None:
    image = NOISY[:32, :32]
    np.testing.assert_allclose(nlm(0.01 * image + 7, 0.1), 0.01 * nlm(image, 0.1) + 7, rtol=1e-6)


@pytest.mark.parametrize("name", BASELINES)
def test_a_blank_frame_stays_blank(name: str) -> None:
    blank = np.full((16, 16), 5.0)
    denoise, strengths = BASELINES[name]
    np.testing.assert_allclose(denoise(blank, strengths[0]), blank)
