"""What happens during a heating series: drift, glide, temperature."""

import numpy as np
import pytest

from stemjax.integrate.dcfi import FINAL_STATE
from stemjax.simulate.contrast import STEEL
from stemjax.simulate.motion import (
    BESIDE,
    REST,
    Glide,
    beam_walk,
    beside_moving,
    coefficients_of,
    draw_glides,
    heating_drift,
    scenes,
    temperature,
)
from stemjax.simulate.specimen import Dislocation, Specimen, draw_specimen


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def specimen() -> Specimen:
    return draw_specimen(np.random.default_rng(5), "steel", 96, 10, 2.1)


@pytest.mark.parametrize("frames", [1, 2, 200])
def test_the_drift_of_a_series_ends_where_the_slow_scan_is(
    rng: np.random.Generator, frames: int
) -> None:
    drift = heating_drift(rng, frames, largest=10.0)
    assert drift.shape == (frames, 2)
    np.testing.assert_array_equal(drift[-1], [0, 0])


def test_a_series_drifts_by_no_more_than_its_canvas_allows(rng: np.random.Generator) -> None:
    drift = heating_drift(rng, 200, largest=10.0)
    assert 5 < np.abs(drift).max() <= 10


def test_a_field_at_rest_walks_little_and_around_its_centre(rng: np.random.Generator) -> None:
    walk = beam_walk(rng, 50)
    np.testing.assert_allclose(walk.mean(axis=0), 0, atol=1e-12)
    assert 0 < np.abs(walk).max() < 1
    assert np.abs(np.diff(walk, axis=0)).max() < 0.2


def test_pixels_beside_a_line_that_moves_soon_or_moved_lately_are_told() -> None:
    line = Dislocation(
        np.stack([np.full(41, 30.0), np.arange(41.0)], axis=1), np.full(41, 0.5), np.zeros(41), gb=1
    )
    glide = Glide(line, np.array([0.0, 0.0, 0.0, 0.0, 3.0]))
    corner = np.array([5.0, 10.0])
    assert not beside_moving([glide], 1, corner, 40).any()
    told = beside_moving([glide], 2, corner, 40)
    rows = np.flatnonzero(told[:, 10])
    assert (rows[0], rows[-1]) == (25 - BESIDE, 25 + BESIDE)  # row 30 of the canvas
    assert told[25].tolist() == [True] * (31 + BESIDE) + [False] * (9 - BESIDE)
    assert beside_moving([glide], 4, corner, 40).any()


def test_a_line_glides_across_itself_and_bows_out() -> None:
    x = np.arange(41.0)
    line = Dislocation(
        np.stack([np.full(41, 30.0), x], axis=1), np.full(41, 0.5), np.zeros(41), gb=1
    )
    moved = Glide(line, np.array([0.0, 5.0])).at(1).points
    np.testing.assert_allclose(moved[:, 1], x, atol=1e-12)
    way = np.abs(moved[:, 0] - 30)
    assert way[20] == pytest.approx(5)
    assert way[[0, -1]] == pytest.approx([3, 3])  # the ends are held back


def test_some_lines_glide_steadily_and_no_loop_does(specimen: Specimen) -> None:
    glides = draw_glides(np.random.default_rng(1), specimen, 100)
    assert 0 < len(glides) < len(specimen.dislocations)
    for glide in glides:
        assert np.linalg.norm(glide.line.points[0] - glide.line.points[-1]) >= 3
        steps = np.diff(glide.distance)
        assert np.abs(steps).max() <= 0.8
        assert (steps >= 0).all() or (steps <= 0).all()
        assert not steps[49:].any()  # the integrated frames, which the slow scan shows


def test_lines_rest_while_frames_are_integrated(specimen: Specimen) -> None:
    assert REST == FINAL_STATE
    still = [np.ptp(g.distance[250:]) for g in draw_glides(np.random.default_rng(1), specimen, 300)]
    moved = [np.ptp(g.distance[:250]) for g in draw_glides(np.random.default_rng(1), specimen, 300)]
    assert max(still) == 0 < max(moved)


def test_lines_that_glide_change_the_scene_and_resting_ones_do_not(specimen: Specimen) -> None:
    line = specimen.dislocations[0]
    glide = Glide(line, np.array([0.0, 0.0, 6.0]))
    rest, still, moved = scenes(specimen, [glide], range(3))
    np.testing.assert_allclose(rest, coefficients_of(specimen.transmission()), atol=1e-9)
    np.testing.assert_array_equal(rest, still)
    assert np.abs(moved - rest).max() > 0.05


def test_spline_coefficients_give_the_image_back_at_its_pixels() -> None:
    image = np.random.default_rng(0).random((24, 24))
    image[0, 0] = 1.0
    c = np.pad(coefficients_of(image), 1, mode="reflect")
    b = np.array([1, 4, 1]) / 6  # the cubic B-spline at whole numbers
    rows = b[0] * c[:-2] + b[1] * c[1:-1] + b[2] * c[2:]
    again = b[0] * rows[:, :-2] + b[1] * rows[:, 1:-1] + b[2] * rows[:, 2:]
    np.testing.assert_allclose(again, image, atol=1e-9)


def test_the_temperature_rises_in_settling_steps() -> None:
    degrees = temperature(np.linspace(0, 100, 1001), 100.0, (90.0, 400.0))
    assert degrees[0] == 90
    assert (np.diff(degrees) >= 0).all()
    # Four steps, each settled to exp(-5) of its height when the next begins.
    expected = 90 + 310 / 4 * np.array([1, 2, 3, 4])
    np.testing.assert_allclose(degrees[[250, 500, 750, 1000]], expected, atol=1)
    assert np.diff(degrees)[250] > 20 * np.diff(degrees)[249]


def test_foil_and_canvas_of_a_scene_agree() -> None:
    even = Specimen(np.full((40, 40), 0.4), (), STEEL, 2.1, margin=4)
    (scene,) = scenes(even, [], [0])
    np.testing.assert_allclose(scene, 0.4)
