"""Evaluate an acquisition: what needs no model, and what one model restored."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from stemjax.config import Evaluate
from stemjax.distortion.map import undistort
from stemjax.evaluate.baselines import BASELINES
from stemjax.evaluate.blanks import COUNT, Restore, blanks_of, false_lines
from stemjax.evaluate.measure import MethodFrames, Row, curves, measure, slow_scans
from stemjax.evaluate.references import References, load_references
from stemjax.evaluate.statistics import COSTLY
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
    blanks = blanks_of(references)
    few = {kind: raw[:1] for kind, raw in blanks.items()}
    rows: list[Row] = []
    shown: dict[str, AnyImage] = {}
    plotted: dict[str, Json] = {}

    def judge(method: str, frames: MethodFrames, restore: Restore, lags: bool) -> None:
        measured, curve = measure(method, frames, references, slow, lags=lags)
        empty = few if method in COSTLY else blanks
        rows.extend(measured + false_lines(method, restore, frames, references, empty))
        if curve is not None:
            plotted[method] = curve
        if frames[-1] is not None:
            shown[method] = np.asarray(frames[-1], np.float32)

    judge("rapid", references.rapid, partial(_recorded, references), True)
    if references.geometry == "slow":  # in rapid geometry it is the reference
        judge("dcfi", references.dcfi, partial(_integrated, references), True)
    for name in settings.baselines:
        restore = BASELINES[name](references)
        if restore is None:
            continue
        chosen = _chosen(references, settings.bm3d_frames if name in COSTLY else None)
        frames: list[AnyImage | None] = [None] * len(references.raw)
        for k in track(chosen, len(chosen), f"evaluate {row.acquisition}: {name}"):
            frames[k] = restore(references.raw[k : k + 1])[0]
        judge(name, frames, restore, name != "wiener")
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
    store = open_store(restored.with_suffix(".zarr"))[0]["0"]
    frames = [np.asarray(store[int(k)]) for k in references.index]
    name, network = model.parent.name, load_restorer(model.parent, "model")
    chosen = network.network.settings
    # The integration and other rapid frames, as targets, have the lag in them.
    lags = chosen.target != "slow"
    rows, curve = measure(name, frames, references, slow_scans(references), lags=lags)
    context = chosen.unet.context
    blanks = blanks_of(references, COUNT + context - 1)
    restore = partial(network, distortion=references.distortion)
    rows += false_lines(name, restore, frames, references, blanks, context)
    return _record(rows, {} if curve is None else {name: curve})


def _chosen(references: References, count: int | None) -> list[int]:
    """Choose the places of frames to measure: all, or `count` of those with an integration.

    These show what the slow scan shows. The last, of which pictures are made, is among them.
    """
    places = range(len(references.raw))
    if count is None:
        return list(places)
    known = [k for k in places if references.dcfi[k] is not None]
    picked = np.linspace(len(known) - 1, 0, min(count, len(known))).round().astype(int)
    return [known[k] for k in picked.tolist()]


def _recorded(references: References, raw: AnyFrames) -> AnyFrames:
    """Leave frames as they were recorded, but for the distortion."""
    return undistort(raw.astype(np.float32), *references.warp)


def _integrated(references: References, raw: AnyFrames) -> AnyFrames:
    """Give blank frames the noise of the integration, whose frames are independent."""
    level = raw.mean(axis=(1, 2), keepdims=True)
    return undistort(level + (raw - level) / references.integrated**0.5, *references.warp)


def _record(rows: list[Row], plotted: dict[str, Json], shown: Sequence[AnyImage] = ()) -> Json:
    return {"digest": digest(rows, plotted, *shown), "rows": rows, "curves": plotted}
