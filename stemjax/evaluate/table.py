"""All measurements as one table."""

import csv
from collections.abc import Sequence
from pathlib import Path

from stemjax.provenance import written_aside
from stemjax.records import read_record, usable

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
