"""Array types shared by all stages: the axes are always (t, y, x), in that order."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt16

Image = Float[np.ndarray, "y x"]
Frames = Float[np.ndarray, "t y x"]
RawFrames = UInt16[np.ndarray, "t y x"]
AnyFrames = Shaped[np.ndarray, "t y x"]
AnyImage = Shaped[np.ndarray, "y x"]
Columns = Float[np.ndarray, " x"]
ColumnMask = Bool[np.ndarray, " x"]
Json = dict[str, Any]
