"""What the report's first page says: what ran, what was refused, how well it went."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from stemjax import __version__
from stemjax.evaluate.statistics import Summary
from stemjax.provenance import git_revision, read_json
from stemjax.records import REFUSED, is_ok
from stemjax.report.charts import IntervalChart, Row, interval_chart
from stemjax.report.glossary import METRICS, described, in_order, number
from stemjax.report.models import model_record
from stemjax.sheet import Acquisition
from stemjax.typing import Json

GROUPS = {"test": "Test fields of view", "series": "Series"}
CHARTED = 4  # metrics at most that are drawn, the first of those measured
Models = Mapping[str, Sequence[str]]


def refusals(results: Path, sheet: Sequence[Acquisition], models: Models) -> list[tuple[str, str]]:
    """Name each refusal once, with its reason: later stages repeat the reason of the first.

    Only what sheet and config name now: records of rows that were taken out may still be there.
    """
    names = [row.acquisition for row in sheet]
    records = [(name, f"converted/{name}") for name in names]
    records += [(name, f"dcfi/{name}") for name in names]
    records += [(name, f"distortion/{name}") for name in sorted({row.session for row in sheet})]
    trained = [name for name in models if "loaded" not in model_record(results, name)]
    records += [(name, f"dataset/{name}") for name in trained]
    records += [(name, f"models/{name}/model") for name in models]
    for model, restored in models.items():
        records += [(name, f"restored/{model}/{name}") for name in restored]
    reasons: dict[str, str] = {}
    for name, path in records:
        record = read_json(results / f"{path}.json")
        if record["status"] == REFUSED:
            reasons.setdefault(record["reason"], name)
        for left_out, reason in record.get("left_out", {}).items():
            reasons.setdefault(reason, left_out)
    return [(name, reason) for reason, name in reasons.items()]


def run_facts(results: Path, sheet: Sequence[Acquisition], models: Models) -> Json:
    """Tell what ran: acquisitions and frames by role, versions, revisions, and when."""
    converted = [results / "converted" / f"{row.acquisition}.json" for row in sheet]
    roles: dict[str, list[int]] = {}
    for row, path in zip(sheet, converted, strict=True):
        frames = read_json(path)["frames"] if is_ok(path) else 0
        count = roles.setdefault(row.role, [0, 0])
        roles[row.role] = [count[0] + 1, count[1] + frames]
    paths = [*converted]
    paths += [results / "distortion" / f"{name}.json" for name in {row.session for row in sheet}]
    paths += [results / "models" / name / "model.json" for name in models]
    versions: dict[str, set[str]] = {}
    for path in paths:
        for package, version in read_json(path).get("versions", {}).items():
            versions.setdefault(package, set()).add(version)
    return {
        "roles": roles,
        "sessions": len({row.session for row in sheet}),
        "version": __version__,
        "revision": git_revision(),
        "written": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "versions": {name: ", ".join(sorted(found)) for name, found in sorted(versions.items())},
    }


def result_groups(summaries: Sequence[Summary], models: Sequence[str]) -> list[Json]:
    """Arrange the statistics, test fields of view and series apart.

    Args:
        summaries: of methods and metrics.
        models: names.

    Returns:
        For each group that has any: ``title``, ``fields``, ``metrics`` (the main ones),
        ``methods`` with their ``cells``, ``charts``, and ``all``, every metric with its rows.
    """
    groups = []
    for group, title in GROUPS.items():
        of_group = [each for each in summaries if each.group == group and described(each.metric)]
        if not of_group:
            continue
        found = {(each.method, each.metric): each for each in of_group}
        methods = list(dict.fromkeys(each.method for each in of_group))
        names = in_order({each.metric for each in of_group})
        main = [name for name in names if name in METRICS and METRICS[name].main] or names
        groups.append(
            {
                "title": title,
                "fields": max(each.fields for each in of_group),
                "gains": any(each.gain_percent is not None for each in of_group),
                "metrics": [described(name) for name in main],
                "methods": [
                    {
                        "name": method,
                        "model": method in models,
                        "cells": [_cell(found, method, name) for name in main],
                    }
                    for method in methods
                ],
                "charts": [_chart(title, found, methods, models, name) for name in main[:CHARTED]],
                "all": [
                    (
                        described(name),
                        [(m, _cell(found, m, name)) for m in methods if (m, name) in found],
                    )
                    for name in names
                ],
            }
        )
    return groups


def _cell(found: Mapping[tuple[str, str], Summary], method: str, name: str) -> Json | None:
    """Write a method's statistics of a metric; what is unknown is left empty."""
    each, metric = found.get((method, name)), described(name)
    if each is None or metric is None:
        return None
    values = {other.method: other.mean for other in found.values() if other.metric == name}

    def spell(value: float | None, digits: int, *, signed: bool = False) -> str:
        return number(value, digits, signed=signed) if value is not None else ""

    def span(low: float | None, high: float | None, digits: int, *, signed: bool = False) -> str:
        ends = [spell(end, digits, signed=signed) for end in (low, high)]
        return " to ".join(ends) if all(ends) else ""

    reference = method == "rapid"
    return {
        "mean": spell(each.mean, metric.digits),
        "std": spell(each.std, metric.digits),
        "fields": each.fields,
        "interval": span(each.low, each.high, metric.digits),
        "best": len(values) > 1 and method == _best(values, metric.better),
        "difference": "" if reference else spell(each.difference, metric.digits, signed=True),
        "difference_interval": ""
        if reference
        else span(each.difference_low, each.difference_high, metric.digits, signed=True),
        "gain": "" if reference else spell(each.gain_percent, 0, signed=True),
        "gain_interval": "" if reference else span(each.gain_low, each.gain_high, 0, signed=True),
    }


def _best(values: Mapping[str, float], better: str) -> str:
    wanted = {"higher": lambda v: -v, "lower": lambda v: v}.get(better, lambda v: abs(v - 1))
    return min(values, key=lambda method: wanted(values[method]))


def _chart(
    title: str,
    found: Mapping[tuple[str, str], Summary],
    methods: Sequence[str],
    models: Sequence[str],
    name: str,
) -> IntervalChart:
    rows = []
    for method in methods:
        if each := found.get((method, name)):
            ends = [np.nan if e is None else e for e in (each.low, each.high)]
            style = "model0" if method in models else "quiet"
            rows.append(Row(method, style, float(each.mean), *ends))
    label = f"{METRICS[name].title}, {METRICS[name].better} is better"
    return interval_chart(f"{title}: {METRICS[name].label} of each method", label, rows)
