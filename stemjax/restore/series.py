"""Restore an acquisition unit by unit, from Zarr to Zarr."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dask.array as da
import numpy as np
import zarr
from dask.delayed import Delayed, delayed
from jaxtyping import Bool

from stemjax.dataset.geometry import map_or_identity, read_session
from stemjax.dataset.neighbours import surroundings
from stemjax.io.store import create_image, describe, multiscale, open_store, spans
from stemjax.io.units import open_frames
from stemjax.progress import say
from stemjax.provenance import digest, versions
from stemjax.records import read_record
from stemjax.restore.scheduler import THREADS, compute
from stemjax.restore.unit import Work, restore_unit
from stemjax.typing import Json


@dataclass(frozen=True)
class Inputs:
    """What a restored acquisition is made from: records, each beside its store or folder."""

    converted: Path
    distortion: Path
    model: Path


@dataclass(frozen=True)
class Means:
    """What to compute with; it changes no frame by more than a grey level.

    Attributes:
        scheduler: as for :func:`~stemjax.restore.scheduler.compute`.
        threads: of the job.
        part: which part of how many this job does of a series: the units u with
            ``u mod of == part``.
    """

    scheduler: str = THREADS
    threads: int = 2
    part: tuple[int, int] = (0, 1)


def restore_acquisition(
    inputs: Inputs, store: str | Path, code: str, means: Means = Means()
) -> Json:
    """Write the restored frames ``0`` (t, y, x) and ``mask`` (y, x), true where extrapolated.

    The unit of work is one shard of frames. A finished unit keeps the digest of what it was made
    from, and is not made again while that is equal: a killed job loses the units under way, and
    appended frames cost only their own.

    Without a map, a model that needs none leaves the frames in rapid geometry.

    Args:
        inputs: records of the conversion, the session's map and the model.
        store: OME-Zarr store to write or to go on with.
        code: digest of the code; units of other code are made again.
        means: what to compute with.

    Returns:
        The record: ``digest``, ``frames``, ``shape``, and ``geometry``, slow or rapid.

    Raises:
        Refused: one of the inputs was refused and is needed, or the map is for other scan
            settings.
        UserError: there is no such scheduler.
    """
    store = Path(store).resolve()
    converted = read_record(inputs.converted)
    model = read_record(inputs.model)
    name, correct = inputs.converted.stem, model["config"]["correct"]
    session = read_session(name, converted, inputs.distortion, needed=correct)
    source, about = open_store(inputs.converted.with_suffix(".zarr").resolve())
    shape = source["rapid"].shape
    made_from = {
        "model": model["digest"],
        "map": session["digest"] if session else None,
        "correct": correct,
        "code": code,
    }
    target = open_frames(store, "0", shape, np.dtype(np.uint16))
    work = Work(
        store=str(store),
        model=str(inputs.model.parent.resolve()),
        distortion=str(inputs.distortion.resolve()) if session else None,
        made_from=digest(made_from),
    )
    part, of = means.part
    units = list(spans(shape))[part::of]
    label = f"restore {name}" if of == 1 else f"restore {name}, part {part + 1} of {of}"
    context = model["config"]["unet"]["context"]
    tasks = unit_tasks(source["rapid"], units, context, work)
    made = compute(tasks, means.scheduler, means.threads, label)
    say(f"{label}: {sum(new for _, new in made)} of {len(units)} units computed")
    digests = [each for each, _ in made]
    geometry = "slow" if session else "rapid"
    used = versions("jax", "flax")
    mask = np.broadcast_to(~map_or_identity(session, shape[2]).valid, shape[1:]).copy()
    if of == 1:
        origin = {"acquisition": name, "geometry": geometry, **made_from, "versions": used}
        describe_restored(target, mask, about, origin)
    return {
        "digest": digest(*digests, mask),
        "frames": converted["frames"],
        "shape": converted["shape"],
        "geometry": geometry,
        "versions": used,
    }


def describe_restored(
    group: zarr.Group, mask: Bool[np.ndarray, "y x"], scan: Json, origin: Json
) -> None:
    """Write the mask beside the frames ``0``, and say what they are and were made from.

    Args:
        group: the store.
        mask: true where the map is extrapolated.
        scan: ``pixel_size_nm`` and ``frame_time_s``, among others.
        origin: ``acquisition``, and identities of what the frames were made from.
    """
    create_image(group, "mask", mask)
    series = multiscale("0", scan["pixel_size_nm"], scan["frame_time_s"])
    describe(group, [{**series, "name": origin["acquisition"]}], origin)


def unit_tasks(
    rapid: zarr.Array, units: Sequence[slice], context: int, work: Work
) -> list[Delayed]:
    """Make a task of every unit: it gets its raw frames, with the neighbours it needs."""
    frames = da.from_zarr(rapid, chunks=rapid.shards)
    restore = delayed(restore_unit, pure=False)
    tasks = []
    for unit in units:
        seen, inside = surroundings(unit, context, len(frames))
        tasks.append(restore(frames[seen], inside, unit, work))
    return tasks
