"""Figures of the report."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from stemjax.report.figures import (
    drift_figure,
    learning_curves,
    scale_bar,
    show,
    side_by_side,
)
from tests.handmade import canvas, view


def size(picture: bytes) -> tuple[int, int]:
    """Decode a PNG."""
    with Image.open(io.BytesIO(picture)) as image:
        image.load()
        assert image.format == "PNG"
        return image.size


def test_pictures_stand_side_by_side_and_a_blank_one_does_no_harm() -> None:
    image = view(canvas(1))
    one = size(side_by_side({"frame": image}, 2.0))
    three = size(side_by_side({"frame": image, "b": image.astype(float), "c": 0 * image}, 2.0))
    assert three == (3 * one[0], one[1])


def test_an_image_is_shown_from_its_half_percentile_on_both_sides() -> None:
    axes = Figure().subplots()
    show(axes, np.arange(10_000.0).reshape(100, 100))
    assert axes.images[0].get_clim() == pytest.approx((49.995, 9949.005))


@pytest.mark.parametrize("pixel_size_nm", [0.01, 0.05, 0.3, 2.1, 15.0])
def test_the_scale_bar_is_round_and_fits_into_the_picture(pixel_size_nm: float) -> None:
    axes = Figure().subplots()
    scale_bar(axes, 512, pixel_size_nm)
    start, end = axes.lines[0].get_xdata()
    length, unit = axes.texts[0].get_text().split()
    assert unit == "nm"
    assert (end - start) * pixel_size_nm == pytest.approx(float(length))
    assert length.rstrip("0") in {"1", "2", "5"}
    assert 0 < start < end < 0.5 * 512


@pytest.mark.parametrize("frames", [1, 50])
def test_the_drift_of_any_number_of_frames_is_plotted(frames: int) -> None:
    assert size(drift_figure(np.zeros((frames, 2)), 950)) == (910, 312)


def test_learning_curves_are_plotted_with_and_without_validation() -> None:
    epochs = np.array([0.5, 0.1])
    curves = {
        "held back": {"train": epochs, "validation": epochs},
        "all": {"train": epochs, "validation": np.full(2, np.nan)},
    }
    assert size(learning_curves(curves)) == (910, 390)
