"""What runs again when settings, policies or code change: the other rows of docs/incremental.md."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from .conftest import (
    CONFIG,
    FROM_THE_MAP,
    MAP,
    REPORT,
    ROOT,
    ROWS,
    Experiment,
    Redone,
    chain,
    of_model,
    record,
    redo,
)

MODEL = "results/models/dlf-slow/model.json"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Copy the code, to change it."""
    for name in ("envs", "report", "rules", "scripts", "stemjax"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / "code" / name, ignore=ignored)
    shutil.copytree(ROOT / "profiles/default", tmp_path / "code/profiles/default")
    shutil.copy2(ROOT / "Snakefile", tmp_path / "code")
    return tmp_path / "code"


def test_the_config_was_reformatted(experiment: Experiment) -> None:
    config = experiment.folder / "config.yaml"
    content = yaml.safe_load(config.read_text())
    config.write_text("# a comment\n" + json.dumps(dict(reversed(content.items()))))
    assert redo(experiment).jobs == set()


@pytest.fixture(scope="module")
def grown(
    finished: Experiment, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Experiment, Redone]:
    """Add a train field of view under the default policies."""
    folder = tmp_path_factory.mktemp("grown") / "tiny"
    shutil.copytree(finished.folder, folder)
    experiment = Experiment(folder)
    experiment.write_sheet({**ROWS, "new": "train"})
    return experiment, redo(experiment)


def policies(of_map: str, of_model: str) -> dict[str, Any]:
    train = {**CONFIG["train"], "on_new_data": of_model}
    return {"distortion": {"on_new_data": of_map}, "train": train}


def test_a_train_field_of_view_is_new(grown: tuple[Experiment, Redone]) -> None:
    _, done = grown
    assert done.jobs == {"simulate_acquisition new"} | chain("new", role="train")
    assert done.changed == {"converted/new", "dcfi/new"}


def test_a_policy_alone_changes_nothing(experiment: Experiment) -> None:
    experiment.write_config(**policies("refit", "retrain"))
    assert experiment.planned() == set()


@pytest.mark.parametrize("of_model_", ["keep", "fine-tune", "retrain"])
@pytest.mark.parametrize("of_map", ["keep", "refit"])
def test_policies_say_what_a_new_train_field_of_view_changes(
    experiment: Experiment, of_map: str, of_model_: str
) -> None:
    experiment.write_config(**policies(of_map, of_model_))
    experiment.write_sheet({**ROWS, "new": "train"})
    expected = {"simulate_acquisition new"} | chain("new", role="train")
    if of_map == "refit":
        expected |= FROM_THE_MAP
    elif of_model_ != "keep":
        expected |= {"assemble_dataset dlf-slow", "train_unet dlf-slow"} | of_model("dlf-slow")
    assert experiment.planned() == expected


@pytest.mark.parametrize(
    ("of_map", "of_model_", "learned", "start"),
    [
        ("keep", "fine-tune", {"train-1", "train-2", "new"}, "dlf-slow"),
        ("keep", "retrain", {"train-1", "train-2", "new"}, None),
        ("refit", "keep", {"train-1", "train-2"}, None),
    ],
)
def test_map_and_model_follow_their_policies(
    grown: tuple[Experiment, Redone],
    tmp_path: Path,
    of_map: str,
    of_model_: str,
    learned: set[str],
    start: str | None,
) -> None:
    shutil.copytree(grown[0].folder, tmp_path / "tiny")
    experiment = Experiment(tmp_path / "tiny")
    experiment.write_config(**policies(of_map, of_model_))
    refit = {"fit_distortion day-1"} if of_map == "refit" else set()
    done = redo(experiment, MODEL)
    assert done.jobs == {"assemble_dataset dlf-slow", "train_unet dlf-slow", *refit}
    assert len(done.changed) == len(done.jobs)
    model = record(experiment, MODEL)
    assert {entry["acquisition"] for entry in model["pairs"]} == learned
    assert (model["start"] or {}).get("model") == start
    assert ("new" in record(experiment, MAP)["acquisitions"]) == bool(refit)
    experiment.write_config()  # the policies set back
    assert experiment.planned(MODEL) == set()


def test_a_model_was_added_and_then_its_learning_rate_changed(experiment: Experiment) -> None:
    models = {"dlf-slow": {"target": "slow"}, "b": {"target": "slow"}}
    experiment.write_config(models=models)
    new = {"assemble_dataset b", "train_unet b"}
    assert experiment.planned() == new | of_model("b")
    experiment.write_config(train={**CONFIG["train"], "learning_rate": 0.01})
    assert experiment.planned() == {"train_unet dlf-slow"} | of_model("dlf-slow")

    models["b"]["restore"] = "test"
    experiment.write_config(models=models)
    assert redo(experiment).jobs == new | of_model("b", {"test-1": "test"})
    models["b"]["learning_rate"] = 0.01
    experiment.write_config(models=models)
    assert experiment.planned() == {"train_unet b"} | of_model("b", {"test-1": "test"})
    done = redo(experiment, "results/restored/b/test-1.json")
    assert done.changed == {"models/b", "restored/b/test-1"}


def psnr(experiment: Experiment) -> list[float]:
    with open(experiment.folder / "results/evaluation/metrics.csv", newline="") as file:
        return [float(row["value"]) for row in csv.DictReader(file) if row["metric"] == "psnr_slow"]


def test_evaluation_code_changed(experiment: Experiment, code: Path) -> None:
    before = psnr(experiment)
    ours = "return _decibels(data_range(reference),"
    edit(code / "stemjax/evaluate/metrics.py", ours, ours.replace("return", "return 7 +"))
    done = redo(Experiment(experiment.folder, code))
    evaluated = {
        f"evaluate_{kind}"
        for name in ("test-1", "heating-1")
        for kind in (f"baselines {name}", f"restored {name} dlf-slow")
    }
    assert done.jobs == {*evaluated, "collect_metrics", *REPORT}
    np.testing.assert_allclose(psnr(experiment), np.add(before, 7), atol=1e-3)


def test_a_comment_changed(experiment: Experiment, code: Path) -> None:
    for path in [*code.rglob("*.py"), *code.rglob("*.smk"), code / "Snakefile"]:
        path.write_text(f"{path.read_text()}\n# another comment\n")
    assert redo(Experiment(experiment.folder, code)).jobs == set()


def test_distortion_code_changed(experiment: Experiment, code: Path) -> None:
    edit(code / "stemjax/distortion/session.py", '"method": settings.method,', '"method": "ours",')
    changed = Experiment(experiment.folder, code)
    assert changed.planned() == FROM_THE_MAP
    assert changed.planned("--rerun-triggers", "mtime", "input") == set()
    done = redo(changed, MAP)
    assert done.jobs == {"fit_distortion day-1"}
    assert record(experiment, MAP)["method"] == "ours"
