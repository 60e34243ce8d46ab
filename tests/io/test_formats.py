"""Every format gives back the recorded values, native, in nanometres and seconds, lazily."""

from pathlib import Path

import numpy as np
import pytest
import rsciio.digitalmicrograph
import rsciio.tia

from stemjax.io.convert import convert_acquisition
from stemjax.io.raw import pick_rapid, read_images
from stemjax.io.store import open_store
from stemjax.sheet import Acquisition
from tests.io.cases import DWELL_US, FORMATS, FRAME_S, PIXEL_NM, Format, ser
from tests.io.velox_files import Files, noise


@pytest.fixture(params=FORMATS, ids=lambda each: each.name)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Format, Path, np.ndarray]:
    path = tmp_path / f"an $(odd) 'näme'; #1{request.param.suffix}"
    frames = noise(0, 3, 64, 48).astype(request.param.dtype)
    request.param.write(path, frames)
    return request.param, path, frames


Written = tuple[Format, Path, np.ndarray]


def test_the_values_and_their_type_are_those_recorded(written: Written) -> None:
    _, path, frames = written
    image = pick_rapid(str(path))
    assert image.frames.dtype == frames.dtype
    assert image.frames.dtype.isnative
    got = image.frames.compute()
    assert got.dtype == frames.dtype
    np.testing.assert_array_equal(got, frames)


def test_one_frame_is_read_at_a_time(written: Written) -> None:
    image = pick_rapid(str(written[1]))
    assert image.frames.chunks == ((1, 1, 1), (64,), (48,))


def test_scales_are_told_in_nanometres_and_seconds_or_not_at_all(written: Written) -> None:
    about, path, _ = written
    image = pick_rapid(str(path))
    frame_s = 64 * 32.8e-6 if about.suffix == ".emd" else FRAME_S
    expected = {
        "pixel": (image.pixel_size_nm, PIXEL_NM),
        "dwell": (image.dwell_us, DWELL_US),
        "frame": (image.frame_time_s, frame_s),
    }
    for key, (got, value) in expected.items():
        if key in about.tells:
            assert got == pytest.approx(value), key
        else:
            assert got is None, key


def test_it_is_converted(written: Written, tmp_path: Path) -> None:
    _, path, frames = written
    row = Acquisition("a", "s", "series", str(path), pixel_size_nm=9.0, dwell_us=0.1)
    record = convert_acquisition(row, tmp_path / "result.zarr")
    assert (record["frames"], record["shape"], record["warnings"]) == (3, [64, 48], [])
    group, about = open_store(tmp_path / "result.zarr")
    np.testing.assert_array_equal(group["rapid"][...], frames)
    assert len(about["sources"]["rapid"]["sha256"]) == 64


def test_a_store_of_our_own_can_be_converted_again(files: Files, tmp_path: Path) -> None:
    first = convert_acquisition(files.row, tmp_path / "first.zarr")
    path = str(tmp_path / "first.zarr")
    row = Acquisition("a", "s", "train", path, path)
    second = convert_acquisition(row, tmp_path / "second.zarr")
    assert second["digest"] == first["digest"]
    assert second["scan"] == pytest.approx(first["scan"])


def test_ser_frames_are_those_rosettasciio_reads(tmp_path: Path) -> None:
    ser(tmp_path / "a_1.ser", noise(0, 3, 64, 48))
    (image,) = read_images(tmp_path / "a_1.ser")
    (signal,) = rsciio.tia.file_reader(str(tmp_path / "a_1.ser"))
    np.testing.assert_array_equal(image.frames.compute(), signal["data"])
    assert image.pixel_size_nm == pytest.approx(signal["axes"][-1]["scale"])


def test_a_real_eds_file_gives_its_whole_image_stack(realdata: Path, tmp_path: Path) -> None:
    path = realdata / "velox_v04_haadf_si_5frames.emd"
    record = convert_acquisition(
        Acquisition("a", "s", "series", str(path)), tmp_path / "result.zarr"
    )
    assert (record["frames"], record["shape"]) == (5, [16, 16])
    assert record["scan"]["dwell_us"] == pytest.approx(50)
    assert record["scan"]["line_time_us"] == pytest.approx(2_600)
    assert record["scan"]["frame_time_s"] == pytest.approx(0.0416)


def test_a_real_digiscan_image_tells_its_timing(realdata: Path, tmp_path: Path) -> None:
    path = realdata / "DMReader_Image_SI-Survey.dm3"
    row = Acquisition("a", "s", "series", str(path), pixel_size_nm=3.0)
    record = convert_acquisition(row, tmp_path / "result.zarr")
    assert record["warnings"] == [f"{path}: holds one frame only; a series has at least two"]
    assert record["scan"] == pytest.approx(
        {
            "pixel_size_nm": 3.0,  # the file has none
            "dwell_us": 31.5,
            "line_time_us": 512 * 31.5 + 500,
            "frame_time_s": 512 * (512 * 31.5 + 500) * 1e-6,
            "rotation_rad": np.deg2rad(328),
            "slow_dwell_us": None,
        }
    )
    (signal,) = rsciio.digitalmicrograph.file_reader(str(path))
    group, _ = open_store(tmp_path / "result.zarr")
    assert group["rapid"].dtype == np.uint32
    np.testing.assert_array_equal(group["rapid"][0], signal["data"])
