"""Pictures of the pages."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stemjax.report.pictures import (
    grey_picture,
    outlines,
    overlay_picture,
    save_picture,
    scale_bar,
    thumbnail,
)
from tests.handmade import canvas, view


def disc(y: float, x: float, size: int = 96, radius: float = 20.0) -> np.ndarray:
    """Make an image with a dark disc on bright ground."""
    rows, columns = np.indices((size, size))
    return np.where(np.hypot(rows - y, columns - x) < radius, 100.0, 900.0)


def test_a_frame_is_kept_pixel_for_pixel_and_a_large_one_is_averaged() -> None:
    steps = np.linspace(100, 200, 64 * 64).reshape(64, 64)
    shown = np.asarray(grey_picture(steps))
    assert shown.shape == (64, 64)
    assert (shown.ravel()[0], shown.ravel()[-1]) == (0, 255)
    assert (np.diff(shown.ravel().astype(int)) >= 0).all()
    assert grey_picture(np.zeros((1025, 600))).size == (300, 513)


def test_a_blank_frame_does_no_harm() -> None:
    assert np.ptp(np.asarray(grey_picture(np.full((8, 8), 7)))) == 0


def test_what_agrees_is_grey_in_the_overlay_and_what_does_not_is_coloured() -> None:
    image = view(canvas(1)).astype(float)
    same, flipped = (
        np.ptp(np.asarray(overlay_picture(each, image)).astype(int), axis=2)
        for each in (image, image[::-1])
    )
    assert same.max() == 0
    assert np.mean(flipped > 30) > 0.1


def test_a_picture_is_written_with_the_folders_above_it(tmp_path: Path) -> None:
    save_picture(tmp_path, "images/a/b.png", grey_picture(disc(40, 40)))
    with Image.open(tmp_path / "images/a/b.png") as found:
        assert (found.format, found.size) == ("PNG", (96, 96))


def test_a_thumbnail_needs_no_file() -> None:
    head, content = thumbnail(disc(40, 40, 600)).split(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content, validate=True))) as found:
        assert max(found.size) == 192


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    percent, label = scale_bar(256, 2.0)
    assert (percent, label) == (pytest.approx(100 * 200 / 512, abs=0.01), "200 nm")


def test_outlines_lie_where_what_is_dark_ends() -> None:
    """A disc of 20 px takes an eighth of the picture; the darkest fifth just encloses it."""
    path = outlines(disc(40.0, 50.0))
    found = np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", path), float) - 0.5
    away = np.hypot(found[:, 1] - 40, found[:, 0] - 50)
    assert path.startswith("M")
    assert len(found) > 8
    assert away.mean() == pytest.approx(22.5, abs=3)
    assert away.std() < 1


def test_there_is_nothing_to_outline_in_a_blank_picture() -> None:
    assert outlines(np.full((64, 64), 5.0)) == ""
