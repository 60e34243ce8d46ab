"""Which rows of the sheet a map or model is made from, and what new rows may change.

Maps and models are made from ``train`` rows. The rows last used are kept in a small file, and
while the policy says ``keep`` that list goes on to be used: a new row then plans its own jobs
only, and changes no map and no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from stemjax.errors import UserError
from stemjax.provenance import read_json, write_json
from stemjax.records import is_ok
from stemjax.sheet import Acquisition


@dataclass(frozen=True)
class Selection:
    """Rows that a map or model is made from.

    Attributes:
        acquisitions: ids, in the sheet's order.
        idle: those among them that could not be used last time; mending one of these is like a
            new row and starts nothing by itself.
    """

    acquisitions: tuple[str, ...]
    idle: frozenset[str] = frozenset()


def session_rows(sheet: dict[str, Acquisition], session: str) -> list[str]:
    """Name the rows that a session's map may be fitted to: its train rows, else any slow scan."""
    rows = [row for row in sheet.values() if row.session == session and row.slow]
    return [row.acquisition for row in rows if row.role == "train"] or [
        row.acquisition for row in rows
    ]


def model_rows(sheet: dict[str, Acquisition], model: str, patterns: Sequence[str]) -> list[str]:
    """Name the train rows that a model's ids and globs find.

    Raises:
        UserError: a pattern finds none.
    """
    train = [row.acquisition for row in sheet.values() if row.role == "train"]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in train):
            raise UserError(
                f"models.{model}.acquisitions: no train row of the sheet matches '{pattern}'"
            )
    return [name for name in train if any(fnmatchcase(name, p) for p in patterns)]


def restored_rows(sheet: dict[str, Acquisition], restore: str) -> list[str]:
    """Name the rows that a model restores: ``all`` test and series rows, or those of a role."""
    return [
        name for name, row in sheet.items() if row.role != "train" and restore in ("all", row.role)
    ]


def select(
    wanted: Sequence[str], last: str | Path, *, keep: bool, patterns: Sequence[str] = ("*",)
) -> Selection:
    """Choose between the rows that are there now and those last used.

    Args:
        wanted: rows that the sheet offers now.
        last: file that :func:`remember` wrote.
        keep: whether new rows leave the choice as it was.
        patterns: what the config asks for; where it asks for something else, so be it.
    """
    if not keep or not Path(last).exists():
        return Selection(tuple(wanted))
    kept = read_json(last)
    if not kept["used"] or kept.get("patterns") != list(patterns):
        return Selection(tuple(wanted))
    still = tuple(name for name in wanted if name in kept["acquisitions"])
    return (
        Selection(still, frozenset(still) - set(kept["used"]))
        if still
        else Selection(tuple(wanted))
    )


def remember(
    last: str | Path, records: Sequence[str | Path], patterns: Sequence[str] = ("*",)
) -> None:
    """Keep which rows were used: those whose records, named after them, say ``ok``."""
    names = [Path(path).stem for path in records]
    used = [Path(path).stem for path in records if is_ok(path)]
    write_json(last, {"acquisitions": names, "used": used, "patterns": list(patterns)})
