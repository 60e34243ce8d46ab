"""A run made by hand whose figures for a paper can be drawn."""

from pathlib import Path

import numpy as np

from stemjax.report.paper.run import Run
from stemjax.sheet import Acquisition
from tests.handmade import Handmade, canvas, settings, straight, view

SHEET = (
    Acquisition("field-1", "mon", "train", "1.emd", "1_slow.emd"),
    Acquisition("test-1", "mon", "test", "2.emd", "2_slow.emd"),
    Acquisition("heating", "mon", "series", "3.emd", "3_slow.emd"),
)
SCALE = dict.fromkeys(("rapid_offset", "rapid_scale", "target_offset", "target_scale"), 1.0)
RESTORED = ["test-1", "heating"]
MODELS = dict.fromkeys(("of-slow", "of-dcfi"), RESTORED)
PAIRS = [
    {"acquisition": "field-1", "frames": [0, 4], "split": "train"},
    {"acquisition": "field-1", "frames": [4, 5], "split": "validation"},
]


def experiment(folder: Path) -> tuple[Handmade, Run]:
    """Leave the results of a sheet of which everything worked."""
    handmade = Handmade(folder)
    for k, row in enumerate(SHEET):
        handmade.still(row.acquisition, canvas(k))
    handmade.map("mon", straight(64, 2.0), {"field-1": (0, 0)})
    for model, target in (("of-slow", "slow"), ("of-dcfi", "dcfi")):
        handmade.record(f"dataset/{model}.json", pairs=PAIRS)
        handmade.model(model, settings(target=target), SCALE, pairs=PAIRS, steps=1200)
        losses = handmade.results / f"models/{model}/metrics.csv"
        losses.write_text("epoch,train_loss,validation_loss\n1,0.5,\n2,0.25,\n")
        for k, name in enumerate(RESTORED):
            handmade.restored(model, name, np.stack([view(canvas(k + 1))] * 4))
    table = handmade.results / "evaluation" / "metrics.csv"
    table.parent.mkdir()
    lines = [
        f"{name},3,{method},{metric},{value}"
        for name in RESTORED
        for method, value in (("rapid", 20.0), ("of-slow", 31.5))
        for metric in ("psnr_slow", "psnr_paper", "follows_per_um")
    ]
    table.write_text("\n".join(["acquisition,frame,method,metric,value", *lines]) + "\n")
    return handmade, Run(
        handmade.results, SHEET, dict.fromkeys(("of-slow", "of-dcfi"), RESTORED), False
    )


def curves(handmade: Handmade, *methods: str) -> None:
    """Leave profiles as evaluation does."""
    flat = {"per_um": [0.0, 100.0, 250.0], "horizontal": [9.0, 5.0, 1.0]}
    content = {method: flat for method in methods}
    handmade.record("evaluation/test-1/baselines.json", rows=[], curves=content)
