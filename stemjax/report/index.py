"""The report: one HTML page that opens from disk, its pictures inside it."""

import base64
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined

from stemjax import __version__
from stemjax.dataset.geometry import map_or_identity, read_session
from stemjax.distortion.map import undistort, warp_matrices
from stemjax.errors import Refused
from stemjax.evaluate.table import read_metrics
from stemjax.io.store import open_store
from stemjax.progress import say, track
from stemjax.provenance import read_json, written_aside
from stemjax.records import REFUSED, is_ok
from stemjax.report.figures import drift_figure, side_by_side
from stemjax.report.maps import session_maps
from stemjax.report.models import curves_figure, described_models, model_record
from stemjax.sheet import Acquisition
from stemjax.typing import AnyImage, Json

METRICS = {
    "psnr_truth": "PSNR to the truth (dB)",
    "ssim_truth": "SSIM to the truth",
    "psnr_slow": "PSNR to the slow scan (dB)",
    "ssim_slow": "SSIM to the slow scan",
    "psnr_paper": "PSNR as in the paper (dB)",
    "psnr_dcfi": "rapid geometry: PSNR to the DCFI (dB)",
    "ssim_dcfi": "rapid geometry: SSIM to the DCFI",
}


def write_report(
    results: Path, sheet: Sequence[Acquisition], models: Mapping[str, Sequence[str]], path: Path
) -> None:
    """Write the page from the records and stores below `results`.

    Args:
        results: folder of all results.
        sheet: rows, in the order in which they are shown.
        models: acquisitions that each restores, in the order in which they are shown.
        path: of the page.
    """
    names = list(models)
    restored = [row for row in sheet if row.role != "train"]
    curves = curves_figure(results, names)
    context = {
        "version": __version__,
        "sheet": sheet,
        "models": _models(results, sheet, names),
        "refused": _refused(results, sheet, models),
        "table": _table(results / "evaluation" / "metrics.csv"),
        "maps": _maps(results, sheet),
        "acquisitions": [
            _acquisition(results, row, [m for m in names if row.acquisition in models[m]])
            for row in track(restored, len(restored), "report: acquisitions")
        ],
        "curves": curves and embedded(curves),
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = files("stemjax.report").joinpath("templates/report.html.j2").read_text("utf-8")
    with written_aside(path) as aside:
        aside.write_text(environment.from_string(template).render(context), encoding="utf-8")
    say(f"report: {path}")


def summarise(rows: Sequence[dict[str, str]]) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Mean and standard deviation over acquisitions for each method and metric.

    Frames of an acquisition share specimen and reference, so each acquisition counts once, and
    only frames on which all its methods were measured.

    Returns:
        The metrics that were measured, and by method and metric ``mean ± deviation``.
    """
    measured: dict[tuple[str, str, str], set[str]] = {}
    methods_of: dict[str, set[str]] = {}
    for row in rows:
        key = (row["acquisition"], row["frame"], row["metric"])
        measured.setdefault(key, set()).add(row["method"])
        methods_of.setdefault(row["acquisition"], set()).add(row["method"])
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in rows:
        key = (row["acquisition"], row["frame"], row["metric"])
        if measured[key] != methods_of[row["acquisition"]]:
            continue
        of_metric = values.setdefault((row["method"], row["metric"]), {})
        of_metric.setdefault(row["acquisition"], []).append(float(row["value"]))
    metrics = [metric for metric in METRICS if any(key[1] == metric for key in values)]
    methods: dict[str, dict[str, str]] = {}
    for (method, metric), of_acquisition in values.items():
        means = [mean(of_frames) for of_frames in of_acquisition.values()]
        digits = 3 if metric.startswith("ssim") else 2
        deviation = f" ± {stdev(means):.{digits}f}" if len(means) > 1 else ""
        methods.setdefault(method, {})[metric] = f"{mean(means):.{digits}f}{deviation}"
    return metrics, methods


def _table(path: Path) -> Json:
    metrics, methods = summarise(read_metrics(path))
    return {"metrics": {metric: METRICS[metric] for metric in metrics}, "methods": methods}


def _refused(
    results: Path, sheet: Sequence[Acquisition], models: Mapping[str, Sequence[str]]
) -> list[tuple[str, str]]:
    """Name each refusal once: later stages repeat the reason of the first.

    Only what sheet and config name now: records of rows that were taken out may still be there.
    """
    names = [row.acquisition for row in sheet]
    records = [(name, f"converted/{name}") for name in names]
    records += [(name, f"dcfi/{name}") for name in names]
    records += [(name, f"distortion/{name}") for name in sorted({row.session for row in sheet})]
    trained = [name for name in models if "loaded" not in model_record(results, name)]
    records += [(name, f"dataset/{name}") for name in trained]
    records += [(name, f"models/{name}/model") for name in models]
    for model, restored in models.items():
        records += [(name, f"restored/{model}/{name}") for name in restored]
    reasons: dict[str, str] = {}
    for name, path in records:
        record = read_json(results / f"{path}.json")
        if record["status"] == REFUSED:
            reasons.setdefault(record["reason"], name)
        for left_out, reason in record.get("left_out", {}).items():
            reasons.setdefault(reason, left_out)
    return [(name, reason) for reason, name in reasons.items()]


def _models(results: Path, sheet: Sequence[Acquisition], models: Sequence[str]) -> list[Json]:
    described = described_models(results, sheet, models)
    return [{**each, "shown": each["shown"] and embedded(each["shown"])} for each in described]


def _maps(results: Path, sheet: Sequence[Acquisition]) -> list[Json]:
    maps = session_maps(results, sheet)
    for each in maps:
        each["picture"] = embedded(each["picture"])
        if each["fit"]:
            pictures = {key: embedded(each["fit"][key]) for key in ("overlay", "profiles")}
            each["fit"] = {**each["fit"], **pictures}
    return maps


def _acquisition(results: Path, row: Acquisition, models: Sequence[str]) -> dict[str, Any]:
    """Picture of an acquisition's last frame as every stage left it.

    Where the session has no map, ``unmapped`` is the reason why.
    """
    name = row.acquisition
    about: dict[str, Any] = {"row": row, "picture": None, "frames": 0}
    about["movies"] = _movies(results, name, models) if row.role == "series" else []
    converted = results / "converted" / f"{name}.json"
    distortion = results / "distortion" / f"{row.session}.json"
    dcfi = results / "dcfi" / f"{name}.json"
    if not (is_ok(converted) and is_ok(dcfi)):
        return about
    try:
        session = read_session(name, read_json(converted), distortion, needed=False)
    except Refused:
        return about
    source, scan = open_store(converted.with_suffix(".zarr"))
    rapid = np.asarray(source["rapid"][-1])
    rows, columns = warp_matrices(map_or_identity(session, rapid.shape[1]), len(rapid))
    integration, origin = open_store(dcfi.with_suffix(".zarr"))
    integrated = np.asarray(integration["dcfi"])
    images: dict[str, AnyImage] = {
        "rapid frame, as recorded": rapid,
        f"DCFI, {'undistorted' if session else 'as recorded'}": undistort(
            integrated, rows, columns
        ),
    }
    for model in models:
        record = results / "restored" / model / f"{name}.json"
        if is_ok(record):
            slow = read_json(record)["geometry"] == "slow"
            images[model if slow else f"{model}, rapid geometry"] = np.asarray(
                open_store(record.with_suffix(".zarr"))[0]["0"][-1]
            )
    if "slow" in source:
        images["slow scan"] = np.asarray(source["slow"])
    about["picture"] = embedded(side_by_side(images, scan["pixel_size_nm"]))
    about["drift"] = embedded(drift_figure(np.asarray(integration["drift"]), origin["first_frame"]))
    about["frames"] = source["rapid"].shape[0]
    about["shows"] = ", ".join(images)
    about["unmapped"] = None if session else read_json(distortion)["reason"]
    return about


def _movies(results: Path, name: str, models: Sequence[str]) -> list[Json]:
    """Records of the movies that there are of a series, with the models' names."""
    records = {model: results / "report" / "movies" / model / f"{name}.json" for model in models}
    made = {model: path for model, path in records.items() if path.exists() and is_ok(path)}
    return [{"model": model, **read_json(path)} for model, path in made.items()]


def embedded(picture: bytes) -> str:
    """Give a PNG as a data URI."""
    return "data:image/png;base64," + base64.b64encode(picture).decode()
