"""Metrics against closed forms and plain NumPy."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from stemjax.evaluate.metrics import (
    data_range,
    fitted,
    gain_percent,
    paper_psnr,
    paper_psnr_by_range,
    psnr,
    ssim,
)
from tests.handmade import canvas, view


def ramp() -> np.ndarray:
    """Make an image whose 0.1 and 99.9 percentiles are 1 and 999."""
    return np.linspace(0, 1000, 100 * 100).reshape(100, 100)


def chequered(shape: tuple[int, int]) -> np.ndarray:
    """Make an error of plus and minus one."""
    return np.where(np.add.outer(*map(np.arange, shape)) % 2, 1.0, -1.0)


@pytest.mark.parametrize("error", [1.0, 25.0])
def test_psnr_of_a_known_error(error: float) -> None:
    image = ramp() + error * chequered((100, 100))
    assert psnr(image, ramp()) == pytest.approx(20 * np.log10(998 / error), abs=1e-9)


def test_psnr_of_equal_images_is_infinite() -> None:
    assert psnr(ramp(), ramp()) == np.inf


def test_unsigned_images_do_not_wrap_around() -> None:
    image, reference = view(canvas(1)), view(canvas(2))
    for metric in (psnr, paper_psnr, ssim):
        expected = metric(image.astype(float), reference.astype(float))
        assert metric(image, reference) == pytest.approx(expected, rel=1e-12)


def test_a_hot_pixel_hardly_moves_the_range() -> None:
    hot = ramp()
    hot[50, 50] = 1e6
    assert data_range(ramp()) == pytest.approx(998, abs=1e-9)
    assert data_range(hot) == pytest.approx(998, abs=0.2)


def test_the_papers_psnr_stretches_from_minimum_to_maximum() -> None:
    """Stretched to one, the images differ by a quarter in one of four pixels."""
    image, reference = np.array([[0.0, 1], [2, 4]]), np.array([[10.0, 30], [70, 90]])
    assert paper_psnr(image, reference) == pytest.approx(10 * np.log10(64))
    assert paper_psnr(-5 + 3 * image, reference) == pytest.approx(10 * np.log10(64))


def test_the_papers_psnr_of_a_blank_frame_is_a_number() -> None:
    reference = np.array([[0.0, 1], [1, 1]])
    assert paper_psnr(np.full((2, 2), 9.0), reference) == pytest.approx(10 * np.log10(4 / 3))


def test_the_papers_psnr_by_range_splits_at_20_000_and_40_000() -> None:
    """Stretched, the reference keeps its values, and the image errs by 5, 10, 20 in the middle."""
    reference = np.array([[0.0, 19_999, 20_000, 30_000], [40_000, 40_001, 50_000, 65_535]])
    image = reference + np.array([[0, 30, 5, 10], [20, 40, 50, 0]])
    middle, rest = np.sqrt((25 + 100 + 400) / 3), np.sqrt((900 + 1600 + 2500) / 5)
    expected = [20 * np.log10(65_535 / error) for error in (middle, rest)]
    assert paper_psnr_by_range(image, reference) == pytest.approx(expected)
    assert paper_psnr_by_range(2 * image + 9, 7 * reference - 3) == pytest.approx(expected)


def test_both_ranges_together_are_the_papers_psnr() -> None:
    image, reference = view(canvas(1)), view(canvas(2))
    scaled = (reference - reference.min().astype(float)) / np.ptp(reference) * 65_535
    share = np.mean((scaled >= 20_000) & (scaled <= 40_000))
    middle, rest = (10 ** (-each / 10) for each in paper_psnr_by_range(image, reference))
    whole = -10 * np.log10(share * middle + (1 - share) * rest)
    assert whole == pytest.approx(paper_psnr(image, reference))


def test_a_range_without_pixels_has_no_psnr() -> None:
    two = np.array([[0.0, 1], [1, 0]])
    middle, rest = paper_psnr_by_range(1 - two, two)
    assert np.isnan(middle)
    assert rest == 0
    assert np.isnan(paper_psnr_by_range(two, np.ones((2, 2)))[0])


def test_a_gain_is_in_percent_of_the_rapid_frames_psnr() -> None:
    assert gain_percent(25.0, 20.0) == pytest.approx(25)
    assert gain_percent(18.0, 20.0) == pytest.approx(-10)


@pytest.mark.parametrize("slope", [2.5, -0.1])
def test_a_fit_takes_back_contrast_and_brightness(slope: float) -> None:
    image = view(canvas(1))
    reference = slope * image.astype(float) + 300
    np.testing.assert_allclose(fitted(image, reference), reference, rtol=1e-9)


def test_a_fit_is_the_line_of_least_squares() -> None:
    image, reference = view(canvas(1)).astype(float), view(canvas(1) // 3, 1).astype(float)
    line = np.polyfit(image.ravel(), reference.ravel(), 1)
    np.testing.assert_allclose(fitted(image, reference), np.polyval(line, image), rtol=1e-7)


def test_a_fitted_blank_image_is_the_references_mean() -> None:
    blank = fitted(np.full((100, 100), 7, np.uint16), ramp())
    np.testing.assert_allclose(blank, np.full((100, 100), 500.0))


def test_ssim_is_that_of_wang_et_al() -> None:
    x = view(canvas(1)).astype(float)
    y = 0.8 * x + 0.2 * view(canvas(2))

    def blur(image: np.ndarray) -> np.ndarray:
        return gaussian_filter(image, 1.5, truncate=3.5)

    span = np.subtract(*np.percentile(y, [99.9, 0.1]))
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    similarity = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    expected = similarity[5:-5, 5:-5].mean()  # where the window of 11 pixels fits in
    assert 0.5 < expected < 0.99
    assert ssim(x, y) == pytest.approx(expected, abs=1e-9)
    assert ssim(y, y) == pytest.approx(1.0)
