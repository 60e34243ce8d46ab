"""Conversion: the recorded values bit by bit, a valid OME-Zarr store, a digest, refusals."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from ome_zarr_models.v05 import Image

from stemjax.errors import Refused
from stemjax.io import convert
from stemjax.io.convert import convert_acquisition
from stemjax.io.store import open_store
from stemjax.records import write_record
from stemjax.sheet import Acquisition
from stemjax.simulate.velox import write_velox
from tests.io.velox_files import SCAN, Files, add_image, edit_metadata, make_files, noise


@pytest.fixture(scope="module")
def store(long_files: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("converted") / "a1.zarr"
    convert_acquisition(long_files.row, path)
    return path


def test_the_values_are_those_recorded(store: Path, long_files: Files) -> None:
    group, _ = open_store(store)
    for name, expected in (("rapid", long_files.rapid), ("slow", long_files.slow)):
        assert group[name].dtype == np.uint16
        np.testing.assert_array_equal(group[name][...], expected)


def test_the_store_is_valid_ome_zarr(store: Path) -> None:
    attributes = Image.from_zarr(zarr.open_group(store, mode="r")).ome_attributes
    assert attributes.version == "0.5"
    rapid, slow = attributes.multiscales
    assert [(axis.name, axis.unit) for axis in rapid.axes] == [
        ("t", "second"),
        ("y", "nanometer"),
        ("x", "nanometer"),
    ]
    (scale,) = rapid.datasets[0].coordinateTransformations
    assert scale.scale == pytest.approx([64 * 32.8e-6, 2.1, 2.1])
    assert [axis.name for axis in slow.axes] == ["y", "x"]


def test_fifty_frames_share_a_file(store: Path) -> None:
    files = [path for path in (store / "rapid" / "c").rglob("*") if path.is_file()]
    assert len(files) == 3  # 120 frames
    array = zarr.open_array(store / "rapid", mode="r")
    assert (array.chunks, array.shards) == ((1, 64, 48), (50, 64, 48))
    assert array.metadata.dimension_names == ("t", "y", "x")


def test_the_store_keeps_the_first_frames_vendor_metadata(store: Path) -> None:
    _, about = open_store(store)
    vendor = about["vendor"]["rapid"]
    assert vendor["Scan"]["DwellTime"] == "1.000000000e-07"
    assert vendor["Detectors"]["Detector-0"]["Gain"] == "30"
    assert vendor["Acquisition"]["AcquisitionStartDatetime"]["DateTime"] == "1700000000"
    assert about["vendor"]["slow"]["Scan"]["DwellTime"] == "5.000000000e-06"


def test_the_store_names_its_sources_by_content(store: Path, long_files: Files) -> None:
    _, about = open_store(store)
    for column in ("rapid", "slow"):
        path = Path(getattr(long_files.row, column))
        assert about["sources"][column] == {
            "file": path.name,
            "title": None,
            "sha256": sha256(path.read_bytes()).hexdigest(),
        }


def test_the_record_tells_size_and_scan_settings(files: Files, tmp_path: Path) -> None:
    record = convert_acquisition(files.row, tmp_path / "a1.zarr")
    assert (record["frames"], record["shape"]) == (4, [64, 48])
    assert (record["slow"], record["dcfi"]) == (True, False)
    assert record["scan"] == pytest.approx(
        {
            "pixel_size_nm": 2.1,
            "dwell_us": 0.1,
            "line_time_us": 32.8,
            "frame_time_s": 64 * 32.8e-6,
            "rotation_rad": 0.5,
            "slow_dwell_us": 5.0,
        }
    )
    json.dumps(record, allow_nan=False)


def test_equal_content_has_an_equal_digest_wherever_it_lies(tmp_path: Path) -> None:
    digests = set()
    for place in ("here", "there"):
        made = make_files(tmp_path / place, name=place)
        digests.add(convert_acquisition(made.row, tmp_path / f"{place}.zarr")["digest"])
    assert len(digests) == 1


@pytest.mark.parametrize("column", ["rapid", "slow"])
def test_a_single_grey_level_changes_the_digest(files: Files, tmp_path: Path, column: str) -> None:
    other = tmp_path / "other.emd"
    shutil.copy(getattr(files.row, column), other)
    with h5py.File(other, "r+") as file:
        (image,) = file["Data/Image"].values()
        image["Data"][5, 7, -1] ^= 1
    rows = (files.row, replace(files.row, **{column: str(other)}))
    first, second = (
        convert_acquisition(row, tmp_path / f"{k}.zarr")["digest"] for k, row in enumerate(rows)
    )
    assert first != second


def test_converting_again_replaces_the_store(files: Files, tmp_path: Path) -> None:
    store = tmp_path / "a1.zarr"
    convert_acquisition(files.row, store)
    shorter = make_files(tmp_path / "shorter", frames=2)
    convert_acquisition(replace(shorter.row, slow="", role="series"), store)
    group, _ = open_store(store)
    assert set(group.array_keys()) == {"rapid", "time"}
    np.testing.assert_array_equal(group["rapid"][...], shorter.rapid)


@pytest.mark.parametrize("lost", ["per_frame", "per_frame/gain", "slow", "time", "."])
def test_a_store_that_a_killed_job_left_is_mended(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """It was killed between removing an earlier conversion and writing its own."""
    varying = {"gain": np.arange(3.0), "offset": np.arange(3.0)}
    monkeypatch.setattr(convert, "_per_frame", lambda *_: varying)
    store = tmp_path / "a1.zarr"
    first = convert_acquisition(files.row, store)
    (store / lost / "zarr.json").unlink()
    assert convert_acquisition(files.row, store) == first
    kept = open_store(store)[0]["per_frame"]
    assert sorted(kept) == sorted(varying)
    np.testing.assert_array_equal(kept["gain"][...], varying["gain"])


def test_a_series_without_slow_scan_says_so(files: Files, tmp_path: Path) -> None:
    row = replace(files.row, slow="", role="series")
    record = convert_acquisition(row, tmp_path / "a1.zarr")
    assert record["slow"] is False
    assert record["scan"]["slow_dwell_us"] is None


def test_a_given_dcfi_is_kept_and_of_a_running_series_the_last(
    files: Files, tmp_path: Path
) -> None:
    running = noise(3, 5, 64, 48)
    write_velox(tmp_path / "dcfi.emd", running, SCAN, detector="DCFI")
    row = replace(files.row, dcfi=str(tmp_path / "dcfi.emd"))
    record = convert_acquisition(row, tmp_path / "a1.zarr")
    assert record["dcfi"] is True
    group, _ = open_store(tmp_path / "a1.zarr")
    np.testing.assert_array_equal(group["dcfi"][...], running[-1])


def test_one_file_can_hold_frames_and_their_dcfi(files: Files, tmp_path: Path) -> None:
    running = noise(3, 9, 64, 48)  # more than there are rapid frames
    add_image(files.row.rapid, "DCFI", running)
    row = replace(files.row, dcfi=files.row.rapid)
    convert_acquisition(row, tmp_path / "a1.zarr")
    group, _ = open_store(tmp_path / "a1.zarr")
    np.testing.assert_array_equal(group["rapid"][...], files.rapid)
    np.testing.assert_array_equal(group["dcfi"][...], running[-1])


def test_file_names_may_hold_spaces_and_any_script(tmp_path: Path) -> None:
    made = make_files(tmp_path / "Läufe von heute", name="試料 №3 (100 °C)")
    store = tmp_path / "a1.zarr"
    convert_acquisition(made.row, store)
    group, about = open_store(store)
    np.testing.assert_array_equal(group["rapid"][...], made.rapid)
    assert about["sources"]["rapid"]["file"] == "試料 №3 (100 °C)-rapid.emd"


def test_a_missing_pixel_size_is_taken_from_the_sheet(files: Files, tmp_path: Path) -> None:
    edit_metadata(files.row.rapid, lambda frame: frame["BinaryResult"].pop("PixelSize"))
    row = replace(files.row, pixel_size_nm=1.7)
    record = convert_acquisition(row, tmp_path / "a1.zarr")
    assert record["scan"]["pixel_size_nm"] == 1.7


def test_a_missing_dwell_time_is_taken_from_the_sheet(files: Files, tmp_path: Path) -> None:
    edit_metadata(files.row.rapid, lambda frame: frame["Scan"].pop("DwellTime"))
    record = convert_acquisition(replace(files.row, dwell_us=0.2), tmp_path / "a1.zarr")
    assert record["scan"]["dwell_us"] == 0.2


def test_what_the_file_says_stands_above_the_sheet(files: Files, tmp_path: Path) -> None:
    row = replace(files.row, pixel_size_nm=9.9, dwell_us=9.9)
    scan = convert_acquisition(row, tmp_path / "a1.zarr")["scan"]
    assert (scan["pixel_size_nm"], scan["dwell_us"]) == pytest.approx((2.1, 0.1))


def test_without_line_time_lines_follow_at_once(files: Files, tmp_path: Path) -> None:
    edit_metadata(files.row.rapid, lambda frame: frame["Scan"].pop("LineTime"))
    scan = convert_acquisition(files.row, tmp_path / "a1.zarr")["scan"]
    assert scan["line_time_us"] == pytest.approx(4.8)  # 48 columns of 0.1 us


@pytest.mark.parametrize(
    ("group", "key", "column"),
    [("BinaryResult", "PixelSize", "pixel_size_nm"), ("Scan", "DwellTime", "dwell_us")],
)
def test_what_neither_file_nor_sheet_says_is_refused(
    files: Files, tmp_path: Path, group: str, key: str, column: str
) -> None:
    edit_metadata(files.row.rapid, lambda frame: frame[group].pop(key))
    with pytest.raises(Refused, match=rf"rapid\.emd: does not say its {column}; give it in the"):
        convert_acquisition(files.row, tmp_path / "a1.zarr")


def test_a_slow_scan_of_another_size_is_refused(files: Files, tmp_path: Path) -> None:
    write_velox(tmp_path / "other.emd", [noise(2, 32, 48)], SCAN)
    row = replace(files.row, slow=str(tmp_path / "other.emd"))
    with pytest.raises(Refused, match=r"other\.emd: 'BF' \(1 x 32 x 48.* rapid frames 'BF' \(4 x"):
        convert_acquisition(row, tmp_path / "results" / "a1.zarr")
    assert not (tmp_path / "results").exists()


def test_a_refused_acquisition_leaves_a_record_and_the_earlier_store(
    files: Files, tmp_path: Path
) -> None:
    store, record = tmp_path / "a1.zarr", tmp_path / "a1.json"
    write_record(record, lambda: convert_acquisition(files.row, store))
    assert json.loads(record.read_text())["status"] == "ok"
    broken = replace(files.row, rapid=str(tmp_path / "gone.emd"))
    write_record(record, lambda: convert_acquisition(broken, store))
    content = json.loads(record.read_text())
    assert content["status"] == "refused"
    assert "gone.emd" in content["reason"]
    np.testing.assert_array_equal(open_store(store)[0]["rapid"][...], files.rapid)


def test_a_real_scan_is_converted(realdata: Path, tmp_path: Path) -> None:
    path = realdata / "velox_v04_talos_haadf_512.emd"
    row = Acquisition("real", "s1", "series", str(path))
    record = convert_acquisition(row, tmp_path / "real.zarr")
    assert (record["frames"], record["shape"]) == (1, [512, 512])
    assert record["scan"]["pixel_size_nm"] == pytest.approx(5.302, abs=5e-4)
    assert record["scan"]["dwell_us"] == pytest.approx(20)
    assert record["scan"]["line_time_us"] == pytest.approx(11_800)
    assert record["scan"]["frame_time_s"] == pytest.approx(6.0416)
    group, _ = open_store(tmp_path / "real.zarr")
    assert group["rapid"].dtype == np.uint16
    with h5py.File(path) as file:
        (image,) = file["Data/Image"].values()
        np.testing.assert_array_equal(group["rapid"][0], image["Data"][:, :, 0])


def test_converting_does_not_import_jax(files: Files, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from stemjax.io.convert import convert_acquisition\n"
        "from stemjax.sheet import Acquisition\n"
        f"convert_acquisition({files.row!r}, {str(tmp_path / 'a1.zarr')!r})\n"
        "sys.exit('jax is imported' if 'jax' in sys.modules else 0)"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "a1.zarr").is_dir()


def test_ome_zarr_reads_it_back(files: Files, tmp_path: Path) -> None:
    convert_acquisition(files.row, tmp_path / "a1.zarr")
    location = parse_url(str(tmp_path / "a1.zarr"), mode="r")
    assert location is not None
    (node,) = Reader(location)()
    assert location.fmt.version == "0.5"
    np.testing.assert_array_equal(np.asarray(node.data[0]), files.rapid)
    ((scale,),) = node.metadata["coordinateTransformations"]
    record = convert_acquisition(files.row, tmp_path / "a1.zarr")["scan"]
    pixel = record["pixel_size_nm"]
    assert scale["scale"] == pytest.approx([record["frame_time_s"], pixel, pixel])


def test_what_varies_from_frame_to_frame_is_kept_over_time(files: Files, tmp_path: Path) -> None:
    """Velox stamps whole seconds; the time between frames comes from the frame time."""
    record = convert_acquisition(files.row, tmp_path / "a1.zarr")
    group, _ = open_store(tmp_path / "a1.zarr")
    frames = np.arange(record["frames"])
    np.testing.assert_allclose(group["time"][...], frames * record["scan"]["frame_time_s"])


def test_the_drift_terms_of_a_real_series_are_kept(realdata: Path, tmp_path: Path) -> None:
    path = str(realdata / "velox_v04_haadf_si_5frames.emd")
    convert_acquisition(Acquisition("si", "s", "series", path), tmp_path / "si.zarr")
    kept = open_store(tmp_path / "si.zarr")[0]["per_frame"]
    drift = kept["CustomProperties.Scan.ScanTransformation.A13.value"][...]
    np.testing.assert_allclose(drift[1], -2.65e-5, rtol=0.01)
