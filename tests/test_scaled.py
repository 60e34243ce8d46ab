"""The paper's experiment at any scale: what is kept, and how long models learn."""

import shutil
from math import ceil
from pathlib import Path

import pytest
import yaml

from stemjax.config import Config, parse_config
from stemjax.scaled import main, write_scaled
from stemjax.sheet import Acquisition, read_sheet

ROOT = Path(__file__).parents[1]
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
    learned_from = [config.model(name).frames for name in config.models]
    assert min(frames for frames in learned_from if frames) >= 2  # one of them is held back


@pytest.mark.parametrize("scale", ["0", "1.5", "nan", "10%", "0,1", ""])
def test_a_scale_that_is_none_is_refused(
    scale: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(PAPER), scale, str(tmp_path / "x")])
    assert stopped.value.code == 2
    said = f"SCALE must be above 0 and at most 1 (is '{scale}')"
    assert capsys.readouterr().err.splitlines()[-1].endswith(said)
    assert not (tmp_path / "x").exists()


def test_what_cannot_be_scaled_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    for content, said in (
        (None, "config.yaml: cannot read the config: No such file or directory"),
        ("unet: 3", "config.yaml: unet: "),
        ("models: [", "config.yaml: no YAML: while parsing a flow node"),
        ("- paper", "config.yaml: a config is made of keys and their values"),
        ((ROOT / "configs/demo.yaml").read_text(), "it needs acquisitions, models and simulate"),
        (PAPER.read_text().replace("simulate:", "simulate:\nx:"), "config.yaml: x: unknown key"),
        (PAPER.read_text(), "paper.tsv: cannot read the sheet of acquisitions: No such file"),
    ):
        if content is not None:
            config.write_text(content)
        assert main([str(config), "0.1", str(tmp_path / "x")]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        assert said in line
    assert not (tmp_path / "x").exists()


def test_frames_smaller_than_a_patch_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(PAPER.with_name("paper.tsv"), tmp_path)
    config = tmp_path / "small.yaml"
    config.write_text(PAPER.read_text().replace("size: 512", "size: 64"))
    content = yaml.safe_load(config.read_text())
    content["train"]["patch"] = 128
    content["models"]["dlf-slow"]["frames"] = None  # all
    config.write_text(yaml.safe_dump(content, sort_keys=False))
    assert main([str(config), "0.1", str(tmp_path / "x")]) == 1
    said = "models.dlf-slow: frames are smaller than a patch; lower train.patch"
    assert capsys.readouterr().err.strip() == f"error: {said}"


def test_a_sheet_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "sheets").mkdir()
    shutil.copy(PAPER.with_name("paper.tsv"), tmp_path / "sheets")
    config = tmp_path / "config.yaml"
    config.write_text(
        PAPER.read_text().replace("acquisitions: paper", "acquisitions: sheets/paper")
    )
    assert main([str(config), "0.1", str(tmp_path / "x")]) == 0
    content = yaml.safe_load((tmp_path / "x/config.yaml").read_text())
    assert content["acquisitions"] == "paper.tsv"
    assert len(read_sheet(tmp_path / "x/paper.tsv")) == 18


def test_numbers_of_frames_that_the_config_leaves_to_the_defaults_are_scaled_too(
    tmp_path: Path,
) -> None:
    shutil.copy(PAPER.with_name("paper.tsv"), tmp_path)
    content = yaml.safe_load(PAPER.read_text())
    del content["simulate"]["frames"], content["simulate"]["series_frames"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    assert main([str(tmp_path / "config.yaml"), "0.5", str(tmp_path / "half")]) == 0
    simulate = parse_config(yaml.safe_load((tmp_path / "half/config.yaml").read_text())).simulate
    assert simulate is not None
    assert (simulate.frames, simulate.series_frames) == (10 / 2, 100 / 2)
