"""Readers of image stacks that are no microscope's own format: TIFF and OME-Zarr."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import dask.array as da
import numpy as np
import zarr
from tifffile import FileHandle, TiffFile, TiffPageSeries, xml2dict

from stemjax.errors import Refused
from stemjax.io.image import UNITS_NM, UNITS_S, RawImage, frames_at, make_image, positive
from stemjax.io.readers import DENSEST, check_size
from stemjax.typing import Json


def read_tiff(path: Path) -> list[RawImage]:
    """Read the series of a TIFF file: plain pages, ImageJ's or OME's stacks.

    Plain resolution tags are of print, not of the microscope, and are not used.
    """
    images = []
    with _complaints() as said, TiffFile(path) as file:
        for k, series in enumerate(file.series):
            known = _imagej(file) if file.is_imagej else _ome(file, k) if file.is_ome else {}
            count = f" {k + 1}" if len(file.series) > 1 else ""
            title = known.pop("title", None) or path.stem + count
            if problem := _tiff_problem(series):
                known["problem"] = problem
            data = _tiff_frames(path, series)
            images.append(make_image(title, data, known.pop("vendor", {}), **known))
    if any("invalid page offset" in text for text in said):
        raise Refused(f"{path}: not all pages are there: truncated or damaged; copy it again")
    return images


def read_ome_zarr(path: Path) -> list[RawImage]:
    """Read the finest level of every image of an OME-Zarr folder, version 0.4 or 0.5."""
    group = zarr.open_group(path, mode="r")
    attributes = group.attrs.asdict()
    about = attributes.get("stemjax", {})
    held = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    images = []
    for k, multiscale in enumerate(attributes.get("ome", attributes)["multiscales"]):
        level = multiscale["datasets"][0]
        array = group[level["path"]]
        check_size(path, array.nbytes, held * DENSEST)
        axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in multiscale["axes"]]
        scale = dict(zip([axis["name"] for axis in axes], _scale(multiscale, level), strict=True))
        units = {axis["name"]: axis.get("unit") for axis in axes}
        frames, problem = _frames(da.from_zarr(array), [axis["name"] for axis in axes])
        images.append(
            make_image(
                str(multiscale.get("name") or (path.stem if k == 0 else level["path"])),
                frames,
                {"multiscales": multiscale},
                pixel_size_nm=positive(scale.get("x"), UNITS_NM.get(units.get("x"))),
                frame_time_s=positive(scale.get("t"), UNITS_S.get(units.get("t"))),
                problem=problem,
                **_own(about, multiscale.get("name")),
            )
        )
    return images


def _tiff_frames(path: Path, series: TiffPageSeries) -> da.Array:
    shape, count = series.shape[-2:], math.prod(series.shape[:-2])
    if series.axes[-2:] != "YX" or len(series.shape) > 3:
        return da.zeros(series.shape, dtype=series.dtype)  # is listed, never read
    if series.dataoffset is not None:  # uncompressed, in one piece
        pixels = series.dtype.newbyteorder(series.keyframe.parent.byteorder)
        check_size(path, series.dataoffset + series.nbytes, path.stat().st_size)
        offsets = series.dataoffset + math.prod(shape) * pixels.itemsize * np.arange(count)
        return frames_at(path, offsets, pixels, shape)
    pages = [series.pages[k].asarray for k in range(count)]
    return da.from_array(np.arange(count), chunks=1).map_blocks(
        partial(_page, series.keyframe.parent.filehandle, pages, Lock()),
        dtype=series.dtype,
        chunks=((1,) * count, (shape[0],), (shape[1],)),
        new_axis=[1, 2],
    )


def _page(
    file: FileHandle, pages: list[Callable[[], np.ndarray]], lock: Lock, k: np.ndarray
) -> np.ndarray:
    """Read one page, with the file open for that long only."""
    with lock:
        file.open()
        try:
            return pages[int(k[0])]()[None]
        finally:
            file.close()


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what tifffile only logs, as that the chain of pages breaks off."""
    said: list[str] = []
    logger, handler = logging.getLogger("tifffile"), logging.Handler(logging.ERROR)
    handler.emit = lambda record: said.append(record.getMessage())
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)


def _tiff_problem(series: TiffPageSeries) -> str | None:
    if "S" in series.axes:
        return "colour"
    return "of several channels" if "C" in series.axes else None


def _imagej(file: TiffFile) -> Json:
    about = dict(file.imagej_metadata or {})
    resolution = file.pages.first.tags.get("XResolution")
    step = resolution.value[1] / resolution.value[0] if resolution and resolution.value[0] else 0
    return {
        "pixel_size_nm": positive(step, UNITS_NM.get(about.get("unit"))),
        "frame_time_s": positive(about.get("finterval"), UNITS_S.get(about.get("tunit", "s"))),
        "vendor": about,
    }


def _ome(file: TiffFile, k: int) -> Json:
    about = xml2dict(file.ome_metadata)["OME"]
    images = about["Image"] if isinstance(about["Image"], list) else [about["Image"]]
    image = images[k] if k < len(images) else {}
    pixels: Mapping[str, Any] = image.get("Pixels", {})
    x_unit, t_unit = pixels.get("PhysicalSizeXUnit", "µm"), pixels.get("TimeIncrementUnit", "s")
    return {
        "title": image.get("Name"),
        "pixel_size_nm": positive(pixels.get("PhysicalSizeX"), UNITS_NM.get(x_unit)),
        "frame_time_s": positive(pixels.get("TimeIncrement"), UNITS_S.get(t_unit)),
        "vendor": {"Image": image},
    }


def _scale(multiscale: Json, level: Json) -> list[float]:
    """Multiply the level's scale by that of all levels, where there is one."""
    total = [1.0] * len(multiscale["axes"])
    for holder in (level, multiscale):
        for transformation in holder.get("coordinateTransformations", []):
            if transformation["type"] == "scale":
                total = [a * b for a, b in zip(total, transformation["scale"], strict=True)]
    return total


def _frames(data: da.Array, names: list[str]) -> tuple[da.Array, str | None]:
    """Drop axes of one entry; what is then left beside y and x are frames over t or z."""
    keep = [k for k, name in enumerate(names) if name in "yx" or data.shape[k] != 1]
    frames = data[tuple(slice(None) if k in keep else 0 for k in range(data.ndim))]
    return frames, "of several channels" if "c" in [names[k] for k in keep] else None


def _own(about: Json, name: str | None) -> Json:
    """Recall from a store of our own what OME-Zarr has no place for."""
    if name == "slow":
        return {"dwell_us": about.get("slow_dwell_us")}
    keys = ("dwell_us", "line_time_us", "rotation_rad")
    return {key: about.get(key) for key in keys}
