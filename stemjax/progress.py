"""Progress lines with time left, readable on a terminal and in a job's log alike."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def duration(seconds: float) -> str:
    """Format seconds as ``7 s``, ``2 min 05 s`` or ``1 h 02 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def track(items: Iterable[T], total: int, label: str, every: float = 5.0) -> Iterator[T]:
    """Yield the items and report to stderr how far the work is and how long it will take.

    A line a few seconds apart rather than a redrawn bar, because most jobs write to a log.
    """
    start = last = time.monotonic()
    done = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= every and done < total:
            left = (now - start) / done * (total - done)
            say(f"{label}: {done}/{total}, about {duration(left)} left")
            last = now
    say(f"{label}: {done}/{total} in {duration(time.monotonic() - start)}")


def say(line: str) -> None:
    """Tell the person who watches, and the log, one line."""
    print(line, file=sys.stderr, flush=True)
