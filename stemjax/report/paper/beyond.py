"""What stemjax adds to the paper: its map beside the paper's, both against the truth; its speed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from stemjax.config import Distortion
from stemjax.distortion.map import from_json
from stemjax.distortion.session import fit_session
from stemjax.errors import Refused
from stemjax.provenance import read_json
from stemjax.records import OK
from stemjax.report.cost import read_job
from stemjax.report.paper.made import step_rate
from stemjax.report.paper.run import Run, model_records
from stemjax.selection import session_rows
from stemjax.typing import Columns, Json

EDGE = 8  # columns at either edge that are not judged
MANY = 100  # frames; a job that restores fewer is hardly more than its start


@dataclass(frozen=True)
class MapError:
    """How far a map's columns are from where the simulated scan has them, in pixels.

    Attributes:
        rms: root mean square error.
        shift: its mean.
        bend: root mean square about that mean: what bends an image, not what moves it.
        worst: the largest.
    """

    rms: float
    shift: float
    bend: float
    worst: float


def map_error(columns: Columns, truth: Columns, offset: float) -> MapError | None:
    """Compare a map with the simulated scan, but for its outermost columns.

    Args:
        columns: rapid column of each slow column, in pixels.
        truth: the same of the simulated scan, for a specimen that lies still; NaN where the
            rapid frame sees none.
        offset: by which the fields that the map was fitted to were moved along x, in pixels.

    Returns:
        None where the rapid frames see nothing that is judged.
    """
    grid = np.arange(float(len(truth)))
    seen = np.isfinite(truth)
    if not seen.any():
        return None
    moved = np.interp(grid - offset, grid[seen], truth[seen], left=np.nan, right=np.nan)
    away = (columns - moved)[EDGE:-EDGE]
    away = away[np.isfinite(away)]
    if not len(away):
        return None
    return MapError(
        rms=float(np.sqrt(np.mean(away**2))),
        shift=float(away.mean()),
        bend=float(away.std()),
        worst=float(np.abs(away).max()),
    )


def map_errors(run: Run) -> list[tuple[str, str, int, MapError]]:
    """Judge each session's map: none, the paper's strips, the spline of one field and of all.

    A spline that the run has not fitted is fitted here, from its own records.

    Returns:
        Session, method, number of fields of view that the map rests on, and its error; sessions
        without a map or a truth are left out.
    """
    found = []
    for session in dict.fromkeys(row.session for row in run.sheet):
        path = run.results / "distortion" / f"{session}.json"
        record = read_json(path) if path.exists() else {"status": "missing"}
        if record["status"] != OK:
            continue
        names = session_rows({row.acquisition: row for row in run.sheet}, session)
        one = [record["strips"]["acquisition"]]
        maps: list[tuple[str, Json | None, Sequence[str]]] = [
            ("none", None, []),
            ("strips", record["strips"], one),
            ("spline", _spline(run, session, one), one),
        ]
        if len(names) > 1:
            whole = record if record["method"] == "spline" else _spline(run, session, names)
            maps.append(("spline", whole, names))
        for method, content, wanted in maps:
            fitted = content.get("acquisitions", wanted) if content else wanted
            truths = _truths(run, fitted or one)
            if truths is None or (content is None and method != "none"):
                continue
            columns, offset = truths
            mapped = from_json(content).columns if content else np.arange(float(len(columns)))
            error = map_error(mapped, columns, offset)
            if error is not None:
                found.append((session, method, len(fitted), error))
    return found


def _spline(run: Run, session: str, names: Sequence[str]) -> Json | None:
    paths = [[run.results / stage / f"{n}.json" for n in names] for stage in ("converted", "dcfi")]
    if not all(path.exists() for each in paths for path in each):
        return None
    try:
        return fit_session(session, *paths, Distortion(method="spline"))
    except Refused:
        return None


def _truths(run: Run, names: Sequence[str]) -> tuple[Columns, float] | None:
    """Give the simulated scan's columns, and where fields lay on average while integrated."""
    rows = [row for row in run.sheet if row.acquisition in names]
    files = [Path(row.truth) for row in rows if row.truth]
    files += [run.results / "dcfi" / f"{row.acquisition}.json" for row in rows]
    if len(files) < 2 * max(len(rows), 1) or not all(file.is_file() for file in files):
        return None
    offsets, columns = [], np.empty(0)
    for row in rows:
        first = read_json(run.results / "dcfi" / f"{row.acquisition}.json")["first_frame"]
        with h5py.File(row.truth) as file:
            columns = np.asarray(file["columns"], float)
            offsets.append(float(np.mean(file["offset"][first:, 1])))
    return columns, float(np.mean(offsets))


@dataclass(frozen=True)
class Speed:
    """How fast a model was trained and applied; None where it is not known.

    Attributes:
        steps_per_s: of training, the median of all epochs but the first, which compiles.
        patches_per_s: likewise.
        frames: of the longest acquisition that it restored.
        frames_per_s: of restoring that, with start, compilation, reading and writing.
    """

    steps_per_s: float | None
    patches_per_s: float | None
    frames: int | None
    frames_per_s: float | None


def speeds(run: Run) -> dict[str, Speed]:
    """Tell how fast each model was trained, and applied to :data:`MANY` frames and more."""
    found = {}
    for name, record in model_records(run).items():
        rate = step_rate(run, name)
        batch = record["config"]["train"]["batch_size"]
        restored = max(_restored(run, name), default=None)
        frames, lasted = restored if restored and restored[0] >= MANY else (None, None)
        found[name] = Speed(
            rate,
            None if rate is None else rate * batch,
            frames,
            frames / lasted if frames and lasted else None,
        )
    return found


def _restored(run: Run, model: str) -> Iterator[tuple[int, float]]:
    """Yield frames and seconds of each acquisition that a model restored in one job."""
    for name in run.models[model]:
        path = run.results / "restored" / model / f"{name}.json"
        job = read_job(run.results, "restore_acquisition", f"{model}/{name}")
        record = read_json(path) if path.exists() else {}
        if job and job.seconds and record.get("status") == OK and "frames" in record:
            yield int(record["frames"]), job.seconds
