"""Evidence that the slow scan, which everything is compared with, is straight."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from stemjax.distortion.map import DistortionMap
from stemjax.errors import Refused
from stemjax.integrate.align import displacement, spectrum
from stemjax.report.paper.field import Field, fields
from stemjax.report.paper.run import Run, caption, counted
from stemjax.report.paper.style import Drawn, colour, letter, new_figure
from stemjax.typing import AnyImage

Track = Float[np.ndarray, " strips"]
STRIP_PX, STEP_PX = 64, 32
NAMES = {"dcfi": "DCFI, undistorted", "slow": "slow scan"}
NO_TRUTH = (
    "whether the slow scan is straight is only known of simulated fields of view: scan one field "
    "slowly at two scan rotations to see it at the microscope"
)


def straightness_figure(run: Run) -> Drawn:
    """Plot how far the slow scan's columns lie from where the truth has them.

    Raises:
        Refused: no field of view has a simulated truth.
    """
    tracks: dict[str, list[Track]] = {method: [] for method in NAMES}
    middles, maps = [], {}
    for field in fields(run, run.rows("test", "train")):
        if field.references.truth[-1] is None:
            continue
        for method in NAMES:
            place, track = _track(field, method)
            tracks[method].append(track)
        middles.append(place)
        maps[field.row.session] = field.references.distortion
    if not middles:
        raise Refused(NO_TRUTH)
    figure = new_figure(62.0)
    raw, left = figure.subplots(1, 2)
    _show_maps(raw, maps)
    raw.set_title("rapid scan, by its map")
    rms = _show_tracks(left, middles, tracks)
    left.set_title("against the truth, by strips")
    width = next(iter(maps.values())).width
    for axes, text in ((raw, "a"), (left, "b")):
        axes.axhline(0, color="gray", lw=0.5, zorder=0)
        axes.set(xlabel="column of the slow grid (px)", ylabel="displacement (px)")
        axes.set_xlim(0, width - 1)
        letter(axes, text)
    span = max(float(np.ptp(_moved(each))) for each in maps.values())
    return Drawn(
        figure,
        "The slow scan is straight",
        caption(
            run,
            "Supplementary. (a) Displacement of the rapid scan's columns by the map of session "
            f"{', '.join(maps)}, about its median: {span:.1f} px in all.",
            f"(b) Displacement along the scan of strips {STRIP_PX} px wide against the simulated "
            "truth, by cross-correlation, about each field's median; line and band: mean and "
            f"standard deviation over {counted(len(middles), 'field')} of view. Root mean square: "
            f"slow scan {rms['slow']:.2f} px, undistorted DCFI {rms['dcfi']:.2f} px.",
        ),
        f"The rapid scan's columns are displaced by {span:.0f} px, the slow scan's by "
        f"{rms['slow']:.2f} px.",
    )


def strip_track(image: AnyImage, truth: AnyImage, columns: slice) -> tuple[Track, Track]:
    """Measure displacements along the scan in overlapping strips of columns.

    Args:
        image: whose columns may lie elsewhere.
        truth: where they belong.
        columns: to look at.

    Returns:
        Middles of the strips, and how far to the right of where it belongs `image` shows what is
        there, in pixels about the median.
    """
    width = min(STRIP_PX, columns.stop - columns.start)
    starts = range(columns.start, columns.stop - width + 1, STEP_PX)
    moved = []
    for start in starts:
        part = (slice(None), slice(start, start + width))
        pair = (spectrum(np.asarray(each[part], float)) for each in (truth, image))
        moved.append(displacement(*pair)[1])
    middles = np.array([start + (width - 1) / 2 for start in starts])
    return middles, np.array(moved) - np.median(moved)


def _track(field: Field, method: str) -> tuple[Track, Track]:
    references = field.references
    image = references.slow[-1] if method == "slow" else references.dcfi[-1]
    rows, columns = references.inside
    return strip_track(image[rows], references.truth[-1][rows], columns)


def _moved(distortion: DistortionMap) -> Float[np.ndarray, " valid"]:
    """Give the displacement of the valid columns about its median."""
    moved = (distortion.columns - np.arange(distortion.width))[distortion.valid]
    return moved - np.median(moved)


def _show_maps(axes: Axes, maps: dict[str, DistortionMap]) -> None:
    for distortion in maps.values():
        grid = np.flatnonzero(distortion.valid)
        axes.plot(grid, _moved(distortion), color=colour("rapid", ()))


def _show_tracks(
    axes: Axes, middles: list[Track], tracks: dict[str, list[Track]]
) -> dict[str, float]:
    """Plot mean and deviation over fields; returns the root mean square of each method."""
    rms = {}
    for method, of_fields in tracks.items():
        places = max(middles, key=len)
        moved = np.array(
            [np.interp(places, *each) for each in zip(middles, of_fields, strict=True)]
        )
        mean, spread = moved.mean(axis=0), moved.std(axis=0)
        tone = colour(method, ())
        axes.fill_between(places, mean - spread, mean + spread, color=tone, alpha=0.2, lw=0)
        axes.plot(places, mean, ".-", ms=3, color=tone, label=NAMES[method])
        rms[method] = float(np.sqrt(np.mean(np.concatenate(of_fields) ** 2)))
    limit = 1.2 * max(abs(end) for end in axes.get_ylim())
    axes.set_ylim(-limit, limit)
    axes.legend()
    return rms
