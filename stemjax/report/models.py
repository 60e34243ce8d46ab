"""What the report says and shows of the models."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from stemjax.dataset.statistics import measure_statistics
from stemjax.evaluate.domain import outside_training
from stemjax.provenance import read_json
from stemjax.records import REFUSED
from stemjax.report.charts import Chart, Line, line_chart
from stemjax.selection import model_rows
from stemjax.sheet import Acquisition
from stemjax.typing import Json

Losses = dict[str, np.ndarray]


def model_record(results: Path, name: str) -> Json:
    """Read the record of a model, refused or not."""
    return dict(read_json(results / "models" / name / "model.json"))


def trained_here(record: Json) -> bool:
    """Tell whether a model was trained in this experiment, not refused and not loaded."""
    return record["status"] != REFUSED and "loaded" not in record


def show_models(
    results: Path,
    sheet: Sequence[Acquisition],
    models: Mapping[str, Sequence[str]],
    folder: Path,
) -> list[Json]:
    """Write each model's picture and collect what its page says.

    Args:
        results: folder of all results.
        sheet: rows.
        models: acquisitions that each restores.
        folder: of the report; pictures are written below ``models``.

    Returns:
        The records with ``name``, ``restores``, ``learned`` and ``validated`` (fields of view and
        their frames), ``unused`` (rows that came after its training), ``shown`` (its picture's
        file) and ``curves``.
    """
    found = []
    for name, restores in models.items():
        record = model_record(results, name)
        shown, unused, curves = None, [], None
        if trained_here(record):
            unused = _unused(results, sheet, name, record)
            curves = learning_curves(name, _losses(results, name))
            if "picture" in record:
                shown = f"models/{name}.png"
                (folder / shown).parent.mkdir(parents=True, exist_ok=True)
                picture = results / "models" / name / "validation.png"
                (folder / shown).write_bytes(picture.read_bytes())
        parts = {"learned": _fields(record, "train"), "validated": _fields(record, "validation")}
        about = {"name": name, "restores": list(restores), "unused": unused}
        found.append({**record, **about, **parts, "shown": shown, "curves": curves})
    return found


def learning_curves(name: str, losses: Losses) -> Chart:
    """Plot training and validation loss (epoch,) of a model; validation may be NaN."""
    epochs = np.arange(1.0, len(losses["train"]) + 1)
    lines = [Line("training", epochs, losses["train"], "model0")]
    if np.isfinite(losses["validation"]).any():
        lines.append(Line("validation", epochs, losses["validation"], "model1 dashed"))
    about = f"{name}: training and validation loss over epochs"
    return line_chart(about, "epoch", "loss", lines, log=True)


def unlike_training(results: Path, converted: Path, models: Sequence[str]) -> list[str]:
    """Warn where an acquisition's frames are unlike those that models learned from.

    Args:
        results: folder of all results.
        converted: record of the acquisition's conversion.
        models: that restore it; those that do not say what they learned from are passed over.
    """
    records = {name: model_record(results, name) for name in models}
    learned = {name: about for name, r in records.items() if (about := r.get("statistics"))}
    if not learned:
        return []
    acquired = measure_statistics(converted)
    return [
        f"unlike what {name} learned from: {warning}"
        for name, about in learned.items()
        for warning in outside_training(acquired, about)
    ]


def _losses(results: Path, name: str) -> Losses:
    with open(results / "models" / name / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        split: np.array([float(row[f"{split}_loss"] or "nan") for row in rows])
        for split in ("train", "validation")
    }


def _fields(record: Json, split: str) -> dict[str, int | None]:
    """Name the fields of view of a split, with how many frames of each."""
    frames: dict[str, int | None] = {}
    for pair in record.get("pairs", []):
        if pair["split"] == split:
            count = pair["frames"][1] - pair["frames"][0] if "frames" in pair else None
            frames[pair["acquisition"]] = count
    return frames


def _unused(results: Path, sheet: Sequence[Acquisition], name: str, record: Json) -> list[str]:
    """Name train rows that a model's config asks for, but that came after its training."""
    left_out = read_json(results / "dataset" / f"{name}.json").get("left_out", {})
    known = {*left_out, *(entry["acquisition"] for entry in record["pairs"])}
    rows = {row.acquisition: row for row in sheet}
    wanted = model_rows(rows, name, record["config"]["acquisitions"])
    return [row for row in wanted if row not in known]
