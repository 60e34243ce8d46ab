"""What is measured of dislocations against drawn lines that were shifted, widened, blurred."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import exponnorm

from stemjax.evaluate.dislocations import (
    ACROSS,
    find_dislocations,
    fit_dips,
    levelled,
    line_metrics,
    profiles,
)

SIZE = 192
WIDTH = 3.0  # standard deviation of a line in pixels
DEPTH = 4_000.0


def drawn(
    *angles: float,
    width: float = WIDTH,
    depth: float = DEPTH,
    across: float = 0.0,
    ground: bool = True,
) -> np.ndarray:
    """Draw lines 64 pixels apart at angles (degrees) to x, on ground much brighter to one side."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    image = 30_000 + 100.0 * (x + y) * ground
    for angle in angles:
        turn = np.radians(angle)
        away = y * np.cos(turn) - x * np.sin(turn) - across
        away = (away + 32) % 64 - 32
        image -= depth * np.exp(-((away / width) ** 2) / 2)
    return image


def measured(image: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Measure against what a reference shows, lines of a fifth of the contrast and more."""
    return line_metrics(image, find_dislocations(reference, 4 * DEPTH))


@pytest.mark.parametrize(
    ("angle", "suffix"),
    [
        (0.0, "_0_30"),
        (20.0, "_0_30"),
        (35.0, "_30_60"),
        (-55.0, "_30_60"),
        (-70.0, "_60_90"),
        (90.0, "_60_90"),
    ],
)
def test_shift_width_and_depth_of_lines_are_told_in_their_class_of_angle(
    angle: float, suffix: str
) -> None:
    changed = drawn(angle, across=1.5, width=1.5 * WIDTH, depth=0.6 * DEPTH)
    values = measured(changed, drawn(angle))
    expected = {"line_offset_px": 1.5, "line_width": 1.5, "line_contrast": 0.6}
    for name, value in expected.items():
        assert values[name] == values[name + suffix] == pytest.approx(value, rel=0.02)
    assert len([name for name in values if name.endswith("0")]) == 3  # of no other class


def test_each_class_has_its_own_medians() -> None:
    changed = drawn(0.0, ground=False) + drawn(90.0, across=2.0, depth=0.5 * DEPTH) - 30_000
    values = measured(changed, drawn(0.0, 90.0))
    assert values["line_offset_px_0_30"] == pytest.approx(0, abs=0.05)
    assert values["line_offset_px_60_90"] == pytest.approx(2, abs=0.1)
    assert values["line_contrast_0_30"] == pytest.approx(1, abs=0.05)
    assert values["line_contrast_60_90"] == pytest.approx(0.5, abs=0.05)
    assert "line_width_30_60" not in values


def test_the_reference_shows_its_own_lines_perfectly_in_any_intensities() -> None:
    reference = drawn(0.0, 70.0)
    values = measured(0.3 * reference + 500, reference)
    assert values["line_offset_px"] == pytest.approx(0, abs=1e-6)
    others = [value for name, value in values.items() if not name.startswith("line_offset_px")]
    assert others == pytest.approx([1] * len(others))


def test_a_detector_that_lags_blurs_and_moves_lines_across_the_scan_alone() -> None:
    decay = 4.0  # pixels
    keep = np.exp(-1 / decay)
    reference = drawn(0.0, 90.0)
    level = reference[:, :1]
    lagged = level + lfilter([1 - keep], [1, -keep], reference - level, axis=1)
    values = measured(lagged, reference)
    # A Gaussian that is convolved with an exponential: the darkest place and how dark it is.
    x = np.linspace(-5, 20, 5001)
    dip = exponnorm.pdf(x, decay / WIDTH, scale=WIDTH) * WIDTH * np.sqrt(2 * np.pi)
    assert values["line_contrast_60_90"] == pytest.approx(dip.max(), abs=0.06)
    assert values["line_offset_px_60_90"] == pytest.approx(x[dip.argmax()], abs=0.5)
    assert values["line_width_60_90"] > 1.2
    assert values["line_contrast_0_30"] == pytest.approx(1, abs=0.02)
    assert values["line_width_0_30"] == pytest.approx(1, abs=0.02)
    assert values["line_offset_px_0_30"] < 0.05


def test_lines_are_measured_through_noise() -> None:
    noise = DEPTH / 4 * np.random.default_rng(0).standard_normal((2, SIZE, SIZE))
    changed = drawn(20.0, width=1.3 * WIDTH, depth=0.7 * DEPTH, across=1.5) + noise[0]
    values = measured(changed, drawn(20.0) + noise[1] / 4)
    assert values["line_offset_px"] == pytest.approx(1.5, abs=0.1)
    assert values["line_width"] == pytest.approx(1.3, abs=0.05)
    assert values["line_contrast"] == pytest.approx(0.7, abs=0.03)


def test_recall_and_precision_tell_missing_from_invented_lines() -> None:
    both, one = drawn(0.0, 90.0), drawn(0.0)
    missing, invented = measured(one, both), measured(both, one)
    assert missing["line_precision"] == pytest.approx(1, abs=0.02)
    assert missing["line_recall"] == pytest.approx(0.5, abs=0.1)
    assert invented["line_recall"] == pytest.approx(1, abs=0.02)
    assert invented["line_precision"] == pytest.approx(0.5, abs=0.1)


def test_a_blank_image_has_neither_precision_nor_places() -> None:
    values = measured(np.full((SIZE, SIZE), 7.0), drawn(0.0))
    assert set(values) == {"line_recall", "line_contrast", "line_contrast_0_30"}
    assert list(values.values()) == pytest.approx([0, 0, 0], abs=1e-6)


def test_without_lines_in_the_reference_nothing_is_told() -> None:
    assert measured(drawn(0.0), drawn()) == {}


def test_few_points_are_not_measured() -> None:
    reference = drawn(0.0)
    reference[:, 32:] = drawn()[:, 32:]  # three lines of some 24 pixels
    assert set(measured(reference, reference)) == {"line_recall", "line_precision"}


@pytest.mark.parametrize(("apart", "width"), [(11.0, WIDTH), (7.0, 1.5), (0.0, 10.0)])
def test_pairs_of_lines_and_very_wide_lines_are_not_measured(apart: float, width: float) -> None:
    reference = drawn(0.0, width=width) + drawn(0.0, width=width, across=apart) - drawn()
    found = find_dislocations(reference, DEPTH)
    assert found.lines.length > 3 * (SIZE - 32)
    assert len(found.places) == 0


def test_noise_does_not_flatten_an_image_that_is_levelled() -> None:
    y, x = np.mgrid[:SIZE, :SIZE]
    reference = 20_000 + 3_000 * np.sin(x / 30) + 3_000 * np.cos(y / 25)
    noise = 5_000 * np.random.default_rng(0).standard_normal(reference.shape)
    level = levelled(0.1 * (reference + noise) - 40, reference)
    assert level - noise == pytest.approx(reference, rel=0.05)


@pytest.mark.parametrize("angle", [0.0, 30.0, -60.0, 90.0])
def test_profiles_run_across_the_line(angle: float) -> None:
    image = drawn(angle, across=3.0, ground=False)
    middle = np.array([[SIZE // 2, SIZE // 2]])
    (profile,) = profiles(image, middle, np.array([angle]))
    expected = 30_000 - DEPTH * np.exp(-(((ACROSS - 3) / WIDTH) ** 2) / 2)
    assert profile == pytest.approx(expected, abs=0.02 * DEPTH)


def test_profiles_are_averaged_along_the_line() -> None:
    noise = np.random.default_rng(0).standard_normal((SIZE, SIZE))
    places = np.stack([np.full(40, SIZE // 2), np.arange(60, 100)], axis=1)
    assert profiles(noise, places, np.zeros(40)).std() == pytest.approx(5**-0.5, rel=0.1)


def test_dips_are_fitted_on_sloping_ground() -> None:
    rng = np.random.default_rng(0)
    centre, width = rng.uniform(-3, 3, (40, 1)), rng.uniform(1.5, 5, (40, 1))
    depth, slope = rng.uniform(100, 5_000, (40, 1)), rng.uniform(-50, 50, (40, 1))
    dips = fit_dips(
        9_000 + slope * ACROSS - depth * np.exp(-(((ACROSS - centre) / width) ** 2) / 2)
    )
    assert dips.centre == pytest.approx(centre[:, 0], abs=0.05)
    assert dips.width == pytest.approx(width[:, 0], rel=0.02)
    assert dips.depth == pytest.approx(depth[:, 0], rel=0.03)
    assert np.all(dips.explained > 0.999)


def test_a_bright_line_is_no_dip() -> None:
    bright = 9_000 + 500 * np.exp(-((ACROSS / 3) ** 2) / 2)
    dips = fit_dips(np.stack([bright, np.full_like(ACROSS, 9_000)]))
    assert np.all(dips.explained < 0.5)
    assert dips.depth[1] == pytest.approx(0, abs=1e-6)
