"""The configuration: its single source, from which schema and config.yaml are generated.

Science only: data belong in the sheet, machines in the profiles. The comment that users read
beside a key is its docstring here.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from stemjax.config_section import Section, optional
from stemjax.config_simulate import Simulate
from stemjax.errors import UserError

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


RESERVED = (
    *("rapid", "dcfi", "gaussian", "nlm", "wiener", "bm3d", "bm3d-spectrum"),
    *("slow", "truth", "baselines"),
)


class Distortion(Section):
    """How the map from rapid-frame columns to the slow grid is fitted."""

    method: Literal["spline", "strips"] = "spline"
    """spline: one smooth map from all fields of view of a session; strips: the paper's, from one"""
    acquisition: str | None = None
    """field of view that the strips are taken from; by default the most informative one"""
    borrow: dict[str, str] = {}
    """maps to take over: session: another session, or a map's file (path/to/map.json)"""
    knots: int = Field(12, ge=0, le=64)
    """spline knots that describe what gain, shift and line-start exponential leave over"""
    on_new_data: Literal["keep", "refit"] = "keep"
    """when train rows are added: keep the map and its fields of view, or refit it to all"""


def _odd(number: int | None) -> int | None:
    if number is not None and number % 2 == 0:
        raise ValueError("must be odd: a frame, and as many before it as after it")
    return number


class UNet(Section):
    """The network."""

    features: int = Field(16, ge=1)
    """channels of the first level; each deeper level has twice as many"""
    depth: int = Field(3, ge=1, le=6)
    """levels below the first; frames are padded to a multiple of 2**depth"""
    context: Annotated[int, AfterValidator(_odd)] = Field(1, ge=1, le=15)
    """rapid frames that one restored frame is made from: itself (the paper), or 3, 5 ... in time"""


class Train(Section):
    """How the network learns."""

    epochs: int = Field(100, ge=1)
    """passes over the selected frames"""
    batch_size: int = Field(32, ge=1)
    """patches per step"""
    patch: int = Field(64, ge=16)
    """height and width of a patch in pixels"""
    learning_rate: float = Field(3.0e-3, gt=0)
    """step size of Adam, at its peak"""
    schedule: Literal["cosine", "constant"] = "cosine"
    """of the learning rate: a warm-up and a cosine to zero, gradients clipped; or plain Adam"""
    validation: float = Field(0.2, ge=0, lt=1)
    """share that is held back for validation"""
    split: Literal["fields", "frames"] = "fields"
    """what is held back: fields of view, or the paper's frames, whose targets were learned from"""
    scale: Literal["robust", "minmax"] = "robust"
    """intensities to the network's range: percentiles of all, or min-max of each (the paper)"""
    seed: int = Field(0, ge=0)
    """seed of parameters, patches and flips"""
    on_new_data: Literal["keep", "fine-tune", "retrain"] = "keep"
    """when train rows are added: keep the model; train its last parameters on all; or start anew"""


class Model(Section):
    """One network to train, with the sections it overrides resolved."""

    target: Literal["slow", "dcfi", "rapid"] = "slow"
    """what the network learns to predict from a rapid frame; rapid: any other frame of its field"""
    correct: bool = True
    """undistort the rapid frames before learning and restoring; if false, only afterwards"""
    acquisitions: tuple[str, ...] = Field(("*",), min_length=1)
    """ids or globs of the train rows to learn from"""
    frames: int | None = Field(None, ge=1)
    """use only the first N frames of each acquisition; all if null"""
    warm_start: str | None = None
    """another model here, of the same network, from whose parameters training starts"""
    unet: UNet = UNet()
    train: Train = Train()


RESTORE = "what to restore with it: all test and series rows, or the test rows alone"
LOAD = "folder of a finished model to use instead of training one; all else comes from there"
OWN = {n: (f.annotation, f) for n, f in Model.model_fields.items() if n not in ("unet", "train")}
ModelEntry = create_model(
    "ModelEntry",
    __base__=Section,
    __doc__="A model by name: its target, and any key of unet or train that differs.",
    load=(str | None, Field(None, description=LOAD)),
    restore=(Literal["all", "test"], Field("all", description=RESTORE)),
    **OWN,
    **optional(UNet),
    **optional(Train),
)


class Evaluate(Section):
    """What the report compares the models with."""

    baselines: tuple[Literal["gaussian", "nlm", "wiener", "bm3d", "bm3d-spectrum"], ...] = (
        "gaussian",
        "nlm",
        "wiener",
    )
    """filters that learn nothing, at their best; also bm3d, bm3d-spectrum (non-commercial use)"""
    frames: int = Field(10, ge=1)
    """frames of an acquisition that are measured, evenly spaced"""
    bm3d_frames: int = Field(2, ge=1)
    """frames of an acquisition that BM3D, which is slow, is measured on"""


class Config(Section):
    """Everything a user may choose."""

    acquisitions: str = "acquisitions.tsv"
    """the sheet: one row per acquisition"""
    on_bad_input: Literal["refuse", "fail"] = "refuse"
    """a raw file that cannot be used: refuse it, tell in the report and go on, or fail at once"""
    distortion: Distortion = Distortion()
    unet: UNet = UNet()
    train: Train = Train()
    models: dict[str, ModelEntry] = {
        "dlf-slow": ModelEntry(target="slow"),
        "dlf-dcfi": ModelEntry(target="dcfi"),
    }
    """networks to train; each may override any key of unet and train. Yours replace these."""
    evaluate: Evaluate = Evaluate()
    simulate: Simulate | None = None

    @model_validator(mode="after")
    def _patches_can_be_halved(self) -> "Config":
        for name in self.trained:
            model = self.model(name)
            multiple = 2**model.unet.depth  # the network halves a patch so often
            if model.train.patch % multiple:
                patch = model.train.patch
                raise ValueError(f"models.{name}: patch {patch} is no multiple of {multiple}")
        return self

    @model_validator(mode="after")
    def _a_loaded_model_has_no_settings(self) -> "Config":
        for name, entry in self.models.items():
            others = sorted(entry.model_fields_set - {"load", "restore"})
            if entry.load is not None and others:
                raise ValueError(
                    f"models.{name}.{others[0]}: a model with 'load' takes all else from its "
                    "folder; leave out one of the two"
                )
        return self

    @model_validator(mode="after")
    def _warm_starts_begin_somewhere(self) -> "Config":
        for name in self.trained:
            chain = [name]
            while (other := self.models[chain[-1]].warm_start) is not None:
                key = f"models.{chain[-1]}.warm_start"
                if other not in self.models:
                    raise ValueError(f"{key}: there is no model '{other}'")
                if other in chain:
                    raise ValueError(f"{key}: '{other}' itself starts from '{chain[-1]}'")
                if other in self.trained and self.model(other).unet != self.model(chain[-1]).unet:
                    raise ValueError(f"{key}: '{other}' has other unet settings")
                chain.append(other)
        return self

    @field_validator("models")
    @classmethod
    def _names_are_file_names(cls, models: dict[str, Any]) -> dict[str, Any]:
        if not models:
            raise ValueError("there must be at least one; leave the key out for the default two")
        for name in models:
            if name in RESERVED:
                raise ValueError(f"'{name}' is the name of another method in the table of metrics")
            if not re.fullmatch(NAME, name) or ".." in name:
                raise ValueError(f"{name!r} is not a name of letters, digits, '.', '_' and '-'")
        return models

    @property
    def trained(self) -> list[str]:
        """Names of the models that are trained here, not loaded."""
        return [name for name, entry in self.models.items() if entry.load is None]

    @property
    def loaded(self) -> dict[str, str]:
        """Folders of the models that are loaded, by name."""
        return {name: entry.load for name, entry in self.models.items() if entry.load is not None}

    def model(self, name: str) -> Model:
        """Resolve one trained model: its own keys over the sections ``unet`` and ``train``."""
        entry = self.models[name].model_dump(exclude_none=True, exclude={"load", "restore"})
        unet = {k: entry.pop(k) for k in UNet.model_fields if k in entry}
        train = {k: entry.pop(k) for k in Train.model_fields if k in entry}
        return Model(
            **entry,
            unet=self.unet.model_copy(update=unet),
            train=self.train.model_copy(update=train),
        )


def read_content(path: str | Path) -> dict[str, Any]:
    """Read the content of a config file, for :func:`parse_config`.

    Raises:
        UserError: there is none, or it is no YAML of keys; one line that names the file.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot read the config: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: a config is made of keys and their values")
    return content


def parse_config(content: Mapping[str, Any], source: str | Path = "config.yaml") -> Config:
    """Turn the content of a config file into settings.

    Args:
        content: nested mappings as YAML gives them.
        source: what error messages call the file.

    Raises:
        UserError: one line that names the key.
    """
    try:
        return Config.model_validate(dict(content))
    except ValidationError as error:
        first, *more = error.errors()
        key = ".".join(str(part) for part in first["loc"])
        if not first["loc"]:  # of several keys: the message names them
            raise UserError(f"{source}: {first['ctx']['error']}") from None
        if first["type"] == "extra_forbidden":
            what = "unknown key" + _suggestion(str(first["loc"][-1]))
        else:
            what = f"{first['msg']} (is {first['input']!r})"
        others = f" (and {len(more)} more)" if more else ""
        raise UserError(f"{source}: {key}: {what}{others}") from None


def _suggestion(key: str) -> str:
    sections = (Config, Distortion, UNet, Train, Model, Evaluate, Simulate)
    known = {name for section in sections for name in section.model_fields}
    close = get_close_matches(key, known - {key}, n=1)
    return f", did you mean '{close[0]}'?" if close else ", see config.yaml for those there are"
