"""One image of a microscope's file: lazily read frames and what the vendor says of them."""

import errno
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np

from stemjax.errors import Refused
from stemjax.typing import Json

MICRO = ("u", "µ", "μ", "\\u00B5")  # ImageJ writes the last
UNITS_NM = {
    **{"m": 1e9, "meter": 1e9, "meters": 1e9, "mm": 1e6, "millimeter": 1e6},
    **{f"{micro}m": 1e3 for micro in MICRO},
    **{"micron": 1e3, "microns": 1e3, "micrometer": 1e3, "nm": 1.0, "nanometer": 1.0},
    **{"\u00c5": 0.1, "\u212b": 0.1, "A": 0.1, "angstrom": 0.1},  # letter and unit
    **{"pm": 1e-3, "picometer": 1e-3},
}
UNITS_S = {
    **{"s": 1.0, "sec": 1.0, "second": 1.0, "ms": 1e-3, "millisecond": 1e-3},
    **{f"{micro}s": 1e-6 for micro in MICRO},
    **{"microsecond": 1e-6, "ns": 1e-9, "nanosecond": 1e-9, "min": 60.0, "minute": 60.0},
}
MIN_SIDE = 8  # px; below that it is a spectrum or a point, not a scan
MAX_FRAME_BYTES = 2**30
# Errors of the machine: disk, memory or open files at their end, a file server that is away.
MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE),
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNRESET, errno.EHOSTDOWN),
}
LONG = 1024  # entries; longer arrays among the metadata are look-up tables and thumbnails


def is_the_machines(error: Exception) -> bool:
    """Tell whether an error is not the file's, so that another attempt may read it.

    A refusal would stay until the file changes.
    """
    causes = (error, error.__cause__)
    return any(isinstance(e, MemoryError) or getattr(e, "errno", None) in MACHINE for e in causes)


@dataclass(frozen=True)
class RawImage:
    """One image or image stack of a file.

    Attributes:
        title: as the vendor's software shows it.
        frames: (t, y, x) in native byte order, read when computed, one frame to a chunk.
        pixel_size_nm: pixel size in nanometres, None where the file does not say.
        frame_time_s: seconds from frame to frame, None where the file does not say.
        dwell_us: dwell time in microseconds, None where the file does not say.
        line_time_us: line time in microseconds, None where the file does not say.
        rotation_rad: scan rotation, 0 where the file does not say.
        vendor: metadata of the first frame as the vendor wrote them, as plain JSON.
        group: of a Velox file, the HDF5 group that holds this image.
        problem: why this image can be neither frames nor a slow scan; empty where it can.
    """

    title: str
    frames: da.Array
    pixel_size_nm: float | None
    frame_time_s: float | None
    dwell_us: float | None
    line_time_us: float | None
    rotation_rad: float
    vendor: Json
    group: str = ""
    problem: str = ""

    def describe(self) -> str:
        """Tell this image from its neighbours in an error message."""
        size = " x ".join(str(n) for n in self.frames.shape)
        dwell = f", {self.dwell_us:g} us" if self.dwell_us else ""
        problem = f", {self.problem}" if self.problem else ""
        return f"'{self.title}' ({size}{dwell}{problem})"


def make_image(title: str, data: da.Array, vendor: Mapping[str, Any], **known: Any) -> RawImage:
    """Describe an array (y, x) or (t, y, x) of a file.

    Args:
        title: of the image.
        data: as stored; any byte order, any chunks.
        vendor: metadata; dwell, line and frame time and rotation are taken from Velox's
            ``Scan`` or DigitalMicrograph's ``DigiScan``.
        known: what the format itself says, which stands above `vendor`: fields of
            :class:`RawImage`.
    """
    frames = data[None] if data.ndim == 2 else data
    if not frames.dtype.isnative:
        frames = frames.astype(frames.dtype.newbyteorder("="))
    if frames.ndim == 3 and 0 not in frames.shape:
        frames = frames.rechunk((1, -1, -1))
    found = scan_settings(vendor, frames.shape[-1])
    found |= {key: value for key, value in known.items() if value is not None}
    found.setdefault("problem", _problem(frames))
    empty = dict.fromkeys(("pixel_size_nm", "frame_time_s", "dwell_us", "line_time_us"))
    fields = {**empty, "rotation_rad": 0.0, **found}
    return RawImage(title=title, frames=frames, vendor=plain(vendor), **fields)


def frames_at(
    path: Path, offsets: np.ndarray, record: np.dtype, shape: tuple[int, int]
) -> da.Array:
    """Give the frames (t, y, x) whose records start at these bytes of a file, read one by one.

    Args:
        path: of the file, which is open only while a frame is read.
        offsets: (t,) bytes from the file's start.
        record: type of the pixels; or of SER's whole record, with its pixels as ``Array``, the
            last row first.
        shape: of a frame, (y, x).
    """
    pixel = record["Array"].base if record.names else record
    return da.from_array(np.asarray(offsets, np.int64), chunks=1).map_blocks(
        partial(_frame_at, str(path), record, shape),
        dtype=pixel,
        chunks=((1,) * len(offsets), (shape[0],), (shape[1],)),
        new_axis=[1, 2],
    )


def _frame_at(
    path: str, record: np.dtype, shape: tuple[int, int], offsets: np.ndarray
) -> np.ndarray:
    count = 1 if record.names else shape[0] * shape[1]
    content = np.fromfile(path, record, count, offset=int(offsets[0]))
    if record.names:
        if len(content) and (content["ArraySizeY"][0], content["ArraySizeX"][0]) != shape:
            raise Refused(f"{path}: not all frames have the size of the first, {shape}")
        content = content["Array"].reshape(shape)[::-1]
    return content.reshape(1, *shape)


def scan_settings(vendor: Mapping[str, Any], width: int) -> Json:
    """Read dwell, line and frame time and rotation from metadata of Velox or DigiScan."""
    found: Json = {}
    scan = vendor.get("Scan")
    if isinstance(scan, Mapping):
        for key, name, factor in (
            ("DwellTime", "dwell_us", 1e6),
            ("LineTime", "line_time_us", 1e6),
            ("FrameTime", "frame_time_s", 1.0),
        ):
            found[name] = positive(scan.get(key), factor)
        found["rotation_rad"] = float(scan.get("ScanRotation", 0.0))
    tags: Any = vendor
    for key in ("ImageList", "TagGroup0", "ImageTags", "DigiScan"):
        tags = tags.get(key, {}) if isinstance(tags, Mapping) else {}
    if dwell := positive(tags.get("Sample Time"), 1.0):
        found["dwell_us"] = dwell
        found["line_time_us"] = width * dwell + float(tags.get("Flyback", 0.0))
        found["rotation_rad"] = math.radians(float(tags.get("Rotation", 0.0)))
    return {key: value for key, value in found.items() if value is not None}


def positive(value: Any, factor: float | None) -> float | None:
    """Scale a number that may be a string (Velox's all are); None where it says nothing."""
    try:
        number = round(float(value) * factor, 9)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < math.inf else None


def plain(value: Any) -> Any:
    """Turn a reader's metadata into what JSON can hold; arrays too long to read are left out."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist()) if value.size <= LONG else f"{value.size} values"
    if isinstance(value, list | tuple):
        return [plain(each) for each in value] if len(value) <= LONG else f"{len(value)} values"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _problem(frames: da.Array) -> str:
    if frames.dtype.kind == "c":
        return "complex"
    if frames.dtype.names is not None:
        return "colour"
    if frames.dtype.kind not in "iuf":
        return f"of type {frames.dtype}"
    if frames.ndim != 3:
        return f"of {frames.ndim} dimensions"
    if len(frames) == 0:
        return "without frames"
    if min(frames.shape[1:]) < MIN_SIDE:
        return f"smaller than {MIN_SIDE} x {MIN_SIDE}"
    if math.prod(frames.shape[1:]) * frames.dtype.itemsize > MAX_FRAME_BYTES:
        return "of frames above 1 GiB"
    return ""
