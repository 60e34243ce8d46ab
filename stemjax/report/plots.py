"""Charts of one acquisition: spectra, drift and temperature."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stemjax.evaluate.statistics import METHODS
from stemjax.evaluate.table import read_curves
from stemjax.io.store import open_store
from stemjax.report.charts import Chart, Line, line_chart
from stemjax.report.glossary import method_name
from stemjax.report.moments import Times

ONE_SEVENTH = 1 / 7  # of Fourier ring correlation


def spectra_charts(results: Path, name: str, models: Sequence[str]) -> dict[str, Chart | None]:
    """Plot power spectra and Fourier ring correlations, as far as they were measured.

    Args:
        results: folder of all results.
        name: of the acquisition.
        models: that restore it.

    Returns:
        ``spectra`` and ``correlation``, None where nothing was measured.
    """
    curves = read_curves(results / "evaluation" / name, models)
    if slow := curves.pop("slow", None):
        curves = {"": slow, **curves}  # no method, and drawn beneath all of them
    lines: dict[str, list[Line]] = {"horizontal": [], "frc": []}
    for method, curve in curves.items():
        style = _style(method, models)
        for kind, of_kind in lines.items():
            if curve.get(kind):
                x, y = (np.array(curve[part], float) for part in ("per_um", kind))
                of_kind.append(Line(method_name(method) if method else "slow scan", x, y, style))
    axis = "spatial frequency along the scan (1/µm)"
    spectra = line_chart(
        f"{name}: power spectra of all methods along the scan, in decibels",
        axis,
        "power (dB)",
        lines["horizontal"],
    )
    correlation = line_chart(
        f"{name}: Fourier ring correlation of all methods with the slow scan",
        "spatial frequency (1/µm)",
        "correlation",
        lines["frc"],
        level=ONE_SEVENTH,
    )
    return {
        "spectra": spectra if lines["horizontal"] else None,
        "correlation": correlation if lines["frc"] else None,
    }


def drift_chart(dcfi: Path) -> Chart:
    """Plot the drift of the integrated frames along and across the scan."""
    integration, origin = open_store(dcfi.with_suffix(".zarr"))
    drift = np.asarray(integration["drift"])
    frames = origin["first_frame"] + np.arange(float(len(drift)))
    return line_chart(
        f"{dcfi.stem}: drift of the integrated frames in pixels",
        "frame",
        "drift (px)",
        [
            Line("along the scan", frames, drift[:, 1], "model0"),
            Line("across the scan", frames, drift[:, 0], "model1"),
        ],
    )


def heating_chart(name: str, seconds: Times, celsius: Times) -> Chart:
    """Plot the temperature of each frame in degrees Celsius over its time in seconds."""
    lines = [Line("temperature", seconds, celsius, "model1")]
    about = f"{name}: temperature of each frame"
    return line_chart(about, "time (s)", "temperature (°C)", lines)


def _style(method: str, models: Sequence[str]) -> str:
    """Choose a line's colour: strong ones for models, quiet ones for all else."""
    if method in models:
        return f"model{list(models).index(method) % 4}"
    return {"": "reference", "rapid": "quiet"}.get(method) or f"filter{METHODS.index(method) - 1}"
