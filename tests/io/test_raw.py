"""Which image of a file is meant, and files that cannot be read."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from stemjax.errors import Refused
from stemjax.io.raw import pick_rapid, pick_still, read_images
from tests.io.velox_files import Files, add_image, edit_metadata, noise


def test_frames_are_read_one_at_a_time(files: Files) -> None:
    (image,) = read_images(files.row.rapid)
    assert image.frames.chunks == ((1, 1, 1, 1), (64,), (48,))
    np.testing.assert_array_equal(image.frames[2].compute(), files.rapid[2])


@pytest.mark.parametrize("pixel_m", ["5e-12", "2.1e-9", "5e-7", "3e-4"])
def test_pixel_sizes_are_in_nanometres_whatever_the_reader_chooses(
    files: Files, pixel_m: str
) -> None:
    size = {"width": pixel_m, "height": pixel_m}
    edit_metadata(files.row.rapid, lambda frame: frame["BinaryResult"].update(PixelSize=size))
    (image,) = read_images(files.row.rapid)
    assert image.pixel_size_nm == pytest.approx(float(pixel_m) * 1e9)


def test_velox_numbers_with_three_digits_in_the_exponent_are_read(files: Files) -> None:
    edit_metadata(files.row.rapid, lambda frame: frame["Scan"].update(DwellTime="2.5e-006"))
    assert read_images(files.row.rapid)[0].dwell_us == pytest.approx(2.5)


def test_the_longest_stack_is_taken_for_the_rapid_frames(files: Files) -> None:
    add_image(files.row.rapid, "HAADF", noise(5, 2, 64, 48))
    image = pick_rapid(files.row.rapid)
    assert image.title == "BF"
    np.testing.assert_array_equal(image.frames.compute(), files.rapid)


def test_two_stacks_of_one_length_are_ambiguous_until_one_is_named(files: Files) -> None:
    path, haadf = files.row.rapid, noise(5, 4, 64, 48)
    add_image(path, "HAADF", haadf)
    with pytest.raises(Refused, match=r"which is the rapid stack") as refusal:
        pick_rapid(path)
    for part in (f"{path}::TITLE", "'BF' (4 x 64 x 48, 0.1 us)", "'HAADF' (4 x 64 x 48, 0.1 us)"):
        assert part in str(refusal.value)
    np.testing.assert_array_equal(pick_rapid(f"{path}::HAADF").frames.compute(), haadf)
    np.testing.assert_array_equal(pick_rapid(f"{path}::BF").frames.compute(), files.rapid)


def test_a_title_that_is_not_there_is_refused_with_those_that_are(files: Files) -> None:
    with pytest.raises(Refused, match=r"::ABF: no rapid stack found; the file holds 'BF' \(4 x"):
        pick_rapid(f"{files.row.rapid}::ABF")


def test_a_dcfi_image_is_never_the_slow_scan(files: Files) -> None:
    add_image(files.row.slow, "DCFI", noise(6, 1, 64, 48))
    slow, dcfi = (pick_still(files.row.slow, dcfi=dcfi) for dcfi in (False, True))
    np.testing.assert_array_equal(slow.frames[0].compute(), files.slow)
    np.testing.assert_array_equal(dcfi.frames[0].compute(), noise(6, 1, 64, 48)[0])


def test_two_slow_scans_are_ambiguous_until_one_is_named(files: Files) -> None:
    add_image(files.row.slow, "HAADF", noise(6, 1, 64, 48))
    with pytest.raises(Refused, match="which is the slow scan"):
        pick_still(files.row.slow, dcfi=False)
    image = pick_still(f"{files.row.slow}::BF", dcfi=False)
    np.testing.assert_array_equal(image.frames[0].compute(), files.slow)


def test_a_file_of_dcfi_alone_has_no_rapid_stack(files: Files) -> None:
    with h5py.File(files.row.rapid, "r+") as file:
        (operation,) = file["Operations/StemInputOperation"].values()
        operation[0] = operation[0].replace(b'"BF"', b'"DCFI"')
    with pytest.raises(Refused, match="no rapid stack found; the file holds 'DCFI'"):
        pick_rapid(files.row.rapid)


def refusal(path: Path) -> str:
    with pytest.raises(Refused, match=re.escape(path.name)) as refused:
        read_images(path)
    return str(refused.value)


def test_a_file_of_another_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scan.bmp"
    path.write_bytes(b"BM")
    assert "'.bmp' are not read" in refusal(path)


def test_an_hdf5_file_that_is_not_from_velox_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.emd"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(3)
    assert "cannot be read as a Velox EMD file" in refusal(path)


def test_a_text_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.emd"
    path.write_text("not a microscope's file")
    assert "cannot be read as a Velox EMD file" in refusal(path)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(files: Files, tmp_path: Path, share: float) -> None:
    whole = Path(files.row.rapid).read_bytes()
    path = tmp_path / "cut.emd"
    path.write_bytes(whole[: int(share * len(whole))])
    assert "cannot be read as a Velox EMD file" in refusal(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "gone.emd")


def test_a_file_without_images_is_refused(files: Files) -> None:
    with h5py.File(files.row.rapid, "r+") as file:
        del file["Data/Image"]
        file.create_group("Data/Image")
    assert "holds no image" in refusal(Path(files.row.rapid))


def test_the_suffix_may_be_written_in_capitals(files: Files) -> None:
    path = Path(files.row.rapid).rename(Path(files.row.rapid).with_suffix(".EMD"))
    assert len(read_images(path)) == 1
