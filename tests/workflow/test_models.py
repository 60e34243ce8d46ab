"""Models that do not start from nothing: loaded, warm-started, fine-tuned."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import stemjax

from .conftest import ROOT, ROWS, Experiment


def record(experiment: Experiment, model: str) -> dict[str, Any]:
    """Read the record of a model."""
    return json.loads(experiment.text(f"results/models/{model}/model.json"))


def said(experiment: Experiment) -> str:
    """Try to plan a run that has a mistake in it; gives what is said."""
    failed = experiment.snakemake("--dry-run")
    assert failed.returncode != 0
    assert "Traceback" not in failed.stdout + failed.stderr
    return failed.stdout + failed.stderr


@pytest.fixture
def series_alone(finished: Experiment, tmp_path: Path) -> Experiment:
    """Lay out a series without slow scan or train row, and beside it a model and a map."""
    own = Experiment(tmp_path / "series alone")
    own.folder.mkdir()
    shutil.copy(finished.folder / "raw/simulated/heating-1_rapid.emd", own.folder)
    row = "b\ttuesday\tseries\theating-1_rapid.emd\t"
    (own.folder / "acquisitions.tsv").write_text(
        f"acquisition\tsession\trole\trapid\tslow\n{row}\n"
    )
    shutil.copytree(finished.folder / "results/models/dlf-slow", tmp_path / "lent")
    map_ = finished.folder / "results/distortion/day-1.json"
    own.write_config(
        simulate=None,
        models={"mine": {"load": "../lent"}},
        distortion={"borrow": {"tuesday": str(map_)}},
    )
    return own


def test_a_series_alone_is_restored_with_a_loaded_model_and_a_borrowed_map(
    finished: Experiment, series_alone: Experiment, tmp_path: Path
) -> None:
    series_alone.run()
    results = series_alone.folder / "results"
    there = zarr.open_group(finished.folder / "results/restored/dlf-slow/heating-1.zarr", mode="r")
    here = zarr.open_group(results / "restored/mine/b.zarr", mode="r")
    np.testing.assert_array_equal(here["0"][...], there["0"][...])
    original = record(finished, "dlf-slow")
    assert record(series_alone, "mine") == {**original, "loaded": "../lent"}
    assert not (results / "dataset").exists()
    page = series_alone.text("results/report/index.html")
    assert "mine, loaded from ../lent" in page
    assert "Refused" not in page
    assert series_alone.planned() == set()

    # The same outside of the workflow, from the copy.
    frames = zarr.open_group(results / "converted/b.zarr", mode="r")["rapid"][:7]
    restore = stemjax.load(results / "models/mine")
    restored = restore(frames, distortion=results / "distortion/tuesday.json")
    np.testing.assert_array_equal(restored, there["0"][:7])

    lent = tmp_path / "lent/model.json"
    lent.write_text(json.dumps({**original, "digest": "of other parameters"}))
    assert {"load_model mine", "restore_acquisition mine b"} <= series_alone.planned()
    assert series_alone.snakemake().returncode != 0
    last = series_alone.text("logs/load_model/mine.log").splitlines()[-1]
    assert last.startswith("error: models.mine.load: ../lent/parameters.safetensors is not what")


def readme(first: str) -> str:
    """Take a block out of the README by its first line."""
    blocks = re.findall(r"(?:^    .*\n)+", (ROOT / "README.md").read_text(), re.MULTILINE)
    (block,) = [block for block in blocks if block.startswith(f"    {first}\n")]
    return textwrap.dedent(block)


def test_the_readme_lends_model_and_map(
    finished: Experiment, series_alone: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    steel = series_alone.folder.parent / "steel/results"
    for stage in ("models", "distortion"):
        shutil.copytree(finished.folder / "results" / stage, steel / stage)
    shutil.copy(steel / "distortion/day-1.json", steel / "distortion/monday.json")
    config = f"acquisitions: acquisitions.tsv\n{readme('models:')}"
    (series_alone.folder / "config.yaml").write_text(config)
    assert {"load_model dlf-slow", "fit_distortion tuesday"} <= series_alone.planned()

    monkeypatch.chdir(steel.parent)
    frames = zarr.open_group(finished.folder / "results/converted/heating-1.zarr", mode="r")
    names = {"frames": frames["rapid"][:2]}
    exec(readme("import stemjax"), names)
    there = zarr.open_group(finished.folder / "results/restored/dlf-slow/heating-1.zarr", mode="r")
    np.testing.assert_array_equal(names["restored"], there["0"][:2])


def test_the_readme_restores_one_file(
    finished: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a user's shell would: with the thread count of the test, to one grey level."""
    shutil.copytree(finished.folder / "results/models", tmp_path / "results/models")
    (tmp_path / "results/distortion").mkdir()
    there = finished.folder / "results/distortion/day-1.json"
    shutil.copy(there, tmp_path / "results/distortion/monday.json")
    shutil.copy(finished.folder / "raw/simulated/heating-1_rapid.emd", tmp_path / "heating.emd")
    (line,) = re.findall(r"^    (stemjax restore .*)$", (ROOT / "README.md").read_text(), re.M)
    command = [sys.executable, "-m", "stemjax.cli", *line.split()[1:]]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    restored = zarr.open_group(tmp_path / "heating.zarr", mode="r")["0"][...].astype(int)
    expected = zarr.open_group(finished.folder / "results/restored/dlf-slow/heating-1.zarr")["0"]
    assert np.abs(restored - expected[...]).max() <= 1


def test_a_model_that_cannot_be_loaded_is_told_before_any_job(
    series_alone: Experiment, tmp_path: Path
) -> None:
    (tmp_path / "lent/parameters.safetensors").unlink()
    lacking = "models.mine.load: '../lent' holds no finished model, it lacks parameters.safetensors"
    assert lacking in said(series_alone)
    series_alone.write_config(simulate=None, models={"mine": {"load": "results/models/mine"}})
    itself = "models.mine.load: 'results/models/mine' is where this model itself belongs"
    assert itself in said(series_alone)
    series_alone.write_config(simulate=None, models={"mine": {"load": "../lent", "epochs": 3}})
    assert "models.mine.epochs: a model with 'load' takes all else from" in said(series_alone)


def test_a_warm_start_waits_for_the_model_and_follows_it(experiment: Experiment) -> None:
    warm = {"warm_start": "dlf-slow", "epochs": 1}
    experiment.write_config(models={"dlf-slow": {"target": "slow"}, "warm": warm})
    assert "train_unet dlf-slow" not in experiment.planned()
    experiment.run("results/models/warm/model.json")
    start = record(experiment, "warm")["start"]
    assert start["model"] == "dlf-slow"
    assert start["digest"] == record(experiment, "dlf-slow")["digest"]
    longer = {"target": "slow", "epochs": 3}
    experiment.write_config(models={"dlf-slow": longer, "warm": warm})
    wanted = experiment.planned("results/models/warm/model.json")
    assert wanted == {"train_unet dlf-slow", "train_unet warm"}


def test_a_new_train_row_fine_tunes_the_model_where_the_policy_says_so(
    experiment: Experiment,
) -> None:
    train = {"epochs": 2, "batch_size": 4, "patch": 32, "on_new_data": "fine-tune"}
    experiment.write_config(train=train)
    assert experiment.planned() == set()
    before = record(experiment, "dlf-slow")
    experiment.write_sheet({**ROWS, "new": "train"})
    experiment.run("results/models/dlf-slow/model.json")
    after = record(experiment, "dlf-slow")
    assert {entry["acquisition"] for entry in after["pairs"]} == {"train-1", "train-2", "new"}
    assert after["start"]["model"] == "dlf-slow"
    kept = experiment.folder / "results/models/dlf-slow/start.safetensors"
    lost = experiment.folder / "results/models/dlf-slow/parameters.safetensors"
    assert kept.read_bytes() != lost.read_bytes()
    assert after["digest"] != before["digest"]
