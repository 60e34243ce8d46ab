"""A finished model as a folder: its record, checked, and taking it over from elsewhere."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file

from stemjax.config import Config, Model
from stemjax.errors import UserError
from stemjax.provenance import digest, read_json, written_aside
from stemjax.records import REFUSED
from stemjax.typing import Json

RECORD, PARAMETERS = "model.json", "parameters.safetensors"


def model_digest(arrays: Mapping[str, np.ndarray], scale: Json) -> str:
    """Hash what a model does: its parameters by name, and its scale of intensities."""
    return digest(*(part for item in sorted(arrays.items()) for part in item), scale)


def read_model(folder: str | Path, key: str) -> Json:
    """Read the record of a finished model.

    Args:
        folder: with the record and the parameters.
        key: of the config, or the function, that names the folder; for messages.

    Raises:
        UserError: there is no model, it was refused, or another version of stemjax made it.
    """
    folder = Path(folder)
    for name in (RECORD, PARAMETERS):
        if not (folder / name).is_file():
            raise UserError(f"{key}: '{folder}' holds no finished model, it lacks {name}")
    try:
        record: Json = read_json(folder / RECORD)
        if record["status"] == REFUSED:
            raise UserError(f"{key}: the model in '{folder}' was refused: {record['reason']}")
        Model.model_validate(record["config"])
        record["digest"], record["scale"]
    except ValidationError as error:
        setting = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise UserError(
            f"{key}: the model in '{folder}' was made by another version of stemjax, "
            f"of which '{setting}' means nothing here"
        ) from None
    except (KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{key}: {folder / RECORD} is no record of a model") from None
    return record


def check_models(config: Config, models: str | Path) -> None:
    """Check the models that are loaded, and that those starting from one have its network.

    Args:
        config: the settings.
        models: where the models of this experiment belong.

    Raises:
        UserError: names the key.
    """
    networks = {}
    for name, source in config.loaded.items():
        key = f"models.{name}.load"
        if Path(source).resolve() == (Path(models) / name).resolve():
            raise UserError(f"{key}: '{source}' is where this model itself belongs; rename it")
        networks[name] = Model.model_validate(read_model(source, key)["config"]).unet
    for name in config.trained:
        model = config.model(name)
        if model.warm_start in networks and networks[model.warm_start] != model.unet:
            raise UserError(
                f"models.{name}.warm_start: '{model.warm_start}' has other unet settings"
            )


def take_over(name: str, source: str | Path, folder: str | Path) -> Json:
    """Copy a finished model, so that all that comes after a training finds it.

    Args:
        name: of the model here.
        source: folder of the model.
        folder: where the copy belongs.

    Returns:
        The model's own record, and ``loaded``: from where.

    Raises:
        UserError: it is no model, or its parameters are not those that its record vouches for.
    """
    key, source = f"models.{name}.load", Path(source)
    record = read_model(source, key)
    with written_aside(Path(folder) / PARAMETERS) as aside:
        shutil.copyfile(source / PARAMETERS, aside)
        try:
            same = model_digest(load_file(aside), record["scale"]) == record["digest"]
        except SafetensorError:
            same = False
        if not same:
            raise UserError(
                f"{key}: {source / PARAMETERS} is not what {RECORD} beside it vouches for; "
                "copy the model's folder again"
            )
    return {**record, "loaded": str(source)}
