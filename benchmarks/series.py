"""All heating series of an experiment in one go, through Slurm on this machine.

    make bench-series

simulates 200 frames of 512 x 512 and makes six series of 2,000 of them, forth and back from another
frame on each, so that motion has no jumps; then runs the whole workflow, from raw files to report,
by `snakemake --profile slurm` on the cluster of the tests, two nodes that share this machine's
cores. Needs root, Debian's Slurm and 30 GB of disk. Prints wall time, what each rule's jobs took,
their largest peak memory, and the share of the time in which the network alone would not have been
done, had it had all cores to itself.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import h5py
import numpy as np
from experiment import ROOT, lay_out
from restore import run

SERIES, FRAMES, SIMULATED, SIZE = 6, 2000, 200, 512
FEATURES, DEPTH = 4, 3
LEARNED = {"train-1": "train"}
CLUSTER = ["bash", str(ROOT / "tests/slurm/cluster.sh")]
RAW = "raw/simulated"
CONFIG = {
    "unet": {"features": FEATURES, "depth": DEPTH},
    "train": {"epochs": 2, "validation": 0.0},
    "models": {"dlf-slow": {"target": "slow"}},
}
SIMULATE = {"size": SIZE, "frames": 50, "series_frames": SIMULATED}


def prepare(folder: Path) -> None:
    """Copy the repository and make its raw files, sheet and config those of the experiment."""
    from stemjax.progress import track
    from stemjax.simulate.acquire import line_time_us
    from stemjax.simulate.experiment import EPOCH, RAPID_DWELL_US
    from stemjax.simulate.velox import ScanSettings, write_velox

    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    for name in tracked.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    lay_out(folder, {**LEARNED, "seen": "series"}, {**CONFIG, "simulate": SIMULATE})
    files = [f"{RAW}/{name}_rapid.emd" for name in ("train-1", "seen")]
    subprocess.run([sys.executable, "-m", "snakemake", "-c2", *files], cwd=folder, check=True)
    with h5py.File(folder / files[1]) as file:
        (image,) = file["Data/Image"].values()
        frames = np.moveaxis(image["Data"][...], 2, 0)
    there = np.r_[0 : len(frames), len(frames) - 1 : -1 : -1]
    settings = ScanSettings(
        dwell_us=RAPID_DWELL_US,
        line_time_us=line_time_us(SIZE, RAPID_DWELL_US),
        pixel_size_nm=2.1,
        current_pa=50.0,
        started=EPOCH,
    )
    names = [f"heating-{k}" for k in range(1, SERIES + 1)]
    for k, name in enumerate(track(names, SERIES, "write series")):
        shown = there[(k * SIMULATED // SERIES + np.arange(FRAMES)) % len(there)]
        write_velox(folder / f"{RAW}/{name}_rapid.emd", (frames[t] for t in shown), settings)
        shutil.copy(folder / f"{RAW}/seen_slow.emd", folder / f"{RAW}/{name}_slow.emd")
    for file in (folder / RAW).glob("seen*"):
        file.unlink()
    lay_out(folder, {**LEARNED, **dict.fromkeys(names, "series")}, CONFIG, ("rapid", "slow"))


def through_slurm(folder: Path) -> float:
    """Run the promised command; gives its seconds."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for step in ("install", "start"):
        subprocess.run([*CLUSTER, step], check=True)
    try:
        start = time.perf_counter()
        command = ["snakemake", "--profile", "slurm"]
        subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=True)
        return time.perf_counter() - start
    finally:
        subprocess.run([*CLUSTER, "stop"], check=True)


def main() -> None:
    """Print the table."""
    network = run(sys.executable, ROOT / "benchmarks/restore.py", "bare", FEATURES, DEPTH)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        wall = through_slurm(folder)
        jobs = defaultdict(list)
        benchmarks = folder / "results/benchmark"
        for file in benchmarks.rglob("*.jsonl"):
            rule = file.relative_to(benchmarks).parts[0].removesuffix(".jsonl")
            jobs[rule].append(json.loads(file.read_text().splitlines()[0]))
    total = SERIES * FRAMES
    print(f"{SERIES} series of {FRAMES} frames of {SIZE} x {SIZE}, features {FEATURES}:")
    for rule, each in sorted(jobs.items()):
        took = [job["s"] for job in each]
        peak = max((job["max_rss"] for job in each if job["max_rss"] != "NA"), default=0.0)
        print(f"{rule:22s} {len(took):3d} jobs, {sum(took):6.0f} s, longest {max(took):6.1f} s, "
              f"peak memory {peak:5.0f} MB")  # fmt: skip
    print(f"from raw files to report: {wall / 60:.1f} min, {total / wall:.2f} frames/s")
    alone = total / network
    print(f"network alone: {network:.2f} frames/s, {alone / 60:.1f} min; "
          f"outside of it: {1 - alone / wall:.0%} of the time")  # fmt: skip


if __name__ == "__main__":
    main()
