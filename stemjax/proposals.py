"""Proposed rows of the sheet for new scans, and the sheet with these rows at its end."""

import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from stemjax.arrivals import Found
from stemjax.pairing import Scan, Settings, pair, same_family, stem
from stemjax.sheet import REQUIRED

SERIES_FRAMES = 500  # from here on a stack is a series, not a field of view at rest
NO_RAPID = "a slow scan without rapid frames of its size and pixel size"

Row = dict[str, str]


def propose(
    found: Found,
    taken: Iterable[str],
    sessions: Mapping[str, Settings | None],
    role: str | None = None,
    session: str | None = None,
) -> tuple[list[Row], list[str]]:
    """Make rows of new scans.

    Args:
        found: in the new files.
        taken: ids that the sheet has.
        sessions: that the sheet has, and their scan settings where these are known.
        role: of all rows; by their length where not given.
        session: of all rows; by their scan settings where not given.

    Returns:
        Rows by column, and why other scans make none.
    """
    pairs, remarks = pair(found.scans, found.awaited)
    ids, known, rows = set(taken), dict(sessions), []
    free = [s for s in found.scans if not s.rapid and s not in pairs.values()]
    for rapid in (scan for scan in found.scans if scan.rapid):
        slow = pairs.get(rapid)
        part = role or ("series" if rapid.frames >= SERIES_FRAMES else "test")
        if not slow and (reason := _why_not(rapid, part, free, found.awaited(rapid))):
            remarks.append(f"{rapid.cell}: left: {reason}")
            continue
        if not rapid.settings or not rapid.pixel_size_nm:
            what = "pixel size" if rapid.settings else "dwell time"
            remarks.append(f"{rapid.cell}: left: it says no {what}; write its row by hand")
            continue
        belongs = session or _session(rapid.settings, known)
        if (there := known.get(belongs)) and not _agree(there, rapid.settings):
            remarks.append(f"{rapid.cell}: left: its scan settings are not those of '{belongs}'")
            continue
        known[belongs] = there or rapid.settings
        cells = (_id(rapid.file, ids), belongs, part, rapid.cell, slow.cell if slow else "")
        rows.append(dict(zip(REQUIRED, cells, strict=True)))
        ids.add(cells[0])
    for slow in free:
        awaited = found.awaited(slow)
        why = (
            f"its rapid frames may be {awaited}, which cannot be used yet" if awaited else NO_RAPID
        )
        remarks.append(f"{slow.cell}: left over: {why}")
    return rows, remarks


def columns(content: bytes) -> list[str]:
    """Name the columns of a sheet; those of a new one where it is empty."""
    lines = content.decode("utf-8-sig", "replace").splitlines()
    return next(csv.reader(lines, delimiter="\t"), list(REQUIRED))


def table(rows: Sequence[Row], columns: Sequence[str], ending: str = "\n") -> str:
    """Write rows as a sheet does, without the line that names the columns."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator=ending)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return text.getvalue()


def appended(content: bytes, rows: Sequence[Row]) -> bytes:
    """Put rows at the end of a sheet, which otherwise stays as it is."""
    ending = "\r\n" if b"\r\n" in content else "\n"
    if not content.strip():
        content = table([dict(zip(REQUIRED, REQUIRED, strict=True))], REQUIRED).encode()
    if not content.endswith(b"\n"):
        content += ending.encode()
    return content + table(rows, columns(content), ending).encode()


def _why_not(rapid: Scan, role: str, free: list[Scan], awaited: Path | None) -> str:
    if awaited:
        return f"its slow scan may be {awaited}, which cannot be used yet"
    if like := [s.cell for s in free if same_family(s.file, rapid.file) and rapid.fits(s)]:
        return f"its slow scan may be {' or '.join(like)}; write its row by hand"
    return "" if role == "series" else f"{rapid.frames} rapid frames without a slow scan"


def _session(settings: Settings, known: Mapping[str, Settings | None]) -> str:
    for name, there in reversed(known.items()):
        if there and _agree(there, settings):
            return name
    return next(name for n in range(1, len(known) + 2) if (name := f"session-{n}") not in known)


def _agree(one: Settings, other: Settings) -> bool:
    return all(map(lambda a, b: math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-3), one, other))


def _id(file: Path, taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", stem(file) or file.parent.absolute().name)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = re.sub(r"\.\.+", ".", re.sub(r"[^A-Za-z0-9._-]+", "-", plain)).strip("._-")
    names = (
        f"{plain or 'acquisition'}{end}"
        for end in ("", *(f"-{n}" for n in range(2, len(taken) + 3)))
    )
    return next(name for name in names if name not in taken)
