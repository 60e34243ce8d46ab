"""A job that is killed while it restores a series, and the job after it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

ROOT = Path(__file__).parents[2]
FRAMES, UNITS = 500, 10
JOB = """
import sys
from pathlib import Path
import numpy as np
from stemjax.restore.series import Inputs, restore_acquisition
from tests.handmade import Handmade, settings, straight

SCALE = {"rapid_offset": 3e4, "rapid_scale": 8e3, "target_offset": 3e4, "target_scale": 6e3}
handmade = Handmade(Path(sys.argv[1]))
frames = np.random.default_rng(3).integers(20_000, 40_000, (500, 64, 64)).astype(np.uint16)
inputs = Inputs(
    handmade.converted("a", frames),
    handmade.map("s", straight(64, 2.0)),
    handmade.model("m", settings(), SCALE, last=0.1),
)
restore_acquisition(inputs, handmade.results / "restored/m/a.zarr", "code")
"""


def start(folder: Path) -> subprocess.Popen[str]:
    """Start a job in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", JOB, str(folder)]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


def done(folder: Path) -> set[str]:
    """Name the units that are finished: those with a label."""
    labels = folder / "results/restored/m/a.units"
    return {path.stem for path in labels.glob("*.json")}


def shards(folder: Path) -> set[str]:
    """Name the units whose frames are there, whatever they are worth."""
    return {path.name for path in (folder / "results/restored/m/a.zarr/0/c").glob("*")}


def frames(folder: Path) -> np.ndarray:
    """Read the restored frames."""
    return zarr.open_group(folder / "results/restored/m/a.zarr", mode="r")["0"][...]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Restore the series in peace."""
    folder = tmp_path_factory.mktemp("undisturbed")
    job = start(folder)
    assert "10 of 10 units computed" in job.communicate()[1]
    return frames(folder)


@pytest.mark.parametrize("finished", [0, 1, 6])
def test_a_killed_job_loses_one_unit_and_ends_as_if_undisturbed(
    tmp_path: Path, undisturbed: np.ndarray, finished: int
) -> None:
    job = start(tmp_path)
    while len(done(tmp_path)) < finished or not (tmp_path / "results/models/m/model.json").exists():
        assert job.poll() is None
    job.send_signal(signal.SIGKILL)
    job.communicate()
    kept = done(tmp_path)
    assert finished <= len(kept) < UNITS
    assert len(shards(tmp_path) - kept) <= 1
    said = start(tmp_path).communicate()[1]
    assert f"restore a: {UNITS - len(kept)} of {UNITS} units computed" in said
    np.testing.assert_array_equal(frames(tmp_path), undisturbed)
