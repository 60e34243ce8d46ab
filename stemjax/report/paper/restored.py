"""One field of view restored by every method."""

from matplotlib.patches import Rectangle

from stemjax.report.figures import show
from stemjax.report.paper.field import (
    around,
    field_images,
    sharpest_place,
    shown_field,
    typical_field,
)
from stemjax.report.paper.metrics import last_value, table
from stemjax.report.paper.run import Run, caption, said_of_models, slow_model
from stemjax.report.paper.style import (
    MARK,
    PAPER,
    Drawn,
    image_panel,
    label,
    length_bar,
    letter,
    new_figure,
)

COLUMNS = 3
ZOOM = 3  # of the magnified part


def restored_figure(run: Run) -> Drawn:
    """Show a field of view by every method, whole and magnified about a dislocation.

    Raises:
        Refused: no field of view can be shown.
    """
    field = shown_field(run)
    inside = field.references.inside
    shown = {name: image[inside] for name, image in field_images(run, field).items()}
    pixel = field.about["pixel_size_nm"]
    lines = -(-len(shown) // COLUMNS)
    height, width = shown["slow"].shape
    y, x = sharpest_place(shown["slow"], (slice(0, height), slice(0, width)))
    part = (
        around(y, height // ZOOM // 2, slice(0, height)),
        around(x, width // ZOOM, slice(0, width)),
    )
    rows, name = table(run), field.row.acquisition
    quality = {method: last_value(rows, name, method, "psnr_slow") for method in shown}
    figure = new_figure(lines * (57 * 1.5 * height / width + 7))
    grid = figure.add_gridspec(2 * lines, COLUMNS, height_ratios=[1, 0.5] * lines)
    for k, (method, image) in enumerate(shown.items()):
        line, column = divmod(k, COLUMNS)
        axes = figure.add_subplot(grid[2 * line, column])
        decibels = "" if quality[method] is None else f" ({quality[method]:.1f} dB)"
        image_panel(axes, image, label(method) + decibels, pixel if k == 0 else None)
        letter(axes, "abcdefgh"[k])
        top, left = (each.start - 0.5 for each in part)
        tall, wide = (each.stop - each.start for each in part)
        axes.add_patch(Rectangle((left, top), wide, tall, fill=False, ec=MARK, lw=0.8))
        below = figure.add_subplot(grid[2 * line + 1, column])
        show(below, image[part])
        if k == 0:
            length_bar(below, image[part].shape, pixel)
    methods = ", ".join(label(method) for method in shown)
    integrated = field.integrated
    return Drawn(
        figure,
        "One field of view by every method",
        caption(
            run,
            f"After Fig. 3 of {PAPER}. {field.says()}, frame {field.frame} by {methods}; "
            f"below each the marked part, magnified {ZOOM} times. DCFI is the mean of {integrated}."
            " All are undistorted, on the slow grid, and shown from their 0.5 to their 99.5 "
            "percentile.",
            f"Of the test fields of view it is the one whose last frame gains by {slow_model(run)} "
            "what is the median of all, over the rapid one."
            if name == typical_field(run)
            else "",
            "In brackets: PSNR to the slow scan, after contrast and brightness were fitted to it."
            if any(value is not None for value in quality.values())
            else "",
            said_of_models(run, list(shown)),
        ),
        f"The same dislocations as shown by {methods}.",
    )
