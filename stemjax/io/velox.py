"""What varies from frame to frame in a Velox stack: all its metadata columns, not the first."""

import json
from collections.abc import Iterator

import h5py
import numpy as np
from jaxtyping import Float, UInt8

from stemjax.typing import Json

PerFrame = dict[str, Float[np.ndarray, " t"]]


def frame_metadata(image: h5py.Group, frames: int) -> PerFrame:
    """Collect the numbers in the metadata of a stack that are not the same for all frames.

    Among them are the live drift correction (``...ScanTransformation.A13`` and ``A23``, as a
    fraction of the field of view) and the whole seconds of the acquisition's clock.

    Args:
        image: ``/Data/Image/{id}`` of a Velox file; its ``Metadata`` holds one JSON text per
            column, padded with zeros.
        frames: columns to read, at most as many as there are.

    Returns:
        Values (t,) by dotted key; NaN for frames that do not have the key.
    """
    count = min(frames, image["Metadata"].shape[1])
    rows = [dict(_numbers(_parsed(image["Metadata"][:, k]))) for k in range(count)]
    keys = sorted({key for row in rows for key in row})
    columns = {key: np.array([row.get(key, np.nan) for row in rows]) for key in keys}
    return {key: values for key, values in columns.items() if np.ptp(values) != 0}


def _parsed(column: UInt8[np.ndarray, " bytes"]) -> Json:
    return dict(json.loads(column.tobytes().rstrip(b"\0").decode("utf-8", "replace")))


def _numbers(group: Json, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield numbers by dotted key; Velox writes every value as a string."""
    for key, value in group.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            try:
                yield f"{prefix}{key}", float(value)
            except ValueError:
                continue
