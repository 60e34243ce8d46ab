"""The paper's experiment, planned as `make paper` runs it."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import ROOT, as_a_user


def recipe(scale: str) -> list[list[str]]:
    """Give what `make paper` runs to lay the experiment out and to run it, word by word."""
    command = ["make", "-n", "paper", f"SCALE={scale}", f"BIN={Path(sys.executable).parent}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    words = ("stemjax.scaled", "--directory")
    return [shlex.split(line) for line in said.splitlines() if any(word in line for word in words)]


@pytest.mark.parametrize(
    ("scale", "fields", "frames"), [("1", (50, 16), "50"), ("0.1", (5, 6), "5")]
)
def test_it_is_planned_at_any_scale(
    scale: str, fields: tuple[int, int], frames: str, tmp_path: Path
) -> None:
    here = f"paper/{scale}"
    first, workflow = (
        [word.replace(here, str(tmp_path)) for word in line] for line in recipe(scale)
    )
    subprocess.run(first, cwd=ROOT, check=True)
    # BM3D need not be installed to plan without it.
    content = yaml.safe_load((tmp_path / "config.yaml").read_text())
    content["evaluate"]["baselines"].remove("bm3d")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    said = subprocess.run(
        [*workflow, "--dry-run"], cwd=ROOT, capture_output=True, text=True, env=as_a_user()
    )
    assert said.returncode == 0, said.stdout + said.stderr
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", said.stdout, re.MULTILINE))
    train, test = fields
    assert int(jobs["simulate_acquisition"]) == train + 1 + test + 6
    assert int(jobs["train_unet"]) == 9
    # Of the models, one restores the series.
    assert int(jobs["restore_acquisition"]) == 9 * test + 6
    assert int(jobs["render_movie"]) == 6
    assert content["simulate"]["frames"] == int(frames)
