"""The units of a series on a Dask cluster, started as docs/cluster.md says, on Slurm's nodes."""

import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.slurm.clone import ROOT, Clone, blocked, is_read, on_the_cluster, slurm, tell, wait_until

pytestmark = pytest.mark.slurm

RECORD = "results/restored/dlf-slow/heating-1.json"
DOCS = (ROOT / "docs/cluster.md").read_text()
# A node here has two cores, one of them for the job that waits, and memory for one such worker.
HERE = {"cores=8": "cores=1", '"32GB"': '"40GB"'}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Run the page's Python and leave it running: two workers, one to a node."""
    (block,) = re.findall(r"^    from dask_jobqueue.*?\n\n", DOCS, re.MULTILINE | re.DOTALL)
    for old, new in HERE.items():
        assert old in block
        block = block.replace(old, new)
    site = {"INTERFACE": "lo", "LOCAL_DIRECTORY": tmp_path, "LOG_DIRECTORY": tmp_path}
    env = {f"DASK_JOBQUEUE__SLURM__{key}": str(value) for key, value in site.items()}
    command = [sys.executable, "-i", "-c", textwrap.dedent(block)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        stdin=pipe,
        stdout=pipe,
        stderr=subprocess.DEVNULL,  # the prompt
        text=True,
        env={**on_the_cluster(), **env},
    ) as python:
        assert python.stdin is not None
        assert python.stdout is not None
        try:
            yield python.stdout.readline().strip()
        finally:
            python.stdin.close()  # ends it, and with it the workers
            python.wait(60)
            slurm("scancel", "--name=dask-worker")


def start(clone: Clone, address: str) -> None:
    """Start the page's command for one series."""
    (line,) = re.findall(r"^    (snakemake .*=ADDRESS)$", DOCS, re.MULTILINE)
    words = shlex.split(line.replace("ADDRESS", address))
    assert words[:3] == ["snakemake", "--profile", "slurm"]
    clone.start(*words[3:], "--", RECORD)


def worker_nodes() -> list[str]:
    jobs = ("squeue", "--noheader", "--name=dask-worker", "--states=RUNNING", "--format=%N")
    return sorted(slurm(*jobs).split())


def worker_at(fifo: Path) -> psutil.Process:
    """Find the worker that waits at a pipe."""
    for process in psutil.process_iter():
        try:
            opened = [os.readlink(fd) for fd in Path(f"/proc/{process.pid}/fd").iterdir()]
        except OSError:
            continue
        if process.pid != os.getpid() and str(fifo) in opened:
            return process
    raise AssertionError("no worker")


def test_a_series_over_two_nodes_is_what_one_job_restores(
    clone: Clone, undisturbed: Clone, address: str
) -> None:
    wait_until("a worker is on each node", lambda: worker_nodes() == ["n1", "n2"])
    clone.forget(RECORD.removeprefix("results/"))
    units = [clone.folder / RECORD.replace(".json", f".units/{k}.json") for k in (0, 1)]
    with blocked(units[0]), blocked(units[1]):
        start(clone, address)
        wait_until("each has a unit", lambda: all(is_read(unit) for unit in units))
        at_work = [worker_at(unit).environ()["SLURMD_NODENAME"] for unit in units]
        assert sorted(at_work) == ["n1", "n2"]
    clone.end()
    assert "2 of 2 units computed" in clone.slurm_log("restore_acquisition")
    assert clone.values() == undisturbed.values()


def test_a_lost_worker_costs_the_unit_that_it_was_at(
    clone: Clone, undisturbed: Clone, address: str
) -> None:
    label = clone.folder / RECORD.replace(".json", ".units/1.json")
    with clone.half_restored("heating-1"):
        start(clone, address)
        clone.wait_for_half_restored("heating-1")
        lost = worker_at(label)
        tell("a worker is lost")
        slurm("scancel", lost.environ()["SLURM_JOB_ID"])
        wait_until("it is gone", lambda: not lost.is_running())
        clone.wait_for_half_restored("heating-1")
    clone.end()
    assert "1 of 2 units computed" in clone.slurm_log("restore_acquisition")
    assert clone.values() == undisturbed.values()
