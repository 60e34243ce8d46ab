"""Structure that was eaten or made up, told from noise by what the other frames show."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d, shift

from stemjax.evaluate.residual import unexplained_percent

SIZE = 128
COUNT = 8
NOISE = 60.0


def wave(across: int, along: int) -> np.ndarray:
    """Make a wave of variance 1 with so many half periods along y and x.

    Two of them share no variance, and where the sum of squares is the same, nor does the pass
    band prefer one.
    """
    y, x = (np.cos(np.pi * k * (np.arange(SIZE) + 0.5) / SIZE) for k in (across, along))
    return np.outer(y / y.std(), x / x.std())


STRUCTURE, LINE = 100 * wave(20, 10), 50 * wave(10, 20)
SIGNAL = 15_000 + STRUCTURE + LINE


def recorded(signal: np.ndarray, seed: int = 0, count: int = COUNT) -> tuple[np.ndarray, ...]:
    """Record frames whose noise streaks along x; give them and their mean."""
    white = np.random.default_rng(seed).standard_normal((count, SIZE, SIZE))
    streaked = gaussian_filter1d(white, 2.0, axis=2)
    frames = signal + NOISE * streaked / streaked.std()
    return frames, frames.mean(axis=0)


def unexplained(restored: np.ndarray, signal: np.ndarray = SIGNAL, count: int = COUNT) -> float:
    """Judge a restoration of every frame; give the mean."""
    frames, still = recorded(signal, count=count)
    return float(np.mean([unexplained_percent(each, restored, still, count) for each in frames]))


def in_band(image: np.ndarray) -> float:
    """Variance of what is neither too fine nor too coarse to be a dislocation."""
    return float(np.var(gaussian_filter(image, 1.0) - gaussian_filter(image, 8.0)))


@pytest.mark.parametrize("count", [3, 8, 20])
def test_the_signal_itself_leaves_nothing_unexplained(count: int) -> None:
    assert unexplained(SIGNAL, count=count) == pytest.approx(0, abs=0.3)


def test_contrast_and_brightness_do_not_count() -> None:
    assert unexplained(0.01 * SIGNAL + 7) == pytest.approx(unexplained(SIGNAL), abs=1e-6)


def test_brightness_of_the_still_does_not_count() -> None:
    frames, still = recorded(SIGNAL)
    plain = unexplained_percent(frames[0], 15_000 + STRUCTURE, still, COUNT)
    scaled = unexplained_percent(frames[0], 15_000 + STRUCTURE, 3 * still - 900, COUNT)
    assert scaled == pytest.approx(plain, abs=1e-6)


def test_a_line_that_was_eaten_counts_by_its_share_of_the_structure() -> None:
    share = 50**2 / (100**2 + 50**2)
    assert unexplained(15_000 + STRUCTURE) == pytest.approx(100 * share, abs=1)


def test_a_line_that_was_made_up_counts_by_its_share_of_what_is_shown() -> None:
    share = 50**2 / (100**2 + 50**2)
    found = unexplained(15_000 + STRUCTURE + LINE, 15_000 + STRUCTURE)
    assert found == pytest.approx(100 * share, abs=1)


def test_a_blur_counts_by_how_unevenly_it_takes_structure_away() -> None:
    left = np.exp(-((2.5 * np.pi * np.array([10, 20]) / SIZE) ** 2) / 2)
    power = np.array([100, 50]) ** 2
    explained = (power @ left) ** 2 / (power @ left**2) / power.sum()
    found = unexplained(gaussian_filter1d(SIGNAL, 2.5, axis=1))
    assert found == pytest.approx(100 * (1 - explained), abs=0.5)


@pytest.mark.parametrize("kept", [0.3, 1.0])
def test_noise_that_was_kept_counts_though_it_leaves_no_residual(kept: float) -> None:
    frames, still = recorded(SIGNAL)
    noise = [in_band(kept * (frame - SIGNAL)) for frame in frames]
    share = np.mean([each / (in_band(SIGNAL) + each) for each in noise])
    found = [
        unexplained_percent(frame, SIGNAL + kept * (frame - SIGNAL), still, COUNT)
        for frame in frames
    ]
    assert np.mean(found) == pytest.approx(100 * share, abs=1)


def test_what_has_nothing_to_do_with_the_frame_explains_nothing() -> None:
    other = gaussian_filter(np.random.default_rng(9).standard_normal((SIZE, SIZE)), 2.0)
    assert unexplained(other) > 98
    assert unexplained(-SIGNAL) == 100
    assert unexplained(np.full((SIZE, SIZE), 5.0)) == 100


def test_background_and_row_offsets_do_not_count() -> None:
    frames, still = recorded(SIGNAL)
    restored = 15_000 + STRUCTURE
    plain = unexplained_percent(frames[0], restored, still, COUNT)
    uneven = restored + 50 * wave(1, 1) + 100 * wave(20, 1).mean(axis=1, keepdims=True)
    rows = 40 * np.random.default_rng(5).standard_normal((SIZE, 1))
    found = unexplained_percent(frames[0] + rows, uneven + rows, still, COUNT)
    assert found == pytest.approx(plain, abs=0.5)


def test_no_structure_gives_no_number() -> None:
    blank = np.full((SIZE, SIZE), 15_000.0)
    for faint in (blank, blank + 0.05 * STRUCTURE):
        frames, still = recorded(faint)
        found = [unexplained_percent(frame, SIGNAL, still, COUNT) for frame in frames]
        assert np.isnan(found).all()


def test_a_still_of_another_state_gives_no_number() -> None:
    frames, _ = recorded(SIGNAL)
    others, _ = recorded(15_000 + STRUCTURE, seed=1)
    still = np.mean([frames[0], *others[1:]], axis=0)
    assert np.isnan(unexplained_percent(frames[0], SIGNAL, still, COUNT))


def test_interpolation_between_rows_does_not_pass_for_another_state() -> None:
    frames, still = (shift(each, (0,) * (each.ndim - 2) + (0.5, 0)) for each in recorded(SIGNAL))
    restored = shift(SIGNAL, (0.5, 0))
    cut = slice(8, -8)
    found = [unexplained_percent(frame[cut], restored[cut], still[cut], COUNT) for frame in frames]
    assert np.mean(found) == pytest.approx(0, abs=0.3)


def test_the_mean_of_one_frame_tells_nothing() -> None:
    with pytest.raises(ValueError, match="mean of several frames"):
        unexplained_percent(SIGNAL, SIGNAL, SIGNAL, 1)
