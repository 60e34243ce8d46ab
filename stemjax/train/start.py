"""What a training starts from: fresh parameters, another model's, or the model's own last ones."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from stemjax.config import Model
from stemjax.model.stored import PARAMETERS
from stemjax.progress import say
from stemjax.provenance import file_sha256, read_json, write_json, written_aside
from stemjax.records import read_record
from stemjax.typing import Json


@dataclass(frozen=True)
class Start:
    """Parameters to start from.

    Attributes:
        path: file of the parameters.
        model: that they are of.
        digest: of them.
        learned: what they have been learned from before, as entries of the data sets' pairs.
    """

    path: Path
    model: str
    digest: str
    learned: list[Json]

    def describe(self, pairs: list[Json]) -> Json:
        """Say for the record where training started, and which held-back fields it had seen."""
        seen = {
            held["acquisition"]
            for held in pairs
            for old in self.learned
            if held["split"] == "validation" and _overlap(held, old)
        }
        return {"model": self.model, "digest": self.digest, "seen": sorted(seen)}


def learned_from(pairs: list[Json], start: Start | None) -> list[Json]:
    """List what a training learns from, with what went into its start."""
    keys = ("acquisition", "frames", "rows")
    own = [{key: pair[key] for key in keys} for pair in pairs if pair["split"] == "train"]
    earlier = start.learned if start else []
    return own + [entry for entry in earlier if entry not in own]


def choose_start(
    model: Model, dataset: str, folder: Path, other: str | Path | None
) -> Start | None:
    """Choose what a training starts from; None for fresh parameters.

    The model's own last parameters are kept aside before the first training on new data, so
    that a training that is interrupted, or done again on the same data, starts as it did.

    Args:
        model: resolved settings.
        dataset: digest of the data set.
        folder: of the model.
        other: record of the model to start from, where the config names one.

    Raises:
        Refused: the other model was refused.
    """
    if model.train.on_new_data == "fine-tune" and (own := _own_last(model, dataset, folder)):
        return own
    if other is None:
        return None
    record = read_record(other)
    source = Path(other).parent
    return Start(source / PARAMETERS, source.name, record["digest"], record.get("learned", []))


def keep_last(model: Model, dataset: str, folder: Path, learned: list[Json]) -> None:
    """Keep what the parameters in a model's folder were trained on, for a later fine-tuning."""
    about = {"dataset": dataset, "unet": model.unet.model_dump(), "learned": learned}
    write_json(folder / "last.json", {**about, "digest": file_sha256(folder / PARAMETERS)})


def _own_last(model: Model, dataset: str, folder: Path) -> Start | None:
    kept, label, last = (folder / name for name in ("start.safetensors", "start.json", "last.json"))
    unet = model.unet.model_dump()
    about = read_json(label) if label.exists() else {}
    if (about.get("dataset"), about.get("unet")) != (dataset, unet):
        about = read_json(last) if last.exists() else {}
        if about.get("unet") != unet or about["dataset"] == dataset:
            return None
        if not _is(folder / PARAMETERS, about["digest"]):  # they are of a loaded model, say
            return None
        label.unlink(missing_ok=True)  # never beside parameters of which it does not tell
        with written_aside(kept) as aside:
            shutil.copyfile(folder / PARAMETERS, aside)
        write_json(label, {**about, "dataset": dataset})
    say("fine-tuning: training starts from the model's own last parameters")
    return Start(kept, folder.name, about["digest"], about["learned"])


def _is(file: Path, sha256: str) -> bool:
    return file.exists() and file_sha256(file) == sha256


def _overlap(one: Json, other: Json) -> bool:
    return one["acquisition"] == other["acquisition"] and all(
        one[key][0] < other[key][1] and other[key][0] < one[key][1] for key in ("frames", "rows")
    )
