"""What the page of an acquisition shows: its frames by every method, spectra, movies, moments."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import zarr

from stemjax.errors import Refused
from stemjax.evaluate.references import References, load_references
from stemjax.evaluate.statistics import METHODS, frames_that_count
from stemjax.io.store import open_store
from stemjax.provenance import read_json
from stemjax.records import is_ok
from stemjax.report.glossary import described, in_order, method_name, number
from stemjax.report.models import unlike_training
from stemjax.report.moments import frame_seconds, frame_temperatures
from stemjax.report.pictures import (
    Contours,
    Shown,
    grey_picture,
    outlines,
    save_picture,
    scale_bar,
    thumbnail,
)
from stemjax.report.plots import drift_chart, heating_chart, spectra_charts
from stemjax.report.video import choose_pace
from stemjax.sheet import Acquisition
from stemjax.typing import AnyImage, Json

FILTERS = ("gaussian", "nlm", "wiener", "bm3d", "bm3d-spectrum")
Pictures = dict[str, tuple[str, AnyImage]]


def show_acquisition(
    results: Path, row: Acquisition, models: Sequence[str], frames: int, folder: Path
) -> Json:
    """Write an acquisition's pictures and collect what its page says beside them.

    Args:
        results: folder of all results.
        row: of the sheet.
        models: that restore it.
        frames: that the evaluation measures; pictures are of the last of them.
        folder: of the report; pictures are written below ``images``.

    Returns:
        ``name``, ``row``, ``refused``, the reason why there is nothing else, or else ``unmapped``
        (why its session has no map), ``frame``, ``frames``, ``pictures``, ``thumbnails``,
        ``scale``, ``size``, ``contours``, ``charts``, ``movies``, ``moments``, ``warnings``.
    """
    name = row.acquisition
    converted = results / "converted" / f"{name}.json"
    distortion = results / "distortion" / f"{row.session}.json"
    dcfi = results / "dcfi" / f"{name}.json"
    about: Json = {"name": name, "row": row, "refused": None, "warnings": []}
    try:
        # The last of two measured frames is that of any more.
        references = load_references(row, converted, dcfi, distortion, min(frames, 2))
    except Refused as refusal:
        return {**about, "refused": str(refusal)}
    source, scan = open_store(converted.with_suffix(".zarr"))
    images = _images(results, name, models, references)
    if "slow" in source and "slow" not in images:
        images["slow"] = ("slow scan, not aligned", np.asarray(source["slow"]))
    shown = {
        key: Shown(key, label, f"images/{name}/{key}.png", f"{name}, {label}")
        for key, (label, _) in images.items()
    }
    for key, (_, image) in images.items():
        save_picture(folder, shown[key].file, grey_picture(image))
    height, width = references.raw.shape[1:]
    count = source["rapid"].shape[0]
    seconds = frame_seconds(count, scan)
    celsius, warnings = frame_temperatures(row.log, seconds, scan)
    movies = _movies(results, name, models) if row.role == "series" else []
    best = next((key for key in images if key.startswith("model.")), "dcfi")
    return {
        **about,
        "unmapped": None if references.geometry == "slow" else read_json(distortion)["reason"],
        "frame": int(references.index[-1]),
        "frames": count,
        "pictures": list(shown.values()),
        "best": best,
        "thumbnails": [(shown[k], thumbnail(images[k][1])) for k in ("recorded", best)],
        "scale": scale_bar(width, scan["pixel_size_nm"]),
        "size": (width, height),
        "contours": _contours(images, shown) if references.geometry == "slow" else [],
        "charts": {
            **spectra_charts(results, name, models),
            "drift": drift_chart(dcfi),
            "temperature": None if celsius is None else heating_chart(name, seconds, celsius),
        },
        "movies": movies,
        "moments": _moments(seconds, celsius, scan["frame_time_s"]) if movies else None,
        "warnings": _warnings(
            read_json(converted).get("warnings", []),
            unlike_training(results, converted, models),
            warnings,
            *(movie["warnings"] for movie in movies),
        ),
    }


def method_table(rows: Sequence[Mapping[str, str]], acquisition: str) -> Json:
    """Average an acquisition's measurements over the frames that all methods were measured on.

    Args:
        rows: of the table of metrics.
        acquisition: id.

    Returns:
        ``methods``, their names, and ``rows``: a metric and its values as text by these names.
    """
    values: dict[str, dict[str, dict[str, float]]] = {}
    methods: dict[str, None] = {}
    for row in rows:
        if row["acquisition"] == acquisition:
            methods[row["method"]] = None
            of_metric = values.setdefault(row["metric"], {})
            of_metric.setdefault(row["method"], {})[row["frame"]] = float(row["value"])
    known = [method for method in METHODS if method in methods]
    table = []
    for name in in_order(values):
        if metric := described(name):
            means = {}
            for method, of_frames in values[name].items():
                if counted := frames_that_count(values[name], method):
                    mean = fmean(of_frames[frame] for frame in counted)
                    means[method_name(method)] = number(mean, metric.digits)
            table.append((metric, means))
    return {"methods": list(map(method_name, dict.fromkeys([*known, *methods]))), "rows": table}


def _images(results: Path, name: str, models: Sequence[str], references: References) -> Pictures:
    """Collect the last measured frame as every method shows it."""
    mapped = references.geometry == "slow"
    images: Pictures = {"recorded": ("rapid frame, as recorded", references.raw[-1])}
    if mapped:
        images["rapid"] = ("rapid frame, undistorted", references.rapid[-1])
    if (integrated := references.dcfi[-1]) is not None:
        images["dcfi"] = (f"DCFI, {'undistorted' if mapped else 'as recorded'}", integrated)
    baselines = results / "evaluation" / name / "baselines.zarr"
    if mapped and baselines.exists():
        stored = zarr.open_group(baselines, mode="r")
        for key in FILTERS:
            if key in stored:
                images[key] = (method_name(key), np.asarray(stored[key]))
    for model in models:
        record = results / "restored" / model / f"{name}.json"
        if is_ok(record):
            frames = open_store(record.with_suffix(".zarr"))[0]["0"]
            label = model if read_json(record)["geometry"] == "slow" else f"{model}, rapid geometry"
            images[f"model.{model}"] = (label, np.asarray(frames[int(references.index[-1])]))
    for key, label, image in (
        ("slow", "slow scan", references.slow[-1]),
        ("truth", "simulated truth", references.truth[-1]),
    ):
        if image is not None:
            images[key] = (label, image)
    return images


def _contours(images: Pictures, shown: Mapping[str, Shown]) -> list[Contours]:
    """Outline what is dark in the rapid frame, in what models make of it and in the slow scan."""
    slow = outlines(images["slow"][1]) if "slow" in images else ""
    found = []
    for key, (_, image) in images.items():
        if key in ("rapid", "slow") or key.startswith("model."):
            own = "" if key == "slow" else outlines(image)
            found.append(Contours(shown[key], (image.shape[1], image.shape[0]), own, slow))
    return found


def _movies(results: Path, name: str, models: Sequence[str]) -> list[Json]:
    """Records of the movies that there are of a series, with the models' names."""
    records = {model: results / "report" / "movies" / model / f"{name}.json" for model in models}
    made = {model: path for model, path in records.items() if path.exists() and is_ok(path)}
    return [{"model": model, **read_json(path)} for model, path in made.items()]


def _moments(seconds: np.ndarray, celsius: np.ndarray | None, frame_time_s: float) -> Json:
    """Tell, of each picture of a movie, its frame, time and temperature."""
    shown = np.arange(0, len(seconds), choose_pace(len(seconds), frame_time_s).step)
    degrees = np.full(len(seconds), np.nan) if celsius is None else celsius
    return {
        "frame": shown.tolist(),
        "seconds": [round(t, 4) for t in seconds[shown].tolist()],
        "celsius": [round(t, 1) if np.isfinite(t) else None for t in degrees[shown].tolist()],
    }


def _warnings(*said: Sequence[str]) -> list[str]:
    """Collect what a person should know of, each once."""
    return list(dict.fromkeys(warning for each in said for warning in each))
