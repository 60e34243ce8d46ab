"""Restore a block of frames: undistort, apply the network, back to the target's scale."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jaxtyping import Float, PyTree, UInt16

from stemjax.config import Model
from stemjax.dataset.scale import Scale
from stemjax.distortion.map import DistortionMap, warp_matrices
from stemjax.model.parameters import load_parameters
from stemjax.model.stored import PARAMETERS, RECORD
from stemjax.records import read_record
from stemjax.typing import AnyFrames

BATCH = 5  # frames of one pass: a shard holds a whole number of them

Restore = Callable[[AnyFrames], UInt16[np.ndarray, "t y x"]]


def make_restore(model: str | Path, distortion: DistortionMap, height: int) -> Restore:
    """Give the function that restores a block of at most :data:`BATCH` raw frames.

    Args:
        model: folder of a trained model.
        distortion: map of the frames' session; the model says whether it comes before the
            network or after it.
        height: rows of a frame.

    Returns:
        A function of (t, y, x) frames as recorded, which gives them undistorted and restored,
        in the target's intensities.
    """
    return bind(load_network(model), distortion, height)


class Network(NamedTuple):
    """A trained model in memory: what it was told, and what it learned."""

    settings: Model
    graph: nnx.GraphDef
    parameters: PyTree
    scale: Scale


def load_network(folder: str | Path) -> Network:
    """Read a trained model from its folder."""
    record = read_record(Path(folder) / RECORD)
    settings = Model.model_validate(record["config"])
    graph, parameters = load_parameters(Path(folder) / PARAMETERS, settings.unet)
    return Network(settings, graph, parameters, Scale(**record["scale"]))


def bind(network: Network, distortion: DistortionMap, height: int) -> Restore:
    """Give the function of :func:`make_restore` for a model that is in memory."""
    settings = network.settings
    rows, columns = (jnp.asarray(m) for m in warp_matrices(distortion, height))
    made_for = (rows, columns, 2**settings.unet.depth, settings.correct)
    apply = partial(_apply, network.graph, network.parameters, *made_for)
    return partial(_restore, apply, network.scale)


def _restore(
    apply: Callable[[Float[np.ndarray, "t y x"]], Float[Array, "t y x"]],
    scale: Scale,
    frames: AnyFrames,
) -> UInt16[np.ndarray, "t y x"]:
    count = len(frames)
    # Always the same shape: one compilation, and the same bits wherever a frame stands.
    batch = np.zeros((BATCH, *frames.shape[1:]), np.float32)
    batch[:count] = scale.of_rapid(frames)
    intensities = scale.intensities(np.asarray(apply(batch))[:count])
    return np.clip(np.rint(intensities), 0, 65535).astype(np.uint16)


@partial(jax.jit, static_argnames=("graph", "multiple", "correct"))
def _apply(
    graph: nnx.GraphDef,
    parameters: PyTree,
    rows: Float[Array, "y y"],
    columns: Float[Array, "x x"],
    multiple: int,
    correct: bool,
    frames: Float[Array, "t y x"],
) -> Float[Array, "t y x"]:
    height, width = frames.shape[1:]
    seen = rows @ frames @ columns if correct else frames
    padding = ((0, 0), (0, -height % multiple), (0, -width % multiple))
    padded = jnp.pad(seen, padding, mode="reflect")
    restored = nnx.merge(graph, parameters)(padded[..., None])[..., 0][:, :height, :width]
    return restored if correct else rows @ restored @ columns
