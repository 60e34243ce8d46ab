"""One file restored outside the workflow, by the command that users run."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from ome_zarr_models.v05.image import Image

from stemjax.cli import main
from stemjax.config import UNet
from stemjax.restore.frames import bind, load_network
from stemjax.simulate.velox import ScanSettings, write_velox
from tests.handmade import Handmade, settings, straight

SCALE = {"rapid_offset": 3e4, "rapid_scale": 8e3, "target_offset": 25e3, "target_scale": 6e3}
SHAPE = (60, 20, 32)
FRAMES = np.random.default_rng(0).integers(20_000, 40_000, SHAPE).astype(np.uint16)
SCAN = ScanSettings(
    dwell_us=0.1, line_time_us=54.4, pixel_size_nm=2.1, current_pa=50.0, started=1_700_000_000
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep compiled networks out of the home folder, and threads as the tests have them."""
    monkeypatch.setattr("stemjax.restore.cache.keep_compiled", lambda: None)
    monkeypatch.setattr("stemjax.train.devices.use_threads", lambda threads: None)


@pytest.fixture
def handmade(tmp_path: Path) -> Handmade:
    """Write raw frames, a model that sees neighbours, and a map by 3 pixels."""
    handmade = Handmade(tmp_path)
    chosen = settings().model_copy(update={"unet": UNet(features=2, depth=1, context=3)})
    handmade.model("m", chosen, SCALE, last=0.1)
    handmade.map("monday", straight(32, 3.0), height=20)
    write_velox(tmp_path / "heating.emd", FRAMES, SCAN)
    return handmade


def restore(handmade: Handmade, output: str, *more: str) -> int:
    """Run ``stemjax restore``; with `more` options."""
    folder = handmade.results.parent
    model = str(handmade.results / "models/m")
    words = ["restore", str(folder / "heating.emd"), "--model", model, "-o", str(folder / output)]
    return main([*words, *more])


def test_a_file_is_restored_as_its_frames_are(handmade: Handmade) -> None:
    map_ = handmade.results / "distortion/monday.json"
    network = load_network(handmade.results / "models/m")
    assert restore(handmade, "out.zarr", "--map", str(map_)) == 0
    group = zarr.open_group(handmade.results.parent / "out.zarr", mode="r")
    expected = bind(network, straight(32, 3.0), 20)(FRAMES)
    np.testing.assert_array_equal(group["0"][...], expected)
    np.testing.assert_array_equal(group["mask"][...], [[False] * 29 + [True] * 3] * 20)
    (series,) = Image.from_zarr(group).attributes.ome.multiscales
    scale = series.datasets[0].coordinateTransformations[0].scale
    np.testing.assert_allclose(scale, [20 * 54.4e-6, 2.1, 2.1])
    about, record = group.attrs["stemjax"], json.loads(map_.read_text())
    assert (about["acquisition"], about["geometry"]) == ("heating", "slow")
    assert about["map"] == record["digest"]


def test_a_tiff_says_its_pixel_size_and_time(
    handmade: Handmade, capsys: pytest.CaptureFixture[str]
) -> None:
    assert restore(handmade, "out.tif") == 0
    said = capsys.readouterr().err
    assert "no --map is given: frames stay in rapid geometry" in said
    assert "restore: 60/60 in" in said
    network = load_network(handmade.results / "models/m")
    with tifffile.TiffFile(handmade.results.parent / "out.tif") as file:
        np.testing.assert_array_equal(file.asarray(), bind(network, straight(32), 20)(FRAMES))
        image = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]
    pixels = image["Pixels"]
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeXUnit"]) == (2.1, "nm")
    assert json.loads(image["Description"])["geometry"] == "rapid"
    assert pixels["TimeIncrement"] == pytest.approx(20 * 54.4e-6)


@pytest.mark.parametrize(
    ("output", "more", "line"),
    [
        ("out.png", [], "out.png: restored frames are written as .zarr or .tif"),
        ("heating.tif", [], "heating.tif exists already; remove it, or name another output"),
        ("out.tif", ["--map", "nowhere.json"], "nowhere.json holds no distortion map"),
        ("out.tif", ["--map", "bare"], "bare is no record of a map, it lacks 'digest'"),
        ("out.tif", ["--dwell-us", "-1"], "argument --dwell-us: invalid positive value: '-1'"),
        ("out.tif", ["--model", "nowhere"], "--model: 'nowhere' holds no finished model"),
        ("no/folder/out.tif", ["--map", "slower"], "its dwell_us is 0.1, that of the map slower"),
    ],
)
def test_mistakes_are_told_in_one_line_and_nothing_is_written(
    handmade: Handmade,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    output: str,
    more: list[str],
    line: str,
) -> None:
    folder = handmade.results.parent
    monkeypatch.chdir(folder)
    (folder / "heating.tif").write_bytes(b"precious")
    slower = json.loads((handmade.results / "distortion/monday.json").read_text())
    slower["scan"]["dwell_us"] = 5.0
    (folder / "slower").write_text(json.dumps(slower))
    (folder / "bare").write_text(json.dumps({k: v for k, v in slower.items() if k != "digest"}))
    before = sorted(folder.rglob("*"))
    assert restore(handmade, output, *more) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("error: ")
    assert line in said
    assert sorted(folder.rglob("*")) == before
    assert (folder / "heating.tif").read_bytes() == b"precious"


@pytest.mark.parametrize("output", ["out.zarr", "out.tif"])
def test_a_frame_that_cannot_be_used_leaves_nothing_half_written(
    handmade: Handmade, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    folder = handmade.results.parent
    frames = FRAMES.copy()
    frames[55] = 7
    write_velox(folder / "heating.emd", frames, SCAN)
    before = sorted(path for path in folder.rglob("*"))
    assert restore(handmade, output) == 1
    assert "heating.emd: frame 56 is 7 everywhere" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


def test_a_file_that_is_not_there_is_told(
    handmade: Handmade, capsys: pytest.CaptureFixture[str]
) -> None:
    (handmade.results.parent / "heating.emd").unlink()
    assert restore(handmade, "out.tif") == 1
    assert capsys.readouterr().err.endswith("heating.emd: there is no such file\n")
