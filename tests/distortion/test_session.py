"""A session's map from records and stores: what is used, what is refused, what the record says."""

import json
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from stemjax.config import Distortion, Simulate
from stemjax.distortion.session import fit_session
from stemjax.errors import Refused
from stemjax.integrate.dcfi import integrate_acquisition
from stemjax.io.convert import convert_acquisition
from stemjax.provenance import read_json, write_json
from stemjax.records import write_record
from stemjax.sheet import Acquisition
from stemjax.simulate.experiment import Paths, simulate_acquisition

NAMES = ("a1", "a2", "a3")
SIZE = 128


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


def fit(folder: Path, names: Sequence[str] = NAMES) -> dict:
    records = [[folder / stage / f"{n}.json" for n in names] for stage in ("converted", "dcfi")]
    return fit_session("s1", *records, Distortion())


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
    assert away.std() < 0.3
    assert abs(away.mean()) < 1.5
    assert content["row_shift"] == pytest.approx(row_shift, abs=1.5)


def test_the_record_tells_what_it_was_made_from(content: dict) -> None:
    assert content["acquisitions"] == list(NAMES)
    assert set(content["shifts"]) == set(content["residual"]) == set(NAMES)
    assert content["method"] == "spline"
    assert 0.3 < content["lag"]["decays_us"][0] < 0.6  # 0.45 us
    json.dumps(content, allow_nan=False)


def test_the_fields_shifts_are_those_of_their_offsets(folder: Path, content: dict) -> None:
    offsets = []
    for name in NAMES:
        with h5py.File(folder / f"{name}.truth.h5") as truth:
            offsets.append(truth["offset"][...].mean(axis=0))
    measured = np.array([content["shifts"][name] for name in NAMES])
    np.testing.assert_allclose(
        measured - measured.mean(axis=0), offsets - np.mean(offsets, axis=0), atol=0.3
    )


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
