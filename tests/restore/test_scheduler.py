"""Where units are computed: threads, a local Dask cluster, a running one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stemjax.errors import UserError
from stemjax.restore.scheduler import visible_gpus

ROOT = Path(__file__).parents[2]
# In a process of its own: a cluster starts processes and an event loop.
RESTORED = """
import json, os, sys
from pathlib import Path
import numpy as np
import zarr
from stemjax.restore.frames import bind, load_network
from stemjax.restore.series import Inputs, Means, restore_acquisition
from tests.handmade import Handmade, settings, straight

SCALE = {"rapid_offset": 3e4, "rapid_scale": 8e3, "target_offset": 3e4, "target_scale": 6e3}


def main(folder, scheduler):
    if scheduler == "address":  # its workers are elsewhere
        from distributed import LocalCluster
        cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
        scheduler = cluster.scheduler_address
    os.chdir(folder)
    handmade = Handmade(Path())
    frames = np.random.default_rng(3).integers(20_000, 40_000, (170, 16, 16)).astype(np.uint16)
    inputs = Inputs(
        handmade.converted("a", frames),
        handmade.map("s", straight(16, 2.0)),
        handmade.model("m", settings(), SCALE, last=0.1),
    )
    store = handmade.results / "restored/m/a.zarr"
    restore_acquisition(inputs, store, "code", Means(scheduler, 2))
    restored = zarr.open_group(store, mode="r")["0"][...]
    expected = bind(load_network(inputs.model.parent), straight(16, 2.0), 16)(frames)
    print(int(np.abs(restored.astype(int) - expected.astype(int)).max()))


if __name__ == "__main__":
    main(*sys.argv[1:])
"""


@pytest.mark.parametrize("scheduler", ["threads", "processes", "address"])
def test_every_scheduler_gives_the_same_frames(tmp_path: Path, scheduler: str) -> None:
    """To one grey level: how many threads share a convolution may change its last bit."""
    script = tmp_path / "restore.py"
    script.write_text(RESTORED)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, str(script), str(tmp_path), scheduler],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) <= 1
    assert "restore a: 4/4 in" in run.stderr
    assert "restore a: 4 of 4 units computed" in run.stderr


def test_a_scheduler_that_there_is_not_is_told() -> None:
    from dask.delayed import delayed

    from stemjax.restore.scheduler import compute

    with pytest.raises(UserError, match="dask_scheduler 'cluster': use threads, processes, or"):
        compute([delayed(int)("1")], "cluster", 2, "restore a")


def test_gpus_are_those_that_the_job_was_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-5f")
    assert visible_gpus() == ["2", "GPU-5f"]
    for none in ("", "-1", "NoDevFiles"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert visible_gpus() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == []
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: GPU-a)'\necho 'GPU 1: B (UUID: GPU-b)'\n")
    tool.chmod(0o755)
    assert visible_gpus() == ["0", "1"]
