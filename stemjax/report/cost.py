"""What the results cost: time, memory and attempts of each rule, from benchmarks and logs."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stemjax.jobs import DONE, read_attempts
from stemjax.progress import duration
from stemjax.report.models import model_record
from stemjax.sheet import Acquisition
from stemjax.typing import Json

SEEN = 1.0  # seconds: of a shorter job Snakemake has seen hardly more than its start
SIMULATED = "raw/simulated/"  # where the workflow makes raw files itself


@dataclass(frozen=True)
class Job:
    """A job that was done; what is unknown of it is None or empty.

    Attributes:
        name: its wildcards, as in the paths of its log and its benchmark.
        seconds: that the attempt took which was done.
        cpu_seconds: of all its threads and processes.
        memory_mb: at its peak.
        ends: last words of each attempt, oldest first.
    """

    name: str
    seconds: float | None
    cpu_seconds: float | None
    memory_mb: float | None
    ends: Sequence[str]


def show_cost(
    results: Path, sheet: Sequence[Acquisition], models: Mapping[str, Sequence[str]]
) -> Json:
    """Sum up what jobs cost, as far as benchmarks and logs are there.

    Only jobs of what sheet and config name now, but for the report's own, which still runs.

    Args:
        results: folder of all results; ``logs`` lies beside it.
        sheet: rows.
        models: acquisitions that each restores.

    Returns:
        ``all`` and ``rules``, the costliest first: each with ``rule``, ``jobs``, ``time`` in total,
        the ``longest`` job, ``cores`` in use, peak ``memory`` (MB) and ``attempts``, all as they
        are shown, and empty where nothing is known. ``repeated``: the jobs that needed more than
        one attempt, as rule, name, number of attempts, and how those ended that were not done.
    """
    found = {
        rule: [job for name in names if (job := read_job(results, rule, name))]
        for rule, names in _job_names(results, sheet, models).items()
    }
    found = {rule: jobs for rule, jobs in found.items() if jobs}
    order = sorted(found, key=lambda rule: -sum(job.seconds or 0 for job in found[rule]))
    return {
        "all": _sum_up("all rules", [job for jobs in found.values() for job in jobs]),
        "rules": [_sum_up(rule, found[rule]) for rule in order],
        "repeated": [
            (rule, job.name, len(job.ends), [e for e in job.ends if not e.startswith(DONE)])
            for rule in order
            for job in found[rule]
            if len(job.ends) > 1
        ],
    }


def _job_names(
    results: Path, sheet: Sequence[Acquisition], models: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Name the jobs of each rule by their wildcards, as in the paths of their logs."""
    rows = [row.acquisition for row in sheet]
    judged = [row.acquisition for row in sheet if row.role != "train"]
    loaded = [name for name in models if "loaded" in model_record(results, name)]
    trained = [name for name in models if name not in loaded]
    restored = [f"{model}/{name}" for model, names in models.items() for name in names]
    return {
        "simulate_acquisition": [r.acquisition for r in sheet if r.rapid.startswith(SIMULATED)],
        "simulate_log": [r.acquisition for r in sheet if r.log.startswith(SIMULATED)],
        "convert_acquisition": rows,
        "integrate_acquisition": rows,
        "fit_distortion": sorted({row.session for row in sheet}),
        "assemble_dataset": trained,
        "train_unet": trained,
        "load_model": loaded,
        "restore_part": [part for name in restored for part in _parts(results, name)],
        "restore_acquisition": restored,
        "evaluate_baselines": judged,
        "evaluate_restored": [f"{name}/{m}" for m, names in models.items() for name in names],
        "collect_metrics": [""],
        "render_movie": restored,
        "plot_figures": [""],
    }


def _parts(results: Path, name: str) -> list[str]:
    """Name the jobs that shared out a series, as many as there were of them last time."""
    paths = list((results / "benchmark" / "restore_part" / name).glob("*-of-*.jsonl"))
    if not paths:
        return []
    last = max(paths, key=lambda path: path.stat().st_mtime).stem.partition("-of-")[2]
    return [f"{name}/{k + 1}-of-{last}" for k in range(int(last))]


def read_job(results: Path, rule: str, name: str) -> Job | None:
    """Read what a job left; None where it left nothing."""
    path = f"{rule}/{name}" if name else rule
    benchmark = results / "benchmark" / f"{path}.jsonl"
    attempts = results.with_name("logs") / f"{path}.attempts"
    ends = read_attempts(attempts) if attempts.exists() else []
    measured = _last_line(benchmark) if benchmark.exists() else {}
    if not ends and not measured:
        return None

    def value(key: str) -> float | None:
        each = measured.get(key)
        return float(each) if isinstance(each, int | float) else None  # or "NA"

    seconds = value("s")
    if seconds is None or seconds < SEEN:
        return Job(name, seconds, None, None, ends)
    return Job(name, seconds, value("cpu_time"), value("max_rss"), ends)


def _last_line(path: Path) -> Json:
    """Read the last line of a benchmark; empty where it is none."""
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        read = json.loads(lines[-1]) if lines else {}
    except json.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}


def _sum_up(rule: str, jobs: Sequence[Job]) -> Json:
    timed = [job for job in jobs if job.seconds is not None]
    total = sum(job.seconds or 0 for job in timed)
    cpu = [job for job in timed if job.cpu_seconds is not None]
    clock = sum(job.seconds or 0 for job in cpu)
    attempts = sum(len(job.ends) for job in jobs) if all(job.ends for job in jobs) else ""
    longest = _largest(jobs, lambda job: job.seconds)
    largest = _largest(jobs, lambda job: job.memory_mb)
    return {
        "rule": rule,
        "jobs": len(jobs),
        "time": duration(total) if timed else "",
        "longest": (duration(longest[0]), longest[1]) if longest else None,
        "cores": f"{sum(job.cpu_seconds or 0 for job in cpu) / clock:.1f}" if clock else "",
        "memory": (f"{largest[0]:.0f}", largest[1]) if largest else None,
        "attempts": attempts,
    }


def _largest(
    jobs: Sequence[Job], measure: Callable[[Job], float | None]
) -> tuple[float, str] | None:
    """Find the greatest value and the job that it is of, if any job has one."""
    values = [(value, job.name) for job in jobs if (value := measure(job)) is not None]
    return max(values, default=None)
