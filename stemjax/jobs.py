"""A job of the workflow: its log, its attempts, and that it runs but once at a time."""

import errno
import fcntl
import os
import re
import signal
import socket
import sys
import textwrap
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from stemjax.errors import UserError
from stemjax.progress import duration, say

DONE = "done in "
BARS = "STEMJAX_BARS"  # set by the workflow where `--logger rich` draws on the terminal
WIDTH = 500  # characters of a library's error; some tell the whole state of the memory
WHEN = "%Y-%m-%d %H:%M:%S"
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
    with open(told, "a+", encoding="utf-8") as attempts, _ended_by_sigterm(attempts):
        _wait_for_others(attempts)
        with _copied_to(path) as stderr:
            _begin(attempts, path)
            try:
                yield
                ended = f"{DONE}{duration(time.monotonic() - start)}"
            except BaseException as error:
                line, unexpected = _plain_words(error)
                ended = f"error: {line}"
                if unexpected:
                    with suppress(OSError):
                        traceback.print_exc(file=stderr.log)
                    ended += f" (traceback in {path})"
                raise SystemExit(1) from error
            finally:
                stderr.end(ended)
                _note(attempts, ended)


def read_attempts(path: str | Path) -> list[str]:
    """Tell how each attempt of a job ended.

    Args:
        path: of the ``.attempts`` beside its log.

    Returns:
        For each attempt, oldest first, its last words: ``done in ...``, ``error: ...``, or that
        there were none.
    """
    return _ends(Path(path).read_text(encoding="utf-8").splitlines())


def read_start(path: str | Path) -> datetime | None:
    """Tell when a job's first attempt began, by the node's clock.

    Args:
        path: of the ``.attempts`` beside its log.
    """
    found = re.match(r"attempt .*, (.*), process ", Path(path).read_text(encoding="utf-8"))
    return datetime.strptime(found[1], WHEN).astimezone() if found else None


def _ends(lines: Iterable[str]) -> list[str]:
    ends: list[str] = []
    for line in lines:
        if line.startswith("attempt "):
            ends.append(SILENT)
        elif ends:
            ends[-1] = line
    return ends


def _begin(attempts: TextIO, log: Path) -> None:
    """Write down that an attempt begins, after those that were not done."""
    attempts.seek(0)
    lines = attempts.read().splitlines()
    ends = _ends(lines)
    if ends and ends[-1].startswith(DONE):
        attempts.truncate(0)
        lines, ends = [], []
    for line in lines:
        say(line)
    if ends and ends[-1] == SILENT:
        say(SILENT)
    number = 1 + len(ends)
    node = os.environ.get("SLURMD_NODENAME") or socket.gethostname()
    now = datetime.now().astimezone()
    line = f"attempt {number} on {node}, {now:{WHEN}}, process {os.getpid()}"
    say(f"{line}: {log}")
    _note(attempts, line)


def _note(attempts: TextIO, line: str) -> None:
    """Write a line past the buffer, which on a full disk would end a job that is done."""
    with suppress(OSError):
        os.write(attempts.fileno(), f"{line}\n".encode())


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


def _plain_words(error: BaseException) -> tuple[str, bool]:
    """Tell an error in one line, and whether the code, which a traceback shows, may be at fault."""
    if isinstance(error, (UserError, SystemExit)):
        return " ".join(str(error).split()), False
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", False
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({error}); make room and start again", False
    line = textwrap.shorten(str(error), WIDTH, placeholder=" ...")
    return f"{type(error).__name__}: {line}" if line else type(error).__name__, True


@contextmanager
def _ended_by_sigterm(attempts: TextIO) -> Iterator[None]:
    """Let a job that is asked to end say so; what cannot wait is killed a while later."""

    def end(*_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        os.dup(attempts.fileno())  # threads go on for a while: the lock is held as long as they
        raise SystemExit("ended by SIGTERM: cancelled, or over its time limit")

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _copied_to(path: Path) -> "Iterator[_Tee]":
    """Copy what goes to stderr into a file; of a terminal full of bars it goes there alone."""
    terminal = sys.stderr
    log = open(path, "w", encoding="utf-8")  # noqa: SIM115 - closed below, where a full disk is let be
    taken = BARS in os.environ and terminal.isatty()
    tee = _Tee(log, *([] if taken else [terminal]))
    sys.stderr = tee
    try:
        yield tee
    finally:
        sys.stderr = terminal
        with suppress(OSError):
            log.close()


class _Tee:
    """Write to the terminal and the log; what ``sys.stderr`` needs and no more.

    Neither shall hide an error, or end a job that could go on: a log on a full disk, a terminal
    that was closed.
    """

    def __init__(self, log: TextIO, *terminal: Any) -> None:
        self.log, self.streams = log, [*terminal, log]

    def end(self, line: str) -> None:
        """Write the log's last line; what threads say after it goes to the terminal alone."""
        self.streams.remove(self.log)
        with suppress(OSError):
            print(line, file=self.log, flush=True)
        say(line)

    def write(self, text: str) -> int:
        for stream in self.streams:
            with suppress(OSError):
                stream.write(text)
        return len(text)

    def flush(self) -> None:
        for stream in self.streams:
            with suppress(OSError):
                stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.streams[0] if self.streams else self.log, name)
