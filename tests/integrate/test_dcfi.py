"""Integrated frames against the specimen that they show, and what the stage leaves behind."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr
from ome_zarr_models.v05 import Image

from stemjax.errors import Refused
from stemjax.integrate.dcfi import integrate, integrate_acquisition
from stemjax.io.convert import convert_acquisition
from stemjax.io.store import open_store
from stemjax.records import write_record
from stemjax.simulate.velox import write_velox
from tests.handmade import Handmade
from tests.integrate.drifting import streaks, view, wander
from tests.io.velox_files import SCAN, make_files

INNER = np.s_[8:-8, 8:-8]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def grey(frames: np.ndarray) -> np.ndarray:
    """Record frames of unit contrast in 16 bit."""
    return np.rint(20_000 + 2_000 * frames).astype(np.uint16)


def test_frames_moved_back_by_their_drift_give_the_specimen(rng: np.random.Generator) -> None:
    drift = wander(rng, 12, 1.0)
    (still,) = view(0, 96, np.zeros((1, 2)))
    image = integrate(view(0, 96, drift), drift)
    assert image.dtype == np.float32
    assert np.abs(image - still)[INNER].max() < 0.01
    # Without moving them back, the specimen is smeared.
    assert np.abs(integrate(view(0, 96, drift), 0 * drift) - still)[INNER].max() > 0.3


def test_frames_that_have_not_drifted_are_averaged(rng: np.random.Generator) -> None:
    frames = rng.integers(0, 65536, (7, 16, 24), dtype=np.uint16)
    image = integrate(frames, np.zeros((7, 2)))
    np.testing.assert_allclose(image, frames.mean(axis=0), rtol=1e-6)


def test_noise_falls_with_the_root_of_the_number_of_frames(rng: np.random.Generator) -> None:
    drift = np.round(wander(rng, 25, 1.5))  # whole pixels: interpolation smooths nothing
    noise = integrate(streaks(rng, (25, 96, 96)), drift)
    assert noise[INNER].std() == pytest.approx(1 / 5, rel=0.1)


def test_the_edges_are_held(rng: np.random.Generator) -> None:
    frame = np.tile(np.arange(32.0), (1, 32, 1))
    image = integrate(frame, np.array([[0.0, -5.0]]))
    np.testing.assert_allclose(image[:, :5], 0, atol=0.2)
    np.testing.assert_allclose(image[:, 8:], np.tile(np.arange(3.0, 27.0), (32, 1)), atol=0.01)


def test_an_acquisition_is_integrated_along_its_drift(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    drift = wander(rng, 10, 1.0)
    frames = view(1, 128, drift)
    handmade = Handmade(tmp_path)
    record = handmade.converted("a1", grey(frames + 0.3 * streaks(rng, frames.shape)))
    result = integrate_acquisition(
        record.with_suffix(".zarr"), record, tmp_path / "dcfi.zarr", series=False
    )
    assert (result["frames"], result["first_frame"], result["computed"]) == (10, 0, True)
    group, about = open_store(tmp_path / "dcfi.zarr")
    assert about == {"acquisition": "a1", "first_frame": 0}
    np.testing.assert_allclose(group["drift"][...], drift, atol=0.15)
    (still,) = view(1, 128, np.zeros((1, 2)))
    rest = (group["dcfi"][...] - 20_000) / 2_000 - still
    assert rest[INNER].std() < 1.3 * 0.3 / np.sqrt(10)
    Image.from_zarr(zarr.open_group(tmp_path / "dcfi.zarr", mode="r"))


def test_of_a_series_the_last_fifty_frames_are_integrated(tmp_path: Path) -> None:
    early, late = grey(view(2, 64, np.zeros((1, 2)))), grey(view(3, 64, np.zeros((1, 2))))
    rapid = np.concatenate([np.repeat(early, 10, axis=0), np.repeat(late, 50, axis=0)])
    record = Handmade(tmp_path).converted("h1", rapid)
    store = record.with_suffix(".zarr")
    result = integrate_acquisition(store, record, tmp_path / "dcfi.zarr", series=True)
    assert (result["frames"], result["first_frame"]) == (50, 10)
    group, about = open_store(tmp_path / "dcfi.zarr")
    assert about["first_frame"] == 10
    assert group["drift"].shape == (50, 2)
    np.testing.assert_allclose(group["dcfi"][...], late[0], atol=1)


def test_a_field_at_rest_is_integrated_whole_and_a_short_series_too(tmp_path: Path) -> None:
    rapid = np.repeat(grey(view(2, 64, np.zeros((1, 2)))), 52, axis=0)
    handmade = Handmade(tmp_path)
    for name, frames, series in (("a1", 52, False), ("h1", 49, True)):
        record = handmade.converted(name, rapid[:frames])
        store = record.with_suffix(".zarr")
        result = integrate_acquisition(store, record, tmp_path / f"{name}.zarr", series=series)
        assert (result["frames"], result["first_frame"]) == (frames, 0)


def test_a_refused_conversion_refuses_the_integration(tmp_path: Path) -> None:
    record = Handmade(tmp_path).refused("converted/a1.json", "a1.emd: truncated")

    def stage() -> dict:
        store = record.with_suffix(".zarr")
        return integrate_acquisition(store, record, tmp_path / "dcfi.zarr", series=False)

    with pytest.raises(Refused, match=r"^a1\.emd: truncated$"):
        stage()
    write_record(tmp_path / "dcfi.json", stage)
    assert json.loads((tmp_path / "dcfi.json").read_text()) == {
        "status": "refused",
        "reason": "a1.emd: truncated",
    }
    assert not (tmp_path / "dcfi.zarr").exists()


def test_a_given_dcfi_is_taken_as_it_is(tmp_path: Path) -> None:
    files = make_files(tmp_path / "raw")
    given = np.random.default_rng(5).integers(0, 65536, (1, 64, 48), dtype=np.uint16)
    write_velox(tmp_path / "given.emd", given, SCAN, detector="DCFI")
    row = replace(files.row, dcfi=str(tmp_path / "given.emd"))
    converted, record = tmp_path / "a1.zarr", tmp_path / "a1.json"
    write_record(record, lambda: convert_acquisition(row, converted))
    result = integrate_acquisition(converted, record, tmp_path / "dcfi.zarr", series=False)
    assert result["computed"] is False
    group, _ = open_store(tmp_path / "dcfi.zarr")
    np.testing.assert_array_equal(group["dcfi"][...], given[0])
    assert group["drift"].shape == (4, 2)


def test_the_digest_follows_the_integrated_frames(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    rapid = grey(view(6, 64, np.zeros((3, 2))))
    spoilt = rapid.copy()
    spoilt[1, 30, 30] += 1000
    digests = []
    for name, frames in (("a", rapid), ("b", rapid), ("c", spoilt)):
        record = handmade.converted(name, frames)
        result = integrate_acquisition(
            record.with_suffix(".zarr"), record, tmp_path / f"{name}.zarr", series=False
        )
        digests.append(result["digest"])
    assert digests[0] == digests[1] != digests[2]
