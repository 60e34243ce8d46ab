"""Restore a block of frames: undistort, apply the network, back to the target's scale."""

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
        distortion: map of the frames' session; the model says whether it comes before the
            network or after it.
        height: rows of a frame.

    Returns:
        A function of (t, y, x) frames as recorded, which gives them undistorted and restored,
        in the target's intensities.
    """
    record = read_record(Path(model) / "model.json")
    settings = Model.model_validate(record["config"])
    graph, parameters = load_parameters(Path(model) / "parameters.safetensors", settings.unet)
    rows, columns = (jnp.asarray(m) for m in warp_matrices(distortion, height))
    apply = partial(
        _apply, graph, parameters, rows, columns, 2**settings.unet.depth, settings.correct
    )
    return partial(_restore, apply, record["scale"])


def _restore(
    apply: Callable[[Float[np.ndarray, "t y x"]], Float[Array, "t y x"]],
    scale: Json,
    frames: AnyFrames,
) -> UInt16[np.ndarray, "t y x"]:
    count = len(frames)
    # Always the same shape: one compilation, and the same bits wherever a frame stands.
    batch = np.zeros((BATCH, *frames.shape[1:]), np.float32)
    batch[:count] = (frames - np.float32(scale["rapid_offset"])) / np.float32(scale["rapid_scale"])
    restored = np.asarray(apply(batch))[:count]
    intensities = restored * scale["target_scale"] + scale["target_offset"]
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
