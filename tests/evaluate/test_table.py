"""The table of measurements: how they reach it."""

import csv
from pathlib import Path

from stemjax.evaluate.table import collect_metrics, read_curves, read_metrics
from tests.handmade import Handmade


def test_all_measurements_become_one_table_without_those_refused(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    records = [
        handmade.record("evaluation/a/baselines.json", rows=[[0, "rapid", "psnr_slow", 20.5]]),
        handmade.refused("evaluation/b/baselines.json", "no map"),
        handmade.record("evaluation/c/dlf.json", rows=[[3, "dlf", "ssim_slow", 0.5]]),
    ]
    table = tmp_path / "evaluation" / "metrics.csv"
    collect_metrics(records, table)
    with open(table, newline="") as file:
        assert list(csv.reader(file)) == [
            ["acquisition", "frame", "method", "metric", "value"],
            ["a", "0", "rapid", "psnr_slow", "20.5"],
            ["c", "3", "dlf", "ssim_slow", "0.5"],
        ]
    assert read_metrics(table)[1]["value"] == "0.5"


def test_curves_are_read_of_all_methods_but_those_refused_or_missing(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    handmade.record("evaluation/a/baselines.json", curves={"rapid": {"frc": [1.0]}, "slow": {}})
    handmade.record("evaluation/a/dlf.json", curves={"dlf": {"frc": [0.5]}})
    handmade.refused("evaluation/a/other.json", "no map")
    found = read_curves(handmade.results / "evaluation/a", ["dlf", "other", "missing"])
    assert found == {"rapid": {"frc": [1.0]}, "slow": {}, "dlf": {"frc": [0.5]}}
