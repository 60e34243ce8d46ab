"""Pictures of the pages: frames as PNG files, overlays, and where dislocations lie in them."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from scipy.ndimage import gaussian_filter
from skimage.measure import approximate_polygon, find_contours

from stemjax.report.charts import svg_path
from stemjax.report.figures import bar_length, shade
from stemjax.report.panels import reduced
from stemjax.typing import AnyImage

LARGEST = 1024  # pixels of a side; larger frames are averaged
THUMBNAIL = 192  # pixels
SMOOTHING = 2.0  # pixels, before contours are drawn
DARK = 20  # percentile of the grey level that contours are drawn at
SHORTEST = 24  # points of a contour that is drawn
EXACT = 0.4  # pixels by which a drawn contour may be off


@dataclass(frozen=True)
class Shown:
    """A picture in a page.

    Attributes:
        key: name of its file, without ending.
        label: what people call it.
        file: path from the report's folder.
        alt: what it shows, for who cannot see it.
    """

    key: str
    label: str
    file: str
    alt: str


@dataclass(frozen=True)
class Contours:
    """Outlines of what is dark in a picture, over those of the slow scan.

    Attributes:
        shown: the picture.
        size: width and height of the drawing.
        own: path of the picture's outlines.
        slow: path of the slow scan's, empty where there is none.
    """

    shown: Shown
    size: tuple[int, int]
    own: str
    slow: str


def grey_picture(image: AnyImage) -> Pillow.Image:
    """Turn a frame into shades of grey, never larger than `LARGEST`."""
    return Pillow.fromarray(np.rint(255 * shade(reduced(image, LARGEST))).astype(np.uint8))


def overlay_picture(image: AnyImage, slow: AnyImage) -> Pillow.Image:
    """Lay an image (green) over the slow scan (magenta): where they agree, grey is left."""
    green, rest = (shade(reduced(each, LARGEST)) for each in (image, slow))
    return Pillow.fromarray(np.rint(255 * np.stack([rest, green, rest], axis=-1)).astype(np.uint8))


def save_picture(folder: Path, file: str, picture: Pillow.Image) -> None:
    """Write a PNG at `file` below `folder`."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, format="PNG", optimize=True)


def thumbnail(image: AnyImage) -> str:
    """Make a small picture of a frame as a data URI, for a page that stands alone."""
    small = grey_picture(image)
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    content = io.BytesIO()
    small.save(content, format="JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"


def scale_bar(width: int, pixel_size_nm: float) -> tuple[float, str]:
    """Give length of a scale bar in percent of a picture `width` pixels wide, and its label."""
    length = bar_length(width, pixel_size_nm)
    return round(100 * length / (width * pixel_size_nm), 2), f"{length} nm"


def outlines(image: AnyImage) -> str:
    """Draw iso-intensity contours about what is dark, after smoothing, as an SVG path.

    The grey level is a percentile of the image itself, so that images in different units are
    outlined alike; dislocations are dark in bright field.
    """
    smooth = gaussian_filter(image.astype(float), SMOOTHING)
    found = find_contours(smooth, float(np.percentile(smooth, DARK)))
    kept = [approximate_polygon(line, EXACT) for line in found if len(line) >= SHORTEST]
    # Pixel centres lie half a pixel inside of the drawing's corner.
    return "".join(svg_path(line[:, 1] + 0.5, line[:, 0] + 0.5) for line in kept)
