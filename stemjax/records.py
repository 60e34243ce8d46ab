"""Records: the small JSON files that stand for every stage's result.

A record is written last and by rename, so it only ever vouches for a whole result. It says
``status: ok`` or ``status: refused`` with one ``reason``, and carries the digest of the arrays
beside it: equal results give equal records, on which Snakemake stops.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

from stemjax.errors import Refused, UserError
from stemjax.progress import say
from stemjax.provenance import read_json, write_json
from stemjax.typing import Json

OK, REFUSED = "ok", "refused"


def read_record(path: str | Path) -> Json:
    """Read a record and refuse to go on if it says that its stage was refused.

    Raises:
        Refused: the recorded reason, so that a later stage refuses for the same reason.
    """
    record: Json = read_json(path)
    if record["status"] == REFUSED:
        raise Refused(record["reason"])
    return record


def is_ok(path: str | Path) -> bool:
    """Tell whether the stage that wrote this record had a result."""
    return bool(read_json(path)["status"] == OK)


def write_record(path: str | Path, stage: Callable[..., Json], *args: Any, **kwargs: Any) -> None:
    """Run a stage and write its record, also when the stage refuses its data.

    Args:
        path: the record; a JSON file that the rule declares as its output.
        stage: does the work and returns what the record says beside its status.
        args: of the stage.
        kwargs: of the stage.
    """
    try:
        record: Json = {"status": OK, **stage(*args, **kwargs)}
    except Refused as refusal:
        say(f"refused: {refusal}")
        record = {"status": REFUSED, "reason": str(refusal)}
    write_json(path, record)


def fatal(stage: Callable[..., Json]) -> Callable[..., Json]:
    """Make a refusal by this stage end the run: for who wants no result without all data."""

    @wraps(stage)
    def run(*args: Any, **kwargs: Any) -> Json:
        try:
            return stage(*args, **kwargs)
        except Refused as refusal:
            raise UserError(str(refusal)) from None

    return run


def usable(records: Sequence[str | Path]) -> Iterator[Path]:
    """Yield those records whose stage had a result."""
    return (Path(path) for path in records if is_ok(path))
