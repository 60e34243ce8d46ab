"""Restored frames beside CAREamics' CARE and BM3D, against the simulator's truth.

    make bench-quality STEPS=1280

simulates 8 fields of view of 10 frames of 512 x 512 to learn from and 4 to judge, runs the
workflow, gives CARE with its defaults the same undistorted pairs and as many steps of as many
patches, BM3D the same frames with each of some noise levels, and prints PSNR and SSIM to the
truth after an affine fit of intensity: mean, and each field of view. BM3D's level is the best.
"""

import subprocess
import sys
import tempfile
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import numpy as np
from experiment import ROOT, run_experiment

from stemjax.dataset.pairs import load_pairs
from stemjax.dataset.scale import Scale
from stemjax.evaluate.metrics import fitted, psnr, ssim
from stemjax.evaluate.references import References, load_references
from stemjax.io.store import open_store
from stemjax.records import read_record
from stemjax.sheet import read_sheet

PEER = ROOT / "benchmarks" / "peers"
MODEL, TRAIN, TEST, FRAMES, JUDGED = "dlf-slow", 8, 4, 10, 2
PER_EPOCH = 160  # steps that the data set makes up
LEVELS = ("0.8", "1.2", "1.6", "2.0")


def experiment(folder: Path, steps: int, seed: int) -> None:
    """Run the workflow up to the restored frames."""
    counts = {"train": TRAIN, "test": TEST}
    roles = {f"{role}-{k + 1}": role for role, count in counts.items() for k in range(count)}
    config = {
        "train": {"epochs": max(round(steps / PER_EPOCH), 1), "validation": 0.0},
        "models": {MODEL: {"target": "slow"}},
        "simulate": {"size": 512, "frames": FRAMES, "seed": seed},
    }
    stages = (f"restored/{MODEL}", "dcfi")
    wanted = [f"results/{stage}/test-{k}.json" for stage in stages for k in range(1, TEST + 1)]
    run_experiment(folder, roles, config, wanted)


def write_pairs(folder: Path, references: list[References], record: dict) -> None:
    """Write what the peers learn from and what they restore, in the network's range."""
    fields = load_pairs(record, "train").fields
    top, bottom, left, right = np.array([field.inside for field in fields]).T
    box = np.s_[top.max() : bottom.min(), left.max() : right.min()]
    rapid = np.concatenate([field.rapid[:, *box] for field in fields])
    target = np.concatenate([np.stack([f.target[box]] * len(f.rapid)) for f in fields])
    scale = Scale(**record["scale"])
    frames = np.concatenate([scale.of_rapid(each.rapid) for each in references])
    np.savez(folder / "pairs.npz", rapid=rapid, target=target, frames=frames)


def score(images: np.ndarray, references: list[References]) -> np.ndarray:
    """PSNR and SSIM of frames (field, frame, y, x), mean over the frames of each field."""
    scores = []
    for made, each in zip(images, references, strict=True):
        box = each.inside
        pairs = [(image[box], truth[box]) for image, truth in zip(made, each.truth, strict=True)]
        pairs = [(fitted(image, truth), truth) for image, truth in pairs]
        scores.append(np.mean([(psnr(*pair), ssim(*pair)) for pair in pairs], axis=0))
    return np.array(scores)


def main(steps: int, seed: int) -> None:
    """Print the table."""
    # Records name each other relative to the experiment.
    with tempfile.TemporaryDirectory() as name, chdir(name):
        folder = Path(name)
        experiment(folder, steps, seed)
        results = folder / "results"
        sheet = read_sheet(folder / "acquisitions.tsv")
        tests = [row for row in sheet.values() if row.role == "test"]
        references = []
        for row in tests:
            records = [results / s / f"{row.acquisition}.json" for s in ("converted", "dcfi")]
            session = results / "distortion" / f"{row.session}.json"
            there = replace(row, truth=str(folder / row.truth))
            references.append(load_references(there, *records, session, JUDGED))
        record = read_record(results / "dataset" / f"{MODEL}.json")
        write_pairs(folder, references, record)
        peer = str(PEER / ".venv/bin/python")
        care, filtered = str(folder / "care.npy"), str(folder / "bm3d.npy")
        inputs = str(folder / "pairs.npz")
        for script in (
            [PEER / "care.py", inputs, str(steps), care],
            [PEER / "bm3d_filter.py", inputs, filtered, *LEVELS],
        ):
            subprocess.run([peer, *map(str, script)], check=True, stdout=subprocess.DEVNULL)
        restored = results / "restored" / MODEL
        stores = [open_store(restored / f"{row.acquisition}.zarr")[0]["0"] for row in tests]
        mine = [store[...][each.index] for store, each in zip(stores, references, strict=True)]
        shape = (len(tests), JUDGED, *references[0].rapid.shape[1:])
        by_level = [score(images.reshape(shape), references) for images in np.load(filtered)]
        best = max(range(len(LEVELS)), key=lambda k: by_level[k][:, 0].mean())
        table = {
            "rapid": score(np.array([each.rapid for each in references]), references),
            "dcfi": score(np.array([each.dcfi for each in references]), references),
            f"bm3d ({LEVELS[best]})": by_level[best],
            "care": score(np.load(care).reshape(shape), references),
            MODEL: score(np.array(mine), references),
        }
    print(f"{steps} steps, seed {seed}: PSNR (dB), SSIM to the truth; each field of view")
    for method, scores in table.items():
        mean = scores.mean(axis=0)
        each = "  ".join(f"{decibels:.2f} {alike:.3f}" for decibels, alike in scores)
        print(f"{method:12s} {mean[0]:6.2f} {mean[1]:.3f}   {each}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
