"""Pictures of a series: grey levels, size, captions and scale bar, drawn fast enough for movies."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import zarr
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from stemjax.report.figures import bar_length, grey_range
from stemjax.typing import AnyFrames, AnyImage

SAMPLES = 20  # frames whose grey levels stand for those of the whole series
TEXT, SMALLEST_TEXT = 18, 9  # pixels
STRIP = 32  # pixels; height of a line of text
GAP = 8  # pixels between panels and at the left of texts
NARROWEST = 280  # pixels; what a caption needs
WHITE, BAR_HEIGHT = 255, 6
DIGIT_WIDE = "\u2007"  # a space as wide as a digit, so that texts do not move as they count

Picture = UInt8[np.ndarray, "_y _x"]  # each of a size of its own


@dataclass(frozen=True)
class Panel:
    """A series and how all its frames are shown alike.

    Attributes:
        title: what is written above.
        frames: (t, y, x).
        grey: values that are shown black and white.
    """

    title: str
    frames: zarr.Array | AnyFrames
    grey: tuple[float, float]


def make_panel(title: str, frames: zarr.Array | AnyFrames, largest: int) -> Panel:
    """Fix the contrast of a series: percentiles over evenly spaced frames, as they are shown."""
    index = np.unique(np.linspace(0, frames.shape[0] - 1, SAMPLES).round().astype(int))
    shown = [reduced(np.asarray(frames[int(k)]), largest) for k in index]
    return Panel(title, frames, grey_range(np.concatenate(shown)))


def zoom(shape: Sequence[int], largest: int) -> Fraction:
    """Pixels shown for a recorded one: 1/n or n, so that no side of (y, x) exceeds `largest`."""
    side = max(shape)
    return Fraction(largest // side) if side <= largest else Fraction(1, -(-side // largest))


def shown_shape(shape: Sequence[int], largest: int) -> tuple[int, int]:
    """Height and width in which frames (y, x) are shown."""
    height, width = (-(-side * zoom(shape, largest) // 1) for side in shape)
    return int(height), int(width)


def reduced(frame: AnyImage, largest: int) -> Float[np.ndarray, "_y _x"]:
    """Average over squares of pixels where a frame is too large to be shown."""
    image = frame.astype(np.float32)
    factor = zoom(frame.shape, largest).denominator
    return np.asarray(Image.fromarray(image).reduce(factor)) if factor > 1 else image


def picture(frame: AnyImage, grey: tuple[float, float], largest: int) -> Picture:
    """Turn a frame into the grey levels and to the size that it is shown in."""
    low, high = grey
    scaled = (reduced(frame, largest) - low) * (255 / max(high - low, 1e-12))
    levels = np.rint(scaled).clip(0, 255).astype(np.uint8)
    factor = zoom(frame.shape, largest).numerator
    return levels.repeat(factor, axis=0).repeat(factor, axis=1) if factor > 1 else levels


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Load the font of the report's figures: its digits are of one width, and it knows degrees."""
    path = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
    return ImageFont.truetype(path, size)


def strip(width: int, text: str) -> Picture:
    """Write one line of text, white on black; smaller, then cut off, where it does not fit."""
    room = width - GAP
    size = TEXT
    while size > SMALLEST_TEXT and font(size).getlength(text) > room:
        size -= 1
    while len(text) > 1 and font(size).getlength(text) > room:
        text = text.rstrip("…")[:-1] + "…"
    image = Image.new("L", (width, STRIP))
    draw = ImageDraw.Draw(image)
    draw.text((0, STRIP // 2), text, fill=WHITE, font=font(size), anchor="lm")
    return np.asarray(image)


def scale_bar(width: int, shape: Sequence[int], largest: int, pixel_size_nm: float) -> Picture:
    """Draw a scale bar of round length, and that, for frames (y, x) as they are shown."""
    length = bar_length(shape[1], pixel_size_nm)
    pixels = round(length / pixel_size_nm * float(zoom(shape, largest)))
    text = strip(max(width - pixels - GAP, 1), f"{length} nm")
    line = np.zeros((STRIP, width), np.uint8)
    top = (STRIP - BAR_HEIGHT) // 2
    line[top : top + BAR_HEIGHT, :pixels] = WHITE
    line[:, width - text.shape[1] :] = text
    return line


def captions(
    seconds: Float[np.ndarray, " t"], celsius: Float[np.ndarray, " t"] | None
) -> list[str]:
    """Write time and, where it is known, temperature of each frame, all aligned."""
    whole = float(seconds[-1])
    if whole < 1:
        texts = [f"{1000 * moment:.0f} ms" for moment in seconds]
    else:
        texts = [f"{moment:.{1 if whole >= 10 else 2}f} s" for moment in seconds]
    if celsius is not None:
        known = [f"{each:.0f} °C" if np.isfinite(each) else "" for each in celsius]
        texts = [
            f"{_aligned(text, texts)}     {_aligned(degrees, known)}"
            for text, degrees in zip(texts, known, strict=True)
        ]
    return [_aligned(text, texts) for text in texts]


def _aligned(text: str, texts: Sequence[str]) -> str:
    return text.rjust(max(map(len, texts)), DIGIT_WIDE)
