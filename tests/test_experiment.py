"""Config and sheet read together."""

from pathlib import Path
from typing import Any

import pytest

from stemjax import experiment
from stemjax.errors import UserError
from stemjax.experiment import read_experiment

SHEET = """acquisition\tsession\trole\trapid\tslow
a1\tmon\ttrain\ta1.emd\ta1s.emd
a2\tmon\ttrain\ta2.emd\t
b1\ttue\tseries\tb1.emd\t
"""


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    """Lay out an experiment; gives its config."""
    (tmp_path / "sheet.tsv").write_text(SHEET)
    for name in ("a1", "a1s", "a2", "b1"):
        (tmp_path / f"{name}.emd").touch()
    return {"acquisitions": str(tmp_path / "sheet.tsv"), "models": {"net": {}}}


def test_models_learn_from_train_rows(content: dict[str, Any]) -> None:
    content["models"] = {"all": {}, "one": {"acquisitions": ["a2"]}}
    read = read_experiment(content, "results/models")
    assert list(read.sheet) == ["a1", "a2", "b1"]
    assert read.model_rows == {"all": ["a1", "a2"], "one": ["a2"]}
    assert read.made == set()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"distortion": {"acquisition": "a3"}}, "distortion.acquisition: the sheet has no acq"),
        ({"distortion": {"borrow": {"wed": "mon"}}}, "borrow.wed: the sheet has no session 'wed'"),
        ({"simulate": {"specimen": "no.png"}}, "simulate.specimen: no picture 'no.png' exists"),
        (
            {"simulate": {"acquisitions": {"b*": {"specimen": "no.png"}}}},
            "simulate.specimen: no picture 'no.png' exists",
        ),
        (
            {"simulate": {"acquisitions": {"a3": {}}}},
            "simulate.acquisitions: 'a3' fits no acquisition of the sheet",
        ),
        *(
            (
                {"simulate": {"acquisitions": {"a*": {key: value}}}},
                f"simulate.acquisitions: 'a*' fits no series, of which alone {key} tells",
            )
            for key, value in (("series_frames", 50), ("temperatures_c", [20, 90]))
        ),
        (
            {"simulate": {"acquisitions": {"b*": {"frames": 50}}}},
            "simulate.acquisitions: 'b*' fits series alone, whose number is series_frames",
        ),
        ({"models": {"net": {"acquisitions": ["z*"]}}}, "models.net.acquisitions: no train row"),
        ({"models": {"net": {"load": "nowhere"}}}, "models.net.load: 'nowhere' holds no finished"),
        ({"unet": {"width": 3}}, "unet.width: unknown key"),
    ],
)
def test_a_mistake_is_told_by_its_key(
    content: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as error:
        read_experiment({**content, **change}, "results/models")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a2.emd").unlink()
    with pytest.raises(UserError, match=r"'a2': rapid file '.*a2.emd' does not exist"):
        read_experiment(content, "results/models")


@pytest.mark.parametrize("name", ["bm3d", "bm3d-spectrum"])
def test_a_filter_whose_package_is_missing_is_told(
    content: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    chosen = {**content, "evaluate": {"baselines": ["gaussian", name]}}
    monkeypatch.setattr(experiment, "find_spec", lambda package: None)
    with pytest.raises(UserError, match=rf"baselines: '{name}' needs .* pip install") as error:
        read_experiment(chosen, "results/models")
    assert "\n" not in str(error.value)
    read_experiment(content, "results/models")  # the filters that are chosen by default
    monkeypatch.setattr(experiment, "find_spec", lambda package: object())
    read_experiment(chosen, "results/models")
