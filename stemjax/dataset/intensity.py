"""Measure the intensity scale of a data set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from stemjax.dataset.field import Paths, load_field, read_target
from stemjax.dataset.scale import Scale
from stemjax.errors import Refused
from stemjax.io.store import open_store
from stemjax.progress import track

PERCENTILES = (1.0, 99.0)

Bounds = list[Float[np.ndarray, " 2"]]  # low and high grey level of some images each


def measure_scale(
    fields: Sequence[Paths],
    counts: Sequence[int],
    target: str,
    kind: Literal["robust", "minmax"],
) -> Scale:
    """Measure a first frame and one half way of each field of view, and its target.

    Args:
        fields: records of each.
        counts: frames of each.
        target: ``slow``, ``dcfi`` or ``rapid``.
        kind: by percentiles of frames and target as they are learned from, or by minimum and
            maximum of each image as recorded.

    Returns:
        The scale that the medians over all fields give.

    Raises:
        Refused: the images are constant.
    """
    measure = _percentiles if kind == "robust" else _extremes
    rapid, still = [], []
    for paths, count in track(
        list(zip(fields, counts, strict=True)), len(fields), "intensity scale"
    ):
        of_frames, of_target = measure(paths, target, [0, count // 2])
        rapid += of_frames
        still += of_target
    of_rapid = _range(rapid)
    of_still = _range(still) if still else of_rapid
    return Scale(*(of_rapid if kind == "robust" else (None, None)), *of_still)


def _percentiles(paths: Paths, target: str, frames: Sequence[int]) -> tuple[Bounds, Bounds]:
    field = load_field(*paths, target, frames)
    still = [] if field.target is None else [np.percentile(field.target, PERCENTILES)]
    return [np.percentile(field.rapid, PERCENTILES)], still


def _extremes(paths: Paths, target: str, frames: Sequence[int]) -> tuple[Bounds, Bounds]:
    source = open_store(Path(paths[0]).with_suffix(".zarr"))[0]["rapid"]
    still = read_target(*paths[:2], target)
    images = [] if still is None else [still]
    return [_bounds(source[frame]) for frame in frames], [_bounds(image) for image in images]


def _bounds(image: np.ndarray) -> Float[np.ndarray, " 2"]:
    return np.array([image.min(), image.max()], float)


def _range(bounds: Bounds) -> tuple[float, float]:
    low, high = np.median(bounds, axis=0)
    if not high > low:
        raise Refused("the frames to learn from are constant")
    return round(float(low + high) / 2, 3), round(float(high - low) / 2, 3)
