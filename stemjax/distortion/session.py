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
from stemjax.records import read_record, usable
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
        Refused: no field of view is usable, or their scan settings differ.
    """
    paired = dict(zip(map(Path, converted), map(Path, dcfi), strict=True))
    paths = [
        path
        for path in usable(list(paired))
        if read_record(path)["slow"] and paired[path] in set(usable([paired[path]]))
    ]
    if not paths:
        raise Refused(
            f"session '{session}': no usable acquisition with a slow scan to fit a map to"
        )
    scan = _common_scan(session, paths)
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
    slow_dwell_us = read_record(paths[0])["scan"]["slow_dwell_us"] or np.inf
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
        "residual": {n: round(float(r), 4) for n, r in zip(names, fit.residuals, strict=True)},
        "lag": lag.to_json(),
        "scan": scan,
    }
    return {**content, "digest": digest(content), "versions": versions("jax", "scipy")}


def _common_scan(session: str, paths: list[Path]) -> Json:
    scans = {path.stem: read_record(path) for path in paths}
    first, reference = next(iter(scans.items()))
    for name, record in scans.items():
        values = {**record["scan"], "shape": record["shape"]}
        for key, value in {**reference["scan"], "shape": reference["shape"]}.items():
            if key in AGREE and not np.allclose(values[key], value, rtol=1e-3, atol=1e-3):
                raise Refused(
                    f"session '{session}': {key} of '{name}' is {values[key]}, of '{first}' "
                    f"{value}; give them different sessions"
                )
    return {key: {**reference["scan"], "shape": reference["shape"]}[key] for key in AGREE}
