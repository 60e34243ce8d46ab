"""What the evaluation of many fields of view costs.

    make bench-evaluate

simulates 16 test fields of view of 50 frames of 512 x 512, restores them with a small network and
prints what the jobs that measure them took, and the whole of evaluation and report on two cores.
Every frame is measured. BM3D is among the filters where it is installed.
"""

import json
import tempfile
import time
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from experiment import run_experiment

FIELDS, FRAMES, SIZE = 16, 50, 512
MODEL = "dlf-slow"
STAGES = ("evaluate_baselines", "evaluate_restored", "plot_figures", "write_report")


def experiment(folder: Path) -> float:
    """Restore all fields of view, then measure them; gives the seconds of the second run."""
    tests = [f"test-{k}" for k in range(1, FIELDS + 1)]
    filters = ["gaussian", "nlm", "wiener"]
    filters += ["bm3d", "bm3d-spectrum"] if find_spec("bm3d") else []
    config = {
        "unet": {"features": 8},
        "train": {"epochs": 1, "validation": 0.0},
        "models": {MODEL: {"target": "slow"}},
        "evaluate": {"baselines": filters, "frames": FRAMES},
        "simulate": {"size": SIZE, "frames": FRAMES},
    }
    roles = {"train-1": "train", **dict.fromkeys(tests, "test")}
    before = [f"results/{stage}/{t}.json" for stage in ("dcfi", f"restored/{MODEL}") for t in tests]
    run_experiment(folder, roles, config, before)
    start = time.perf_counter()
    run_experiment(folder, roles, config, ["results/report/index.html"])
    return time.perf_counter() - start


def seconds(files: Iterable[Path]) -> list[float]:
    """Read how long jobs took from Snakemake's benchmarks."""
    return [json.loads(file.read_text().splitlines()[0])["s"] for file in files]


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = experiment(folder)
        print(f"{FIELDS} fields of view of {FRAMES} frames of {SIZE} x {SIZE}, all measured")
        for stage in STAGES:
            took = seconds((folder / "results/benchmark").rglob(f"{stage}*/**/*.jsonl"))
            took += seconds((folder / "results/benchmark").glob(f"{stage}.jsonl"))
            print(
                f"{stage:20s} {len(took):3d} jobs, {sum(took):6.0f} s, longest {max(took):5.1f} s"
            )
        print(f"evaluation and report, with the start of each job: {whole / 60:.1f} min")


if __name__ == "__main__":
    main()
