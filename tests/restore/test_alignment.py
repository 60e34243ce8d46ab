"""Neighbours in time, moved onto a frame."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from stemjax.restore.alignment import frame_track, with_neighbours

PLACES = np.array([[0, 0], [1, -2], [3, -2], [3, 1], [-12, 9]])  # a drift, and a jump at its end


def drifting(size: int, noise: float = 0.0) -> np.ndarray:
    """See a smooth specimen through frames whose content lies at PLACES."""
    rng = np.random.default_rng(4)
    wide = gaussian_filter(rng.standard_normal((size + 64, size + 64)), 3.0)
    wide /= wide.std()
    frames = [wide[32 - y : 32 - y + size, 32 - x : 32 - x + size] for y, x in PLACES]
    return (np.stack(frames) + noise * rng.standard_normal((5, size, size))).astype(np.float32)


@pytest.mark.parametrize(("size", "noise"), [(128, 0.0), (128, 0.5), (520, 0.5)])
def test_the_track_follows_what_drifts_and_jumps(size: int, noise: float) -> None:
    """To whole pixels, by which neighbours are moved; larger frames are reduced to measure it."""
    np.testing.assert_allclose(frame_track(drifting(size, noise)), PLACES, atol=0.49)


def test_a_single_frame_does_not_drift() -> None:
    assert frame_track(drifting(128)[:1]).tolist() == [[0, 0]]


def test_neighbours_show_what_the_frame_shows_where_it_shows_it() -> None:
    frames = drifting(64)
    for frame in range(5):
        seen = with_neighbours(frames, PLACES + 0.3, frame, 5)
        assert seen.shape == (5, 64, 64)
        np.testing.assert_array_equal(seen[2], frames[frame])
        for neighbour in seen:
            np.testing.assert_array_equal(neighbour[15:-15, 15:-15], frames[frame][15:-15, 15:-15])


def test_before_the_first_frame_it_stands_again_and_edges_are_held() -> None:
    frames = np.arange(2 * 4 * 4, dtype=np.float32).reshape(2, 4, 4)
    seen = with_neighbours(frames, np.array([[0.0, 0.0], [0.6, -2.2]]), 0, 3)
    np.testing.assert_array_equal(seen[0], frames[0])
    rows, columns = [1, 2, 3, 3], [0, 0, 0, 1]
    np.testing.assert_array_equal(seen[2], frames[1][np.ix_(rows, columns)])


def test_half_pixels_do_not_depend_on_where_a_series_was_divided() -> None:
    """Steps are measured to 0.02 px, so that halves are common."""
    steps = np.random.default_rng(0).integers(-30, 31, (400, 2)) * 0.02
    track = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    frames = np.arange(401 * 8 * 8, dtype=np.float32).reshape(401, 8, 8)
    for frame in range(52, 348):
        later = np.concatenate([np.zeros((1, 2)), np.cumsum(steps[50:], axis=0)])
        np.testing.assert_array_equal(
            with_neighbours(frames[50:], later, frame - 50, 5),
            with_neighbours(frames, track, frame, 5),
        )
