"""Maps: what they say, how they are stored, how frames are mapped."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from stemjax.distortion.map import DistortionMap, from_json, undistort, warp_matrices
from stemjax.errors import Refused
from stemjax.records import read_record, write_record

HEIGHT, WIDTH = 60, 80
INNER = np.s_[8:-8, 8:-8]


def straight() -> DistortionMap:
    return DistortionMap(
        columns=np.arange(WIDTH, dtype=float),
        valid=np.ones(WIDTH, bool),
        row_shift=0.0,
        sigma=np.zeros(WIDTH),
    )


@pytest.fixture
def bent() -> DistortionMap:
    x = np.arange(WIDTH)
    columns = 1.5 + 0.95 * x + 2 * np.sin(x / 20)
    return replace(straight(), columns=columns, row_shift=-1.3)


@pytest.fixture
def frame() -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal((HEIGHT, WIDTH))
    smooth = gaussian_filter(noise, 3.0)
    return smooth / smooth.std()


def warp(frame: np.ndarray, distortion: DistortionMap, *offset: float) -> np.ndarray:
    rows, columns = warp_matrices(distortion, HEIGHT, *([offset] if offset else []))
    assert rows.dtype == columns.dtype == np.float32
    return rows @ frame @ columns


def test_a_straight_map_changes_nothing(frame: np.ndarray) -> None:
    rows, columns = warp_matrices(straight(), HEIGHT)
    np.testing.assert_allclose(rows, np.eye(HEIGHT), atol=1e-6)
    np.testing.assert_allclose(columns, np.eye(WIDTH), atol=1e-6)


def test_the_undistorted_frame_shows_what_the_map_points_to(
    frame: np.ndarray, bent: DistortionMap
) -> None:
    place = np.meshgrid(np.arange(HEIGHT) - 1.3, bent.columns, indexing="ij")
    expected = map_coordinates(frame, place, order=3)
    np.testing.assert_allclose(warp(frame, bent)[INNER], expected[INNER], atol=2e-3)


def test_an_offset_moves_the_undistorted_frame(frame: np.ndarray, bent: DistortionMap) -> None:
    columns = np.interp(np.arange(WIDTH) - 0.75, np.arange(WIDTH), bent.columns)
    place = np.meshgrid(np.arange(HEIGHT) - 1.3 + 2.5, columns, indexing="ij")
    expected = map_coordinates(frame, place, order=3)
    np.testing.assert_allclose(warp(frame, bent, 2.5, -0.75)[INNER], expected[INNER], atol=2e-3)


def test_an_even_frame_stays_even_to_its_edges(bent: DistortionMap) -> None:
    even = np.full((HEIGHT, WIDTH), 30_000.0)
    np.testing.assert_allclose(warp(even, bent), even, rtol=1e-5)


def test_beyond_the_valid_columns_the_nearest_is_held(
    frame: np.ndarray, bent: DistortionMap
) -> None:
    valid = bent.valid.copy()
    valid[:5] = valid[-7:] = False
    columns = bent.columns.copy()
    columns[:5], columns[-7:] = columns[:5] - 9, columns[-7:] + 30  # extrapolated wildly
    held = warp(frame, replace(bent, columns=columns, valid=valid))
    np.testing.assert_allclose(held[:, :5], np.tile(held[:, 5:6], 5), atol=1e-6)
    np.testing.assert_allclose(held[:, -7:], np.tile(held[:, -8:-7], 7), atol=1e-6)
    np.testing.assert_allclose(held[:, 5:-7], warp(frame, bent)[:, 5:-7], atol=1e-6)


def test_beyond_the_frame_the_nearest_row_is_held(frame: np.ndarray) -> None:
    moved = warp(frame, replace(straight(), row_shift=6.0))
    np.testing.assert_allclose(moved[:-6], frame[6:], atol=1e-5)
    np.testing.assert_allclose(moved[-6:], np.tile(frame[-1:], (6, 1)), atol=1e-5)


def test_a_map_survives_its_record(tmp_path: Path, bent: DistortionMap) -> None:
    valid = np.arange(WIDTH) > 3
    sigma = np.linspace(0.01, 0.3, WIDTH)
    distortion = replace(bent, valid=valid, sigma=sigma)
    write_record(tmp_path / "s1.json", distortion.to_json)
    again = from_json(read_record(tmp_path / "s1.json"))
    assert again.width == WIDTH
    np.testing.assert_allclose(again.columns, distortion.columns, atol=6e-5)
    np.testing.assert_array_equal(again.valid, valid)
    np.testing.assert_allclose(again.sigma, sigma, atol=6e-5)
    assert again.row_shift == -1.3
    # Written once more, nothing is rounded away.
    assert from_json(json.loads(json.dumps(again.to_json()))).to_json() == again.to_json()


def test_undistorting_takes_the_lags_displacement_back(frame: np.ndarray) -> None:
    lagged = np.roll(frame, 3, axis=1)
    late = replace(straight(), late=3.0)
    np.testing.assert_allclose(warp(lagged, late)[INNER], frame[INNER], atol=1e-5)
    assert from_json(late.to_json()).late == 3.0
    before = {key: value for key, value in late.to_json().items() if key != "late"}
    assert from_json(before).late == 0.0, "a map of an earlier version"


def test_a_session_without_map_gives_its_reason(tmp_path: Path) -> None:
    def stage() -> dict:
        raise Refused("session 's1': no slow scan")

    write_record(tmp_path / "s1.json", stage)
    with pytest.raises(Refused, match="session 's1': no slow scan"):
        from_json(read_record(tmp_path / "s1.json"))


def test_undistorting_in_blocks_is_the_product_of_the_matrices() -> None:
    rng = np.random.default_rng(0)
    columns = np.sort(rng.uniform(5, 190, 200))
    distortion = DistortionMap(columns, np.ones(200, bool), 1.3, np.zeros(200))
    frames = rng.normal(size=(2, 150, 200)).astype(np.float32)
    rows, across = warp_matrices(distortion, 150, (0.2, -0.4))
    expected = rows.astype(float) @ frames.astype(float) @ across.astype(float)
    np.testing.assert_allclose(undistort(frames, rows, across), expected, atol=2e-5)
    np.testing.assert_allclose(undistort(frames[1], rows, across), expected[1], atol=2e-5)
