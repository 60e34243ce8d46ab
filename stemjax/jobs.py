"""A job of the workflow: its log, its attempts, and that it runs but once at a time."""

import fcntl
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from stemjax.errors import UserError
from stemjax.progress import duration, say

DONE = "done in "
SILENT = (
    "ended without a word: killed, out of memory, out of time, or its machine lost; "
    "the scheduler's log may say which (on Slurm: logs/slurm)"
)


@contextmanager
def job_log(path: str | Path) -> Iterator[None]:
    """Copy what a job says to its log, and end the log with the error in plain words.

    The terminal goes on showing it, so that a person can follow a run without opening logs.

    Beside the log, which Snakemake removes before each attempt, ``.attempts`` tells how earlier
    attempts ended, up to the last one that was done. Who holds it runs: where the main process
    was killed and started again, its job waits for the one that is still at work on the same
    results.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    told = path.with_suffix(".attempts")
    with _ended_by_sigterm(), open(told, "a+", encoding="utf-8") as attempts:
        _wait_for_others(attempts)
        with _copied_to(path) as log:
            _begin(attempts)
            try:
                yield
                ended = f"{DONE}{duration(time.monotonic() - start)}"
            except BaseException as error:
                ended = f"error: {_plain_words(error)}"
                if not isinstance(error, (UserError, SystemExit, KeyboardInterrupt)):
                    with suppress(OSError):
                        traceback.print_exc(file=log)
                    ended += f" (traceback in {path})"
                raise SystemExit(1) from error
            finally:
                say(ended)
                with suppress(OSError):  # a full disk is told above
                    print(ended, file=attempts, flush=True)


def read_attempts(path: str | Path) -> list[str]:
    """Tell how each attempt of a job ended.

    Args:
        path: of the ``.attempts`` beside its log.

    Returns:
        For each attempt, oldest first, its last words: ``done in ...``, ``error: ...``, or that
        there were none.
    """
    ends: list[str] = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith("attempt "):
            ends.append(SILENT)
        elif ends:
            ends[-1] = line
    return ends


def _begin(attempts: TextIO) -> None:
    """Write down that an attempt begins, after those that were not done."""
    attempts.seek(0)
    lines = attempts.read().splitlines()
    if not lines or lines[-1].startswith(DONE):
        attempts.truncate(0)
        lines = []
    for line in lines:
        say(line)
    if lines and lines[-1].startswith("attempt "):
        say(SILENT)
    number = 1 + sum(line.startswith("attempt ") for line in lines)
    node = os.environ.get("SLURMD_NODENAME") or socket.gethostname()
    now = datetime.now().astimezone()
    line = f"attempt {number} on {node}, {now:%Y-%m-%d %H:%M:%S}, process {os.getpid()}"
    say(line)
    print(line, file=attempts, flush=True)


def _wait_for_others(attempts: TextIO) -> None:
    """Take the lock, which is the system's: it ends with the process, however that ended."""
    try:
        fcntl.flock(attempts, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        attempts.seek(0)
        lines = attempts.read().splitlines()
        say(f"this job still runs elsewhere ({lines[-1] if lines else 'just begun'}): waiting")
        fcntl.flock(attempts, fcntl.LOCK_EX)
    except OSError as error:
        say(f"{attempts.name} cannot be locked here ({error.strerror}): let no job run twice")


def _plain_words(error: BaseException) -> str:
    line = " ".join(str(error).split())
    if isinstance(error, (UserError, SystemExit)):
        return line
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return f"{type(error).__name__}: {line}"


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let a job that is asked to end say so; what cannot wait is killed a while later."""

    def end(*_: Any) -> None:
        raise SystemExit("ended by SIGTERM: cancelled, or over its time limit")

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _copied_to(path: Path) -> Iterator[TextIO]:
    """Copy what goes to stderr into a file."""
    terminal = sys.stderr
    log = open(path, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = _Tee(terminal, log)
    try:
        yield log
    finally:
        sys.stderr = terminal
        with suppress(OSError):
            log.close()


class _Tee:
    """Write to the terminal and the log; what ``sys.stderr`` needs and no more.

    A log that cannot be written, on a full disk, shall not hide the error that told so.
    """

    def __init__(self, terminal: Any, log: TextIO) -> None:
        self.terminal, self.log = terminal, log

    def write(self, text: str) -> int:
        with suppress(OSError):
            self.log.write(text)
        return self.terminal.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self.log.flush()
        self.terminal.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.terminal, name)
