"""A tiny experiment, run once from raw files to report; each test works on a copy of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROWS = {"train-1": "train", "train-2": "train", "test-1": "test", "heating-1": "series"}
CONFIG = {
    "models": {"dlf-slow": {"target": "slow"}},
    "unet": {"features": 2, "depth": 1},
    "train": {"epochs": 2, "batch_size": 4, "patch": 32},
    "evaluate": {"baselines": ["gaussian"], "frames": 2},
    "simulate": {"size": 64, "frames": 4, "series_frames": 60},
}

REPORT = {"plot_figures", "write_report"}
# By rule, the result that its job writes.
WRITES = {
    "convert_acquisition": "converted/{}",
    "integrate_acquisition": "dcfi/{}",
    "fit_distortion": "distortion/{}",
    "assemble_dataset": "dataset/{}",
    "train_unet": "models/{}",
    "restore_acquisition": "restored/{}/{}",
    "evaluate_baselines": "evaluation/{}/baselines",
    "evaluate_restored": "evaluation/{}/{}",
    "collect_metrics": "evaluation/metrics",
    "render_movie": "report/movies/{}/{}",
}
NO_RESULTS = ("benchmark/", "selection/", "report/")  # but for the movies
State = dict[Path, tuple[int, bytes]]


def as_a_user() -> dict[str, str]:
    """Give the environment that a user has: without the strictness that tests put on JAX."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("JAX_NUMPY", "XLA_"))}


class Experiment:
    """An experiment's folder, and how tests change and run it."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.folder = folder
        self.root = root  # of the code that is run

    def write_config(self, **changes: object) -> None:
        """Write config.yaml with some sections changed; None leaves a section out."""
        merged = {key: value for key, value in {**CONFIG, **changes}.items() if value is not None}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(merged))

    def write_sheet(self, rows: dict[str, str]) -> None:
        """Write the sheet with these ids and roles."""
        lines = ["acquisition\tsession\trole\trapid\tslow\tlog\ttruth"]
        for name, role in rows.items():
            log = f"raw/simulated/{name}_log.csv" if role == "series" else ""
            raw = [f"raw/simulated/{name}_{part}" for part in ("rapid.emd", "slow.emd", "truth.h5")]
            lines.append("\t".join([name, "day-1", role, *raw[:2], log, raw[2]]))
        (self.folder / "acquisitions.tsv").write_text("\n".join(lines) + "\n")

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the workflow in this folder from outside of it."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            cwd=self.folder.parent,
            env=as_a_user(),
        )

    def command(self, *arguments: str) -> list[str]:
        """Give the command that runs the workflow in this folder from outside of it."""
        return [
            *(sys.executable, "-m", "snakemake", "-s", str(self.root / "Snakefile")),
            *("--directory", str(self.folder)),
            *("--configfile", str(self.folder / "config.yaml")),
            *("--cores", "2", *arguments),
        ]

    def run(self, *arguments: str) -> str:
        """Run the workflow to its end; gives what it said."""
        done = self.snakemake(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def planned(self, *arguments: str) -> set[str]:
        """Name the jobs that a run would do, as ``rule`` or ``rule wildcard wildcard``."""
        jobs: list[str] = []
        for line in self.run("--dry-run", *arguments).splitlines():
            if line.startswith(("rule ", "localrule ")):
                jobs.append(line.split()[1].rstrip(":"))
            elif line.strip().startswith("wildcards:"):
                values = [part.split("=")[1] for part in line.split(":", 1)[1].split(",")]
                jobs[-1] = " ".join([jobs[-1], *(value.strip() for value in values)])
        assert len(jobs) == len(set(jobs)), f"planned twice: {sorted(jobs)}"
        return set(jobs) - {"all"}

    def results(self) -> dict[str, State]:
        """Give by result, such as ``dcfi/test-1``, its files with time of writing and bytes."""
        found: dict[str, State] = {}
        folder = self.folder / "results"
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            movie = name.startswith("report/movies/")
            if path.is_dir() or path.name[0] == "." or (name.startswith(NO_RESULTS) and not movie):
                continue
            if name.startswith("models/"):
                result = "/".join(name.split("/")[:2])
            else:
                result = re.split(r"\.(?:json|zarr|units|csv|mp4|png)\b", name)[0]
            found.setdefault(result, {})[path] = (path.stat().st_mtime_ns, path.read_bytes())
        return found

    def text(self, path: str) -> str:
        """Read a file of the experiment."""
        return (self.folder / path).read_text()


def chain(name: str, *, role: str) -> set[str]:
    """Name the jobs of one acquisition alone, and the gathers that it is part of."""
    jobs = {f"convert_acquisition {name}", f"integrate_acquisition {name}", *REPORT}
    if role == "train":
        return jobs
    return jobs | {f"evaluate_baselines {name}"} | of_model("dlf-slow", {name: role})


def of_model(model: str, rows: dict[str, str] = ROWS) -> set[str]:
    """Name the jobs by which a model's frames are made and judged, and the gathers of these."""
    jobs = {"collect_metrics", *REPORT}
    for name, role in rows.items():
        if role != "train":
            jobs |= {f"restore_acquisition {model} {name}", f"evaluate_restored {name} {model}"}
        if role == "series":
            jobs.add(f"render_movie {model} {name}")
    return jobs


MAP = "results/distortion/day-1.json"
# All that follows from another map; baselines are measured on the slow grid as well.
FROM_THE_MAP = {
    "fit_distortion day-1",
    "assemble_dataset dlf-slow",
    "train_unet dlf-slow",
    *(f"evaluate_baselines {name}" for name in ("test-1", "heating-1")),
    *of_model("dlf-slow"),
}


@dataclass(frozen=True)
class Redone:
    """A run after a change: its jobs, the results that came out otherwise, what it said."""

    jobs: set[str]
    changed: set[str]
    said: str


def redo(experiment: Experiment, *targets: str) -> Redone:
    """Run what a change asks for: it writes what its jobs write; all else keeps bytes and times."""
    jobs = experiment.planned(*targets)
    before = experiment.results()
    said = experiment.run(*targets)
    after = experiment.results()
    written = {name for name in before | after if before.get(name) != after.get(name)}
    split = [job.split() for job in jobs]
    assert written == {WRITES[rule].format(*rest) for rule, *rest in split if rule in WRITES}
    changed = {name for name in written if contents(before, name) != contents(after, name)}
    assert not jobs or experiment.planned(*targets) == set()
    return Redone(jobs, changed, said)


def contents(results: dict[str, Any], name: str) -> dict[Path, bytes]:
    """Give a result's files without their times."""
    return {path: content for path, (_, content) in results.get(name, {}).items()}


def record(experiment: Experiment, path: str) -> dict[str, Any]:
    return json.loads(experiment.text(path))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Run the tiny experiment; tests that change anything take `experiment` instead."""
    experiment = Experiment(tmp_path_factory.mktemp("finished") / "tiny")
    experiment.folder.mkdir()
    experiment.write_config()
    experiment.write_sheet(ROWS)
    experiment.run()
    return experiment


@pytest.fixture
def experiment(finished: Experiment, tmp_path: Path) -> Experiment:
    """Copy the finished experiment with its times and Snakemake's memory of it."""
    shutil.copytree(finished.folder, tmp_path / "tiny")
    return Experiment(tmp_path / "tiny")
