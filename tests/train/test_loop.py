"""Training: reproducible, resumable, and told when it fails."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemjax.errors import Refused, UserError
from stemjax.train import loop
from stemjax.train.loop import VALIDATION_BATCHES, train
from tests.handmade import Handmade, settings

from .conftest import START_LOSS, STEPS

EPOCHS = 4
MODEL = settings(16, epochs=EPOCHS, batch_size=16, learning_rate=0.01)


@pytest.fixture(scope="module")
def undisturbed(
    dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """Train from start to end; gives the folder and the record."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, train(MODEL, dataset, folder, "code")


def parameters(folder: Path) -> bytes:
    """Read the file of parameters."""
    return (folder / "parameters.safetensors").read_bytes()


def metrics(folder: Path) -> list[dict[str, str]]:
    """Read the table but for the time that an epoch took."""
    with open(folder / "metrics.csv", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def disturb(monkeypatch: pytest.MonkeyPatch, step: int, fault: Callable[[Any], Any]) -> None:
    """Let `fault` have the patches of a step, and checkpoints be written after each epoch."""
    calls, draw = iter(range(-VALIDATION_BATCHES, 1000)), loop.draw_patches

    def draw_disturbed(*args: Any) -> Any:
        patches = draw(*args)
        return fault(patches) if next(calls) == step else patches

    monkeypatch.setattr(loop, "CHECKPOINT_S", -1.0)
    monkeypatch.setattr(loop, "draw_patches", draw_disturbed)


def stop(*_: Any) -> Any:
    """Stand for a person, or a time limit, that ends the job."""
    raise KeyboardInterrupt


def test_training_learns_what_is_to_be_learned(undisturbed: tuple[Path, dict[str, Any]]) -> None:
    folder, record = undisturbed
    rows = metrics(folder)
    assert float(rows[0]["validation_loss"]) < START_LOSS
    assert record["validation_loss"] == float(rows[-1]["validation_loss"]) < START_LOSS / 4
    assert record["train_loss"] == float(rows[-1]["train_loss"]) < START_LOSS / 4


def test_metrics_are_a_row_for_each_epoch(undisturbed: tuple[Path, dict[str, Any]]) -> None:
    folder, record = undisturbed
    lines = (folder / "metrics.csv").read_text().splitlines()
    assert lines[0] == "epoch,step,train_loss,validation_loss,seconds"
    steps = [(int(row["epoch"]), int(row["step"])) for row in metrics(folder)]
    assert steps == [(1, 3), (2, 6), (3, 9), (4, 12)]
    assert record["steps"] == 12
    assert [entry["acquisition"] for entry in record["pairs"]] == ["a", "b"]
    assert record["statistics"] == {"a": {"noise": 1.0}, "b": {"noise": 2.0}}


def test_the_loss_is_that_of_the_patches(dataset: Path, tmp_path: Path) -> None:
    """A network that hardly learns leaves the brightness: 400 of 4,000 levels, squared."""
    slow = settings(16, epochs=1, batch_size=16, learning_rate=1e-12)
    record = train(slow, dataset, tmp_path, "code")
    assert record["train_loss"] == pytest.approx(START_LOSS, rel=1e-3)
    assert record["validation_loss"] == pytest.approx(START_LOSS, rel=1e-3)


def test_the_same_training_gives_the_same_bits(
    undisturbed: tuple[Path, dict[str, Any]], dataset: Path, tmp_path: Path
) -> None:
    folder, record = undisturbed
    assert train(MODEL, dataset, tmp_path, "code") == record
    assert parameters(tmp_path) == parameters(folder)
    assert metrics(tmp_path) == metrics(folder)


def test_an_interrupted_training_goes_on_to_the_same_bits(
    undisturbed: tuple[Path, dict[str, Any]],
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, record = undisturbed
    with monkeypatch.context() as patched:
        disturb(patched, 2 * STEPS + 1, stop)
        with pytest.raises(KeyboardInterrupt):
            train(MODEL, dataset, tmp_path, "code")
    assert not (tmp_path / "metrics.csv").exists()
    assert train(MODEL, dataset, tmp_path, "code") == record
    assert "training goes on from step 6" in capsys.readouterr().err
    assert parameters(tmp_path) == parameters(folder)
    assert metrics(tmp_path) == metrics(folder)

    monkeypatch.setattr(loop, "draw_patches", stop)  # finished: nothing is learned again
    assert train(MODEL, dataset, tmp_path, "code") == record


def test_a_loss_that_is_no_number_is_told_and_the_checkpoint_kept(
    undisturbed: tuple[Path, dict[str, Any]],
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, record = undisturbed
    with monkeypatch.context() as patched:
        disturb(patched, STEPS, lambda patches: (patches[0] * np.float32("nan"), patches[1]))
        with pytest.raises(UserError, match=r"diverged in epoch 2 .*lower train\.learning_rate"):
            train(MODEL, dataset, tmp_path, "code")
    assert not (tmp_path / "parameters.safetensors").exists()
    assert train(MODEL, dataset, tmp_path, "code")["digest"] == record["digest"]
    assert "training goes on from step 3" in capsys.readouterr().err
    assert parameters(tmp_path) == parameters(folder)


def test_parameters_that_grew_without_bound_are_no_model(dataset: Path, tmp_path: Path) -> None:
    """The first step warms up, the second is too long, and no third one has a loss to tell it."""
    record = dataset.read_text().replace('"validation"', '"train"')
    two_steps = record.replace(f'"steps_per_epoch": {STEPS}', '"steps_per_epoch": 2')
    (tmp_path / "m.json").write_text(two_steps)
    wild = settings(16, epochs=1, batch_size=16, learning_rate=1e30)
    with pytest.raises(UserError, match=r"diverged in epoch 1 \(loss 0\.0"):
        train(wild, tmp_path / "m.json", tmp_path, "code")
    assert list((tmp_path / "checkpoints" / "steps").iterdir()) == []
    assert not (tmp_path / "parameters.safetensors").exists()


@pytest.mark.parametrize("other", ["config", "code", "data"])
def test_checkpoints_of_another_training_are_set_aside(
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    other: str,
) -> None:
    checkpoints = tmp_path / "checkpoints"
    first = dataset
    monkeypatch.setattr(loop, "load_pairs", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train(MODEL, dataset, tmp_path, "code")
        assert not list(tmp_path.glob("checkpoints.*"))
        (checkpoints / "mine").touch()
    model = settings(16, epochs=EPOCHS, batch_size=16, seed=1) if other == "config" else MODEL
    if other == "data":
        record = dataset.read_text().replace('"digest": "d"', '"digest": "e"')
        dataset = tmp_path / "other.json"
        dataset.write_text(record)
    capsys.readouterr()
    with pytest.raises(KeyboardInterrupt):
        train(model, dataset, tmp_path, "other" if other == "code" else "code")
    (aside,) = tmp_path.glob("checkpoints.*")
    assert f"checkpoints of another training set aside as {aside.name}" in capsys.readouterr().err
    assert (aside / "mine").exists()
    assert not (checkpoints / "mine").exists()
    with pytest.raises(KeyboardInterrupt):
        train(MODEL, first, tmp_path, "code")
    assert (checkpoints / "mine").exists(), "the first training goes on where it was"
    (other_aside,) = tmp_path.glob("checkpoints.*")
    assert other_aside != aside


def test_nothing_held_back_leaves_the_validation_empty(dataset: Path, tmp_path: Path) -> None:
    record = dataset.read_text().replace('"validation"', '"train"')
    (tmp_path / "m.json").write_text(record)
    short = settings(16, epochs=1, batch_size=16)
    assert train(short, tmp_path / "m.json", tmp_path, "code")["validation_loss"] is None
    assert [row["validation_loss"] for row in metrics(tmp_path)] == [""]


def test_a_refused_data_set_gives_its_reason(tmp_path: Path) -> None:
    refused = Handmade(tmp_path).refused("dataset/m.json", "nothing to learn from")
    with pytest.raises(Refused, match=r"^nothing to learn from$"):
        train(MODEL, refused, tmp_path / "m", "code")
    assert not (tmp_path / "m").exists()
