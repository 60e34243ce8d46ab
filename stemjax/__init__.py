"""Restore rapid-scan STEM series: undistort, learn rapid to slow, denoise at scale."""

from pathlib import Path
from typing import Any

__version__ = "0.1.0"


def load(model: str | Path) -> Any:
    """Load a trained model for use outside the workflow.

    ``stemjax.load("results/models/dlf-slow")(frames, "results/distortion/monday.json")`` gives
    the frames (t, y, x) restored; see :class:`stemjax.restore.restorer.Restorer`.

    Args:
        model: folder of the model.

    Raises:
        UserError: there is no finished model.
    """
    from stemjax.restore.restorer import load_restorer  # here: `import stemjax` stays light

    return load_restorer(model)
