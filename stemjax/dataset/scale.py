"""Intensities of recorded images to the network's range and back."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped


@dataclass(frozen=True)
class Scale:
    """Takes rapid frames and targets to about -1 to 1, and what the network makes of them back.

    Robust: constants of the data set, never of a frame or series, so that equal intensities stay
    equal. By minima and maxima, as in the paper: every recorded image by its own, which are lost;
    restored frames then all get the same ones, medians over the targets of the data set.

    Attributes:
        rapid_offset: grey level that becomes 0; None where every image goes by its own.
        rapid_scale: grey levels to the unit; None likewise.
        target_offset: grey level that 0 becomes in restored frames.
        target_scale: grey levels that the unit becomes.
    """

    rapid_offset: float | None
    rapid_scale: float | None
    target_offset: float
    target_scale: float

    def of_rapid(self, frames: Shaped[np.ndarray, "*t y x"]) -> Float[np.ndarray, "*t y x"]:
        """Take rapid frames, as recorded, to the network's range."""
        if self.rapid_offset is None:
            return by_own_extremes(frames)
        offset, scale = np.float32(self.rapid_offset), np.float32(self.rapid_scale)
        return (frames - offset) / scale

    def of_target(self, image: Float[np.ndarray, "y x"]) -> Float[np.ndarray, "y x"]:
        """Take a target, as recorded, to the network's range."""
        if self.rapid_offset is None:
            return by_own_extremes(image)
        return (image - np.float32(self.target_offset)) / np.float32(self.target_scale)

    def intensities(self, restored: Float[np.ndarray, "t y x"]) -> Float[np.ndarray, "t y x"]:
        """Take what the network gave back to grey levels of the target."""
        return restored * self.target_scale + self.target_offset


def by_own_extremes(images: Shaped[np.ndarray, "*t y x"]) -> Float[np.ndarray, "*t y x"]:
    """Stretch every image by itself from -1 at its minimum to 1 at its maximum.

    A constant image, as of a blanked beam, becomes 0.
    """
    low = images.min(axis=(-2, -1), keepdims=True).astype(np.float32)
    high = images.max(axis=(-2, -1), keepdims=True).astype(np.float32)
    half = np.where(high > low, (high - low) / 2, np.float32(1))
    return (images.astype(np.float32) - (low + high) / 2) / half
