"""How much each stage made in a run."""

from collections.abc import Mapping, Sequence

import numpy as np

from stemjax.provenance import read_json
from stemjax.records import OK
from stemjax.report.paper.metrics import table
from stemjax.report.paper.run import Run, counted, model_records
from stemjax.typing import Json


def workflow_stages(run: Run) -> dict[str, list[str]]:
    """Count what each stage made, by the name of the stage."""
    names = [row.acquisition for row in run.sheet]
    converted = _records(run, [f"converted/{name}" for name in names])
    integrated = _records(run, [f"dcfi/{name}" for name in names])
    sessions = dict.fromkeys(row.session for row in run.sheet)
    maps = _records(run, [f"distortion/{session}" for session in sessions])
    models = model_records(run)
    trained = [name for name, record in models.items() if "loaded" not in record]
    pairs = _records(run, [f"dataset/{name}" for name in trained])
    restored = _records(
        run, [f"restored/{model}/{name}" for model in models for name in run.models[model]]
    )
    roles = [
        f"{len(rows)} {role}" for role in ("train", "test", "series") if (rows := run.rows(role))
    ]
    return {
        "Raw files": [counted(len(names), "acquisition"), ", ".join(roles)],
        "Converted": [
            counted(sum(r["frames"] for r in converted), "rapid frame"),
            counted(sum(r["slow"] for r in converted), "slow scan"),
            *_refusals(len(names) - len(converted)),
        ],
        "Integrated (DCFI)": [counted(len(integrated), "drift-corrected mean")],
        "Distortion map": _maps(maps),
        "Pairs": _pairs(pairs),
        "Training": _training(models),
        "Restored": [
            counted(sum(r.get("frames", 0) for r in restored), "frame"),
            f"{counted(len(models), 'model')}, {counted(len(restored), 'restoration')}",
        ],
        "Evaluation": _evaluation(run),
    }


def _records(run: Run, paths: Sequence[str]) -> list[Json]:
    """Read those records that are there and ok."""
    files = [run.results / f"{path}.json" for path in paths]
    found = [read_json(file) for file in files if file.exists()]
    return [record for record in found if record["status"] == OK]


def _refusals(number: int) -> list[str]:
    return [f"{number} refused"] if number else []


def _maps(maps: Sequence[Json]) -> list[str]:
    errors = [
        float(np.median(np.asarray(record["sigma"])[np.asarray(record["valid"], bool)]))
        for record in maps
    ]
    fields = _span([len(record["acquisitions"]) for record in maps])
    return [
        counted(len(maps), "session"),
        f"from {fields} field{'' if fields == '1' else 's'} of view",
        *([f"estimated error {max(errors):.2f} px"] if errors else []),
    ]


def _pairs(datasets: Sequence[Json]) -> list[str]:
    """Say what models learn from; where they differ, from least to most."""
    told = []
    for split, what in (("train", "to learn from"), ("validation", "held back")):
        frames = [
            sum(pair["frames"][1] - pair["frames"][0] for pair in pairs if "frames" in pair)
            for record in datasets
            if (pairs := [pair for pair in record.get("pairs", []) if pair["split"] == split])
        ]
        if any(frames):
            told.append(f"{_span(frames)} frames {what}")
    return told


def _training(models: Mapping[str, Json]) -> list[str]:
    trained = [record for record in models.values() if "loaded" not in record]
    steps = [record["steps"] for record in trained]
    patches = [record["config"]["train"]["batch_size"] for record in trained]
    loaded = len(models) - len(trained)
    return [
        f"{counted(len(trained), 'model')} trained" + (f", {loaded} loaded" if loaded else ""),
        *([f"{_span(steps)} steps each", f"{_span(patches)} patches in a step"] if trained else []),
    ]


def _span(numbers: Sequence[int]) -> str:
    """Write the least and the most of some numbers, or what they all are."""
    low, high = min(numbers, default=0), max(numbers, default=0)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _evaluation(run: Run) -> list[str]:
    rows = table(run)
    fields = {row["acquisition"] for row in rows}
    frames = {(row["acquisition"], row["frame"]) for row in rows}
    methods = {row["method"] for row in rows}
    return [
        counted(len(fields), "acquisition"),
        counted(len(frames), "frame"),
        f"{counted(len(methods), 'method')}, {counted(len({r['metric'] for r in rows}), 'metric')}",
    ]
