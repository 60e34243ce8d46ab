"""Frames too large for one pass of the network: cut into tiles that overlap, and put together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LARGEST = 1024  # pixels: taller or wider frames are tiled

Tiles = Float[np.ndarray, "lanes y x context"]
Apply = Callable[[Tiles], Float[np.ndarray, "lanes y x"]]


@dataclass(frozen=True)
class Tile:
    """A part of a frame: where it is cut out, and which of its pixels are kept.

    Attributes:
        source: rows and columns of the frame that the network sees.
        kept: those of them that no cut edge reaches, in the tile.
        target: the same in the frame.
    """

    source: tuple[slice, slice]
    kept: tuple[slice, slice]
    target: tuple[slice, slice]


def reach(depth: int) -> int:
    """Give the pixels over which the network of a depth sees its surroundings, in whole blocks.

    Three convolutions of 3 x 3 at every level on the way down and, but for the deepest, up;
    and up to a block of ``2**depth`` pixels for halving and for doubling.
    """
    block = 2**depth
    pixels = 3 * (2 * block - 1) + 3 * (block - 1) + 2 * block
    return -(-pixels // block) * block


def cut_up(height: int, width: int, depth: int) -> list[Tile]:
    """Cut a frame into tiles of one shape; the whole frame where that is small enough.

    Each tile shows the network all that reaches the pixels it keeps, and begins at a multiple of
    ``2**depth``, where the network halves its frames as in the whole.

    Args:
        height: rows of the frame, a multiple of ``2**depth``.
        width: likewise.
        depth: of the network.
    """
    return [
        Tile((rows, columns), (kept_rows, kept_columns), (target_rows, target_columns))
        for rows, kept_rows, target_rows in _along(height, depth)
        for columns, kept_columns, target_columns in _along(width, depth)
    ]


def _along(size: int, depth: int) -> Iterator[tuple[slice, slice, slice]]:
    block, halo = 2**depth, reach(depth)
    largest = max(LARGEST, 4 * halo)
    count = 1 if size <= largest else -(-size // (largest - 2 * halo))
    keep = -(-size // (count * block)) * block
    seen = min(keep + 2 * halo, size)
    for k in range(count):
        first = min(k * keep, size - keep)
        start = min(max(first - halo, 0), size - seen)
        yield (
            slice(start, start + seen),
            slice(first - start, first - start + keep),
            slice(first, first + keep),
        )


def by_tiles(
    apply: Apply, frame: Float[np.ndarray, "y x context"], tiles: list[Tile], lanes: int
) -> Float[np.ndarray, "y x"]:
    """Apply the network tile by tile, `lanes` of them at once."""
    result = np.empty(frame.shape[:2], np.float32)
    for first in range(0, len(tiles), lanes):
        some = tiles[first : first + lanes]
        # Always as many, so that there is one compilation.
        padded = some + some[-1:] * (lanes - len(some))
        restored = apply(np.stack([frame[tile.source] for tile in padded]))
        for tile, part in zip(some, restored, strict=False):
            result[tile.target] = part[tile.kept]
    return result
