"""Diagram of what ran, with its counts."""

import csv
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from stemjax.errors import Refused
from stemjax.report.figures import grey_range
from stemjax.report.paper.counts import workflow_stages
from stemjax.report.paper.field import field_images, shown_field
from stemjax.report.paper.run import Run, caption, paper_models
from stemjax.report.paper.style import PAPER, WIDE, Drawn, new_figure
from stemjax.typing import AnyImage

Curve = Float[np.ndarray, " n"]
GROUND, EDGE = "#eef3f8", "#5b7c99"
BOX, PICTURE, GAP = (38.5, 34.0), 14.0, 8.0  # mm
IN_A_ROW = 4


def workflow_figure(run: Run) -> Drawn:
    """Draw the stages that ran with what each of them made in this run."""
    stages = workflow_stages(run)
    pictures = _pictures(run)
    lines = -(-len(stages) // IN_A_ROW)
    height = lines * BOX[1] + (lines - 1) * GAP + 2
    figure = new_figure(height)
    axes = figure.subplots()
    axes.set_axis_off()
    corners = []
    for k, (title, texts) in enumerate(stages.items()):
        line, place = divmod(k, IN_A_ROW)
        column = IN_A_ROW - 1 - place if line % 2 else place  # as an ox ploughs
        corners.append((1 + column * (BOX[0] + GAP), 1 + line * (BOX[1] + GAP)))
        _box(axes, corners[-1], title, texts)
        _picture(axes, corners[-1], pictures.get(title, []))
    for start, end in pairwise(corners):
        _arrow(axes, start, end)
    axes.set(xlim=(0, WIDE), ylim=(height, 0), aspect="equal")
    told = "; ".join(f"{title}: {', '.join(texts)}" for title, texts in stages.items())
    return Drawn(
        figure,
        "What ran",
        caption(run, f"After Fig. 2 of {PAPER}. What each stage of this run made. {told}."),
        f"Boxes joined by arrows: {' to '.join(stages)}.",
    )


def _pictures(run: Run) -> dict[str, list[AnyImage | Curve]]:
    """Give images and curves to show beside the counts, none where no field can be shown."""
    try:
        field = shown_field(run)
    except Refused:
        return {}
    references = field.references
    shown = field_images(run, field)
    models = [model for model in paper_models(run)[::-1] if model in shown]
    columns = references.distortion.columns
    return {
        "Raw files": [references.raw[-1], field.slow],
        "Integrated (DCFI)": [references.still[-1]],
        "Distortion map": [columns - np.arange(len(columns))],
        "Pairs": [references.rapid[-1], references.slow[-1]],
        "Training": [losses for model in models[:1] if (losses := _losses(run, model)) is not None],
        "Restored": [shown[model] for model in models[:1]],
    }


def _losses(run: Run, model: str) -> Curve | None:
    """Give the logarithm of a model's training loss over its epochs."""
    path = run.results / "models" / model / "metrics.csv"
    if not path.exists():  # it was loaded
        return None
    with open(path, newline="") as file:
        return np.log([float(row["train_loss"]) for row in csv.DictReader(file)])


def _picture(axes: Axes, corner: tuple[float, float], pictures: Sequence[AnyImage | Curve]) -> None:
    """Draw images or a curve at the foot of a box."""
    count = len(pictures)
    for k, shown in enumerate(pictures):
        left = corner[0] + BOX[0] / 2 + (k - count / 2) * (PICTURE + 2) + 1
        bottom = corner[1] + BOX[1] - 2.0
        if shown.ndim == 2:
            low, high = grey_range(shown)
            box = (left, left + PICTURE, bottom, bottom - PICTURE)
            axes.imshow(shown, cmap="gray", vmin=low, vmax=high, extent=box, zorder=2)
        elif len(shown) > 1:
            height = (shown - shown.min()) / max(float(np.ptp(shown)), 1e-12)
            x = left - 5 + np.linspace(0, PICTURE + 10, len(shown))
            axes.plot(x, bottom - 1 - (PICTURE - 2) * height, color=EDGE, lw=1.2)


def _box(axes: Axes, corner: tuple[float, float], title: str, texts: Sequence[str]) -> None:
    rounded = "round,pad=0,rounding_size=1.5"
    axes.add_patch(FancyBboxPatch(corner, *BOX, rounded, fc=GROUND, ec=EDGE, lw=0.8))
    x, y = corner[0] + BOX[0] / 2, corner[1] + 2.2
    axes.text(x, y, title, ha="center", va="top", fontweight="bold", fontsize=7.5)
    axes.text(x, y + 4.6, "\n".join(texts), ha="center", va="top", fontsize=6.5, linespacing=1.35)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    (x0, y0), (x1, y1) = start, end
    middle_x, middle_y = BOX[0] / 2, BOX[1] / 2
    if y0 == y1:
        side = 1 if x1 > x0 else -1
        tail = (x0 + middle_x + side * middle_x, y0 + middle_y)
        head = (x1 + middle_x - side * middle_x, y1 + middle_y)
    else:
        tail, head = (x0 + middle_x, y0 + BOX[1]), (x1 + middle_x, y1)
    style = {"arrowstyle": "-|>", "mutation_scale": 8, "shrinkA": 1, "shrinkB": 1}
    axes.add_patch(FancyArrowPatch(tail, head, color=EDGE, lw=1.2, **style))
