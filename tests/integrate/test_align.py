"""Measured drift against drift that was put in."""

import dask.array as da
import numpy as np
import pytest

from stemjax.integrate.align import displacement, measure_drift, spectrum
from tests.integrate.drifting import streaks, view, wander

SIZE = 128


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def error(measured: np.ndarray, true: np.ndarray) -> float:
    """Tell the larger of the rms errors in y and x, in pixels."""
    return float(np.sqrt(((measured - true) ** 2).mean(axis=0)).max())


@pytest.mark.parametrize("seed", range(3))
def test_sub_pixel_drift_is_found_under_streaked_noise_and_row_offsets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drift = wander(rng, 12, 0.7)
    clean = view(seed, SIZE, drift)
    noise = 0.5 * streaks(rng, clean.shape) + 0.2 * rng.standard_normal((12, SIZE, 1))
    assert drift.std() > 0.3
    assert error(measure_drift(clean + noise), drift) < 0.1


def test_clean_frames_are_placed_to_a_few_hundredths_of_a_pixel(rng: np.random.Generator) -> None:
    drift = wander(rng, 10, 1.0)
    assert error(measure_drift(view(0, SIZE, drift)), drift) < 0.04


def test_a_jump_of_many_pixels_is_followed(rng: np.random.Generator) -> None:
    drift = np.zeros((8, 2))
    drift[5:] = [11.3, -9.6]
    drift -= drift.mean(axis=0)
    frames = view(1, SIZE, drift)
    frames += 0.3 * streaks(rng, frames.shape)
    assert error(measure_drift(frames), drift) < 0.1


def test_row_offsets_that_stay_do_not_hold_the_frames_in_place(rng: np.random.Generator) -> None:
    drift = wander(rng, 8, 1.0)
    frames = view(2, SIZE, drift)
    fixed = 3 * rng.standard_normal((SIZE, 1))
    assert error(measure_drift(frames + fixed), drift) < 0.05


def test_the_drift_does_not_depend_on_brightness_and_contrast(rng: np.random.Generator) -> None:
    frames = view(2, SIZE, wander(rng, 5, 1.0))
    np.testing.assert_allclose(
        measure_drift(30_000 + 500 * frames), measure_drift(frames), atol=0.021
    )


def test_the_drift_is_zero_on_average(rng: np.random.Generator) -> None:
    frames = view(3, 64, wander(rng, 6, 1.0)) + rng.standard_normal((6, 64, 64))
    np.testing.assert_allclose(measure_drift(frames).mean(axis=0), 0, atol=1e-12)


def test_lazily_read_frames_give_the_same_drift(rng: np.random.Generator) -> None:
    frames = (1000 * view(4, 64, wander(rng, 4, 1.0)) + 20_000).astype(np.uint16)
    lazy = da.from_array(frames, chunks=(1, 64, 64))
    np.testing.assert_array_equal(measure_drift(lazy), measure_drift(frames))


def test_a_single_frame_has_not_drifted() -> None:
    np.testing.assert_array_equal(measure_drift(view(0, 64, np.zeros((1, 2)))), [[0, 0]])


def test_displacement_points_from_the_reference_to_the_moving_image() -> None:
    reference, moving = view(5, SIZE, np.array([[0, 0], [2.5, -1.25]]))
    measured = displacement(spectrum(reference), spectrum(moving))
    np.testing.assert_allclose(measured, [2.5, -1.25], atol=0.05)
