"""Evaluate an acquisition: what needs no model, and what one model restored."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from stemjax.config import Evaluate
from stemjax.distortion.map import undistort
from stemjax.evaluate.baselines import BASELINES
from stemjax.evaluate.blanks import COUNT, Restore, false_lines
from stemjax.evaluate.measure import (
    MethodFrames,
    Row,
    Slow,
    curves,
    measure,
    method_offset,
    moved,
    slow_scans,
)
from stemjax.evaluate.references import References, load_references
from stemjax.evaluate.statistics import SLOW
from stemjax.io.store import create_image, describe, multiscale, new_store, open_store
from stemjax.progress import track
from stemjax.provenance import digest
from stemjax.records import read_record
from stemjax.restore.restorer import load_restorer
from stemjax.sheet import Acquisition
from stemjax.typing import AnyFrames, AnyImage, Json


def evaluate_baselines(
    row: Acquisition,
    converted: Path,
    dcfi: Path,
    distortion: Path,
    settings: Evaluate,
    store: Path,
) -> Json:
    """Measure what needs no model: the rapid frame, the integration, the filters.

    Args:
        row: of the sheet.
        converted: record of the conversion.
        dcfi: record of the integration.
        distortion: record of the session's map.
        settings: filters, and how many frames to measure.
        store: to write each method's last frame to, undistorted.

    Returns:
        The record: ``rows`` of frame, method, metric, value, and ``curves`` of methods and of the
        slow scan on the last frame.

    Raises:
        Refused: as :func:`~stemjax.evaluate.references.load_references` does.
    """
    references = load_references(row, converted, dcfi, distortion, settings.frames)
    slow = slow_scans(references)
    rows: list[Row] = []
    shown: dict[str, AnyImage] = {}
    plotted: dict[str, Json] = {}

    def judge(method: str, frames: MethodFrames, restore: Restore) -> None:
        more, curve = _judge(method, frames, restore, references, slow)
        rows.extend(more)
        plotted.update(curve)
        if frames[-1] is not None:
            shown[method] = np.asarray(frames[-1], np.float32)

    judge("rapid", references.rapid, partial(_recorded, references))
    if references.geometry == "slow":  # in rapid geometry it is the reference
        judge("dcfi", references.dcfi, partial(_integrated, references))
    for name in settings.baselines:
        restore = BASELINES[name](references)
        if restore is None:
            continue
        last = len(references.raw) - 1
        count = settings.bm3d_frames if name in SLOW else last + 1
        # Backwards: the last one, which is shown, is among them however few there are.
        chosen = np.linspace(last, 0, min(count, last + 1)).round().astype(int).tolist()
        frames: list[AnyImage | None] = [None] * (last + 1)
        for k in track(chosen, len(chosen), f"evaluate {row.acquisition}: {name}"):
            frames[k] = restore(references.raw[k : k + 1])[0]
        judge(name, frames, restore)
    if slow[-1] is not None:
        plotted["slow"] = curves(slow[-1].image, slow[-1], references.pixel_size_nm)
        del plotted["slow"]["frc"]
    with new_store(store) as group:
        for method, image in shown.items():
            create_image(group, method, image)
        scales = [multiscale(method, references.pixel_size_nm) for method in shown]
        describe(group, scales, {"acquisition": row.acquisition})
    return _record(rows, plotted, list(shown.values()))


def evaluate_restored(
    row: Acquisition,
    converted: Path,
    dcfi: Path,
    distortion: Path,
    restored: Path,
    model: Path,
    settings: Evaluate,
) -> Json:
    """Measure the frames that a model restored, and what it makes of frames that show nothing.

    Args:
        row: of the sheet; also the next three as in :func:`evaluate_baselines`.
        converted: record of the conversion.
        dcfi: record of the integration.
        distortion: record of the session's map.
        restored: record of the restored frames.
        model: record of the model.
        settings: how many frames to measure.

    Returns:
        The record, as above.

    Raises:
        Refused: likewise, or the restoration was.
    """
    read_record(restored)
    references = load_references(row, converted, dcfi, distortion, settings.frames)
    frames = open_store(restored.with_suffix(".zarr"))[0]["0"]
    chosen = [np.asarray(frames[int(k)]) for k in references.index]
    network = load_restorer(model.parent, "model")
    restore = partial(network, distortion=references.distortion)
    return _record(*_judge(model.parent.name, chosen, restore, references, slow_scans(references)))


def _judge(
    method: str,
    frames: MethodFrames,
    restore: Restore,
    references: References,
    slow: Sequence[Slow | None],
) -> tuple[list[Row], dict[str, Json]]:
    """Measure a method's frames and what it makes of blank ones; plot the last frame's curves."""
    rows = measure(method, frames, references, slow)
    blanks = 1 if method in SLOW else COUNT
    rows += false_lines(method, restore, frames, references, blanks)
    last, scan = frames[-1], slow[-1]
    if last is None or scan is None:
        return rows, {}
    image = moved(last, method_offset(frames, references))[references.inside]
    return rows, {method: curves(image, scan, references.pixel_size_nm)}


def _recorded(references: References, raw: AnyFrames) -> AnyFrames:
    """Leave frames as they were recorded, but for the distortion."""
    return undistort(raw.astype(np.float32), *references.warp)


def _integrated(references: References, raw: AnyFrames) -> AnyFrames:
    """Give blank frames the noise of the integration, whose frames are independent."""
    level = raw.mean(axis=(1, 2), keepdims=True)
    return undistort(level + (raw - level) / references.integrated**0.5, *references.warp)


def _record(rows: list[Row], plotted: dict[str, Json], shown: Sequence[AnyImage] = ()) -> Json:
    return {"digest": digest(rows, plotted, *shown), "rows": rows, "curves": plotted}
