"""How fast and in how much memory a series is restored, beside the bare network and PyTorch.

    make bench-restore

prints peak memory for a short and a long series and for large frames; then frames per second of
the whole job (reading, undistorting, network, writing), of the network alone as JAX compiled it,
and of the same network in PyTorch (channels last). These take turns in one run; start and
compilation are printed apart.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

PEER = Path(__file__).parent / "peers"
FEATURES, DEPTH, SIZE = 16, 3, 512
SERIES = ((SIZE, 200), (SIZE, 2000), (1000, 64), (2047, 12))  # size, frames
TIMED, ROUNDS = 100, 3
CORES = len(os.sched_getaffinity(0))


def prepare(folder: Path, size: int, frames: int) -> None:
    """Write a converted series, a map and a model, with the records that a job starts from."""
    from stemjax.config import Model, UNet
    from stemjax.distortion.map import DistortionMap
    from stemjax.io.store import create_frames, describe, multiscale, new_store, spans
    from stemjax.model.parameters import new_network, save_parameters
    from stemjax.provenance import write_json

    noise = np.random.default_rng(0).poisson(20_000, (size, size)).astype(np.uint16)
    with new_store(folder / "a.zarr") as group:
        array = create_frames(group, "rapid", (frames, size, size), noise.dtype)
        for span in spans(array.shape):
            array[span] = np.stack([np.roll(noise, k) for k in range(span.start, span.stop)])
        about = {"acquisition": "a", "pixel_size_nm": 2.1, "frame_time_s": 0.04}
        describe(group, [multiscale("rapid", 2.1, 0.04)], about)
    scan = {"dwell_us": 0.1, "line_time_us": 79.2, "rotation_rad": 0.0}
    shape, common = [size, size], {"status": "ok", "digest": "-"}
    write_json(folder / "a.json", {**common, "frames": frames, "shape": shape, "scan": scan})
    columns = 5 + 0.97 * np.arange(size)
    the_map = DistortionMap(columns, np.ones(size, bool), 0.5, np.full(size, 0.1), 5.0)
    session = {**the_map.to_json(), "scan": {**scan, "shape": shape}}
    write_json(folder / "s.json", {**common, **session})
    model = Model(unet=UNet(features=FEATURES, depth=DEPTH))
    _, parameters = new_network(model.unet, 0)
    (folder / "model").mkdir()
    save_parameters(folder / "model/parameters.safetensors", parameters)
    scale = dict(rapid_offset=2e4, rapid_scale=300.0, target_offset=2e4, target_scale=300.0)
    config = model.model_dump(mode="json")
    write_json(folder / "model/model.json", {**common, "config": config, "scale": scale})


def job(folder: Path) -> dict[str, float]:
    """Restore the series as a job of the workflow does; gives seconds of its parts, and MB."""
    began = time.perf_counter()
    from stemjax.restore.series import Inputs, Means, restore_acquisition
    from stemjax.train.devices import use_threads

    use_threads(CORES)
    import jax

    jax.devices()
    started = time.perf_counter()
    from stemjax.distortion.map import from_json
    from stemjax.provenance import read_json
    from stemjax.restore.frames import bind, load_network

    # Compiled for the whole process, as the job's first frame would.
    size = read_json(folder / "a.json")["shape"][0]
    once = bind(load_network(folder / "model"), from_json(read_json(folder / "s.json")), size)
    once(np.zeros((1, size, size), np.uint16))
    compiled = time.perf_counter()
    inputs = Inputs(folder / "a.json", folder / "s.json", folder / "model/model.json")
    record = restore_acquisition(inputs, folder / "out/a.zarr", "code", Means(threads=CORES))
    done = time.perf_counter()
    return {
        "start": started - began,
        "compilation": compiled - started,
        "rate": record["frames"] / (done - compiled),
        "peak": peak_mb(),
    }


def peak_mb() -> float:
    """Give the most memory that this program held; what its parent did does not count."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def bare(features: int, depth: int) -> float:
    """Apply the compiled network to frames on the devices; gives frames per second."""
    from stemjax.train.devices import sharing, use_threads

    use_threads(CORES)
    import jax
    from flax import nnx

    from stemjax.config import UNet
    from stemjax.model.parameters import new_network

    graph, parameters = new_network(UNet(features=features, depth=depth), 0)
    shared, whole = sharing(CORES)
    parameters = jax.device_put(parameters, whole)
    frames = np.random.default_rng(0).standard_normal((CORES, SIZE, SIZE, 1), np.float32)
    frames = jax.device_put(frames, shared)
    network = jax.jit(lambda parameters, frames: nnx.merge(graph, parameters)(frames))
    network(parameters, frames).block_until_ready()
    start = time.perf_counter()
    for _ in range(TIMED // CORES):
        network(parameters, frames).block_until_ready()
    return TIMED // CORES * CORES / (time.perf_counter() - start)


def run(*words: Any) -> Any:
    """Run a part of this benchmark, or a peer, in a process of its own, as jobs of a workflow."""
    command = [str(word) for word in words]
    env = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env)
    return json.loads(done.stdout)


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        for size, frames in SERIES:
            series = Path(folder) / f"{size}-{frames}"
            prepare(series, size, frames)
            made = run(sys.executable, __file__, "job", series)
            print(
                f"{frames} frames of {size} x {size}: peak memory {made['peak']:.0f} MB, "
                f"{made['rate']:.2f} frames/s",
                flush=True,
            )
        rates: dict[str, list[float]] = {"job": [], "bare network": [], "PyTorch": []}
        for k in range(ROUNDS):
            series = Path(folder) / f"timed-{k}"
            prepare(series, SIZE, TIMED)
            made = run(sys.executable, __file__, "job", series)
            rates["job"].append(made["rate"])
            rates["bare network"].append(run(sys.executable, __file__, "bare", FEATURES, DEPTH))
            torch = (PEER / ".venv/bin/python", PEER / "restoring.py")
            rates["PyTorch"].append(run(*torch, FEATURES, DEPTH, SIZE, TIMED // 2))
            print(f"start {made['start']:.1f} s, compilation {made['compilation']:.1f} s")
        median = {name: float(np.median(each)) for name, each in rates.items()}
        print(f"features {FEATURES}, depth {DEPTH}, {SIZE} x {SIZE}, {CORES} cores:")
        for name, rate in median.items():
            print(f"    {name:14s} {rate:6.2f} frames/s")
        print(f"    job to bare network: {median['job'] / median['bare network']:.2f}")
        print(f"    bare network to PyTorch: {median['bare network'] / median['PyTorch']:.2f}")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        part, *words = sys.argv[1:]
        print(json.dumps(job(Path(words[0])) if part == "job" else bare(*map(int, words))))
