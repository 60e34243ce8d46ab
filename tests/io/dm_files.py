"""DigitalMicrograph files of known content: the tag tree of DM3 and DM4, as far as it is read."""

import struct
from pathlib import Path
from typing import Any

import numpy as np

GROUP, DATA = 20, 21
ARRAY, UNICODE = 20, 4
NUMBERS = {"u2": 4, "u4": 5, "i4": 3, "f4": 6}  # codes of the tags
PIXELS = {"u2": 10, "u4": 11, "i4": 7, "f4": 2}  # codes of the images


def write_dm(path: Path, frames: np.ndarray, version: int, dimensions: list[Any]) -> None:
    """Write a stack recorded by DigiScan; `dimensions` are (step, unit) of x, y and frames."""
    kind = frames.dtype.str[1:]
    steps = [{"Origin": 0.0, "Scale": scale, "Units": unit} for scale, unit in dimensions]
    image = {
        "ImageData": {
            "Calibrations": {
                "Brightness": {"Origin": 0.0, "Scale": 1.0, "Units": ""},
                "Dimension": steps,
            },
            "Data": frames,
            "DataType": PIXELS[kind],
            "Dimensions": list(frames.shape[::-1]),
            "PixelDepth": frames.itemsize,
        },
        "ImageTags": {"DigiScan": {"Sample Time": 0.1, "Flyback": 28.0, "Rotation": 90.0}},
        "Name": "BF",
    }
    tree = _group({"ImageList": [image]}, version, root=True)
    head = struct.pack(">i", version) + _words(version, len(tree)) + struct.pack(">i", 1)
    path.write_bytes(head + tree)


def _words(version: int, *values: int) -> bytes:
    return struct.pack(f">{len(values)}{'q' if version == 4 else 'i'}", *values)


def _group(tags: Any, version: int, *, root: bool = False) -> bytes:
    named = tags.items() if isinstance(tags, dict) else [("", each) for each in tags]
    content = b"".join(_tag(name, value, version) for name, value in named)
    size = _words(version, len(content)) if version == 4 and not root else b""
    return b"\1\0" + size + _words(version, len(tags)) + content


def _tag(name: str, value: Any, version: int) -> bytes:
    is_group = isinstance(value, dict | list)
    head = struct.pack(">BH", GROUP if is_group else DATA, len(name)) + name.encode()
    skipped = bytes(8) if version == 4 else b""
    if is_group:
        return head + _group(value, version)
    if isinstance(value, float):
        kind, content = (7,), struct.pack("<d", value)
    elif isinstance(value, int):
        kind, content = (5,), struct.pack("<I", value)
    elif isinstance(value, str):
        kind, content = (ARRAY, UNICODE, len(value)), value.encode("utf-16-le")
    else:
        kind, content = (ARRAY, NUMBERS[value.dtype.str[1:]], value.size), value.tobytes()
    return head + skipped + b"%%%%" + _words(version, len(kind), *kind) + content
