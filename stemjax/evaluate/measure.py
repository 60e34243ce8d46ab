"""Measure the frames of one method against their references."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.ndimage import shift

from stemjax.evaluate.correlation import correlated_up_to, ring_correlation
from stemjax.evaluate.dislocations import Dislocations, find_dislocations, line_metrics
from stemjax.evaluate.metrics import (
    data_range,
    fitted,
    paper_psnr,
    paper_psnr_by_range,
    psnr,
    ssim,
)
from stemjax.evaluate.references import References
from stemjax.evaluate.residual import unexplained_percent
from stemjax.evaluate.spectra import Curve, follows, horizontal_profile, streak_db
from stemjax.integrate.align import displacement, spectrum
from stemjax.typing import AnyFrames, AnyImage, Image, Json

Row = list[Any]  # frame, method, metric, value
MethodFrames = Sequence[AnyImage | None] | AnyFrames  # None: not measured
Offset = Float[np.ndarray, " yx"]
FARTHEST_PX = 16.0  # that a lag displaces; what seems farther away was not recognised
ENOUGH = 9  # pairs of images, evenly spaced, to measure what displaces all of an acquisition
EQUAL_DB = 250.0  # above which rounding alone tells an image from its reference


@dataclass(frozen=True)
class Slow:
    """The slow scan on one frame, and what is read off it once for all methods.

    Attributes:
        image: what is judged of it.
        profile: of its power spectrum along x, in dB.
        dislocations: that it shows.
    """

    image: Image
    profile: Curve
    dislocations: Dislocations


def slow_scans(references: References) -> list[Slow | None]:
    """Read off the slow scan on each frame; None where there is none, or a blank one."""
    found: list[Slow | None] = []
    for whole in references.slow:
        image = None if whole is None else whole[references.inside]
        contrast = 0.0 if image is None else data_range(image)
        if image is None or contrast == 0:
            found.append(None)
            continue
        _, profile = horizontal_profile(image, references.pixel_size_nm)
        found.append(Slow(image, profile, find_dislocations(image, contrast)))
    return found


def measure(
    method: str,
    frames: MethodFrames,
    references: References,
    slow: Sequence[Slow | None],
    *,
    lags: bool,
) -> tuple[list[Row], Json | None]:
    """Compare frames with their references: slow scan and truth, in rapid geometry the DCFI.

    What lags lies a few pixels behind where it belongs, and references lie beside one another by
    what their places are not known. Neither shall count against a method, so its frames are moved
    onto each reference first, all of an acquisition by the same amount.

    Args:
        method: its name.
        frames: as many as in `references`, restored or not, on the same grid.
        references: of the acquisition.
        slow: as from :func:`slow_scans`.
        lags: whether the frames still show the detector's lag; otherwise they are given it anew
            before they are compared with the frames as recorded.

    Returns:
        Rows of frame, method, metric, value; and the last frame's :func:`curves`, if it was
        measured and has a slow scan.
    """
    inside, pixel_size_nm = references.inside, references.pixel_size_nm
    rows: list[Row] = []
    plotted, last = None, len(references.index) - 1
    offsets = _offsets(frames, references)
    unexplained = _unexplained(method, frames, references, lags)
    for k, number in enumerate(references.index):
        frame = frames[k]
        if frame is None:
            continue
        values = {}
        for name, reference in references.of_frame(k).items():
            image = moved(frame, offsets[name])[inside]
            close = fitted(image, target := reference[inside])
            values |= {f"psnr_{name}": psnr(close, target), f"ssim_{name}": ssim(close, target)}
            scan = slow[k]
            if name == "slow" and scan is not None:
                values |= _against_slow(image, scan, pixel_size_nm)
                if k == last and data_range(image) > 0:
                    plotted = curves(image, scan, pixel_size_nm)
        if references.geometry == "slow":
            values["streak_db"] = streak_db(np.asarray(frame, float)[inside])
        values |= unexplained.get(k, {})
        rows += [[int(number), method, metric, value] for metric, value in values.items()]
    kept = [row for row in rows if np.isfinite(row[3]) and not _of_itself(row)]
    return [[*row[:3], round(float(row[3]), 4)] for row in kept], plotted


def moved(image: AnyImage, offset: Offset) -> Image:
    """Move an image by (y, x) pixels."""
    return shift(np.asarray(image, float), offset, order=3, mode="nearest")


def curves(image: AnyImage, slow: Slow, pixel_size_nm: float) -> Json:
    """Give what figures plot of a frame, moved and cut out: spectrum along x, ring correlation.

    Returns:
        ``per_um``, frequencies in 1/um; at each ``horizontal`` in dB, of the frame in the slow
        scan's intensities, and ``frc`` with the slow scan.
    """
    per_um, horizontal = horizontal_profile(fitted(image, slow.image), pixel_size_nm)
    rings, correlation = ring_correlation(image, slow.image, pixel_size_nm)
    return {
        "per_um": per_um.round(4).tolist(),
        "horizontal": horizontal.round(3).tolist(),
        "frc": np.interp(per_um, rings, correlation).round(4).tolist(),
    }


def _offsets(frames: MethodFrames, references: References) -> dict[str, Offset]:
    """Displacement of each kind of reference from a method's frames."""
    found: dict[str, list[tuple[AnyImage, Image]]] = {}
    for k, frame in enumerate(frames):
        for name, reference in references.of_frame(k).items():
            if frame is not None:
                found.setdefault(name, []).append((frame, reference))
    return {name: _offset(pairs, references.inside) for name, pairs in found.items()}


def _offset(pairs: Sequence[tuple[AnyImage, Image]], inside: tuple[slice, slice]) -> Offset:
    """Median displacement (y, x) in pixels of second images from first ones."""
    found = []
    some = np.unique(np.linspace(0, len(pairs) - 1, ENOUGH).round().astype(int)) if pairs else []
    for pair in (pairs[int(k)] for k in some):
        images = [np.asarray(image, float)[inside] for image in pair]
        if all(data_range(image) > 0 for image in images):
            found.append(displacement(*map(spectrum, images)))
    near = [each for each in found if np.abs(each).max() <= FARTHEST_PX]
    return np.median(near, axis=0) if near else np.zeros(2)


def _of_itself(row: Row) -> bool:
    """Tell a PSNR that only rounding keeps from being infinite: an image is its own reference."""
    return row[2].startswith("psnr") and row[3] > EQUAL_DB


def _unexplained(
    method: str, frames: MethodFrames, references: References, lags: bool
) -> dict[int, dict[str, float]]:
    """Say what frames, made to lag as the recorded ones do, leave unexplained of these."""
    if references.lag is None or references.integrated < 2 or method == "dcfi":
        return {}  # the integration itself is what tells signal from noise
    as_rapid = None if lags else references.as_rapid()
    degraded: dict[int, Image] = {}
    for k, frame in enumerate(frames):
        if frame is not None and references.dcfi[k] is not None:
            image = np.asarray(frame, float)
            degraded[k] = image if as_rapid is None else image @ as_rapid
    inside = references.inside
    stills = {k: still for k, still in enumerate(references.dcfi) if still is not None}
    offset = _offset([(image, stills[k]) for k, image in degraded.items()], inside)
    found = {}
    for k, image in degraded.items():
        compared = (references.rapid[k], moved(image, offset), stills[k])
        percent = unexplained_percent(*(each[inside] for each in compared), references.integrated)
        found[k] = {"unexplained_percent": percent}
    return found


def _against_slow(image: Image, slow: Slow, pixel_size_nm: float) -> dict[str, float]:
    per_um, profile = horizontal_profile(image, pixel_size_nm)
    middle, rest = paper_psnr_by_range(image, slow.image)
    return {
        "psnr_paper": paper_psnr(image, slow.image),
        "psnr_paper_mid": middle,
        "psnr_paper_rest": rest,
        "follows_per_um": follows(per_um, profile, slow.profile),
        "frc_per_um": correlated_up_to(*ring_correlation(image, slow.image, pixel_size_nm)),
        **line_metrics(image, slow.dislocations),
    }
