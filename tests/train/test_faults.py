"""A training that is killed, or that finds no room to write, and is started again."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from stemjax.train.loop import train
from tests.conftest import ROOT
from tests.handmade import settings

MODEL = settings(16, epochs=12, batch_size=16, learning_rate=0.01)
# The timer's signal ends the process as SIGKILL does: it is not handled.
KILLED = """
import random, signal, sys
from stemjax.train import loop
from stemjax.config import Model
loop.CHECKPOINT_S = -1.0
random.seed(int(sys.argv[4]))
begin = loop.choose_start
def begun(*args):
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.01, float(sys.argv[5])))
    return begin(*args)
loop.choose_start = begun
loop.train(Model.model_validate_json(sys.argv[1]), sys.argv[2], sys.argv[3], "code")
"""
# No file may grow beyond a kilobyte, from the third epoch's checkpoint or from the parameters on.
FULL = """
import resource, sys
from stemjax.train import loop
from stemjax.config import Model
loop.CHECKPOINT_S = -1.0
def fill(object, name):
    work = getattr(object, name)
    def filled(*args):
        if name == "save_parameters" or args[1] == 9:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
        return work(*args)
    setattr(object, name, filled)
fill(*((loop.Checkpoints, "save") if sys.argv[4] == "checkpoint" else (loop, "save_parameters")))
loop.train(Model.model_validate_json(sys.argv[1]), sys.argv[2], sys.argv[3], "code")
"""
ATTEMPTS = 5


@pytest.fixture(scope="module")
def undisturbed(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train from start to end; gives the folder."""
    folder = tmp_path_factory.mktemp("undisturbed")
    train(MODEL, dataset, folder, "code")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Read what a finished training leaves beside its checkpoints, but for times and pictures."""
    rows = (folder / "metrics.csv").read_text().splitlines()
    return {
        "parameters": (folder / "parameters.safetensors").read_bytes(),
        "metrics": "\n".join(row.rsplit(",", 1)[0] for row in rows).encode(),
    }


def test_killed_at_any_moment_it_goes_on_to_the_same_bits(
    undisturbed: Path, dataset: Path, tmp_path: Path
) -> None:
    killed = 0
    for attempt in range(ATTEMPTS):
        command = [sys.executable, "-c", KILLED, MODEL.model_dump_json(), str(dataset)]
        command += [str(tmp_path), str(attempt), "3"]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert ended.returncode in (0, -signal.SIGALRM), ended.stderr
        killed += ended.returncode != 0
    assert killed, "no attempt was killed: the timer is too slow for this machine"
    train(MODEL, dataset, tmp_path, "code")
    assert files(tmp_path) == files(undisturbed)


@pytest.mark.parametrize("writer", ["checkpoint", "parameters"])
def test_a_full_disk_leaves_what_was_there(
    undisturbed: Path, dataset: Path, tmp_path: Path, writer: str
) -> None:
    train(settings(16, epochs=1, batch_size=16, seed=1), dataset, tmp_path, "code")
    before = files(tmp_path)
    command = [sys.executable, "-c", FULL, MODEL.model_dump_json(), str(dataset), str(tmp_path)]
    ended = subprocess.run([*command, writer], cwd=ROOT, capture_output=True, text=True)
    message = next(line for line in ended.stderr.splitlines() if "UserError: " in line)
    assert "cannot be written" in message, ended.stderr
    assert "File too large" in message
    assert files(tmp_path) == before, "the earlier model is whole"
    train(MODEL, dataset, tmp_path, "code")
    assert files(tmp_path) == files(undisturbed)


def test_the_parameters_are_not_those_of_the_start(undisturbed: Path) -> None:
    """Equal files say something only if training changed them."""
    learned = load_file(undisturbed / "parameters.safetensors")
    assert np.abs(learned["last.bias"]).max() > 0.01, "the last layer starts at zero"
