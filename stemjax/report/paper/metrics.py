"""What was measured, as figures need it."""

from collections.abc import Mapping
from pathlib import Path
from statistics import mean, stdev

from stemjax.evaluate.statistics import frames_that_count
from stemjax.evaluate.table import read_metrics
from stemjax.report.paper.run import Run

Table = list[dict[str, str]]
Means = Mapping[str, Mapping[str, float]]  # of a metric, by method and field of view


def metrics_path(run: Run) -> Path:
    """Say where all measurements are."""
    return run.results / "evaluation" / "metrics.csv"


def table(run: Run) -> Table:
    """Read all measurements."""
    return read_metrics(metrics_path(run))


def last_value(rows: Table, name: str, method: str, metric: str) -> float | None:
    """Give a method's value on an acquisition's last measured frame, None where there is none."""
    wanted = (name, method, metric)
    found = {
        int(row["frame"]): float(row["value"])
        for row in rows
        if (row["acquisition"], row["method"], row["metric"]) == wanted
    }
    return found[max(found)] if found else None


def field_values(rows: Table, run: Run, metric: str) -> dict[str, dict[str, list[float]]]:
    """Give a metric of every method on each test field of view, of the frames that count.

    Returns:
        By method, in the order in which they are shown, and acquisition.
    """
    names = sorted(row.acquisition for row in run.rows("test"))
    measured: dict[str, dict[str, dict[str, float]]] = {name: {} for name in names}
    for row in rows:
        if row["metric"] == metric and row["acquisition"] in measured:
            of_method = measured[row["acquisition"]].setdefault(row["method"], {})
            of_method[row["frame"]] = float(row["value"])
    found: dict[str, dict[str, list[float]]] = {}
    for method in run.methods:
        of_field = {
            name: [of_methods[method][frame] for frame in frames_that_count(of_methods, method)]
            for name, of_methods in measured.items()
        }
        if kept := {name: values for name, values in of_field.items() if values}:
            found[method] = kept
    return found


def field_means(rows: Table, run: Run, metric: str) -> dict[str, dict[str, float]]:
    """Average :func:`field_values` over frames: these share a specimen, so a field counts once."""
    values = field_values(rows, run, metric)
    return {
        method: {name: mean(of_frames) for name, of_frames in of_field.items()}
        for method, of_field in values.items()
    }


def field_scatter(rows: Table, run: Run, metric: str) -> dict[str, dict[str, float]]:
    """Give the standard deviation of :func:`field_values` between the frames of each field."""
    values = field_values(rows, run, metric)
    return {
        method: {name: stdev(each) for name, each in of_field.items() if len(each) > 1}
        for method, of_field in values.items()
    }
