"""The paper's experiment at any scale: what is kept, and how long models learn."""

import subprocess
import sys
from math import ceil
from pathlib import Path

import pytest
import yaml

from stemjax.config import Config, parse_config
from stemjax.errors import UserError
from stemjax.sheet import Acquisition, read_sheet
from stemjax.simulate.scaled import write_scaled

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "configs" / "paper.yaml"
SERIES = ["90", "90-150", "150-210", "210-270", "270-330", "330-400"]


def scaled(folder: Path, scale: float) -> tuple[Config, dict[str, Acquisition]]:
    """Scale the paper's experiment and read it as the workflow does."""
    write_scaled(PAPER, scale, folder)
    config = parse_config(yaml.safe_load((folder / "config.yaml").read_text()))
    return config, read_sheet(folder / config.acquisitions)


def count(sheet: dict[str, Acquisition], role: str) -> int:
    return sum(row.role == role and row.acquisition != "single" for row in sheet.values())


def test_the_whole_experiment_is_the_papers(tmp_path: Path) -> None:
    config, sheet = scaled(tmp_path, 1.0)
    assert (count(sheet, "train"), count(sheet, "test")) == (50, 16)
    assert [name for name in sheet if sheet[name].role == "series"] == [
        f"heating-{degrees}" for degrees in SERIES
    ]
    assert config.simulate is not None
    field, single = config.simulate.of("test-16"), config.simulate.of("single")
    assert (field.size, field.frames, field.pixel_size_nm) == (512, 50, 2.1)
    assert (single.frames, single.pixel_size_nm, single.specimen) == (2500, 1.7, "steel")
    for degrees in SERIES:
        series = config.simulate.of(f"heating-{degrees}")
        degree = degrees.split("-")
        assert (series.series_frames, series.specimen) == (2000, "aluminium")
        assert series.temperatures_c == (float(degree[0]), float(degree[-1]))
    assert {config.model(name).train.epochs for name in config.models} == {100}
    assert [n for n, entry in config.models.items() if entry.restore == "all"] == ["dlf-slow"]
    assert all(sheet[name].truth for name in sheet)


def test_a_tenth_of_fields_frames_and_epochs(tmp_path: Path) -> None:
    config, sheet = scaled(tmp_path, 0.1)
    assert (count(sheet, "train"), count(sheet, "test"), count(sheet, "series")) == (5, 6, 6)
    assert config.simulate is not None
    frames = [config.simulate.of(name).frames for name in ("train-01", "single")]
    assert [*frames, config.simulate.series_frames] == [5, 250, 200]
    models = {name: config.model(name) for name in config.models}
    assert [m.frames for m in models.values() if m.frames] == [10, 50, 100, 250]
    epochs = {name: model.train.epochs for name, model in models.items()}
    # 64 patches of 64 x 64 in a frame, 32 to a step: two steps a frame
    assert epochs["dlf-slow"] == 1000 / (2 * 5 * 5)
    assert epochs["dlf-100"] == 1000 / (2 * 10)
    assert epochs["dlf-1000"] == epochs["dlf-2500"] == 10  # these learn in more than 1,000 steps


@pytest.mark.parametrize("scale", [0.003, 0.03, 0.37])
def test_no_scale_is_too_small_to_learn(scale: float, tmp_path: Path) -> None:
    config, sheet = scaled(tmp_path, scale)
    assert config.simulate is not None
    for name in config.models:
        model = config.model(name)
        single = model.acquisitions == ("single",)
        frames = config.simulate.of("single" if single else "train-01").frames
        fields = 1 if single else count(sheet, "train")
        per_epoch = ceil(64 * fields * min(frames, model.frames or frames) / 32)
        assert per_epoch * model.train.epochs >= 1000
        assert per_epoch * (model.train.epochs - 1) < max(1000, 100 * scale * per_epoch)
    assert count(sheet, "test") == 6  # at least, so that something can be said of them
    assert config.simulate.frames >= 2


@pytest.mark.parametrize("scale", ["0", "1.5", "nan"])
def test_a_scale_that_is_none_is_refused(scale: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stemjax.simulate.scaled", PAPER, scale, tmp_path / "x"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr == f"SCALE must be above 0 and at most 1 (is {scale})\n"
    assert not (tmp_path / "x").exists()


def test_only_a_whole_experiment_is_scaled(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"demo.yaml: to be scaled it needs acquisitions, models"):
        write_scaled(ROOT / "configs" / "demo.yaml", 0.1, tmp_path)
