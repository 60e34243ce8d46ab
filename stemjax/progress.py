"""Progress lines with time left, readable on a terminal and in a job's log alike."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

EVERY = 5.0  # seconds between lines
BAR = 30  # characters
CLEAR = "\r\x1b[K"  # to the start of the terminal's line, which is wiped


def duration(seconds: float) -> str:
    """Format seconds as ``7 s``, ``2 min 05 s`` or ``1 h 02 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def track(items: Iterable[T], total: int, label: str, *, bar: bool = False) -> Iterator[T]:
    """Yield the items and report to stderr how far the work is and how long it will take."""
    advance = meter(total, label, bar=bar)
    for item in items:
        yield item
        advance()
    if total == 0:
        say(f"{label}: 0/0 in {duration(0.0)}")


def meter(total: int, label: str, *, bar: bool = False) -> Callable[[], None]:
    """Give a function to call when one more of `total` parts is done.

    It reports to stderr how far the work is and how long it will take: by a line a few seconds
    apart, because most jobs write to a log, or by a bar where a person watches a terminal.
    """
    bar = bar and sys.stderr.isatty()
    start = last = time.monotonic()
    done = 0

    def advance() -> None:
        nonlocal done, last
        done += 1
        now = time.monotonic()
        if done == total:
            say(f"{CLEAR if bar else ''}{label}: {done}/{total} in {duration(now - start)}")
        elif now - last >= (0.2 if bar else EVERY):
            left = f"about {duration((now - start) / done * (total - done))} left"
            if bar:
                full = BAR * done // total
                drawn = "#" * full + "." * (BAR - full)
                print(f"{CLEAR}{label} [{drawn}] {left}", end="", file=sys.stderr, flush=True)
            else:
                say(f"{label}: {done}/{total}, {left}")
            last = now

    return advance


def say(line: str) -> None:
    """Tell the person who watches, and the log, one line."""
    print(line, file=sys.stderr, flush=True)
