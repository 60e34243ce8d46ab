"""The rapid scan's distortion curve and its inverse."""

import numpy as np
import pytest

from stemjax.simulate.scan import ScanCurve, draw_curve

SEEDS = range(12)


def place(curve: ScanCurve, column: np.ndarray) -> np.ndarray:
    """What the attributes of a curve say, at any fraction of a column."""
    centre = (curve.width - 1) / 2
    total = centre + curve.gain * (column - centre) + curve.shift
    for amplitude, decay_us in curve.bends:
        total = total + amplitude * np.exp(-column * curve.dwell_us / decay_us)
    for amplitude, periods, phase in curve.waves:
        total = total + amplitude * np.sin(2 * np.pi * (periods * column / curve.width + phase))
    return total


@pytest.mark.parametrize("width", [128, 512])
@pytest.mark.parametrize("seed", SEEDS)
def test_columns_are_where_the_curve_sees_the_slow_grid(seed: int, width: int) -> None:
    curve = draw_curve(np.random.default_rng(seed), width)
    np.testing.assert_allclose(place(curve, curve.columns()), np.arange(width), atol=0.01)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drawn_curve_rises_and_sees_beyond_both_edges(seed: int) -> None:
    seen = draw_curve(np.random.default_rng(seed), 256).seen()
    assert np.diff(seen).min() > 0
    assert seen[0] < 0
    assert seen[-1] > 255


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drawn_curve_is_no_straight_line(seed: int) -> None:
    seen = draw_curve(np.random.default_rng(seed), 512).seen()
    straight = np.polyval(np.polyfit(np.arange(512), seen, 1), np.arange(512))
    assert 0.3 < np.abs(seen - straight).max() < 40


def test_a_curve_that_misses_an_edge_says_so() -> None:
    curve = ScanCurve(8, 0.1, gain=1.0, shift=2.0, bends=(), waves=(), row_shift=0.0)
    np.testing.assert_array_equal(curve.columns(), [np.nan, np.nan, 0, 1, 2, 3, 4, 5])


def test_the_seed_decides_the_curve() -> None:
    first, again, other = (draw_curve(np.random.default_rng(seed), 256) for seed in (3, 3, 4))
    assert first == again
    assert np.abs(first.seen() - other.seen()).max() > 0.5
