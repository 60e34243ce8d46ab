"""Written files, read back by the reader that the project uses and by plain h5py."""

import json
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from rsciio.emd import file_reader

from stemjax.simulate.velox import ScanSettings, write_velox

SCAN = ScanSettings(
    dwell_us=0.1, line_time_us=79.2, pixel_size_nm=2.1, current_pa=50.0, started=1_700_000_000
)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 65536, (5, 48, 64), dtype=np.uint16)


@pytest.fixture(scope="module")
def path(frames: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("velox") / "stack.emd"
    write_velox(path, iter(frames), SCAN)
    return path


@pytest.mark.parametrize("lazy", [False, True], ids=["eager", "lazy"])
def test_rosettasciio_reads_the_frames_bit_by_bit(
    path: Path, frames: np.ndarray, lazy: bool
) -> None:
    (signal,) = file_reader(str(path), lazy=lazy)
    data = np.asarray(signal["data"])
    assert data.dtype == np.uint16
    np.testing.assert_array_equal(data, frames)


def test_rosettasciio_finds_title_pixel_size_and_frame_time(path: Path) -> None:
    (signal,) = file_reader(str(path), lazy=True)
    time, y, x = signal["axes"]
    assert signal["metadata"]["General"]["title"] == "BF"
    for axis in (y, x):
        assert (axis["units"], axis["scale"]) == ("nm", pytest.approx(2.1, rel=1e-9))
    factor = {"s": 1.0, "ms": 1e-3}[time["units"]]
    assert time["scale"] * factor == pytest.approx(48 * 79.2e-6, rel=1e-9)


def test_a_single_frame_reads_as_an_image(tmp_path: Path, frames: np.ndarray) -> None:
    write_velox(tmp_path / "one.emd", [frames[0]], SCAN, detector="HAADF")
    (signal,) = file_reader(str(tmp_path / "one.emd"), lazy=False)
    np.testing.assert_array_equal(np.squeeze(signal["data"]), frames[0])
    assert signal["metadata"]["General"]["title"] == "HAADF"


@pytest.mark.parametrize(
    ("shape", "chunk"), [((512, 512), (512, 512, 1)), ((2048, 2048), (512, 2048, 1))]
)
def test_chunks_are_one_frame_and_at_most_two_mebibytes(
    tmp_path: Path, shape: tuple[int, int], chunk: tuple[int, int, int]
) -> None:
    write_velox(tmp_path / "a.emd", [np.zeros(shape, np.uint16)], SCAN)
    with h5py.File(tmp_path / "a.emd") as file:
        (image,) = file["Data/Image"].values()
        assert image["Data"].chunks == chunk
        assert image["Data"].maxshape == (*shape, None)
        assert image["Data"].compression is None
        assert image["Metadata"].chunks == (60_000, 1)


def metadata(path: Path) -> list[dict]:
    """Parse each frame's JSON text, zero padded to 60,000 bytes."""
    with h5py.File(path) as file:
        (image,) = file["Data/Image"].values()
        columns = image["Metadata"][...].T
    return [json.loads(column.tobytes().rstrip(b"\0")) for column in columns]


def leaves(content: object) -> Iterator[object]:
    """Yield all values of nested mappings."""
    if isinstance(content, dict):
        for value in content.values():
            yield from leaves(value)
    else:
        yield content


def test_each_frame_says_how_it_was_scanned(path: Path) -> None:
    each = metadata(path)
    assert len(each) == 5
    for frame in each:
        assert all(isinstance(value, str) for value in leaves(frame))
        assert float(frame["Scan"]["DwellTime"]) == pytest.approx(1e-7)
        assert float(frame["Scan"]["LineTime"]) == pytest.approx(79.2e-6)
        assert frame["Scan"]["ScanSize"] == {"width": "64", "height": "48"}
        assert float(frame["BinaryResult"]["PixelSize"]["width"]) == pytest.approx(2.1e-9)
        assert float(frame["Optics"]["ScreenCurrent"]) == pytest.approx(50e-12)


def test_frames_are_stamped_with_whole_seconds(tmp_path: Path) -> None:
    scan = ScanSettings(5.0, 1e5, 2.1, 50.0, started=1000)  # 0.1 s a line
    write_velox(tmp_path / "slow.emd", [np.zeros((16, 8), np.uint16)] * 3, scan)
    stamps = [
        m["Acquisition"]["AcquisitionStartDatetime"]["DateTime"]
        for m in metadata(tmp_path / "slow.emd")
    ]
    assert stamps == ["1000", "1001", "1003"]  # frames of 1.6 s


def test_a_writer_that_fails_leaves_no_file(tmp_path: Path, frames: np.ndarray) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield frames[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_velox(tmp_path / "a.emd", broken(), SCAN)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_rewrite_leaves_the_earlier_file(tmp_path: Path, frames: np.ndarray) -> None:
    path = tmp_path / "a.emd"
    write_velox(path, frames, SCAN)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="at least one frame"):
        write_velox(path, [], SCAN)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
