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
from stemjax.report.glossary import METRICS, Metric, described, in_order, method_name, number
from stemjax.report.models import model_record
from stemjax.sheet import Acquisition
from stemjax.typing import Json

GROUPS = {"test": "Test fields of view", "series": "Series"}
CHARTED = ("psnr_slow", "frc_per_um", "line_offset_px", "line_precision")  # one of each kind
FEW = 3  # fields of view, of which a 95 % interval is nothing but their range
INVENTED = {
    "false_lines_blank": "In restored frames of an empty specimen",
    "false_lines_dark": "In restored frames of a beam that was off",
}
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


def warnings_of_training(results: Path, sheet: Sequence[Acquisition]) -> list[tuple[str, str]]:
    """Name what conversion warned of in rows to learn from, which have no page of their own."""
    return [
        (row.acquisition, warning)
        for row in sheet
        if row.role == "train"
        for warning in read_json(results / "converted" / f"{row.acquisition}.json").get(
            "warnings", []
        )
    ]


def run_facts(results: Path, sheet: Sequence[Acquisition], models: Models) -> Json:
    """Tell what ran: acquisitions and frames by role, versions, revision, and when."""
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
        "simulated": any(row.truth for row in sheet),
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
        For each group that has any: ``title``, ``fields``, ``spread`` (what the intervals are),
        ``methods`` (name and whether it is a model), ``rows`` (the main metrics with their cells),
        ``charts``, ``invented`` (sentences), and ``all``, every metric with its methods' cells.
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
        drawn = [name for name in CHARTED if name in main] or main[: len(CHARTED)]
        fields = max(each.fields for each in of_group)
        groups.append(
            {
                "title": title,
                "fields": fields,
                "spread": "range of the fields" if fields <= FEW else "95 % interval",
                "gains": any(each.gain_percent is not None for each in of_group),
                "methods": [(method_name(method), method in models) for method in methods],
                "rows": [
                    (described(name), [_cell(found, method, name) for method in methods])
                    for name in main
                ],
                "charts": [_chart(title, found, methods, models, name) for name in drawn],
                "invented": _invented(found, methods),
                "all": [
                    (
                        described(name),
                        [
                            (method_name(method), _cell(found, method, name))
                            for method in methods
                            if (method, name) in found
                        ],
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
        "best": _is_best(found, each, metric),
        "difference": "" if reference else spell(each.difference, metric.digits, signed=True),
        "difference_interval": ""
        if reference
        else span(each.difference_low, each.difference_high, metric.digits, signed=True),
        "gain": "" if reference else spell(each.gain_percent, 0, signed=True),
        "gain_interval": "" if reference else span(each.gain_low, each.gain_high, 0, signed=True),
    }


def _is_best(found: Mapping[tuple[str, str], Summary], each: Summary, metric: Metric) -> bool:
    """Tell whether no method is better, and at least one is worse, as far as digits are shown."""
    key = {"higher": lambda v: -v, "lower": lambda v: v}.get(metric.better, lambda v: abs(v - 1))
    ranks = {
        other.method: key(round(other.mean, metric.digits))
        for other in found.values()
        if other.metric == each.metric
    }
    best = min(ranks.values())
    return not metric.caveat and ranks[each.method] == best < max(ranks.values())


def _invented(found: Mapping[tuple[str, str], Summary], methods: Sequence[str]) -> list[str]:
    """Say in a sentence for each test of it which methods made up lines."""
    sentences = []
    for name, where in INVENTED.items():
        lengths = {m: found[m, name].mean for m in methods if (m, name) in found}
        clean = [method_name(method) for method, length in lengths.items() if length == 0]
        guilty = [
            f"{method_name(method)} ({number(length, METRICS[name].digits)} {METRICS[name].unit})"
            for method, length in lengths.items()
            if length > 0
        ]
        if guilty:
            none = f"; none by {', '.join(clean)}" if clean else ""
            sentences.append(f"{where}, false lines are drawn by: {', '.join(guilty)}{none}.")
        elif clean:
            sentences.append(f"{where}, no method draws false lines.")
    return sentences


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
            rows.append(Row(method_name(method), style, float(each.mean), *ends))
    label = f"{METRICS[name].title}, {METRICS[name].better} is better"
    return interval_chart(f"{title}: {METRICS[name].label} of each method", label, rows)
