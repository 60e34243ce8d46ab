"""Settings: defaults, overrides, one-line faults, and the files generated from them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from stemjax.config import Config, Simulate, UNet, parse_config
from stemjax.config_files import config_schema, config_yaml
from stemjax.errors import UserError

ROOT = Path(__file__).parents[1]

FAULTS = [
    ({"epochs": 5}, "epochs: unknown key, see config.yaml for those there are"),
    ({"modles": {}}, "modles: unknown key, did you mean 'models'?"),
    ({"train": {"epoch": 3}}, "train.epoch: unknown key, did you mean 'epochs'?"),
    ({"simulate": {"siz": 64}}, "simulate.siz: unknown key, did you mean 'size'?"),
    ({"models": {"a": {"feature": 8}}}, "models.a.feature: unknown key, did you mean 'features'?"),
    ({"models": {"a": {"unet": {}}}}, "models.a.unet: unknown key, see config.yaml for"),
    ({"train": {"batch_size": 0}}, "train.batch_size: Input should be greater than or equal to 1"),
    ({"train": {"patch": 64.5}}, "train.patch: Input should be a valid integer"),
    ({"train": {"learning_rate": float("nan")}}, "train.learning_rate: Input should be"),
    ({"train": {"learning_rate": float("inf")}}, "train.learning_rate: Input should be"),
    ({"train": {"learning_rate": "fast\nly"}}, "train.learning_rate: Input should be a valid"),
    ({"train": {"validation": 1}}, "train.validation: Input should be less than 1 (is 1)"),
    ({"train": None}, "train: Input should be a valid dictionary"),
    ({"distortion": {"method": "magic"}}, "distortion.method: Input should be"),
    ({"models": {"a": {"target": "fast"}}}, "models.a.target: Input should be 'slow', 'dcfi' or"),
    ({"models": {"a": {"epochs": -3}}}, "models.a.epochs: Input should be greater than"),
    ({"models": {"a": {"depth": 7}}}, "models.a.depth: Input should be less than or equal to 6"),
    ({"models": {"a": {"acquisitions": "*"}}}, "models.a.acquisitions: Input should be"),
    ({"models": {"a/b": {}}}, "models: Value error, 'a/b' is not a name of letters"),
    ({"models": {"a..b": {}}}, "models: Value error, 'a..b' is not a name of letters"),
    ({"models": {"a\n": {}}}, r"models: Value error, 'a\n' is not a name of letters"),
]


@pytest.mark.parametrize(("content", "message"), FAULTS)
def test_a_fault_names_its_key_in_one_line(content: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as fault:
        parse_config(content, "mine.yaml")
    assert str(fault.value).startswith(f"mine.yaml: {message}")
    assert "\n" not in str(fault.value)


def test_more_faults_are_counted() -> None:
    with pytest.raises(UserError, match=r"^config.yaml: one: unknown key.* \(and 2 more\)$"):
        parse_config({"one": 1, "two": 2, "three": 3})


def test_an_empty_config_is_the_default() -> None:
    assert parse_config({}) == Config()
    assert list(Config().models) == ["dlf-slow", "dlf-dcfi"]
    assert Config().simulate is None


def test_the_users_models_replace_the_default() -> None:
    assert list(parse_config({"models": {"mine": {}}}).models) == ["mine"]


def test_a_model_takes_the_sections_and_overrides_single_keys() -> None:
    config = parse_config(
        {
            "unet": {"features": 8},
            "train": {"epochs": 7, "seed": 3},
            "models": {
                "plain": {},
                "other": {"target": "dcfi", "acquisitions": ["a*"], "depth": 2, "epochs": 1},
                "uncorrected": {"correct": False},
            },
        }
    )
    plain, other = config.model("plain"), config.model("other")
    assert (plain.target, plain.acquisitions, plain.frames) == ("slow", ("*",), None)
    assert (plain.unet, plain.train) == (config.unet, config.train)
    assert (plain.correct, config.model("uncorrected").correct) == (True, False)
    assert (other.target, other.acquisitions) == ("dcfi", ("a*",))
    assert (other.unet.features, other.unet.depth) == (8, 2)
    assert (other.train.epochs, other.train.seed) == (1, 3)


@pytest.mark.parametrize(
    ("file", "generated"),
    [("config.yaml", config_yaml), ("schemas/config.schema.json", config_schema)],
)
def test_committed_files_are_those_generated(file: str, generated: Any) -> None:
    assert (ROOT / file).read_text() == generated(), "run `make config`"


def test_config_yaml_holds_every_default_with_a_comment() -> None:
    assert parse_config(yaml.safe_load(config_yaml())) == Config(simulate=Simulate())
    assert "# None" not in config_yaml()


@pytest.mark.parametrize("path", [ROOT / "config.yaml", *sorted(ROOT.glob("configs/*.yaml"))])
def test_configs_are_valid_to_us_and_to_editors(path: Path) -> None:
    content = yaml.safe_load(path.read_text())
    parse_config(content, path)
    jsonschema.validate(content, json.loads(config_schema()))


def test_the_papers_filters_are_those_of_the_paper() -> None:
    path = ROOT / "configs" / "paper.yaml"
    config = parse_config(yaml.safe_load(path.read_text()), path)
    models = {name: config.model(name) for name in config.models}
    frames = {name: model.frames for name, model in models.items()}
    many = dict.fromkeys(("dlf-slow", "dlf-dcfi", "dlf-uncorrected", "dlf-temporal", "dlf-robust"))
    single = {"dlf-100": 100, "dlf-500": 500, "dlf-1000": 1000, "dlf-2500": 2500}
    assert frames == many | single
    assert models["dlf-dcfi"].target == "dcfi"
    assert [name for name, model in models.items() if not model.correct] == ["dlf-uncorrected"]
    assert models["dlf-100"].train.learning_rate == 1e-5
    assert {name: m.unet.context for name, m in models.items() if m.unet.context > 1} == {
        "dlf-temporal": 5  # ours
    }
    for name, model in models.items():
        assert (name in single) == (model.acquisitions == ("single",))
        train = model.train
        assert (train.epochs, train.schedule, train.scale, train.split) == (
            100,
            "constant",
            "robust" if name == "dlf-robust" else "minmax",  # ours
            "frames",
        )
    assert models["dlf-slow"].train.learning_rate == 1e-3


def test_editors_see_unknown_keys_and_bad_numbers_too() -> None:
    schema = json.loads(config_schema())
    for content in ({"epochs": 5}, {"models": {"a": {"epochs": 0}}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(content, schema)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"train": {"patch": 100}}, "patch 100 is no multiple of 8"),
        ({"models": {}}, "there must be at least one"),
        ({"models": {"rapid": {}}}, "'rapid' is the name of another method"),
        ({"models": {"a": {"acquisitions": []}}}, "models.a.acquisitions"),
    ],
)
def test_what_would_fail_later_is_refused_now(content: dict, message: str) -> None:
    with pytest.raises(UserError) as refusal:
        parse_config(content)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_models_are_trained_or_loaded() -> None:
    config = parse_config({"models": {"a": {}, "b": {"load": "other/b"}, "c": {"load": None}}})
    assert config.trained == ["a", "c"]
    assert config.loaded == {"b": "other/b"}


def test_null_is_what_is_said_for_all_models() -> None:
    models = {"a": {"context": None, "features": None}}
    config = parse_config({"models": models, "unet": {"context": 3}})
    assert config.model("a").unet == UNet(context=3)


def test_what_a_model_restores_is_no_setting_of_its_network() -> None:
    models = {"a": {"load": "x", "restore": "test"}, "b": {"restore": "test"}, "c": {}}
    config = parse_config({"models": models})
    assert [entry.restore for entry in config.models.values()] == ["test", "test", "all"]
    assert config.model("b") == config.model("c")


def test_a_simulated_acquisition_takes_the_last_entry_that_fits_it() -> None:
    entries = {"heat-*": {"specimen": "aluminium", "frames": 7}, "heat-2": {"frames": 3}}
    simulate = parse_config({"simulate": {"size": 128, "acquisitions": entries}}).simulate
    assert simulate is not None
    one, two, other = (simulate.of(name) for name in ("heat-1", "heat-2", "test-1"))
    assert (one.specimen, one.frames, one.size) == ("aluminium", 7, 128)
    assert (two.specimen, two.frames, two.size) == ("aluminium", 3, 128)
    assert other == Simulate(size=128)
    with pytest.raises(UserError, match=r"simulate.acquisitions.a.size: unknown key"):
        parse_config({"simulate": {"acquisitions": {"a": {"size": 64}}}})  # one map, one size


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"a": {"restore": "series"}}, "models.a.restore: Input should be 'all' or 'test'"),
        ({"a": {"context": 4}}, "models.a.context: Value error, must be odd: a frame, and as many"),
        ({"a": {"context": 0}}, "models.a.context: Input should be greater than or equal to 1"),
        ({"a": {"load": "x", "target": "slow"}}, "models.a.target: a model with 'load' takes all"),
        ({"a": {"load": "x", "warm_start": "a"}}, "models.a.warm_start: a model with 'load'"),
        ({"a": {"warm_start": "b"}}, "models.a.warm_start: there is no model 'b'"),
        ({"a": {"warm_start": "a"}}, "models.a.warm_start: 'a' itself starts from 'a'"),
        (
            {"a": {"warm_start": "b"}, "b": {"warm_start": "a"}},
            "models.b.warm_start: 'a' itself starts from 'b'",
        ),
        (
            {"a": {"warm_start": "b", "features": 8}, "b": {}},
            "models.a.warm_start: 'b' has other unet settings",
        ),
    ],
)
def test_models_that_do_not_go_together_are_refused(models: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refusal:
        parse_config({"models": models}, "mine.yaml")
    assert str(refusal.value).startswith(f"mine.yaml: {message}")
    assert "\n" not in str(refusal.value)
    assert "{" not in str(refusal.value)


def test_a_model_may_start_from_one_that_is_loaded_or_starts_from_another() -> None:
    models = {"a": {"load": "x"}, "b": {"warm_start": "a"}, "c": {"warm_start": "b"}}
    config = parse_config({"models": models})
    assert config.model("c").warm_start == "b"
