"""Share out between training and validation: fields of view, rows of one, or frames.

Frames of one field share specimen and target: where some are learned from, the others are known.
"""

import numpy as np

Span = tuple[int, int]  # first and last + 1
Parts = dict[str, Span]  # by split


def by_fields(fields: int, share: float, seed: int) -> list[str]:
    """Draw the fields of view that are held back whole.

    Returns:
        The split of each field.
    """
    order = np.random.default_rng(seed).permutation(fields)
    held = set(order[: _held_back(fields, share, 1)].tolist())
    return ["validation" if k in held else "train" for k in range(fields)]


def by_rows(seen: Span, share: float, patch: int) -> Parts:
    """Hold back the last rows of a single field of view, more than a patch from the others.

    Args:
        seen: rows that both scans saw; each part gets at least a patch of them.
        share: of the rows to hold back.
        patch: height of a patch in pixels.

    Returns:
        Rows by split; all are learned from where they are too few to divide.
    """
    top, bottom = seen
    cut = bottom - max(round(share * (bottom - top)), patch)
    last = cut - patch - 1
    if last - top < patch:
        return {"train": seen}
    return {"train": (top, last), "validation": (cut, bottom)}


def by_frames(count: int, share: float, least: int) -> Parts:
    """Hold back the last frames of a field of view, as a split by frame does in the paper.

    Args:
        count: frames of the field.
        share: of the frames to hold back.
        least: frames that a part must have to be of use.

    Returns:
        Frames by split; all are learned from where they are too few to divide.
    """
    held = _held_back(count, share, least)
    if not held:
        return {"train": (0, count)}
    return {"train": (0, count - held), "validation": (count - held, count)}


def _held_back(parts: int, share: float, least: int) -> int:
    """Count those to hold back: at least `least`, with as many left to learn from, or none."""
    held = min(max(least, round(share * parts)), parts - least)
    return held if share > 0 and held >= least else 0
