"""Specimens: where lines darken the foil, and pictures taken for one."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stemjax.errors import UserError
from stemjax.simulate.contrast import DISTANCE_NM, STEEL
from stemjax.simulate.specimen import Dislocation, Specimen, draw_specimen

PIXEL_NM = 2.1
REACH_PX = DISTANCE_NM[-1] / PIXEL_NM


def upright(x: float, gb: int = 1) -> Dislocation:
    """Draw a straight screw along y, in the middle of the foil."""
    y = np.arange(-20.0, 180.0)
    points = np.stack([y, np.full(len(y), x)], axis=1)
    return Dislocation(points, np.full(len(y), 0.5), np.zeros(len(y)), gb)


@pytest.fixture(scope="module")
def foil() -> Specimen:
    return Specimen(np.full((160, 160), 0.4), (), STEEL, PIXEL_NM, margin=0)


def test_a_line_darkens_the_foil_where_it_lies(foil: Specimen) -> None:
    contrast = foil.log_contrast((upright(80.0),))
    darkest = contrast.argmin(axis=1)
    assert (np.abs(darkest - 80) <= 2).all()
    assert contrast.min() < np.log(0.6)


def test_a_line_changes_nothing_out_of_its_reach(foil: Specimen) -> None:
    contrast = foil.log_contrast((upright(80.0),))
    away = np.abs(np.arange(160) - 80) > REACH_PX + 4
    assert away.any()
    assert not contrast[:, away].any()


def test_the_contrast_moves_with_the_line(foil: Specimen) -> None:
    line = upright(75.0)
    contrast = foil.log_contrast((line,))
    moved = foil.log_contrast((line.moved(np.array([[0.0, 7.0]])),))
    np.testing.assert_allclose(moved, np.roll(contrast, 7, axis=1), atol=1e-9)


def test_transmission_is_background_times_contrast(foil: Specimen) -> None:
    line = upright(80.0)
    specimen = Specimen(foil.background, (line,), STEEL, PIXEL_NM, margin=0)
    ratio = specimen.transmission() / 0.4
    np.testing.assert_allclose(ratio, np.exp(foil.log_contrast((line,))), rtol=1e-12)


@pytest.mark.parametrize("kind", ["steel", "aluminium"])
def test_a_drawn_specimen_has_lines_on_a_canvas_with_margins(kind: str) -> None:
    specimen = draw_specimen(np.random.default_rng(0), kind, 96, 20, PIXEL_NM)
    transmission = specimen.transmission()
    assert transmission.shape == (136, 136)
    assert transmission.min() > 0
    assert np.median(transmission) == pytest.approx(0.42, rel=0.2)
    assert (transmission / specimen.background).min() < 0.7
    assert len(specimen.dislocations) >= 4


def save(path: Path, mode: str = "L") -> Path:
    """Save a picture whose grey rises from left to right."""
    if mode == "I;16":
        ramp = np.linspace(0, 65535, 300).astype(np.uint16)
    else:
        ramp = np.linspace(0, 255, 300).astype(np.uint8)
    picture = Image.fromarray(np.tile(ramp, (260, 1)))
    (picture if picture.mode == mode else picture.convert(mode)).save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_part_of_a_picture_is_taken_for_the_transmission(tmp_path: Path, mode: str) -> None:
    picture = save(tmp_path / "ramp.png", mode)
    specimen = draw_specimen(np.random.default_rng(1), str(picture), 64, 16, PIXEL_NM)
    transmission = specimen.transmission()
    assert transmission.shape == (96, 96)
    # The picture is scaled to twice the canvas, 2 x 96 rows of 221 columns, over 0.1 to 0.6.
    assert np.diff(transmission, axis=1).mean() == pytest.approx(0.5 / 221, rel=0.05)
    assert np.abs(np.diff(transmission, axis=0)).max() < 0.01
    assert transmission.min() >= 0.1
    assert transmission.max() <= 0.6


def test_fields_of_view_take_different_parts_of_a_picture(tmp_path: Path) -> None:
    picture = str(save(tmp_path / "ramp.png"))
    one, same, other = (
        draw_specimen(np.random.default_rng(seed), picture, 64, 16, PIXEL_NM).background
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.01


def test_a_picture_without_contrast_is_an_even_foil(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.new("L", (80, 80), 127).save(path)
    specimen = draw_specimen(np.random.default_rng(0), str(path), 64, 8, PIXEL_NM)
    assert np.ptp(specimen.transmission()) == 0


def test_a_missing_picture_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"simulate\.specimen: cannot read .*nowhere\.png"):
        draw_specimen(np.random.default_rng(0), str(tmp_path / "nowhere.png"), 64, 8, PIXEL_NM)


def test_a_file_that_is_no_picture_is_the_users_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("not a picture")
    with pytest.raises(UserError, match=r"cannot read the picture '.*notes\.png'"):
        draw_specimen(np.random.default_rng(0), str(path), 64, 8, PIXEL_NM)
