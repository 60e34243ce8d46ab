"""Metadata of every frame of a Velox stack."""

import json
from pathlib import Path

import h5py
import numpy as np

from stemjax.io.velox import frame_metadata


def stack(path: Path, texts: list[dict]) -> h5py.File:
    """Write a stack's metadata as Velox does: one JSON text per column, padded with zeros."""
    file = h5py.File(path, "w")
    columns = [np.frombuffer(json.dumps(t).encode().ljust(300, b"\0"), np.uint8) for t in texts]
    file["image/Metadata"] = np.stack(columns, axis=1)
    return file


def test_numbers_that_vary_are_kept_by_dotted_key(tmp_path: Path) -> None:
    texts = [
        {"Scan": {"DwellTime": "1.0e-07"}, "Drift": {"A13": {"type": "double", "value": value}}}
        for value in ("0", "-2.5e-005", "3e-4")
    ]
    with stack(tmp_path / "a.h5", texts) as file:
        found = frame_metadata(file["image"], 3)
    assert list(found) == ["Drift.A13.value"]
    np.testing.assert_array_equal(found["Drift.A13.value"], [0.0, -2.5e-5, 3e-4])


def test_a_key_that_comes_and_goes_is_not_a_number_there(tmp_path: Path) -> None:
    with stack(tmp_path / "a.h5", [{"Stage": {"x": "1"}}, {"Stage": {"y": "2"}}]) as file:
        found = frame_metadata(file["image"], 2)
    np.testing.assert_array_equal(found["Stage.x"], [1.0, np.nan])
    np.testing.assert_array_equal(found["Stage.y"], [np.nan, 2.0])


def test_words_and_constants_are_left_to_the_first_frame(tmp_path: Path) -> None:
    texts = [{"Core": {"Name": word, "Version": "7"}} for word in ("a", "b")]
    with stack(tmp_path / "a.h5", texts) as file:
        assert frame_metadata(file["image"], 2) == {}


def test_the_drift_terms_of_a_real_file(realdata: Path) -> None:
    with h5py.File(realdata / "velox_v04_haadf_si_5frames.emd") as file:
        (image,) = file["Data/Image"].values()
        found = frame_metadata(image, image["Data"].shape[2])
    drift = found["CustomProperties.Scan.ScanTransformation.A13.value"]
    np.testing.assert_allclose(drift[1], -2.65e-5, rtol=0.01)
    assert len(drift) == 5
