"""Tiles of frames that are too large for one pass."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from stemjax.config import UNet as UNetSettings
from stemjax.model.unet import UNet
from stemjax.restore import tiles
from stemjax.restore.frames import bind, load_network
from stemjax.restore.tiles import cut_up, reach
from tests.handmade import Handmade, settings, straight

SCALE = {"rapid_offset": 3e4, "rapid_scale": 9e3, "target_offset": 3e4, "target_scale": 9e3}


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_network_sees_no_farther_than_its_reach(depth: int) -> None:
    """Counted in the gradient of one pixel of the result, at every place within a block."""
    made = UNet(UNetSettings(features=1, depth=depth), rngs=nnx.Rngs(0))
    graph, state = nnx.split(made)
    # Positive throughout, so that no rectifier and no sum hides a way through the network.
    parameters = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.1), nnx.to_pure_dict(state))
    middle = 2 * reach(depth)
    frame = jnp.ones((1, 2 * middle, 2 * middle, 1))

    def pixel(frame: jax.Array, at: int) -> jax.Array:
        return nnx.merge(graph, parameters)(frame)[0, at, at, 0]

    farthest = 0
    for at in range(middle, middle + 2**depth):
        seen = np.flatnonzero(np.asarray(jax.grad(pixel)(frame, at))[0, :, :, 0].any(axis=1))
        farthest = max(farthest, at - int(seen[0]), int(seen[-1]) - at)
    assert farthest <= reach(depth) < 1.5 * farthest + 2**depth


@pytest.mark.parametrize(
    ("height", "width", "depth"), [(512, 512, 3), (1280, 1288, 3), (4096, 2000, 4), (3008, 64, 5)]
)
def test_tiles_keep_every_pixel_that_no_cut_edge_reaches(
    height: int, width: int, depth: int
) -> None:
    kept, halo = np.zeros((height, width), bool), reach(depth)
    made = cut_up(height, width, depth)
    assert len({tuple(s.stop - s.start for s in tile.source) for tile in made}) == 1
    for tile in made:
        kept[tile.target] = True
        for source, inner, target, size in zip(
            tile.source, tile.kept, tile.target, (height, width), strict=True
        ):
            assert source.start % 2**depth == source.stop % 2**depth == 0
            assert source.start + inner.start == target.start
            assert source.start + inner.stop == target.stop
            assert source.start == 0 or inner.start >= halo
            assert source.stop == size or source.stop - target.stop >= halo
            assert source.stop - source.start <= max(tiles.LARGEST, 4 * halo)
    assert kept.all()
    assert (len(made) == 1) == (max(height, width) <= tiles.LARGEST)


@pytest.mark.parametrize("correct", [True, False])
@pytest.mark.parametrize("shape", [(150, 260), (171, 99)])
def test_tiles_leave_no_seam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], correct: bool
) -> None:
    """At most one grey level between a frame in tiles and the same frame whole."""
    chosen = settings(correct=correct)
    model = Handmade(tmp_path).model("m", chosen, SCALE, last=0.1)
    network = load_network(model.parent)
    frames = np.random.default_rng(0).integers(20_000, 40_000, (3, *shape)).astype(np.uint16)
    the_map = straight(shape[1], 1.5)
    whole = bind(network, the_map, shape[0])(frames)
    assert np.std(whole.astype(float)) > 500
    monkeypatch.setattr(tiles, "LARGEST", 4 * reach(1))
    assert len(cut_up(shape[0] + shape[0] % 2, shape[1] + shape[1] % 2, 1)) > 4
    tiled = bind(network, the_map, shape[0])(frames)
    assert np.abs(tiled.astype(int) - whole.astype(int)).max() <= 1
