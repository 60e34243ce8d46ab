"""What is read and what is refused: the lists that tests run through and docs/formats.md shows.

``python -m tests.io.cases`` writes docs/formats.md anew.
"""

import json
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import rsciio.hspy
import tifffile
import zarr

from stemjax.sheet import Acquisition
from stemjax.simulate.velox import write_velox
from tests.io.dm_files import write_dm
from tests.io.velox_files import SCAN, Files, add_image, edit_metadata, noise

DOCS = Path(__file__).parents[2] / "docs" / "formats.md"
PIXEL_NM, DWELL_US, FRAME_S = 2.1, 0.1, 0.5
SHAPE = (48, 64)


@dataclass(frozen=True)
class Format:
    """One kind of file.

    `tells` names what the file says: pixel, dwell, frame (time).
    """

    name: str
    suffix: str
    write: Callable[[Path, np.ndarray], object]
    tells: tuple[str, ...] = ()
    dtype: str = "u2"


def velox(path: Path, frames: np.ndarray) -> None:
    write_velox(path, frames, SCAN)


def _set_version(file: h5py.File, version: int) -> None:
    file["Version"][0] = json.dumps({"version": str(version), "format": "Velox"})


def velox_v4(path: Path, frames: np.ndarray) -> None:
    velox(path, frames)
    with h5py.File(path, "r+") as file:
        _set_version(file, 4)
        (image,) = file["Data/Image"].values()
        del image["FrameLookupTable"]


def velox_v13(path: Path, frames: np.ndarray) -> None:
    velox(path, frames)
    with h5py.File(path, "r+") as file:
        _set_version(file, 13)
        (name,) = file["Data/Image"]
        del file["Operations"]
        link = file.create_dataset(
            "SharedProperties/ImageSeriesDataReference/1", (1,), h5py.string_dtype("ascii")
        )
        link[0] = json.dumps({"dataPath": f"/Data/Image/{name}", "frameIndex": "0"})


def velox_eds(path: Path, frames: np.ndarray) -> None:
    velox(path, frames)
    with h5py.File(path, "r+") as file:
        file.create_group("Data/SpectrumImage/0")
        file.create_dataset("Data/SpectrumStream/0/Data", data=np.zeros((9, 1), "u2"))
        file.create_group("Presentation/Displays/ImageDisplay")


def add_complex(path: Path, title: str, fields: tuple[str, str]) -> None:
    """Put an FFT or DPC image beside those of a Velox file."""
    add_image(str(path), title, noise(3, 1, 64, 48))
    with h5py.File(path, "r+") as file:
        group = file[f"Data/Image/{title.encode().hex().ljust(32, '0')}"]
        del group["Data"]
        data = np.zeros((64, 48, 1), [(field, "<f4") for field in fields])
        group.create_dataset("Data", data=data, chunks=(64, 48, 1))


def velox_fft(path: Path, frames: np.ndarray) -> None:
    velox(path, frames)
    add_complex(path, "FFT", ("realFloatHalfEven", "imagFloatHalfEven"))
    add_complex(path, "DPC", ("realFloat", "imagFloat"))


def velox_not_inserted(path: Path, frames: np.ndarray) -> None:
    velox(path, frames)
    add_image(str(path), "HAADF", np.zeros_like(frames))


def velox_dcfi(path: Path, frames: np.ndarray) -> None:
    velox(path, frames)
    add_image(str(path), "DCFI", np.concatenate([frames, frames]))


def mrc(path: Path, frames: np.ndarray, order: str = "<") -> None:
    """Write the 1,024 bytes of an MRC 2014 header and the frames."""
    mode = {"i1": 0, "i2": 1, "f4": 2, "u2": 6}[frames.dtype.str[1:]]
    count, height, width = frames.shape
    head = bytearray(1024)
    struct.pack_into(f"{order}10i", head, 0, width, height, count, mode, 0, 0, 0, width, height, 1)
    struct.pack_into(f"{order}6f", head, 40, 21.0 * width, 21.0 * height, 21.0, 90, 90, 90)
    struct.pack_into(f"{order}3i", head, 64, 1, 2, 3)
    head[208:216] = b"MAP " + (b"\x44\x44\0\0" if order == "<" else b"\x11\x11\0\0")
    path.write_bytes(bytes(head) + frames.astype(frames.dtype.newbyteorder(order)).tobytes())


def mrc_big_endian(path: Path, frames: np.ndarray) -> None:
    mrc(path, frames, ">")


def ser(path: Path, frames: np.ndarray, version: int = 0x220) -> None:
    """Write a series of images as TIA does, the last row first; offsets of 32 bit up to 0x210."""
    kind = {"u1": 1, "u2": 2, "i2": 5, "i4": 6, "f4": 7}[frames.dtype.str[1:]]
    count, height, width = frames.shape
    word = "<I" if version <= 0x210 else "<Q"
    named = b"".join(struct.pack("<I", len(text)) + text for text in (b"Number", b""))
    dimension = struct.pack("<IddI", count, 0.0, 1.0, 0) + named
    start = 26 + struct.calcsize(word) + len(dimension)
    head = struct.pack("<HHHIIII", 0x4949, 0x197, version, 0x4122, 0x4152, count, count)
    head += struct.pack(word, start) + struct.pack("<I", 1) + dimension
    bodies = []
    for frame in frames:
        step = (0.0, PIXEL_NM * 1e-9, 0)
        body = struct.pack("<ddIddIHII", *step, *step, kind, width, height)
        bodies.append(body + frame[::-1].astype(frame.dtype.newbyteorder("<")).tobytes())
    body_start = start + 2 * count * struct.calcsize(word)
    ends = body_start + np.cumsum([0, *map(len, bodies)])
    tags = [struct.pack("<HHI", 0x4152, 0, 0)] * count
    offsets = [*ends[:-1], *(ends[-1] + 8 * np.arange(count))]
    table = b"".join(struct.pack(word, int(offset)) for offset in offsets)
    path.write_bytes(head + table + b"".join(bodies) + b"".join(tags))


def ser_32(path: Path, frames: np.ndarray) -> None:
    ser(path, frames, 0x210)


def dm3(path: Path, frames: np.ndarray) -> None:
    write_dm(path, frames, 3, [(PIXEL_NM * 1e-3, "µm")] * 2 + [(FRAME_S * 1e3, "ms")])


def dm4(path: Path, frames: np.ndarray) -> None:
    write_dm(path, frames, 4, [(PIXEL_NM, "nm")] * 2 + [(FRAME_S, "s")])


def tiff_plain(path: Path, frames: np.ndarray) -> None:
    tifffile.imwrite(path, frames, photometric="minisblack", metadata=None)


def tiff_big_endian(path: Path, frames: np.ndarray) -> None:
    tifffile.imwrite(path, frames, photometric="minisblack", metadata=None, byteorder=">")


def tiff_deflated(path: Path, frames: np.ndarray) -> None:
    tifffile.imwrite(path, frames, photometric="minisblack", metadata=None, compression="zlib")


def tiff_imagej(path: Path, frames: np.ndarray) -> None:
    about = {"axes": "TYX", "unit": "um", "finterval": FRAME_S}
    per_um = 1e3 / PIXEL_NM
    tifffile.imwrite(path, frames, imagej=True, resolution=(per_um, per_um), metadata=about)


def tiff_ome(path: Path, frames: np.ndarray) -> None:
    about = {
        "axes": "TYX",
        "Name": "BF",
        "PhysicalSizeX": PIXEL_NM * 10,
        "PhysicalSizeXUnit": "Å",
        "TimeIncrement": FRAME_S * 1e3,
        "TimeIncrementUnit": "ms",
    }
    tifffile.imwrite(path, frames, ome=True, photometric="minisblack", metadata=about)


def hspy(path: Path, frames: np.ndarray) -> None:
    """Write what HyperSpy makes of a Velox file: axes in um, vendor metadata kept."""
    steps = ((FRAME_S, "s", True), (PIXEL_NM * 1e-3, "µm", False), (PIXEL_NM * 1e-3, "µm", False))
    axes = [
        {"name": name, "scale": scale, "offset": 0.0, "units": unit, "size": n, "navigate": nav}
        for name, (scale, unit, nav), n in zip("tyx", steps, frames.shape, strict=True)
    ]
    signal = {
        "data": frames,
        "axes": axes,
        "metadata": {"General": {"title": "BF"}, "Signal": {"signal_type": ""}},
        "original_metadata": {"Scan": {"DwellTime": "1.0e-007"}},
        "attributes": {"_lazy": False, "ragged": False},
        "tmp_parameters": {},
        "package_info": {},
        "learning_results": {},
        "models": {},
    }
    rsciio.hspy.file_writer(str(path), signal)


def _ome_zarr(path: Path, frames: np.ndarray, version: str) -> None:
    group = zarr.create_group(path, zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", data=frames, chunks=(2, *frames.shape[1:]))
    units = (
        ("t", "time", "millisecond"),
        ("y", "space", "micrometer"),
        ("x", "space", "micrometer"),
    )
    multiscale = {
        "axes": [{"name": name, "type": kind, "unit": unit} for name, kind, unit in units],
        "datasets": [
            {
                "path": "0",
                "coordinateTransformations": [
                    {"type": "scale", "scale": [FRAME_S * 1e3, PIXEL_NM * 1e-3, PIXEL_NM * 1e-3]}
                ],
            }
        ],
    }
    if version == "0.4":
        group.attrs["multiscales"] = [{"version": "0.4", **multiscale}]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [multiscale]}


def ome_zarr_05(path: Path, frames: np.ndarray) -> None:
    _ome_zarr(path, frames, "0.5")


def ome_zarr_04(path: Path, frames: np.ndarray) -> None:
    _ome_zarr(path, frames, "0.4")


ALL = ("pixel", "dwell", "frame")
FORMATS = [
    Format("Velox EMD, version 8", ".emd", velox, ALL),
    Format("Velox EMD, version 4", ".emd", velox_v4, ALL),
    Format("Velox EMD, version 13, without `/Operations`", ".emd", velox_v13, ALL),
    Format("Velox EMD with an EDS stream", ".emd", velox_eds, ALL),
    Format("Velox EMD with FFT and DPC images", ".emd", velox_fft, ALL),
    Format("Velox EMD with a detector not inserted", ".emd", velox_not_inserted, ALL),
    Format("Velox EMD with a running DCFI series", ".emd", velox_dcfi, ALL),
    Format("DigitalMicrograph 3", ".dm3", dm3, ALL),
    Format("DigitalMicrograph 4", ".dm4", dm4, ALL, "i4"),
    Format("HyperSpy", ".hspy", hspy, ALL),
    Format("MRC", ".mrc", mrc, ("pixel",)),
    Format("MRC, big-endian", ".mrc", mrc_big_endian, ("pixel",)),
    Format("MRC of 32 bit numbers", ".mrc", mrc, ("pixel",), "f4"),
    Format("SER, 32 bit offsets", ".ser", ser_32, ("pixel",)),
    Format("SER, 64 bit offsets", ".ser", ser, ("pixel",), "i4"),
    Format("TIFF", ".tif", tiff_plain),
    Format("TIFF, big-endian", ".tif", tiff_big_endian),
    Format("TIFF, deflated", ".tiff", tiff_deflated),
    Format("TIFF of 32 bit numbers", ".tif", tiff_plain, dtype="f4"),
    Format("ImageJ TIFF", ".tif", tiff_imagej, ("pixel", "frame")),
    Format("OME-TIFF", ".ome.tif", tiff_ome, ("pixel", "frame")),
    Format("OME-Zarr 0.5", ".ome.zarr", ome_zarr_05, ("pixel", "frame")),
    Format("OME-Zarr 0.4", ".zarr", ome_zarr_04, ("pixel", "frame"), "i2"),
]


@dataclass(frozen=True)
class Bad:
    """One kind of acquisition that is refused: `make` spoils a good one and gives its row."""

    name: str
    make: Callable[[Files], Acquisition]
    message: str


def _rapid(files: Files, name: str) -> Path:
    return Path(files.row.rapid).with_name(name)


def _with_frames(frames: np.ndarray, write: Any = tiff_plain) -> Callable[[Files], Acquisition]:
    """Give a row whose rapid frames are these."""

    def make(files: Files) -> Acquisition:
        path = _rapid(files, "frames.tif" if write is not mrc else "frames.mrc")
        write(path, frames)
        return replace(files.row, rapid=str(path), slow="", pixel_size_nm=2.1, dwell_us=0.1)

    return make


def _spoiled(values: np.ndarray, index: Any, value: float) -> np.ndarray:
    values = values.copy()
    values[index] = value
    return values


def truncated(files: Files) -> Acquisition:
    path = Path(files.row.rapid)
    os.truncate(path, path.stat().st_size // 2)
    return files.row


def truncated_mrc(files: Files) -> Acquisition:
    row = _with_frames(noise(0, 4, 64, 48), mrc)(files)
    os.truncate(row.rapid, 20_000)
    return row


def truncated_tiff(files: Files) -> Acquisition:
    row = _with_frames(noise(0, 4, 64, 48))(files)
    os.truncate(row.rapid, 20_000)
    return row


def truncated_ser(files: Files) -> Acquisition:
    path = _rapid(files, "frames.ser")
    ser(path, noise(0, 4, 64, 48))
    os.truncate(path, 20_000)
    return replace(files.row, rapid=str(path))


def empty(files: Files) -> Acquisition:
    Path(files.row.rapid).write_bytes(b"")
    return files.row


def mistaken(files: Files) -> Acquisition:
    tiff_plain(Path(files.row.rapid), noise(0, 4, 64, 48))
    return files.row


def other_type(files: Files) -> Acquisition:
    path = _rapid(files, "frames.avi")
    path.write_bytes(b"RIFF")
    return replace(files.row, rapid=str(path))


def huge(files: Files) -> Acquisition:
    with h5py.File(files.row.rapid, "r+") as file:
        (image,) = file["Data/Image"].values()
        image["Data"].resize(2_000_000, axis=2)
    return files.row


def without_frames(files: Files) -> Acquisition:
    with h5py.File(files.row.rapid, "r+") as file:
        (image,) = file["Data/Image"].values()
        image["Data"].resize(0, axis=2)
    return files.row


def other_size(files: Files) -> Acquisition:
    write_velox(files.row.slow, noise(1, 1, 32, 48), SCAN)
    return files.row


def other_pixel(files: Files) -> Acquisition:
    write_velox(files.row.slow, noise(1, 1, 64, 48), replace(SCAN, pixel_size_nm=2.13))
    return files.row


def ragged(files: Files) -> Acquisition:
    path = _rapid(files, "frames.ser")
    ser(path, noise(0, 4, 64, 48))
    content = bytearray(path.read_bytes())
    sizes = struct.pack("<II", 48, 64)
    where = content.rindex(sizes)
    content[where : where + 8] = sizes[4:] + sizes[:4]
    path.write_bytes(content)
    return replace(files.row, rapid=str(path), slow="", dwell_us=0.1)


def ambiguous(files: Files) -> Acquisition:
    add_image(files.row.rapid, "HAADF", noise(5, 4, 64, 48))
    return files.row


def only_complex(files: Files) -> Acquisition:
    add_complex(Path(files.row.rapid), "FFT", ("realFloatHalfOdd", "imagFloatHalfOdd"))
    with h5py.File(files.row.rapid, "r+") as file:
        (grey,) = [
            name for name, image in file["Data/Image"].items() if image["Data"].dtype == "u2"
        ]
        del file["Data/Image"][grey]
    return files.row


def colour(files: Files) -> Acquisition:
    path = _rapid(files, "colour.tif")
    tifffile.imwrite(path, np.zeros((4, 64, 48, 3), "u1"), photometric="rgb")
    return replace(files.row, rapid=str(path))


def without_pixel_size(files: Files) -> Acquisition:
    edit_metadata(files.row.rapid, lambda frame: frame["BinaryResult"].pop("PixelSize"))
    return files.row


def without_dwell(files: Files) -> Acquisition:
    edit_metadata(files.row.rapid, lambda frame: frame["Scan"].pop("DwellTime"))
    return files.row


GREY = noise(0, 4, 64, 48)
REAL = GREY.astype("f4")
BAD_INPUTS = [
    Bad("truncated Velox EMD", truncated, "cannot be read as a Velox EMD file"),
    Bad("truncated MRC", truncated_mrc, "truncated or damaged; copy it again"),
    Bad("truncated TIFF", truncated_tiff, "truncated or damaged; copy it again"),
    Bad("truncated SER", truncated_ser, "truncated or damaged; copy it again"),
    Bad("empty file", empty, "the file is empty; copy it again"),
    Bad("not the format its name says", mistaken, "it is a TIFF file; name the right file"),
    Bad("a type that is not read", other_type, "files of type '.avi' are not read"),
    Bad("HDF5 that declares more than it holds", huge, "truncated or damaged; copy it again"),
    Bad("no frames", without_frames, "has no frames; record or export it again"),
    Bad("slow scan of another size", other_size, "is not of the size of the rapid frames"),
    Bad("slow scan of another pixel size (over 1 %)", other_pixel, "its pixel size of 2.13 nm"),
    Bad("frames of several sizes", ragged, "not all frames have the size of the first"),
    Bad("frames too small", _with_frames(GREY[:, :4]), "smaller than 8 x 8"),
    Bad("several images alike", ambiguous, "which is the rapid stack? Write "),
    Bad("a frame of one value", _with_frames(_spoiled(GREY, 2, 7)), "frame 3 is 7 everywhere"),
    Bad(
        "a saturated frame",
        _with_frames(_spoiled(GREY, np.s_[1, :40], 65535)),
        "frame 2 is saturated in 62% of its pixels",
    ),
    Bad("NaN", _with_frames(_spoiled(REAL, (3, 5, 5), np.nan)), "frame 4 holds NaN or infinite"),
    Bad("infinity", _with_frames(_spoiled(REAL, (0, 5, 5), np.inf)), "frame 1 holds NaN or inf"),
    Bad("complex images only", only_complex, "no image that can be used: 'FFT' (1 x 64 x 48, 0.1"),
    Bad("colour images", colour, "no image that can be used: 'colour' (4 x 64 x 48 x 3, colour)"),
    Bad("no pixel size", without_pixel_size, "give it in the sheet's column"),
    Bad("no dwell time", without_dwell, "give it in the sheet's column"),
]


def render() -> str:
    """Render both lists as the page for users."""
    yes = {True: "yes", False: "sheet"}
    rows = [
        f"| {each.name} | `{each.suffix}` | "
        + " | ".join(yes[key in each.tells] for key in ("pixel", "dwell"))
        + f" | {'yes' if 'frame' in each.tells else 'computed'} |"
        for each in FORMATS
    ]
    bad = [f"| {each.name} | ...{each.message}... |" for each in BAD_INPUTS]
    bad.append("| a file without read permission | ...may not be read by this user... |")
    return "\n".join((HEAD, *rows, MIDDLE, *bad, ""))


HEAD = """# Files that can be read, and files that are refused

Written by `python -m tests.io.cases` from the lists that the tests run through.

Values and type are kept as recorded: integers or finite real numbers of any byte order. "sheet":
where the file does not say it, fill the sheet's column `pixel_size_nm` or `dwell_us`. Times not
stated are computed from dwell and size.

A file may hold several images. The rapid frames are the longest stack, the slow scan is the single
frame with the longest dwell time; what Velox computed (DCFI, DPC, FFT) and detectors that were not
inserted are passed over. Name one yourself as `file.emd::BF`; `file.emd::BF#2` is the second of
that title and `file.emd::#2` the second of the file.

| file | name ends in | pixel size | dwell time | frame time |
|---|---|---|---|---|"""
MIDDLE = """
A bad file stops nobody else's run: its acquisition is refused, the report lists the reason on top,
and the rest goes on. A series of one frame is used, with a warning.

| what is wrong | the reason given |
|---|---|"""

if __name__ == "__main__":
    DOCS.write_text(render(), encoding="utf-8")
