"""Images made ready for comparison, against filters in real space."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from stemjax.distortion.scans import BACKGROUND_PX, Field, prepare

SHAPE = (44, 57)
BLUR = 1.5


def image(seed: int, blur: float = 2.0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(SHAPE)
    return 20_000 + 3000 * gaussian_filter(noise, blur)


def blurred(picture: np.ndarray) -> np.ndarray:
    """Blur as wanted, and scale to unit variance beside what varies slowly."""
    picture = picture - picture.mean()
    smooth = gaussian_filter(picture, BLUR, mode="reflect", truncate=8)
    slow = gaussian_filter(picture, BACKGROUND_PX, mode="reflect", truncate=8)
    return smooth / (smooth - slow).std()


@pytest.fixture(scope="module")
def prepared() -> tuple[np.ndarray, np.ndarray]:
    return prepare([Field(image(0), image(1)), Field(image(2), image(3))], BLUR)


def test_rapid_images_are_blurred_by_a_gaussian(prepared: tuple[np.ndarray, np.ndarray]) -> None:
    rapid, _ = prepared
    for seen, seed in zip(rapid, (0, 2), strict=True):
        np.testing.assert_allclose(seen.T, blurred(image(seed)), atol=1e-3)


def test_slow_scans_are_the_coefficients_of_a_spline(
    prepared: tuple[np.ndarray, np.ndarray],
) -> None:
    _, slow = prepared
    rng = np.random.default_rng(0)
    places = rng.uniform(0, np.array(SHAPE)[:, None] - 1, (2, 200))
    on_grid = np.indices(SHAPE).reshape(2, -1)
    for seen, seed in zip(slow, (1, 3), strict=True):
        expected = blurred(image(seed))
        for where in (places, on_grid):
            sampled = map_coordinates(
                seen.T.astype(float), where, order=3, mode="reflect", prefilter=False
            )
            spline = map_coordinates(expected, where, order=3, mode="reflect")
            np.testing.assert_allclose(sampled, spline, atol=2e-3)


def test_a_scans_columns_are_contiguous_single_precision(
    prepared: tuple[np.ndarray, np.ndarray],
) -> None:
    for stack in prepared:
        assert stack.shape == (2, SHAPE[1], SHAPE[0])
        assert stack.dtype == np.float32
        assert stack.flags["C_CONTIGUOUS"]


def test_what_is_left_beside_the_background_has_unit_variance() -> None:
    # Whatever the background, and whatever lines and shading the image has.
    picture = image(4) + 9000 * np.linspace(0, 1, SHAPE[1])
    (rapid,), _ = prepare([Field(picture, picture)], BLUR)
    more = np.sqrt(BACKGROUND_PX**2 - BLUR**2)
    band = rapid - gaussian_filter(rapid, more, mode="reflect", truncate=8)
    assert band.std() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("blur", [0.7, 6.0])
def test_brightness_and_contrast_do_not_matter(blur: float) -> None:
    # The slow scans have fifty times the electrons, and another gain.
    one = prepare([Field(image(0), image(1))], blur)
    other = prepare([Field(500 + 0.2 * image(0), 3 * image(1) - 900)], blur)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)
