"""A tiny experiment, run once from raw files to report; each test works on a copy of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

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


class Experiment:
    """An experiment's folder, and how tests change and run it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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
        command = [
            *(sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile")),
            *("--directory", str(self.folder)),
            *("--configfile", str(self.folder / "config.yaml")),
            *("--cores", "2", *arguments),
        ]
        # As a user has it: without the strictness that tests put on JAX.
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_NUMPY", "XLA_"))}
        return subprocess.run(
            command, capture_output=True, text=True, cwd=self.folder.parent, env=plain
        )

    def run(self, *arguments: str) -> str:
        """Run the workflow to its end; gives what it said."""
        done = self.snakemake(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def planned(self, *arguments: str) -> set[str]:
        """Name the jobs that a run would do, as ``rule`` or ``rule wildcard wildcard``."""
        jobs, rule = set(), ""
        for line in self.run("--dry-run", *arguments).splitlines():
            if line.startswith(("rule ", "localrule ")):
                rule = line.split()[1].rstrip(":")
                jobs.add(rule)
            elif line.strip().startswith("wildcards:"):
                jobs.discard(rule)
                values = [part.split("=")[1] for part in line.split(":", 1)[1].split(",")]
                jobs.add(" ".join([rule, *(value.strip() for value in values)]))
        return jobs - {"all"}

    def text(self, path: str) -> str:
        """Read a file of the experiment."""
        return (self.folder / path).read_text()


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
