"""Statistics of frames whose structure and noise are known by construction."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.optimize import brentq

from stemjax.dataset.statistics import (
    BACKGROUND_NM,
    CHANCE,
    measure_statistics,
    noise_of,
    structure_of,
)
from tests.handmade import PIXEL_NM, Handmade

SIZE = 256


def blobs(seed: int, sigma: float, deviation: float = 1000.0, size: int = SIZE) -> np.ndarray:
    """Give smooth structure of known expected deviation: white noise through a Gaussian."""
    white = np.random.default_rng(seed).standard_normal((size, size))
    return deviation * 2 * np.sqrt(np.pi) * sigma * gaussian_filter(white, sigma, mode="wrap")


def streaked(seed: int, deviation: float) -> np.ndarray:
    """Give noise that is independent in rows and correlated within them, as with a lag."""
    white = np.random.default_rng(seed).standard_normal((SIZE, SIZE))
    noise = gaussian_filter1d(white, 2.0, axis=1, mode="wrap")
    return deviation * noise / noise.std()


def expected_structure(sigma: float, background: float) -> tuple[float, float]:
    """Deviation and half width of blobs of variance 1, from which a broader Gaussian is taken.

    In Fourier space exp(-s^2 k^2) (1 - exp(-b^2 k^2 / 2))^2: three Gaussians.
    """
    widths = np.array([sigma**2, sigma**2 + background**2 / 2, sigma**2 + background**2])

    def covariance(r: float) -> float:
        terms = np.array([1, -2, 1]) * sigma**2 / widths * np.exp(-(r**2) / (4 * widths))
        return float(terms.sum())

    half = brentq(lambda r: covariance(r) - covariance(0) / 2, 0, 3 * sigma)
    return np.sqrt(covariance(0)), half


@pytest.mark.parametrize("sigma", [2.0, 3.0, 5.0])
@pytest.mark.parametrize("pixel_nm", [2.1, 1.4])
def test_contrast_and_width_of_structure_are_those_of_a_known_field(
    sigma: float, pixel_nm: float
) -> None:
    frame = 20_000 + blobs(0, sigma) + np.linspace(0, 8_000, SIZE)  # a thickness that varies
    deviation, half = expected_structure(sigma, BACKGROUND_NM / pixel_nm)
    contrast, width = structure_of(frame, pixel_nm)
    assert contrast == pytest.approx(1000 * deviation, rel=0.07)
    assert width == pytest.approx(half * pixel_nm, rel=0.07)


def test_a_small_frame_shows_structure_as_wide_as_a_large_one_does() -> None:
    frame, pixel_nm = blobs(0, 3.0), BACKGROUND_NM / 8  # in either, the background is as broad
    parts = [frame[y : y + 64, x : x + 64] for y in range(0, SIZE, 64) for x in range(0, SIZE, 64)]
    contrast, width = np.mean([structure_of(part, pixel_nm) for part in parts], axis=0)
    assert (contrast, width) == pytest.approx(structure_of(frame, pixel_nm), rel=0.04)


@pytest.mark.parametrize("noise", [1000.0, 3000.0])
def test_streaks_of_noise_are_no_structure(noise: float) -> None:
    frame = blobs(0, 3.0)
    clean = structure_of(frame, 2.1)
    rows = 0.2 * noise * np.random.default_rng(7).standard_normal((SIZE, 1))
    assert structure_of(frame + streaked(5, noise) + rows, 2.1) == pytest.approx(clean, rel=0.06)


@pytest.mark.parametrize("deviation", [20.0, 1500.0])
def test_noise_is_told_where_it_is_streaked_and_beside_lines(deviation: float) -> None:
    frame = 20_000 + np.linspace(0, 9_000, SIZE)[:, None] + streaked(1, deviation)
    assert noise_of(frame) == pytest.approx(deviation, rel=0.03)
    frame[100:108] -= 12_000.0  # a line along the scan
    assert noise_of(frame) == pytest.approx(deviation, rel=0.05)


def test_an_acquisition_is_described_in_its_own_units(tmp_path: Path) -> None:
    """Half the range: level, noise and contrast are halved, the width stays."""
    frames = np.stack([20_000 + blobs(k, 3.0) + streaked(k + 9, 800.0) for k in range(3)])
    handmade = Handmade(tmp_path)
    whole, half = (
        measure_statistics(handmade.converted(name, (frames / part).astype(np.uint16)))
        for name, part in (("whole", 1), ("half", 2))
    )
    assert (whole["pixel_size_nm"], whole["dwell_us"]) == (PIXEL_NM, 0.1)
    assert whole["level"] == pytest.approx(20_000, rel=0.01)
    assert whole["noise"] == pytest.approx(800, rel=0.05)
    _, scale = expected_structure(3.0, BACKGROUND_NM / PIXEL_NM)
    assert whole["structure_nm"] == pytest.approx(scale * PIXEL_NM, rel=0.07)
    for key, factor in (("level", 2), ("noise", 2), ("contrast", 2), ("structure_nm", 1)):
        assert whole[key] == pytest.approx(factor * half[key], rel=0.01)


@pytest.mark.parametrize(
    ("frames", "looked_at"),
    [(None, [0, 2, 4, 6, 8]), (50, [0, 2, 4, 6, 8]), (8, [0, 2, 4, 5, 7]), (2, [0, 1]), (1, [0])],
)
def test_evenly_spaced_ones_of_the_first_n_frames_are_looked_at(
    tmp_path: Path, frames: int | None, looked_at: list[int]
) -> None:
    levels = np.array([100, 700, 110, 800, 150, 120, 190, 130, 300], np.uint16)
    constant = np.ones((9, 64, 64), np.uint16) * levels[:, None, None]
    about = measure_statistics(Handmade(tmp_path).converted("a", constant), frames)
    assert about["level"] == np.median(levels[looked_at])


def test_what_shows_nothing_has_no_width(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    constant = handmade.converted("blank", np.full((2, 64, 64), 9_500, np.uint16))
    about = measure_statistics(constant)
    assert (about["noise"], about["contrast"], about["structure_nm"]) == (0.0, 0.0, None)
    noise = np.stack([9_500 + streaked(k, 300.0) for k in range(5)]).astype(np.uint16)
    about = measure_statistics(handmade.converted("dark", noise))
    assert about["contrast"] < CHANCE * about["noise"]
    assert about["structure_nm"] is None


def test_by_chance_alone_noise_has_little_contrast() -> None:
    """Its covariance may as well fall at once, or never to half of what it seems to be."""
    frames = np.random.default_rng(0).normal(0.0, 100.0, (50, 64, 64))
    contrasts = np.array([structure_of(frame, 2.1)[0] for frame in frames])
    assert (contrasts == 0).any()
    assert contrasts.max() < 40.0
