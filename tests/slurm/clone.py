"""A clone of the repository, used on the cluster as a person does, and what Slurm says of it."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import zarr

from tests.workflow import faults
from tests.workflow.conftest import Experiment, as_a_user

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("cluster.sh")
FOLDER = Path("/tmp/stemjax-slurm")  # of the cluster, as in its script
NOT_CLONED = (".*", "__pycache__", "results", "raw", "logs", "tests", "docs", "benchmarks")
WAITS = "this job still runs elsewhere"
RUN_S = 600  # longest run of Snakemake, which may wait for ever for a job that nobody runs


def cluster(*command: str) -> None:
    """Do something to the cluster: see its script."""
    subprocess.run(["bash", str(SCRIPT), *command], check=True, stdin=subprocess.DEVNULL)


def slurm(*command: str) -> str:
    """Run one of Slurm's commands."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def tell(line: str) -> None:
    """Show a person what goes on, where pytest runs with ``-s``."""
    print(f"    {time.strftime('%H:%M:%S')} {line}", flush=True)


def wait_until(what: str, condition: Callable[[], object], seconds: float = RUN_S) -> None:
    """Wait for a condition, given in words and as a function, and tell the person who watches."""
    tell(f"waiting until {what}")
    faults.wait_until(what, condition, seconds)


def on_the_cluster() -> dict[str, str]:
    """Give the environment of a user who may call Snakemake and Slurm."""
    plain = as_a_user()
    path = [str(Path(sys.executable).parent), str(FOLDER / "bin"), plain["PATH"]]
    return {**plain, "PATH": os.pathsep.join(path)}


class Clone(Experiment):
    """A clone whose root holds the tiny experiment, with Slurm's profile to edit."""

    main: subprocess.Popen[bytes]

    def start(self, *arguments: str, profile: str = "slurm") -> None:
        """Run `snakemake --profile slurm` in the clone's root, and go on."""
        command = ["snakemake", "--profile", profile, *arguments]
        tell(" ".join(command))
        with open(self.folder / "said.txt", "w") as said:
            self.main = subprocess.Popen(
                ["timeout", "--kill-after=5", str(RUN_S), *command],
                cwd=self.folder,
                env=on_the_cluster(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    def end(self) -> str:
        """Wait for the run, which must succeed; gives what it said."""
        try:
            self.main.wait()
        finally:
            self.kill()
        said = self.text("said.txt")
        assert self.main.returncode == 0, said
        tell("ended well")
        return said

    def kill(self) -> None:
        """Kill Snakemake's main process if it runs, which leaves its jobs and its lock behind."""
        if self.main.poll() is None:
            for process in psutil.Process(self.main.pid).children():
                process.kill()
            self.main.wait()

    def run(self, *arguments: str, profile: str = "slurm") -> str:
        """Run the workflow to its end; gives what it said."""
        self.start(*arguments, profile=profile)
        return self.end()

    def edit_profile(self, old: str, new: str) -> None:
        """Change a line of Slurm's profile."""
        file = self.folder / "profiles/slurm/profile.yaml"
        before = file.read_text()
        assert before.count(old) == 1, old
        file.write_text(before.replace(old, new))

    def take_up(self, first: str) -> None:
        """Take up the settings of the profile that begin with this line, up to the next blank."""
        before = self.text("profiles/slurm/profile.yaml")
        block = next(part for part in before.split("\n\n") if f"\n#{first}" in part)
        self.edit_profile(block, re.sub(r"^#(?! \S)", "", block, flags=re.MULTILINE))

    def forget(self, *records: str) -> None:
        """Delete records below results/ with what they vouch for, so that a run makes it again."""
        for record in records:
            path = self.folder / "results" / record
            for made in (path, path.with_suffix(".zarr"), path.with_suffix(".units")):
                shutil.rmtree(made) if made.is_dir() else made.unlink(missing_ok=True)

    @contextmanager
    def held(self, job: str) -> Iterator[None]:
        """Make a job wait before its work, as for a twin: its log, without the ending."""
        path = self.folder / "logs" / f"{job}.attempts"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a") as attempts:
            fcntl.flock(attempts, fcntl.LOCK_EX)
            yield

    @contextmanager
    def half_restored(self, series: str) -> Iterator[None]:
        """Forget the last unit of a series, and let the job that restores it stay there."""
        record = self.folder / f"results/restored/dlf-slow/{series}.json"
        label = record.with_suffix(".units") / "1.json"
        shutil.rmtree(record.with_suffix(".zarr") / "0/c/1")
        record.unlink()
        with blocked(label):
            yield

    def wait_for_half_restored(self, series: str) -> None:
        """Wait until a job has come to the last unit of a series."""
        label = self.folder / f"results/restored/dlf-slow/{series}.units/1.json"
        wait_until(f"{series} is half restored", lambda: is_read(label))

    def wait_for_held(self, rule: str, jobs: int = 1) -> None:
        """Wait until as many jobs of a rule are at their lock."""
        wait_until(f"{rule} waits", lambda: self.slurm_log(rule).count(WAITS) >= jobs)

    def slurm_log(self, rule: str) -> str:
        """Read what Slurm kept of a rule's jobs, oldest first."""
        logs = self.folder.glob(f"logs/slurm/rule_{rule}/**/*.log")
        return "".join(log.read_text() for log in sorted(logs, key=lambda log: int(log.stem)))

    def slurm_jobs(self, rule: str = "") -> list[dict[str, str]]:
        """Give what Slurm says of this clone's jobs, or of one rule's, oldest first."""
        lines = slurm("scontrol", "--oneliner", "show", "jobs").splitlines()
        jobs = [dict(p.split("=", 1) for p in line.split() if "=" in p) for line in lines]
        own = [job for job in jobs if job.get("WorkDir") == str(self.folder)]
        return [job for job in own if job["Comment"].startswith(f"rule_{rule}")]

    def scripts(self) -> list[psutil.Process]:
        """Find the processes that run this clone's scripts."""
        scripts = f"{self.folder}/.snakemake/scripts/"
        lines = {each: each.info["cmdline"] or [""] for each in psutil.process_iter(["cmdline"])}
        return [process for process, line in lines.items() if line[-1].startswith(scripts)]

    def values(self) -> dict[str, object]:
        """Give all results that must be equal: arrays, maps, parameters, metrics, digests."""
        results = self.folder / "results"
        found: dict[str, object] = {}
        for store in results.rglob("*.zarr"):
            for name, array in zarr.open_group(store, mode="r").arrays():
                content = hashlib.sha256(array[...].tobytes()).hexdigest()
                found[f"{store.relative_to(results)}/{name}"] = content
        for record in results.rglob("*.json"):
            content, name = json.loads(record.read_text()), str(record.relative_to(results))
            if "digest" in content and not name.startswith("report/"):
                found[name] = content["digest"]
        for file in [*results.glob("distortion/*.json"), *results.glob("models/*/*.safetensors")]:
            found[f"bytes of {file.relative_to(results)}"] = file.read_bytes()
        found["metrics"] = (results / "evaluation/metrics.csv").read_text()
        return found


@contextmanager
def blocked(label: Path) -> Iterator[None]:
    """Make a job that restores stay where it looks for the label of a unit."""
    faults.block(label)
    reader = os.open(label, os.O_RDONLY | os.O_NONBLOCK)  # lets us write before a job reads
    writer = os.open(label, os.O_WRONLY)
    os.close(reader)
    try:
        yield
    finally:
        label.unlink()
        with suppress(BrokenPipeError):
            os.write(writer, b"{}")  # a job that still reads goes on
        os.close(writer)


def is_read(fifo: Path) -> bool:
    """Tell whether a job has come to a label that is blocked."""
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def new_clone(folder: Path) -> Clone:
    """Copy what a clone of the repository has and the workflow needs."""
    shutil.copytree(ROOT, folder, symlinks=True, ignore=shutil.ignore_patterns(*NOT_CLONED))
    return Clone(folder)
