"""Restore a block of frames: undistort, apply the network, back to the slow scan's scale."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jaxtyping import Float, PyTree, UInt16

from stemjax.config import Model
from stemjax.distortion.map import DistortionMap, warp_matrices
from stemjax.model.parameters import load_parameters
from stemjax.records import read_record
from stemjax.typing import AnyFrames, Json

BATCH = 5  # frames of one pass: a shard holds a whole number of them

Restore = Callable[[AnyFrames], UInt16[np.ndarray, "t y x"]]


def make_restore(model: str | Path, distortion: DistortionMap, height: int) -> Restore:
    """Give the function that restores a block of at most :data:`BATCH` raw frames.

    Args:
        model: folder of a trained model.
        distortion: map of the frames' session.
        height: rows of a frame.

    Returns:
        A function of (t, y, x) frames as recorded, which gives them undistorted and restored,
        in the slow scan's intensities.
    """
    record = read_record(Path(model) / "model.json")
    settings = Model.model_validate(record["config"])
    graph, parameters = load_parameters(Path(model) / "parameters.safetensors", settings.unet)
    rows, columns = (jnp.asarray(m) for m in warp_matrices(distortion, height))
    multiple = 2**settings.unet.depth
    return partial(
        _restore, graph, parameters, rows, columns, scale=record["scale"], multiple=multiple
    )


def _restore(
    graph: nnx.GraphDef,
    parameters: PyTree,
    rows: Float[Array, "y y"],
    columns: Float[Array, "x x"],
    frames: AnyFrames,
    *,
    scale: Json,
    multiple: int,
) -> UInt16[np.ndarray, "t y x"]:
    count = len(frames)
    # Always the same shape: one compilation, and the same bits wherever a frame stands.
    batch = np.zeros((BATCH, *frames.shape[1:]), np.float32)
    batch[:count] = (frames - np.float32(scale["rapid_offset"])) / np.float32(scale["rapid_scale"])
    restored = np.asarray(_apply(graph, parameters, rows, columns, batch, multiple))[:count]
    intensities = restored * scale["target_scale"] + scale["target_offset"]
    return np.clip(np.rint(intensities), 0, 65535).astype(np.uint16)


@partial(jax.jit, static_argnames=("graph", "multiple"))
def _apply(
    graph: nnx.GraphDef,
    parameters: PyTree,
    rows: Float[Array, "y y"],
    columns: Float[Array, "x x"],
    frames: Float[Array, "t y x"],
    multiple: int,
) -> Float[Array, "t y x"]:
    height, width = frames.shape[1:]
    undistorted = rows @ frames @ columns
    padding = ((0, 0), (0, -height % multiple), (0, -width % multiple))
    padded = jnp.pad(undistorted, padding, mode="reflect")
    restored = nnx.merge(graph, parameters)(padded[..., None])[..., 0]
    return restored[:, :height, :width]
