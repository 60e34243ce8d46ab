"""What the report says of the time, memory and attempts of jobs: nothing that is not known."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stemjax.jobs import SILENT
from stemjax.report.cost import show_cost
from stemjax.sheet import Acquisition
from tests.handmade import Handmade
from tests.report.pages import JUDGED, SHEET, Page, experiment, report, written

ROOT = Path(__file__).parents[2]
MODELS = {"dlf-a": JUDGED, "dlf-b": ["test-1"]}
MEASURED = {"s": 10.0, "cpu_time": 15.0, "max_rss": 100.0}


class Run:
    """The results and logs of a run, as far as a test leaves any."""

    def __init__(self, folder: Path) -> None:
        self.results = folder / "results"
        self.logs = folder / "logs"

    def benchmark(self, path: str, **measured: Any) -> Path:
        """Leave what Snakemake measured of a job."""
        file = self.results / "benchmark" / f"{path}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(MEASURED | measured) + "\n")
        return file

    def attempts(self, path: str, *ends: str) -> None:
        """Leave how a job's attempts ended."""
        file = self.logs / f"{path}.attempts"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"attempt {k} on node-1\n{end}".strip() for k, end in enumerate(ends, 1)]
        file.write_text("\n".join(lines) + "\n")

    def cost(self, sheet: list[Acquisition] = SHEET) -> dict[str, dict[str, Any]]:
        """Give the rows of the table by rule, in their order."""
        return {row["rule"]: row for row in show_cost(self.results, sheet, MODELS)["rules"]}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Start from nothing but models."""
    for model in MODELS:
        Handmade(tmp_path).record(f"models/{model}/model.json")
    return Run(tmp_path)


def test_the_jobs_of_a_rule_are_summed_up(run: Run) -> None:
    run.benchmark("convert_acquisition/field-1", s=100.0, cpu_time=50.0, max_rss=300.4)
    run.benchmark("convert_acquisition/test-1", s=25.0, cpu_time=200.0, max_rss=400.6)
    run.attempts("convert_acquisition/field-1", "done in 100 s")
    run.attempts("convert_acquisition/test-1", "error: full", "done in 25 s")
    assert run.cost() == {
        "convert_acquisition": {
            "rule": "convert_acquisition",
            "jobs": 2,
            "time": "2 min 05 s",
            "longest": ("1 min 40 s", "field-1"),
            "cores": "2.0",
            "memory": ("401", "test-1"),
            "attempts": 3,
        }
    }


def test_what_took_longest_comes_first(run: Run) -> None:
    run.benchmark("collect_metrics", s=5.0, max_rss=900.0)
    run.attempts("simulate_log/heating", "done in 1 s")  # of which nothing is measured
    run.benchmark("train_unet/dlf-a", s=60.0)
    run.benchmark("fit_distortion/mon", s=30.0)
    run.benchmark("fit_distortion/tue", s=40.0)
    sheet = [replace(row, log="raw/simulated/heating_log.csv") for row in SHEET]
    order = ["fit_distortion", "train_unet", "collect_metrics", "simulate_log"]
    assert list(run.cost(sheet)) == order
    total = show_cost(run.results, sheet, MODELS)["all"]
    assert (total["jobs"], total["time"]) == (5, "2 min 15 s")
    assert (total["longest"], total["memory"]) == (("1 min 00 s", "dlf-a"), ("900", ""))


@pytest.mark.parametrize(
    "path",
    [
        "convert_acquisition/gone",
        "fit_distortion/wed",
        "evaluate_baselines/field-1",  # has come to learn from
        "train_unet/dlf-c",
        "restore_acquisition/dlf-b/heating",  # which this model no longer restores
        "evaluate_restored/heating/dlf-b",
        "restore_part/dlf-b/heating/1-of-2",
        "simulate_acquisition/test-1",  # whose files come from a microscope now
        "simulate_log/heating",
        "load_model/dlf-a",  # is trained now
        "write_report",  # still runs
    ],
)
def test_jobs_that_sheet_and_config_no_longer_name_are_left_out(run: Run, path: str) -> None:
    run.benchmark(path)
    run.attempts(path, "done in 10 s")
    assert run.cost() == {}


def test_a_model_that_is_loaded_was_not_trained(run: Run) -> None:
    for path in ("load_model/dlf-a", "train_unet/dlf-a", "assemble_dataset/dlf-a"):
        run.benchmark(path)
    Handmade(run.results.parent).record("models/dlf-a/model.json", loaded="elsewhere")
    assert list(run.cost()) == ["load_model"]


def test_a_series_counts_the_jobs_that_shared_it_out_last(run: Run) -> None:
    for name in ("1-of-2", "2-of-2", "1-of-3", "2-of-3", "3-of-3"):
        file = run.benchmark(f"restore_part/dlf-a/heating/{name}")
        os.utime(file, (int(name[-1]), int(name[-1])))
    assert run.cost()["restore_part"]["jobs"] == 3


@pytest.mark.parametrize(
    "measured",
    [
        {"cpu_time": "NA", "max_rss": "NA"},
        {"cpu_time": None, "max_rss": None},
        {"s": 0.9, "cpu_time": 0.1, "max_rss": 3.0},  # too short to be seen at work
    ],
)
def test_what_was_not_measured_is_not_told(run: Run, measured: dict[str, Any]) -> None:
    run.benchmark("collect_metrics", **measured)
    row = run.cost()["collect_metrics"]
    assert (row["cores"], row["memory"], row["attempts"]) == ("", None, "")
    assert row["time"] == ("1 s" if "s" in measured else "10 s")


def test_a_job_without_measurement_does_not_spoil_the_others(run: Run) -> None:
    run.benchmark("convert_acquisition/field-1", s=50.0, cpu_time="NA", max_rss="NA")
    run.benchmark("convert_acquisition/test-1")
    row = run.cost()["convert_acquisition"]
    assert (row["jobs"], row["time"], row["longest"]) == (2, "1 min 00 s", ("50 s", "field-1"))
    assert (row["cores"], row["memory"]) == ("1.5", ("100", "test-1"))


@pytest.mark.parametrize("content", ["", '{"s": 1', "s\th:m:s\n1\t0:01\n", "[1]\n"])
def test_a_benchmark_that_cannot_be_read_is_none(run: Run, content: str) -> None:
    run.benchmark("collect_metrics").write_text(content)
    assert run.cost() == {}


def test_every_rule_with_a_log_is_known(run: Run) -> None:
    text = "".join(path.read_text() for path in ROOT.glob("rules/*.smk"))
    logs = re.findall(r'"logs/(.*)\.log"', text)
    assert len(logs) > 10
    fill = {"acquisition": "heating", "session": "mon", "model": "dlf-a", "scatteritem": "1-of-1"}
    for log in logs:
        run.benchmark(log.format(**fill))
    raw = {"rapid": "raw/simulated/h_rapid.emd", "log": "raw/simulated/h_log.csv"}
    sheet = [replace(row, **raw) if row.role == "series" else row for row in SHEET]
    rules = {log.split("/")[0] for log in logs}
    assert set(run.cost(sheet)) == rules - {"load_model", "write_report"}


def test_a_page_tells_it_and_the_first_page_leads_there(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path), Run(tmp_path)
    run.benchmark("train_unet/dlf-a", s=60.0, cpu_time=90.0, max_rss=900.0)
    run.benchmark("train_unet/dlf-b", s=30.0, cpu_time=45.0, max_rss=800.0)
    run.attempts("train_unet/dlf-a", "", "error: <b>full</b>", "done in 60 s")
    run.attempts("train_unet/dlf-b", "done in 30 s")
    page = report(handmade)
    told = "2 jobs took 1 min 30 s in total, of which train_unet 1 min 30 s, and at most 900 MB"
    assert f"{told} of memory each; 1 of them needed more than one attempt: each" in page.said()
    assert "cost.html" in {each["href"] for each in page.of("a")}
    cost = Page(page.path.with_name("cost.html"))
    row = "2 1 min 30 s 1 min 00 s dlf-a 1.5 900 dlf-a 4"
    assert cost.said().replace("train_ unet", "train_unet").count(row) == 2  # of all rules too
    assert f"train_unet dlf-a, 3 attempts: {SILENT} error: <b>full</b>" in cost.said()
    assert "dlf-b, " not in cost.said()
    assert "done in" not in cost.said()
    assert not cost.of("b")


def test_without_benchmarks_and_logs_there_is_a_report_too(tmp_path: Path) -> None:
    folder = written(experiment(tmp_path))
    assert "cost.html" not in {each["href"] for each in Page(folder / "index.html").of("a")}
    assert "neither benchmarks nor logs" in Page(folder / "cost.html").said()


@pytest.mark.parametrize(
    ("ends", "told"),
    [(["done in 10 s"], "No job needed more than one."), ([], "the logs of some jobs are not")],
)
def test_that_no_job_was_repeated_is_told_if_known(
    tmp_path: Path, ends: list[str], told: str
) -> None:
    handmade, run = experiment(tmp_path), Run(tmp_path)
    run.benchmark("collect_metrics")
    if ends:
        run.attempts("collect_metrics", *ends)
    assert told in Page(written(handmade) / "cost.html").said()
