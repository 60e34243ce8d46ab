"""Frames restored with their neighbours in time beside frames restored alone.

    make bench-context

simulates fields of view to learn from and a heating series, trains a network that sees one frame
and one that sees five, and prints PSNR to the truth after an affine fit of intensity: of all that
the map covers, beside lines that move within two frames, and elsewhere. Then the same for the
series with its frames moved up and down by whole pixels, as a strong drift would: a walk of 2 px
per frame with jumps of 20.
"""

import sys
import tempfile
from contextlib import chdir
from pathlib import Path

import h5py
import numpy as np
from experiment import run_experiment

import stemjax
from stemjax.distortion.map import from_json
from stemjax.evaluate.metrics import fitted
from stemjax.io.store import open_store
from stemjax.provenance import read_json

FIELDS, FRAMES, SERIES, SIZE, EPOCHS = 8, 10, 60, 512, 4
SERIES_NAME, MODELS = "heating", {"one": 1, "five": 5}
BORDER = 40  # pixels: what the drift brings in


def experiment(folder: Path, seed: int) -> None:
    """Run the workflow up to the restored series."""
    roles = {**{f"train-{k}": "train" for k in range(1, FIELDS + 1)}, SERIES_NAME: "series"}
    config = {
        "unet": {"features": 8},
        "train": {"epochs": EPOCHS, "validation": 0.0, "learning_rate": 6.0e-3},
        "models": {name: {"target": "slow", "context": n} for name, n in MODELS.items()},
        "simulate": {"size": SIZE, "frames": FRAMES, "series_frames": SERIES, "seed": seed},
    }
    wanted = [f"results/restored/{model}/{SERIES_NAME}.json" for model in MODELS]
    run_experiment(folder, roles, config, wanted)


def decibels(restored: np.ndarray, truth: h5py.File, valid: np.ndarray) -> list[float]:
    """PSNR of all, beside moving lines and elsewhere: of the mean square over all frames."""
    inside = np.zeros(restored.shape[1:], bool)
    inside[BORDER:-BORDER, BORDER:-BORDER] = valid[BORDER:-BORDER]
    errors: tuple[list[float], ...] = ([], [], [])
    spans = []
    for frame in range(2, len(restored) - 2):
        clean, moving = truth["clean"][frame].astype(float), truth["moving"][frame]
        spans.append(np.ptp(clean[inside]))
        for some, where in zip(errors, (inside, inside & moving, inside & ~moving), strict=True):
            made = fitted(restored[frame][inside], clean[inside])
            whole = np.zeros(inside.shape)
            whole[inside] = (made - clean[inside]) ** 2
            some.append(whole[where] / spans[-1] ** 2)
    return [float(-10 * np.log10(np.concatenate(some).mean())) for some in errors]


def main(seed: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name, chdir(name):
        folder = Path(name)
        experiment(folder, seed)
        results = folder / "results"
        session = results / "distortion/day-1.json"
        raw = open_store(results / f"converted/{SERIES_NAME}.zarr")[0]["rapid"][...]
        rng = np.random.default_rng(seed)
        steps = np.rint(rng.normal(0, 2, SERIES)) + 20 * (rng.random(SERIES) < 0.05)
        walk = np.cumsum(steps * rng.choice([-1, 1], SERIES)).astype(int)
        drifting = np.stack([np.roll(frame, by, 0) for frame, by in zip(raw, walk, strict=True)])
        print(f"seed {seed}: PSNR (dB) of all, beside moving lines, elsewhere")
        with h5py.File(folder / f"raw/simulated/{SERIES_NAME}_truth.h5") as truth:
            for model in MODELS:
                store = open_store(results / f"restored/{model}/{SERIES_NAME}.zarr")[0]
                restored = stemjax.load(results / "models" / model)(drifting, session)
                back = [np.roll(frame, -by, 0) for frame, by in zip(restored, walk, strict=True)]
                for told, frames in (("", store["0"][...]), (", drifting", np.stack(back))):
                    values = decibels(frames, truth, from_json(read_json(session)).valid)
                    shown = "  ".join(f"{value:.2f}" for value in values)
                    print(f"{model + told:16s} {shown}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
