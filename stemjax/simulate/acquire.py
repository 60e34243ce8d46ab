"""One frame from a scene: where the beam was, what it met, what the detector recorded."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt16
from scipy.ndimage import gaussian_filter, map_coordinates

from stemjax.simulate.detector import Detector, adu, detect
from stemjax.simulate.scan import ScanCurve
from stemjax.typing import Image

SLOW_DWELL_US = 5.0
FLYBACK_US = 28.0
LINE_JITTER = 0.1  # standard deviation of a line's start in pixels
SATURATED = 65535
Canvas = Float[np.ndarray, "canvas canvas"]  # a specimen is drawn wider than the field of view


@dataclass(frozen=True)
class Microscope:
    """What all acquisitions of a session share.

    Attributes:
        curve: distortion of the rapid scan.
        detector: response of the detector.
        current_pa: beam current in picoamperes.
        mismatch: factor between what rapid and slow scan record of the same specimen; smooth.
    """

    curve: ScanCurve
    detector: Detector
    current_pa: float
    mismatch: Image


def line_time_us(width: int, dwell_us: float) -> float:
    """Time from the start of one line to that of the next."""
    return width * dwell_us + FLYBACK_US


def draw_mismatch(rng: np.random.Generator, size: int) -> Image:
    """Draw the background by which rapid frames differ from slow scans."""
    smooth = gaussian_filter(rng.standard_normal((size, size)), size / 4, mode="reflect")
    return 0.97 + 0.02 * smooth / np.abs(smooth).max()


def rapid_frame(
    rng: np.random.Generator,
    scope: Microscope,
    scene: Canvas,
    offset: Float[np.ndarray, "2 yx"],
) -> UInt16[np.ndarray, "y x"]:
    """Record a rapid frame.

    Args:
        rng: source of randomness.
        scope: the microscope.
        scene: spline coefficients of the canvas (see ``motion.coefficients_of``).
        offset: place of the undistorted frame in the slow scan, (y, x) in pixels, at the
            frame's start and end.
    """
    curve = scope.curve
    size = curve.width
    row = np.arange(size)
    drift = offset[0] + (offset[1] - offset[0]) * row[:, None] / size
    jitter = LINE_JITTER * rng.standard_normal(size)
    flyback = round(FLYBACK_US / curve.dwell_us)
    seen = curve.seen()
    line = np.concatenate([seen, np.linspace(seen[-1], seen[0], flyback + 2)[1:-1]])
    y = (row - curve.row_shift + drift[:, 0])[:, None] + np.zeros_like(line)
    x = line + (drift[:, 1] + jitter)[:, None]
    fraction = _sample(scene, y, x, size)
    fraction *= np.pad(scope.mismatch, ((0, 0), (0, flyback)), mode="edge")
    return detect(rng, scope.detector, fraction, size, scope.current_pa, curve.dwell_us)


def slow_scan(
    rng: np.random.Generator, scope: Microscope, scene: Canvas
) -> UInt16[np.ndarray, "y x"]:
    """Record the slow scan: the same chain, undistorted, fifty times the electrons."""
    size = scope.curve.width
    flyback = round(FLYBACK_US / SLOW_DWELL_US)
    line = np.concatenate([np.arange(size), np.linspace(size - 1, 0, flyback + 2)[1:-1]])
    y, x = np.meshgrid(np.arange(size), line, indexing="ij")
    fraction = _sample(scene, y, x, size)
    return detect(rng, scope.detector, fraction, size, scope.current_pa, SLOW_DWELL_US)


def clean_image(
    scope: Microscope, scene: Canvas, offset: Float[np.ndarray, " yx"]
) -> UInt16[np.ndarray, "y x"]:
    """The perfectly restored frame: no noise, no lag, on the slow grid, in the slow scale."""
    size = scope.curve.width
    y, x = np.mgrid[:size, :size].astype(float)
    fraction = _sample(scene, y + offset[0], x + offset[1], size)
    reading = adu(scope.current_pa, fraction, scope.detector.dark)
    return np.clip(np.rint(reading), 0, SATURATED).astype(np.uint16)


def _sample(scene: Canvas, y: np.ndarray, x: np.ndarray, size: int) -> np.ndarray:
    margin = (scene.shape[0] - size) / 2
    place = (y + margin, x + margin)
    values = map_coordinates(scene, place, order=3, mode="mirror", prefilter=False)
    return np.clip(values, 0, 1)
