"""All measurements as one table."""

import csv
from collections.abc import Sequence
from pathlib import Path

from stemjax.provenance import written_aside
from stemjax.records import is_ok, read_record, usable
from stemjax.typing import Json

COLUMNS = ("acquisition", "frame", "method", "metric", "value")


def collect_metrics(records: Sequence[str | Path], path: str | Path) -> None:
    """Write all measurements as one long table, ``metrics.csv``."""
    with written_aside(path) as aside, open(aside, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for record in usable(records):
            acquisition = record.parent.name
            table.writerows([acquisition, *row] for row in read_record(record)["rows"])


def read_metrics(path: str | Path) -> list[dict[str, str]]:
    """Read ``metrics.csv``."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def read_curves(folder: Path, models: Sequence[str]) -> dict[str, Json]:
    """Read what figures plot of an acquisition's last measured frame.

    Args:
        folder: of the acquisition's records of evaluation.
        models: whose records to read beside that of the baselines.

    Returns:
        By method, and of the slow scan, :func:`~stemjax.evaluate.measure.curves`.
    """
    found: dict[str, Json] = {}
    for name in ("baselines", *models):
        record = folder / f"{name}.json"
        if record.exists() and is_ok(record):
            found |= read_record(record).get("curves", {})
    return found
