"""The metrics in words."""

from itertools import pairwise

import pytest

from stemjax.report.glossary import METRICS, described, in_order, number


def test_metrics_by_angle_are_told_after_that_of_all_angles() -> None:
    names = ["line_width", "line_offset_px_60_90", "psnr_slow", "line_offset_px_0_30"]
    names += ["unknown", "line_offset_px", "unknown_0_30"]
    assert in_order(names) == [
        "psnr_slow",
        "line_offset_px",
        "line_offset_px_0_30",
        "line_offset_px_60_90",
        "line_width",
    ]


def test_a_metric_by_angle_says_the_angle_and_is_not_in_the_short_table() -> None:
    whole, part = described("line_offset_px"), described("line_offset_px_30_60")
    assert whole is not None
    assert part is not None
    assert part.title == "line position error, 30 to 60° to the scan (px)"
    assert (whole.main, part.main) == (True, False)
    assert part.digits == whole.digits
    assert described("psnr") is None


@pytest.mark.parametrize("name", METRICS)
def test_each_metric_is_explained_in_sentences(name: str) -> None:
    metric = METRICS[name]
    assert metric.means.endswith(".")
    assert metric.better in {"higher", "lower", "nearer to 1"}


def test_numbers_have_a_true_minus_sign() -> None:
    assert number(-1.249, 2) == "\u22121.25"
    assert number(1.0, 0, signed=True) == "+1"


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert [number(v, 0, signed=True) for v in (-0.4, 0.0, 0.4)] == ["0", "0", "0"]
    assert number(-0.004, 2) == "0.00"


def test_a_part_of_the_tables_is_begun_once() -> None:
    parts = [metric.part for metric in METRICS.values()]
    assert sum(a != b for a, b in pairwise(parts)) == len(set(parts)) - 1
