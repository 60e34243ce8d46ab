"""Means, differences and intervals over fields of view, from closed forms and simulated draws."""

import csv
from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pytest

from stemjax.evaluate.interval import bootstrap_interval
from stemjax.evaluate.statistics import Summary, summarise, write_summary

Rows = list[dict[str, str]]


def measured(
    acquisition: str, method: str, *values: float, metric: str = "psnr_slow", first: int = 0
) -> Rows:
    """Rows of the long table: one value for each frame from `first` on."""
    keys = ("acquisition", "frame", "method", "metric", "value")
    return [
        dict(zip(keys, (acquisition, str(first + k), method, metric, str(value)), strict=True))
        for k, value in enumerate(values)
    ]


def of(rows: Rows, method: str, metric: str = "psnr_slow", **roles: str) -> Summary:
    """Summarise, and pick the one row; all acquisitions are test rows by default."""
    roles = roles or {row["acquisition"]: "test" for row in rows}
    (found,) = (s for s in summarise(rows, roles) if (s.method, s.metric) == (method, metric))
    return found


def test_each_field_counts_once_however_many_frames_it_has() -> None:
    rows = measured("a", "nlm", 20.0, 22.0) + measured("b", "nlm", 30.0) + measured("c", "nlm", 26)
    found = of(rows, "nlm")
    assert found.fields == 3
    assert found.mean == pytest.approx(mean([21, 30, 26]))
    assert found.std == pytest.approx(stdev([21, 30, 26]))
    assert (found.low, found.high) == pytest.approx(bootstrap_interval(np.array([21.0, 30, 26])))


def test_a_single_field_has_neither_deviation_nor_interval() -> None:
    rows = measured("a", "rapid", 20.0) + measured("a", "nlm", 25.0)
    rows += measured("a", "rapid", 20.0, metric="psnr_paper")
    rows += measured("a", "nlm", 25.0, metric="psnr_paper")
    found = of(rows, "nlm", "psnr_paper")
    assert found == Summary(
        "test", "nlm", "psnr_paper", 1, 25.0, *[None] * 3, 5.0, None, None, 25.0, None, None
    )


def test_frames_that_a_method_lacks_do_not_count_for_the_others() -> None:
    """The integration has nothing to show for frames 0 and 1 of a series."""
    rows = measured("a", "rapid", 1, 2, 20, 22) + measured("a", "nlm", 3, 4, 25, 27)
    rows += measured("a", "dcfi", 31, 33, first=2)
    assert [of(rows, method).mean for method in ("rapid", "nlm", "dcfi")] == [21, 26, 32]
    assert [of(rows, method).difference for method in ("nlm", "dcfi")] == [5, 11]


@pytest.mark.parametrize("slow", ["bm3d", "bm3d-spectrum"])
def test_a_slow_method_is_judged_by_its_own_frames_and_leaves_the_others_theirs(slow: str) -> None:
    rows = measured("a", "rapid", 10, 20, 60) + measured("a", "nlm", 13, 23, 66)
    rows += measured("a", "gaussian", 1, 1, first=1)
    rows += measured("a", slow, 11, 28)  # of which frame 0 is none that counts
    assert of(rows, "rapid").mean == 40.0
    assert of(rows, "nlm").difference == 4.5
    assert (of(rows, slow).mean, of(rows, slow).difference) == (28, 8)
    only_uncounted = measured("b", "rapid", 10, 20) + measured("b", "nlm", 13, first=1)
    only_uncounted += measured("b", slow, 11)
    assert not [s for s in summarise(only_uncounted, {"b": "test"}) if s.method == slow]


def test_a_metric_that_some_frames_or_methods_lack_leaves_the_others_alone() -> None:
    rows = measured("a", "rapid", 10, 20) + measured("a", "nlm", 30, 40)
    rows += measured("a", "rapid", 5, metric="line_width_0_30")
    rows += measured("a", "nlm", 6, 8, metric="line_width_0_30")
    rows += measured("a", "nlm", 0.5, metric="false_lines_blank")
    assert of(rows, "nlm").mean == 35
    width, false = (of(rows, "nlm", metric) for metric in ("line_width_0_30", "false_lines_blank"))
    assert (width.mean, width.difference) == (6, 1)
    assert (false.mean, false.difference) == (0.5, None)


def test_differences_are_paired_by_field() -> None:
    """A method that always gains 4 or 6 does so for certain, however much fields differ."""
    rapid, better = [10.0, 30.0, 20.0], [14.0, 36.0, 24.0]
    rows = [row for name, v in zip("abc", rapid, strict=True) for row in measured(name, "rapid", v)]
    rows += [row for n, v in zip("abc", better, strict=True) for row in measured(n, "model", v)]
    rows += measured("d", "model", 90.0)  # without a rapid frame it has no difference
    found = of(rows, "model")
    assert (found.fields, found.mean) == (4, 41)
    assert found.difference == pytest.approx(mean([4, 6, 4]))
    ends = bootstrap_interval(np.array([4.0, 6.0, 4.0]))
    assert (found.difference_low, found.difference_high) == pytest.approx(ends)
    assert of(rows, "rapid").difference is None


@pytest.mark.parametrize("metric", ["psnr_paper", "psnr_paper_mid", "psnr_paper_rest"])
def test_the_gain_is_that_of_mean_decibels_over_mean_decibels(metric: str) -> None:
    """As the paper has it; the mean of each field's gain would be 56.25 %."""
    rows: Rows = []
    for name, rapid, model in (("a", 10.0, 20.0), ("b", 40.0, 45.0)):
        rows += measured(name, "rapid", rapid, metric=metric)
        rows += measured(name, "model", model, metric=metric)
    found = of(rows, "model", metric)
    assert found.std == pytest.approx(stdev([20, 45]))
    assert found.gain_percent == pytest.approx(30.0)
    assert (found.gain_low, found.gain_high) == pytest.approx((12.5, 100.0))
    assert of(rows, "rapid", metric).gain_percent is None
    other = [{**row, "metric": "psnr_truth"} for row in rows]
    assert of(other, "model", "psnr_truth").gain_percent is None


def test_fields_and_series_are_apart_and_methods_in_the_order_of_all_tables() -> None:
    names = ["z-model", "bm3d-spectrum", "a-model", "bm3d", "wiener", "nlm", "gaussian"]
    rows = [row for name in [*names, "dcfi", "rapid"] for row in measured("s", name, 1.0)]
    rows += measured("t", "rapid", 2.0) + measured("t", "rapid", 2.0, metric="frc_per_um")
    rows += measured("u", "rapid", 3.0)
    found = summarise(rows, {"s": "series", "t": "test", "u": "train"})
    assert [(s.group, s.metric, s.mean) for s in found[:2]] == [
        ("test", "psnr_slow", 2.0),
        ("test", "frc_per_um", 2.0),
    ]
    assert {s.group for s in found[2:]} == {"series"}
    order = ["rapid", "dcfi", "gaussian", "nlm", "wiener", "bm3d", "bm3d-spectrum"]
    assert [s.method for s in found[2:]] == [*order, "z-model", "a-model"]


def test_the_summary_is_written_with_empty_cells_for_what_is_not_defined(tmp_path: Path) -> None:
    rows = measured("a", "rapid", 20.0) + measured("b", "rapid", 21.0)
    rows += measured("a", "nlm", 1 / 3, 25.0)
    found = summarise(rows, {"a": "test", "b": "test"})
    write_summary(found, tmp_path / "summary.csv")
    with open(tmp_path / "summary.csv", newline="") as file:
        written = list(csv.DictReader(file))
    for cells, row in zip(written, found, strict=True):
        for key, value in asdict(row).items():
            if isinstance(value, float):
                assert float(cells[key]) == pytest.approx(value, rel=1e-5)
            else:
                assert cells[key] == ("" if value is None else str(value))
