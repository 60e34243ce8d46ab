"""Figures of the report, as PNG bytes."""

import io

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from stemjax.typing import AnyImage

PANEL_INCHES = 2.6
BAR_NM = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


def side_by_side(images: dict[str, AnyImage], pixel_size_nm: float) -> bytes:
    """Show images of one field of view in one row, each with its own contrast, one scale bar."""
    figure = Figure((PANEL_INCHES * len(images), PANEL_INCHES + 0.3), layout="constrained")
    for k, (axes, (name, image)) in enumerate(
        zip(figure.subplots(1, len(images), squeeze=False)[0], images.items(), strict=True)
    ):
        show(axes, image)
        axes.set_title(name, fontsize=10)
        if k == 0:
            scale_bar(axes, image.shape[1], pixel_size_nm)
    return png(figure)


def show(axes: Axes, image: AnyImage) -> None:
    """Show an image in grey, over its :func:`grey_range`."""
    low, high = grey_range(image)
    axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axes.set_axis_off()


def grey_range(image: AnyImage) -> tuple[float, float]:
    """Give the grey levels that are shown black and white: the 0.5 and 99.5 percentile."""
    low, high = np.percentile(image, [0.5, 99.5])
    return float(low), float(high)


def scale_bar(axes: Axes, width: int, pixel_size_nm: float) -> None:
    """Draw a bar of a round length, about a quarter of the field wide."""
    length = bar_length(width, pixel_size_nm)
    pixels = length / pixel_size_nm
    start, level = 0.05 * width, 0.95 * width
    outline = [withStroke(linewidth=2.5, foreground="black")]
    axes.plot(
        [start, start + pixels], [level] * 2, "w", lw=3, solid_capstyle="butt", path_effects=outline
    )
    axes.text(
        start + pixels / 2,
        level - 0.02 * width,
        f"{length} nm",
        color="white",
        ha="center",
        va="bottom",
        path_effects=outline,
    )


def bar_length(width: int, pixel_size_nm: float) -> int:
    """Choose the length in nanometres of the scale bar of an image `width` pixels wide."""
    return max((bar for bar in BAR_NM if bar < 0.4 * width * pixel_size_nm), default=BAR_NM[0])


def drift_figure(drift: Float[np.ndarray, "t yx"], first_frame: int) -> bytes:
    """Plot the drift of the integrated frames along and across the scan, in pixels."""
    figure = Figure((7, 2.4), layout="constrained")
    axes = figure.subplots()
    frames = first_frame + np.arange(len(drift))
    for values, name in ((drift[:, 1], "along the scan"), (drift[:, 0], "across the scan")):
        axes.plot(frames, values, ".-", lw=1, ms=4, label=name)
    axes.set(xlabel="frame", ylabel="drift (px)")
    axes.legend(frameon=False)
    return png(figure)


def learning_curves(curves: dict[str, dict[str, Float[np.ndarray, " epoch"]]]) -> bytes:
    """Plot training and validation loss of each model over its epochs."""
    figure = Figure((7, 3), layout="constrained")
    axes = figure.subplots()
    for k, (model, losses) in enumerate(curves.items()):
        epochs = np.arange(1, len(losses["train"]) + 1)
        axes.plot(epochs, losses["train"], color=f"C{k}", label=f"{model}, training")
        if np.isfinite(losses["validation"]).any():
            axes.plot(
                epochs, losses["validation"], "--", color=f"C{k}", label=f"{model}, validation"
            )
    axes.set(xlabel="epoch", ylabel="loss", yscale="log")
    axes.legend(frameon=False)
    return png(figure)


def png(figure: Figure) -> bytes:
    """Render a figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
