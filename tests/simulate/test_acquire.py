"""Frames of the whole chain: where the beam was, and the streaks of a lagging detector."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from stemjax.config import Simulate
from stemjax.simulate.acquire import (
    Microscope,
    clean_image,
    line_time_us,
    rapid_frame,
    slow_scan,
)
from stemjax.simulate.detector import Detector
from stemjax.simulate.experiment import session_microscope
from stemjax.simulate.motion import coefficients_of
from stemjax.simulate.specimen import draw_specimen

SIZE = 128
AT_REST = np.zeros((2, 2))
QUIET = Detector(
    decays=((1.0, 1e-4),), amplifier_us=5e-5, excess=1.0, read_noise=0.0, row_noise=0.0
)
BRIGHT_PA = 1e8


@dataclass(frozen=True)
class Scene:
    """A specimen under the microscope of a session, as it is and without noise and lag."""

    scope: Microscope
    quiet: Microscope
    transmission: np.ndarray
    coefficients: np.ndarray
    margin: int

    def at(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Transmission at places of the slow grid."""
        place = np.stack(np.broadcast_arrays(y, x)) + self.margin
        return map_coordinates(self.transmission, place, order=3)


@pytest.fixture(scope="module")
def scene() -> Scene:
    scope = session_microscope(Simulate(size=SIZE, seed=4), "s1")
    specimen = draw_specimen(np.random.default_rng(4), "steel", SIZE, 30, 2.1)
    transmission = specimen.transmission()
    return Scene(
        scope=scope,
        quiet=replace(scope, detector=QUIET, current_pa=BRIGHT_PA),
        transmission=transmission,
        coefficients=coefficients_of(transmission),
        margin=30,
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    return y, x


def test_a_line_lasts_its_dwell_times_and_a_flyback() -> None:
    assert line_time_us(512, 0.1) == pytest.approx(51.2 + 28)


def test_a_quiet_slow_scan_is_the_clean_image(scene: Scene, rng: np.random.Generator) -> None:
    slow = slow_scan(rng, scene.quiet, scene.coefficients)
    clean = clean_image(scene.quiet, scene.coefficients, np.zeros(2))
    np.testing.assert_allclose(slow.astype(float), clean.astype(float), atol=20)
    assert np.ptp(clean) > 5000


def test_the_clean_image_is_the_transmission_in_grey_levels(scene: Scene) -> None:
    clean = clean_image(scene.scope, scene.coefficients, np.array([1.5, -2.25]))
    y, x = grid()
    np.testing.assert_allclose(clean, 9500 + 40_000 * scene.at(y + 1.5, x - 2.25), atol=1)


def test_a_quiet_rapid_frame_shows_the_specimen_where_the_curve_says(
    scene: Scene, rng: np.random.Generator
) -> None:
    offset = np.array([0.75, -1.5])
    path = np.stack([offset, offset])
    frames = [rapid_frame(rng, scene.quiet, scene.coefficients, path) for _ in range(20)]
    curve = scene.scope.curve
    y, _ = grid()
    expected = scene.at(y - curve.row_shift + offset[0], curve.seen()[None] + offset[1])
    expected = 9500 + 40_000 * scene.scope.mismatch * expected
    # What is left is the jitter of the lines' starts.
    assert (np.mean(frames, axis=0) - expected).std() < 0.03 * expected.std()
    undistorted = 9500 + 40_000 * scene.scope.mismatch * scene.at(*grid())
    assert (np.mean(frames, axis=0) - undistorted).std() > 0.5 * expected.std()


def test_the_field_drifts_on_while_a_frame_is_recorded(
    scene: Scene, rng: np.random.Generator
) -> None:
    path = np.array([[0.0, 0.0], [0.0, 6.0]])
    frames = [rapid_frame(rng, scene.quiet, scene.coefficients, path) for _ in range(20)]
    curve = scene.scope.curve
    y, _ = grid()
    sheared = scene.at(y - curve.row_shift, curve.seen()[None] + 6 * y / SIZE)
    expected = 9500 + 40_000 * scene.scope.mismatch * sheared
    assert (np.mean(frames, axis=0) - expected).std() < 0.03 * expected.std()


def test_rapid_frames_are_noisier_than_slow_scans_by_their_electrons(
    scene: Scene, rng: np.random.Generator
) -> None:
    scope = replace(scene.scope, detector=replace(QUIET, excess=1.3))
    flat = np.full_like(scene.coefficients, 0.4)
    rapid = rapid_frame(rng, scope, flat, AT_REST)
    slow = slow_scan(rng, scope, flat)
    levels = 40_000 * 0.4 * scope.mismatch + 9500
    ratio = (rapid - levels).var() / (slow - 9500.0 - 16_000).var()
    assert ratio == pytest.approx(50, rel=0.1)  # 5 us against 0.1 us


def test_rapid_and_slow_scans_share_their_range_but_for_the_mismatch(
    scene: Scene, rng: np.random.Generator
) -> None:
    flat = np.full_like(scene.coefficients, 0.4)
    rapid = rapid_frame(rng, scene.quiet, flat, AT_REST) - 9500.0
    slow = slow_scan(rng, scene.quiet, flat) - 9500.0
    np.testing.assert_allclose(rapid / slow, scene.scope.mismatch, atol=2e-3)
    assert 0.94 < scene.scope.mismatch.min() < scene.scope.mismatch.max() < 1
    gradient = np.gradient(scene.scope.mismatch)
    assert np.abs(gradient).max() < 0.005  # smooth


def test_without_a_beam_frames_are_dark(scene: Scene, rng: np.random.Generator) -> None:
    off = replace(scene.scope, current_pa=0.0)
    for frame in (
        rapid_frame(rng, off, scene.coefficients, AT_REST),
        slow_scan(rng, off, scene.coefficients),
        clean_image(off, scene.coefficients, np.zeros(2)),
    ):
        assert frame.mean() == pytest.approx(9500, abs=1)
        assert frame.std() < 22  # read noise alone


def streak(image: np.ndarray) -> float:
    """Power along the ky axis of the spectrum over that away from it, both at high ky.

    Beyond a quarter of the sampling frequency the specimen shows next to nothing: what is left
    is noise, which is white where nothing lags. Near the axis means up to four columns from it.
    """
    image = np.asarray(image, dtype=float)
    window = np.outer(*(np.hanning(n) for n in image.shape))
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2
    ky, kx = (np.abs(np.fft.fftfreq(n)) for n in image.shape)
    high = power[ky > 0.25]
    return float(high[:, kx * image.shape[1] <= 4].mean() / high[:, kx > 0.25].mean())


@pytest.fixture(scope="module")
def stack(scene: Scene) -> np.ndarray:
    rng = np.random.default_rng(7)
    frames = [rapid_frame(rng, scene.scope, scene.coefficients, AT_REST) for _ in range(50)]
    return np.stack(frames)


def test_a_rapid_frame_has_a_vertical_streak_in_its_spectrum(
    scene: Scene, stack: np.ndarray, rng: np.random.Generator
) -> None:
    slow = streak(slow_scan(rng, scene.scope, scene.coefficients))
    assert slow < 15
    for frame in stack[:3]:
        assert streak(frame) > 300
        assert streak(frame) > 50 * slow


def test_the_streak_lies_along_ky_not_along_kx(stack: np.ndarray) -> None:
    assert streak(stack[0].T) < 3


def test_averaging_fifty_frames_removes_the_noise_but_not_the_streak(
    scene: Scene, stack: np.ndarray, rng: np.random.Generator
) -> None:
    mean = stack.mean(axis=0)
    white = (np.diff(frame.astype(float), axis=0).std() for frame in (stack[0], mean))
    assert next(white) > 3 * next(white)
    slow = streak(slow_scan(rng, scene.scope, scene.coefficients))
    assert streak(mean) > 300
    assert streak(mean) > 50 * slow


def test_a_detector_that_does_not_lag_leaves_no_streak(
    scene: Scene, rng: np.random.Generator
) -> None:
    instant = replace(Detector(), decays=((1.0, 1e-4),), amplifier_us=5e-5)
    scope = replace(scene.scope, detector=instant)
    frames = [rapid_frame(rng, scope, scene.coefficients, AT_REST) for _ in range(50)]
    assert streak(frames[0]) < 5
    assert streak(np.mean(frames, axis=0)) < 30
