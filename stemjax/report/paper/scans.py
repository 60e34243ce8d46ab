"""What a rapid scan looks like beside a slow one."""

import numpy as np
from matplotlib.axes import Axes

from stemjax.report.paper.field import Field, around, sharpest_place, shown_field
from stemjax.report.paper.run import Run, caption
from stemjax.report.paper.spectra import decibels, show_spectra
from stemjax.report.paper.style import (
    MARK,
    PAPER,
    Drawn,
    colour,
    image_panel,
    label,
    letter,
    new_figure,
)

BAND_ROWS = 5  # averaged for a profile
PROFILE_PX = 128  # its length


def scans_figure(run: Run) -> Drawn:
    """Show a rapid frame, the integration and the slow scan, their spectra and a line profile.

    Raises:
        Refused: no field of view can be shown.
    """
    field = shown_field(run)
    references, pixel = field.references, field.about["pixel_size_nm"]
    shown = {
        "rapid scan, one frame": references.raw[-1],
        f"DCFI, {field.integrated}": references.still[-1],
        "slow scan": field.slow,
    }
    figure = new_figure(168.0)
    grid = figure.add_gridspec(3, 3, height_ratios=[1, 1, 0.62])
    for k, (name, image) in enumerate(shown.items()):
        axes = figure.add_subplot(grid[0, k])
        image_panel(axes, image, name, pixel)
        letter(axes, "abc"[k])
    row, columns = _profile(figure.add_subplot(grid[2, :]), field, run)
    axes.plot([columns.start, columns.stop - 1], [row, row], color=MARK, lw=0.8)
    panels = [figure.add_subplot(grid[1, k]) for k in range(3)]
    spectra = {name: decibels(image) for name, image in shown.items()}
    low, high = show_spectra(panels, spectra, pixel)
    for axes, text in zip(panels, "def", strict=True):
        axes.set_title("power spectrum")
        letter(axes, text)
    for axes in panels[:2]:
        arrow = {"arrowstyle": "-|>", "color": "white", "lw": 0.8}
        axes.annotate("", (0.51, 0.8), (0.65, 0.9), "axes fraction", arrowprops=arrow)
    return Drawn(
        figure,
        "Rapid scan, integration and slow scan of one field of view",
        caption(
            run,
            f"After Fig. 1 of {PAPER}. {field.says()}.",
            f"(a) Rapid frame {field.frame}, (b) drift-corrected integration (DCFI), the mean of "
            f"{field.integrated}, (c) slow scan, all as recorded; "
            "the scan runs from left to right.",
            "(d-f) Their power spectra (Hann window, logarithmic), relative to the image's "
            f"variance from {low:.0f} dB to {high:.0f} dB. Arrows: the vertical streak at kx = 0, "
            "of what differs from line to line; that power is lost towards high kx is the "
            "detector's lag.",
            "(g) Profiles along the line marked in (c), where it crosses the sharpest dislocation: "
            f"mean of {BAND_ROWS} rows about row {row}, undistorted and scaled to the slow scan. "
            "The detector's lag smears it along the scan. Undistorting takes back the mean delay, "
            "averaging the noise; the smear stays.",
        ),
        "A noisy rapid frame, the smooth but smeared mean of many, and the sharp slow scan; "
        "below their power spectra and a line profile across dislocations.",
    )


def _profile(axes: Axes, field: Field, run: Run) -> tuple[int, slice]:
    """Plot profiles across the sharpest line of the field; returns their row and columns."""
    references = field.references
    slow = references.slow[-1]
    inside = references.inside
    row, column = sharpest_place(slow, inside)
    rows = around(row, BAND_ROWS, inside[0])
    columns = around(column, PROFILE_PX, inside[1])
    x = np.arange(columns.start, columns.stop) * field.about["pixel_size_nm"]
    # One scale for frame and integration: noise would flatten that of the frame.
    scale = np.polynomial.Polynomial.fit(
        references.dcfi[-1][inside].ravel(), slow[inside].ravel(), 1
    )
    images = {
        "rapid": scale(references.rapid[-1]),
        "dcfi": scale(references.dcfi[-1]),
        "slow": slow,
    }
    for method, image in images.items():
        width = 0.5 if method == "rapid" else 1.0
        tone = colour(method, list(run.models))
        values = image[rows, columns].mean(axis=0)
        axes.plot(x, values, color=tone, lw=width, label=label(method))
    axes.set(xlabel="place along the scan (nm)", ylabel="intensity (counts)")
    axes.set_xlim(x[0], x[-1])
    axes.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
    letter(axes, "g")
    return row, columns
