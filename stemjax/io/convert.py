"""Convert one acquisition's files into one OME-Zarr store."""

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import zarr

from stemjax.errors import Refused
from stemjax.io.checks import check_pair, read_frames, source_sha256, warnings_about
from stemjax.io.raw import RawImage, pick_rapid, pick_still
from stemjax.io.store import create_image, describe, multiscale, spans
from stemjax.io.units import open_frames, write_unit
from stemjax.io.velox import PerFrame, frame_metadata
from stemjax.progress import say, track
from stemjax.provenance import digest, versions
from stemjax.sheet import Acquisition, split_title
from stemjax.typing import AnyFrames, AnyImage, Json


def convert_acquisition(row: Acquisition, store: str | Path) -> Json:
    """Write ``rapid`` (t, y, x), ``slow`` (y, x) and a given ``dcfi`` in raw geometry and values.

    Beside them ``time`` (t) in seconds, and under ``per_frame`` what else the vendor recorded that
    varies with time, by its dotted key; the first frame's metadata are attributes.

    Args:
        row: of the sheet: the files, and pixel size and dwell time where these do not say.
        store: the OME-Zarr store to write.

    Returns:
        What the record says: digest of the arrays, frames, warnings, shape, scan settings,
        versions.

    Raises:
        Refused: the files cannot be used; the message says why.
    """
    rapid = pick_rapid(row.rapid)
    stills = {}
    if row.slow:
        stills["slow"] = pick_still(row.slow, dcfi=False)
    if row.dcfi:
        stills["dcfi"] = pick_still(row.dcfi, dcfi=True)
    scan = {
        **recorded_scan(row, rapid),
        "slow_dwell_us": stills["slow"].dwell_us if row.slow else None,
    }
    about = {
        "acquisition": row.acquisition,
        **scan,
        "sources": {
            column: _source(path)
            for column, path in (("rapid", row.rapid), ("slow", row.slow), ("dcfi", row.dcfi))
            if path
        },
        "versions": versions("rosettasciio", "zarr"),
        "vendor": {"rapid": rapid.vendor, **{name: raw.vendor for name, raw in stills.items()}},
    }
    pixel, frame_time = scan["pixel_size_nm"], scan["frame_time_s"]
    images = {name: _still(row, name, raw, rapid) for name, raw in stills.items()}
    total = len(rapid.frames)
    for warning in (warnings := warnings_about(row.rapid, rapid)):
        say(f"warning: {warning}")
    group = open_frames(store, "rapid", rapid.frames.shape, rapid.frames.dtype)
    digests = _write_shards(group["rapid"], rapid, Path(store), row)
    _clear(Path(store))
    group.create_array("time", data=np.arange(total) * frame_time, dimension_names=("t",))
    for key, values in _per_frame(row.rapid, rapid).items():
        group.create_array(f"per_frame/{key}", data=values, dimension_names=("t",))
    for name, image in images.items():
        create_image(group, name, image)
        digests.append(digest(image))
    described = [multiscale("rapid", pixel, frame_time)]
    describe(group, described + [multiscale(name, pixel) for name in images], about)
    return {
        "digest": digest(*digests),
        "frames": total,
        "warnings": warnings,
        "shape": list(rapid.frames.shape[1:]),
        "scan": scan,
        "slow": "slow" in stills,
        "dcfi": "dcfi" in stills,
        "versions": about["versions"],
    }


def _clear(store: Path) -> None:
    """Remove all but the frames, also what a killed job left there as no part of the group."""
    for member in store.iterdir():
        if member.is_dir() and member.name != "rapid":
            shutil.rmtree(member)


def _write_shards(array: zarr.Array, rapid: RawImage, store: Path, row: Acquisition) -> list[str]:
    """Write what is new or changed; frames appended to a raw file cost only their own shards."""
    digests, written = [], 0
    units = list(spans(rapid.frames.shape))
    blocks = _one_ahead(partial(_read_block, row.rapid, rapid), units)
    progress = track(units, len(units), f"convert {row.acquisition}")
    for unit, read in zip(progress, blocks, strict=True):
        # A shard holds what was read: one digest serves for both.
        made, new = write_unit(
            array, unit, store.with_suffix(".units"), read[1], lambda read=read: read
        )
        digests.append(made)
        written += new
    say(f"convert {row.acquisition}: {written} of {len(units)} shards written")
    return digests


def _read_block(path: str, rapid: RawImage, unit: slice) -> tuple[AnyFrames, str]:
    block = read_frames(path, rapid, unit)
    return block, digest(block)


def _one_ahead(
    read: Callable[[slice], tuple[AnyFrames, str]], units: Iterable[slice]
) -> Iterator[tuple[AnyFrames, str]]:
    """Read and check the next block while the one before is compressed and written."""
    with ThreadPoolExecutor(1) as reader:
        waiting: deque[Future[tuple[AnyFrames, str]]] = deque()
        for unit in units:
            waiting.append(reader.submit(read, unit))
            if len(waiting) > 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _per_frame(path: str, rapid: RawImage) -> PerFrame:
    if not rapid.group:
        return {}
    with h5py.File(split_title(path)[0]) as file:
        return frame_metadata(file[rapid.group], len(rapid.frames))


def recorded_scan(row: Acquisition, rapid: RawImage) -> Json:
    """Say how frames were scanned: what the file says, else what the row does.

    Raises:
        Refused: neither says the pixel size, or the dwell time.
    """
    pixel = rapid.pixel_size_nm or row.pixel_size_nm
    dwell = rapid.dwell_us or row.dwell_us
    for value, column in ((pixel, "pixel_size_nm"), (dwell, "dwell_us")):
        if value is None:
            option = f"--{column.replace('_', '-')}"
            give = f"give it in the sheet's column, or to 'stemjax restore' as {option}"
            raise Refused(f"{row.rapid}: does not say its {column}; {give}")
    height, width = rapid.frames.shape[1:]
    line_time = rapid.line_time_us or width * dwell
    return {
        "pixel_size_nm": pixel,
        "dwell_us": dwell,
        "line_time_us": line_time,
        "frame_time_s": rapid.frame_time_s or height * line_time * 1e-6,
        "rotation_rad": rapid.rotation_rad,
    }


def _still(row: Acquisition, name: str, raw: RawImage, rapid: RawImage) -> AnyImage:
    path = getattr(row, name)
    check_pair(path, raw, rapid)
    last = len(raw.frames)
    return read_frames(path, raw, slice(last - 1, last))[0]


def _source(path: str) -> Json:
    file, title = split_title(path)
    return {"file": Path(file).name, "title": title, "sha256": source_sha256(file)}
