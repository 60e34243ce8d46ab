"""Fourier ring correlation against closed forms and plain NumPy."""

import numpy as np
import pytest

from stemjax.evaluate.correlation import correlated_up_to, ring_correlation

PIXEL_NM = 2.0
PER_UM = np.linspace(2, 250, 125)


def white(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def by_frequency(shape: tuple[int, int]) -> np.ndarray:
    """Give the distance from zero frequency in 1/um of each element of a spectrum."""
    ky, kx = (np.fft.fftfreq(n, PIXEL_NM / 1000) for n in shape)
    return np.sqrt(ky[:, None] ** 2 + kx**2)


@pytest.mark.parametrize("shape", [(48, 48), (48, 80), (81, 48)])
def test_it_is_the_correlation_of_each_ring(shape: tuple[int, int]) -> None:
    image = white(shape)
    reference = image + white(shape, 1)
    per_um, found = ring_correlation(3 * image + 700, reference, PIXEL_NM)
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in shape))
    a, b = (np.fft.fft2(window * (each - each.mean())) for each in (image, reference))
    step, distance = 1000 / (48 * PIXEL_NM), by_frequency(shape)
    assert len(per_um) == 24
    for k, frequency in enumerate(per_um):
        assert frequency == pytest.approx((k + 1) * step)
        ring = np.abs(distance - frequency) < step / 2
        both = np.sum(np.abs(a[ring]) ** 2) * np.sum(np.abs(b[ring]) ** 2)
        assert found[k] == pytest.approx(np.vdot(b[ring], a[ring]).real / np.sqrt(both))


def test_an_image_agrees_with_itself_up_to_nyquist() -> None:
    image = white((64, 96))
    per_um, correlation = ring_correlation(image, image, PIXEL_NM)
    assert correlation == pytest.approx(1)
    assert correlated_up_to(per_um, correlation) == 250
    assert ring_correlation(image, -image, PIXEL_NM)[1] == pytest.approx(-1)


def test_noise_in_one_image_lowers_it_as_the_closed_form_says() -> None:
    """To one over the root of 1 + noise / signal."""
    image = white((256, 256))
    noisy = image + np.sqrt(3) * white((256, 256), 1)
    _, correlation = ring_correlation(image, noisy, PIXEL_NM)
    assert correlation[10:].mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("limit", [80.0, 160.0])
def test_images_agree_as_far_as_they_share_frequencies(limit: float) -> None:
    shape = (128, 192)
    common, own = np.fft.fft2(white(shape)), np.fft.fft2(white(shape, 1))
    other = np.fft.ifft2(np.where(by_frequency(shape) < limit, common, own)).real
    found = correlated_up_to(*ring_correlation(white(shape), other, PIXEL_NM))
    assert found == pytest.approx(limit, abs=3 * 1000 / (128 * PIXEL_NM))


def test_unrelated_images_do_not_agree() -> None:
    pairs = [ring_correlation(white((128, 128), k), white((128, 128), 9), 2.0) for k in range(8)]
    assert np.mean([correlation[5:] for _, correlation in pairs]) == pytest.approx(0, abs=0.02)
    assert np.median([correlated_up_to(*pair) for pair in pairs]) < 40


@pytest.mark.parametrize(("level", "expected"), [(0.13, 122), (0.15, 250)])
def test_a_seventh_decides(level: float, expected: float) -> None:
    curve = np.where(PER_UM < 120, 0.15, level)
    assert correlated_up_to(PER_UM, curve) == pytest.approx(expected, abs=4)


def test_a_noisy_ring_does_not_decide() -> None:
    curve = np.where(PER_UM < 120, 0.8, 0.0)
    curve[20] = -0.5
    assert correlated_up_to(PER_UM, curve) == pytest.approx(120, abs=6)


def test_a_blank_image_agrees_nowhere() -> None:
    per_um, correlation = ring_correlation(np.full((32, 48), 0.1), white((32, 48)), PIXEL_NM)
    assert not correlation.any()
    assert correlated_up_to(per_um, correlation) == 0


@pytest.mark.parametrize("shape", [(2, 2), (3, 7), (5, 4)])
def test_a_tiny_image_has_a_correlation(shape: tuple[int, int]) -> None:
    per_um, correlation = ring_correlation(white(shape), white(shape), PIXEL_NM)
    assert correlation == pytest.approx(1)
    assert correlated_up_to(per_um, correlation) == per_um[-1]


def test_a_single_row_has_none() -> None:
    per_um, correlation = ring_correlation(white((1, 9)), white((1, 9)), PIXEL_NM)
    assert len(correlation) == 0
    assert np.isnan(correlated_up_to(per_um, correlation))
