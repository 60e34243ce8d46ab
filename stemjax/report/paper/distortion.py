"""How the rapid scan distorts, and what is left of it after undistorting."""

import h5py
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from stemjax.distortion.map import DistortionMap, from_json
from stemjax.provenance import read_json
from stemjax.report.paper.field import Field, shown_field
from stemjax.report.paper.run import Run, caption, counted
from stemjax.report.paper.style import PAPER, Drawn, length_bar, letter, new_figure, overlay
from stemjax.typing import Columns

MAP, STRIPS, TRUTH = "#0072b2", "#d55e00", "#000000"


def distortion_figure(run: Run) -> Drawn:
    """Lay the integration over the slow scan before and after, beside the map.

    Raises:
        Refused: no field of view can be shown.
    """
    field = shown_field(run)
    references, pixel = field.references, field.about["pixel_size_nm"]
    record = read_json(run.results / "distortion" / f"{field.row.session}.json")
    maps = {"map": from_json(record)}
    strips, one = from_json(record["strips"]), maps["map"]
    if not np.array_equal(strips.columns, maps["map"].columns):
        maps["strips"] = strips
    truth = true_columns(field)
    figure = new_figure(150.0)
    above, below = figure.subfigures(2, 1, height_ratios=[1.45, 1])
    images = {"as recorded": references.still[-1], "undistorted": references.dcfi[-1]}
    for axes, text, (name, image) in zip(above.subplots(1, 2), "ab", images.items(), strict=True):
        overlay(axes, image, references.slow[-1])
        axes.set_title(f"DCFI (green), {name}, over slow scan (magenta)")
        length_bar(axes, image.shape, pixel)
        letter(axes, text)
    moved, stretch = below.subplots(1, 2)
    _moved(moved, maps, truth)
    _stretch(stretch, maps, truth)
    letter(moved, "c")
    letter(stretch, "d")
    inside = one.columns[one.valid] - np.arange(one.width)[one.valid]
    percent = stretch_percent(one)[one.valid]
    known = " Dotted: the simulated scan." if truth is not None else ""
    beside = f" Dashed: the paper's method by strips of {record['strips']['strip_width']} pixels, "
    beside += f"from {record['strips']['acquisition']} alone, which takes the "
    beside += f"detector's lag, {one.late:.1f} px here, for displacement."
    return Drawn(
        figure,
        "Distortion of the rapid scan",
        caption(
            run,
            f"After Fig. 7b-d of {PAPER}. {field.says()}.",
            f"(a) Integration of {field.integrated} (green) as "
            "recorded, laid over the slow scan (magenta): where they agree, grey is left; "
            "(b) undistorted.",
            f"(c) The rapid column that shows each column of the slow grid, less that "
            f"column; from {inside.min():+.1f} to {inside.max():+.1f} px, median standard error "
            f"{float(np.median(one.sigma[one.valid])):.2f} px (band). (d) Local stretch, "
            f"d(rapid column)/d(column) - 1, from {percent.min():+.0f} to {percent.max():+.0f} %. "
            f"Solid: the map of session {field.row.session} ({record['method']}, "
            f"{counted(len(record['acquisitions']), 'field')} of view)."
            f"{beside if 'strips' in maps else ''}{known}",
        ),
        "The integration over the slow scan before and after undistorting, and the map's "
        "displacement and stretch over the columns.",
    )


def stretch_percent(distortion: DistortionMap) -> Columns:
    """Local stretch in percent of each column: how much farther than one pixel the next one is."""
    return 100 * (np.gradient(distortion.columns) - 1)


def true_columns(field: Field) -> Float[np.ndarray, " x"] | None:
    """Give the simulated scan's rapid column of each slow column, if there is one."""
    if not field.row.truth:
        return None
    with h5py.File(field.row.truth) as file:
        return np.asarray(file["columns"], float) if "columns" in file else None


def _moved(axes: Axes, maps: dict[str, DistortionMap], truth: Columns | None) -> None:
    one = maps["map"]
    grid = np.arange(float(one.width))
    moved = one.columns - grid
    axes.fill_between(grid, moved - one.sigma, moved + one.sigma, color=MAP, alpha=0.3, lw=0)
    axes.plot(grid, moved, ":", color=MAP)
    axes.plot(grid, np.where(one.valid, moved, np.nan), color=MAP, label=_named(one, "map"))
    if "strips" in maps:
        axes.plot(grid, maps["strips"].columns - grid, "--", color=STRIPS, label="by strips")
    if truth is not None:
        axes.plot(grid, truth - grid, ":", color=TRUTH, label="simulated scan")
    axes.axhline(0, color="gray", lw=0.5, zorder=0)
    axes.set(xlabel="column of the slow grid (px)", ylabel="displacement (px)")
    axes.set_xlim(0, one.width - 1)
    axes.legend()


def _stretch(axes: Axes, maps: dict[str, DistortionMap], truth: Columns | None) -> None:
    grid = np.arange(float(maps["map"].width))
    one = stretch_percent(maps["map"])
    axes.plot(grid, np.where(maps["map"].valid, one, np.nan), color=MAP)
    if "strips" in maps:
        axes.plot(grid, stretch_percent(maps["strips"]), "--", color=STRIPS)
    if truth is not None:
        axes.plot(grid, 100 * (np.gradient(truth) - 1), ":", color=TRUTH)
    axes.axhline(0, color="gray", lw=0.5, zorder=0)
    axes.set(xlabel="column of the slow grid (px)", ylabel="local stretch (%)")
    axes.set_xlim(0, len(grid) - 1)


def _named(distortion: DistortionMap, name: str) -> str:
    return name if distortion.valid.all() else f"{name} (dotted: extrapolated)"
