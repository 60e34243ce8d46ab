"""Who watches a run sees how far it is, and where it says why a job failed."""

import os
import pty
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.faults import block, let_go, reached, running_process, started, wait_until

RICH = ("--logger", "rich")
TARGET = ("results/converted/train-1.json", "--forcerun", "convert_acquisition")


@pytest.mark.parametrize("logger", [(), RICH], ids=["plain", "rich"])
def test_a_run_tells_what_is_done_and_what_its_jobs_say(
    experiment: Any, logger: tuple[str, ...]
) -> None:
    said = experiment.run(*TARGET, *logger)
    assert "Job stats" in said
    assert "process " in said
    assert ": logs/convert_acquisition/train-1.log" in said
    assert "convert train-1: 1/1 in " in said
    assert "done in " in said


def test_bars_on_a_terminal_are_disturbed_by_no_job(
    experiment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")

    def on_terminal(command: list[str], **given: Any) -> subprocess.CompletedProcess[str]:
        given = {key: given[key] for key in ("cwd", "env")}
        with subprocess.Popen(command, stdout=theirs, stderr=theirs, **given) as run:
            os.close(theirs)
            shown = b""
            while part := _read(ours):
                shown += part
        return subprocess.CompletedProcess(command, run.returncode, shown.decode(), "")

    monkeypatch.setattr(subprocess, "run", on_terminal)
    shown = experiment.run(*TARGET, *RICH)
    os.close(ours)
    assert "Total Progress" in shown
    assert "Workflow Finished" in shown
    told = experiment.text("logs/convert_acquisition/train-1.log").splitlines()
    assert len(told) > 2
    assert [line for line in told if line in shown] == []


def _read(terminal: int) -> bytes:
    """Read what is shown next; nothing once the last program has closed the terminal."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


@pytest.mark.parametrize("logger", [(), RICH], ids=["plain", "rich"])
def test_a_failed_job_is_told_with_its_log_which_ends_with_the_reason(
    experiment: Any, logger: tuple[str, ...]
) -> None:
    experiment.write_config(on_bad_input="fail")
    raw: Path = experiment.folder / "raw/simulated/train-1_rapid.emd"
    os.truncate(raw, raw.stat().st_size // 2)
    done = experiment.snakemake(*TARGET, *logger)
    log = "logs/convert_acquisition/train-1.log"
    last = experiment.text(log).splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("error: raw/simulated/train-1_rapid.emd: ")
    assert last in done.stdout + done.stderr
    assert log in done.stdout + done.stderr


def test_a_cancelled_job_is_told_as_cancelled(experiment: Any) -> None:
    """In the midst of its work, which other threads do."""
    record = experiment.folder / "results/restored/dlf-slow/heating-1.json"
    labels = [record.with_suffix(".units") / f"{k}.json" for k in (0, 1)]
    for path in (record, *labels):
        path.unlink()
    job = "restore_acquisition/dlf-slow/heating-1"
    block(labels[1])
    with started(experiment, str(record.relative_to(experiment.folder))) as run:
        _, pipe = wait_until("the series is restored", lambda: reached(labels[1]))
        os.kill(running_process(experiment, job), signal.SIGTERM)
        last = "error: ended by SIGTERM: cancelled, or over its time limit"
        log = f"logs/{job}.log"
        wait_until("the log tells so", lambda: last in experiment.text(log))
        let_go(pipe)
        assert run.wait() == 1
    assert experiment.text(log).splitlines()[-1] == last
    assert log in experiment.text("said.txt")
