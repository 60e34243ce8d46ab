"""A picture of what a model learned, for its folder and the report."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import PyTree, UInt8
from PIL import Image as Picture
from PIL import ImageDraw

from stemjax.config import Model
from stemjax.dataset.neighbours import window
from stemjax.dataset.pairs import load_pairs
from stemjax.provenance import written_aside
from stemjax.typing import Image, Json

NAME = "validation.png"
CROP = 256  # pixels, of the field of view's middle
PANEL = 384  # pixels of the picture that a panel has at least
GAP, HEAD = 8, 28  # pixels between panels, and above them for their names


def draw_validation(
    graph: nnx.GraphDef, parameters: PyTree, model: Model, dataset: Json, folder: Path
) -> Json:
    """Write rapid frame, prediction and target side by side, of a field of view held back.

    Where none is held back, of one that was learned from; where frames are each other's targets,
    their mean stands for one. Prediction and target share the target's contrast; the rapid frame,
    far noisier, has its own.

    Args:
        graph: structure of the network.
        parameters: as trained.
        model: resolved settings.
        dataset: record of the data set.
        folder: of the model.

    Returns:
        What the record says of the picture: ``acquisition`` and ``split``.
    """
    held = [entry for entry in dataset["pairs"] if entry["split"] == "validation"]
    entry = (held or dataset["pairs"])[0]
    (field,) = load_pairs({**dataset, "pairs": [entry]}, entry["split"]).fields
    target = field.rapid.mean(axis=0) if field.target is None else field.target
    multiple = 2**model.unet.depth
    height, width = (n // multiple * multiple for n in target.shape)
    seen = window(0, model.unet.context, len(field.rapid))
    frame = jnp.asarray(np.moveaxis(field.rapid[seen, :height, :width], 0, -1)[None])
    predicted = nnx.merge(graph, parameters)(frame)
    top, bottom, left, right = field.inside
    patch = model.train.patch
    box = (_middle(top, bottom, height, patch), _middle(left, right, width, patch))
    rapid, prediction, target = (
        field.rapid[0][box],
        np.asarray(predicted)[0, ..., 0][box],
        target[box],
    )
    panels = {
        "rapid frame": _grey(rapid, rapid),
        "prediction": _grey(prediction, target),
        "target" if field.target is not None else "mean of frames": _grey(target, target),
    }
    with written_aside(folder / NAME) as aside:
        _side_by_side(panels).save(aside, format="png")
    return {key: entry[key] for key in ("acquisition", "split")}


def _middle(first: int, last: int, whole: int, patch: int) -> slice:
    """Take the middle of what both scans saw, but at least a patch, of `whole` pixels."""
    size = min(max(last - first, patch), CROP, whole)
    start = min(max((first + last - size) // 2, 0), whole - size)
    return slice(start, start + size)


def _grey(image: Image, like: Image) -> UInt8[np.ndarray, "y x"]:
    """Black to white from the 0.5 to the 99.5 percentile of `like`."""
    low, high = np.percentile(like, [0.5, 99.5])
    return np.rint(255 * np.clip((image - low) / max(high - low, 1e-12), 0, 1)).astype(np.uint8)


def _side_by_side(panels: dict[str, UInt8[np.ndarray, "y x"]]) -> Picture.Image:
    longest = max(max(panel.shape) for panel in panels.values())
    zoom = -(-PANEL // longest)  # whole, so that a pixel stays a square
    height, width = (zoom * n for n in next(iter(panels.values())).shape)
    size = (len(panels) * (width + GAP) - GAP, HEAD + height)
    picture = Picture.new("L", size, color=255)
    for k, (name, panel) in enumerate(panels.items()):
        left = k * (width + GAP)
        larger = panel.repeat(zoom, axis=0).repeat(zoom, axis=1)
        picture.paste(Picture.fromarray(larger), (left, HEAD))
        ImageDraw.Draw(picture).text((left + 4, 4), name, fill=0, font_size=HEAD - 10)
    return picture
