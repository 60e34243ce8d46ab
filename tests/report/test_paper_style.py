"""How all figures for a paper look."""

from pathlib import Path

import numpy as np
from matplotlib import rc_context

from stemjax.report.paper.style import STYLE, letter, new_figure, save

MARGIN = 0.03  # inches


def test_nothing_is_cut_off_at_the_edges_of_a_figure(tmp_path: Path) -> None:
    """Square images leave other room than was laid out at first."""
    with rc_context(STYLE):
        figure = new_figure(100.0)
        grid = figure.add_gridspec(2, 5, height_ratios=[1, 1.35])
        for k in range(5):
            axes = figure.add_subplot(grid[0, k])
            axes.imshow(np.zeros((8, 8)), extent=(-240, 240, 240, -240))
            axes.set(title="slow scan", xlabel="$k_x$ (1/µm)", xticks=[-200, 0, 200])
            axes.set(yticks=[-200, 0, 200], yticklabels=["-200", "0", "200"] if k == 0 else [])
        letter(figure.axes[0], "a")
        profiles = figure.add_subplot(grid[1, :])
        profiles.set(xlabel="$k_x$ (1/µm)")
        letter(profiles, "b")
        save(figure, tmp_path / "figure")
        ink = figure.get_tightbbox()
    assert min(ink.x0, ink.y0) > MARGIN
    assert ink.x1 < figure.get_figwidth() - MARGIN
    assert ink.y1 < figure.get_figheight() - MARGIN
