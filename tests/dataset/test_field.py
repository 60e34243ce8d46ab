"""Frames of a field of view moved to where they can be told to lie."""

from pathlib import Path

import numpy as np
import pytest

from stemjax.dataset.field import BORDER, load_field
from stemjax.dataset.scale import Scale
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


@pytest.mark.parametrize("mapped", [True, False])
def test_noise_to_noise_all_frames_lie_on_each_other(tmp_path: Path, *, mapped: bool) -> None:
    converted, dcfi, distortion = moved_field(Handmade(tmp_path), {"a": SHIFT})
    field = load_field(converted, dcfi, distortion if mapped else None, "rapid", [0, 1, 2])
    assert field.target is None
    box = within(field.inside)
    y, x = (0, 0) if mapped else np.subtract(SHIFT, (ROW_SHIFT, COLUMN_SHIFT))
    for frame in field.rapid:
        np.testing.assert_allclose(frame[box], view(canvas(1), y, x)[box], rtol=1e-5)


def test_without_a_slow_scan_the_offset_is_nought(tmp_path: Path) -> None:
    """Frames are undistorted and moved by their drift, and so is the integrated image."""
    handmade = Handmade(tmp_path)
    paths = moved_field(handmade, {})
    specimen = canvas(1)
    y, x = SHIFT[0] - ROW_SHIFT, SHIFT[1] - COLUMN_SHIFT
    handmade.converted("a", np.stack([view(specimen, y - r, x - c) for r, c in DRIFT]))
    field = load_field(*paths, "dcfi", [0, 1, 2])
    assert field.inside == (BORDER + 4, 64 - ROW_SHIFT - BORDER - 4, BORDER + 4, 61 - BORDER - 4)
    box = within(field.inside)
    for image in (*field.rapid, field.target):
        np.testing.assert_allclose(image[box], view(specimen, *SHIFT)[box], rtol=1e-5)


def test_every_recorded_image_goes_from_its_own_minimum_to_its_own_maximum(tmp_path: Path) -> None:
    """Before it is moved by half a pixel, which would tame the one bright pixel of each."""
    rng = np.random.default_rng(2)
    rapid = rng.integers(100, 200, (3, 64, 64)).astype(np.uint16)
    rapid[:, 30, 30] = 1_000, 2_000, 3_000
    rapid[1] += 50
    slow = rng.integers(5_000, 5_100, (64, 64)).astype(np.uint16)
    handmade = Handmade(tmp_path)
    distortion = handmade.map("s", straight(64, 0.5), {"a": (0, 0)})
    converted = handmade.converted("a", rapid, slow)
    dcfi = handmade.dcfi("a", slow, np.zeros((3, 2)))
    minmax = Scale(None, None, 1.0, 1.0)
    levels = load_field(converted, dcfi, str(distortion), "slow", [0, 1, 2])
    field = load_field(converted, dcfi, str(distortion), "slow", [0, 1, 2], minmax)
    for k, frame in enumerate(rapid.astype(float)):
        low, high = frame.min(), frame.max()
        expected = 2 * (levels.rapid[k] - low) / (high - low) - 1
        np.testing.assert_allclose(field.rapid[k], expected, atol=1e-5)
        assert field.rapid[k].max() < 0.5
    low, high = slow.min().astype(float), slow.max().astype(float)
    np.testing.assert_allclose(field.target, 2 * (slow - low) / (high - low) - 1, atol=1e-5)
    integrated = load_field(converted, dcfi, str(distortion), "dcfi", [0], minmax)
    moved = load_field(converted, dcfi, str(distortion), "dcfi", [0])
    expected = 2 * (moved.target - low) / (high - low) - 1
    np.testing.assert_allclose(integrated.target, expected, atol=1e-4)


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
