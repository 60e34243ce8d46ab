"""What the report says and shows of the models."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stemjax.provenance import read_json
from stemjax.records import REFUSED
from stemjax.report.figures import learning_curves
from stemjax.selection import model_rows
from stemjax.sheet import Acquisition
from stemjax.typing import Json


def model_record(results: Path, name: str) -> Json:
    """Read the record of a model, refused or not."""
    return dict(read_json(results / "models" / name / "model.json"))


def trained_here(record: Json) -> bool:
    """Tell whether a model was trained in this experiment, not refused and not loaded."""
    return record["status"] != REFUSED and "loaded" not in record


def described_models(
    results: Path, sheet: Sequence[Acquisition], models: Sequence[str]
) -> list[Json]:
    """Collect each model's record, its picture (PNG) and the train rows that it did not use.

    Args:
        results: folder of all results.
        sheet: rows.
        models: names.
    """
    found = []
    for name in models:
        record = model_record(results, name)
        picture, unused = None, []
        if trained_here(record):
            unused = _unused(results, sheet, name, record)
            if "picture" in record:
                picture = (results / "models" / name / "validation.png").read_bytes()
        found.append({**record, "name": name, "unused": unused, "shown": picture})
    return found


def curves_figure(results: Path, models: Sequence[str]) -> bytes | None:
    """Plot the learning curves of the models that were trained here, if any was."""
    curves = {}
    for name in models:
        if trained_here(model_record(results, name)):
            with open(results / "models" / name / "metrics.csv", newline="") as file:
                rows = list(csv.DictReader(file))
            curves[name] = {
                split: np.array([float(row[f"{split}_loss"] or "nan") for row in rows])
                for split in ("train", "validation")
            }
    return learning_curves(curves) if curves else None


def _unused(results: Path, sheet: Sequence[Acquisition], name: str, record: Json) -> list[str]:
    """Name train rows that a model's config asks for, but that came after its training."""
    left_out = read_json(results / "dataset" / f"{name}.json").get("left_out", {})
    known = {*left_out, *(entry["acquisition"] for entry in record["pairs"])}
    rows = {row.acquisition: row for row in sheet}
    wanted = model_rows(rows, name, record["config"]["acquisitions"])
    return [row for row in wanted if row not in known]
