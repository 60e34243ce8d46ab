"""How fast the network learns: patches per second, beside PyTorch, and what the data cost.

    make bench-training

prints, for networks of several sizes, patches per second of the training step with a constant
batch on one device and on one per core, with patches drawn from real data, and of the same
network in PyTorch (channels last, fused Adam, float32 and bfloat16). All take turns in one run.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

PEER = Path(__file__).parent / "peers"
SIZES = ((16, 4), (16, 3))  # features, depth
BATCH, PATCH, STEPS, ROUNDS = 32, 64, 20, 2
FIELDS, FRAMES, SIZE = 8, 10, 512
ENV = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}  # as jobs of a workflow


def measure(features: int, depth: int, devices: int, source: str) -> float:
    """Train in this process; gives patches per second."""
    from stemjax.train.devices import sharing, use_threads

    use_threads(devices)
    import jax
    from flax import nnx

    from stemjax.config import Train, UNet
    from stemjax.dataset.field import FieldPairs
    from stemjax.dataset.pairs import Pairs, draw_patches
    from stemjax.model.parameters import new_network
    from stemjax.train.step import make_step, optimiser

    rng = np.random.default_rng(0)
    shape = (FIELDS, FRAMES, SIZE, SIZE)
    frames = rng.standard_normal(shape, np.float32)
    inside = (0, SIZE, 0, SIZE)
    pairs = Pairs(tuple(FieldPairs(f, f.mean(axis=0), inside) for f in frames))
    graph, network = new_network(UNet(features=features, depth=depth), 0)
    transformation = optimiser(Train(), 1000)
    step = make_step(graph, transformation)
    shared, whole = sharing(BATCH)
    parameters = nnx.to_pure_dict(network)
    state = transformation.init(parameters)
    parameters, state = jax.device_put((parameters, state), whole, may_alias=False)
    batch = jax.device_put(draw_patches(pairs, rng, BATCH, PATCH), shared)
    value = None
    for k in range(3 + STEPS):
        if k == 3:
            jax.block_until_ready(value)
            start = time.perf_counter()
        if source == "drawn":
            batch = jax.device_put(draw_patches(pairs, rng, BATCH, PATCH), shared)
        jax.block_until_ready(value)
        parameters, state, value = step(parameters, state, *batch)
    jax.block_until_ready(value)
    return BATCH * STEPS / (time.perf_counter() - start)


def main() -> None:
    """Let all take turns; print medians and ratios."""
    cores = len(os.sched_getaffinity(0))
    for features, depth in SIZES:
        network = [str(features), str(depth)]
        mine = [sys.executable, __file__, *network]
        rest = [str(n) for n in (BATCH, PATCH, STEPS)]
        theirs = [str(PEER / ".venv/bin/python"), str(PEER / "training.py"), *network, *rest]
        jobs = {
            "one device": [*mine, "1", "constant"],
            f"{cores} devices": [*mine, str(cores), "constant"],
            f"{cores} devices, drawn": [*mine, str(cores), "drawn"],
            "PyTorch float32": [*theirs, "float32"],
            "PyTorch bfloat16": [*theirs, "bfloat16"],
        }
        rates: dict[str, list[float]] = {name: [] for name in jobs}
        for _ in range(ROUNDS):
            for name, command in jobs.items():
                run = subprocess.run(command, check=True, capture_output=True, text=True, env=ENV)
                rates[name].append(float(run.stdout))
        median = {name: float(np.median(each)) for name, each in rates.items()}
        print(f"features {features}, depth {depth}, batch {BATCH} of {PATCH} x {PATCH}:")
        for name, rate in median.items():
            print(f"    {name:20s} {rate:7.1f} patches/s")
        constant, drawn = median[f"{cores} devices"], median[f"{cores} devices, drawn"]
        print(f"    to PyTorch float32: {constant / median['PyTorch float32']:.2f}")
        print(f"    drawn to constant, time of a step: {constant / drawn:.3f}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        print(measure(*map(int, sys.argv[1:4]), sys.argv[4]))
