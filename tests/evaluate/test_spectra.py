"""Power spectra against closed forms and plain NumPy."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.optimize import brentq
from scipy.signal import lfilter

from stemjax.evaluate.spectra import (
    follows,
    horizontal_profile,
    power_spectrum,
    rings,
    streak_db,
)

PIXEL_NM = 2.0
PER_UM = np.linspace(0, 250, 129)
STEEP = -60 * np.arange(129) / 128  # a profile in dB that falls like structure
WIDE = [(64, 96), (96, 64), (256, 256)]


def white(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def hann(n: int) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, n + 1) / (n + 1))


def plain_power(image: np.ndarray) -> np.ndarray:
    window = np.outer(*map(hann, image.shape))
    return np.abs(np.fft.fft2(window * (image - image.mean()))) ** 2 / np.sum(window**2)


@pytest.mark.parametrize("shape", WIDE)
def test_the_power_spectrum_is_numpys_under_a_hann_window(shape: tuple[int, int]) -> None:
    image = 700 + 30 * white(shape)
    np.testing.assert_allclose(power_spectrum(image), plain_power(image), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", WIDE)
def test_white_noise_has_its_variance_as_power(shape: tuple[int, int]) -> None:
    assert power_spectrum(3 * white(shape)).mean() == pytest.approx(9, rel=0.06)


def test_an_unsigned_image_has_the_spectrum_of_its_values() -> None:
    image = np.random.default_rng(0).integers(0, 65535, (32, 48), dtype=np.uint16)
    np.testing.assert_array_equal(power_spectrum(image), power_spectrum(image.astype(float)))


def test_rings_are_numbered_by_frequency_on_both_axes() -> None:
    """Of 4 by 8 pixels a ring is a quarter per pixel wide, two columns of the spectrum."""
    ring = rings((4, 8))
    assert ring[:, 0].tolist() == [0, 1, 2, 1]
    assert ring[0, [0, 2, 4, 6]].tolist() == [0, 1, 2, 1]
    assert ring[2, 4] == 3  # the corner, at the root of 8


@pytest.mark.parametrize("shape", [(48, 128), (128, 64), (64, 127)])
def test_a_grating_shows_at_its_frequency(shape: tuple[int, int]) -> None:
    """Of 16 pixels' period, at 2 nm: 1000 / 32 per um."""
    x = np.arange(shape[1]) + np.zeros(shape)
    per_um, profile = horizontal_profile(np.cos(2 * np.pi * x / 16), PIXEL_NM)
    step = 1000 / PIXEL_NM / shape[1]
    assert per_um[profile.argmax()] == pytest.approx(1000 / 32, abs=step / 2)
    assert per_um[0] == 0
    assert per_um[-1] == pytest.approx(1000 / PIXEL_NM / 2, abs=step)


@pytest.mark.parametrize(("shape", "rows"), [((32, 96), 4), ((160, 64), 10)])
def test_the_profile_is_a_mean_of_logarithms_over_low_ky(shape: tuple[int, int], rows: int) -> None:
    image = white(shape)
    spectrum = np.fft.fftshift(plain_power(image), axes=0)
    middle = shape[0] // 2
    band = spectrum[middle - rows : middle + rows + 1, : shape[1] // 2 + 1]
    expected = 10 * np.log10(band).mean(axis=0)
    np.testing.assert_allclose(horizontal_profile(image, PIXEL_NM)[1], expected, atol=1e-6)


def test_a_profile_follows_itself_up_to_nyquist_whatever_its_contrast() -> None:
    assert follows(PER_UM, STEEP + 20, STEEP) == 250


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_profile_follows_up_to_where_it_parts(sign: int) -> None:
    """The smoothing makes a step of 6 dB reach 3 dB where it is, to half a frequency."""
    apart = STEEP + sign * 6 * (PER_UM > 120)
    assert follows(PER_UM, apart, STEEP) == pytest.approx(120, abs=3)


@pytest.mark.parametrize(("step", "expected"), [(2.7, 250), (3.3, 122)])
def test_three_decibels_decide(step: float, expected: float) -> None:
    assert follows(PER_UM, STEEP - step * (PER_UM > 120), STEEP) == pytest.approx(expected, abs=5)


def test_a_noisy_frequency_does_not_decide() -> None:
    noisy = STEEP.copy()
    noisy[30] += 40
    noisy[80:] -= 20
    assert follows(PER_UM, noisy, STEEP) == pytest.approx(PER_UM[80], abs=5)


def test_profiles_that_noise_makes_touch_have_parted() -> None:
    touching = STEEP - 8 * (PER_UM > 120)
    touching[::6] = STEEP[::6]
    assert follows(PER_UM, touching, STEEP) == pytest.approx(120, abs=8)


def test_a_profile_that_parts_at_the_start_follows_nowhere() -> None:
    hill = 30 - ((PER_UM - 60) / 20) ** 2
    assert follows(PER_UM, hill - 20 * (PER_UM < 40), hill) == 0


def test_where_the_slow_scan_has_most_power_it_is_followed() -> None:
    lacking = STEEP - 20 * (PER_UM < 25)
    assert follows(PER_UM, lacking, STEEP) == pytest.approx(25, abs=5)


def test_a_perfect_restoration_follows_until_the_slow_scan_is_noise() -> None:
    """Smoothed by s, white noise of unit power has the power exp(-(2 pi k s)^2)."""
    sigma, noise, shape = 1.5, 0.02, (384, 256)
    truth = gaussian_filter(white(shape), sigma, mode="wrap")
    slow = truth + noise * white(shape, 1)
    per_um, restored = horizontal_profile(truth, PIXEL_NM)
    _, reference = horizontal_profile(slow, PIXEL_NM)
    equal = np.sqrt(-2 * np.log(noise)) / (2 * np.pi * sigma)  # in 1/px
    found = follows(per_um, restored, reference)
    assert found == pytest.approx(1000 / PIXEL_NM * equal, rel=0.1)


@pytest.mark.parametrize("shape", [(64, 96), (96, 64), (512, 256)])
def test_white_noise_has_no_streak(shape: tuple[int, int]) -> None:
    found = [streak_db(white(shape, seed)) for seed in range(10)]
    assert np.mean(found) == pytest.approx(0, abs=0.7)


def test_row_offsets_are_a_streak_of_known_strength() -> None:
    """Their power is 2/3 of variance times width at kx = 0, a quarter of that one step beside.

    There it adds to the noise's. The median of such a mixture of exponential distributions is
    the root of their mean survival less one half.
    """
    variance, shape = 0.3, (1024, 128)
    power = 1 + variance * 2 / 3 * shape[1] * np.array([1, 1 / 4, 1 / 4])
    median = brentq(lambda m: np.exp(-m / power).mean() - 0.5, 0, 1000)
    rows = np.sqrt(variance) * white((shape[0], 1), 1)
    expected = 10 * np.log10(median / np.log(2))
    assert streak_db(5 * (white(shape) + rows)) == pytest.approx(expected, abs=0.6)


def test_a_lag_along_x_streaks_and_one_along_y_does_not() -> None:
    """A decay of 10 pixels; across it, the noise near kx = 0 is weaker than elsewhere."""
    lagged = lfilter([1], [1, -np.exp(-0.1)], white((256, 256)), axis=1)
    assert streak_db(lagged) > 8
    assert streak_db(lagged.T) < 0


@pytest.mark.parametrize("tilt", [0.0, 0.03])
def test_a_line_along_x_is_no_streak(tilt: float) -> None:
    y, x = np.mgrid[:256, :256]
    line = -20 * np.exp(-((y - 128 - tilt * (x - 128)) ** 2) / 2 / 3**2)
    assert streak_db(line + white((256, 256))) == pytest.approx(0, abs=2)


@pytest.mark.parametrize("value", [0.0, 0.1, 7000.3])
def test_a_blank_image_has_no_power(value: float) -> None:
    blank = np.full((64, 80), value)
    assert not power_spectrum(blank).any()
    per_um, profile = horizontal_profile(blank, PIXEL_NM)
    assert profile == pytest.approx(-3076.5, abs=0.1)
    assert follows(per_um, profile, horizontal_profile(white((64, 80)), PIXEL_NM)[1]) == 0
    assert np.isnan(streak_db(blank))


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 17), (17, 5)])
def test_a_tiny_image_has_a_profile_but_no_numbers(shape: tuple[int, int]) -> None:
    per_um, profile = horizontal_profile(white(shape), PIXEL_NM)
    assert np.isfinite(profile).all()
    assert np.isnan(follows(per_um, profile, profile))
    assert np.isnan(streak_db(white(shape)))


@pytest.mark.parametrize("shape", [(32, 32), (32, 100), (100, 33)])
def test_a_small_image_has_a_streak(shape: tuple[int, int]) -> None:
    assert np.isfinite(streak_db(white(shape)))


def test_what_is_lost_at_high_frequencies_does_not_part_the_low_ones() -> None:
    per_um = np.arange(257.0)
    reference = 60 - per_um / 8
    for lost in (20, 60, 90):
        profile = np.where(per_um < 100, reference + 2, reference + 2 - lost)
        assert follows(per_um, profile, reference) == pytest.approx(100, abs=8)
