"""Rapid images and slow scans made ready for comparison: band-passed, of unit variance."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.fft import dctn, idctn

from stemjax.typing import Image

BACKGROUND_PX = 24.0  # what varies more slowly is no specimen that both scans agree about


@dataclass(frozen=True)
class Field:
    """A field of view: its integrated rapid frames and its slow scan, of one shape."""

    rapid: Image
    slow: Image


Stack = Float[np.ndarray, "field x y"]


def prepare(fields: list[Field], blur: float) -> tuple[Stack, Stack]:
    """Band-pass all fields of view.

    A cosine transform continues an image by its reflection. In it the Gaussians as well as the
    cubic spline's prefilter (Unser, IEEE Signal Process. Mag. 16, 22 (1999)) are factors.

    Args:
        fields: of one shape.
        blur: standard deviation in pixels of the Gaussian that both images are smoothed with.

    Returns:
        Rapid images, and cubic spline coefficients of the slow scans; float32, transposed: the
        columns of a scan are contiguous.
    """
    shape = fields[0].slow.T.shape
    y, x = (np.pi * np.arange(n) / n for n in shape)  # frequencies of the cosines
    squared = y[:, None] ** 2 + x**2
    smooth = np.exp(-squared * blur**2 / 2)
    band = smooth - np.exp(-squared * BACKGROUND_PX**2 / 2)
    prefilter = 1 / np.outer(*((2 + np.cos(k)) / 3 for k in (y, x)))
    rapid = np.stack([_filtered(field.rapid, smooth, band) for field in fields])
    slow = np.stack([_filtered(field.slow, smooth * prefilter, band) for field in fields])
    return rapid, slow


def _filtered(
    image: Image, factor: Float[np.ndarray, "x y"], band: Float[np.ndarray, "x y"]
) -> Float[np.ndarray, "x y"]:
    """Filter by `factor` and scale so that what `band` would leave has unit variance."""
    transform = dctn(np.asarray(image, dtype=np.float32).T, norm="ortho")
    transform[0, 0] = 0.0
    rms = np.sqrt(np.mean((transform * band) ** 2))
    return idctn((transform * factor / max(rms, 1e-12)).astype(np.float32), norm="ortho")
