"""A simulated experiment at a scale that a machine bears.

python -m stemjax.scaled CONFIG SCALE FOLDER
"""

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from math import ceil
from pathlib import Path
from typing import Any

import yaml

from stemjax.config import Config, parse_config, read_content
from stemjax.dataset.assemble import steps_per_epoch
from stemjax.errors import UserError
from stemjax.evaluate.interval import FEWEST_FIELDS
from stemjax.progress import say
from stemjax.provenance import written_aside
from stemjax.selection import model_rows
from stemjax.sheet import Acquisition, read_sheet

FEWEST_FRAMES = 2  # of a field of view: one to learn from, one to hold back
FEWEST_STEPS = 1000  # in which a model learns
FRAMES = {"frames", "series_frames"}
Rows = Mapping[str, Acquisition]


def scale_sheet(rows: Rows, scale: float) -> list[str]:
    """Name the first of the fields of view, at least one of a kind, and all series.

    Args:
        rows: of the sheet; ``train-01``, ``train-02`` ... are of a kind.
        scale: share of them that is kept; of ``test`` fields at least
            :data:`~stemjax.evaluate.interval.FEWEST_FIELDS`.
    """
    kinds: dict[tuple[str, str], list[str]] = {}
    for name, row in rows.items():
        kind = name if row.role == "series" else name.rstrip("0123456789")
        kinds.setdefault((row.role, kind), []).append(name)
    kept = set()
    for (role, _), names in kinds.items():
        least = FEWEST_FIELDS if role == "test" else 1
        kept.update(names[: _scaled(len(names), scale, least)])
    return [name for name in rows if name in kept]


def scale_config(
    content: Mapping[str, Any], whole: Config, rows: Rows, scale: float
) -> dict[str, Any]:
    """Scale frames and epochs; of the latter at least what takes :data:`FEWEST_STEPS` steps.

    Args:
        content: of the config file, which names its models and has a section ``simulate``.
        whole: the settings that it is read as.
        rows: of the sheet as it was scaled.
        scale: share of frames and epochs that remains.

    Raises:
        UserError: one line that names the key.
    """
    scaled = deepcopy(dict(content))
    simulate = scaled["simulate"]
    for key in FRAMES:
        simulate.setdefault(key, getattr(whole.simulate, key))
    for section in (simulate, *(simulate.get("acquisitions") or {}).values()):
        for key in FRAMES & section.keys():
            section[key] = _scaled(section[key], scale, FEWEST_FRAMES)
    for name in whole.trained:
        entry = scaled["models"][name]
        if entry.get("frames"):
            entry["frames"] = _scaled(entry["frames"], scale, FEWEST_FRAMES)
        steps = _steps_per_epoch(parse_config(scaled), name, rows)
        if not steps:
            raise UserError(f"models.{name}: frames are smaller than a patch; lower train.patch")
        least = ceil(FEWEST_STEPS / steps)
        entry["epochs"] = max(_scaled(whole.model(name).train.epochs, scale), least)
    return scaled


def _steps_per_epoch(config: Config, name: str, rows: Rows) -> int:
    """Count the steps that a model's pass over its frames takes."""
    assert config.simulate is not None
    model = config.model(name)
    chosen = model_rows(dict(rows), name, model.acquisitions)
    frames = [config.simulate.of(row).frames for row in chosen]
    used = sum(min(count, model.frames or count) for count in frames)
    return steps_per_epoch(model.train, [(used, (config.simulate.size,) * 2)])


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
    content = read_content(config)
    whole = parse_config(content, config)
    if not (content.get("acquisitions") and content.get("models") and content.get("simulate")):
        raise UserError(f"{config}: to be scaled it needs acquisitions, models and simulate")
    path = config.parent / whole.acquisitions
    sheet = read_sheet(path)
    kept = scale_sheet(sheet, scale)
    scaled = scale_config(content, whole, {name: sheet[name] for name in kept}, scale)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        written_aside(folder / path.name) as aside,
        open(path, newline="", encoding="utf-8-sig") as read,
        open(aside, "w", newline="", encoding="utf-8") as file,
    ):
        table = csv.DictReader(read, delimiter="\t")
        lines = csv.DictWriter(file, table.fieldnames or [], delimiter="\t", lineterminator="\n")
        lines.writeheader()
        lines.writerows(row for row in table if row["acquisition"].strip() in kept)
    scaled["acquisitions"] = path.name
    with written_aside(folder / "config.yaml") as aside:
        head = f"# {config.name} at scale {scale:g}, by stemjax.scaled.\n"
        aside.write_text(head + yaml.safe_dump(scaled, sort_keys=False, width=100))


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale <= 1:
        raise argparse.ArgumentTypeError(f"SCALE must be above 0 and at most 1 (is '{text}')")
    return scale


def main(argv: Sequence[str] | None = None) -> int:
    """Write the scaled experiment; gives the exit status."""
    parser = argparse.ArgumentParser(prog="stemjax.scaled")
    parser.add_argument("config", type=Path, help="of the experiment at full scale")
    parser.add_argument("scale", type=_scale, help="share of fields of view, frames and epochs")
    parser.add_argument("folder", type=Path, help="to write config.yaml and the sheet to")
    options = parser.parse_args(argv)
    try:
        write_scaled(options.config, options.scale, options.folder)
    except UserError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
