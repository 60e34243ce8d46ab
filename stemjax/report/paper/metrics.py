"""What was measured, as figures need it."""

from statistics import mean

from stemjax.evaluate.table import read_metrics
from stemjax.report.paper.run import Run

Table = list[dict[str, str]]


def table(run: Run) -> Table:
    """Read all measurements."""
    return read_metrics(run.results / "evaluation" / "metrics.csv")


def last_value(rows: Table, name: str, method: str, metric: str) -> float | None:
    """Give a method's value on an acquisition's last measured frame, None where there is none."""
    wanted = (name, method, metric)
    found = {
        int(row["frame"]): float(row["value"])
        for row in rows
        if (row["acquisition"], row["method"], row["metric"]) == wanted
    }
    return found[max(found)] if found else None


def whole_frames(rows: Table, run: Run, metric: str) -> dict[str, list[dict[str, float]]]:
    """Give a metric of every method, frame by frame, of each test field of view.

    Only frames on which all methods that were measured there have a value: none shall be better
    for having been measured on other frames.

    Returns:
        By acquisition, for each such frame the values by method.
    """
    names = {row.acquisition for row in run.rows("test")}
    values: dict[str, dict[str, dict[str, float]]] = {name: {} for name in names}
    for row in rows:
        if row["metric"] == metric and row["acquisition"] in names:
            of_frame = values[row["acquisition"]].setdefault(row["frame"], {})
            of_frame[row["method"]] = float(row["value"])
    whole = {}
    for name, frames in sorted(values.items()):
        measured = {method for frame in frames.values() for method in frame}
        if kept := [frame for frame in frames.values() if frame.keys() == measured]:
            whole[name] = kept
    return whole


def field_means(rows: Table, run: Run, metric: str) -> dict[str, dict[str, float]]:
    """Average a metric over the whole frames of each test field of view.

    Frames of a field share specimen and reference, so each field counts once.

    Returns:
        By method, in the order in which they are shown, and acquisition.
    """
    whole = whole_frames(rows, run, metric)
    return {
        method: {
            name: mean(frame[method] for frame in frames)
            for name, frames in whole.items()
            if method in frames[0]
        }
        for method in run.methods
        if any(method in frames[0] for frames in whole.values())
    }
