"""A simulated experiment at a scale that a machine bears.

python -m stemjax.simulate.scaled CONFIG SCALE FOLDER
"""

import csv
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from math import ceil
from pathlib import Path
from typing import Any

import yaml

from stemjax.config import Config, parse_config
from stemjax.errors import UserError
from stemjax.provenance import written_aside
from stemjax.selection import model_rows
from stemjax.sheet import Acquisition

FEWEST_FRAMES = 2  # of a field of view: one to learn from, one to hold back
FEWEST_STEPS = 1000  # in which a model learns
FEWEST_TESTS = 6  # fields of view that are judged: of fewer, even full agreement may be chance
Row = dict[str, str]


def scale_sheet(rows: Sequence[Row], scale: float) -> list[Row]:
    """Keep the first of the fields of view, at least one of a kind, and all series.

    Args:
        rows: of the sheet; ``train-01``, ``train-02`` ... are of a kind.
        scale: share of them that is kept; of ``test`` fields at least :data:`FEWEST_TESTS`.
    """
    kinds: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        name, role = row["acquisition"], row["role"]
        kind = name if role == "series" else name.rstrip("0123456789")
        kinds.setdefault((role, kind), []).append(name)
    kept = set()
    for (role, _), names in kinds.items():
        least = FEWEST_TESTS if role == "test" else 1
        kept.update(names[: _scaled(len(names), scale, least)])
    return [row for row in rows if row["acquisition"] in kept]


def scale_config(content: Mapping[str, Any], rows: Sequence[Row], scale: float) -> dict[str, Any]:
    """Scale frames and epochs; of the latter at least what takes :data:`FEWEST_STEPS` steps.

    Args:
        content: of the config file, which names its models and has a section ``simulate``.
        rows: of the sheet as it was scaled.
        scale: share of frames and epochs that remains.

    Raises:
        UserError: one line that names the key.
    """
    whole, scaled = parse_config(content), deepcopy(dict(content))
    simulate = scaled["simulate"]
    for section in (simulate, *simulate.get("acquisitions", {}).values()):
        for key in ("frames", "series_frames"):
            if key in section:
                section[key] = _scaled(section[key], scale, FEWEST_FRAMES)
    for name in whole.trained:
        entry = scaled["models"][name]
        if "frames" in entry:
            entry["frames"] = _scaled(entry["frames"], scale)
        enough = ceil(FEWEST_STEPS / _steps_per_epoch(parse_config(scaled), name, rows))
        entry["epochs"] = max(_scaled(whole.model(name).train.epochs, scale), enough)
    return scaled


def _steps_per_epoch(config: Config, name: str, rows: Sequence[Row]) -> int:
    """Count the steps that a model's pass over its frames takes."""
    assert config.simulate is not None
    model, sheet = config.model(name), {}
    for row in rows:
        known = {key: row[key] for key in ("acquisition", "session", "role", "rapid", "slow")}
        sheet[row["acquisition"]] = Acquisition(**known)
    frames = [config.simulate.of(row).frames for row in model_rows(sheet, name, model.acquisitions)]
    used = sum(min(count, model.frames or count) for count in frames)
    return model.train.steps_per_epoch([(used, (config.simulate.size,) * 2)])


def _scaled(number: int, scale: float, least: int = 1) -> int:
    return max(least, round(number * scale))


def write_scaled(config: Path, scale: float, folder: Path) -> None:
    """Write an experiment's config and sheet at another scale.

    Args:
        config: file of the experiment at full scale, which names its sheet, has its own models
            and a section ``simulate``.
        scale: share of fields of view, frames and epochs, above 0 up to 1.
        folder: of the experiment at that scale.

    Raises:
        UserError: one line that names file or key.
    """
    if not 0 < scale <= 1:
        raise UserError(f"SCALE must be above 0 and at most 1 (is {scale:g})")
    content = yaml.safe_load(config.read_text(encoding="utf-8"))
    if not {"acquisitions", "models", "simulate"} <= content.keys():
        raise UserError(f"{config}: to be scaled it needs acquisitions, models and simulate")
    with open(config.with_name(content["acquisitions"]), newline="", encoding="utf-8") as file:
        sheet = csv.DictReader(file, delimiter="\t")
        rows = scale_sheet(list(sheet), scale)
    scaled = scale_config(content, rows, scale)
    folder.mkdir(parents=True, exist_ok=True)
    with written_aside(folder / content["acquisitions"]) as aside, open(aside, "w") as file:
        table = csv.DictWriter(file, sheet.fieldnames or [], delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    with written_aside(folder / "config.yaml") as aside:
        head = f"# {config.name} at scale {scale:g}, by stemjax.simulate.scaled.\n"
        aside.write_text(head + yaml.safe_dump(scaled, sort_keys=False, width=100))


if __name__ == "__main__":
    try:
        write_scaled(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
    except UserError as error:
        sys.exit(str(error))
