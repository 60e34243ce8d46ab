"""Neighbours of the frames that are learned from, and what is made to move in them."""

import numpy as np
import pytest

from stemjax.dataset.neighbours import cut, move_a_part, surroundings, window

SIZE, PATCH = 96, 32
CORNER = (30, 34)
PLACES = np.arange(9 * SIZE * SIZE, dtype=np.float32).reshape(9, SIZE, SIZE)  # all different


@pytest.mark.parametrize(
    ("frame", "context", "expected"),
    [(4, 1, [4]), (4, 3, [3, 4, 5]), (0, 5, [0, 0, 0, 1, 2]), (8, 5, [6, 7, 8, 8, 8])],
)
def test_a_window_holds_the_ends(frame: int, context: int, expected: list[int]) -> None:
    assert window(frame, context, 9).tolist() == expected


@pytest.mark.parametrize(
    ("span", "context", "seen", "inside"),
    [
        ((0, 50), 1, (0, 50), (0, 50)),
        ((50, 100), 5, (48, 102), (2, 52)),
        ((0, 50), 5, (0, 52), (0, 50)),
        ((100, 120), 5, (98, 120), (2, 22)),
        ((1, 2), 5, (0, 4), (1, 2)),
    ],
)
def test_surroundings_end_with_the_series(
    span: tuple[int, int], context: int, seen: tuple[int, int], inside: tuple[int, int]
) -> None:
    assert surroundings(slice(*span), context, 120) == (slice(*seen), slice(*inside))


def test_a_patch_is_cut_out_of_every_frame_of_the_window() -> None:
    patch = cut(PLACES, window(1, 5, 9), CORNER, PATCH)
    for k, frame in enumerate([0, 0, 1, 2, 3]):
        np.testing.assert_array_equal(patch[k], PLACES[frame, 30:62, 34:66])
    patch[:] = 0
    assert PLACES[0, 30, 34] != 0  # a copy


def moved(seed: int, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move a part; gives by frame which pixels changed, and by how much content moved."""
    patch = cut(PLACES, seen, CORNER, PATCH)
    before = patch.copy()
    move_a_part(patch, PLACES, seen, CORNER, np.random.default_rng(seed))
    changed = patch != before
    ways = np.zeros((len(seen), 2), int)
    for k in np.flatnonzero(changed.any(axis=(1, 2))):
        there = np.stack(np.divmod(patch[k][changed[k]].astype(int) % SIZE**2, SIZE))
        here = np.stack(np.nonzero(changed[k])) + np.array(CORNER)[:, None]
        (ways[k],) = np.unique(there - here, axis=1).T  # one way for all of the disc
        assert np.all(patch[k][changed[k]] // SIZE**2 == seen[k])  # of the same frame
    return changed, ways


def test_what_moves_rests_in_the_middle_frame_and_glides_or_jumps_in_the_others() -> None:
    glides = jumps = 0
    seen = window(4, 5, 9)
    for seed in range(200):
        changed, ways = moved(seed, seen)
        assert not changed[2].any()
        shapes = {each.tobytes() for each in changed if each.any()}
        assert len(shapes) <= 1  # one disc
        lengths = np.hypot(*ways.T)
        if np.all(ways == -ways[::-1]) and lengths.any():
            glides += 1
            np.testing.assert_allclose(ways[0], 2 * ways[1], atol=1)
        elif lengths.any():
            jumps += 1
            assert min(lengths[0], lengths[4]) == 0  # before or after, not both
            (one,) = {tuple(way) for way in ways[lengths > 0]}
            assert 0.5 < np.hypot(*one) < 33
    assert glides > 50
    assert jumps > 50


def test_a_frame_that_stands_for_a_missing_one_does_not_move() -> None:
    for seed in range(50):
        assert not moved(seed, window(0, 5, 9))[0][:3].any()
