"""The map by strips, of pictures that a known curve distorts."""

from functools import cache

import numpy as np
import pytest
from scipy.interpolate import make_interp_spline
from scipy.ndimage import gaussian_filter, map_coordinates

from stemjax.config import Simulate
from stemjax.distortion import strips
from stemjax.distortion.strips import (
    STRIP_WIDTHS,
    Differences,
    StripsFit,
    _differences,
    _to_map,
    fit_strips,
    informative,
    place_strips,
)
from stemjax.distortion.views import View
from stemjax.simulate.acquire import rapid_frame, slow_scan
from stemjax.simulate.experiment import session_microscope
from stemjax.simulate.motion import coefficients_of
from stemjax.simulate.specimen import draw_specimen

HEIGHT, WIDTH, BESIDE = 192, 256, 48
TEXTURE = 1000 + 100 * gaussian_filter(
    np.random.default_rng(0).standard_normal((HEIGHT + 2 * BESIDE, WIDTH + 2 * BESIDE)), 2.0
)
SLOW = TEXTURE[BESIDE:-BESIDE, BESIDE:-BESIDE]
COLUMNS = np.arange(WIDTH, dtype=float)
ROW_SHIFT = -3


def bent(shift: float = -8.0, amplitude: float = -7.0) -> np.ndarray:
    """Give the slow column of each rapid column: gain 1.06 and an exponential bend."""
    return 1.06 * COLUMNS + shift + amplitude * np.exp(-COLUMNS / 50)


def rapid(seen: np.ndarray) -> np.ndarray:
    rows = np.arange(HEIGHT)[:, None] - ROW_SHIFT + BESIDE
    return map_coordinates(TEXTURE, np.broadcast_arrays(rows, seen[None] + BESIDE), order=3)


@cache
def fitted() -> StripsFit:
    return fit_strips(rapid(bent()), SLOW)


def truth(seen: np.ndarray) -> np.ndarray:
    """Rapid column of each slow column, beyond the rapid image as the last ones go on."""
    further = np.arange(-20.0, WIDTH + 20)
    spline = make_interp_spline(COLUMNS, seen, k=1)
    return np.interp(COLUMNS, spline(further), further)


def rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def test_a_bent_curve_is_found() -> None:
    error = rms(fitted().distortion.columns - truth(bent()))
    assert error < 0.3
    assert fitted().distortion.valid.all()
    straight = np.polynomial.Polynomial.fit(COLUMNS, truth(bent()), 1)(COLUMNS)
    assert error < rms(straight - truth(bent())) / 2


def test_the_row_shift_is_found() -> None:
    assert fitted().distortion.row_shift == ROW_SHIFT


def test_the_strip_width_of_the_best_psnr_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = []
    for width in STRIP_WIDTHS[:6]:  # what 256 columns allow
        monkeypatch.setattr(strips, "STRIP_WIDTHS", (width,))
        fits.append(fit_strips(rapid(bent()), SLOW))
    ranked = sorted(fits, key=lambda fit: -fit.psnr)
    assert ranked[0].psnr > ranked[-1].psnr
    assert (fitted().psnr, fitted().strip_width) == (ranked[0].psnr, ranked[0].strip_width)
    spread = np.std([fit.distortion.columns for fit in ranked[:3]], axis=0)
    np.testing.assert_allclose(fitted().distortion.sigma, spread)


def test_psnr_is_that_of_images_scaled_to_65535() -> None:
    # An image that needs no map but bears noise: its PSNR is known.
    noise = 5 * np.random.default_rng(1).standard_normal(SLOW.shape)
    low, high = np.percentile(SLOW, (0.1, 99.9))
    fit = fit_strips(SLOW + noise, SLOW)
    assert fit.psnr == pytest.approx(20 * np.log10((high - low) / 5), abs=1.0)


def test_what_the_rapid_image_did_not_see_is_not_valid() -> None:
    seen = bent(shift=12.0, amplitude=0.0)
    fit = fit_strips(rapid(seen), SLOW)
    assert not fit.distortion.valid[:11].any()
    assert fit.distortion.valid[14:].all()
    assert rms(fit.distortion.columns - truth(seen)) < 0.5


def test_brightness_contrast_and_a_hot_pixel_do_not_move_the_map() -> None:
    image = 300 + 4 * rapid(bent())
    image[100, 50] = 60_000.0
    moved = fit_strips(image, SLOW).distortion.columns - fitted().distortion.columns
    assert rms(moved) < 0.05


def test_a_simulated_scan_is_right_but_for_the_detectors_lag() -> None:
    settings = Simulate(size=256, seed=1)
    scope = session_microscope(settings, "s1")
    rng = np.random.default_rng(0)
    scene = coefficients_of(draw_specimen(rng, "steel", 256, 40, 2.1).transmission())
    frames = [rapid_frame(rng, scope, scene, np.zeros((2, 2))) for _ in range(10)]
    fit = fit_strips(np.mean(frames, axis=0), slow_scan(rng, scope, scene).astype(float))
    error = (fit.distortion.columns - np.interp(COLUMNS, scope.curve.seen(), COLUMNS))[8:-8]
    assert error.std() < 0.8
    # Structure appears late, but not by as much as the mean delay: that of a tail is a haze.
    delay_px = sum(weight * us for weight, us in scope.detector.exponentials()) / 0.1
    assert 1 < error.mean() < delay_px
    assert fit.distortion.row_shift == pytest.approx(scope.curve.row_shift, abs=0.6)


def flat_view() -> View:
    return View(left=0.0, right=WIDTH - 1.0, row_shift=ROW_SHIFT)


def differences(seen: np.ndarray) -> Differences:
    return _differences(rapid(seen), SLOW, ROW_SHIFT)


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.5])
def test_strips_are_deformed_as_the_picture_is(factor: float) -> None:
    seen = np.minimum(factor * COLUMNS, WIDTH)
    places, columns = place_strips(flat_view(), 20, differences(seen))
    np.testing.assert_allclose(np.diff(columns), 20)
    # The last strips hang over an edge of either image.
    inside = (places < WIDTH - 45) & (columns < WIDTH)
    np.testing.assert_allclose(places[inside], factor * columns[inside], atol=0.5)


@pytest.mark.parametrize("factor", [0.2, 3.0])
def test_strips_are_deformed_by_half_to_twice_at_most(factor: float) -> None:
    seen = np.minimum(factor * COLUMNS, WIDTH)
    places, columns = place_strips(flat_view(), 20, differences(seen))
    ratio = np.diff(places) / np.diff(columns)
    assert ratio.min() >= 0.5 - 1e-9
    assert ratio.max() <= 2 + 1e-9


def test_strips_start_and_end_with_what_both_images_show() -> None:
    view = View(left=-10.0, right=WIDTH + 29.0, row_shift=ROW_SHIFT)
    places, columns = place_strips(view, 20, differences(COLUMNS))
    assert (places[0], columns[0]) == pytest.approx((10 / view.scale(WIDTH), 0.0))
    _, columns = place_strips(flat_view(), 20, differences(np.minimum(0.6 * COLUMNS, WIDTH)))
    assert WIDTH - 1 <= columns[-1] < WIDTH + 19  # while the slow grid is not full


def test_differences_are_those_of_interpolated_columns() -> None:
    rng = np.random.default_rng(0)
    image, slow = rng.standard_normal((2, 7, 9))
    sources = np.array([[0.0, 2.25, 7.5, 8.0], [-3.0, 3.0, 4.9, 11.0]])
    targets = np.array([0, 3, 8, 2])
    found = _differences(image, slow, 0).at(sources, targets)
    for tried, row in zip(sources, found, strict=True):
        between = np.stack([np.interp(tried, np.arange(9), line) for line in image])
        np.testing.assert_allclose(row, np.mean((between - slow[:, targets]) ** 2, axis=0))


@pytest.mark.parametrize("row_shift", [2, -2])
def test_differences_compare_the_rows_that_both_show(row_shift: int) -> None:
    slow = np.random.default_rng(0).standard_normal((12, 5))
    image = np.roll(slow, row_shift, axis=0)
    assert np.diag(_differences(image, slow, row_shift).across) == pytest.approx(0.0)
    assert np.diag(_differences(image, slow, 0).across).min() > 0.1


def test_the_map_goes_through_the_cuts_and_straight_on() -> None:
    places = np.linspace(4.0, 84.0, 9)
    columns = 2 + 0.9 * places + 1e-5 * places**3  # which a cubic spline follows
    distortion = _to_map(places, columns, View(0.0, 80.0, 1), 101)
    grid = np.arange(101)
    np.testing.assert_allclose(
        distortion.columns[4:85], 2 + 0.9 * grid[4:85] + 1e-5 * grid[4:85] ** 3
    )
    np.testing.assert_allclose(np.diff(distortion.columns[84:]), 0.8)
    np.testing.assert_allclose(np.diff(distortion.columns[:5]), 0.8)
    assert distortion.row_shift == 1.0


def test_the_map_rises_where_the_spline_swings() -> None:
    places = np.array([0.0, 20.0, 40.0, 45.0, 65.0, 99.0])
    columns = np.array([0.0, 20.0, 25.0, 65.0, 70.0, 99.0])
    distortion = _to_map(places, columns, View(0.0, 99.0, 0), 100)
    assert np.diff(distortion.columns).min() > 0.9e-3


def waves(amplitude: float, period: float) -> np.ndarray:
    """Vertical lines."""
    return np.tile(amplitude * np.sin(2 * np.pi * np.arange(400) / period), (400, 1))


def test_vertical_lines_say_more_about_columns_than_horizontal_ones() -> None:
    noise = np.random.default_rng(0).standard_normal((400, 400))
    upright = informative(waves(5.0, 20.0) + noise)
    assert upright > 100 * informative(waves(5.0, 20.0).T + noise)
    assert upright > informative(waves(3.0, 20.0) + noise)
    assert upright > informative(waves(5.0, 20.0) + 2 * noise)


def test_information_is_the_blurred_gradients_power_over_the_noises() -> None:
    noise = 2 * np.random.default_rng(0).standard_normal((400, 400))
    k = 2 * np.pi / 20
    power = (5 * k) ** 2 / 2 * np.exp(-((k * 1.5) ** 2))
    found = informative(waves(5.0, 20.0) + noise)
    assert found == pytest.approx(power / (2**2 + 1 / 12), rel=0.03)


def test_noise_alone_says_nothing() -> None:
    noise = 30 * np.random.default_rng(0).standard_normal((400, 400))
    assert informative(noise) < 1e-3
    assert informative(np.full((64, 64), 7.0)) == 0.0
