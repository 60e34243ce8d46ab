"""What cannot be used is refused with one line that names the file, and never by a crash."""

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import h5py
import numpy as np
import pytest

from stemjax.errors import Refused
from stemjax.io.checks import check_block
from stemjax.io.convert import convert_acquisition
from stemjax.io.raw import pick_rapid, pick_still
from stemjax.simulate.velox import write_velox
from tests.io.cases import BAD_INPUTS, Bad, tiff_plain
from tests.io.velox_files import SCAN, Files, add_image, noise

NOBODY = 65534


def caused_by(error: OSError) -> ValueError:
    """Stand for a reader that tells an error in its own words."""
    told = ValueError("cannot read")
    told.__cause__ = error
    return told


@pytest.mark.parametrize("bad", BAD_INPUTS, ids=lambda each: each.name)
def test_it_is_refused_in_one_line_that_names_the_file(
    bad: Bad, files: Files, tmp_path: Path
) -> None:
    row = bad.make(files)
    with pytest.raises(Refused) as refusal:
        convert_acquisition(row, tmp_path / "result.zarr")
    message = str(refusal.value)
    assert bad.message in message
    assert message.startswith((row.rapid, row.slow or row.rapid))
    assert "\n" not in message


@pytest.mark.parametrize("place", ["checks.np.ascontiguousarray", "raw._check_start"])
@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.EIO, "Input/output error"),
        caused_by(OSError(errno.ESTALE, "Stale file handle")),
    ],
)
def test_errors_of_the_machine_are_not_held_against_the_file(
    files: Files, tmp_path: Path, place: str, error: Exception
) -> None:
    """The job fails and is tried again; a refusal would stay until the file changes."""
    with patch(f"stemjax.io.{place}", side_effect=error), pytest.raises(type(error)):
        convert_acquisition(files.row, tmp_path / "result.zarr")


def test_a_file_that_may_not_be_read_is_refused(files: Files) -> None:
    code = (
        "import sys\n"
        "from stemjax.errors import Refused\n"
        "from stemjax.io.raw import read_images\n"
        f"import os; os.getuid() or os.setuid({NOBODY})\n"
        "try:\n"
        "    read_images(sys.argv[1])\n"
        "except Refused as refusal:\n"
        "    print(refusal)"
    )
    path = Path(files.row.rapid)
    for folder in (path.parent, *path.parent.parents):
        if folder.owner() != "root" or folder.name.startswith("pytest"):
            folder.chmod(folder.stat().st_mode | 0o055)  # so that only the file is the hurdle
        if folder.name.startswith("pytest-of"):
            break
    path.chmod(0o200)
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=root, capture_output=True, text=True
    )
    assert run.stdout.strip() == f"{path}: may not be read by this user; give it read permission", (
        run.stderr
    )


def test_one_frame_is_accepted_with_a_warning(files: Files, tmp_path: Path) -> None:
    write_velox(files.row.rapid, noise(0, 1, 64, 48), SCAN)
    record = convert_acquisition(files.row, tmp_path / "result.zarr")
    assert record["warnings"] == [
        f"{files.row.rapid}: holds one frame only; a series has at least two"
    ]


def test_pixel_sizes_within_a_percent_agree(files: Files, tmp_path: Path) -> None:
    write_velox(files.row.slow, noise(1, 1, 64, 48), replace(SCAN, pixel_size_nm=2.12))
    assert convert_acquisition(files.row, tmp_path / "result.zarr")["slow"]


def test_some_saturated_pixels_are_accepted() -> None:
    block = noise(0, 2, 64, 48)
    block[:, :32] = 65535  # and the corner, as noise always has it
    block[:, 0, 0] = 0
    check_block("a.emd", block)
    block[1, 32] = 65535
    with pytest.raises(Refused, match="frame 2 is saturated in 52%"):
        check_block("a.emd", block)


def test_frames_are_counted_from_the_series_start() -> None:
    block = noise(0, 2, 64, 48)
    block[1] = 0
    with pytest.raises(Refused, match="frame 52 is 0 everywhere"):
        check_block("a.emd", block, first=50)


def test_few_counts_are_not_taken_for_saturation() -> None:
    check_block("a.mrc", (noise(0, 2, 64, 48) > 60_000).astype(np.uint16))


def test_the_slow_scan_is_the_single_frame_of_longest_dwell(tmp_path: Path) -> None:
    path = tmp_path / "all.emd"
    write_velox(path, noise(0, 4, 64, 48), SCAN)
    add_image(str(path), "HAADF", noise(1, 1, 64, 48))
    image = pick_still(str(path), dcfi=False)
    assert (image.title, len(image.frames)) == ("HAADF", 1)


def test_of_images_alike_the_dwell_time_decides(files: Files) -> None:
    long = noise(2, 4, 64, 48)
    other = files.row.slow
    write_velox(other, long, replace(SCAN, dwell_us=5.0))
    with h5py.File(other) as source, h5py.File(files.row.rapid, "r+") as file:
        for group in ("Data/Image", "Operations/StemInputOperation"):
            (name,) = source[group]
            source.copy(f"{group}/{name}", file[group])
    assert pick_rapid(files.row.rapid).dwell_us == pytest.approx(0.1)
    slow = pick_still(files.row.rapid, dcfi=False)
    assert slow.dwell_us == pytest.approx(5.0)
    np.testing.assert_array_equal(slow.frames.compute(), long)


def test_images_of_one_title_are_told_by_their_number(tmp_path: Path) -> None:
    path = tmp_path / "twice.emd"
    write_velox(path, noise(0, 1, 64, 48), SCAN)
    add_image(str(path), "BF", noise(1, 1, 64, 48))
    found = [pick_still(f"{path}::{name}", dcfi=False) for name in ("BF#1", "BF#2", "#1", "#2")]
    means = [image.frames.compute().mean() for image in found]
    assert means[0] != means[1]
    assert means[:2] == means[2:]
    for name in ("BF#3", "BF#0", "HAADF#1"):
        with pytest.raises(Refused, match="no slow scan found"):
            pick_still(f"{path}::{name}", dcfi=False)


def test_a_folder_is_not_a_tiff_file(tmp_path: Path) -> None:
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(Refused, match=r"a\.tif: cannot be read as a TIFF file"):
        pick_still(str(tmp_path / "a.tif"), dcfi=False)


def test_a_zarr_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(Refused, match=r"a\.zarr: cannot be read as an OME-Zarr folder"):
        pick_still(str(tmp_path / "a.zarr"), dcfi=False)


def test_folders_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode("Läufe $HOME `x`".encode())
    folder.mkdir()
    tiff_plain(folder / "a b.tif", noise(0, 1, 64, 48))
    assert len(pick_still(str(folder / "a b.tif"), dcfi=False).frames) == 1
