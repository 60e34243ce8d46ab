"""Parameters as a flat dictionary of arrays, and on disk as one safetensors file."""

from pathlib import Path

import jax
import numpy as np
from flax import nnx
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from stemjax.config import UNet as Settings
from stemjax.errors import UserError
from stemjax.model.unet import UNet
from stemjax.provenance import written_aside


def new_network(settings: Settings, seed: int) -> tuple[nnx.GraphDef, nnx.State]:
    """Make a network with fresh parameters, split into its structure and its parameters."""
    return nnx.split(UNet(settings, rngs=nnx.Rngs(seed)))


def save_parameters(path: str | Path, parameters: nnx.State) -> dict[str, np.ndarray]:
    """Write the parameters; returns them by name, as they were written.

    Raises:
        UserError: they cannot be written; what was there before is whole.
    """
    flat = flatten_dict(nnx.to_pure_dict(parameters))
    arrays = {_name(key): np.asarray(value) for key, value in flat.items()}
    try:
        with written_aside(path) as aside:
            save_file(arrays, aside)
    except SafetensorError as error:
        raise UserError(f"{path} cannot be written ({error}); make room and start again") from None
    return arrays


def load_parameters(path: str | Path, settings: Settings) -> tuple[nnx.GraphDef, nnx.State]:
    """Read parameters that :func:`save_parameters` wrote into a network of these settings.

    Raises:
        UserError: they are of another network, as those of an earlier version may be.
    """
    # Only shapes: initial values, which nobody would see, take seconds to compile.
    graph, state = nnx.split(nnx.eval_shape(lambda: UNet(settings, rngs=nnx.Rngs(0))))
    flat = flatten_dict(nnx.to_pure_dict(state))
    stored = load_file(path)
    if {_name(key): value.shape for key, value in flat.items()} != {
        name: value.shape for name, value in stored.items()
    }:
        raise UserError(
            f"{path} holds parameters of another network, or of another version of stemjax: "
            "train the model again"
        )
    filled = {key: jax.numpy.asarray(stored[_name(key)]) for key in flat}
    nnx.replace_by_pure_dict(state, unflatten_dict(filled))
    return graph, state


def _name(key: tuple[str | int, ...]) -> str:
    return ".".join(map(str, key))
