"""Conversion against the least it could do: read with h5py, write the same shards with zarr.

    make bench-convert

prints the times of both and their ratio, measured in turn in one run, and the peak memory of a
conversion of 50 and of 2,000 frames.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import zarr

from stemjax.io.convert import convert_acquisition
from stemjax.io.store import SHARD, create_frames, spans
from stemjax.sheet import Acquisition
from stemjax.simulate.velox import ScanSettings, write_velox

SIZE, FRAMES, ROUNDS = 512, 2000, 3
SCAN = ScanSettings(0.1, 79.2, 2.1, 50.0, 1_700_000_000)


def write_raw(path: Path, frames: int) -> None:
    """Write Poisson frames: they compress like real ones."""
    pool = np.random.default_rng(0).poisson(20_000, (16, SIZE, SIZE)).astype(np.uint16)
    write_velox(path, (pool[k % 16] for k in range(frames)), SCAN)


def least(path: Path, store: Path) -> None:
    """Copy the pixels and nothing else."""
    shutil.rmtree(store, ignore_errors=True)
    with h5py.File(path) as file:
        (image,) = file["Data/Image"].values()
        data = image["Data"]
        array = create_frames(
            zarr.create_group(store), "rapid", (data.shape[2], SIZE, SIZE), data.dtype
        )
        for span in spans((data.shape[2], SIZE, SIZE)):
            array[span] = np.stack([data[:, :, k] for k in range(span.start, span.stop)])


def convert(path: Path, store: Path) -> None:
    """Convert from nothing."""
    shutil.rmtree(store, ignore_errors=True)
    shutil.rmtree(store.with_suffix(".units"), ignore_errors=True)
    convert_acquisition(Acquisition("a", "s", "series", str(path)), store)


def timed(function, *arguments: Path) -> float:
    """Run once; gives seconds."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def main(folder: Path) -> None:
    """Print the table."""
    for frames in (SHARD, FRAMES):
        write_raw(folder / f"{frames}.emd", frames)
        command = [sys.executable, __file__, str(folder / f"{frames}.emd"), str(folder / "m.zarr")]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{frames} frames of {SIZE} x {SIZE}: peak memory {peak:.0f} MB")
    raw = folder / f"{FRAMES}.emd"
    for _ in range(ROUNDS):
        ours, theirs = timed(convert, raw, folder / "a.zarr"), timed(least, raw, folder / "b.zarr")
        print(f"convert {ours:.1f} s, h5py + zarr {theirs:.1f} s, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        convert(*map(Path, sys.argv[1:]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder))
