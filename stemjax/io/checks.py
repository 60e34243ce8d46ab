"""Checks on the data themselves, block by block while converting, and between files."""

from pathlib import Path

import numpy as np

from stemjax.errors import Refused
from stemjax.io.image import RawImage, is_the_machines
from stemjax.provenance import digest, file_sha256
from stemjax.typing import AnyFrames

SATURATED = 0.5  # of a frame's pixels at the type's largest value
PIXEL_TOLERANCE = 0.01  # relative; scans of one field of view agree better than that


def read_frames(path: str, image: RawImage, span: slice) -> AnyFrames:
    """Read some frames of an image and check each.

    Args:
        path: of the file, for messages.
        image: whose ``frames`` (t, y, x) are read.
        span: which frames; start and stop given.

    Returns:
        The recorded values (t, y, x), contiguous, native byte order, of the recorded type.

    Raises:
        Refused: they cannot be read, or a frame is constant, saturated, or holds NaN or
            infinity.
    """
    try:
        block = np.ascontiguousarray(image.frames[span].compute(scheduler="synchronous"))
    except Refused:
        raise
    except Exception as error:  # a broken file can fail anywhere inside a reader
        if is_the_machines(error):
            raise
        line = " ".join(str(error).split()) or type(error).__name__
        raise Refused(
            f"{path}: frames {span.start + 1} to {span.stop} cannot be read: {line}; "
            "copy the file again"
        ) from error
    if block.shape[1:] != image.frames.shape[1:] or len(block) != span.stop - span.start:
        raise Refused(f"{path}: not all frames are there; copy the file again")
    check_block(path, block, span.start)
    return block


def check_block(path: str, block: AnyFrames, first: int = 0) -> None:
    """Refuse frames (t, y, x) that no filter can use; `first` is the number of the first.

    Raises:
        Refused: a frame is constant, saturated, or holds NaN or infinity.
    """
    whole = block.reshape(len(block), -1)
    low, high = whole.min(axis=1), whole.max(axis=1)  # NaN and infinity show in these two
    for k in range(len(block)):
        frame = f"{path}: frame {first + k + 1}"
        if not (np.isfinite(low[k]) and np.isfinite(high[k])):
            raise Refused(f"{frame} holds NaN or infinite values; export it as recorded")
        if low[k] == high[k]:
            why = "no detector inserted, or the beam blanked? Give a file without such frames"
            raise Refused(f"{frame} is {low[k]:g} everywhere: {why}")
        if block.dtype.kind in "iu" and high[k] == np.iinfo(block.dtype).max:
            share = np.mean(whole[k] == high[k])
            if share > SATURATED:
                why = "record it with a lower detector gain"
                raise Refused(f"{frame} is saturated in {share:.0%} of its pixels: {why}")


def check_pair(path: str, still: RawImage, rapid: RawImage) -> None:
    """Refuse a slow scan or DCFI in `path` that is not of the rapid frames' field of view.

    Raises:
        Refused: size or, where both files say it, pixel size (by more than 1 %) disagree.
    """
    if still.frames.shape[1:] != rapid.frames.shape[1:]:
        raise Refused(
            f"{path}: {still.describe()} is not of the size of the rapid frames "
            f"{rapid.describe()}; give scans of one size"
        )
    a, b = still.pixel_size_nm, rapid.pixel_size_nm
    if a and b and abs(a - b) > PIXEL_TOLERANCE * b:
        raise Refused(
            f"{path}: its pixel size of {a:g} nm is not that of the rapid frames, {b:g} nm; "
            "give scans of one magnification"
        )


def warnings_about(path: str, rapid: RawImage) -> list[str]:
    """Say what is odd about rapid frames that are used all the same."""
    if len(rapid.frames) == 1:
        return [f"{path}: holds one frame only; a series has at least two"]
    return []


def source_sha256(path: str | Path) -> str:
    """Hash a file, or a folder (OME-Zarr) by the names and hashes of the files in it."""
    path = Path(path)
    if not path.is_dir():
        return file_sha256(path)
    files = sorted(each for each in path.rglob("*") if each.is_file())
    return digest([[each.relative_to(path).as_posix(), file_sha256(each)] for each in files])
