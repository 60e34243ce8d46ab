"""Measure the frames of an acquisition, and collect all measurements into one table."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.ndimage import shift

from stemjax.config import Evaluate
from stemjax.evaluate.baselines import BASELINES, strongest
from stemjax.evaluate.metrics import data_range, fitted, paper_psnr, psnr, ssim
from stemjax.evaluate.references import References, load_references
from stemjax.integrate.align import displacement, spectrum
from stemjax.io.store import open_store
from stemjax.progress import track
from stemjax.provenance import digest, written_aside
from stemjax.records import read_record, usable
from stemjax.sheet import Acquisition
from stemjax.typing import AnyFrames, AnyImage, Json

Row = list[Any]  # frame, method, metric, value
COLUMNS = ("acquisition", "frame", "method", "metric", "value")


def evaluate_baselines(
    row: Acquisition, converted: Path, dcfi: Path, distortion: Path, settings: Evaluate
) -> Json:
    """Measure what needs no model: the rapid frame, the integration, the filters.

    Args:
        row: of the sheet.
        converted: record of the conversion.
        dcfi: record of the integration.
        distortion: record of the session's map.
        settings: filters, and how many frames to measure.

    Returns:
        The record: ``rows`` of frame, method, metric, value.

    Raises:
        Refused: as :func:`~stemjax.evaluate.references.load_references` does.
    """
    references = load_references(row, converted, dcfi, distortion, settings.frames)
    rows = measure("rapid", references.rapid, references)
    if references.geometry == "slow":  # in rapid geometry it is the reference
        rows += measure("dcfi", references.dcfi, references)
    for name in settings.baselines:
        label = f"evaluate {row.acquisition}: {name}"
        denoise = strongest(BASELINES[name], references)
        frames = [denoise(frame) for frame in track(references.rapid, len(references.rapid), label)]
        rows += measure(name, frames, references)
    return _record(rows)


def evaluate_restored(
    row: Acquisition,
    converted: Path,
    dcfi: Path,
    distortion: Path,
    restored: Path,
    settings: Evaluate,
) -> Json:
    """Measure the frames that a model restored; arguments and result as above.

    Raises:
        Refused: likewise, or the restoration was.
    """
    read_record(restored)
    references = load_references(row, converted, dcfi, distortion, settings.frames)
    frames = open_store(restored.with_suffix(".zarr"))[0]["0"]
    chosen = [np.asarray(frames[int(k)]) for k in references.index]
    return _record(measure(restored.parent.name, chosen, references))


def measure(
    method: str, frames: Sequence[AnyImage | None] | AnyFrames, references: References
) -> list[Row]:
    """Compare frames with their references: slow scan and truth, in rapid geometry the DCFI.

    What lags lies a few pixels behind where it belongs. That shall not count against a method,
    so its frames are moved onto the reference first, all of an acquisition by the same amount.
    """
    rows: list[Row] = []
    offset = _method_offset(frames, references)
    for k, frame in enumerate(references.index):
        if frames[k] is None:
            continue
        image = shift(np.asarray(frames[k], float), offset, order=3, mode="nearest")
        image = image[references.inside]
        for name, reference in references.of_frame(k).items():
            target = reference[references.inside]
            if data_range(target) == 0:  # a blank scan shows no structure to agree with
                continue
            close = fitted(image, target)
            rows.append([int(frame), method, f"psnr_{name}", psnr(close, target)])
            rows.append([int(frame), method, f"ssim_{name}", ssim(close, target)])
            if name == "slow":
                rows.append([int(frame), method, "psnr_paper", paper_psnr(image, target)])
    # An image that equals its reference has an infinite PSNR, which no mean survives.
    return [[*row[:3], round(row[3], 4)] for row in rows if np.isfinite(row[3])]


def _method_offset(
    frames: Sequence[AnyImage | None] | AnyFrames, references: References
) -> Float[np.ndarray, " yx"]:
    """Median displacement (y, x) in pixels of the references from a method's frames."""
    found = []
    for k, image in enumerate(frames):
        reference = next(iter(references.of_frame(k).values()), None)
        if image is None or reference is None:
            continue
        pair = [np.asarray(each, float)[references.inside] for each in (image, reference)]
        if all(data_range(each) > 0 for each in pair):
            found.append(displacement(*map(spectrum, pair)))
    return np.median(found, axis=0) if found else np.zeros(2)


def collect_metrics(records: Sequence[str | Path], path: str | Path) -> None:
    """Write all measurements as one long table, ``metrics.csv``."""
    with written_aside(path) as aside, open(aside, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for record in usable(records):
            acquisition = record.parent.name
            table.writerows([acquisition, *row] for row in read_record(record)["rows"])


def read_metrics(path: str | Path) -> list[dict[str, str]]:
    """Read ``metrics.csv``."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def _record(rows: list[Row]) -> Json:
    return {"digest": digest(rows), "rows": rows}
