"""BM3D with each of some noise levels, on frames that a benchmark wrote.

    python bm3d_filter.py FRAMES.npz FILTERED.npy SIGMA ...

The file holds `frames` (m, y, x); what is written has one more axis first, of the levels, in
multiples of a frame's standard deviation.
"""

import sys

import numpy as np
from bm3d import bm3d


def main(frames: str, filtered: str, *levels: str) -> None:
    """Filter every frame with every level."""
    made = []
    for level in levels:
        images = np.load(frames)["frames"].astype(float)
        made.append([bm3d(image / image.std(), float(level)) * image.std() for image in images])
    np.save(filtered, np.array(made, np.float32))


if __name__ == "__main__":
    main(*sys.argv[1:])
