"""Summarise measurements over fields of view, with intervals that count each field once."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from stemjax.evaluate.interval import bootstrap_interval
from stemjax.provenance import written_aside

GROUPS = ("test", "series")
METHODS = ("rapid", "dcfi", "gaussian", "nlm", "wiener", "bm3d", "bm3d-spectrum")
COSTLY = ("bm3d", "bm3d-spectrum")  # measured on few frames, which are not to be all that count
GAINS = {"psnr_paper", "psnr_paper_mid", "psnr_paper_rest"}
RAPID = "rapid"  # what the other methods are compared with

Values = dict[tuple[str, str], dict[str, dict[str, float]]]  # acquisition, metric: method: frame


@dataclass(frozen=True)
class Summary:
    """One metric of one method over the fields of view of a group.

    Attributes:
        group: role of the acquisitions, ``test`` or ``series``.
        method: that made the frames.
        metric: that was measured.
        fields: how many fields of view count.
        mean: over fields of their means over frames.
        std: standard deviation over fields; the bars of Ihara et al. (2022).
        low: lower end of the mean's 95 % interval.
        high: upper end.
        difference: to the rapid frames, likewise the mean over fields, on the same frames.
        difference_low: lower end of its 95 % interval.
        difference_high: upper end.
        gain_percent: by which the mean PSNR in dB exceeds that of the rapid frames, as the paper
            gives it; of its own PSNR alone.
        gain_low: lower end of its 95 % interval.
        gain_high: upper end.

    What is not defined is None: intervals and deviation of a single field, what compares the
    rapid frames with themselves.
    """

    group: str
    method: str
    metric: str
    fields: int
    mean: float
    std: float | None
    low: float | None
    high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    gain_percent: float | None
    gain_low: float | None
    gain_high: float | None


def summarise(rows: Iterable[Mapping[str, str]], roles: Mapping[str, str]) -> list[Summary]:
    """Summarise the long table of measurements.

    Frames of an acquisition share specimen and reference, so each acquisition counts once. Of
    its frames those count on which a metric was measured for all methods that have it there, so
    that all are judged by the same frames: of a series those of its final state, which the
    integration shows. Methods that only few frames are measured of (:data:`COSTLY`) are judged by
    those among these, and the rapid frames beside them likewise.

    Args:
        rows: acquisition, frame, method, metric, value, as from
            :func:`~stemjax.evaluate.table.read_metrics`.
        roles: of each acquisition; ``train`` fields are not summarised.

    Returns:
        By group, method and metric; metrics and further methods as they first appear.
    """
    values: Values = {}
    metrics: dict[str, None] = {}
    methods = dict.fromkeys(METHODS)
    for row in rows:
        metrics.setdefault(row["metric"])
        methods.setdefault(row["method"])
        of_methods = values.setdefault((row["acquisition"], row["metric"]), {})
        of_methods.setdefault(row["method"], {})[row["frame"]] = float(row["value"])
    summaries = []
    for group in GROUPS:
        members = [acquisition for acquisition, role in roles.items() if role == group]
        for method in methods:
            for metric in metrics:
                measured = [values.get((member, metric), {}) for member in members]
                means = [pair for each in measured if (pair := _field_means(each, method))]
                if means:
                    summaries.append(_summary(group, method, metric, means))
    return summaries


def write_summary(rows: Sequence[Summary], path: str | Path) -> None:
    """Write ``summary.csv``: a column for each attribute, empty where it is None."""
    with written_aside(path) as aside, open(aside, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow([field.name for field in fields(Summary)])
        for row in rows:
            table.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in astuple(row)])


def frames_that_count(measured: Mapping[str, Mapping[str, float]], method: str) -> list[str]:
    """Name the frames of an acquisition by which a method is judged, as in :func:`summarise`.

    Args:
        measured: values of one metric by method and frame.
        method: its name.
    """
    quick = [set(of_frames) for name, of_frames in measured.items() if name not in COSTLY]
    return sorted(set(measured.get(method, {})).intersection(*quick))


def _field_means(
    measured: Mapping[str, Mapping[str, float]], method: str
) -> tuple[float, float | None] | None:
    """Mean over the frames that count, of a method and of the rapid frames, if there are any."""
    if not (frames := frames_that_count(measured, method)):
        return None
    mean, rapid = (
        float(np.mean([measured[name][frame] for frame in frames])) if name in measured else None
        for name in (method, RAPID)
    )
    return mean, rapid


def _summary(
    group: str, method: str, metric: str, means: Sequence[tuple[float, float | None]]
) -> Summary:
    own = np.array([mean for mean, _ in means])
    low, high = bootstrap_interval(own) or (None, None)
    difference: tuple[float | None, ...] = (None, None, None)
    gain: tuple[float | None, ...] = (None, None, None)
    paired = np.array([pair for pair in means if pair[1] is not None], float).reshape(-1, 2)
    if method != RAPID and len(paired):
        mine, rapid = paired.T
        interval = bootstrap_interval(mine - rapid) or (None, None)
        difference = (float(np.mean(mine - rapid)), *interval)
        if metric in GAINS:
            ratios = (float(mine.mean() / rapid.mean()), *(bootstrap_interval(mine, rapid) or ()))
            percent = [100 * (ratio - 1) for ratio in ratios]
            gain = (*percent, *[None] * (3 - len(percent)))
    return Summary(
        group,
        method,
        metric,
        len(own),
        float(own.mean()),
        float(own.std(ddof=1)) if len(own) > 1 else None,
        low,
        high,
        *difference,
        *gain,
    )
