"""The pairs of one split, and patches drawn from them."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from stemjax.dataset.field import FieldPairs, load_field
from stemjax.dataset.neighbours import MOVING, Window, cut, move_a_part, window
from stemjax.dataset.scale import Scale
from stemjax.progress import track
from stemjax.typing import AnyFrames, AnyImage, Json

Patches = Float[np.ndarray, "batch patch patch channels"]


@dataclass(frozen=True)
class Pairs:
    """All fields of view of one split, in the network's intensity range."""

    fields: tuple[FieldPairs, ...]

    @property
    def frames(self) -> int:
        """Number of rapid frames."""
        return sum(len(field.rapid) for field in self.fields)


def load_pairs(dataset: Json, split: str) -> Pairs:
    """Load one split of an assembled data set in the network's intensity range.

    Args:
        dataset: the record that :func:`~stemjax.dataset.assemble.assemble` returned.
        split: ``train`` or ``validation``.
    """
    scale = Scale(**dataset["scale"])
    entries = [entry for entry in dataset["pairs"] if entry["split"] == split]
    fields = []
    for entry in track(entries, len(entries), f"load {split} fields of view"):
        paths = (entry[key] for key in ("converted", "dcfi", "distortion"))
        field = load_field(*paths, dataset["target"], range(*entry["frames"]), scale)
        top, bottom, left, right = field.inside
        first, last = entry["rows"]
        inside = (max(top, first), min(bottom, last), left, right)
        fields.append(replace(field, inside=inside))
    return Pairs(tuple(fields))


def draw_patches(
    pairs: Pairs, rng: np.random.Generator, batch_size: int, patch: int, context: int = 1
) -> tuple[Patches, Patches]:
    """Draw patches evenly over frames, half of them flipped along the slow axis.

    A flip along the scan, or a rotation, would turn the detector's lag around: such frames
    do not exist.

    Returns:
        Rapid patches, with `context` frames for their channels, and their targets (one channel).
    """
    counts = np.array([len(field.rapid) for field in pairs.fields])
    first = np.concatenate([[0], np.cumsum(counts)])
    rapid = np.empty((batch_size, patch, patch, context), np.float32)
    target = np.empty((batch_size, patch, patch, 1), np.float32)
    for k, drawn in enumerate(rng.integers(0, first[-1], batch_size)):
        index = int(np.searchsorted(first, drawn, side="right")) - 1
        field, frame = pairs.fields[index], int(drawn - first[index])
        seen = window(frame, context, len(field.rapid))
        y, x = corner = _corner(field, rng, patch)
        cutout = cut(field.rapid, seen, corner, patch)
        step = -1 if rng.random() < 0.5 else 1
        still = field.target if field.target is not None else _other(field.rapid, seen, rng)
        target[k, ..., 0] = still[y : y + patch, x : x + patch][::step]
        if context > 1 and rng.random() < MOVING:
            move_a_part(cutout, field.rapid, seen, corner, rng)
        rapid[k] = np.moveaxis(cutout, 0, -1)[::step]
    return rapid, target


def _other(frames: AnyFrames, seen: Window, rng: np.random.Generator) -> AnyImage:
    """Give any frame that the network does not see: its noise is its own."""
    first, last = int(seen[0]), int(seen[-1])
    other = int(rng.integers(len(frames) - (last - first + 1)))
    return frames[other if other < first else other + last - first + 1]


def _corner(field: FieldPairs, rng: np.random.Generator, patch: int) -> tuple[int, int]:
    top, bottom, left, right = field.inside
    # Where both scans saw less than a patch, take the frame's own part nearest to it.
    height, width = field.rapid.shape[1:]
    y = rng.integers(top, max(bottom - patch, top) + 1)
    x = rng.integers(left, max(right - patch, left) + 1)
    return min(int(y), height - patch), min(int(x), width - patch)
