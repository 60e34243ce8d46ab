"""Contact sheets: a few moments of a restored series on one still picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from stemjax.provenance import written_aside
from stemjax.report.panels import DIGIT_WIDE, GAP, Panel, Picture, picture, scale_bar, strip

MOMENTS = 6
LARGEST_TILE = 320  # pixels
NARROWEST_SHEET = 480  # pixels; what a title needs


def write_contact_sheet(
    path: str | Path, panels: Sequence[Panel], texts: Sequence[str], pixel_size_nm: float
) -> None:
    """Write a PNG of evenly spaced frames, first and last among them, rapid above restored.

    Args:
        path: of the file.
        panels: rapid and restored series; their contrast is that of the movie.
        texts: of each frame of the series.
        pixel_size_nm: pixel size of the frames.
    """
    moments = np.unique(np.linspace(0, len(texts) - 1, MOMENTS).round().astype(int)).tolist()
    rows = [
        _row([picture(np.asarray(panel.frames[k]), panel.grey, LARGEST_TILE) for k in moments])
        for panel in panels
    ]
    tile = (rows[0].shape[1] + GAP) // len(moments) - GAP
    lines = [
        _row([strip(tile, texts[k].replace("     ", "  ").strip(DIGIT_WIDE)) for k in moments])
    ]
    lines.append(scale_bar(tile, panels[0].frames.shape[1:], LARGEST_TILE, pixel_size_nm))
    width = max(rows[0].shape[1], NARROWEST_SHEET)
    parts = []
    for panel, row in zip(panels, rows, strict=True):
        parts += [strip(width, panel.title), row]
    whole = np.concatenate([_widened(part, width) for part in [*parts, *lines]])
    with written_aside(path) as aside:
        Image.fromarray(np.pad(whole, ((0, 0), (GAP, GAP)))).save(aside, format="PNG")


def _row(pictures: Sequence[Picture]) -> Picture:
    """Put pictures side by side with gaps between."""
    gap = np.zeros((len(pictures[0]), GAP), np.uint8)
    parts = [part for each in pictures for part in (gap, each)]
    return np.concatenate(parts[1:], axis=1)


def _widened(part: Picture, width: int) -> Picture:
    return np.pad(part, ((0, 0), (0, width - part.shape[1])))
