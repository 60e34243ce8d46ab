"""The detector of lines against lines drawn by hand, and against simulated truth."""

import numpy as np
import pytest

from stemjax.evaluate.lines import (
    RIM,
    SCALES,
    SHORTEST,
    TOLERANCE,
    Lines,
    detect_lines,
    line_density,
    line_depth,
    pixel_lengths,
    share_near,
)
from stemjax.evaluate.metrics import data_range
from stemjax.simulate.specimen import draw_specimen

SIZE = 128
CONTRAST = 20_000.0


def distance(angle: float, size: int = SIZE) -> np.ndarray:
    """Distance of pixels from a line through the middle, at an angle (degrees) to x."""
    y, x = np.mgrid[:size, :size] - size // 2
    turn = np.radians(angle)
    return y * np.cos(turn) - x * np.sin(turn)


def drawn(angle: float, width: float, depth: float) -> np.ndarray:
    """Draw a dark line of Gaussian profile, `width` pixels wide at half of its depth."""
    sigma = width / np.sqrt(8 * np.log(2))
    profile = np.exp(-((distance(angle) / sigma) ** 2) / 2)
    return 30_000 - depth * CONTRAST * profile


def marked(*rows: int, columns: slice = slice(None)) -> Lines:
    """Lines along x in some of the rows."""
    skeleton = np.zeros((40, 50), bool)
    skeleton[list(rows), columns] = True
    return Lines(skeleton, np.zeros((40, 50)))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("angle", [-70.0, 0.0, 25.0, 90.0])
def test_depth_and_angle_of_a_line_as_wide_as_a_scale(scale: float, angle: float) -> None:
    image = drawn(angle, np.sqrt(8 * np.log(2)) * scale / 2**0.5, 0.5)
    depth, found = line_depth(image)
    middle = (SIZE // 2, SIZE // 2)
    assert depth[middle] == pytest.approx(0.5 * CONTRAST, rel=0.03)
    assert np.cos(np.radians(2 * (found[middle] - angle))) == pytest.approx(1, abs=1e-4)


def test_a_dark_dot_is_no_line() -> None:
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    dot = 30_000 - CONTRAST * np.exp(-(y**2 + x**2) / 2 / 3**2)
    assert detect_lines(dot, CONTRAST).length == 0


def test_lines_are_followed_through_a_crossing() -> None:
    lines = detect_lines(drawn(0.0, 6.0, 0.3) + drawn(90.0, 6.0, 0.3), CONTRAST)
    assert np.all(lines.skeleton[SIZE // 2, RIM:-RIM])


@pytest.mark.parametrize("width", [4.0, 8.0, 16.0, 24.0])
@pytest.mark.parametrize("angle", [0.0, 37.0, -60.0, 90.0])
def test_lines_of_all_widths_are_found_where_they_are(width: float, angle: float) -> None:
    lines = detect_lines(drawn(angle, width, 0.4), CONTRAST)
    middle = (slice(30, -30),) * 2  # at the edge a line aslant meets its mirror image
    assert np.abs(distance(angle)[middle][lines.skeleton[middle]]).max() <= 1.2
    turn = np.radians(angle)
    across_frame = (SIZE - 2 * RIM) / max(abs(np.cos(turn)), abs(np.sin(turn)))
    assert lines.length == pytest.approx(across_frame, rel=0.12)  # steps of pixels, thinned ends


def test_a_line_is_followed_where_it_fades_but_does_not_begin_there() -> None:
    fading = np.broadcast_to(np.where(np.arange(SIZE) < SIZE // 2, 0.3, 0.12), (SIZE, SIZE))
    line = (30_000 - drawn(0.0, 6.0, 1.0)) * fading
    whole = detect_lines(30_000 - line, CONTRAST)
    assert whole.length == pytest.approx(SIZE - 2 * RIM, rel=0.05)
    assert detect_lines(drawn(0.0, 6.0, 0.12), CONTRAST).length == 0


def test_no_line_begins_at_the_edge_where_none_is_searched() -> None:
    fading = np.where(np.arange(SIZE) < RIM // 2, 0.3, 0.12)
    image = 30_000 - (30_000 - drawn(0.0, 6.0, 1.0)) * fading
    assert detect_lines(image, CONTRAST).length == 0


def test_a_bright_line_is_none() -> None:
    assert detect_lines(drawn(30.0, 6.0, -0.3), CONTRAST).length == 0


@pytest.mark.parametrize(("height", "found"), [(0.2, False), (0.35, True)])
def test_a_step_is_a_line_from_a_quarter_of_the_contrast_on(height: float, found: bool) -> None:
    step = 30_000 - height * CONTRAST * (distance(90.0) > 0)
    assert bool(detect_lines(step, CONTRAST).length) == found


@pytest.mark.parametrize("reach", [SHORTEST - 8, SHORTEST + 8])
def test_what_is_short_is_no_line(reach: int) -> None:
    image = np.full((SIZE, SIZE), 30_000.0)
    row = slice(SIZE // 2, SIZE // 2 + reach)
    image[:, row] = drawn(0.0, 4.0, 0.3)[:, row]
    assert bool(detect_lines(image, CONTRAST).length) == (reach > SHORTEST)


@pytest.mark.parametrize("noise", [1e-4, 0.04])
def test_a_blank_frame_has_no_lines_however_small_its_range(noise: float) -> None:
    image = 30_000 + noise * CONTRAST * np.random.default_rng(0).standard_normal((256, 256))
    assert detect_lines(image, CONTRAST).length == 0
    assert detect_lines(image, float(image.std())).length > 0  # as if judged by itself


def test_a_contrast_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="positive contrast"):
        detect_lines(drawn(0.0, 6.0, 0.5), 0.0)


def test_whole_numbers_do_not_wrap_around() -> None:
    image = drawn(20.0, 6.0, 0.5)
    rounded = detect_lines(image.astype(np.uint16), CONTRAST)
    assert np.array_equal(rounded.skeleton, detect_lines(image, CONTRAST).skeleton)


@pytest.mark.parametrize("angle", [-50.0, 10.0])
def test_the_angle_is_told_at_each_pixel_of_a_line(angle: float) -> None:
    lines = detect_lines(drawn(angle, 6.0, 0.5), CONTRAST)
    middle = (slice(30, -30),) * 2
    assert lines.angle[middle][lines.skeleton[middle]] == pytest.approx(angle, abs=1)


def test_diagonal_steps_are_longer_unless_two_steps_lead_the_same_way() -> None:
    straight, diagonal, corner = np.zeros((3, 9, 9), bool)
    straight[4, 1:8] = True
    np.fill_diagonal(diagonal, True)
    corner[4, :5] = corner[4:, 4] = True
    lengths = [pixel_lengths(each).sum() for each in (straight, diagonal, diagonal[::-1], corner)]
    assert lengths == pytest.approx([6, 8 * 2**0.5, 8 * 2**0.5, 8])


def test_shares_are_of_length_near_the_other_lines() -> None:
    long, half = marked(20), marked(20, columns=slice(25))
    assert share_near(half, long) == 1
    near = 24.5 + TOLERANCE  # a pixel's length reaches half a step to either side
    assert share_near(long, half) == pytest.approx(near / 49)
    assert share_near(marked(5, 20), long) == pytest.approx(0.5)


def test_lines_miss_one_another_beyond_the_tolerance() -> None:
    apart = int(TOLERANCE)
    assert share_near(marked(20), marked(20 + apart)) == 1
    assert share_near(marked(20), marked(21 + apart)) == 0


def test_without_lines_there_is_no_precision_and_no_recall_of_others() -> None:
    assert np.isnan(share_near(marked(), marked(20)))
    assert share_near(marked(20), marked()) == 0


def test_density_is_length_over_the_searched_area() -> None:
    lines = marked(20, columns=slice(10, 31))  # 20 pixels long
    area = (40 - 2 * RIM) * (50 - 2 * RIM) * 0.002**2
    assert line_density(lines, 2.0) == pytest.approx(20 * 0.002 / area)


def test_a_noisy_scan_of_simulated_dislocations_shows_the_lines_that_are_there() -> None:
    rng = np.random.default_rng(3)
    specimen = draw_specimen(rng, "steel", 128, 8, 2.1)
    truth = 50_000 * specimen.transmission()
    contrast = data_range(truth)
    noisy = truth + 0.04 * contrast * rng.standard_normal(truth.shape)  # as of a slow scan
    expected, found = detect_lines(truth, contrast), detect_lines(noisy, contrast)
    assert share_near(found, expected) > 0.9
    assert share_near(expected, found) > 0.9
    on_cores = np.zeros(truth.shape, bool)
    for line in specimen.dislocations:
        points = line.points.round().astype(int)
        inside = np.all((points >= RIM) & (points < np.array(truth.shape) - RIM), axis=1)
        on_cores[tuple(points[inside].T)] = True
    assert share_near(found, Lines(on_cores, found.angle)) > 0.5  # contrast lies beside the core
