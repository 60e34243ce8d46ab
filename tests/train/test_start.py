"""What a training starts from: another model, or its own last parameters."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from stemjax.config import Train
from stemjax.errors import Refused
from stemjax.provenance import read_json, write_json
from stemjax.records import write_record
from stemjax.train import loop
from stemjax.train.loop import train
from tests.handmade import Handmade, settings

from .conftest import START_LOSS

STANDING = 1e-12  # learning rate at which nothing is learned


def chosen(**train_keys: Any) -> Any:
    """Give settings; by default of a training that changes nothing."""
    return settings(16, **{"epochs": 1, "batch_size": 16, "learning_rate": STANDING, **train_keys})


def new_data(dataset: Path, folder: Path, digest: str) -> Path:
    """Describe the same pairs under another digest, as if a row had been added."""
    write_json(folder / f"{digest}.json", {**read_json(dataset), "digest": digest})
    return folder / f"{digest}.json"


def parameters(folder: Path) -> bytes:
    """Read the file of parameters."""
    return (folder / "parameters.safetensors").read_bytes()


@pytest.fixture(scope="module")
def learned(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model that has learned something; gives its folder."""
    folder = tmp_path_factory.mktemp("models") / "first"
    model = chosen(epochs=4, learning_rate=0.01)
    write_record(folder / "model.json", train, model, dataset, folder, "code")
    return folder


def test_a_warm_start_begins_where_the_other_ended(
    learned: Path, dataset: Path, tmp_path: Path
) -> None:
    other = read_json(learned / "model.json")
    record = train(chosen(), dataset, tmp_path, "code", str(learned / "model.json"))
    assert other["validation_loss"] < START_LOSS / 4
    assert record["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-5)
    assert record["start"] == {"model": "first", "digest": other["digest"], "seen": []}
    fresh = train(chosen(), dataset, tmp_path / "fresh", "code")
    assert fresh["validation_loss"] == pytest.approx(START_LOSS, rel=1e-3)
    assert fresh["start"] is None


def test_checkpoints_belong_to_what_was_started_from(
    learned: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other model was trained again: what went on from its old parameters is no result."""
    other = tmp_path / "other"
    shutil.copytree(learned, other)
    train(chosen(), dataset, tmp_path / "m", "code", str(other / "model.json"))
    write_json(other / "model.json", {**read_json(other / "model.json"), "digest": "another"})
    capsys.readouterr()
    train(chosen(), dataset, tmp_path / "m", "code", str(other / "model.json"))
    assert "checkpoints of another training set aside" in capsys.readouterr().err


def test_a_warm_start_tells_which_held_back_fields_had_been_learned_from(
    dataset: Path, tmp_path: Path
) -> None:
    swapped = read_json(dataset)
    for entry in swapped["pairs"]:
        entry["split"] = "train" if entry["split"] == "validation" else "validation"
    write_json(tmp_path / "swapped.json", swapped)
    first, second = tmp_path / "first/model.json", tmp_path / "second/model.json"
    write_record(first, train, chosen(), tmp_path / "swapped.json", first.parent, "code")
    write_record(second, train, chosen(), dataset, second.parent, "code", str(first))
    assert read_json(second)["start"]["seen"] == ["b"]
    third = train(chosen(), dataset, tmp_path / "third", "code", str(second))
    assert third["start"]["seen"] == ["b"], "by way of the second model"


def test_another_model_that_was_refused_refuses_this_one(dataset: Path, tmp_path: Path) -> None:
    refused = Handmade(tmp_path).refused("models/first/model.json", "nothing to learn from")
    with pytest.raises(Refused, match=r"^nothing to learn from$"):
        train(chosen(), dataset, tmp_path / "m", "code", str(refused))


@pytest.mark.parametrize(("policy", "kept"), [("fine-tune", True), ("retrain", False)])
def test_on_new_data_a_model_is_fine_tuned_from_its_own_last_parameters(
    learned: Path, dataset: Path, tmp_path: Path, policy: str, kept: bool
) -> None:
    folder = tmp_path / "first"
    shutil.copytree(learned, folder)
    (folder / "model.json").unlink()  # as Snakemake does before the job
    loss = read_json(learned / "model.json")["validation_loss"]
    model = chosen(on_new_data=policy)
    record = train(model, new_data(dataset, tmp_path, "e"), folder, "code")
    assert record["validation_loss"] == pytest.approx(loss if kept else START_LOSS, rel=1e-3)
    assert bool(record["start"]) == kept
    assert record["config"]["train"]["on_new_data"] == policy


def test_a_fine_tuning_done_again_or_interrupted_starts_as_it_did(
    learned: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, model = (
        tmp_path / "first",
        chosen(epochs=2, learning_rate=0.01, on_new_data="fine-tune"),
    )
    shutil.copytree(learned, folder)
    more = new_data(dataset, tmp_path, "e")
    record = train(model, more, folder, "code")
    fine_tuned = parameters(folder)
    assert fine_tuned != parameters(learned)
    shutil.rmtree(folder / "checkpoints")
    assert train(model, more, folder, "code") == record
    assert parameters(folder) == fine_tuned

    # Killed after the parameters were written, before anything says what they are of.
    even_more = new_data(dataset, tmp_path, "f")
    with monkeypatch.context() as patched:
        patched.setattr(loop, "keep_last", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(model, even_more, folder, "code")
    assert parameters(folder) != fine_tuned
    assert (folder / "start.safetensors").read_bytes() == fine_tuned
    again = train(model, even_more, folder, "code")
    assert (folder / "start.safetensors").read_bytes() == fine_tuned
    assert again["start"]["model"] == "first"


def test_another_network_cannot_start_from_the_last_parameters(
    learned: Path, dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "first"
    shutil.copytree(learned, folder)
    model = chosen(on_new_data="fine-tune")
    wider = model.model_copy(update={"unet": model.unet.model_copy(update={"features": 3})})
    record = train(wider, new_data(dataset, tmp_path, "e"), folder, "code")
    assert record["start"] is None


def test_parameters_that_came_from_elsewhere_are_not_fine_tuned(
    learned: Path, dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "first"
    shutil.copytree(learned, folder)
    (folder / "parameters.safetensors").write_bytes(b"of a model that was loaded")
    fine_tuned = chosen(on_new_data="fine-tune")
    assert train(fine_tuned, new_data(dataset, tmp_path, "e"), folder, "code")["start"] is None


def test_the_policy_alone_leaves_checkpoints_their_training(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(chosen(), dataset, tmp_path, "code")
    capsys.readouterr()
    train(chosen(on_new_data="retrain"), dataset, tmp_path, "code")
    assert "training goes on from step" in capsys.readouterr().err
    assert Train().on_new_data == "keep"
