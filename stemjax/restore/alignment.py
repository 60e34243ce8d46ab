"""Neighbours in time, moved onto the frame that is restored with them."""

import numpy as np
from jaxtyping import Float

from stemjax.dataset.neighbours import window
from stemjax.integrate.align import Track, displacement, spectrum
from stemjax.typing import Frames, Image

ENOUGH = 256  # pixels: larger frames are reduced to about so many to measure their drift


def frame_track(frames: Frames) -> Track:
    """Measure from frame to frame how a series drifts; gives each frame's place in pixels.

    Between two frames only these two count, so that a frame is restored alike wherever a series
    is divided.

    Args:
        frames: (t, y, x), undistorted or not.
    """
    factor = max(min(frames.shape[1:]) // ENOUGH, 1)
    spectra = (spectrum(_reduced(frame, factor)) for frame in frames)
    track, before = np.zeros((len(frames), 2)), None
    for k, each in enumerate(spectra):
        if before is not None:
            track[k] = track[k - 1] + factor * displacement(before, each)
        before = each
    return track


def with_neighbours(
    frames: Frames, track: Track, frame: int, context: int
) -> Float[np.ndarray, "context y x"]:
    """Take a frame and its neighbours, these moved by whole pixels to where it lies.

    To whole pixels, because interpolation would change their noise; the network learns from
    frames that lie about as exactly. Beyond a frame's edge, the edge is held.
    """
    seen = window(frame, context, len(frames))
    # First to what was measured: half pixels shall not depend on where the sum of steps began.
    moves = np.rint(np.round(track[seen] - track[frame], 6)).astype(int).tolist()
    return np.stack([_moved(frames[k], *move) for k, move in zip(seen, moves, strict=True)])


def _moved(image: Image, down: int, right: int) -> Image:
    """Show at ``p`` what the image shows at ``p + (down, right)``."""
    height, width = image.shape
    rows = np.clip(np.arange(height) + down, 0, height - 1)
    columns = np.clip(np.arange(width) + right, 0, width - 1)
    return image[rows[:, None], columns] if down or right else image


def _reduced(image: Image, factor: int) -> Float[np.ndarray, "Y X"]:
    """Take the mean of ``factor`` x ``factor`` pixels."""
    height, width = (n // factor for n in image.shape)
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor)
    return blocks.mean(axis=(1, 3))
