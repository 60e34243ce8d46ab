"""A job's log ends in plain words, counts its attempts, and no job runs twice at a time."""

import errno
import fcntl
import os
import pty
import resource
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from stemjax import jobs
from stemjax.errors import UserError
from stemjax.jobs import SILENT, job_log, read_attempts, read_start
from stemjax.progress import say

HOLD = """
import sys
from stemjax.jobs import job_log
with job_log(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def begin(path: Path) -> "subprocess.Popen[str]":
    """Start a job in another process; it ends with its standard input."""
    command = [sys.executable, "-c", HOLD, str(path)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def hold(path: Path) -> "subprocess.Popen[str]":
    """Start a job and wait until it is at work."""
    job = begin(path)
    assert job.stdout is not None
    assert job.stdout.readline() == "held\n"
    return job


def end(job: "subprocess.Popen[str]", number: int) -> None:
    """End a job by a signal and let go of its pipes."""
    job.send_signal(number)
    job.communicate()


def test_a_log_repeats_what_the_terminal_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURMD_NODENAME", "node-7")
    monkeypatch.setenv(jobs.BARS, "1")  # elsewhere: this is no terminal
    path, terminal = tmp_path / "logs" / "job.log", sys.stderr
    with job_log(path):
        assert sys.stderr.isatty() == terminal.isatty()
        say("half way")
    assert sys.stderr is terminal
    assert path.read_text() == capsys.readouterr().err
    first, *rest = path.read_text().splitlines()
    assert first.startswith("attempt 1 on node-7, ")
    assert first.endswith(f"process {os.getpid()}: {path}")
    assert rest == ["half way", "done in 0 s"]


@pytest.mark.parametrize(
    ("error", "line", "traceback"),
    [
        (UserError("sheet.tsv:\n no rows"), "error: sheet.tsv: no rows", False),
        (KeyError("lag"), "error: KeyError: 'lag' (traceback in {path})", True),
        (OSError(5, "I/O\nerror"), "error: OSError: [Errno 5] I/O error (traceback in", True),
        (OSError(28, "No space left"), "error: the disk is full ([Errno 28] No space", False),
        (MemoryError(), "error: MemoryError (traceback in {path})", True),
        (KeyboardInterrupt(), "error: interrupted", False),
    ],
)
def test_a_log_ends_with_the_error_in_plain_words(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    line: str,
    traceback: bool,
) -> None:
    path, terminal = tmp_path / "job.log", sys.stderr
    with pytest.raises(SystemExit) as stop, job_log(path):
        raise error
    assert stop.value.code == 1
    assert sys.stderr is terminal
    line = line.format(path=path)
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)
    assert path.read_text().splitlines()[-1].startswith(line)
    assert ("Traceback" in path.read_text()) == traceback


def test_an_error_that_tells_too_much_is_cut_in_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    with pytest.raises(SystemExit), job_log(path):
        raise RuntimeError("out of memory " + 1000 * "block " + "end")
    *_, before, last = path.read_text().splitlines()
    assert before.endswith(" end")
    assert last.startswith("error: RuntimeError: out of memory block ")
    assert last.endswith(f" block ... (traceback in {path})")


def test_attempts_are_counted_until_one_is_done(tmp_path: Path) -> None:
    path = tmp_path / "a.b.log"
    end(hold(path), signal.SIGKILL)
    path.unlink()  # as Snakemake does before every attempt
    with pytest.raises(SystemExit), job_log(path):
        raise UserError("no beam")
    path.unlink()
    with job_log(path):
        pass
    ends = read_attempts(tmp_path / "a.b.attempts")
    assert ends == [SILENT, "error: no beam", "done in 0 s"]
    told = path.read_text().splitlines()
    assert [line[:9] for line in told if line.startswith("attempt")] == [
        "attempt 1",
        "attempt 2",
        "attempt 3",
    ]
    with job_log(path):
        assert path.read_text().count("process ") == 1
        assert read_attempts(tmp_path / "a.b.attempts") == [SILENT]
    assert read_attempts(tmp_path / "a.b.attempts") == ["done in 0 s"]


def test_the_first_attempt_tells_when_a_job_began(tmp_path: Path) -> None:
    before = datetime.now().astimezone().replace(microsecond=0)
    with job_log(tmp_path / "job.log"):
        pass
    start = read_start(tmp_path / "job.attempts")
    assert start is not None
    assert before <= start <= datetime.now().astimezone()
    (tmp_path / "job.attempts").write_text("done in 3 s\n")
    assert read_start(tmp_path / "job.attempts") is None


def test_words_of_no_attempt_are_none(tmp_path: Path) -> None:
    (tmp_path / "job.attempts").write_text("done in 3 s\n")
    assert read_attempts(tmp_path / "job.attempts") == []


def test_a_job_that_is_cancelled_says_so(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    end(hold(path), signal.SIGTERM)
    last = path.read_text().splitlines()[-1]
    assert last == "error: ended by SIGTERM: cancelled, or over its time limit"


def test_a_cancelled_job_holds_its_results_until_its_threads_have_ended(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    code = (
        "import sys\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from stemjax.jobs import job_log\n"
        "with job_log(sys.argv[1]):\n"
        "    writing = ThreadPoolExecutor().submit(sys.stdin.read)\n"
        "    print('held', flush=True)\n"
        "    writing.result()\n"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as job:
        assert job.stdout is not None
        assert job.stderr is not None
        assert job.stdout.readline() == "held\n"
        job.terminate()
        while not job.stderr.readline().startswith("error: ended by SIGTERM"):
            assert job.poll() is None
        with open(path.with_suffix(".attempts")) as attempts:
            with pytest.raises(BlockingIOError):
                fcntl.flock(attempts, fcntl.LOCK_EX | fcntl.LOCK_NB)
            job.communicate("")
            fcntl.flock(attempts, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_job_waits_for_its_twin(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    first, twin = hold(path), begin(path)
    assert twin.stderr is not None
    waiting = twin.stderr.readline()
    assert waiting.startswith("this job still runs elsewhere (attempt 1 on ")
    assert f"process {first.pid}" in waiting
    assert path.read_text().count("attempt") == 1
    first.communicate("")
    twin.communicate("")
    assert (first.returncode, twin.returncode) == (0, 0)
    assert f"process {twin.pid}" in path.read_text()


def test_a_killed_job_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    end(hold(path), signal.SIGKILL)
    with job_log(path):
        first, ended, second = path.read_text().splitlines()
    assert [first[:9], ended, second[:9]] == ["attempt 1", SILENT, "attempt 2"]


def test_where_there_are_no_locks_jobs_run_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(jobs.fcntl, "flock", without_locks)
    with job_log(tmp_path / "job.log"):
        assert "cannot be locked here (No locks available)" in capsys.readouterr().err


def test_a_job_outlives_its_terminal(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    job = hold(path)
    assert job.stderr is not None
    job.stderr.close()
    job.stderr = None
    job.communicate("")
    assert job.returncode == 0
    assert path.read_text().splitlines()[-1] == "done in 0 s"


@pytest.mark.parametrize("bars", [True, False])
def test_a_terminal_full_of_bars_is_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bars: bool
) -> None:
    if bars:
        monkeypatch.setenv(jobs.BARS, "1")
    ours, theirs = pty.openpty()
    with open(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with job_log(tmp_path / "job.log"):
            say("half way")
        terminal.write("the end\n")
        terminal.flush()
        shown = ""
        while not shown.endswith("the end\r\n"):  # which comes in pieces
            shown += os.read(ours, 10_000).decode()
    os.close(ours)
    assert ("half way" in shown) == (not bars)
    assert "half way\ndone in 0 s\n" in (tmp_path / "job.log").read_text()


def test_a_full_disk_does_not_hide_the_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = tmp_path / "job.log"
    full.symlink_to("/dev/full")
    with pytest.raises(SystemExit), job_log(full):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "error: the disk is full ([Errno 28] No space left" in capsys.readouterr().err


def test_a_disk_that_is_full_in_the_end_fails_no_job(tmp_path: Path) -> None:
    """What the job was for is written by then."""
    job = hold(tmp_path / "job.log")
    resource.prlimit(job.pid, resource.RLIMIT_FSIZE, (0, 0))  # nothing more can be written
    _, said = job.communicate("")
    assert said.splitlines()[1:] == ["done in 0 s"]
    assert job.returncode == 0
