"""The map fitted to simulated sessions."""

from dataclasses import replace

import numpy as np
import pytest

from stemjax.distortion.fit import fit_map
from stemjax.distortion.lag import Lag
from stemjax.distortion.problem import AFTERGLOW
from stemjax.distortion.scans import Field
from tests.distortion.sessions import (
    DETECTOR,
    EDGE,
    KNOTS,
    LAG,
    SIZE,
    SLOW_DWELL_US,
    Session,
    errors,
    fitted,
    inside,
    rms,
    session,
)

INSTANT = Lag((0.02, 0.05), (1.0, 0.0), 0.01, dwell_us=0.1)
# The slow scan shows its columns late by the mean delay over its dwell time.
LATE = (0.85 * 0.45 + 0.15 * 2.0 + DETECTOR.amplifier_us) / SLOW_DWELL_US
SEEDS = pytest.mark.parametrize("seed", [0, 2, 4, 6])


@SEEDS
def test_the_map_is_right_to_a_tenth_of_a_pixel(seed: int) -> None:
    away = errors(fitted(seed), session(seed))
    assert rms(away) < 0.1
    assert np.abs(away).max() < 0.25


def test_larger_frames_which_need_not_be_square_tell_the_map_better() -> None:
    truth = session(1, size=256)
    cropped = [Field(field.rapid[20:-12], field.slow[20:-12]) for field in truth.fields]
    fit = fit_map(cropped, LAG, KNOTS, SLOW_DWELL_US)
    assert rms(errors(fit, truth)) < 0.05
    expected = truth.curve.row_shift - truth.offsets[:, 0].mean()
    assert fit.distortion.row_shift == pytest.approx(expected, abs=0.05)


@SEEDS
def test_the_fields_offsets_are_found(seed: int) -> None:
    shifts, truth = fitted(seed).shifts, session(seed).offsets
    np.testing.assert_allclose(shifts - shifts.mean(axis=0), truth - truth.mean(axis=0), atol=0.12)


@SEEDS
def test_the_fields_mean_offset_is_the_maps(seed: int) -> None:
    np.testing.assert_allclose(fitted(seed).shifts.mean(axis=0), 0, atol=1e-3)


@SEEDS
def test_the_frames_row_shift_is_found(seed: int) -> None:
    truth = session(seed)
    expected = truth.curve.row_shift - truth.offsets[:, 0].mean()
    assert fitted(seed).distortion.row_shift == pytest.approx(expected, abs=0.08)


@SEEDS
def test_columns_rise_and_the_edge_is_known_least(seed: int) -> None:
    distortion = fitted(seed).distortion
    assert np.isfinite(distortion.columns).all()
    assert (np.diff(distortion.columns) > 0).all()
    inner = distortion.sigma[EDGE:-EDGE]
    assert 0.02 < inner.mean() < 0.1
    assert distortion.sigma[0] > 2 * inner.mean()


def test_the_maps_error_is_honest() -> None:
    away = [
        errors(fitted(seed), session(seed)) / fitted(seed).distortion.sigma[inside(fitted(seed))]
        for seed in range(7)
    ]
    together = np.abs(np.concatenate(away))
    assert 0.5 < np.mean(together < 1) < 0.92
    assert np.mean(together < 2) > 0.9
    assert 0.5 < rms(together) < 1.5


def test_residuals_are_small_where_the_scans_agree() -> None:
    # Shares of noise in the rapid image, which the fit does not explain.
    assert (fitted(0).residuals < 0.3).all()
    rapid = session(0).fields[0].rapid
    noisy = rapid + 2 * rapid.std() * np.random.default_rng(0).standard_normal(rapid.shape)
    fields = [Field(noisy, session(0).fields[0].slow), *session(0).fields[1:]]
    residuals = fit_map(fields, LAG, KNOTS, SLOW_DWELL_US).residuals
    assert residuals[0] > 0.7
    assert (residuals[1:] < 0.3).all()


def test_a_lag_that_is_left_out_passes_for_a_shift() -> None:
    fit = fit_map(session(0).fields, INSTANT, KNOTS)
    missed = (fit.distortion.columns - session(0).columns())[EDGE:-EDGE].mean()
    # Structure appears late, but not by as much as the mean delay: that of a tail is a haze.
    assert 2 < missed < LAG.delay_px()


@SEEDS
def test_the_slow_scans_own_lag_moves_the_map_as_a_whole(seed: int) -> None:
    truth = session(seed)
    slope = np.gradient(truth.curve.seen()).mean()
    without = errors(fit_map(truth.fields, LAG, KNOTS), truth)
    assert without.mean() == pytest.approx(-LATE / slope, abs=0.06)
    assert abs(errors(fitted(seed), truth).mean()) < 0.06


def test_a_tail_that_was_measured_far_too_long_does_not_lead_astray() -> None:
    # As little noise may say: a mean delay of 37 pixels, most of it of a haze.
    long = Lag((0.44, 8.8), (0.61, 0.39), 0.12, dwell_us=0.1)
    for seed in range(6):
        fit = fit_map(session(seed).fields, long, KNOTS, SLOW_DWELL_US)
        assert (fit.match > 50).all()
        assert errors(fit, session(seed)).std() < 0.2


def test_fitting_again_gives_the_same_map() -> None:
    again = fit_map(session(0).fields, LAG, KNOTS, SLOW_DWELL_US)
    np.testing.assert_array_equal(again.distortion.columns, fitted(0).distortion.columns)
    np.testing.assert_array_equal(again.distortion.sigma, fitted(0).distortion.sigma)
    np.testing.assert_array_equal(again.shifts, fitted(0).shifts)


def test_the_fields_order_does_not_matter() -> None:
    turned = fit_map(session(0).fields[::-1], LAG, KNOTS, SLOW_DWELL_US)
    expected = fitted(0)
    np.testing.assert_allclose(turned.shifts, expected.shifts[::-1], atol=5e-3)
    np.testing.assert_allclose(
        turned.distortion.columns[EDGE:-EDGE], expected.distortion.columns[EDGE:-EDGE], atol=5e-3
    )


def test_one_field_of_view_is_enough_for_a_map() -> None:
    alone = session(0).only(0)
    fit = fit_map(alone.fields, LAG, KNOTS, SLOW_DWELL_US)
    assert fit.shifts.shape == (1, 2)
    assert np.isnan(fit.apart).all()
    assert rms(errors(fit, alone)) < 0.3


def test_more_fields_tell_the_map_better() -> None:
    alone = fit_map(session(0).only(0).fields, LAG, KNOTS, SLOW_DWELL_US)
    sigmas = [np.median(fit.distortion.sigma) for fit in (alone, fitted(0))]
    assert sigmas[0] > 1.2 * sigmas[1]


def test_without_knots_there_is_the_formula_alone() -> None:
    fit = fit_map(session(0).fields, LAG, 0, SLOW_DWELL_US)
    assert rms(errors(fit, session(0))) < 0.25


def hot_pixels(rapid: np.ndarray) -> np.ndarray:
    hot = np.random.default_rng(0).random(rapid.shape) < 0.03
    return np.where(hot, 65_535.0, rapid)


def contamination(rapid: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    return rapid + 30_000 * np.exp(-((y - 50) ** 2 + (x - 80) ** 2) / (2 * 6**2))


@pytest.mark.parametrize("spoil", [hot_pixels, contamination])
@pytest.mark.parametrize("seed", [0, 2])
def test_what_only_one_rapid_image_shows_hardly_moves_the_map(seed: int, spoil: object) -> None:
    first, *others = session(seed).fields
    fit = fit_map([replace(first, rapid=spoil(first.rapid)), *others], LAG, KNOTS, SLOW_DWELL_US)
    assert fit.residuals[0] > 1.5 * fitted(seed).residuals[0]
    # Where the spoilt field lies is less sure, and with it where all of them lie on average.
    away = errors(fit, session(seed))
    assert away.std() < 0.2
    moved = away.mean() * np.gradient(session(seed).curve.seen()).mean()
    offsets = session(seed).offsets[:, 1] - session(seed).offsets[:, 1].mean()
    np.testing.assert_allclose(fit.shifts[1:, 1], offsets[1:] + moved, atol=0.12)


def test_an_uncertain_lag_makes_the_map_uncertain() -> None:
    slower = replace(LAG, decays_us=(0.5, 2.0))
    fields = session(0).fields
    doubting = fit_map(fields, LAG, KNOTS, SLOW_DWELL_US, lags=[slower]).distortion
    other = fit_map(fields, slower, KNOTS, SLOW_DWELL_US).distortion
    sure = fitted(0).distortion
    np.testing.assert_array_equal(doubting.columns, sure.columns)
    inner = np.s_[EDGE:-EDGE]
    share = np.sqrt(doubting.sigma**2 - sure.sigma**2)[inner]
    moved = np.abs(other.columns - sure.columns)[inner]
    assert moved.mean() > 0.1
    np.testing.assert_allclose(share, moved, atol=0.1)
    assert share.mean() == pytest.approx(moved.mean(), rel=0.15)


@pytest.mark.parametrize("share", [0.0, 0.06])
@pytest.mark.parametrize("seed", [0, 1])
def test_afterglow_is_found_where_the_dose_tells_it(seed: int, share: float) -> None:
    decays = [(weight * (1 - share), us) for weight, us in DETECTOR.decays]
    glowing = replace(DETECTOR, decays=(*decays, (share, 100.0)))
    truth = session(seed, detector=glowing, current_pa=2000.0)
    fit = fit_map(truth.fields, LAG, KNOTS, SLOW_DWELL_US)
    assert fit.afterglow[0] == pytest.approx(share, abs=0.015)
    assert abs(fit.afterglow[0] - share) < 2 * fit.afterglow[1]
    assert rms(errors(fit, truth)) < 0.03


def test_a_slow_scan_that_does_not_lag_leaves_the_usual_afterglow() -> None:
    fit = fit_map(session(0).fields, LAG, KNOTS)
    assert fit.afterglow == pytest.approx(AFTERGLOW, rel=1e-3)


def other_gain(truth: Session, stretch: float) -> Field:
    """Stretch the slow scan of the first field: it then asks for another gain."""
    first, centre = truth.fields[0], (SIZE - 1) / 2
    columns = centre + (np.arange(SIZE) - centre) / stretch
    stretched = [np.interp(columns, np.arange(SIZE), row) for row in first.slow]
    return replace(first, slow=np.array(stretched))


def test_a_field_that_asks_for_another_map_is_said_to_be_apart() -> None:
    assert (fitted(0).apart < 0.5).all()
    fields = [other_gain(session(0), 1.03), *session(0).fields[1:]]
    apart = fit_map(fields, LAG, KNOTS, SLOW_DWELL_US).apart
    assert apart[0] == pytest.approx(0.03 * SIZE / np.sqrt(12), rel=0.3)
    assert (apart[1:] < 0.8 * apart[0]).all()


def test_contrast_stands_out_of_its_error_where_the_scans_show_the_same() -> None:
    assert (fitted(0).match > 50).all()
    first, second, third = session(0).fields
    fields = [first, second, Field(third.rapid, session(2).fields[0].slow)]
    match = fit_map(fields, LAG, KNOTS, SLOW_DWELL_US).match
    assert (match[:2] > 50).all()
    assert abs(match[2]) < 10
