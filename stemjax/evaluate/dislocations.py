"""How well a frame shows each dislocation: where it lies, how wide, how dark."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import map_coordinates

from stemjax.evaluate.lines import Lines, detect_lines, share_near
from stemjax.typing import AnyImage, Image

ACROSS = np.arange(-16.0, 17.0)  # places of a profile across the line, pixels
ALONG = np.arange(-6.0, 7.0, 3.0)  # places along it that are averaged
EVERY = 4  # of so many pixels on the lines one is measured
CENTRES = np.arange(-8.0, 8.01, 0.5)  # pixels
WIDTHS = np.geomspace(1.0, 8.0, 19)  # standard deviations, pixels: 2.4 to 19 wide at half depth
CLEAR = 0.8  # share of a reference profile that one dip has to explain for a point to be measured
SEEN = 0.05  # of a line's contrast: a fainter dip is none, it has no place and no width
FEWEST = 20  # points that a median is taken of
CLASSES = {"": (0, 90), "_0_30": (0, 30), "_30_60": (30, 60), "_60_90": (60, 90)}
BLOCK = 16  # pixels


@dataclass(frozen=True)
class Dips:
    """The Gaussian dip that fits each of some profiles best.

    Attributes:
        centre: in pixels across the line.
        width: standard deviation in pixels.
        depth: below the profile's sloping ground, in the image's units.
        explained: share of the profile's variance about its sloping ground, 0 to 1.
    """

    centre: Float[np.ndarray, " n"]
    width: Float[np.ndarray, " n"]
    depth: Float[np.ndarray, " n"]
    explained: Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Dislocations:
    """The lines that a reference shows, measured at some of their points.

    Attributes:
        reference: slow scan or truth.
        contrast: its data range.
        lines: found in it.
        places: (y, x) in pixels of the points where one line stands clear of its neighbours.
        angles: of the line at each in degrees, as in :class:`~stemjax.evaluate.lines.Lines`.
        dips: across the line at each.
    """

    reference: Image
    contrast: float
    lines: Lines
    places: Int[np.ndarray, "n 2"]
    angles: Float[np.ndarray, " n"]
    dips: Dips


def find_dislocations(reference: AnyImage, contrast: float) -> Dislocations:
    """Find the lines that a reference shows; `contrast` is its data range, above zero."""
    reference = reference.astype(float, copy=False)
    lines = detect_lines(reference, contrast)
    places = np.argwhere(lines.skeleton)[::EVERY]
    angles = lines.angle[tuple(places.T)]
    dips = fit_dips(profiles(reference, places, angles))
    clear = (dips.explained > CLEAR) & (dips.width < WIDTHS[-1])
    dips = Dips(*(values[clear] for values in vars(dips).values()))
    return Dislocations(reference, contrast, lines, places[clear], angles[clear], dips)


def line_metrics(image: AnyImage, dislocations: Dislocations) -> dict[str, float]:
    """Measure how well an image shows the dislocations of its reference.

    Args:
        image: of a method, aligned with the reference; in intensities of any offset and factor.
        dislocations: what there is to see.

    Returns:
        ``line_recall`` and ``line_precision``, shares of length; ``line_offset_px``, the median
        distance of a line from its place in pixels; ``line_width`` and ``line_contrast``, medians
        of width and depth over the reference's. These three also by the angle in degrees
        between line and scan direction: ``_0_30``, ``_30_60``, ``_60_90``. What cannot be told,
        for want of lines, is left out.
    """
    if not dislocations.lines.skeleton.any():
        return {}
    image = levelled(image, dislocations.reference)
    found = detect_lines(image, dislocations.contrast)
    metrics = {"line_recall": share_near(dislocations.lines, found)}
    if found.skeleton.any():
        metrics["line_precision"] = share_near(found, dislocations.lines)
    there = dislocations.dips
    here = fit_dips(profiles(image, dislocations.places, dislocations.angles))
    contrast = here.depth / there.depth
    seen = np.where(contrast > SEEN, 1.0, np.nan)
    measured = {
        "line_offset_px": np.abs(here.centre - there.centre) * seen,
        "line_width": here.width / there.width * seen,
        "line_contrast": contrast,
    }
    to_scan = np.abs(dislocations.angles)
    for suffix, (low, high) in CLASSES.items():
        chosen = (low <= to_scan) & (to_scan <= high)
        for name, values in measured.items():
            known = values[chosen & np.isfinite(values)]
            if len(known) >= FEWEST:
                metrics[name + suffix] = float(np.median(known))
    return metrics


def levelled(image: AnyImage, reference: AnyImage) -> Image:
    """Give the image the broad intensities of its reference, by an affine fit of block means."""
    return reference.mean() + level_slope(image, reference) * (image - image.mean())


def level_slope(image: AnyImage, reference: AnyImage) -> float:
    """Give grey levels of the reference to one of the image, zero for a blank image.

    Means over blocks are compared. A fit of single pixels makes a noisy image flatter than it
    is, and with it the lines; block means do so only where the noise is far stronger than the
    broad contrast.
    """
    x, y = _block_means(image), _block_means(reference)
    variance = np.var(x)
    return float(np.mean((x - x.mean()) * (y - y.mean())) / variance) if variance > 0 else 0.0


def profiles(
    image: AnyImage, places: Int[np.ndarray, "n 2"], angles: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n u"]:
    """Read intensities across lines, each averaged over a few pixels along the line.

    Args:
        image: to read, linearly between pixels.
        places: (y, x) on lines, in pixels.
        angles: of the lines there in degrees, as in :class:`~stemjax.evaluate.lines.Lines`.

    Returns:
        Intensities at `ACROSS`, which grows downwards, at a vertical line to one side.
    """
    turn = np.radians(angles)[:, None, None]
    across, along = ACROSS[:, None], ALONG[None, :]
    y = places[:, 0, None, None] + along * np.sin(turn) + across * np.cos(turn)
    x = places[:, 1, None, None] + along * np.cos(turn) - across * np.sin(turn)
    values = map_coordinates(image.astype(float), [y, x], order=1, mode="nearest")
    return values.mean(axis=-1)


def fit_dips(values: Float[np.ndarray, "n u"]) -> Dips:
    """Fit a Gaussian dip on sloping ground to each profile, by least squares.

    Ground and depth enter linearly and are solved for (variable projection: Golub & Pereyra, SIAM
    J. Numer. Anal. 10, 413, 1973); centre and width are the best of a grid, refined by a parabola.
    No start is needed.
    """
    above = _off_ground(values)
    centres, widths = np.meshgrid(CENTRES, WIDTHS, indexing="ij")
    bank = _off_ground(_dip(centres.reshape(-1, 1), widths.reshape(-1, 1)))
    bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    score = (above @ bank.T).reshape(len(above), *centres.shape)
    c, w = np.unravel_index(score.reshape(-1, centres.size).argmax(axis=1), centres.shape)
    score = np.pad(score, ((0, 0), (1, 1), (1, 1)), "edge")
    n = np.arange(len(score))
    by_c = _peak(*(score[n, c + k, w + 1] for k in range(3)))
    by_w = _peak(*(score[n, c + 1, w + k] for k in range(3)))
    centre = np.clip(CENTRES[c] + by_c * (CENTRES[1] - CENTRES[0]), CENTRES[0], CENTRES[-1])
    width = np.clip(WIDTHS[w] * (WIDTHS[1] / WIDTHS[0]) ** by_w, WIDTHS[0], WIDTHS[-1])
    best = _off_ground(_dip(centre[:, None], width[:, None]))
    overlap = (above * best).sum(axis=1)
    power = (best**2).sum(axis=1)
    variance = (above**2).sum(axis=1)
    explained = overlap**2 / power / np.where(variance > 0, variance, 1.0)
    return Dips(centre, width, overlap / power, explained)


def _dip(centre: Float[np.ndarray, "n 1"], width: Float[np.ndarray, "n 1"]) -> Image:
    return -np.exp(-(((ACROSS - centre) / width) ** 2) / 2)


def _off_ground(values: Float[np.ndarray, "n u"]) -> Float[np.ndarray, "n u"]:
    """Subtract from each profile the straight line that fits it best."""
    ground, _ = np.linalg.qr(np.stack([np.ones_like(ACROSS), ACROSS], axis=1))
    return values - values @ ground @ ground.T


def _peak(
    before: Float[np.ndarray, " n"], here: Float[np.ndarray, " n"], after: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Place of the maximum, in steps from the middle of three values, which is the largest."""
    bend = np.maximum(2 * here - before - after, 1e-300)  # none where all are equal
    return (after - before) / (2 * bend)


def _block_means(image: AnyImage) -> Float[np.ndarray, "rows columns"]:
    height, width = (side // BLOCK for side in image.shape)
    whole = image[: height * BLOCK, : width * BLOCK].astype(float)
    return whole.reshape(height, BLOCK, width, BLOCK).mean(axis=(1, 3))
