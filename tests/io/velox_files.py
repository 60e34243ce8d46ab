"""Velox files of known content, and ways to spoil them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from stemjax.sheet import Acquisition
from stemjax.simulate.velox import METADATA_BYTES, ScanSettings, write_velox

SCAN = ScanSettings(
    dwell_us=0.1,
    line_time_us=32.8,
    pixel_size_nm=2.1,
    current_pa=50.0,
    started=1_700_000_000,
    rotation=0.5,
)


@dataclass(frozen=True)
class Files:
    """One acquisition's row of the sheet, and what is in its files."""

    row: Acquisition
    rapid: np.ndarray
    slow: np.ndarray


def noise(seed: int, *shape: int) -> np.ndarray:
    """Draw random frames that use all of the 16 bit."""
    frames = np.random.default_rng(seed).integers(0, 65536, shape, dtype=np.uint16)
    frames[..., 0, 0], frames[..., 0, 1] = 0, 65535
    return frames


def make_files(folder: Path, frames: int = 4, name: str = "a1") -> Files:
    """Write rapid frames and a slow scan, higher than wide."""
    folder.mkdir(parents=True, exist_ok=True)
    rapid, slow = noise(0, frames, 64, 48), noise(1, 64, 48)
    paths = [str(folder / f"{name}-{kind}.emd") for kind in ("rapid", "slow")]
    write_velox(paths[0], rapid, SCAN)
    write_velox(paths[1], [slow], replace(SCAN, dwell_us=5.0, line_time_us=268.0))
    return Files(Acquisition("a1", "s1", "train", *paths), rapid, slow)


def edit_metadata(path: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the JSON text of every frame of a Velox file."""
    with h5py.File(path, "r+") as file:
        (image,) = file["Data/Image"].values()
        for k, column in enumerate(image["Metadata"][...].T):
            content = json.loads(column.tobytes().rstrip(b"\0"))
            change(content)
            text = json.dumps(content).encode().ljust(METADATA_BYTES, b"\0")
            image["Metadata"][:, k] = np.frombuffer(text, np.uint8)


def add_image(path: str, title: str, frames: np.ndarray) -> None:
    """Put a second image of this title beside the one of a Velox file."""
    with h5py.File(path, "r+") as file:
        images = file["Data/Image"].items()
        first = next(name for name, image in images if image["Data"].dtype == "u2")
        operation = next(iter(file["Operations/StemInputOperation"].values()))
        name = title.encode().hex().ljust(32, "0")
        file.copy(f"Data/Image/{first}", f"Data/Image/{name}")
        image = file[f"Data/Image/{name}"]
        for dataset in ("Data", "Metadata", "FrameLookupTable"):
            image[dataset].resize(len(frames), axis=image[dataset].ndim - 1)
        image["Metadata"][...] = file[f"Data/Image/{first}/Metadata"][:, :1]
        image["Data"][...] = np.moveaxis(frames, 0, -1)
        about = json.loads(operation[0])
        about |= {"dataPath": f"/Data/Image/{name}", "detector": title}
        text = file.create_dataset(
            f"Operations/StemInputOperation/{name}", (1,), h5py.string_dtype("ascii")
        )
        text[0] = json.dumps(about)
