"""Readers of what rosettasciio knows: Velox EMD, HyperSpy, DigitalMicrograph, MRC and SER.

Each takes a path and gives images whose frames are read when computed. They may raise anything;
:func:`stemjax.io.raw.read_images` turns it into a refusal.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from rsciio.digitalmicrograph import file_reader as read_dm_signals
from rsciio.emd._emd_velox import FeiEMDReader
from rsciio.hspy import file_reader as read_hspy_signals
from rsciio.mrc._api import get_data_type, get_fei_dtype_list, get_std_dtype_list
from rsciio.tia._api import get_data_dtype_list, get_header_dtype_list, guess_record_by

from stemjax.errors import Refused
from stemjax.io.image import UNITS_NM, UNITS_S, RawImage, frames_at, make_image, positive

DENSEST = 1100  # times; deflate, the usual filter of HDF5, reaches 1032
WIDE = 528  # SER: above this version, offsets are of 64 bit
BIG_ENDIAN = b"\x11\x11"  # MRC: the machine stamp
FEI_BYTES = 131_072  # MRC: length of the extended header of FEI


def read_velox(path: Path) -> list[RawImage]:
    """Read the images of a Velox EMD file, also of one with an EDS stream beside them."""
    file = h5py.File(path)  # stays open: the frames are read later
    groups = file["Data/Image"]
    for name, group in groups.items():
        check_declared(path, group["Data"])
        if 0 in group["Data"].shape:
            raise Refused(f"{path}: image {name} has no frames; record or export it again")
    reader = FeiEMDReader(select_type="images", lazy=True, load_SI_image_stack=True)
    try:
        reader.read_file(file)
    except ModuleNotFoundError:  # the package 'sparse', for the spectra, after the images
        if len(reader.dictionaries) < len(groups):
            raise
    images = []
    for name, signal in zip(groups, reader.dictionaries, strict=True):
        # Else the reader says 1 m.
        calibrated = "PixelSize" in signal["original_metadata"].get("BinaryResult", {})
        images.append(_image(signal, path, calibrated=calibrated, group=f"/Data/Image/{name}"))
    return images


def read_hspy(path: Path) -> list[RawImage]:
    """Read the images of a HyperSpy file."""
    with h5py.File(path) as file:
        for experiment in file["Experiments"].values():
            check_declared(path, experiment["data"])
    signals = read_hspy_signals(str(path), lazy=True)
    return [_image(signal, path) for signal in signals if _is_image(signal)]


def read_dm(path: Path) -> list[RawImage]:
    """Read the images of a DigitalMicrograph file (DM3, DM4)."""
    try:
        signals = read_dm_signals(str(path), lazy=True)
    except ValueError as error:
        if "RGBA" in str(error):
            raise Refused(f"{path}: holds a colour image; save it as grey values") from error
        raise
    held = path.stat().st_size
    for signal in signals:
        check_size(path, signal["data"].nbytes, held)
    if any(signal["data"].ndim == 3 for signal in signals):
        # Else dask takes 128 MiB to a chunk and reads each again for every frame in it.
        signals = [_dm_by_frame(path, k, signal) for k, signal in enumerate(signals)]
    return [_image(signal, path) for signal in signals if _is_image(signal)]


def read_mrc(path: Path) -> list[RawImage]:
    """Read the stack of an MRC file; in its header lengths are in angstrom."""
    with path.open("rb") as file:
        file.seek(212)
        order = ">" if file.read(2) == BIG_ENDIAN else "<"
        file.seek(0)
        (header,) = np.fromfile(file, np.dtype(get_std_dtype_list(order)), 1)
        extended = np.fromfile(file, np.dtype(get_fei_dtype_list(order)), 1)
    width, height, count = (int(header[name]) for name in ("NX", "NY", "NZ"))
    pixels = get_data_type([header["MODE"]]).newbyteorder(order)
    size = width * height * pixels.itemsize
    start = 1024 + int(header["NEXT"])
    check_size(path, start + size * count, path.stat().st_size)
    if 0 in (width, height, count):
        raise Refused(f"{path}: holds no frames; export it again")
    if header["NEXT"] == FEI_BYTES:  # then the standard header does not know the length
        pixel = positive(extended["pixel_size"][0], 1e9)
    else:
        pixel = positive(header["Xlen"] / header["MX"], 0.1) if header["MX"] else None
    frames = frames_at(path, start + size * np.arange(count), pixels, (height, width))
    vendor = dict(zip(header.dtype.names, header.tolist(), strict=True))
    return [make_image(path.stem, frames, vendor, pixel_size_nm=pixel)]


def read_ser(path: Path) -> list[RawImage]:
    """Read the frames of a SER file (TIA) one by one; rosettasciio reads all at once."""
    with path.open("rb") as file:
        header = np.fromfile(file, np.dtype(get_header_dtype_list(file)), 1)[0]
        if guess_record_by(header["DataTypeID"]) != "image":
            raise Refused(f"{path}: holds spectra, not images")
        count = int(header["ValidNumberElements"])
        if not count:
            raise Refused(f"{path}: holds no frames; export it again")
        file.seek(int(header["OffsetArrayOffset"]))
        offsets = np.fromfile(file, "<u4" if header["SeriesVersion"] <= WIDE else "<u8", count)
        layout, (width, height) = get_data_dtype_list(file, int(offsets[0]), "image")
        record = np.dtype(layout)
        last = int(offsets.max(initial=0)) + record.itemsize if len(offsets) == count else None
        check_size(path, last or path.stat().st_size + 1, path.stat().st_size)
        file.seek(int(offsets[0]))
        first = np.fromfile(file, np.dtype(layout[:-1]), 1)[0]
    frames = frames_at(path, offsets, record, (height, width))
    names = (*header.dtype.names, *first.dtype.names)
    vendor = dict(zip(names, (*header.tolist(), *first.tolist()), strict=True))
    pixel = positive(first["CalibrationDeltaX"], 1e9)
    return [make_image(path.stem, frames, vendor, pixel_size_nm=pixel)]


def check_declared(path: Path, data: h5py.Dataset) -> None:
    """Refuse an HDF5 dataset that declares more than its file can hold, before it is read."""
    filters = data.id.get_create_plist().get_nfilters()
    held = data.id.get_storage_size() * (DENSEST if filters else 1)
    check_size(path, data.size * data.dtype.itemsize, held)


def check_size(path: Path, declared: int, held: int) -> None:
    """Refuse `declared` bytes of image data in a file that can hold `held` at most."""
    if declared > held:
        raise Refused(
            f"{path}: declares {declared} bytes of image data but can hold {held} at most: "
            "truncated or damaged; copy it again"
        )


def _dm_by_frame(path: Path, k: int, signal: Mapping[str, Any]) -> Mapping[str, Any]:
    shape = signal["data"].shape
    if len(shape) != 3:
        return signal
    by_frame = read_dm_signals(str(path), lazy=True, chunks=(1, *shape[1:]))
    return {**signal, "data": by_frame[k]["data"]}


def _is_image(signal: Mapping[str, Any]) -> bool:
    """Tell images and stacks of them from spectra and spectrum images."""
    signal_axes = [axis for axis in signal["axes"] if not axis.get("navigate")]
    is_energy = any(str(axis.get("units")) in ("eV", "keV") for axis in signal["axes"])
    return len(signal["axes"]) in (2, 3) and len(signal_axes) == 2 and not is_energy


def _image(
    signal: Mapping[str, Any], path: Path, *, calibrated: bool = True, group: str = ""
) -> RawImage:
    axes = signal["axes"]
    time = axes[0] if len(axes) == 3 else {}
    image = make_image(
        str(signal["metadata"].get("General", {}).get("title") or path.stem),
        signal["data"],
        signal["original_metadata"],
        pixel_size_nm=_length(axes[-1], UNITS_NM) if calibrated else None,
        group=group,
    )
    if image.frame_time_s is None and (frame_time := _length(time, UNITS_S)):
        return RawImage(**{**vars(image), "frame_time_s": frame_time})
    return image


def _length(axis: Mapping[str, Any], units: Mapping[str, float]) -> float | None:
    """Give the step of an axis in these units; HyperSpy writes text for a unit that is not set."""
    scale = float(axis.get("scale", math.nan))
    return positive(abs(scale), units.get(str(axis.get("units")), 0.0))
