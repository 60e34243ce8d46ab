"""The straight first guess, on images that were stretched and moved by known amounts."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from stemjax.distortion.coarse import coarse_line

SIZE, MARGIN = 128, 40


def pair(
    seed: int, dy: float, gain: float, shift: float, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Make a rapid image and a slow one of the same specimen."""
    rng = np.random.default_rng(seed)
    specimen = gaussian_filter(rng.standard_normal((SIZE + 2 * MARGIN,) * 2), 3.0)
    specimen /= specimen.std()
    y, x = np.mgrid[:SIZE, :SIZE].astype(float) + MARGIN
    centre = MARGIN + (SIZE - 1) / 2
    seen = centre + gain * (x - centre) + shift
    rapid = map_coordinates(specimen, (y + dy, seen), order=3)
    slow = map_coordinates(specimen, (y, x), order=3)
    return rapid + noise * rng.standard_normal(rapid.shape), slow


@pytest.mark.parametrize(
    ("dy", "gain", "shift"), [(0.0, 1.0, 0.0), (2.0, 1.06, 5.0), (-3.0, 1.1, -9.0)]
)
def test_gain_and_shifts_are_found_to_a_pixel(dy: float, gain: float, shift: float) -> None:
    pairs = [pair(seed, dy, gain, shift, noise=0.5) for seed in range(2)]
    rapid, slow = map(list, zip(*pairs, strict=True))
    found = coarse_line(rapid, slow)
    assert found[0] == pytest.approx(dy, abs=1)
    assert found[1] == pytest.approx(gain, abs=0.021)  # a step of the search
    assert found[2] == pytest.approx(shift, abs=1.5)


def test_fields_of_view_with_their_own_offsets_agree_on_a_line() -> None:
    pairs = [pair(seed, 1.0, 1.06, 4.0 + own, 0.5) for seed, own in enumerate((-1.0, 0.0, 1.0))]
    rapid, slow = map(list, zip(*pairs, strict=True))
    _, gain, shift = coarse_line(rapid, slow)
    assert gain == pytest.approx(1.06, abs=0.021)
    assert shift == pytest.approx(4.0, abs=1.5)
