"""A run whose results are drawn, and what captions say of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stemjax.records import OK
from stemjax.report.models import model_record
from stemjax.sheet import Acquisition
from stemjax.typing import Json

SCALES = {
    "minmax": "intensities of each frame from its minimum to its maximum",
    "robust": "one scale of intensities for all frames",
}
FILTERS = ("gaussian", "nlm", "wiener", "bm3d", "bm3d-spectrum")


@dataclass(frozen=True)
class Run:
    """Where the results are and what they are of.

    Attributes:
        results: folder of all results.
        sheet: rows.
        models: acquisitions that each restores.
        simulated: whether raw files were made by the simulated microscope.
    """

    results: Path
    sheet: tuple[Acquisition, ...]
    models: Mapping[str, Sequence[str]]
    simulated: bool

    @property
    def methods(self) -> list[str]:
        """All methods in the order in which they are shown."""
        return ["rapid", "dcfi", *FILTERS, *self.models]

    def rows(self, *roles: str) -> list[Acquisition]:
        """Rows of some roles, in the order of the roles."""
        return [row for role in roles for row in self.sheet if row.role == role]


def model_records(run: Run) -> dict[str, Json]:
    """Give the records of the models that there are, by name."""
    records = {name: model_record(run.results, name) for name in run.models}
    return {name: record for name, record in records.items() if record["status"] == OK}


def slow_model(run: Run) -> str | None:
    """Choose what stands for the paper's DLF-Slow: the first that learned slow scans straight."""
    for name, record in model_records(run).items():
        if record["config"]["target"] == "slow" and record["config"]["correct"]:
            return name
    return None


def paper_models(run: Run) -> list[str]:
    """Choose what stands for the paper's DLF-DCFI and DLF-Slow, in this order."""
    records = model_records(run)
    dcfi = [name for name, record in records.items() if record["config"]["target"] == "dcfi"]
    return [name for name in (*dcfi[:1], slow_model(run)) if name is not None]


def said_of_models(run: Run, methods: Sequence[str]) -> str:
    """Say what the models among some methods learned: first what holds for most of them."""
    settings = {n: _settings(r) for n, r in model_records(run).items() if n in methods}
    if not settings:
        return ""
    counts = Counter(part for said in settings.values() for part in said)
    most = [part for part, count in counts.items() if 2 * count > len(settings)]
    alike: dict[str, list[str]] = {}
    for name, said in settings.items():
        alike.setdefault(", ".join(part for part in said if part not in most), []).append(name)
    unless = ", unless told otherwise" if any(counts[part] < len(settings) for part in most) else ""
    return " ".join(
        [
            *([f"{_listed([*settings])}: {', '.join(most)}{unless}."] if most else []),
            *(f"{_listed(names)}: {own}." for own, names in alike.items() if own),
        ]
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _settings(record: Json) -> list[str]:
    config = record["config"]
    unet, train = config["unet"], config["train"]
    learned = [pair for pair in record.get("pairs", []) if pair["split"] == "train"]
    frames = sum(last - first for first, last in (p["frames"] for p in learned if "frames" in p))
    said = [
        f"target {config['target']}",
        f"U-Net of {unet['features']} channels and {unet['depth']} levels below the first",
        f"{unet['context']} rapid frame{'s' if unet['context'] > 1 else ''} in",
        "undistorted before learning" if config["correct"] else "undistorted after restoring",
        SCALES[train["scale"]],
        f"learning rate {train['learning_rate']:g}",
        f"{train['epochs']} epochs",
    ]
    if "steps" in record:
        said.append(f"{record['steps']} steps")
    size = f"{train['patch']} \u00d7 {train['patch']} pixels"
    said.append(f"{train['batch_size']} patches of {size} in a step")
    if frames:
        said.append(f"{counted(frames, 'frame')} of {counted(len(learned), 'field')} of view")
    return said


def counted(number: int, what: str, many: str = "") -> str:
    """Write a number and what it counts, in the plural unless it is one; `many` where irregular."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"


def origin(run: Run) -> str:
    """Say where data are simulated."""
    return "Simulated data." if run.simulated or any(row.truth for row in run.sheet) else ""


def caption(run: Run, *sentences: str) -> str:
    """Join the sentences of a caption; the last says where data are simulated."""
    return " ".join(sentence for sentence in (*sentences, origin(run)) if sentence)
