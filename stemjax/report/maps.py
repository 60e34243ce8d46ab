"""What the report says and shows of the distortion maps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.ndimage import shift

from stemjax.distortion.map import DistortionMap, from_json, undistort, warp_matrices
from stemjax.integrate.align import displacement, spectrum
from stemjax.io.store import open_store
from stemjax.provenance import read_json
from stemjax.records import OK, is_ok
from stemjax.report.charts import Chart, Line, line_chart
from stemjax.report.pictures import Shown, overlay_picture, save_picture, scale_bar
from stemjax.sheet import Acquisition
from stemjax.typing import Image, Json

PROFILE_ROWS = 5  # averaged for a line profile
COLUMN = "column of the slow grid (px)"
WORTH_PX = 0.05  # a refit that makes the error smaller by less than this hardly helps


def show_maps(results: Path, sheet: Sequence[Acquisition], folder: Path) -> list[Json]:
    """Write, for each session with a map, its pictures, and collect what its page says.

    Args:
        results: folder of all results.
        sheet: rows.
        folder: of the report; pictures are written below ``maps``.

    Returns:
        The maps' records with ``session``, ``error`` (median standard error, px), ``chart``,
        ``errors`` (its chart), ``apart``, ``unused`` and ``fit``, a field of view through the map.
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
                "chart": map_chart(session, distortion, strips),
                "errors": error_chart(session, distortion),
                "apart": _apart(distortion, strips),
                "unused": _unused(record, sheet, session, sigma),
                # A borrowed map may come from another experiment.
                "fit": _seen(results, alone, session, distortion, folder)
                if alone in names
                else None,
                **record,
            }
        )
    return maps


def map_chart(session: str, distortion: DistortionMap, strips: DistortionMap) -> Chart:
    """Plot how far each column was displaced, with its standard error, beside the strips' map."""
    grid = np.arange(float(distortion.width))
    moved = distortion.columns - grid
    sure = np.where(distortion.valid, moved, np.nan)
    lines = []
    if not np.array_equal(strips.columns, distortion.columns):
        lines.append(Line("by strips", grid, strips.columns - grid, "model1 dashed"))
    if not distortion.valid.all():
        lines.append(Line("extrapolated", grid, moved, "model0 dotted"))
    lines.append(Line("map", grid, sure, "model0", distortion.sigma))
    about = f"Displacement of each column of session {session} in pixels"
    return line_chart(about, COLUMN, "rapid \u2212 slow column (px)", lines, level=0.0)


def error_chart(session: str, distortion: DistortionMap) -> Chart:
    """Plot the standard error of each column."""
    sigma = np.where(distortion.valid, distortion.sigma, np.nan)
    lines = [Line("standard error", np.arange(float(distortion.width)), sigma, "model0")]
    about = f"Standard error of the map of session {session} in pixels"
    return line_chart(about, COLUMN, "standard error (px)", lines, level=0.0)


def profile_chart(name: str, image: Image, slow: Image, row: int) -> Chart:
    """Plot a line profile along the scan over the slow scan's, both in standard deviations."""
    rows = slice(max(0, row - PROFILE_ROWS // 2), row + PROFILE_ROWS // 2 + 1)
    grid = np.arange(float(slow.shape[1]))
    lines = [
        Line("slow scan", grid, _standard(slow[rows].mean(axis=0)), "model2"),
        Line(name, grid, _standard(image[rows].mean(axis=0)), "model3"),
    ]
    about = f"Line profile of the rapid frames {name}, over that of the slow scan"
    return line_chart(about, "column (px)", "intensity (std)", lines)


def _seen(
    results: Path, name: str, session: str, distortion: DistortionMap, folder: Path
) -> Json | None:
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
    row = int(np.argmax(np.var(np.diff(slow, axis=1), axis=1)))
    views = []
    for key, label, image in (
        ("before", "as recorded", integrated),
        ("after", "undistorted", undistorted),
    ):
        file = f"maps/{session}.{key}.png"
        save_picture(folder, file, overlay_picture(image, slow))
        shown = Shown(key, label, file, f"{name} over its slow scan, {label}")
        views.append((shown, profile_chart(label, image, slow, row)))
    return {
        "name": name,
        "offset": [round(float(v), 1) for v in offset],
        "row": row,
        "scale": scale_bar(slow.shape[1], scan["pixel_size_nm"]),
        "views": views,
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


def _standard(profile: Float[np.ndarray, " x"]) -> Float[np.ndarray, " x"]:
    return (profile - profile.mean()) / max(profile.std(), 1e-12)
