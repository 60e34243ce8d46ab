"""How a run was made: machine, versions, what models learned from, what it took."""

import csv
import os
import platform
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

import jax

from stemjax.config import Config
from stemjax.jobs import read_start
from stemjax.progress import duration
from stemjax.provenance import git_revision, versions
from stemjax.report.cost import show_cost
from stemjax.report.paper.counts import workflow_stages
from stemjax.report.paper.metrics import metrics_path
from stemjax.report.paper.run import Run, counted, model_records
from stemjax.typing import Json

PACKAGES = ("jax", "flax", "optax", "numpy", "scipy", "zarr", "dask", "snakemake")
GIB = 2**30
NONE = "\u2013"  # of what is not known


def machine() -> str:
    """Describe this machine: processor, cores that may be used, memory, GPUs that JAX sees."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    kinds = [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    gpus = f"{len(kinds)} x {kinds[0]}" if kinds else "no GPU"
    return f"{_processor()}, {counted(cores, 'core')}, {memory:.0f} GiB of memory, {gpus}"


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def facts(run: Run, config: Config) -> dict[str, str]:
    """Tell by name what a reader needs to make the run again."""
    records = model_records(run)
    measured = datetime.fromtimestamp(metrics_path(run).stat().st_mtime).astimezone()
    used: dict[str, set[str]] = {}
    for about in [versions(*PACKAGES), *(r.get("versions", {}) for r in records.values())]:
        for package, version in about.items():
            used.setdefault(package, set()).add(version)
    installed = [f"{package} {' and '.join(sorted(each))}" for package, each in used.items()]
    revisions = sorted({r["revision"] for r in records.values() if r.get("revision")})
    seeds = [f"simulation {config.simulate.seed}"] if config.simulate else []
    trained = sorted({record["config"]["train"]["seed"] for record in records.values()})
    seeds += [f"training {', '.join(map(str, trained))}"] if trained else []
    all_jobs = show_cost(run.results, run.sheet, run.models)["all"]["time"] or "not known"
    worked = working_seconds(run)
    whole = f"{duration(worked)} in which jobs ran, " if worked else ""
    return {
        "Measured": f"{measured:%Y-%m-%d}",
        "Machine that wrote this page": machine(),
        "Versions": f"Python {platform.python_version()}, {', '.join(installed)}",
        "Commit": f"{', '.join(revisions) or 'not known'}; of this page {git_revision() or NONE}",
        "Seeds": ", ".join(seeds) or "not known",
        "Time": f"{whole}{all_jobs} of all jobs added up",
    }


def working_seconds(run: Run) -> float | None:
    """Sum up the time in which jobs ran, where there are logs: pauses between runs do not count."""
    attempts = list(run.results.with_name("logs").rglob("*.attempts"))
    spans = sorted(
        (start.timestamp(), path.stat().st_mtime)
        for path in attempts
        if (start := read_start(path))
    )
    if not spans:
        return None
    total, until = 0.0, 0.0
    for start, end in spans:
        total += max(end - max(start, until), 0.0)
        until = max(until, end)
    return total


def stages(run: Run) -> dict[str, str]:
    """Tell how much each stage made."""
    return {name: ", ".join(said) for name, said in workflow_stages(run).items() if said}


def models_table(run: Run) -> list[list[str]]:
    """Tell of each model what it learned from and how long: a header, then a row for each."""
    about = ["model", "target", "network", "intensities", "learning rate"]
    rows = [[*about, "fields of view", "frames", "epochs", "steps", "time"]]
    for name, record in model_records(run).items():
        config, steps = record["config"], record.get("steps")
        pairs = [pair for pair in record.get("pairs", []) if pair["split"] == "train"]
        frames = sum(last - first for first, last in (p["frames"] for p in pairs if "frames" in p))
        fields = len({pair["acquisition"] for pair in pairs})
        seconds = learning_seconds(run, name)
        rows.append(
            [
                name,
                config["target"] + ("" if config["correct"] else ", not undistorted"),
                _network(config["unet"]),
                config["train"]["scale"],
                f"{config['train']['learning_rate']:g}",
                str(fields),
                f"{frames:,}",
                f"{config['train']['epochs']:,}",
                NONE if steps is None else f"{steps:,}",
                NONE if seconds is None else duration(seconds),
            ]
        )
    return rows


def _network(unet: Json) -> str:
    context = f", {unet['context']} frames in" if unet["context"] > 1 else ""
    return f"{unet['features']} features, depth {unet['depth']}{context}"


def cost_table(run: Run) -> list[list[str]]:
    """Tell what the jobs of each rule took, the costliest first: a header, then the rows."""
    rows = [["rule", "jobs", "time", "cores in use", "peak memory (MB)"]]
    for each in show_cost(run.results, run.sheet, run.models)["rules"]:
        memory = each["memory"][0] if each["memory"] else NONE
        rows.append(
            [each["rule"], str(each["jobs"]), each["time"] or NONE, each["cores"] or NONE, memory]
        )
    return rows


def step_rate(run: Run, model: str) -> float | None:
    """Give the steps per second of a model's training: the median of its epochs.

    Each with its validation; the first, in which the step is compiled, is left out.
    """
    epochs = _epochs(run, model)
    if len(epochs) < 2:
        return None
    return median(
        (float(b["step"]) - float(a["step"])) / float(b["seconds"]) for a, b in pairwise(epochs)
    )


def learning_seconds(run: Run, model: str) -> float | None:
    """Sum up what a model's epochs took, with validation and compilation."""
    return sum(float(epoch["seconds"]) for epoch in _epochs(run, model)) or None


def _epochs(run: Run, model: str) -> list[dict[str, str]]:
    path = run.results / "models" / model / "metrics.csv"
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))
