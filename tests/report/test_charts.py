"""Charts: lines and points stand where their values say."""

import re

import numpy as np
import pytest

from stemjax.report.charts import (
    HEIGHT,
    NAMES,
    WIDTH,
    Chart,
    Line,
    Row,
    Tick,
    interval_chart,
    line_chart,
    svg_path,
)


def points(path: str) -> np.ndarray:
    """Read the coordinates (n, xy) of a path."""
    return np.array(re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path), float)


def chart(y: list[float], **options: object) -> Chart:
    """Lay out one line over 0, 1, 2 ..."""
    x = np.arange(float(len(y)))
    return line_chart("about", "x", "y", [Line("one", x, np.array(y), "model0")], **options)


def value(at: float, ticks: list[Tick]) -> float:
    """Read a value off an axis as people do: from the numbers beside it."""
    places = [tick.at for tick in ticks]
    told = [float(tick.text.replace("\u2212", "-")) for tick in ticks]
    return float(np.polyval(np.polyfit(places, told, 1), at))


def test_values_can_be_read_off_the_axes() -> None:
    told = chart([-2.0, 5.0, 3.0])
    drawn = points(told.paths[0][2])
    assert [value(x, told.x_ticks) for x in drawn[:, 0]] == pytest.approx([0, 1, 2], abs=0.01)
    assert [value(y, told.y_ticks) for y in drawn[:, 1]] == pytest.approx([-2, 5, 3], abs=0.05)
    assert (drawn > 0).all()
    assert (drawn < [WIDTH, HEIGHT]).all()


def test_a_logarithmic_axis_has_equal_steps_for_equal_factors() -> None:
    told = chart([1.0, 10.0, 100.0, 0.0], log=True)
    drawn = points(told.paths[0][2])
    assert len(drawn) == 3  # zero is left out
    assert np.diff(drawn[:, 1])[0] == pytest.approx(np.diff(drawn[:, 1])[1], abs=0.11)
    by_text = {tick.text: tick.at for tick in told.y_ticks}
    assert by_text["10"] == pytest.approx(drawn[1, 1], abs=0.11)


def test_a_logarithmic_axis_of_a_small_range_has_numbers_too() -> None:
    assert len(chart([0.013, 0.011, 0.012], log=True).y_ticks) >= 1
    assert len(chart([0.5, 0.1, 0.012], log=True).y_ticks) >= 2


def test_a_line_is_broken_where_a_value_is_missing() -> None:
    path = svg_path(np.arange(5.0), np.array([1.0, 2.0, np.nan, 4.0, 5.0]))
    assert path == "M0.0 1.0L1.0 2.0M3.0 4.0L4.0 5.0"


def test_a_band_reaches_its_error_to_both_sides() -> None:
    x, y = np.arange(3.0), np.array([1.0, 2.0, 3.0])
    told = line_chart("about", "x", "y", [Line("one", x, y, "", np.full(3, 0.5))])
    band = points(told.paths[0][3])
    heights = [value(v, told.y_ticks) for v in band[:, 1]]
    assert heights == pytest.approx([1.5, 2.5, 3.5, 2.5, 1.5, 0.5], abs=0.02)


def test_a_level_is_drawn_and_is_inside_of_the_chart() -> None:
    told = chart([5.0, 6.0], level=0.0)
    assert told.level is not None
    assert value(told.level, told.y_ticks) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("y", [[3.0], [2.0, 2.0], [np.nan, np.nan], [0.0]])
def test_little_or_nothing_is_drawn_as_well(y: list[float]) -> None:
    told = chart(y)
    assert np.isfinite([tick.at for tick in told.y_ticks]).all()
    assert len(points(told.paths[0][2])) == int(np.isfinite(y).sum())


def test_intervals_stand_about_their_points_and_are_left_out_where_unknown() -> None:
    rows = [Row("a", "quiet", 2.0, 1.0, 4.0), Row("b", "model0", 3.0, np.nan, np.nan)]
    told = interval_chart("about", "dB", rows)
    (name, _, upper, low, at, high), (_, _, lower, none, _, _) = told.rows
    assert (name, none) == ("a", None)
    assert [value(v, told.x_ticks) for v in (low, at, high)] == pytest.approx([1, 2, 4], abs=0.02)
    assert NAMES <= low < at < high < WIDTH
    assert 0 < upper < lower < told.height
