"""Power spectra: how fine the structure is that each method shows."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from stemjax.errors import Refused
from stemjax.evaluate.spectra import power_spectrum
from stemjax.evaluate.table import read_curves
from stemjax.report.paper.field import Field, field_images, shown_field
from stemjax.report.paper.metrics import last_value, table
from stemjax.report.paper.run import Run, caption, paper_models, said_of_models
from stemjax.report.paper.style import PAPER, Drawn, colour, label, letter, new_figure
from stemjax.typing import AnyImage, Json

Spectrum = Float[np.ndarray, "ky kx"]
SHOWN_PERCENTILES = (2.0, 99.95)


def decibels(image: AnyImage) -> Spectrum:
    """Power spectrum under a Hann window, zero frequency in the middle, in dB.

    0 dB is the power of white noise that varies as much as the image.
    """
    power = np.fft.fftshift(power_spectrum(image))
    return 10 * np.log10(np.maximum(power / max(float(np.var(image)), 1e-12), 1e-12))


def show_spectra(
    panels: list[Axes], spectra: dict[str, Spectrum], pixel_size_nm: float
) -> tuple[float, float]:
    """Show spectra over one range of grey, their axes in 1/µm; returns that range in dB."""
    low, high = np.percentile(np.concatenate([*spectra.values()], axis=1), SHOWN_PERCENTILES)
    for axes, (name, spectrum) in zip(panels, spectra.items(), strict=True):
        height, width = spectrum.shape
        edge = 500 / pixel_size_nm  # Nyquist's frequency in 1/µm
        step_y, step_x = 2 * edge / height, 2 * edge / width
        # The middle of the pixel behind the centre is zero frequency.
        box = (-edge - step_x / 2, edge - step_x / 2, edge - step_y / 2, -edge - step_y / 2)
        axes.imshow(spectrum, cmap="magma", vmin=low, vmax=high, extent=box, aspect="equal")
        axes.set_title(name)
        ticks = [-200, 0, 200] if edge > 200 else [-(edge // 2), 0.0, edge // 2]
        axes.set(xticks=ticks, yticks=ticks, xlim=(-edge, edge), ylim=(edge, -edge))
        axes.set_xlabel("$k_x$ (1/µm)")
        axes.spines[:].set_visible(False)
    for axes in panels[1:]:
        axes.set_yticklabels([])
    panels[0].set_ylabel("$k_y$ (1/µm)")
    return float(low), float(high)


def spectra_figure(run: Run) -> Drawn:
    """Show power spectra of every method, and their profiles along the scan.

    Raises:
        Refused: no field of view can be shown, or evaluation kept no curves.
    """
    field = shown_field(run)
    inside = field.references.inside
    shown = {name: image[inside] for name, image in field_images(run, field).items()}
    curves = _curves(run, field)
    rows, name = table(run), field.row.acquisition
    follows = {
        method: value
        for method in shown
        if (value := last_value(rows, name, method, "follows_per_um")) is not None
    }
    figure = new_figure(100.0)
    grid = figure.add_gridspec(2, len(shown), height_ratios=[1, 1.35])
    panels = [figure.add_subplot(grid[0, k]) for k in range(len(shown))]
    spectra = {label(name): decibels(image) for name, image in shown.items()}
    low, high = show_spectra(panels, spectra, field.about["pixel_size_nm"])
    for axes, method in zip(panels, shown, strict=True):
        if method in follows:
            for side in (-follows[method], follows[method]):
                axes.axvline(side, color="white", lw=0.7, ls=(0, (3, 2)))
    letter(panels[0], "a")
    _profiles(figure.add_subplot(grid[1, :]), curves, shown, follows, run, field)
    marked = ", ".join(f"{label(m)} {value:.0f}/µm" for m, value in follows.items())
    return Drawn(
        figure,
        "Power spectra of every method",
        caption(
            run,
            f"After Fig. 5 of {PAPER}. {field.says()}, frame {field.frame}.",
            "(a) Power spectra (Hann window, logarithmic) of "
            f"{', '.join(spectra)}, undistorted and on the slow grid, each over its image's "
            f"variance, from {low:.0f} dB (black) to {high:.0f} dB (white); the scan runs along x.",
            "(b) Their horizontal profiles.",
            "Dashed lines: up to where each, less its median distance, keeps within 3 dB of "
            f"the slow scan's profile ({marked})."
            if follows
            else "",
            "Spots and lines of a network at a half and a quarter of the sampling frequency, "
            "where there are any, are traces of its doubling of pixels."
            if paper_models(run)
            else "",
            said_of_models(run, list(shown)),
        ),
        f"Power spectra of {', '.join(spectra)} as images and as profiles along the scan.",
    )


def _profiles(
    axes: Axes,
    curves: dict[str, Json],
    shown: dict[str, AnyImage],
    follows: Json,
    run: Run,
    field: Field,
) -> None:
    for method in shown:
        if method not in curves:
            continue
        tone = colour(method, list(run.models))
        per_um, power = (np.asarray(curves[method][key], float) for key in ("per_um", "horizontal"))
        known = per_um > 0
        axes.plot(per_um[known], power[known], color=tone, label=label(method))
        if method in follows:
            height = float(np.interp(follows[method], per_um, power))
            axes.axvline(follows[method], color=tone, lw=0.7, ls=(0, (3, 2)))
            axes.plot(follows[method], height, "o", color=tone, ms=4, mec="white", mew=0.5)
    axes.set(xlabel="spatial frequency along the scan, $k_x$ (1/µm)", ylabel="power (dB)")
    axes.set_xlim(0, 500 / field.about["pixel_size_nm"])
    axes.legend(ncols=2)
    letter(axes, "b")


def _curves(run: Run, field: Field) -> dict[str, Json]:
    """Give the profiles that evaluation kept of all methods.

    Raises:
        Refused: it kept none.
    """
    folder = run.results / "evaluation" / field.row.acquisition
    found = read_curves(folder, list(run.models))
    if not found:
        raise Refused(f"{folder}: the records hold no curves; run the evaluation again")
    return found
