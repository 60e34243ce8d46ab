"""Specimens: dislocations with two-beam contrast, or a picture taken for one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import PIL.Image
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree
from skimage.transform import resize

from stemjax.errors import UserError
from stemjax.simulate.contrast import (
    ALUMINIUM,
    DEPTH,
    DISTANCE_NM,
    EDGE,
    STEEL,
    Material,
    contrast_table,
)
from stemjax.typing import Image

MATERIALS = {"steel": STEEL, "aluminium": ALUMINIUM}
TRANSMISSION = 0.42  # of the perfect foil in bright field
Contrast = tuple[tuple[slice, ...], Float[np.ndarray, "_ _"]]  # where on the canvas, and what


@dataclass(frozen=True)
class Dislocation:
    """A dislocation line as closely spaced points.

    Attributes:
        points: (y, x) in pixels of the canvas, about one pixel apart.
        depth: of each point, over the thickness of the foil.
        edge: edge character of each point, 0 screw to 1 edge.
        gb: product of reflection and Burgers vector.
    """

    points: Float[np.ndarray, "n 2"]
    depth: Float[np.ndarray, " n"]
    edge: Float[np.ndarray, " n"]
    gb: int

    def moved(self, by: Float[np.ndarray, "#n 2"]) -> "Dislocation":
        """Displace the points, each by its own (y, x) in pixels."""
        return replace(self, points=self.points + by)


@dataclass(frozen=True)
class Specimen:
    """A foil, seen on a canvas wider than the field of view by `margin` pixels all round."""

    background: Image
    dislocations: tuple[Dislocation, ...]
    material: Material
    pixel_size_nm: float
    margin: int

    def transmission(self) -> Image:
        """Bright-field transmission of the canvas, 0 to 1."""
        return self.background * np.exp(self.log_contrast(self.dislocations))

    def log_contrast(self, dislocations: tuple[Dislocation, ...]) -> Image:
        """Sum the logarithm of intensity over background of some of the lines."""
        return self.summed(self.contrast_of(line) for line in dislocations)

    def contrast_of(self, line: Dislocation) -> Contrast | None:
        """Give the logarithm of intensity over background around a line; none off the canvas."""
        return _contrast(self.background.shape, line, self.material, self.pixel_size_nm)

    def summed(self, contrasts: Iterable[Contrast | None]) -> Image:
        """Sum what :meth:`contrast_of` gave of some lines, on the whole canvas."""
        total = np.zeros(self.background.shape)
        for contrast in contrasts:
            if contrast is not None:
                box, local = contrast
                total[box] += local
        return total


def draw_specimen(
    rng: np.random.Generator, kind: str, size: int, margin: int, pixel_size_nm: float
) -> Specimen:
    """Draw a random specimen: lines, loops and a tangle on a slowly varying background.

    Args:
        rng: source of randomness.
        kind: ``steel``, ``aluminium``, or the path of a picture, of which a part is taken.
        size: height and width of the field of view in pixels.
        margin: pixels beside the field of view that a wider scan may see.
        pixel_size_nm: pixel size in nanometres.

    Raises:
        UserError: the picture cannot be read.
    """
    canvas = size + 2 * margin
    if kind not in MATERIALS:
        return Specimen(_picture(rng, Path(kind), canvas), (), STEEL, pixel_size_nm, margin)
    area = (canvas * pixel_size_nm / 1000) ** 2  # square micrometres
    systems = rng.uniform(0, np.pi, 3)  # traces of the slip systems
    lines = [_line(rng, canvas, rng.choice(systems)) for _ in range(rng.poisson(26 * area) + 3)]
    loops = [_loop(rng, canvas) for _ in range(rng.poisson(10 * area) + 1)]
    tangles = [line for _ in range(rng.poisson(2 * area)) for line in _tangle(rng, canvas)]
    return Specimen(
        background=_background(rng, canvas),
        dislocations=tuple(lines + loops + tangles),
        material=MATERIALS[kind],
        pixel_size_nm=pixel_size_nm,
        margin=margin,
    )


def _background(rng: np.random.Generator, canvas: int) -> Image:
    smooth = gaussian_filter(rng.standard_normal((canvas, canvas)), canvas / 6, mode="reflect")
    dirt = gaussian_filter((rng.random((canvas, canvas)) < 2e-4).astype(float), 2.0)
    bend = 1 + 0.15 * smooth / np.abs(smooth).max() - 1.5 * dirt
    return TRANSMISSION * np.clip(bend, 0.3, 2.0)


def _line(rng: np.random.Generator, canvas: int, angle: float) -> Dislocation:
    """A glissile segment from one surface of the foil to the other, or part of the way."""
    length = rng.uniform(60, 260)
    heading = angle + rng.normal(0, 0.15)
    along = np.linspace(-0.5, 0.5, int(length))
    bow = rng.normal(0, 0.12) * length * (0.25 - along**2) * 4
    wave = rng.normal(0, 2.0) * np.sin(2 * np.pi * (rng.uniform(0.5, 2) * along + rng.random()))
    points = _turned(along * length, bow + wave, heading) + rng.uniform(0, canvas, 2)
    start, end = rng.choice([(0.0, 1.0), (0.1, 0.9), (0.25, 0.6), (0.4, 0.45)])
    depth = np.linspace(start, end, len(along))
    character = np.full(len(along), rng.uniform(0, 1))
    return Dislocation(points, depth, character, int(rng.choice([-1, 1, 1, 2])))


def _loop(rng: np.random.Generator, canvas: int) -> Dislocation:
    major, ratio, tilt = rng.uniform(8, 28), rng.uniform(0.5, 1), rng.uniform(0, np.pi)
    turn = np.linspace(0, 2 * np.pi, int(2 * np.pi * major) + 1)
    points = _turned(major * np.cos(turn), ratio * major * np.sin(turn), tilt)
    depth = rng.uniform(0.2, 0.8) + 0.04 * np.cos(turn)
    return Dislocation(
        points + rng.uniform(0, canvas, 2), depth, np.abs(np.sin(turn)), int(rng.choice([-1, 1]))
    )


def _tangle(rng: np.random.Generator, canvas: int) -> list[Dislocation]:
    centre, heading = rng.uniform(0.1, 0.9, 2) * canvas, rng.uniform(0, np.pi)
    lines = []
    for _ in range(rng.integers(6, 11)):
        line = _line(rng, 0, heading + rng.normal(0, 0.5))
        short = slice(0, len(line.points) // 2)
        lines.append(
            Dislocation(
                line.points[short] - line.points[short].mean(0) + centre + rng.normal(0, 14, 2),
                line.depth[short],
                line.edge[short],
                line.gb,
            )
        )
    return lines


def _turned(
    along: Float[np.ndarray, " n"], across: Float[np.ndarray, " n"], angle: float
) -> Float[np.ndarray, "n 2"]:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([sin * along + cos * across, cos * along - sin * across], axis=1)


def _contrast(
    shape: tuple[int, ...], line: Dislocation, material: Material, pixel_nm: float
) -> Contrast | None:
    reach = DISTANCE_NM[-1] / pixel_nm
    low = np.maximum(np.floor(line.points.min(0) - reach).astype(int), 0)
    high = np.minimum(np.ceil(line.points.max(0) + reach).astype(int) + 1, shape)
    if np.any(high <= low):
        return None
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    pixels = np.stack(np.mgrid[box], axis=-1).reshape(-1, 2).astype(float)
    away, nearest = cKDTree(line.points).query(pixels, distance_upper_bound=reach)
    near = np.isfinite(away)
    pixels, nearest = pixels[near], nearest[near]
    tangent = np.gradient(line.points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    step = pixels - line.points[nearest]
    across = step[:, 1] * tangent[nearest, 0] - step[:, 0] * tangent[nearest, 1]
    along = np.sum(step * tangent[nearest], axis=1)
    past_end = np.maximum(np.abs(along) - 1, 0)  # only beyond the ends is a point not abreast
    table = contrast_table(material, line.gb)
    place = (
        line.edge[nearest] * (len(EDGE) - 1),
        line.depth[nearest] * (len(DEPTH) - 1),
        (across * pixel_nm - DISTANCE_NM[0]) / (DISTANCE_NM[1] - DISTANCE_NM[0]),
    )
    ratio = map_coordinates(table, place, order=1, mode="nearest")
    taper = np.exp(-((past_end / 5) ** 2)) * np.clip((reach - away[near]) / 10, 0, 1)
    local = np.zeros(near.shape)
    local[near] = np.log(ratio) * taper
    return box, gaussian_filter(local.reshape(high - low), 0.6)


def _picture(rng: np.random.Generator, path: Path, canvas: int) -> Image:
    try:
        with PIL.Image.open(path) as file:
            deep = file.mode.startswith(("I", "F"))  # more than 8 bit
            picture = np.asarray(file if deep else file.convert("L"), float)
    except OSError as error:
        raise UserError(f"simulate.specimen: cannot read the picture '{path}': {error}") from None
    # Twice the canvas: fields of view differ, and averaging removes the picture's own noise.
    scale = 2 * canvas / min(picture.shape)
    picture = resize(picture, [round(side * scale) for side in picture.shape])
    corner = [rng.integers(0, side - canvas + 1) for side in picture.shape]
    part = picture[corner[0] : corner[0] + canvas, corner[1] : corner[1] + canvas]
    low, high = np.percentile(picture, [0.5, 99.5])
    return 0.1 + 0.5 * np.clip((part - low) / ((high - low) or 1.0), 0, 1)
