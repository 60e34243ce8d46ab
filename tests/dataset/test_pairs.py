"""Pairs on the slow grid: rapid frames whose place is known, and patches drawn from them."""

from pathlib import Path

import numpy as np
import pytest

from stemjax.dataset.pairs import BORDER, FieldPairs, Pairs, draw_patches, load_field, load_pairs
from stemjax.distortion.map import DistortionMap
from tests.handmade import Handmade, canvas, straight, view

ROW_SHIFT, COLUMN_SHIFT = 2, 3  # a slow pixel (y, x) is found at (y + 2, x + 3) of a rapid frame
SHIFT = (2, -3)  # place of the undistorted rapid image in the slow scan
DRIFT = ((0, 0), (4, -2), (-3, 1))  # of each frame from the integrated image


def moved_field(handmade: Handmade, shifts: dict[str, tuple[int, int]]) -> list[Path]:
    """Store a field of view whose scans lie whole pixels apart."""
    specimen = canvas(1)

    def rapid(drift: tuple[int, int]) -> np.ndarray:
        # Content moves by drift, back by the shift, and on by the map: the view moves against it.
        y, x = (shift - d for shift, d in zip(SHIFT, drift, strict=True))
        return view(specimen, y - ROW_SHIFT, x - COLUMN_SHIFT)

    return [
        handmade.converted("a", np.stack([rapid(d) for d in DRIFT]), view(specimen)),
        handmade.dcfi("a", rapid((0, 0)), np.array(DRIFT)),
        handmade.map("s", straight(64, COLUMN_SHIFT, ROW_SHIFT), shifts),
    ]


def within(inside: tuple[int, int, int, int]) -> tuple[slice, slice]:
    """Turn first and last rows and columns into slices."""
    return slice(*inside[:2]), slice(*inside[2:])


def test_every_frame_lies_on_the_slow_scan(tmp_path: Path) -> None:
    paths = moved_field(Handmade(tmp_path), {"a": SHIFT})
    field = load_field(*paths, "slow", [0, 1, 2])
    box = within(field.inside)
    np.testing.assert_array_equal(field.target, view(canvas(1)))
    for frame in field.rapid:
        np.testing.assert_allclose(frame[box], field.target[box], rtol=1e-5)


def test_the_integrated_image_lies_on_the_slow_scan_too(tmp_path: Path) -> None:
    paths = moved_field(Handmade(tmp_path), {"a": SHIFT})
    field = load_field(*paths, "dcfi", [2, 1])
    box = within(field.inside)
    np.testing.assert_allclose(field.target[box], view(canvas(1))[box], rtol=1e-5)
    for frame in field.rapid:
        np.testing.assert_allclose(frame[box], field.target[box], rtol=1e-5)


@pytest.mark.parametrize("target", ["slow", "dcfi"])
def test_in_rapid_geometry_still_pairs_are_what_was_recorded(tmp_path: Path, target: str) -> None:
    """Neither map nor offset touches them: the scans stay 2 rows and 3 columns apart."""
    specimen = canvas(1)
    slow, raw = view(specimen), view(specimen, ROW_SHIFT, COLUMN_SHIFT)
    handmade = Handmade(tmp_path)
    converted = handmade.converted("a", np.stack([raw, raw + np.uint16(7)]), slow)
    mean = raw.astype(np.float32) + np.float32(3.5)
    dcfi = handmade.dcfi("a", mean, np.zeros((2, 2)))
    field = load_field(converted, dcfi, None, target, [1, 0])
    np.testing.assert_array_equal(field.rapid, [raw + 7, raw])
    np.testing.assert_array_equal(field.target, slow if target == "slow" else mean)
    assert field.inside == (BORDER, 64 - BORDER, BORDER, 64 - BORDER)


@pytest.mark.parametrize("target", ["slow", "dcfi"])
def test_in_rapid_geometry_frames_are_moved_by_their_drift_alone(
    tmp_path: Path, target: str
) -> None:
    converted, dcfi, _ = moved_field(Handmade(tmp_path), {})
    field = load_field(converted, dcfi, None, target, [0, 1, 2])
    still = view(canvas(1), SHIFT[0] - ROW_SHIFT, SHIFT[1] - COLUMN_SHIFT)  # frame 0, undrifted
    assert field.inside == (BORDER + 4, 60 - BORDER, BORDER + 4, 60 - BORDER)
    box = within(field.inside)
    for frame in field.rapid:
        np.testing.assert_allclose(frame[box], still[box], rtol=1e-5)
    np.testing.assert_array_equal(field.target, view(canvas(1)) if target == "slow" else still)


def test_inside_is_what_all_frames_saw(tmp_path: Path) -> None:
    """From column 61 on there is no rapid frame; none is moved by more than 5 px."""
    field = load_field(*moved_field(Handmade(tmp_path), {"a": SHIFT}), "slow", [0, 1, 2])
    farthest = np.abs(np.subtract(DRIFT, SHIFT)).max()
    assert farthest == 5
    border = BORDER + farthest
    assert field.inside == (border, 64 - ROW_SHIFT - border, border, 61 - border)


def test_a_field_that_the_map_was_not_fitted_to_is_placed_by_its_own_images(
    tmp_path: Path,
) -> None:
    """New rows may join a model while the map is kept."""
    placed, unplaced = (
        load_field(*moved_field(Handmade(tmp_path / name), shifts), "slow", [0, 1])
        for name, shifts in (("known", {"a": SHIFT}), ("new", {"b": (0, 0)}))
    )
    box = within(placed.inside)
    contrast = placed.target[box].std()
    error = unplaced.rapid[:, *box] - placed.target[box]
    assert np.sqrt(np.mean(error**2)) < 0.1 * contrast
    assert np.abs(np.subtract(unplaced.inside, placed.inside)).max() <= 1


def test_a_stretched_scan_is_sampled_where_the_map_says(tmp_path: Path) -> None:
    """A specimen with a formula, seen at fractions of pixels."""

    def specimen(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return 3000 + 500 * np.sin(0.31 * y + 0.2) + 400 * np.cos(0.28 * x + 0.1 * y)

    grid = np.arange(64.0)
    columns = 2.6 + grid / 1.08  # the rapid frame's view is wider
    distortion = DistortionMap(columns, columns <= 63, -0.4, np.full(64, 0.1))
    drift = np.array([[0.7, -1.3]])
    seen = (grid - 2.6) * 1.08
    # Undistorted, the frame shows at p what the slow scan shows at p - drift (no shift).
    rapid = specimen(grid[:, None] + 0.4 - drift[0, 0], seen - drift[0, 1])[None]
    handmade = Handmade(tmp_path)
    slow = specimen(grid[:, None], grid)
    paths = [
        handmade.converted("a", rapid.astype(np.float32), slow.astype(np.float32)),
        handmade.dcfi("a", rapid[0], drift),
        handmade.map("s", distortion, {"a": (0.0, 0.0)}),
    ]
    field = load_field(*paths, "slow", [0])
    box = within(field.inside)
    np.testing.assert_allclose(field.rapid[0][box], slow[box], atol=2)  # of a range of 1,800


def test_a_split_is_loaded_in_the_networks_range_and_its_own_rows(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    converted, dcfi = handmade.still("a", canvas(2))
    common = {
        "converted": str(converted),
        "dcfi": str(dcfi),
        "distortion": str(handmade.map("s", straight(64), {"a": (0, 0)})),
        "frames": 2,
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
