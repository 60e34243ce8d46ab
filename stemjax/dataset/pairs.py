"""Load pairs on the slow grid, or in rapid geometry, and draw patches from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from stemjax.dataset.geometry import map_or_identity
from stemjax.distortion.lag import lag_from_json
from stemjax.distortion.map import undistort, warp_matrices
from stemjax.distortion.offset import field_offset
from stemjax.io.store import open_store
from stemjax.progress import track
from stemjax.records import read_record
from stemjax.typing import Frames, Image, Json

BORDER = 3  # pixels beside the edge of what both scans saw, which interpolation touches

Patches = Float[np.ndarray, "batch patch patch 1"]


@dataclass(frozen=True)
class FieldPairs:
    """Rapid frames of one field of view, with the target of them all.

    Attributes:
        rapid: (t, y, x) undistorted, unless they stay in rapid geometry, and moved onto the target.
        target: (y, x).
        inside: first and last + 1 row and column that both scans saw.
    """

    rapid: Frames
    target: Image
    inside: tuple[int, int, int, int]


@dataclass(frozen=True)
class Pairs:
    """All fields of view of one split, in the network's intensity range."""

    fields: tuple[FieldPairs, ...]

    @property
    def frames(self) -> int:
        """Number of rapid frames."""
        return sum(len(field.rapid) for field in self.fields)


def load_field(
    converted: str | Path,
    dcfi: str | Path,
    distortion: str | Path | None,
    target: str,
    frames: Sequence[int],
) -> FieldPairs:
    """Load frames of one acquisition onto the slow grid, or as they were recorded.

    Each frame is moved by its own drift and the field's offset, so that it lies on the slow
    scan; the target itself is not interpolated (a DCFI target is mapped as the frames are).
    In rapid geometry a frame is moved by its drift alone.

    Args:
        converted: record of the conversion; its store lies beside it.
        dcfi: record of the integration.
        distortion: record of the session's map; None for rapid geometry.
        target: ``slow`` or ``dcfi``.
        frames: which to load.
    """
    converted = Path(converted)
    session = read_record(distortion) if distortion else None
    source, _ = open_store(converted.with_suffix(".zarr"))
    integrated, _ = open_store(Path(dcfi).with_suffix(".zarr"))
    drift = np.asarray(integrated["drift"])
    height, width = source["rapid"].shape[1:]
    mean = np.asarray(integrated["dcfi"], np.float32)
    the_map = map_or_identity(session, width)
    if session is None:
        shift = np.zeros(2)
    elif converted.stem in session["shifts"]:
        shift = np.array(session["shifts"][converted.stem])
    else:  # the map was fitted before this field of view was there
        lag = lag_from_json(session["lag"])
        shift = field_offset(the_map, lag, mean, np.asarray(source["slow"]))
    rapid = np.empty((len(frames), height, width), np.float32)
    for k, frame in enumerate(frames):
        y, x = drift[frame] - shift
        rows, columns = warp_matrices(the_map, height, (float(y), float(x)))
        rapid[k] = undistort(source["rapid"][frame].astype(np.float32), rows, columns)
    if target == "dcfi":
        rows, columns = warp_matrices(the_map, height, (-float(shift[0]), -float(shift[1])))
        still = undistort(mean, rows, columns)
    else:
        still = np.asarray(source["slow"], np.float32)
    border = BORDER + int(np.ceil(np.abs(drift[list(frames)] - shift).max()))
    seen = np.flatnonzero(the_map.valid)
    top = border + int(np.ceil(max(-the_map.row_shift, 0)))
    bottom = height - border - int(np.ceil(max(the_map.row_shift, 0)))
    inside = (top, bottom, int(seen[0]) + border, int(seen[-1]) + 1 - border)
    return FieldPairs(rapid, still, inside)


def load_pairs(dataset: Json, split: str) -> Pairs:
    """Load one split of an assembled data set in the network's intensity range.

    Args:
        dataset: the record that :func:`~stemjax.dataset.assemble.assemble` returned.
        split: ``train`` or ``validation``.
    """
    scale = dataset["scale"]
    entries = [entry for entry in dataset["pairs"] if entry["split"] == split]
    fields = []
    for entry in track(entries, len(entries), f"load {split} fields of view"):
        paths = (entry[key] for key in ("converted", "dcfi", "distortion"))
        field = load_field(*paths, dataset["target"], range(entry["frames"]))
        top, bottom, left, right = field.inside
        first, last = entry["rows"]
        fields.append(
            FieldPairs(
                (field.rapid - scale["rapid_offset"]) / scale["rapid_scale"],
                (field.target - scale["target_offset"]) / scale["target_scale"],
                (max(top, first), min(bottom, last), left, right),
            )
        )
    return Pairs(tuple(fields))


def draw_patches(
    pairs: Pairs, rng: np.random.Generator, batch_size: int, patch: int
) -> tuple[Patches, Patches]:
    """Draw patches evenly over frames, half of them flipped along the slow axis.

    A flip along the scan, or a rotation, would turn the detector's lag around: such frames
    do not exist.

    Returns:
        Rapid patches and their targets.
    """
    counts = np.array([len(field.rapid) for field in pairs.fields])
    first = np.concatenate([[0], np.cumsum(counts)])
    rapid = np.empty((batch_size, patch, patch, 1), np.float32)
    target = np.empty_like(rapid)
    for k, frame in enumerate(rng.integers(0, first[-1], batch_size)):
        index = int(np.searchsorted(first, frame, side="right")) - 1
        field = pairs.fields[index]
        y, x = _corner(field, rng, patch)
        box = (slice(y, y + patch), slice(x, x + patch))
        step = -1 if rng.random() < 0.5 else 1
        rapid[k, ..., 0] = field.rapid[frame - first[index]][box][::step]
        target[k, ..., 0] = field.target[box][::step]
    return rapid, target


def _corner(field: FieldPairs, rng: np.random.Generator, patch: int) -> tuple[int, int]:
    top, bottom, left, right = field.inside
    # Where both scans saw less than a patch, take the frame's own part nearest to it.
    height, width = field.target.shape
    y = rng.integers(top, max(bottom - patch, top) + 1)
    x = rng.integers(left, max(right - patch, left) + 1)
    return min(int(y), height - patch), min(int(x), width - patch)
