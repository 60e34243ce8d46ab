"""Fit the map of one session from its converted and integrated acquisitions."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from stemjax.config import Distortion
from stemjax.distortion.judge import fit_agreeing
from stemjax.distortion.noise import LagFit, fit_lag, noise_spectrum, pooled
from stemjax.distortion.offset import field_offset
from stemjax.distortion.scans import Field
from stemjax.distortion.settings import check_scan, usual_scan
from stemjax.distortion.strips import StripsFit, fit_strips, informative
from stemjax.errors import Refused
from stemjax.io.store import lazy_frames, open_store
from stemjax.progress import say
from stemjax.provenance import digest, versions
from stemjax.records import is_ok, read_record, usable
from stemjax.typing import Json

SMALLEST = 64  # rows and columns of a frame from which a map can be fitted
NOISE_FRAMES = 500  # of all fields of view, from which the lag is measured


def fit_session(
    session: str, converted: Sequence[str | Path], dcfi: Sequence[str | Path], settings: Distortion
) -> Json:
    """Fit the map of a session; beside each record lies its store.

    Whatever the method, the strips method's map of the most informative field of view is in the
    record as well: the report compares the two.

    Args:
        session: its name, for messages.
        converted: records of the acquisitions that the map is made from.
        dcfi: records of their integrated frames, in the same order.
        settings: of the fit.

    Returns:
        What ``results/distortion/{session}.json`` says beside its status.

    Raises:
        Refused: no map can rest on these fields of view; the message says why.
    """
    paths, scan, left_out = _agreeing_scans(session, converted, dcfi)
    if min(scan["shape"]) < SMALLEST:
        size = " x ".join(map(str, scan["shape"]))
        raise Refused(
            f"session '{session}': frames of {size} pixels are too small for a map, which takes "
            f"{SMALLEST} at least; record larger ones, or borrow a map"
        )
    fields = {path.stem: _field(path, integrated) for path, integrated in paths.items()}
    lag = _measure_lag(session, list(paths), scan)
    alone = _most_informative(session, fields, settings.acquisition)
    strips = fit_strips(fields[alone].rapid, fields[alone].slow)
    try:
        if settings.method == "strips":
            content = _of_strips(strips, fields, alone, lag)
        else:
            slow_dwell_us = read_record(next(iter(paths)))["scan"]["slow_dwell_us"] or np.inf
            content = _of_spline(fields, lag, settings.knots, slow_dwell_us)
    except Refused as refusal:
        raise Refused(f"session '{session}': {refusal}") from None
    say(f"session {session}: map of {len(content['acquisitions'])} fields of view")
    content |= {
        "method": settings.method,
        "left_out": {**left_out, **content["left_out"]},
        "lag": {**lag.lag.to_json(), "decays_error_us": _rounded(lag.decays_error_us)},
        "strips": {
            **strips.distortion.to_json(),
            "acquisition": alone,
            "strip_width": strips.strip_width,
        },
        "scan": scan,
    }
    return {**content, "digest": digest(content), "versions": versions("jax", "scipy")}


def _of_spline(fields: dict[str, Field], lag: LagFit, knots: int, slow_dwell_us: float) -> Json:
    fit, names, left_out = fit_agreeing(fields, lag, knots, slow_dwell_us)
    apart = fit.apart if len(names) > 1 else []
    return {
        **fit.distortion.to_json(),
        "shifts": {n: _rounded(s) for n, s in zip(names, fit.shifts, strict=True)},
        "acquisitions": names,
        "left_out": left_out,
        "residual": dict(zip(names, _rounded(fit.residuals), strict=True)),
        "leave_one_out_px": dict(zip(names, _rounded(apart), strict=False)),
        "afterglow": dict(zip(("share", "error"), _rounded(fit.afterglow), strict=True)),
    }


def _of_strips(strips: StripsFit, fields: dict[str, Field], alone: str, lag: LagFit) -> Json:
    distortion = strips.distortion
    shifts = {
        name: field_offset(distortion, lag.lag, field.rapid, field.slow)
        for name, field in fields.items()
    }
    return {
        **distortion.to_json(),
        "shifts": {name: _rounded(shift) for name, shift in shifts.items()},
        "acquisitions": [alone],
        "left_out": {},
        "residual": {},
        "leave_one_out_px": {},
    }


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), 4) for value in values]


def _agreeing_scans(
    session: str, converted: Sequence[str | Path], dcfi: Sequence[str | Path]
) -> tuple[dict[Path, Path], Json, dict[str, str]]:
    """Choose the usable pairs of records with the usual scan settings; name the others."""
    paired = dict(zip(map(Path, converted), map(Path, dcfi), strict=True))
    paths = [
        path for path in usable(list(paired)) if read_record(path)["slow"] and is_ok(paired[path])
    ]
    if not paths:
        raise Refused(
            f"session '{session}': no usable acquisition with a slow scan to fit a map to"
        )
    records = {path: read_record(path) for path in paths}
    scan = usual_scan(list(records.values()))
    chosen, left_out = {}, {}
    for path in paths:
        try:
            check_scan(path.stem, records[path], scan, f"most in session '{session}'")
            chosen[path] = paired[path]
        except Refused as refusal:
            say(f"left out: {refusal}")
            left_out[path.stem] = str(refusal)
    return chosen, scan, left_out


def _field(converted: Path, dcfi: Path) -> Field:
    source, _ = open_store(converted.with_suffix(".zarr"))
    integrated, _ = open_store(dcfi.with_suffix(".zarr"))
    return Field(*(np.asarray(a, float) for a in (integrated["dcfi"], source["slow"])))


def _measure_lag(session: str, converted: Sequence[Path], scan: Json) -> LagFit:
    each = max(2, NOISE_FRAMES // len(converted))
    spectra = []
    for path in converted:
        rapid = open_store(path.with_suffix(".zarr"))[0]["rapid"]
        if rapid.shape[0] > 1:
            spectra.append(noise_spectrum(lazy_frames(rapid)[:each]))
    if not spectra:
        raise Refused(
            f"session '{session}': the detector's lag needs two frames of a field of view"
        )
    return fit_lag(pooled(spectra), scan["dwell_us"])


def _most_informative(session: str, fields: dict[str, Field], wanted: str | None) -> str:
    if wanted is None:
        return max(fields, key=lambda name: informative(fields[name].slow))
    if wanted not in fields:
        raise Refused(
            f"session '{session}': distortion.acquisition names '{wanted}', which is none of its "
            f"usable acquisitions {', '.join(fields)}; name one of these or leave the key out"
        )
    return wanted
