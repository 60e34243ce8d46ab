"""The map fitted to simulated sessions, whose curve the fit does not know."""

from dataclasses import dataclass, replace
from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates, spline_filter

from stemjax.config import Distortion, Simulate
from stemjax.distortion.fit import Field, Fit, _sample_columns, _to_map, fit_map
from stemjax.distortion.lag import Lag
from stemjax.simulate.acquire import rapid_frame, slow_scan
from stemjax.simulate.detector import Detector
from stemjax.simulate.experiment import session_microscope
from stemjax.simulate.motion import coefficients_of
from stemjax.simulate.scan import ScanCurve
from stemjax.simulate.specimen import draw_specimen

SIZE = 128
FIELDS, FRAMES = 3, 10
SLOW_DWELL_US = 5.0
DETECTOR = Detector(decays=((0.85, 0.45), (0.15, 2.0)))
LAG = Lag((0.45, 2.0), (0.85, 0.15), DETECTOR.amplifier_us, dwell_us=0.1)
INSTANT = Lag((1e-3, 2e-3), (1.0, 0.0), 5e-4, dwell_us=0.1)
EDGE = 8  # columns at either end that no other column checks


@dataclass(frozen=True)
class Session:
    """Fields of view, the session's true curve, and where each field lay in its slow scan."""

    fields: list[Field]
    curve: ScanCurve
    offsets: np.ndarray

    def columns(self) -> np.ndarray:
        """Rapid column of each slow-grid column; the fields' mean offset belongs to the map."""
        grid = np.arange(SIZE) - self.offsets[:, 1].mean()
        return np.interp(grid, self.curve.seen(), np.arange(SIZE, dtype=float))


@cache
def session(seed: int) -> Session:
    settings = Simulate(size=SIZE, seed=seed)
    scope = replace(session_microscope(settings, "s1"), detector=DETECTOR)
    rng = np.random.default_rng(seed)
    fields, offsets = [], rng.normal(0, 0.8, (FIELDS, 2))
    for offset in offsets:
        specimen = draw_specimen(rng, "steel", SIZE, 26, settings.pixel_size_nm)
        scene = coefficients_of(specimen.transmission())
        path = np.stack([offset, offset])
        rapid = np.mean([rapid_frame(rng, scope, scene, path) for _ in range(FRAMES)], axis=0)
        fields.append(Field(rapid, slow_scan(rng, scope, scene).astype(float)))
    return Session(fields, scope.curve, offsets)


@cache
def fitted(seed: int) -> Fit:
    return fit_map(session(seed).fields, LAG, Distortion(), SLOW_DWELL_US)


def error(fit: Fit, truth: Session) -> float:
    """Give the rms error in pixels over valid columns away from the edges."""
    inner = fit.distortion.valid.copy()
    inner[:EDGE] = inner[-EDGE:] = False
    assert inner.sum() > 0.8 * SIZE
    return float(np.sqrt(np.mean((fit.distortion.columns - truth.columns())[inner] ** 2)))


SEEDS = pytest.mark.parametrize("seed", [0, 2, 4])


@SEEDS
def test_the_map_is_right_to_a_fifth_of_a_pixel(seed: int) -> None:
    assert error(fitted(seed), session(seed)) < 0.2


@SEEDS
def test_the_fields_offsets_are_found(seed: int) -> None:
    shifts, truth = fitted(seed).shifts, session(seed).offsets
    np.testing.assert_allclose(shifts - shifts.mean(axis=0), truth - truth.mean(axis=0), atol=0.15)


@SEEDS
def test_the_frames_row_shift_is_found(seed: int) -> None:
    truth = session(seed)
    expected = truth.curve.row_shift - truth.offsets[:, 0].mean()
    assert fitted(seed).distortion.row_shift == pytest.approx(expected, abs=0.1)


@SEEDS
def test_columns_rise_and_their_error_is_told(seed: int) -> None:
    distortion = fitted(seed).distortion
    assert np.isfinite(distortion.columns).all()
    assert (np.diff(distortion.columns) > 0).all()
    inner = distortion.sigma[EDGE:-EDGE]
    assert 0.01 < inner.mean() < 0.3
    assert distortion.sigma[0] > inner.mean()  # the edge is known least


def test_residuals_are_less_than_the_images_differ_unmapped() -> None:
    assert (fitted(0).residuals < 0.4).all()


def test_a_lag_that_is_left_out_passes_for_a_shift() -> None:
    fit = fit_map(session(0).fields, INSTANT, Distortion())
    missed = (fit.distortion.columns - session(0).columns())[EDGE:-EDGE].mean()
    assert missed == pytest.approx(LAG.delay_px(), rel=0.5)


def test_the_slow_scans_own_lag_moves_the_map_as_a_whole() -> None:
    # The slow scan shows its columns late by the mean delay over its dwell time.
    late = (0.85 * 0.45 + 0.15 * 2.0 + DETECTOR.amplifier_us) / SLOW_DWELL_US
    without = fit_map(session(0).fields, LAG, Distortion()).distortion.columns
    slope = np.gradient(session(0).curve.seen()).mean()
    moved = (fitted(0).distortion.columns - without)[EDGE:-EDGE]
    assert moved.mean() == pytest.approx(late / slope, rel=0.05)


def test_fitting_again_gives_the_same_map() -> None:
    again = fit_map(session(0).fields, LAG, Distortion(), SLOW_DWELL_US)
    np.testing.assert_array_equal(again.distortion.columns, fitted(0).distortion.columns)
    np.testing.assert_array_equal(again.shifts, fitted(0).shifts)


def test_one_field_of_view_is_enough_for_a_map() -> None:
    truth = session(0)
    alone = replace(truth, fields=truth.fields[:1], offsets=truth.offsets[:1])
    fit = fit_map(alone.fields, LAG, Distortion(), SLOW_DWELL_US)
    assert fit.shifts.shape == (1, 2)
    assert error(fit, alone) < 1.0


def test_sampling_follows_a_cubic_spline() -> None:
    image = np.random.default_rng(0).standard_normal((20, 30))
    place = np.linspace(2.1, 26.8, 40)
    spline = spline_filter(image, order=3, mode="mirror")
    along = map_coordinates(
        spline, np.meshgrid(np.arange(20), place, indexing="ij"), order=3, prefilter=False
    )
    # Coefficients along y as well: take them at whole rows, as the sampling along x leaves them.
    rows = (_sample_columns(jnp.asarray(spline.T, jnp.float32), jnp.arange(20.0))).T
    sampled = _sample_columns(rows, jnp.asarray(place, jnp.float32))
    np.testing.assert_allclose(sampled[2:-2], along[2:-2], atol=1e-4)


def to_map(parameters: list[float]) -> tuple[np.ndarray, np.ndarray]:
    covariance = 1e-4 * np.eye(len(parameters))
    distortion = _to_map(np.array(parameters), covariance, 100, 0.0, Distortion(knots=0))
    return distortion.columns, distortion.valid


def test_a_curve_is_inverted_on_the_slow_grid() -> None:
    columns, valid = to_map([2.0, 1.08, 5.0, np.log(12.0)])
    place = 49.5 + 1.08 * (columns - 49.5) + 2.0 + 5.0 * np.exp(-columns / 12.0)
    np.testing.assert_allclose(place[valid], np.arange(100)[valid], atol=0.01)
    np.testing.assert_array_equal(valid, (columns >= 0) & (columns <= 99))
    assert valid.sum() > 90


def test_what_the_rapid_frame_did_not_see_is_not_valid() -> None:
    columns, valid = to_map([6.5, 1.0, 0.0, 1.0])  # moved to the right: the left is missed
    np.testing.assert_allclose(columns, np.arange(100) - 6.5, atol=1e-3)
    np.testing.assert_array_equal(valid, np.arange(100) >= 7)


def test_where_the_beam_ran_backwards_the_map_is_not_valid() -> None:
    # The line start folds: the place falls from 30 at column 0 before it rises.
    columns, valid = to_map([0.0, 1.0, 30.0, np.log(8.0)])
    assert (np.diff(columns) > 0).all()
    place = np.arange(100) + 30 * np.exp(-np.arange(100) / 8)
    turn = int(place.argmin())
    assert turn > 5
    assert not valid[: int(place[turn])].any()
    clear = int(np.ceil(place[0])) + 2  # beyond what was seen twice
    assert valid[clear:98].all()
