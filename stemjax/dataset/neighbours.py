"""Frames before and after a frame, from which a network with context restores it too."""

import numpy as np
from jaxtyping import Bool, Int, Shaped

from stemjax.typing import AnyFrames

MOVING = 0.5  # share of patches in which something moves
GLIDE = 1.5  # pixels per frame of what glides, standard deviation of each component
JUMP = (1.0, 32.0)  # pixels of what jumps once, evenly on a logarithmic scale

Window = Int[np.ndarray, " context"]
Patches = Shaped[np.ndarray, "context patch patch"]


def window(frame: int, context: int, count: int) -> Window:
    """Give the indices of a frame and its neighbours in time, in their order.

    Beyond the first and the last of `count` frames these stand again.
    """
    reach = context // 2
    return np.clip(np.arange(frame - reach, frame + reach + 1), 0, count - 1)


def surroundings(span: slice, context: int, count: int) -> tuple[slice, slice]:
    """Give the frames that those of a span are restored from, and where it lies among them.

    Args:
        span: frames, start and stop given.
        context: frames that the network sees.
        count: frames that there are.
    """
    reach = context // 2
    start = max(span.start - reach, 0)
    return (
        slice(start, min(span.stop + reach, count)),
        slice(span.start - start, span.stop - start),
    )


def cut(frames: AnyFrames, seen: Window, corner: tuple[int, int], patch: int) -> Patches:
    """Cut the same patch out of several frames; gives a copy."""
    y, x = corner
    return np.stack([frames[k, y : y + patch, x : x + patch] for k in seen])


def move_a_part(
    cutout: Patches,
    frames: AnyFrames,
    seen: Window,
    corner: tuple[int, int],
    rng: np.random.Generator,
) -> None:
    """Let what a disc shows glide or jump from frame to frame, but rest in the middle one.

    Fields of view at rest would teach a network to average; dislocations that move would then
    leave ghosts. The disc shows of the other frames what lies elsewhere in them, so that their
    noise stays as it was recorded.

    Args:
        cutout: as from :func:`cut`; changed in place.
        frames: (t, y, x) that it was cut from.
        seen: their indices.
        corner: first row and column.
        rng: source of randomness.
    """
    patch = cutout.shape[-1]
    away = seen - seen[len(seen) // 2]
    way = _glide(away, rng) if rng.random() < 0.5 else _jump(away, rng)
    inside = _disc(patch, rng)
    last = np.array(frames.shape[1:]) - patch
    for k in np.flatnonzero(way.any(axis=1)):
        y, x = np.clip(np.array(corner) + way[k], 0, last)
        elsewhere = frames[seen[k], y : y + patch, x : x + patch]
        cutout[k][inside] = elsewhere[inside]


def _glide(away: Window, rng: np.random.Generator) -> Int[np.ndarray, "context yx"]:
    velocity = rng.normal(0, GLIDE, 2)
    return np.rint(away[:, None] * velocity).astype(int)


def _jump(away: Window, rng: np.random.Generator) -> Int[np.ndarray, "context yx"]:
    """Be elsewhere from some frame after the middle one on, or up to some frame before it."""
    size = np.exp(rng.uniform(*np.log(JUMP)))
    turn = rng.uniform(0, 2 * np.pi)
    vector = np.rint(size * np.array([np.sin(turn), np.cos(turn)])).astype(int)
    start = rng.integers(1, len(away) // 2 + 1)
    beyond = away >= start if rng.random() < 0.5 else away <= -start
    return beyond[:, None] * vector


def _disc(patch: int, rng: np.random.Generator) -> Bool[np.ndarray, "patch patch"]:
    radius = rng.uniform(patch / 8, patch)
    centre = rng.uniform(0, patch, 2)
    y, x = np.ogrid[:patch, :patch]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
