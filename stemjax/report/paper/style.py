"""How all figures for a paper look, and how they are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from stemjax.report.figures import bar_length, shade, show
from stemjax.report.glossary import method_name
from stemjax.typing import AnyImage

PAPER = "Ihara et al., Sci. Rep. 12, 13462 (2022)"
TIMES = "\u00d7"
MM = 1 / 25.4  # inches
WIDE = 180.0  # mm; the text of a page
PREVIEW_PX = 1200
MARK = "#f0e442"  # of places in images
VECTOR_DPI = 600  # of what vector formats hold as pixels
STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "stemjax",
    "pdf.fonttype": 42,
}
# One for each method in all figures, told apart by the colour-blind (Okabe and Ito, 2008).
COLOURS = {
    "rapid": "#8c8c8c",
    "dcfi": "#e69f00",
    "gaussian": "#cc79a7",
    "nlm": "#b8a800",
    "wiener": "#56b4e9",
    "bm3d": "#009e73",
    "bm3d-spectrum": "#7fcdb0",
    "slow": "#000000",
}
MODEL_COLOURS = (
    *("#0072b2", "#d55e00", "#332288", "#882255"),
    *("#117733", "#661100", "#e31a1c", "#9a5cff", "#00a0a0"),
)
LABELS = {"rapid": "rapid scan", "slow": "slow scan"}


@dataclass(frozen=True)
class Drawn:
    """A figure and what is written about it.

    Attributes:
        figure: what is shown.
        title: in a few words.
        caption: what was done, with which values.
        alt: for who does not see it.
    """

    figure: Figure
    title: str
    caption: str
    alt: str


def new_figure(height_mm: float, width_mm: float = WIDE) -> Figure:
    """Make an empty figure of a size in millimetres."""
    return Figure((width_mm * MM, height_mm * MM), layout="constrained")


def letter(axes: Axes, text: str) -> None:
    """Write a panel's letter above its left corner."""
    axes.set_title(text, loc="left", fontweight="bold", fontsize=8)


def image_panel(
    axes: Axes, image: AnyImage, title: str, pixel_size_nm: float | None = None
) -> None:
    """Show an image over its own range of grey, with a scale bar if the pixel size is given."""
    show(axes, image)
    axes.set_title(title)
    if pixel_size_nm is not None:
        length_bar(axes, image.shape, pixel_size_nm)


def length_bar(axes: Axes, shape: tuple[int, ...], pixel_size_nm: float) -> None:
    """Draw a scale bar of round length at the lower left of an image (y, x)."""
    height, width = shape
    length = bar_length(width, pixel_size_nm)
    bar = AnchoredSizeBar(
        axes.transData,
        length / pixel_size_nm,
        f"{length} nm",
        "lower left",
        pad=0.35,
        borderpad=0.6,
        sep=2,
        color="white",
        label_top=True,
        size_vertical=0.012 * max(height, width),
    )
    bar.patch.set(facecolor="black", alpha=0.65, linewidth=0)
    axes.add_artist(bar)


def overlay(axes: Axes, image: AnyImage, slow: AnyImage) -> None:
    """Lay an image (green) over the slow scan (magenta): where they agree, grey is left."""
    red, green = shade(slow), shade(image)
    axes.imshow(np.stack([red, green, red], axis=-1))
    axes.set_axis_off()


def colour(method: str, models: Sequence[str]) -> str:
    """Give a method's colour; that of a model goes by its place in the config."""
    if method in COLOURS:
        return COLOURS[method]
    return MODEL_COLOURS[list(models).index(method) % len(MODEL_COLOURS)]


def label(method: str) -> str:
    """Name a method; models bear the names that the config gives them."""
    return LABELS.get(method) or method_name(method)


def save(figure: Figure, stem: Path) -> list[str]:
    """Write a figure as SVG, PDF and PNG; equal figures give equal files.

    Returns:
        Names of the files.
    """
    metadata: dict[str, dict[str, str | None]] = {
        ".svg": {"Date": None, "Creator": "stemjax"},
        ".pdf": {"CreationDate": None, "Creator": "stemjax", "Producer": None},
        ".png": {"Software": None},
    }
    for _ in range(2):  # images that are made square leave other room than at first
        figure.draw_without_rendering()
    figure.set_layout_engine("none")  # what was laid out once holds for all
    for suffix, about in metadata.items():
        vector = suffix != ".png"
        for axes in figure.axes:
            for image in axes.images:  # pixels as they are; a viewer scales them
                image.set_interpolation("none" if vector else "auto")
        dpi = VECTOR_DPI if vector else PREVIEW_PX / figure.get_figwidth()
        figure.savefig(stem.with_name(stem.name + suffix), dpi=dpi, metadata=about)
    return [stem.name + suffix for suffix in metadata]
