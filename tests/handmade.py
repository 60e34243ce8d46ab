"""Stores and records made by hand, so that what a stage makes of them can be told on paper."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx
from scipy.ndimage import gaussian_filter

from stemjax.config import Model, Train
from stemjax.config import UNet as UNetSettings
from stemjax.distortion.lag import Lag, lag_from_json
from stemjax.distortion.map import DistortionMap, warp_matrices
from stemjax.evaluate.references import References
from stemjax.io.store import create_frames, create_image, describe, multiscale, new_store
from stemjax.model.parameters import save_parameters
from stemjax.model.unet import UNet
from stemjax.provenance import digest, write_json

PIXEL_NM, FRAME_S = 2.0, 0.05
SCAN = {"dwell_us": 0.1, "line_time_us": 54.4, "rotation_rad": 0.0}
MARGIN = 32  # of a canvas around the view that is not moved

Record = dict[str, Any]


def canvas(seed: int, size: int = 64) -> np.ndarray:
    """Make a smooth specimen, wider than a frame on all sides."""
    noise = np.random.default_rng(seed).standard_normal((size + 2 * MARGIN,) * 2)
    smooth = gaussian_filter(noise, 2.0)
    return np.rint(20_000 + 4_000 * smooth / smooth.std()).clip(0, 65535).astype(np.uint16)


def view(specimen: np.ndarray, y: int = 0, x: int = 0) -> np.ndarray:
    """See the specimen through a frame that was moved by whole pixels."""
    height, width = (n - 2 * MARGIN for n in specimen.shape)
    return specimen[MARGIN + y : MARGIN + y + height, MARGIN + x : MARGIN + x + width]


def straight(width: int, shift: float = 0.0, row_shift: float = 0.0) -> DistortionMap:
    """Make the map of a rapid scan that is merely moved: column x is found at ``x + shift``."""
    columns = np.arange(float(width)) + shift
    valid = (columns >= 0) & (columns <= width - 1)
    return DistortionMap(columns, valid, float(row_shift), np.full(width, 0.1))


def settings(
    patch: int = 16,
    *,
    target: str = "slow",
    correct: bool = True,
    frames: int | None = None,
    **train: Any,
) -> Model:
    """Give settings of a network that trains in seconds."""
    chosen = {"epochs": 2, "batch_size": 4, "patch": patch, **train}
    return Model(
        target=target,
        correct=correct,
        frames=frames,
        unet=UNetSettings(features=2, depth=1),
        train=Train(**chosen),
    )


NO_LAG = {"decays_us": [1e-4, 1e-3], "weights": [0.9, 0.1], "delay_px": 0.0}
NO_LAG |= {"amplifier_us": 1e-5, "dwell_us": 0.1, "decays_error_us": [1e-5, 1e-4]}


def references(
    rapid: np.ndarray,
    *,
    slow: Sequence[np.ndarray | None] = (),
    truth: Sequence[np.ndarray | None] = (),
    dcfi: Sequence[np.ndarray | None] = (),
    border: int = 8,
    first: int = 0,
    mapped: bool = True,
    lag: Lag | None = None,
) -> References:
    """Give what frames (t, y, x) are compared with, of a scan that is not distorted."""
    nothing: list[np.ndarray | None] = [None] * len(rapid)
    _, height, width = rapid.shape
    return References(
        index=np.arange(first, first + len(rapid)),
        raw=rapid,
        still=list(dcfi) or nothing,
        rapid=rapid,
        dcfi=list(dcfi) or nothing,
        slow=list(slow) or nothing,
        truth=list(truth) or nothing,
        inside=(slice(border, height - border), slice(border, width - border)),
        geometry="slow" if mapped else "rapid",
        warp=warp_matrices(straight(width), height),
        distortion=straight(width),
        lag=(lag or lag_from_json(NO_LAG)) if mapped else None,
        pixel_size_nm=PIXEL_NM,
        integrated=len(rapid),
    )


class Handmade:
    """A folder of results, each of them as a stage would have left it."""

    def __init__(self, folder: Path) -> None:
        self.results = folder / "results"

    def record(self, path: str, **content: Any) -> Path:
        """Write the record of a result."""
        write_json(self.results / path, {"status": "ok", **content})
        return self.results / path

    def refused(self, path: str, reason: str) -> Path:
        """Write the record of a stage that refused its data."""
        write_json(self.results / path, {"status": "refused", "reason": reason})
        return self.results / path

    def converted(self, name: str, rapid: np.ndarray, slow: np.ndarray | None = None) -> Path:
        """Store rapid frames and slow scan as a conversion does."""
        images = {} if slow is None else {"slow": slow}
        about = {"acquisition": name, "pixel_size_nm": PIXEL_NM, "frame_time_s": FRAME_S}
        with new_store(self.results / f"converted/{name}.zarr") as group:
            create_frames(group, "rapid", rapid.shape, rapid.dtype)[...] = rapid
            for key, image in images.items():
                create_image(group, key, image)
            describe(group, [multiscale("rapid", PIXEL_NM, FRAME_S)], about)
        return self.record(
            f"converted/{name}.json",
            digest=digest(rapid, *images.values()),
            frames=len(rapid),
            shape=list(rapid.shape[1:]),
            scan=SCAN,
            slow=slow is not None,
            dcfi=False,
        )

    def dcfi(self, name: str, image: np.ndarray, drift: np.ndarray, first_frame: int = 0) -> Path:
        """Store an integrated image and the drift of its frames as the integration does."""
        image = image.astype(np.float32)
        with new_store(self.results / f"dcfi/{name}.zarr") as group:
            create_image(group, "dcfi", image)
            group.create_array("drift", data=np.asarray(drift, float))
            about = {"acquisition": name, "first_frame": first_frame}
            describe(group, [multiscale("dcfi", PIXEL_NM)], about)
        return self.record(
            f"dcfi/{name}.json",
            digest=digest(image, np.asarray(drift)),
            frames=len(drift),
            first_frame=first_frame,
            computed=True,
        )

    def map(
        self,
        session: str,
        distortion: DistortionMap,
        shifts: dict[str, Sequence[float]] | None = None,
        height: int | None = None,
    ) -> Path:
        """Write a session's map as the fit does."""
        strips = {**distortion.to_json(), "acquisition": "elsewhere", "strip_width": 10}
        content = {**distortion.to_json(), "shifts": shifts or {}}
        return self.record(
            f"distortion/{session}.json",
            **content,
            acquisitions=sorted(shifts or {}),
            left_out={},
            leave_one_out_px={},
            method="spline",
            lag=NO_LAG,
            strips=strips,
            scan={**SCAN, "shape": [height or distortion.width, distortion.width]},
            digest=digest(content),
        )

    def still(self, name: str, specimen: np.ndarray, frames: int = 4) -> tuple[Path, Path]:
        """Store frames without drift or noise, their integration and their slow scan."""
        slow = view(specimen)
        return (
            self.converted(name, np.stack([slow] * frames), slow),
            self.dcfi(name, slow, np.zeros((frames, 2))),
        )

    def model(
        self,
        name: str,
        chosen: Model,
        scale: dict[str, float],
        *,
        last: float = 0.0,
        **content: Any,
    ) -> Path:
        """Write a network, which gives back what it is given where its `last` layer is zero."""
        _, state = nnx.split(nnx.eval_shape(lambda: UNet(chosen.unet, rngs=nnx.Rngs(0))))
        rng = np.random.default_rng(0)
        filled = jax.tree.map(
            lambda leaf: jax.numpy.asarray(0.3 * rng.standard_normal(leaf.shape), leaf.dtype),
            nnx.to_pure_dict(state),
        )
        filled["last"] = jax.tree.map(lambda leaf: jax.numpy.full_like(leaf, last), filled["last"])
        nnx.replace_by_pure_dict(state, filled)
        arrays = save_parameters(self.results / f"models/{name}/parameters.safetensors", state)
        values = [part for item in sorted(arrays.items()) for part in item]
        return self.record(
            f"models/{name}/model.json",
            digest=digest(*values, scale),
            config=chosen.model_dump(mode="json"),
            scale=scale,
            **content,
        )

    def restored(self, model: str, name: str, frames: np.ndarray, geometry: str = "slow") -> Path:
        """Store frames as the restoration does."""
        with new_store(self.results / f"restored/{model}/{name}.zarr") as group:
            create_frames(group, "0", frames.shape, frames.dtype)[...] = frames
            describe(group, [multiscale("0", PIXEL_NM, FRAME_S)], {"acquisition": name})
        return self.record(
            f"restored/{model}/{name}.json", digest=digest(frames), geometry=geometry
        )
