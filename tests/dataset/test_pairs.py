"""The pairs of a split, and patches drawn from them."""

from pathlib import Path

import numpy as np
import pytest

from stemjax.dataset.field import BORDER, FieldPairs
from stemjax.dataset.pairs import Pairs, draw_patches, load_pairs
from tests.handmade import Handmade, canvas, straight, view


def test_a_split_is_loaded_in_the_networks_range_and_its_own_rows(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    converted, dcfi = handmade.still("a", canvas(2))
    common = {
        "converted": str(converted),
        "dcfi": str(dcfi),
        "distortion": str(handmade.map("s", straight(64), {"a": (0, 0)})),
        "frames": [0, 2],
    }
    dataset = {
        "target": "slow",
        "pairs": [
            {**common, "split": "train", "rows": [0, 30]},
            {**common, "split": "validation", "rows": [47, 64]},
        ],
        "scale": {
            "rapid_offset": 100.0,
            "rapid_scale": 4.0,
            "target_offset": 60.0,
            "target_scale": 8.0,
        },
    }
    train, held = load_pairs(dataset, "train"), load_pairs(dataset, "validation")
    assert train.frames == held.frames == 2
    assert train.fields[0].inside == (BORDER, 30, BORDER, 64 - BORDER)
    assert held.fields[0].inside == (47, 64 - BORDER, BORDER, 64 - BORDER)
    slow = view(canvas(2)).astype(float)
    np.testing.assert_allclose(train.fields[0].rapid[1], (slow - 100) / 4, rtol=1e-5)
    np.testing.assert_allclose(train.fields[0].target, (slow - 60) / 8, rtol=1e-5)


def numbered(*frames: int, inside: tuple[int, int, int, int] = (5, 40, 9, 44)) -> Pairs:
    """Make fields whose pixels tell their row, column, frame and field."""
    fields = []
    for k, count in enumerate(frames):
        rows, columns = np.mgrid[:48, :48].astype(np.float32)
        target = rows * 100 + columns + 10_000 * k
        fields.append(
            FieldPairs(np.stack([target + 100_000 * t for t in range(count)]), target, inside)
        )
    return Pairs(tuple(fields))


def drawn(pairs: Pairs, count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Draw patches of 16 pixels."""
    rapid, target = draw_patches(pairs, np.random.default_rng(5), count, 16)
    assert rapid.shape == target.shape == (count, 16, 16, 1)
    return rapid[..., 0], target[..., 0]


def test_patches_stay_aligned_and_flip_along_the_slow_axis_alone() -> None:
    rapid, target = drawn(numbered(3, 2))
    np.testing.assert_array_equal((rapid - target) % 100_000, 0)
    assert np.ptp(rapid - target, axis=(1, 2)).max() == 0
    assert np.all(np.diff(target, axis=2) == 1)  # columns always run along the scan
    down = np.diff(target, axis=1)
    assert np.all(down == down[:, :1, :1])
    assert set(np.unique(down)) == {-100, 100}
    assert 60 < np.sum(down[:, 0, 0] < 0) < 140


def test_patches_fill_the_inside_and_never_leave_it() -> None:
    _, target = drawn(numbered(1), 2000)
    rows, columns = target // 100, target % 100
    assert (rows.min(), rows.max()) == (5, 39)
    assert (columns.min(), columns.max()) == (9, 43)


def test_patches_are_drawn_evenly_over_frames() -> None:
    rapid, target = drawn(numbered(3, 1), 2000)
    frame = (rapid - target)[:, 0, 0] // 100_000
    field = target[:, 0, 0] // 10_000
    shares = [np.mean((field == f) & (frame == t)) for f, t in ((0, 0), (0, 1), (0, 2), (1, 0))]
    assert shares == pytest.approx([0.25] * 4, abs=0.04)


def noisy(count: int) -> Pairs:
    """Make a still field without target, whose frames differ by noise of deviation 3."""
    rng = np.random.default_rng(8)
    frames = rng.normal(0, 3, (count, 48, 48)) + np.mgrid[:48, :48][0]
    return Pairs((FieldPairs(frames.astype(np.float32), None, (5, 40, 9, 44)),))


def test_noise_to_noise_the_target_is_any_other_frame_of_the_same_field() -> None:
    pairs = numbered(3, 2)
    alone = Pairs(tuple(FieldPairs(f.rapid, None, f.inside) for f in pairs.fields))
    rapid, target = drawn(alone, 2000)
    assert np.ptp(rapid - target, axis=(1, 2)).max() == 0  # the same place, flipped alike
    field, other = ((image[:, 0, 0] // 10_000) % 10 for image in (rapid, target))
    np.testing.assert_array_equal(field, other)
    index, aim = (image[:, 0, 0] // 100_000 for image in (rapid, target))
    shares = {
        (f, t, a): np.mean((field == f) & (index == t) & (aim == a))
        for f, count in enumerate((3, 2))
        for t in range(count)
        for a in range(count)
    }
    for (f, t, a), share in shares.items():  # a fifth for each frame, all of it for the others
        expected = 0 if t == a else 0.2 / (2, 1)[f]
        assert share == pytest.approx(expected, abs=0 if t == a else 0.03)


def test_noise_to_noise_the_noise_of_a_frame_is_not_in_its_target() -> None:
    """Two frames differ by twice the variance; a frame and itself would by none."""
    rapid, target = drawn(noisy(6), 1000)
    difference = rapid - target
    assert difference.mean() == pytest.approx(0, abs=0.05)
    assert difference.var() == pytest.approx(2 * 3**2, rel=0.03)


def test_the_generator_alone_decides_the_patches() -> None:
    pairs = numbered(3, 2)
    for one, other in zip(drawn(pairs), drawn(pairs), strict=True):
        np.testing.assert_array_equal(one, other)
    another, _ = draw_patches(pairs, np.random.default_rng(6), 200, 16)
    assert not np.array_equal(another[..., 0], drawn(pairs)[0])


def test_where_both_scans_saw_less_than_a_patch_the_nearest_of_the_frame_is_taken() -> None:
    _, target = drawn(numbered(1, inside=(30, 40, 40, 44)))
    assert (np.unique(target // 100)[[0, -1]] == (30, 45)).all()
    assert (np.unique(target % 100)[[0, -1]] == (32, 47)).all()
