"""What disturbs a run, and whether its results are those of an undisturbed one."""

import errno
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import numpy as np
import zarr
from safetensors.numpy import load_file

from .conftest import Experiment, as_a_user

T = TypeVar("T")

RECORDS = (
    *("converted/*.json", "dcfi/*.json", "distortion/*.json", "dataset/*.json"),
    *("models/*/model.json", "restored/*/*.json", "evaluation/*/*.json"),
)


def contents(results: Path) -> dict[str, Any]:
    """Read all in which equal results agree, by path: arrays, parameters, records, metrics.csv.

    Only that for which a record vouches: what lies there without one is nobody's result.
    """
    found: dict[str, Any] = {}
    for path in (path for pattern in RECORDS for path in results.glob(pattern)):
        name = str(path.relative_to(results))
        try:
            record = json.loads(path.read_text())
        except FileNotFoundError:  # taken away by a job that begins
            continue
        for detail in ("revision", "versions"):
            record.pop(detail, None)
        found[name] = record
        if record["status"] == "ok":
            found |= {f"{name} {key}": array for key, array in _arrays(path).items()}
    if (metrics := results / "evaluation/metrics.csv").exists():
        found["evaluation/metrics.csv"] = metrics.read_text()
    return found


def _arrays(record: Path) -> dict[str, np.ndarray]:
    """Read the arrays beside a record."""
    if record.name == "model.json":
        return dict(load_file(record.with_name("parameters.safetensors")))
    if not (store := record.with_suffix(".zarr")).exists():
        return {}
    members = zarr.open_group(store, mode="r").members(max_depth=None)
    return {name: each[...] for name, each in members if isinstance(each, zarr.Array)}


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Name what only one of two :func:`contents` has, and what they do not agree in."""
    return [name for name in sorted(one.keys() | other.keys()) if not _equal(one, other, name)]


def _equal(one: dict[str, Any], other: dict[str, Any], name: str) -> bool:
    if name not in one or name not in other:
        return False
    a, b = one[name], other[name]
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return bool(a == b)


def wait_until(what: str, condition: Callable[[], T], seconds: float = 120) -> T:
    """Wait for a condition, given in words and as a function; gives what this gave."""
    deadline, pause = time.monotonic() + seconds, Event()
    while not (found := condition()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        pause.wait(0.02)
    return found


@contextmanager
def started(
    experiment: Experiment, *arguments: str, said: str = "said.txt"
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start the workflow; with the body it ends, orphans and all."""
    main = start(experiment, *arguments, said=said)
    try:
        yield main
    finally:
        kill_session(main)


def start(
    experiment: Experiment, *arguments: str, said: str = "said.txt"
) -> "subprocess.Popen[bytes]":
    """Start the workflow in a session of its own; what it says goes to the file `said`."""
    with open(experiment.folder / said, "w") as file:
        return subprocess.Popen(
            experiment.command(*arguments),
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=experiment.folder.parent,
            env=as_a_user(),
            start_new_session=True,
        )


def kill_session(main: "subprocess.Popen[bytes]") -> None:
    """Kill a run at once: the main process, its jobs and what these started."""
    with suppress(ProcessLookupError):
        os.killpg(main.pid, signal.SIGKILL)
    main.wait()


def running_process(experiment: Experiment, job: str) -> int:
    """Give the process of the attempt that a job, such as ``RULE/WILDCARD``, made last."""
    attempts = experiment.text(f"logs/{job}.attempts")
    return int(re.findall(r"^attempt .*process (\d+)", attempts, re.MULTILINE)[-1])


def is_running(process: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False


def block(label: Path) -> None:
    """Make a job wait where it reads this label of a unit, until :func:`let_go`."""
    label.unlink(missing_ok=True)
    label.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(label)


def reached(*labels: Path) -> tuple[Path, int] | None:
    """Give that of some blocked labels at which a job waits, with the pipe that holds it."""
    for label in labels:
        try:
            return label, os.open(label, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:  # nobody reads
                raise
    return None


def let_go(pipe: int) -> None:
    """Tell the job at the other end that the unit is to be made."""
    os.write(pipe, b"{}")
    os.close(pipe)
