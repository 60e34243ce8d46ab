"""A trained model outside the workflow: frames in, restored frames out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt16

from stemjax.dataset.geometry import map_or_identity
from stemjax.dataset.neighbours import surroundings
from stemjax.distortion.map import DistortionMap, from_json
from stemjax.errors import Refused, UserError
from stemjax.model.stored import read_model
from stemjax.records import read_record
from stemjax.restore.frames import Network, bind, load_network
from stemjax.typing import Json

BLOCK = 50  # frames that are taken to the network's range at once


@dataclass(frozen=True)
class Restorer:
    """A trained model that is called with frames.

    Attributes:
        record: what its folder says of it: settings, data, losses, versions.
        network: the model in memory.
    """

    record: Json
    network: Network

    def __call__(
        self,
        frames: Shaped[np.ndarray, "*t y x"],
        distortion: DistortionMap | str | Path | None = None,
    ) -> UInt16[np.ndarray, "*t y x"]:
        """Restore one frame (y, x) or many (t, y, x), in the target's intensities.

        A network with context sees the frames before and after each, as far as they are given.

        Args:
            frames: as recorded, in grey levels.
            distortion: map of their session, or its file; None for frames that are undistorted
                already, or that shall stay in rapid geometry.

        Raises:
            UserError: the file holds no map, or the map is for frames of another width.
        """
        stack = frames.reshape(-1, *frames.shape[-2:])
        height, width = stack.shape[1:]
        the_map = _any_map(distortion, width)
        if the_map.width != width:
            raise UserError(f"the map is for frames {the_map.width} pixels wide, not {width}")
        restore = bind(self.network, the_map, height)
        context = self.network.settings.unet.context
        restored = np.empty(stack.shape, np.uint16)
        for first in range(0, len(stack), BLOCK):
            block = slice(first, min(first + BLOCK, len(stack)))
            seen, inside = surroundings(block, context, len(stack))
            restored[block] = restore(stack[seen], inside)
        return restored.reshape(frames.shape)


def load_restorer(folder: str | Path, key: str = "stemjax.load") -> Restorer:
    """Read a trained model.

    Args:
        folder: of the model, ``results/models/NAME`` or a copy of it.
        key: what names the folder, for messages.

    Raises:
        UserError: there is no finished model.
    """
    return Restorer(read_model(folder, key), load_network(folder))


def read_map(path: str | Path) -> Json:
    """Read the record of a distortion map that a user names.

    Raises:
        UserError: there is none.
    """
    try:
        record = read_record(path)
        from_json(record)
    except (OSError, ValueError, KeyError, TypeError, Refused) as error:
        raise UserError(f"{path} holds no distortion map: {error}") from None
    return record


def _any_map(distortion: DistortionMap | str | Path | None, width: int) -> DistortionMap:
    if isinstance(distortion, DistortionMap):
        return distortion
    return map_or_identity(None if distortion is None else read_map(distortion), width)
