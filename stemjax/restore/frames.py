"""Restore a block of frames: undistort, apply the network, back to the target's scale."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jax.sharding import NamedSharding
from jaxtyping import Float, PyTree, UInt16

from stemjax.config import Model
from stemjax.dataset.scale import Scale
from stemjax.distortion.map import DistortionMap, undistort, warp_matrices
from stemjax.model.parameters import load_parameters
from stemjax.model.stored import PARAMETERS, RECORD
from stemjax.records import read_record
from stemjax.restore.alignment import frame_track, with_neighbours
from stemjax.restore.tiles import LARGEST, Tile, by_tiles, cut_up
from stemjax.train.devices import sharing
from stemjax.typing import AnyFrames

GPU_LANES = 10  # frames of one pass on each GPU; on each CPU one, which its caches bear
CPU_PIXELS = LARGEST**2  # of one pass on all CPUs together, for memory's sake

Target = Float[Array, "2"]  # grey level that 0 becomes, and grey levels to the unit
Restored = UInt16[np.ndarray, "restored y x"]
Restore = Callable[..., Restored]
Batch = Float[np.ndarray, "lanes context y x"]  # frames, each with its neighbours in time
Seen = Float[np.ndarray, "lanes y x context"]  # what the network is given of them
Warp = tuple[Float[Array, "y y"], Float[Array, "x x"]] | None  # None leaves frames as they are


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


@dataclass(frozen=True)
class _Bound:
    """A model and a map, made ready for frames of one shape.

    Attributes:
        network: the model, its parameters on all devices.
        neighbours: matrices that frames and their neighbours go through before the network.
        before: those that frames without neighbours go through, on all devices.
        after: those that restored frames go through, on all devices.
        tiles: of a frame, padded to what the network can halve.
        lanes: frames, or tiles, of one pass.
        shared: how devices share them.
        target: of the scale, on all devices.
    """

    network: Network
    neighbours: tuple[Float[np.ndarray, "y y"], Float[np.ndarray, "x x"]] | None
    before: Warp
    after: Warp
    tiles: list[Tile]
    lanes: int
    shared: NamedSharding
    target: Target


def bind(network: Network, distortion: DistortionMap, height: int) -> Restore:
    """Give the function that restores frames of one shape.

    Args:
        network: the model.
        distortion: map of the frames' session; the model says whether it comes before the
            network or after it.
        height: rows of a frame.

    Returns:
        A function of (t, y, x) frames as recorded and, where some of them are only seen as
        neighbours, the slice of those to restore. It gives these undistorted and restored, in
        the target's intensities.
    """
    settings = network.settings
    shape = (padded(n, settings.unet.depth) for n in (height, distortion.width))
    tiles = cut_up(*shape, settings.unet.depth)
    devices = jax.local_devices()
    lanes = _lanes(devices, tiles[0])
    shared, whole = sharing(lanes, devices)
    matrices = warp_matrices(distortion, height)
    correct, alone = settings.correct, settings.unet.context == 1
    offset, scale = network.scale.target_offset, network.scale.target_scale
    bound = _Bound(
        network=network._replace(parameters=jax.device_put(network.parameters, whole)),
        neighbours=matrices if correct and not alone else None,
        before=jax.device_put(matrices, whole) if correct and alone else None,
        after=None if correct else jax.device_put(matrices, whole),
        tiles=tiles,
        lanes=lanes,
        shared=shared,
        target=jax.device_put(np.array([offset, scale], np.float32), whole),
    )
    return partial(_restore, bound)


def _lanes(devices: Sequence[jax.Device], tile: Tile) -> int:
    if devices[0].platform != "cpu":
        return GPU_LANES * len(devices)
    pixels = math.prod(part.stop - part.start for part in tile.source)
    return max(1, min(len(devices), CPU_PIXELS // pixels))


def _restore(bound: _Bound, frames: AnyFrames, inside: slice = slice(None)) -> Restored:
    look = _neighbourhoods(bound, frames) if bound.network.settings.unet.context > 1 else None
    tiled = len(bound.tiles) > 1
    lanes = 1 if tiled else bound.lanes
    wanted = range(len(frames))[inside]
    restored = np.empty((len(wanted), *frames.shape[1:]), np.uint16)
    for first in range(0, len(wanted), lanes):
        some = wanted[first : first + lanes]
        if look:
            levels = np.stack([look(frame) for frame in some])
        else:
            levels = bound.network.scale.of_rapid(frames[some.start : some.stop])[:, None]
        # Always as many: one compilation, and the same bits wherever a frame stands.
        batch = np.zeros((lanes, *levels.shape[1:]), np.float32)
        batch[: len(some)] = levels
        made = _in_tiles(bound, batch) if tiled else _whole(bound, batch)
        restored[first : first + len(some)] = np.asarray(made)[: len(some)]
    return restored


def _neighbourhoods(
    bound: _Bound, frames: AnyFrames
) -> Callable[[int], Float[np.ndarray, "context y x"]]:
    """Give the function that shows a frame among its neighbours."""
    levels = bound.network.scale.of_rapid(frames)
    if bound.neighbours:
        # Here, not on the device, where the neighbours would be undistorted again and again.
        levels = undistort(levels, *bound.neighbours)
    context = bound.network.settings.unet.context
    return partial(with_neighbours, levels, frame_track(levels), context=context)


def _whole(bound: _Bound, batch: Batch) -> UInt16[Array, "lanes y x"]:
    seen = jax.device_put(batch, bound.shared)
    network = bound.network
    return _apply(
        network.settings.unet.depth,
        network.graph,
        network.parameters,
        bound.target,
        bound.before,
        bound.after,
        seen,
    )


def _in_tiles(bound: _Bound, batch: Batch) -> UInt16[Array, "1 y x"]:
    def apply(tiles: Seen) -> Float[np.ndarray, "lanes y x"]:
        shared = jax.device_put(tiles, bound.shared)
        return np.asarray(_network(network.graph, network.parameters, shared))

    network = bound.network
    (seen,) = np.asarray(_see(network.settings.unet.depth, bound.before, batch))
    restored = by_tiles(apply, seen, bound.tiles, bound.lanes)[None]
    return _finish(bound.target, bound.after, restored[:, : batch.shape[2], : batch.shape[3]])


@partial(jax.jit, static_argnames=("depth", "graph"))
def _apply(
    depth: int,
    graph: nnx.GraphDef,
    parameters: PyTree,
    target: Target,
    before: Warp,
    after: Warp,
    batch: Float[Array, "lanes context y x"],
) -> UInt16[Array, "lanes y x"]:
    height, width = batch.shape[2:]
    restored = _network(graph, parameters, _see(depth, before, batch))
    return _finish(target, after, restored[:, :height, :width])


@partial(jax.jit, static_argnames="depth")
def _see(
    depth: int, before: Warp, batch: Float[Array, "lanes context y x"]
) -> Float[Array, "lanes Y X context"]:
    """Undistort, and go on by reflection until the network can halve the frame."""
    seen = before[0] @ batch @ before[1] if before else batch
    missing = [(0, padded(n, depth) - n) for n in batch.shape[2:]]
    return jnp.moveaxis(jnp.pad(seen, ((0, 0), (0, 0), *missing), mode="reflect"), 1, -1)


@partial(jax.jit, static_argnames="graph")
def _network(
    graph: nnx.GraphDef, parameters: PyTree, seen: Float[Array, "lanes y x context"]
) -> Float[Array, "lanes y x"]:
    return nnx.merge(graph, parameters)(seen)[..., 0]


@jax.jit
def _finish(
    target: Target, after: Warp, restored: Float[Array, "lanes y x"]
) -> UInt16[Array, "lanes y x"]:
    """Undistort what is not yet, and give the target's grey levels."""
    restored = after[0] @ restored @ after[1] if after else restored
    return jnp.clip(jnp.rint(restored * target[1] + target[0]), 0, 65535).astype(jnp.uint16)


def padded(size: int, depth: int) -> int:
    """Give the pixels to which rows or columns are padded: a multiple of ``2**depth``."""
    return size + -size % 2**depth
