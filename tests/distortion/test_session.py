"""A session's map from records and stores: what is used, what is refused, what the record says."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from stemjax.config import Distortion, Simulate
from stemjax.distortion.lag import lag_from_json
from stemjax.distortion.map import from_json, undistort, warp_matrices
from stemjax.distortion.session import fit_session
from stemjax.distortion.strips import STRIP_WIDTHS, fit_strips
from stemjax.errors import Refused
from stemjax.integrate.dcfi import integrate_acquisition
from stemjax.io.convert import convert_acquisition
from stemjax.io.store import open_store
from stemjax.provenance import read_json, write_json
from stemjax.records import write_record
from stemjax.sheet import Acquisition
from stemjax.simulate.experiment import Paths, simulate_acquisition

NAMES = ("a1", "a2", "a3")
SIZE = 128
INNER = np.s_[16:-16, 16:-16]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulate, convert and integrate three fields of view of a session."""
    folder = tmp_path_factory.mktemp("session")
    settings = Simulate(size=SIZE, frames=12, seed=1)
    for name in NAMES:
        paths = Paths(*(folder / f"{name}.{kind}" for kind in ("r.emd", "s.emd", "truth.h5")))
        simulate_acquisition(settings, name, "s1", series=False, paths=paths)
        row = Acquisition(name, "s1", "train", str(paths.rapid), str(paths.slow))
        converted, record = folder / f"converted/{name}.zarr", folder / f"converted/{name}.json"
        converted.parent.mkdir(exist_ok=True)
        (folder / "dcfi").mkdir(exist_ok=True)
        write_record(record, lambda row=row, to=converted: convert_acquisition(row, to))
        result = integrate_acquisition(
            converted, record, folder / f"dcfi/{name}.zarr", series=False
        )
        write_json(folder / f"dcfi/{name}.json", {"status": "ok", **result})
    return folder


def fit(folder: Path, names: Sequence[str] = NAMES, **settings: object) -> dict:
    records = [[folder / stage / f"{n}.json" for n in names] for stage in ("converted", "dcfi")]
    return fit_session("s1", *records, Distortion(**settings))


@pytest.fixture(scope="module")
def content(folder: Path) -> dict:
    return fit(folder)


def test_the_record_holds_the_map(folder: Path, content: dict) -> None:
    with h5py.File(folder / "a1.truth.h5") as truth:
        columns, row_shift = truth["columns"][...], truth["row_shift"][()]
    assert len(content["columns"]) == len(content["valid"]) == len(content["sigma"]) == SIZE
    assert (np.diff(content["columns"]) > 0).all()
    inner = np.s_[8:-8]
    # The fields' own offsets, 0.8 px rms, belong to the map on average.
    away = np.array(content["columns"])[inner] - columns[inner]
    assert away.std() < 0.15
    assert abs(away.mean()) < 1.5
    assert content["row_shift"] == pytest.approx(row_shift, abs=1.5)


def test_the_record_tells_what_it_was_made_from(content: dict) -> None:
    assert content["acquisitions"] == list(NAMES)
    assert set(content["shifts"]) == set(content["residual"]) == set(NAMES)
    assert content["method"] == "spline"
    assert content["left_out"] == {}
    assert content["scan"]["shape"] == [SIZE, SIZE]
    json.dumps(content, allow_nan=False)


def test_the_record_tells_how_well_the_fields_agree(content: dict) -> None:
    assert list(content["leave_one_out_px"]) == list(NAMES)
    assert all(0 < apart < 0.6 for apart in content["leave_one_out_px"].values())
    assert all(0 < residual < 0.5 for residual in content["residual"].values())


def test_the_record_tells_the_detectors_response(content: dict) -> None:
    lag, glow = content["lag"], content["afterglow"]
    fast, slow = lag["decays_error_us"]
    assert abs(lag["decays_us"][0] - 0.45) < max(3 * fast, 0.03)
    assert abs(lag["decays_us"][1] - 2.0) < 3 * slow
    assert lag_from_json(lag).dwell_us == 0.1
    assert abs(glow["share"] - 0.02) < 2 * glow["error"]  # of 80 us


def test_the_strips_method_gives_another_map_of_one_field(content: dict) -> None:
    strips = content["strips"]
    assert strips["acquisition"] in NAMES
    assert strips["strip_width"] in STRIP_WIDTHS
    other = from_json(strips)
    inner = np.s_[16:-16]
    away = (other.columns - from_json(content).columns)[inner]
    assert away.std() < 2.0
    assert np.abs(away).max() > 0.1


def test_undistorted_frames_lie_on_the_slow_scan_though_they_lag(
    folder: Path, content: dict
) -> None:
    """The response's mean delay is 7 px; strips have what lags in their columns already."""
    distortion = from_json(content)
    assert content["strips"]["late"] == 0.0
    for name in NAMES:
        converted, _ = open_store(folder / f"converted/{name}.zarr")
        dcfi, _ = open_store(folder / f"dcfi/{name}.zarr")
        slow, integrated = converted["slow"][...], dcfi["dcfi"][...]
        alike = {}
        for away in (-distortion.late, -3.0, 0.0, 3.0):
            moved = replace(distortion, late=distortion.late + away)
            matrices = warp_matrices(moved, SIZE, tuple(-np.array(content["shifts"][name])))
            undistorted = undistort(integrated, *matrices)
            alike[away] = np.corrcoef(undistorted[INNER].ravel(), slow[INNER].ravel())[0, 1]
        assert max(alike, key=alike.get) == 0.0
        unexplained = {away: 1 - r**2 for away, r in alike.items()}
        assert unexplained[0.0] < unexplained[-distortion.late] / 2


def shifts_apart(folder: Path, record: dict) -> np.ndarray:
    """Give the error of the fields' shifts beside each other, in pixels."""
    offsets = []
    for name in NAMES:
        with h5py.File(folder / f"{name}.truth.h5") as truth:
            offsets.append(truth["offset"][...].mean(axis=0))
    away = np.array([record["shifts"][name] for name in NAMES]) - offsets
    return away - away.mean(axis=0)


def test_the_fields_shifts_are_those_of_their_offsets(folder: Path, content: dict) -> None:
    np.testing.assert_allclose(shifts_apart(folder, content), 0, atol=0.3)


def test_fitting_again_gives_the_same_record(folder: Path, content: dict) -> None:
    assert fit(folder) == content


def spoil(folder: Path, tmp_path: Path, record: str, **change: object) -> Path:
    """Copy the session with one record changed; the stores stay where they are."""
    for path in folder.rglob("*.json"):
        if "zarr" in str(path.relative_to(folder)):
            continue
        copy = tmp_path / path.relative_to(folder)
        write_json(copy, {**read_json(path), **(change if str(copy).endswith(record) else {})})
        copy.with_suffix(".zarr").symlink_to(path.with_suffix(".zarr"))
    return tmp_path


@pytest.mark.parametrize("record", ["converted/a2.json", "dcfi/a2.json"])
def test_a_refused_acquisition_is_left_out(folder: Path, tmp_path: Path, record: str) -> None:
    spoilt = spoil(folder, tmp_path, record, status="refused", reason="a2 is broken")
    expected = fit(folder, ("a1", "a3"))
    assert fit(spoilt) == expected
    assert expected["acquisitions"] == ["a1", "a3"]


def test_an_acquisition_with_other_scan_settings_is_left_out(folder: Path, tmp_path: Path) -> None:
    scan = read_json(folder / "converted/a2.json")["scan"]
    spoilt = spoil(folder, tmp_path, "converted/a2.json", scan={**scan, "dwell_us": 0.2})
    record = fit(spoilt)
    assert record["acquisitions"] == ["a1", "a3"]
    assert record["left_out"]["a2"].startswith("a2: its dwell_us is 0.2, that of most in session")


def test_a_session_without_a_slow_scan_has_no_map(folder: Path, tmp_path: Path) -> None:
    spoilt = spoil(folder, tmp_path, "converted/a1.json", slow=False)
    with pytest.raises(Refused, match="session 's1': no usable acquisition with a slow scan"):
        fit(spoilt, ("a1",))


def test_a_frame_too_small_for_a_map_is_refused(folder: Path, tmp_path: Path) -> None:
    spoilt = spoil(folder, tmp_path, "converted/a1.json", shape=[48, 128])
    with pytest.raises(Refused, match="session 's1': frames of 48 x 128 pixels are too small"):
        fit(spoilt, ("a1",))


def mix_up(folder: Path, tmp_path: Path) -> Path:
    """Copy the session with the rapid image of the first field beside the second's slow scan."""
    spoilt = spoil(folder, tmp_path, "nothing")
    (spoilt / "dcfi/a2.zarr").unlink()
    (spoilt / "dcfi/a2.zarr").symlink_to(folder / "dcfi/a1.zarr")
    return spoilt


def test_a_wrong_pair_is_left_out_and_the_record_says_why(folder: Path, tmp_path: Path) -> None:
    record = fit(mix_up(folder, tmp_path))
    assert record["acquisitions"] == ["a1", "a3"]
    assert list(record["left_out"]) == ["a2"]
    assert record["left_out"]["a2"].startswith("a2: its rapid frames do not show what its slow")
    assert list(record["shifts"]) == list(record["leave_one_out_px"]) == ["a1", "a3"]


def test_a_session_of_a_wrong_pair_has_no_map(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="session 's1': no field of view tells the map: a2: its"):
        fit(mix_up(folder, tmp_path), ("a2",))


def test_one_field_of_view_has_no_others_to_agree_with(folder: Path) -> None:
    record = fit(folder, ("a3",))
    assert record["leave_one_out_px"] == {}
    assert record["acquisitions"] == ["a3"]
    json.dumps(record, allow_nan=False)


@pytest.fixture(scope="module")
def by_strips(folder: Path) -> dict:
    return fit(folder, method="strips", acquisition="a2")


def test_the_strips_method_takes_the_field_that_it_is_told(folder: Path, by_strips: dict) -> None:
    integrated, _ = open_store(folder / "dcfi/a2.zarr")
    source, _ = open_store(folder / "converted/a2.zarr")
    expected = fit_strips(*(np.asarray(a, float) for a in (integrated["dcfi"], source["slow"])))
    np.testing.assert_allclose(by_strips["columns"], expected.distortion.columns, atol=1e-4)
    assert by_strips["method"] == "strips"
    assert by_strips["acquisitions"] == ["a2"]
    assert by_strips["strips"]["acquisition"] == "a2"
    assert by_strips["strips"]["columns"] == by_strips["columns"]
    assert by_strips["strips"]["strip_width"] == expected.strip_width
    assert (by_strips["residual"], by_strips["leave_one_out_px"]) == ({}, {})
    json.dumps(by_strips, allow_nan=False)


def test_the_strips_method_finds_where_all_fields_lie(folder: Path, by_strips: dict) -> None:
    np.testing.assert_allclose(shifts_apart(folder, by_strips), 0, atol=0.5)


@pytest.mark.parametrize("method", ["spline", "strips"])
def test_a_field_for_the_strips_must_be_one_of_the_session(folder: Path, method: str) -> None:
    with pytest.raises(Refused, match=r"distortion\.acquisition names 'a9', which is none of its"):
        fit(folder, method=method, acquisition="a9")
