"""An experiment's log: at what temperature each frame was recorded."""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from stemjax.errors import Refused

T = TypeVar("T")
Times = Float[np.ndarray, " t"]
SECONDS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec"), 1e-3),
    **dict.fromkeys(("min", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hours"), 3600.0),
}
# Degrees Celsius are (value - zero) * factor.
CELSIUS = {
    **dict.fromkeys(("", "c", "°c", "℃", "degc", "deg c", "celsius"), (0.0, 1.0)),
    **dict.fromkeys(("k", "kelvin"), (273.15, 1.0)),
    **dict.fromkeys(("f", "°f", "degf"), (32.0, 5 / 9)),
}
# Wanted or of the room: taken only where there is no other.
NOT_MEASURED = ("set", "target", "demand", "ambient", "room")
PREAMBLE = 100  # lines above the names of the columns, at most
DATES = 1e9  # seconds since 1970, long before any digital microscope; no experiment lasts as long
MEND = "write columns time_s, seconds since the first frame, and temperature_C"


def temperatures(
    path: str | Path, seconds: Times, started: float | None
) -> tuple[Times, list[str]]:
    """Interpolate the logged temperature at the times of frames.

    A log is text of columns separated by commas, semicolons or tabs; one names a time, one a
    temperature, units in their names. Lines without numbers in both are skipped. Times are seconds
    since the first frame, or absolute: since 1970, or ISO dates.

    Args:
        path: of the log.
        seconds: times (t,) of the frames since the first one.
        started: when the first frame was recorded, in seconds since 1970; None where unknown.

    Returns:
        Degrees Celsius (t,), NaN for frames outside of the logged times; and warnings, each of
        which names the file.

    Raises:
        Refused: the log cannot be read, or its times are absolute and `started` is unknown.
    """
    names, rows, separator = _table(path)
    moments, naive = _moments(path, names, rows, separator)
    if moments[np.isfinite(moments)].min() > DATES:
        if started is None:
            why = "gives dates, and the raw file does not say when the acquisition began"
            raise Refused(f"{path}: {why}; {MEND}")
        moments = moments - started
    celsius = _celsius(path, names, rows, separator)
    known = np.isfinite(moments) & np.isfinite(celsius)
    if not known.any():
        raise Refused(f"{path}: no line gives both a time and a temperature; {MEND}")
    moments, celsius = moments[known], celsius[known]
    order = np.argsort(moments, kind="stable")
    found = np.interp(seconds, moments[order], celsius[order], left=np.nan, right=np.nan)
    warnings = []
    if naive:
        zone = datetime.now().astimezone().strftime("%z")
        why = f"names no time zone, so this computer's ({zone}) is taken"
        warnings.append(f"{path}: {why}; write dates as 2024-05-01T12:00:00+02:00")
    if not np.isfinite(found).any():
        logged = f"logs {moments.min():.6g} to {moments.max():.6g} s after the first frame"
        warnings.append(f"{path}: {logged}, none of the series; {MEND}")
    return found, warnings


def _table(path: str | Path) -> tuple[list[str], list[list[str]], str]:
    """Find the line that names the columns; give its cells, those below it and the separator."""
    try:
        lines = _decoded(Path(path).read_bytes()).splitlines()
    except OSError as error:
        raise Refused(f"{path}: cannot be read: {error.strerror}") from None
    for number, line in enumerate(lines[:PREAMBLE]):
        for separator in ("\t", ";", ","):
            names = _cells([line], separator)[0]
            if len(names) > 1 and _times(names) and _temperatures(names):
                return names, _cells(lines[number + 1 :], separator), separator
    raise Refused(f"{path}: no line names a column of times and one of temperatures; {MEND}")


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:  # the degree sign as older instruments' software writes it
        return content.decode("latin-1")


def _cells(lines: Sequence[str], separator: str) -> list[list[str]]:
    try:
        table = list(csv.reader(lines, delimiter=separator))
    except csv.Error:  # not text at all
        return [[]]
    return [[cell.strip() for cell in cells] for cells in table] or [[]]


def _times(names: Sequence[str]) -> list[int]:
    told = [bool(re.search(r"time|\bdate", name, re.IGNORECASE)) for name in names]
    return [k for k, name in enumerate(names) if told[k] or _unit(name)[0] == "t"]


def _temperatures(names: Sequence[str]) -> list[int]:
    found = [
        k
        for k, name in enumerate(names)
        if re.search("temp", name, re.IGNORECASE) or _unit(name)[0] == "T"
    ]
    return sorted(found, key=lambda k: any(word in names[k].lower() for word in NOT_MEASURED))


def _unit(name: str) -> tuple[str, str]:
    """Split ``Time (s)`` or ``time_s`` into name and unit; the unit is in lower case."""
    if found := re.fullmatch(r"(.*?)\s*[\[(]([^\[\]()]*)[\])]", name):
        return found[1], found[2].strip().lower()
    found = re.fullmatch(r"(.+)[\s_/]([^\s_/]+)", name)
    if found and found[2].lower() in {*SECONDS, *CELSIUS}:
        return found[1].rstrip(" /_"), found[2].lower()
    return name, ""


def _moments(
    path: str | Path, names: list[str], rows: list[list[str]], separator: str
) -> tuple[Times, bool]:
    """Read the first column of times that can be read; tell whether it lacks a time zone."""
    for column in _times(names):
        numbers = _column(rows, column, lambda cell: _number(cell, separator))
        if np.isfinite(numbers).any():
            return numbers * _known(path, names[column], SECONDS), False
        dates = _column(rows, column, lambda cell: datetime.fromisoformat(cell).timestamp())
        if np.isfinite(dates).any():
            zones = _column(rows, column, lambda cell: bool(datetime.fromisoformat(cell).tzinfo))
            return dates, not np.nanmin(zones)
    raise Refused(f"{path}: '{names[_times(names)[0]]}' holds neither seconds nor dates; {MEND}")


def _celsius(path: str | Path, names: list[str], rows: list[list[str]], separator: str) -> Times:
    for column in _temperatures(names):
        numbers = _column(rows, column, lambda cell: _number(cell, separator))
        if np.isfinite(numbers).any():
            zero, factor = _known(path, names[column], CELSIUS)
            return (numbers - zero) * factor
    raise Refused(f"{path}: '{names[_temperatures(names)[0]]}' holds no numbers; {MEND}")


def _known(path: str | Path, name: str, units: Mapping[str, T]) -> T:
    if (unit := _unit(name)[1]) not in units:
        raise Refused(f"{path}: '{name}' is of an unknown unit; {MEND}")
    return units[unit]


def _number(cell: str, separator: str) -> float:
    return float(cell if separator == "," else cell.replace(",", "."))


def _column(rows: list[list[str]], column: int, read: Callable[[str], float]) -> Times:
    """Read a column (t,); NaN where a cell cannot be read."""
    values = np.full(len(rows), np.nan)
    for k, cells in enumerate(rows):
        try:
            values[k] = read(cells[column])
        except (IndexError, ValueError, OverflowError, OSError):
            continue
    return values
