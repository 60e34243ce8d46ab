"""A field of view that was scanned both ways, and its last frame by method."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import zarr
from scipy.ndimage import gaussian_filter

from stemjax.errors import Refused
from stemjax.evaluate.references import References, load_references
from stemjax.io.store import open_store
from stemjax.provenance import read_json
from stemjax.records import is_ok
from stemjax.report.paper.metrics import last_value, metrics_path, table
from stemjax.report.paper.run import Run, counted, paper_models, slow_model
from stemjax.sheet import Acquisition
from stemjax.typing import AnyImage, Json

LAST = 2  # frames to load: the first and the last
LINE_LONG_PX, LINE_WIDE_PX = 4.0, 2.0  # blur along and across a line that is looked for


@dataclass(frozen=True)
class Field:
    """A field of view at its last frame.

    Attributes:
        row: of the sheet.
        about: attributes of its store.
        references: of its first and last frame, on the slow grid.
        slow: the slow scan as recorded, None where there is none.
        frames: rapid frames recorded.
    """

    row: Acquisition
    about: Json
    references: References
    slow: AnyImage | None
    frames: int

    @property
    def frame(self) -> int:
        """Number of the last frame."""
        return int(self.references.index[-1])

    @property
    def integrated(self) -> str:
        """Say how many frames the integration is the mean of; one that was delivered does not."""
        count = self.references.integrated
        return counted(count, "frame") if count else "frames whose number is unknown"

    def says(self) -> str:
        """Name field, pixel size and dwell times."""
        scan = [f"pixel size {self.about['pixel_size_nm']:g} nm"]
        for key, name in (("dwell_us", "rapid"), ("slow_dwell_us", "slow")):
            if self.about.get(key):
                scan.append(f"dwell time {self.about[key]:g} µs ({name} scan)")
        height, width = self.references.raw.shape[1:]
        size = f"{width} \u00d7 {height} pixels"
        return f"Field of view {self.row.acquisition}, {size}, {', '.join(scan)}"


def fields(run: Run, rows: Iterable[Acquisition], *, scanned: bool = True) -> Iterator[Field]:
    """Yield the fields of view of these rows with a map, and where `scanned` a slow scan."""
    for row in rows:
        converted, dcfi = (
            run.results / stage / f"{row.acquisition}.json" for stage in ("converted", "dcfi")
        )
        distortion = run.results / "distortion" / f"{row.session}.json"
        try:
            references = load_references(row, converted, dcfi, distortion, LAST)
        except Refused:
            continue
        source, about = open_store(converted.with_suffix(".zarr"))
        slow = np.asarray(source["slow"]) if "slow" in source else None
        if references.geometry == "slow" and (slow is not None or not scanned):
            yield Field(row, about, references, slow, int(source["rapid"].shape[0]))


def shown_field(run: Run) -> Field:
    """Choose the field of view that is shown: a typical one, else the first test or train row.

    Raises:
        Refused: none has all that is needed.
    """
    typical = typical_field(run)
    rows = sorted(run.rows("test", "train"), key=lambda row: row.acquisition != typical)
    found = next(fields(run, rows), None)
    if found is None:
        raise Refused("no test or train row has a slow scan and a distortion map")
    return found


def typical_field(run: Run) -> str | None:
    """Name the test field whose last frame gains the median of all by the paper's DLF-Slow.

    That is, by what stands for it, in PSNR to the slow scan; None where nothing was measured.
    """
    model = slow_model(run)
    if model is None or not metrics_path(run).exists():
        return None
    rows, gains = table(run), {}
    for row in run.rows("test"):
        values = [last_value(rows, row.acquisition, m, "psnr_slow") for m in (model, "rapid")]
        restored, rapid = values
        if restored is not None and rapid is not None:
            gains[row.acquisition] = restored - rapid
    order = sorted(gains, key=lambda name: gains[name])
    return order[(len(order) - 1) // 2] if order else None


def field_images(run: Run, field: Field) -> dict[str, AnyImage]:
    """Give a field's last frame by method, undistorted and on the slow grid; last the slow scan.

    Of filters BM3D alone, of models the paper's two or those that stand for them.
    """
    references = field.references
    found: dict[str, AnyImage | None] = {
        "rapid": references.rapid[-1],
        "dcfi": references.dcfi[-1],
        "bm3d": _filtered(run, field, "bm3d"),
    }
    for model in paper_models(run):
        found[model] = restored_frame(run, model, field.row.acquisition, field.frame)
    found["slow"] = references.slow[-1]
    return {method: image for method, image in found.items() if image is not None}


def _filtered(run: Run, field: Field, method: str) -> AnyImage | None:
    """Give what evaluation kept of a filter's work, if it is of the frame that is shown."""
    record = run.results / "evaluation" / field.row.acquisition / "baselines.json"
    if not (record.with_suffix(".zarr").exists() and is_ok(record)):
        return None
    group = zarr.open_group(record.with_suffix(".zarr"), mode="r")
    measured = max((row[0] for row in read_json(record)["rows"]), default=None)
    return np.asarray(group[method]) if method in group and measured == field.frame else None


def restored_frame(run: Run, model: str, name: str, frame: int) -> AnyImage | None:
    """Give a restored frame on the slow grid, None where there is none."""
    record = run.results / "restored" / model / f"{name}.json"
    if name not in run.models[model] or not record.exists() or not is_ok(record):
        return None
    if read_json(record)["geometry"] != "slow":
        return None
    return np.asarray(open_store(record.with_suffix(".zarr"))[0]["0"][frame])


def sharpest_place(slow: AnyImage, inside: tuple[slice, slice]) -> tuple[int, int]:
    """Find where (y, x) a dark line is sharpest along the scan: there a lag does most harm.

    Args:
        slow: the slow scan.
        inside: rows and columns to look at.
    """
    bent = gaussian_filter(np.asarray(slow, float), (LINE_LONG_PX, LINE_WIDE_PX), order=(0, 2))
    y, x = np.unravel_index(np.argmax(bent[inside]), bent[inside].shape)
    return int(y) + inside[0].start, int(x) + inside[1].start


def around(place: int, size: int, inside: slice) -> slice:
    """Give `size` pixels about a place, moved where they would leave `inside`."""
    size = min(size, inside.stop - inside.start)
    start = min(max(place - size // 2, inside.start), inside.stop - size)
    return slice(start, start + size)
