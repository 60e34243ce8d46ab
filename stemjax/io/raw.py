"""Images inside a microscope's file, as plain descriptions with lazily read frames."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
from rsciio.emd import file_reader

from stemjax.errors import Refused
from stemjax.sheet import split_title
from stemjax.typing import Json

UNITS_NM = {"m": 1e9, "mm": 1e6, "um": 1e3, "µm": 1e3, "μm": 1e3, "nm": 1.0, "pm": 1e-3}
UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class RawImage:
    """One image or image stack of a file.

    Attributes:
        title: as the vendor's software shows it.
        frames: (t, y, x), read when computed, one frame to a chunk.
        pixel_size_nm: pixel size in nanometres, None where the file does not say.
        frame_time_s: seconds from frame to frame, None where the file does not say.
        dwell_us: dwell time in microseconds, None where the file does not say.
        line_time_us: line time in microseconds, None where the file does not say.
        rotation_rad: scan rotation, 0 where the file does not say.
        vendor: metadata of the first frame as the vendor wrote them.
    """

    title: str
    frames: da.Array
    pixel_size_nm: float | None
    frame_time_s: float | None
    dwell_us: float | None
    line_time_us: float | None
    rotation_rad: float
    vendor: Json

    def describe(self) -> str:
        """Tell this image from its neighbours in an error message."""
        size = " x ".join(str(n) for n in self.frames.shape)
        dwell = f", {self.dwell_us:g} us" if self.dwell_us else ""
        return f"'{self.title}' ({size}{dwell})"


def read_images(path: str | Path) -> list[RawImage]:
    """List the grey-scale images of a Velox EMD file.

    Raises:
        Refused: the file cannot be read as what its name says.
    """
    path = Path(path)
    if path.suffix.lower() != ".emd":
        raise Refused(f"{path}: files of type '{path.suffix}' are not read; Velox .emd is")
    try:
        signals = file_reader(str(path), lazy=True, select_type="images")
    except Exception as error:  # a broken file can fail anywhere inside a reader
        raise Refused(f"{path}: cannot be read as a Velox EMD file: {error}") from error
    images = [_image(signal) for signal in signals if len(signal["axes"]) in (2, 3)]
    if not images:
        raise Refused(f"{path}: holds no image")
    return images


def pick_rapid(path: str) -> RawImage:
    """Find the stack of rapid frames: the longest that is no DCFI, or ``file::TITLE``.

    Raises:
        Refused: there is none, or several look alike.
    """
    images = [image for image in _named(path) if "DCFI" not in image.title]
    longest = max((len(image.frames) for image in images), default=0)
    return _only(path, [image for image in images if len(image.frames) == longest], "rapid stack")


def pick_still(path: str, *, dcfi: bool) -> RawImage:
    """Find a slow scan or a DCFI image, or ``file::TITLE``; of a running series the last is taken.

    Raises:
        Refused: there is none, or several look alike.
    """
    images = list(_named(path))
    if split_title(path)[1] is None and len(images) > 1:
        images = [image for image in images if ("DCFI" in image.title) == dcfi]
    return _only(path, images, "DCFI image" if dcfi else "slow scan")


def _named(path: str) -> Iterator[RawImage]:
    file, title = split_title(path)
    return (image for image in read_images(file) if title in (None, image.title))


def _only(path: str, candidates: list[RawImage], what: str) -> RawImage:
    if len(candidates) == 1:
        return candidates[0]
    file = split_title(path)[0]
    there = ", ".join(image.describe() for image in read_images(file))
    if not candidates:
        raise Refused(f"{path}: no {what} found; the file holds {there}")
    raise Refused(f"{path}: which is the {what}? Write {file}::TITLE; the file holds {there}")


def _image(signal: Mapping[str, Any]) -> RawImage:
    axes = signal["axes"]
    data = signal["data"]
    x = axes[-1]
    vendor = signal["original_metadata"]
    scan = vendor.get("Scan", {})
    calibrated = "PixelSize" in vendor.get("BinaryResult", {})  # else the reader says 1 m
    frame_time = axes[0]["scale"] * UNITS_S.get(axes[0]["units"], 0) if len(axes) == 3 else None
    return RawImage(
        title=str(signal["metadata"]["General"]["title"]),
        frames=data if data.ndim == 3 else data[None],
        pixel_size_nm=(x["scale"] * UNITS_NM.get(x["units"], 0) * calibrated) or None,
        frame_time_s=_number(scan, "FrameTime", 1.0) or frame_time,
        dwell_us=_number(scan, "DwellTime", 1e6),
        line_time_us=_number(scan, "LineTime", 1e6),
        rotation_rad=_number(scan, "ScanRotation", 1.0) or 0.0,
        vendor=dict(vendor),
    )


def _number(group: Mapping[str, Any], key: str, factor: float) -> float | None:
    """Read one of Velox's numbers, which are all strings; too small a factor may round."""
    return round(float(group[key]) * factor, 9) if key in group else None
