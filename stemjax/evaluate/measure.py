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
NOT_IDEAL = ("rapid", "dcfi")  # which lag as recorded: nothing is to be made to lag again


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
    method: str, frames: MethodFrames, references: References, slow: Sequence[Slow | None]
) -> list[Row]:
    """Compare frames with their references: slow scan and truth, in rapid geometry the DCFI.

    What lags lies a few pixels behind where it belongs. That shall not count against a method,
    so its frames are moved onto the reference first, all of an acquisition by the same amount.

    Args:
        method: its name.
        frames: as many as in `references`, restored or not, on the same grid.
        references: of the acquisition.
        slow: as from :func:`slow_scans`.
    """
    rows: list[Row] = []
    offset = method_offset(frames, references)
    as_rapid = None if references.lag is None else references.as_rapid()
    for k, number in enumerate(references.index):
        whole = frames[k]
        if whole is None:
            continue
        placed = moved(whole, offset)
        image = placed[references.inside]
        values = _against_references(image, references, k)
        if values and references.geometry == "slow":
            values["streak_db"] = streak_db(image)
        if (scan := slow[k]) is not None:
            values |= _against_slow(image, scan, references.pixel_size_nm)
        if as_rapid is not None and method not in NOT_IDEAL:
            values |= _against_frame(placed @ as_rapid, references, k)
        rows += [[int(number), method, metric, value] for metric, value in values.items()]
    # An image that equals its reference has an infinite PSNR, which no mean survives.
    return [[*row[:3], round(float(row[3]), 4)] for row in rows if np.isfinite(row[3])]


def method_offset(frames: MethodFrames, references: References) -> Float[np.ndarray, " yx"]:
    """Median displacement (y, x) in pixels of the references from a method's frames."""
    found = []
    for k, image in enumerate(frames):
        reference = next(iter(references.of_frame(k).values()), None)
        if image is None or reference is None:
            continue
        pair = [np.asarray(each, float)[references.inside] for each in (image, reference)]
        if all(data_range(each) > 0 for each in pair):
            found.append(displacement(*map(spectrum, pair)))
    return np.median(found, axis=0) if found else np.zeros(2)


def moved(image: AnyImage, offset: Float[np.ndarray, " yx"]) -> Image:
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


def _against_references(image: Image, references: References, k: int) -> dict[str, float]:
    values = {}
    for name, reference in references.of_frame(k).items():
        target = reference[references.inside]
        if data_range(target) == 0:  # a blank scan shows no structure to agree with
            continue
        close = fitted(image, target)
        values |= {f"psnr_{name}": psnr(close, target), f"ssim_{name}": ssim(close, target)}
    return values


def _against_frame(degraded: Image, references: References, k: int) -> dict[str, float]:
    """Say what a restored frame, made to lag again, leaves unexplained of the recorded one."""
    still = references.dcfi[k]
    if still is None or references.integrated < 2:
        return {}
    compared = (each[references.inside] for each in (references.rapid[k], degraded, still))
    return {"unexplained_percent": unexplained_percent(*compared, references.integrated)}


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
