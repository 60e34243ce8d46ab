"""Line charts as plain numbers, which a template draws as SVG in the page's own colours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.ticker import LogLocator, MaxNLocator

WIDTH, HEIGHT = 480, 280  # of the drawing, in its own units; text is 13 of them high
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 12, 44
TICKS = 5
NAMES, ROW, AXIS = 150, 24, 24  # width of the names beside intervals, heights of each and below

Values = Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: in the legend.
        x: where, (n,).
        y: what, (n,); the line is broken where it is NaN.
        style: class of the drawing: a colour, and ``dashed`` or ``dotted``.
        error: half the height (n,) of a band around the line.
    """

    name: str
    x: Values
    y: Values
    style: str
    error: Values | None = None


@dataclass(frozen=True)
class Tick:
    """Where on an axis, in units of the drawing, a number stands."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A chart as it is drawn.

    Attributes:
        about: what it shows, for who cannot see it.
        x_label: of the axis, with unit.
        y_label: likewise.
        paths: name, style, path of the line and path of its band, which may be empty.
        x_ticks: of the axis.
        y_ticks: likewise.
        level: height of a horizontal line, if there is one.
    """

    about: str
    x_label: str
    y_label: str
    paths: list[tuple[str, str, str, str]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    level: float | None


def line_chart(
    about: str,
    x_label: str,
    y_label: str,
    lines: Sequence[Line],
    *,
    log: bool = False,
    level: float | None = None,
) -> Chart:
    """Lay out lines over common axes.

    Args:
        about: what the chart shows, for who cannot see it.
        x_label: of the axis, with unit.
        y_label: likewise.
        lines: to draw, the first lowest.
        log: whether the vertical axis is logarithmic; what is not positive is left out then.
        level: value of a horizontal line, of an axis that is not logarithmic.
    """
    heights = [np.asarray(line.y, float) for line in lines]
    if log:
        heights = [np.log10(np.where(y > 0, y, np.nan)) for y in heights]
    reach = [*heights]
    for line, y in zip(lines, heights, strict=True):
        if line.error is not None:
            reach += [y - line.error, y + line.error]
    if level is not None:
        reach.append(np.array([level]))
    x_low, x_high = _range([np.asarray(line.x, float) for line in lines])
    y_low, y_high = _range(reach, margin=0.05)

    def across(x: Values) -> Values:
        return LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def up(y: Values) -> Values:
        return HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    paths = []
    for line, y in zip(lines, heights, strict=True):
        x, band = across(np.asarray(line.x, float)), ""
        if line.error is not None:
            known = np.isfinite(y + line.error)
            edge = np.concatenate([(y + line.error)[known], (y - line.error)[known][::-1]])
            band = svg_path(np.concatenate([x[known], x[known][::-1]]), up(edge)) + "Z"
        paths.append((line.name, line.style, svg_path(x, up(y)), band))
    return Chart(
        about,
        x_label,
        y_label,
        paths,
        [Tick(round(float(across(np.array([v]))[0]), 1), _text(v)) for v in _ticks(x_low, x_high)],
        [
            Tick(round(float(up(np.array([at]))[0]), 1), text)
            for at, text in (_log_ticks(y_low, y_high) if log else _named(_ticks(y_low, y_high)))
        ],
        None if level is None else round(float(up(np.array([level]))[0]), 1),
    )


def svg_path(x: Values, y: Values) -> str:
    """Write a polygon as an SVG path, broken where a coordinate is not finite."""
    parts, pen = [], "M"
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if np.isfinite(a) and np.isfinite(b):
            parts.append(f"{pen}{a:.1f} {b:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)


def _range(values: Sequence[Float[np.ndarray, " _n"]], margin: float = 0.0) -> tuple[float, float]:
    """Lowest and highest finite value, never equal."""
    known = np.concatenate([v[np.isfinite(v)] for v in values] or [np.zeros(0)])
    if not known.size:
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    wide = (high - low) or max(abs(high), 1.0) * 0.1
    return (low - margin * wide, high + margin * wide) if high > low else (low - wide, high + wide)


def _ticks(low: float, high: float) -> list[float]:
    """Choose round values within a range."""
    found = MaxNLocator(TICKS, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    near = 1e-9 * (high - low)
    return [float(v) for v in found if low - near <= v <= high + near]


def _log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Choose round values of a logarithmic axis: powers of ten, or steps between where few."""
    for steps in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
        found = LogLocator(subs=steps).tick_values(10**low, 10**high)
        kept = [float(v) for v in found if low <= np.log10(v) <= high]
        if len(kept) > 2:
            break
    return [(float(np.log10(v)), _text(v)) for v in kept]


def _named(values: Sequence[float]) -> list[tuple[float, str]]:
    return [(v, _text(v)) for v in values]


def _text(value: float) -> str:
    return f"{round(value, 12):g}".replace("-", "\u2212")


@dataclass(frozen=True)
class Row:
    """A value with its interval, to be drawn in one row.

    Attributes:
        name: written at its left.
        style: class of the drawing, a colour.
        value: the point.
        low: where the interval begins, NaN where there is none.
        high: where it ends.
    """

    name: str
    style: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class IntervalChart:
    """Values and their intervals as they are drawn, one below the other.

    Attributes:
        about: what it shows, for who cannot see it.
        title: the metric, with unit and direction.
        height: of the drawing.
        rows: name, style, height, begin, point and end of each; begin is None without interval.
        x_ticks: of the axis.
    """

    about: str
    title: str
    height: int
    rows: list[tuple[str, str, float, float | None, float, float]]
    x_ticks: list[Tick]


def interval_chart(about: str, title: str, rows: Sequence[Row]) -> IntervalChart:
    """Lay out values with their intervals, one below the other, over a common axis."""
    low, high = _range([np.array([r.value, r.low, r.high]) for r in rows], margin=0.05)

    def across(value: float) -> float:
        return round(NAMES + (value - low) / (high - low) * (WIDTH - NAMES - RIGHT), 1)

    drawn = []
    for k, row in enumerate(rows):
        known = bool(np.isfinite(row.low) and np.isfinite(row.high))
        begin, end = (across(row.low), across(row.high)) if known else (None, 0.0)
        drawn.append((row.name, row.style, ROW * (k + 0.5), begin, across(row.value), end))
    ticks = [Tick(across(v), _text(v)) for v in _ticks(low, high)]
    return IntervalChart(about, title, ROW * len(rows) + AXIS, drawn, ticks)
