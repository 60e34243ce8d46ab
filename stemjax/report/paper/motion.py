"""Motion in an in-situ series: frames over time without their drift, and a line across it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter, shift

from stemjax.distortion.map import undistort
from stemjax.integrate.align import displacement, spectrum
from stemjax.io.store import open_store
from stemjax.report.moments import frame_seconds, frame_temperatures
from stemjax.report.paper.field import Field
from stemjax.report.paper.run import Run
from stemjax.typing import Frames, Image

SAMPLES = 128  # frames along the time axis, at most
BAND_ROWS = 3  # averaged for the line
MOMENTS = 16  # averages of frames between which motion is looked for
LINE_LONG_PX, LINE_WIDE_PX, BESIDE_PX = 4.0, 2.0, 8.0  # blurs by which lines are told from shades


@dataclass(frozen=True)
class Sampled:
    """Evenly spaced frames of a series, on the slow grid and moved onto the last one.

    Attributes:
        index: numbers of the frames.
        seconds: since the first frame.
        celsius: temperatures, None where they are not known.
        rapid: frames as recorded, undistorted.
        restored: frames that a model made of them.
    """

    index: Int[np.ndarray, " t"]
    seconds: Float[np.ndarray, " t"]
    celsius: Float[np.ndarray, " t"] | None
    rapid: Frames
    restored: Frames


def sample(run: Run, field: Field, model: str) -> Sampled:
    """Load evenly spaced frames of a series and take their drift off."""
    name = field.row.acquisition
    source, about = open_store(run.results / "converted" / f"{name}.zarr")
    target = open_store(run.results / "restored" / model / f"{name}.zarr")[0]["0"]
    count = min(field.frames, SAMPLES)
    index = np.unique(np.linspace(0, field.frames - 1, count).round().astype(int))
    seconds = frame_seconds(field.frames, about)
    celsius, _ = frame_temperatures(field.row.log, seconds, about)
    last = spectrum(np.asarray(target[field.frame], float))
    shape = (len(index), *target.shape[1:])
    rapid, restored = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for place, k in enumerate(index.tolist()):
        frame = np.asarray(target[k], np.float32)
        drift = displacement(last, spectrum(frame))
        raw = undistort(np.asarray(source["rapid"][k], np.float32), *field.references.warp)
        restored[place] = shift(frame, -drift, order=1, mode="nearest")
        rapid[place] = shift(raw, -drift, order=1, mode="nearest")
    known = None if celsius is None else celsius[index]
    return Sampled(index, seconds[index], known, rapid, restored)


def moving_place(frames: Frames, inside: tuple[slice, slice]) -> tuple[int, int]:
    """Find the place (y, x) where lines across x change most over time, clear of the border.

    Single frames are averaged first: noise, and a model that errs otherwise in each, change most of
    all. Drift moves borders in, so as much again as `inside` leaves out is left out once more.
    """
    moments = np.array_split(frames, min(MOMENTS, len(frames)))
    spread = np.var([_lines_across(np.mean(each, axis=0)) for each in moments], axis=0)
    height, width = spread.shape
    margin = [max(side // 10, 1) for side in (height, width)]
    rows = slice(max(inside[0].start, margin[0]), min(inside[0].stop, height - margin[0]))
    columns = slice(max(inside[1].start, margin[1]), min(inside[1].stop, width - margin[1]))
    y, x = np.unravel_index(np.argmax(spread[rows, columns]), spread[rows, columns].shape)
    return int(y) + rows.start, int(x) + columns.start


def _lines_across(image: Image) -> Image:
    """Show what is long along y and narrow along x."""
    even = image.astype(float) - image.mean()
    narrow, wide = (
        gaussian_filter(even, (LINE_LONG_PX, width)) for width in (LINE_WIDE_PX, BESIDE_PX)
    )
    return narrow - wide


def kymograph(frames: Frames, row: int, columns: slice) -> Float[np.ndarray, "t line"]:
    """Give the intensity along a line (x) over time (y), each moment about its own mean."""
    rows = slice(max(row - BAND_ROWS // 2, 0), row + BAND_ROWS // 2 + 1)
    line = np.asarray(frames[:, rows, columns], float).mean(axis=1)
    return line - np.median(line, axis=1, keepdims=True)
