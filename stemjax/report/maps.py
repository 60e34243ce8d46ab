"""What the report says and shows of the distortion maps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from scipy.ndimage import shift

from stemjax.distortion.map import DistortionMap, from_json, undistort, warp_matrices
from stemjax.integrate.align import displacement, spectrum
from stemjax.io.store import open_store
from stemjax.provenance import read_json
from stemjax.records import OK, is_ok
from stemjax.report.figures import grey_range, png, scale_bar
from stemjax.sheet import Acquisition
from stemjax.typing import Image, Json

PROFILE_ROWS = 5  # averaged for a line profile
WORTH_PX = 0.05  # a refit that makes the error smaller by less than this hardly helps


def session_maps(results: Path, sheet: Sequence[Acquisition]) -> list[Json]:
    """Collect, for each session with a map, its record, pictures and what was not used.

    Args:
        results: folder of all results.
        sheet: rows.
    """
    maps = []
    names = {row.acquisition for row in sheet}
    for session in sorted({row.session for row in sheet}):
        record = read_json(results / "distortion" / f"{session}.json")
        if record["status"] != OK:
            continue
        alone = record["strips"]["acquisition"]
        distortion, strips = from_json(record), from_json(record["strips"])
        sigma = float(np.median(distortion.sigma[distortion.valid]))
        maps.append(
            {
                "session": session,
                "error": sigma,
                "late": distortion.late,
                "picture": map_figure(distortion, strips),
                "apart": _apart(distortion, strips),
                "unused": _unused(record, sheet, session, sigma),
                # A borrowed map may come from another experiment.
                "fit": _seen(results, alone, distortion) if alone in names else None,
                **record,
            }
        )
    return maps


def map_figure(distortion: DistortionMap, strips: DistortionMap) -> bytes:
    """Plot how far each column was displaced, with its standard error, beside the strips' map."""
    figure = Figure((7, 4.2), layout="constrained")
    axes, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    grid = np.arange(distortion.width)
    moved = distortion.columns - grid
    sure = np.where(distortion.valid, moved, np.nan)
    sigma = distortion.sigma
    axes.fill_between(grid, moved - sigma, moved + sigma, color="tab:blue", alpha=0.3, lw=0)
    if not distortion.valid.all():
        axes.plot(grid, moved, ":", color="tab:blue", label="extrapolated")
    axes.plot(grid, sure, color="tab:blue", label="map")
    if not np.array_equal(strips.columns, distortion.columns):
        axes.plot(grid, strips.columns - grid, "--", color="tab:orange", label="by strips")
    axes.axhline(0, color="gray", lw=0.8)
    axes.set(ylabel="rapid - slow column (px)")
    axes.legend(frameon=False)
    below.plot(grid, np.where(distortion.valid, sigma, np.nan), color="tab:blue")
    below.set(xlabel="column of the slow grid (px)", ylabel="error (px)", ylim=(0, None))
    return png(figure)


def overlay_figure(images: dict[str, Image], slow: Image, pixel_size_nm: float) -> bytes:
    """Lay images (green) over the slow scan (magenta): where they agree, grey is left."""
    figure = Figure((4.2 * len(images), 4.5), layout="constrained")
    red = _grey(slow)
    for axes, (name, image) in zip(figure.subplots(1, len(images)), images.items(), strict=True):
        axes.imshow(np.stack([red, _grey(image), red], axis=-1), interpolation="nearest")
        axes.set_title(name, fontsize=10)
        axes.set_axis_off()
        scale_bar(axes, slow.shape[1], pixel_size_nm)
    return png(figure)


def profile_figure(images: dict[str, Image], slow: Image, row: int) -> bytes:
    """Plot line profiles along the scan, each over the slow scan's, in standard deviations."""
    figure = Figure((9, 2.2 * len(images)), layout="constrained")
    rows = slice(max(0, row - PROFILE_ROWS // 2), row + PROFILE_ROWS // 2 + 1)
    panels = figure.subplots(len(images), sharex=True)
    for axes, (name, image) in zip(panels, images.items(), strict=True):
        axes.plot(_standard(slow[rows].mean(axis=0)), color="tab:purple", lw=1, label="slow scan")
        axes.plot(_standard(image[rows].mean(axis=0)), color="tab:green", lw=1, label=name)
        axes.set(ylabel="intensity (std)")
        axes.legend(frameon=False, loc="upper right", fontsize=8)
    panels[-1].set_xlabel("column (px)")
    return png(figure)


def _seen(results: Path, name: str, distortion: DistortionMap) -> Json | None:
    """Show a field of view over its slow scan, before and after."""
    converted, dcfi = (results / stage / f"{name}.json" for stage in ("converted", "dcfi"))
    if not (is_ok(converted) and is_ok(dcfi)):
        return None
    source, scan = open_store(converted.with_suffix(".zarr"))
    integrated = np.asarray(open_store(dcfi.with_suffix(".zarr"))[0]["dcfi"], dtype=float)
    slow = np.asarray(source["slow"], dtype=float)
    rows, columns = warp_matrices(distortion, len(slow))
    undistorted = undistort(integrated, rows, columns)
    # What is left is the field's own offset, and what the lag does beyond displacing.
    offset = displacement(spectrum(slow), spectrum(undistorted))
    undistorted = shift(undistorted, -offset, order=3, mode="nearest")
    images = {"as recorded": integrated, "undistorted": undistorted}
    row = int(np.argmax(np.var(np.diff(slow, axis=1), axis=1)))
    return {
        "name": name,
        "offset": [round(float(v), 1) for v in offset],
        "row": row,
        "overlay": overlay_figure(images, slow, scan["pixel_size_nm"]),
        "profiles": profile_figure(images, slow, row),
    }


def _apart(distortion: DistortionMap, strips: DistortionMap) -> tuple[float, float]:
    """Mean of what the strips' map is away, and rms of the rest, in pixels."""
    both = distortion.valid & strips.valid
    away = strips.columns[both] - distortion.columns[both]
    return float(away.mean()), float(away.std())


def _unused(record: Json, sheet: Sequence[Acquisition], session: str, sigma: float) -> Json | None:
    """Name train rows that came after the fit, and tell what they would do for the map."""
    known = {*record["acquisitions"], *record["left_out"]}
    rows = [row for row in sheet if row.session == session and row.role == "train" and row.slow]
    new = [row.acquisition for row in rows if row.acquisition not in known]
    if not new or "borrowed" in record or record["method"] == "strips":
        return None
    used = len(record["acquisitions"])
    refitted = sigma * (used / (used + len(new))) ** 0.5
    return {"rows": new, "sigma": refitted, "helps": sigma - refitted > WORTH_PX}


def _grey(image: Image) -> Float[np.ndarray, "y x"]:
    low, high = grey_range(image)
    return np.clip((image - low) / max(high - low, 1e-12), 0, 1)


def _standard(profile: Float[np.ndarray, " x"]) -> Float[np.ndarray, " x"]:
    return (profile - profile.mean()) / max(profile.std(), 1e-12)
