"""A finished model's folder, checked and taken over."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from stemjax.config import parse_config
from stemjax.errors import UserError
from stemjax.model.stored import check_models, read_model, take_over
from stemjax.provenance import read_json, write_json
from tests.handmade import Handmade, settings

SCALE = {"rapid_offset": 1.0, "rapid_scale": 2.0, "target_offset": 3.0, "target_scale": 4.0}
NETWORK = {"features": 2, "depth": 1}  # of handmade models


@pytest.fixture
def lent(tmp_path: Path) -> Path:
    """Give the folder of a finished model."""
    return Handmade(tmp_path).model("lent", settings(), SCALE, steps=7).parent


def test_a_model_is_taken_over_bit_for_bit(lent: Path, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    record = take_over("mine", lent, folder)
    assert record == {**read_json(lent / "model.json"), "loaded": str(lent)}
    (copy,) = folder.iterdir()  # the record is written by the job, last
    assert copy.read_bytes() == (lent / "parameters.safetensors").read_bytes()


@pytest.mark.parametrize("fault", ["cut off", "of another training", "scale"])
def test_parameters_that_the_record_does_not_vouch_for_are_no_model(
    lent: Path, tmp_path: Path, fault: str
) -> None:
    folder, parameters = tmp_path / "here", lent / "parameters.safetensors"
    content = parameters.read_bytes()
    if fault == "scale":
        record = read_json(lent / "model.json")
        write_json(lent / "model.json", {**record, "scale": {**SCALE, "target_scale": 5.0}})
    elif fault == "cut off":
        parameters.write_bytes(content[: len(content) // 2])
    else:
        parameters.write_bytes(content[:-4] + b"\x00\x00\x80\x3f")
    with pytest.raises(UserError, match=r"^models\.mine\.load: .*is not what model\.json"):
        take_over("mine", lent, folder)
    assert list(folder.iterdir()) == []


def test_the_models_that_are_not_there_are_told_in_one_line(lent: Path, tmp_path: Path) -> None:
    def fault(**changes: Any) -> str:
        record = read_json(kept)
        write_json(lent / "model.json", {**record, **changes})
        with pytest.raises(UserError) as refusal:
            read_model(lent, "key")
        assert "\n" not in str(refusal.value)
        return str(refusal.value)

    kept = tmp_path / "kept.json"
    shutil.copy(lent / "model.json", kept)
    newer = {**read_json(kept)["config"], "attention": True}
    assert "another version of stemjax, of which 'attention' means nothing" in fault(config=newer)
    assert "was refused: too small" in fault(status="refused", reason="too small")
    (lent / "model.json").write_text("[]")
    with pytest.raises(UserError, match=r"model\.json is no record of a model$"):
        read_model(lent, "key")
    (lent / "model.json").unlink()
    with pytest.raises(UserError, match=r"^key: '.*lent' holds no .*lacks model\.json$"):
        read_model(lent, "key")


def test_a_folder_cannot_be_loaded_into_itself(lent: Path) -> None:
    config = parse_config({"models": {"lent": {"load": str(lent)}}})
    with pytest.raises(UserError, match=r"^models\.lent\.load: .*where this model itself belongs"):
        check_models(config, lent.parent)
    check_models(parse_config({"models": {"mine": {"load": str(lent)}}}), lent.parent)


def test_a_warm_start_needs_the_network_of_the_loaded_model(lent: Path) -> None:
    models = {"lent": {"load": str(lent)}, "mine": {"warm_start": "lent", **NETWORK}}
    check_models(parse_config({"models": models}), "elsewhere")
    models["mine"]["features"] = 3
    with pytest.raises(UserError, match=r"^models\.mine\.warm_start: 'lent' has other unet"):
        check_models(parse_config({"models": models}), "elsewhere")
