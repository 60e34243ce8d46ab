"""An in-situ series: moments, motion along a line, and the final state."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from stemjax.errors import Refused
from stemjax.records import is_ok
from stemjax.report.figures import grey_range
from stemjax.report.paper.field import Field, fields
from stemjax.report.paper.metrics import last_value, table
from stemjax.report.paper.motion import BAND_ROWS, Sampled, kymograph, moving_place, sample
from stemjax.report.paper.run import Run, caption, counted, said_of_models, slow_model
from stemjax.report.paper.style import (
    MARK,
    PAPER,
    Drawn,
    image_panel,
    length_bar,
    letter,
    new_figure,
    overlay,
)

MOMENTS = 4
LINE = 0.4  # of the width


def series_figure(run: Run) -> Drawn:
    """Show moments of the first series, motion of its dislocations, and its final state.

    Raises:
        Refused: there is no series with a map, or nothing restored it.
    """
    field, model = _shown_series(run)
    sampled = sample(run, field, model)
    inside = field.references.inside
    y, x = moving_place(sampled.restored, inside)
    width = sampled.rapid.shape[2]
    start = int(np.clip(x - LINE * width / 2, inside[1].start, inside[1].stop - LINE * width))
    line = slice(start, start + int(LINE * width))
    scanned = field.slow is not None
    figure = new_figure(205.0 if scanned else 142.0)
    parts = figure.subfigures(2 + scanned, 1, height_ratios=[1.75, 0.85, 1.15][: 2 + scanned])
    evenly = np.linspace(0, len(sampled.index) - 1, MOMENTS).round().astype(int)
    moments = np.unique(evenly).tolist()
    _moments(parts[0].subplots(2, len(moments), squeeze=False), sampled, moments, (y, line), field)
    _kymographs(parts[1], sampled, (y, line), field)
    told = _final(parts[2].subplots(1, 3), run, field, model, sampled) if scanned else ""
    pixel, frames = field.about["pixel_size_nm"], counted(field.frames, "frame")
    return Drawn(
        figure,
        f"In-situ series {field.row.acquisition}, restored by {model}",
        caption(
            run,
            f"After Fig. 6 of {PAPER}. {field.says()}; {frames} in {_last_second(field):.3g} s.",
            f"(a) Rapid frames, undistorted (above), and restored by {model} (below), at "
            f"{'; '.join(_moment(sampled, k) for k in moments)}; all moved onto the last frame by "
            "the drift of the restored ones.",
            f"(b) Intensity along the line marked in (a), {line.stop - line.start} px "
            f"({(line.stop - line.start) * pixel:.0f} nm) and {BAND_ROWS} rows, over time, at "
            f"{counted(len(sampled.index), 'evenly spaced frame')}: where it crosses the "
            "dislocation that moves most.",
            told,
            said_of_models(run, [model]),
        ),
        "Frames of a series, rapid above restored; dislocations moving along a line over time"
        + ("; the last restored frame beside the slow scan." if scanned else "."),
    )


def _shown_series(run: Run) -> tuple[Field, str]:
    series = run.rows("series")
    if not series:
        raise Refused("the sheet has no row of role 'series'")
    chosen = slow_model(run)
    if chosen is None:
        raise Refused("no model has the target slow and correct: true")
    for field in fields(run, run.rows("series"), scanned=False):
        record = run.results / "restored" / chosen / f"{field.row.acquisition}.json"
        there = field.row.acquisition in run.models[chosen] and is_ok(record)
        if there and field.frames > 1:
            return field, chosen
    names = ", ".join(row.acquisition for row in series)
    raise Refused(f"none of {names} has a map, two frames or more, and was restored by {chosen}")


def _moments(
    panels: np.ndarray,
    sampled: Sampled,
    moments: Sequence[int],
    line: tuple[int, slice],
    field: Field,
) -> None:
    inside = field.references.inside
    row, columns = line[0] - inside[0].start, line[1]
    ends = [columns.start - inside[1].start, columns.stop - inside[1].start]
    for column, k in enumerate(moments):
        for axes, frames in zip(panels[:, column], (sampled.rapid, sampled.restored), strict=True):
            image_panel(axes, frames[k][inside], "")
            axes.plot(ends, [row, row], color=MARK, lw=0.8)
        panels[0, column].set_title(_moment(sampled, k))
    for axes, name in zip(panels[:, 0], ("rapid", "restored"), strict=True):
        place = {"rotation": 90, "ha": "right", "va": "center", "transform": axes.transAxes}
        axes.text(-0.03, 0.5, name, **place)
    length_bar(panels[0, 0], sampled.rapid[0][inside].shape, field.about["pixel_size_nm"])
    letter(panels[0, 0], "a")


def _kymographs(figure: SubFigure, sampled: Sampled, line: tuple[int, slice], field: Field) -> None:
    panels = figure.subplots(1, 2, sharey=True)
    length = (line[1].stop - line[1].start) * field.about["pixel_size_nm"]
    names = {"rapid": sampled.rapid, "restored": sampled.restored}
    for axes, (name, frames) in zip(panels, names.items(), strict=True):
        shown = kymograph(frames, *line).T
        low, high = grey_range(shown)
        box = (float(sampled.seconds[0]), float(sampled.seconds[-1]), length, 0.0)
        axes.imshow(shown, cmap="gray", vmin=low, vmax=high, extent=box, aspect="auto")
        axes.set(title=name, xlabel="time (s)")
    panels[0].set_ylabel("place along the scan (nm)")
    letter(panels[0], "b")


def _final(
    panels: Sequence[Axes] | np.ndarray, run: Run, field: Field, model: str, sampled: Sampled
) -> str:
    """Show the final state; returns what is said of it."""
    inside = field.references.inside
    restored, slow = sampled.restored[-1][inside], field.references.slow[-1][inside]
    image_panel(panels[0], restored, f"restored by {model}", field.about["pixel_size_nm"])
    image_panel(panels[1], slow, "slow scan")
    overlay(panels[2], restored, slow)
    panels[2].set_title("overlay")
    letter(panels[0], "c")
    rows = table(run)
    name = field.row.acquisition
    told = f"(c) Final state: restored frame {field.frame}, the slow scan taken afterwards and "
    told += "the one (green) over the other (magenta)"
    for metric, what in (("psnr_paper", "PSNR as in the paper"), ("psnr_slow", "PSNR")):
        values = {m: last_value(rows, name, m, metric) for m in ("rapid", model)}
        if None not in values.values():
            told += f"; {what}: {values[model]:.1f} dB, of the rapid frame {values['rapid']:.1f} dB"
    return f"{told}."


def _moment(sampled: Sampled, k: int) -> str:
    text = f"{sampled.seconds[k]:.2f} s"
    if sampled.celsius is not None and np.isfinite(sampled.celsius[k]):
        text += f", {sampled.celsius[k]:.0f} °C"
    return text


def _last_second(field: Field) -> float:
    return float(field.about["frame_time_s"]) * field.frames
