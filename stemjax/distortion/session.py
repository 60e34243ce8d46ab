"""Fit the map of one session from its converted and integrated acquisitions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stemjax.config import Distortion
from stemjax.distortion.fit import Field, fit_map
from stemjax.distortion.lag import fit_lag, noise_correlation
from stemjax.errors import Refused
from stemjax.io.store import lazy_frames, open_store
from stemjax.progress import say
from stemjax.provenance import digest, versions
from stemjax.records import is_ok, read_record, usable
from stemjax.typing import Json

AGREE = ("dwell_us", "line_time_us", "rotation_rad", "shape")  # settings that the map depends on
NOISE_FRAMES = 50  # of each field of view, from which the lag is measured


def fit_session(
    session: str, converted: Sequence[str | Path], dcfi: Sequence[str | Path], settings: Distortion
) -> Json:
    """Fit the map of a session; beside each record lies its store.

    Args:
        session: its name, for messages.
        converted: records of the acquisitions that the map is made from.
        dcfi: records of their integrated frames, in the same order.
        settings: of the fit.

    Returns:
        What ``results/distortion/{session}.json`` says beside its status.

    Raises:
        Refused: no field of view is usable.
    """
    paired = dict(zip(map(Path, converted), map(Path, dcfi), strict=True))
    paths = [
        path for path in usable(list(paired)) if read_record(path)["slow"] and is_ok(paired[path])
    ]
    if not paths:
        raise Refused(
            f"session '{session}': no usable acquisition with a slow scan to fit a map to"
        )
    records = {path: read_record(path) for path in paths}
    scan = _usual_scan(list(records.values()))
    left_out = {}
    for path in list(paths):
        try:
            check_scan(path.stem, records[path], scan, f"most in session '{session}'")
        except Refused as refusal:
            say(f"left out: {refusal}")
            left_out[path.stem] = str(refusal)
            paths.remove(path)
    fields, correlations = [], []
    for path in paths:
        source, _ = open_store(path.with_suffix(".zarr"))
        integrated, _ = open_store(paired[path].with_suffix(".zarr"))
        fields.append(Field(*(np.asarray(a, float) for a in (integrated["dcfi"], source["slow"]))))
        if source["rapid"].shape[0] > 1:
            correlations.append(noise_correlation(lazy_frames(source["rapid"])[:NOISE_FRAMES]))
    if not correlations:
        raise Refused(
            f"session '{session}': the detector's lag needs two frames of a field of view"
        )
    lag = fit_lag(np.mean(correlations, axis=0), scan["dwell_us"], scan["shape"][1])
    slow_dwell_us = records[paths[0]]["scan"]["slow_dwell_us"] or np.inf
    fit = fit_map(fields, lag, settings, slow_dwell_us)
    names = [path.stem for path in paths]
    rest = fit.residuals.mean()
    say(f"session {session}: map of {len(names)} fields of view, residual {rest:.2f}")
    content = {
        **fit.distortion.to_json(),
        "shifts": {
            n: [round(float(v), 4) for v in s] for n, s in zip(names, fit.shifts, strict=True)
        },
        "method": settings.method,
        "acquisitions": names,
        "left_out": left_out,
        "residual": {n: round(float(r), 4) for n, r in zip(names, fit.residuals, strict=True)},
        "lag": lag.to_json(),
        "scan": scan,
    }
    return {**content, "digest": digest(content), "versions": versions("jax", "scipy")}


def _usual_scan(records: Sequence[Json]) -> Json:
    """Choose the scan settings that most acquisitions have, the first where there are as many."""
    scans = [scan_settings(record) for record in records]
    return max(scans, key=scans.count)


def scan_settings(converted: Json) -> Json:
    """Take those settings of a converted acquisition that its map depends on."""
    return {key: {**converted["scan"], "shape": converted["shape"]}[key] for key in AGREE}


def check_scan(acquisition: str, converted: Json, scan: Json, of: str) -> None:
    """Refuse to use a map, or to fit one, across different scan settings.

    Args:
        acquisition: its id.
        converted: its record.
        scan: settings to agree with, as from :func:`scan_settings`.
        of: whose settings these are.

    Raises:
        Refused: names the first setting that differs.
    """
    for key, value in scan_settings(converted).items():
        if not np.allclose(value, scan[key], rtol=1e-3, atol=1e-3):
            raise Refused(
                f"{acquisition}: its {key} is {value}, that of {of} {scan[key]}; acquisitions of "
                "one session share their scan settings, so give it a session of its own"
            )
